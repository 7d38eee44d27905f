"""Remove from every feature what is normal for a person's demographics.

Its files:

* ``feature_normalizer``: `FeatureNormalizer`, the transformer, and `PreparedFeatures` for many fits.
* ``validation``: what is asked for, and what a saved normalizer holds, checked; who is normal.
* ``demographics``: columns read as numbers or as levels.
* ``design``: the columns of the regression, splines and interactions among them, learnt from the normals.
* ``support``: whether a person lies inside the normal group's range.
* ``tables``: values, expectations and coefficients as tables.
* ``blocked``: least squares of many features on arrays, block by block.
* ``sites``: `SiteHarmonizer`, which makes scanners comparable before the normalizer.
"""

from normwise.normalize.blocked.regression import Regression
from normwise.normalize.feature_normalizer import FeatureNormalizer, PreparedFeatures
from normwise.normalize.sites.harmonizer import SiteHarmonizer

__all__ = ["TRUSTED_TYPES", "FeatureNormalizer", "PreparedFeatures", "Regression", "SiteHarmonizer"]

TRUSTED_TYPES: tuple[str, ...] = (
    "normwise.normalize.design.Category",
    "normwise.normalize.design.Design",
    "normwise.normalize.design.Number",
    "normwise.normalize.feature_normalizer.FeatureNormalizer",
    "normwise.normalize.sites.harmonizer.SiteHarmonizer",
    "normwise.normalize.sites.harmonizer.UnseenSite",
    "normwise.normalize.sites.effects.SiteModel",
    "normwise.normalize.blocked.regression.Regression",
    "normwise.normalize.blocked.tails.Tails",
    "normwise.normalize.blocked.variance.LogVariance",
)
"""Names of this package's types in a saved model, for the allow-list that opens it."""
