"""The normalize room: take out of every feature what is normal for a person's demographics.

Its files, as data walks::

    settings      what is asked for, checked; who is normal
    demographics  columns read as numbers or as levels
    spline        natural cubic splines of a number
    design        the columns of the regression, learnt from the normals
    people        people as coordinates; what the normals teach about a feature
    blocks        a feature matrix read in pieces, never copied whole
    kernels       arithmetic on one block while it lies in cache
    blockwise     the regression of one block
    passes        one walk over all the blocks
    variance      a spread that depends on demographics
    regression    the mathematics: fit and standardize, on arrays
    statistics    sums that add and subtract, so that folds share one pass
    support       is this person inside the normal group's range?
    tables        what it says of people, and the normal course
    course        everything that a fitted normalizer can be asked
    estimator     the scikit-learn transformer around it all
    refits        W-scores for many normal groups out of one matrix
    harmonize_effects  what a site does to every feature, on arrays
    harmonize     scanners made comparable, a step before the normalizer
"""

from normwise.normalize.feature_normalizer import FeatureNormalizer
from normwise.normalize.relabelling import Refits
from normwise.normalize.sites.harmonizer import SiteHarmonizer

__all__ = ["TRUSTED_TYPES", "FeatureNormalizer", "Refits", "SiteHarmonizer"]

TRUSTED_TYPES: tuple[str, ...] = (
    "normwise.normalize.design.Category",
    "normwise.normalize.design.Design",
    "normwise.normalize.design.Number",
    "normwise.normalize.feature_normalizer.FeatureNormalizer",
    "normwise.normalize.sites.harmonizer.SiteHarmonizer",
    "normwise.normalize.sites.effects.SiteModel",
    "normwise.normalize.blocked.regression_model.Regression",
    "normwise.normalize.variance.LogVariance",
)
"""Names of this room's types in a saved model, for the allow-list that opens it."""
