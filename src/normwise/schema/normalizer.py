"""``[normalizer]``: the regression of every feature on the demographics of the normal group."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from normwise.schema.section import Section

__all__ = ["NormalizerSection"]


class NormalizerSection(Section):
    """``[normalizer]``."""

    design: Literal["linear", "spline"] = Field("linear", description="form of numeric demographics")
    interactions: list[list[str]] = Field(
        default_factory=list, description="pairs of demographics to multiply"
    )
    scale: Literal["w", "residual"] = Field("w", description="W-scores, or the bare residual")
    variance: Literal["constant", "demographic"] = Field("constant", description="spread of the normals")
    reference: Literal["normal", "all"] = Field("normal", description="people on whom it is fitted")
    mode: Literal["replace", "append"] = Field(
        "replace", description="correct the features, or append demographics"
    )
