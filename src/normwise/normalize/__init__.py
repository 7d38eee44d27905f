"""Remove from every feature what is normal for a person's demographics.

Its files:

* ``feature_normalizer``: `FeatureNormalizer`, the transformer.
* ``prepared``: `PreparedFeatures`, people read once for many fits.
* ``validation``: what is asked for, and what a saved normalizer holds, checked; who is normal.
* ``demographics``: columns read as numbers or as levels.
* ``design``: the columns of the regression, splines and interactions among them, learnt from the normals.
* ``support``: whether a person lies inside the normal group's range.
* ``tables``: values, expectations and coefficients as tables.
* ``blocked``: least squares of many features on arrays, block by block.
* ``reference``: `Reference`, a norm as sums over people, which add exactly, and its file.
* ``sites``: `SiteHarmonizer`, which makes scanners comparable before the normalizer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.normalize.blocked.regression import Regression
from normwise.normalize.demographics import Demographics
from normwise.normalize.feature_normalizer import FeatureNormalizer
from normwise.normalize.prepared import PreparedFeatures

if TYPE_CHECKING:
    from normwise.normalize.reference import (
        Measurement,
        NormalCounts,
        Reference,
        count_normals,
        digest_of,
        digest_of_sums,
        read_reference,
        read_sums,
        too_few_of_site,
        with_counts,
        write_reference,
    )
    from normwise.normalize.sites.card import SiteCard, measure_site, read_card, with_cards, write_card
    from normwise.normalize.sites.harmonizer import SiteHarmonizer
    from normwise.normalize.validation import BEYOND_SUMS, refuse_beyond_sums

__all__ = [
    "BEYOND_SUMS",
    "TRUSTED_TYPES",
    "Demographics",
    "FeatureNormalizer",
    "Measurement",
    "NormalCounts",
    "PreparedFeatures",
    "Reference",
    "Regression",
    "SiteCard",
    "SiteHarmonizer",
    "count_normals",
    "digest_of",
    "digest_of_sums",
    "measure_site",
    "read_card",
    "read_reference",
    "read_sums",
    "refuse_beyond_sums",
    "too_few_of_site",
    "with_cards",
    "with_counts",
    "write_card",
    "write_reference",
]

__getattr__ = on_use(
    __name__,
    {
        "BEYOND_SUMS": "validation",
        "Measurement": "reference",
        "NormalCounts": "reference",
        "Reference": "reference",
        "SiteCard": "sites.card",
        "SiteHarmonizer": "sites.harmonizer",
        "count_normals": "reference",
        "digest_of": "reference",
        "digest_of_sums": "reference",
        "measure_site": "sites.card",
        "read_card": "sites.card",
        "read_reference": "reference",
        "read_sums": "reference",
        "refuse_beyond_sums": "validation",
        "too_few_of_site": "reference",
        "with_cards": "sites.card",
        "with_counts": "reference",
        "write_card": "sites.card",
        "write_reference": "reference",
    },
)

TRUSTED_TYPES: tuple[str, ...] = (
    "normwise.normalize.design.Category",
    "normwise.normalize.design.Design",
    "normwise.normalize.design.Number",
    "normwise.normalize.feature_normalizer.FeatureNormalizer",
    "normwise.normalize.sites.harmonizer.SiteHarmonizer",
    "normwise.normalize.sites.harmonizer.UnseenSite",
    "normwise.normalize.sites.effects.SiteModel",
    "normwise.normalize.sites.across_sites.SitePrior",
    "normwise.normalize.blocked.regression.Regression",
    "normwise.normalize.blocked.tails.Tails",
    "normwise.normalize.blocked.variance.LogVariance",
)
"""Names of this package's types in a saved model, for the allow-list that opens it."""
