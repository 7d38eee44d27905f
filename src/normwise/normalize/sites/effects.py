r"""What a site does to every feature: its shift and scale among normal people, on arrays.

The model is that of ComBat (Johnson, Li and Rabinovic 2007, Biostatistics 8:118-127; for images of several
scanners Fortin et al. 2018, NeuroImage 167:104-120). With site i, person j and feature f::

    Y_ijf = alpha_f + x_ij' beta_f + sigma_f (gamma_if + delta_if e_ijf)

alpha, beta and sigma come from one regression on sites and demographics; gamma and delta are each site's mean
and standard deviation of what is left, Z. The empirical Bayes estimate shrinks each feature's gamma and delta
towards what the site does to its other features, the more the fewer people the site has. How sites differ
from one another, per feature, is in ``across_sites``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.sites.across_sites import SitePrior, fit_prior
from normwise.schema import FittedParts, check_parts

__all__ = ["CONSTANT", "SiteModel", "fit_sites", "shrink_effects", "site_effects"]

_STEPS = 200
_CONVERGED = 1e-8  # relative change of the estimates
CONSTANT = 1e-8
"""A site's variance this small beside everybody's is rounding: nothing to scale by."""


@dataclass(frozen=True)
class SiteModel:
    """The regression on sites and demographics, and each site's effect.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        alpha: the average over people of the sites' intercepts, at average demographics.
    slopes : ndarray of shape (k, n_features)
        beta, of the centred design columns.
    spread : ndarray of shape (n_features,)
        sigma; 1 for a feature that does not vary.
    design_center : ndarray of shape (k,)
        Mean of each design column.
    shift, scale : ndarray of shape (n_sites, n_features)
        gamma and delta, in units of sigma.
    prior : SitePrior or None
        The distribution across sites; None of a single one, and in models of 0.1.0.
    """

    mean: FloatArray
    slopes: FloatArray
    spread: FloatArray
    design_center: FloatArray
    shift: FloatArray
    scale: FloatArray
    prior: SitePrior | None = None

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a model of other features or sites than its parts say; see `normwise.schema.FittedParts`."""
        features = len(parts.array("mean", (None,)))
        columns = len(parts.array("design_center", (None,)))
        parts.array("slopes", (columns, features))
        parts.array("spread", (features,), low=1e-300)
        sites = len(parts.array("shift", (None, features)))
        parts.array("scale", (sites, features), low=1e-300)
        if vars(self).get("prior") is not None:
            check_parts(self.prior, allowed=SitePrior)
            fits = self.prior is not None and self.prior.center.shape == (features,)
            parts.expect("prior", holds=fits, instead="one of these features")

    def expected(self, design: FloatArray) -> FloatArray:
        """Return what is expected at the average site, of shape (n_people, n_features)."""
        expected: FloatArray = self.mean + (design - self.design_center) @ self.slopes
        return expected

    def departures(self, features: FloatArray, design: FloatArray) -> FloatArray:
        """Return Z, of shape (n_people, n_features)."""
        departures: FloatArray = (features - self.expected(design)) / self.spread
        return departures


def fit_sites(
    features: FloatArray, design: FloatArray, sites: npt.NDArray[np.intp], n_sites: int, *, shrink: bool
) -> SiteModel:
    """Fit the model on normal people.

    Parameters
    ----------
    features : ndarray of shape (n_people, n_features)
        Finite.
    design : ndarray of shape (n_people, k)
        Design columns of the demographics, without a constant.
    sites : ndarray of int of shape (n_people,)
        Site of each person, from 0; at least two people each.
    n_sites : int
        How many sites there are.
    shrink : bool
        Empirical Bayes, or each site's own mean and standard deviation.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sites = np.repeat([0, 1], 100)
    >>> features = rng.normal(size=(200, 8)) + 3.0 * sites[:, None]
    >>> model = fit_sites(features, np.zeros((200, 0)), sites, 2, shrink=True)
    >>> apart = (model.spread * (model.shift[1] - model.shift[0])).round(1)
    >>> bool(abs(apart - 3).max() < 0.5)
    True
    """
    values = np.asarray(features, dtype=np.float64)
    indicators = np.eye(n_sites)[sites]
    center = design.mean(axis=0)
    fitted = np.linalg.lstsq(np.hstack([indicators, design - center]), values)[0]
    intercepts, slopes = fitted[:n_sites], fitted[n_sites:]
    mean = indicators.mean(axis=0) @ intercepts
    left = values - indicators @ intercepts - (design - center) @ slopes
    spread = np.sqrt(np.square(left).mean(axis=0))
    constant = spread <= CONSTANT * np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
    spread[constant] = 1.0
    nothing = np.zeros((n_sites, values.shape[1]))
    model = SiteModel(mean, slopes, spread, center, nothing, np.ones_like(nothing))
    if n_sites == 1:
        return model  # one site is everybody's
    departures = model.departures(values, design)
    for site in range(n_sites):
        shift, scale = site_effects(departures[sites == site], shrink=shrink)
        model.shift[site], model.scale[site] = np.where(constant, 0.0, shift), np.where(constant, 1.0, scale)
    columns = np.hstack([indicators, design - center])
    inverse = np.linalg.pinv(columns.T @ columns)
    leverage = np.einsum("ij,jk,ik->i", columns, inverse, columns)
    residual_df = indicators.T @ (1.0 - leverage)
    if residual_df.sum() < 1.0 - CONSTANT:
        return model  # as many parameters as people: of spreads nothing is left
    return replace(
        model,
        prior=fit_prior(
            (intercepts - mean) / spread,
            indicators.T @ np.square(left / spread),
            residual_df,
            np.diag(inverse)[:n_sites],
            constant,
        ),
    )


def site_effects(departures: FloatArray, *, shrink: bool) -> tuple[FloatArray, FloatArray]:
    """Return shift and scale of one site.

    Parameters
    ----------
    departures : ndarray of shape (n_people, n_features)
        Z of the site's normal people, two at least.
    shrink : bool
        Empirical Bayes, or mean and standard deviation.

    Returns
    -------
    tuple of ndarray of shape (n_features,)
    """
    shift, variance = departures.mean(axis=0), departures.var(axis=0, ddof=1)
    if shrink:
        shift, variance = shrink_effects(shift, variance, len(departures))
    return shift, np.sqrt(np.where(variance > CONSTANT, variance, 1.0))


def shrink_effects(shift: FloatArray, variance: FloatArray, n_people: int) -> tuple[FloatArray, FloatArray]:
    """Shrink each feature's shift and variance towards those of the site's other features.

    A normal prior on the shifts and an inverse gamma prior on the variances, with the moments of the features
    at hand; the conditional posterior means are iterated (Johnson et al. 2007, section 3.2).

    Parameters
    ----------
    shift, variance : ndarray of shape (n_features,)
        Mean and variance (ddof 1) of Z at one site.
    n_people : int
        People at the site.

    Returns
    -------
    tuple of ndarray of shape (n_features,)

    Examples
    --------
    >>> shift, variance = np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.0, 1.5])
    >>> few, many = (shrink_effects(shift, variance, n)[0].round(2).tolist() for n in (2, 200))
    >>> few, many
    ([0.31, 1.0, 1.67], [0.0, 1.0, 1.99])
    """
    middle, width = shift.mean(), shift.var(ddof=1) if len(shift) > 1 else 0.0
    level, between = variance.mean(), variance.var(ddof=1) if len(variance) > 1 else 0.0
    if not level > 0.0:
        return shift, variance
    own_shift, own = shift, variance
    for _ in range(_STEPS):
        shrunken = (n_people * width * shift + own * middle) / (n_people * width + own)
        squares = (n_people - 1) * variance + n_people * np.square(shift - shrunken)
        if between > 0.0:
            shape = 2.0 + level**2 / between
            spread = (level * (shape - 1.0) + 0.5 * squares) / (0.5 * n_people + shape - 1.0)
        else:
            spread = np.full_like(variance, level)
        moved = np.abs(shrunken - own_shift).max() + np.abs(spread - own).max() / level
        own_shift, own = shrunken, spread
        if moved <= _CONVERGED:
            break
    return own_shift, own
