"""``[sites]``: scanners made comparable on the normal people of the training part alone."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from normwise.schema.section import Section

__all__ = ["SitesSection"]


class SitesSection(Section):
    """``[sites]``."""

    harmonize: Literal["none", "location_scale", "combat"] = Field(
        "none", description="how a site's shift and scale are taken out of the features"
    )
    unseen: Literal["refuse", "pooled", "own_normals"] = Field(
        "refuse", description="a site without training normals: no decision, as it is, or by its own normals"
    )
