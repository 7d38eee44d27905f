"""``[selection]``: which features the classifier is given, chosen anew inside every training part."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from normwise.schema.section import Section

__all__ = ["SelectionSection"]


class SelectionSection(Section):
    """``[selection]``."""

    name: Literal["none", "l1", "univariate", "mutual_information", "mrmr"] = Field(
        "none", description="how features are chosen"
    )
    features: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="how many are kept; several are tuned; default: 10, 30 and 100"
    )
