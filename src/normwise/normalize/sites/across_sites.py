r"""How sites differ from one another, and what a few people say about one of them, on arrays.

With Z the departures of `SiteModel` (site i, person j, feature f)::

    Z_ijf = gamma_if + delta_if e_ijf
    gamma_if ~ Student t(nu, center_f, variance_f)      delta_if^2 ~ level_f scale_df_f / chi^2(scale_df_f)

The distribution across the training sites is a prior for every site: one with many normal people goes its
own way, one with three is weighed against what sites are like, and of one with none nothing but the prior is
known. What is not known of a site is part of the spread in which its people are measured (the posterior
predictive distribution), and the departure is carried to the standard normal distribution by its quantile.

The variance across sites is a weighted moment estimate (DerSimonian and Laird 1986, Control Clin Trials
7:177-188), drawn towards that of all features by as much as features differ by chance alone (Smyth 2004,
Stat Appl Genet Mol Biol 3:3), where features that a site shifts together count as fewer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaincinv, zeta

from normwise.normalize.blocked.columns import FloatArray
from normwise.schema import FittedParts

__all__ = ["SiteEffect", "SitePrior", "fit_prior", "normal_quantile", "weigh", "weigh_without_each"]

_SHIFT_TAIL = 6.0  # degrees of freedom of the shifts' t: some sites lie far from all others
_EXCESS = 1.0 + 3.0 / (_SHIFT_TAIL - 4.0)  # by how much its kurtosis raises the variance of a variance
_EDGES = (0.0, 1e-8, 1e-6, 1e-4, 1e-3, 0.01, 0.04, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
"""Between these probabilities the t's mixing variable has one value, some for sites far from the others."""
_LEAST_DF, _MOST_DF = 4.5, 400.0  # of a site's variance
_MANY = 1e6  # degrees of freedom at which nothing is left to learn
_SMALLEST = 1e-3  # a variance this small beside the others' can't be distinguished from none


@dataclass(frozen=True)
class SiteEffect:
    """What one site does to each feature, and how well that is known.

    Attributes
    ----------
    shift, scale : ndarray of shape (..., n_features)
        Mean and standard deviation of the site's normal people, in units of `SiteModel.spread`.
    uncertainty : ndarray of shape (..., n_features) or None
        Standard deviation of the shift; None where shift and scale are taken as known.
    df : ndarray of shape (..., n_features) or None
        Degrees of freedom with which a person's spread is known.
    """

    shift: FloatArray
    scale: FloatArray
    uncertainty: FloatArray | None = None
    df: FloatArray | None = None

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse an effect that is none; see `normwise.schema.FittedParts`."""
        features = len(parts.array("shift", (None,)))
        parts.array("scale", (features,), low=1e-300)
        if vars(self).get("df") is not None or vars(self).get("uncertainty") is not None:
            parts.array("uncertainty", (features,), low=0.0)
            parts.array("df", (features,), low=1e-300)

    @property
    def is_none(self) -> bool:
        """Whether the site leaves every feature as it is."""
        return self.df is None and not self.shift.any() and bool((self.scale == 1.0).all())

    def harmonize(self, departures: FloatArray, unit: FloatArray) -> FloatArray:
        """Return the departures from the average site's expectation that a person there would have had.

        Parameters
        ----------
        departures : ndarray of shape (n_people, n_features)
            Z.
        unit : ndarray of shape (n_features,)
            `SiteModel.spread`.
        """
        if self.df is None or self.uncertainty is None:
            plain: FloatArray = unit * (departures - self.shift) / self.scale
            return plain
        spread = np.hypot(self.scale, self.uncertainty)
        return unit * normal_quantile((departures - self.shift) / spread, self.df)


@dataclass(frozen=True)
class SitePrior:
    """The distribution of shift and scale across the training sites, in units of `SiteModel.spread`.

    Attributes
    ----------
    center, variance : ndarray of shape (n_features,)
        Mean of the sites' shifts, and the variance of a further site's shift about it.
    shift_df : float
        Degrees of freedom with which the variance is known.
    level, scale_df : ndarray of shape (n_features,)
        A site's variance is ``level * scale_df / chi2(scale_df)``.
    n_sites : int
        Sites it was learnt from.
    """

    center: FloatArray
    variance: FloatArray
    shift_df: float
    level: FloatArray
    scale_df: FloatArray
    n_sites: int

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a distribution that no sites have; see `normwise.schema.FittedParts`."""
        features = len(parts.array("center", (None,)))
        parts.array("variance", (features,), low=0.0)
        parts.number("shift_df", low=1e-6)
        parts.array("level", (features,), low=1e-300)
        parts.array("scale_df", (features,), low=2.0)
        parts.whole("n_sites", 2)

    def features(self, part: slice) -> SitePrior:
        """Return the distribution of some of the features."""
        return replace(
            self,
            center=self.center[part],
            variance=self.variance[part],
            level=self.level[part],
            scale_df=self.scale_df[part],
        )

    def half_width(self, n_people: int) -> float:
        """Return the expected half-width of a 95 % interval around a W of 2, for the middle feature.

        Parameters
        ----------
        n_people : int
            Controls of a site, of which nothing else is known.
        """
        variance = self.level * self.scale_df / (self.scale_df - 2.0)
        shift = self.variance / (variance + n_people * self.variance)
        log_variance = 2.0 / (self.scale_df + max(n_people - 1, 0))
        # A scale that is off by a share moves a W of 2 by twice that share, and a variance by twice it too.
        return 1.96 * float(np.sqrt(np.median(shift + log_variance)))


def fit_prior(
    means: FloatArray,
    squares: FloatArray,
    residual_df: FloatArray,
    noise: FloatArray,
    constant: npt.NDArray[np.bool_],
) -> SitePrior:
    """Learn the distribution across sites.

    Parameters
    ----------
    means : ndarray of shape (n_sites, n_features)
        Each site's mean departure; two sites at least.
    squares : ndarray of shape (n_sites, n_features)
        Sum of squares about it.
    residual_df : ndarray of shape (n_sites,)
        Degrees of freedom of these, all together those of the regression.
    noise : ndarray of shape (n_sites,)
        Variance of a site's mean over that of its people: one over their number, and more where slopes
        are estimated.
    constant : ndarray of bool of shape (n_features,)
        Features in which people do not vary.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> means, squares = rng.normal(0.0, np.sqrt(0.5 + 0.05), (15, 200)), rng.chisquare(19.0, (15, 200))
    >>> prior = fit_prior(means, squares, np.full(15, 19.0), np.full(15, 0.05), np.zeros(200, dtype=bool))
    >>> bool(0.45 < prior.variance.mean() < 0.6), bool(abs(prior.level.mean() - 1.0) < 0.1)
    (True, True)
    """
    features, varied = means.shape[1], ~constant
    center, variance = np.zeros(features), np.zeros(features)
    level, scale_df = np.ones(features), np.full(features, _MANY)
    shift_df = _MANY
    if varied.any():
        df = np.maximum(residual_df, 0.5)
        pooled = squares[:, varied].sum(axis=0) / df.sum()
        own_center, between, of_center, known = _between(means[:, varied], noise, pooled)
        center[varied], variance[varied], shift_df = own_center, between + of_center, known / _EXCESS
        own = np.maximum(squares[:, varied] / df[:, None], _SMALLEST * pooled)
        logs = np.log(own) - (digamma(0.5 * df) - np.log(0.5 * df))[:, None]
        # trigamma(d / 2) is the variance of the logarithm of a variance with d degrees of freedom.
        _, between, of_center, _ = _between(logs, zeta(2.0, 0.5 * df), np.ones_like(pooled))
        scale_df[varied] = np.clip(_df_of_log_variance(between + of_center), _LEAST_DF, _MOST_DF)
        level[varied] = pooled * (scale_df[varied] - 2.0) / scale_df[varied]
    return SitePrior(center, variance, shift_df, level, scale_df, len(means))


def weigh(prior: SitePrior, n_people: int, mean: FloatArray, squares: FloatArray) -> SiteEffect:
    """Weigh a site's own people against what sites are like.

    Parameters
    ----------
    prior : SitePrior
        The distribution across sites.
    n_people : int
        Normal people of the site; 0 gives the prior.
    mean, squares : ndarray of shape (n_features,)
        Mean of their departures, and the sum of squares about it.

    Examples
    --------
    >>> one = np.ones(1)
    >>> prior = SitePrior(0 * one, 0.5 * one, 20.0, one, 20 * one, 20)
    >>> [float(weigh(prior, k, one, (k - 1) * one).shift[0].round(2)) for k in (3, 20, 400)]
    [0.53, 0.89, 0.99]
    >>> [float(weigh(prior, k, one, (k - 1) * one).uncertainty[0].round(2)) for k in (0, 3, 400)]
    [0.71, 0.47, 0.05]
    """
    if not n_people:
        df = _predictive_df(prior, prior.level, prior.scale_df, prior.variance, None)
        return SiteEffect(prior.center, np.sqrt(prior.level), np.sqrt(prior.variance), df)
    variance, df, noise = _own_variance(prior, n_people, squares)
    distance = np.square(mean - prior.center)
    total, first, second = np.zeros_like(mean), np.zeros_like(mean), np.zeros_like(mean)
    variances = _local_variances(prior)
    widest = variances[0][1] + noise
    for share, local in variances:
        at, own = local + noise, local / (local + noise)
        # In units of the density at the widest: of a site far from all others nothing underflows.
        density = share * np.sqrt(widest / at) * np.exp(0.5 * distance * (1.0 / widest - 1.0 / at))
        total, first, second = total + density, first + density * own, second + density * own**2
    weight = first / total
    scatter = np.maximum(second / total - weight**2, 0.0)
    of_shift = weight * noise + scatter * distance
    shift = prior.center + weight * (mean - prior.center)
    df = _predictive_df(prior, variance, df, of_shift, n_people)
    return SiteEffect(shift, np.sqrt(variance), np.sqrt(of_shift), df)


def weigh_without_each(
    prior: SitePrior, n_people: int, mean: FloatArray, squares: FloatArray, own: FloatArray
) -> SiteEffect:
    """Weigh a site's people without one of them, for each one: nobody is measured by their own values.

    Parameters
    ----------
    prior, n_people, mean, squares
        As for `weigh`: all people of the site, two at least.
    own : ndarray of shape (n_left_out, n_features)
        Departures of those who are left out in turn.

    Returns
    -------
    SiteEffect
        One row each. How far the site lies from the others follows from all of its people.
    """
    whole = weigh(prior, n_people, mean, squares)
    _, _, noise = _own_variance(prior, n_people, squares)
    away = mean - prior.center
    weight = np.divide(whole.shift - prior.center, away, out=np.ones_like(away), where=away != 0)
    weight = np.clip(weight, 0.0, 1.0 - 1e-9)
    local = np.where(prior.variance > 0, noise * weight / (1.0 - weight), 0.0)
    rest = n_people - 1
    others = (n_people * mean - own) / rest
    left = np.maximum(squares - n_people / rest * np.square(own - mean), 0.0)
    variance, df, noise = _own_variance(prior, rest, left)
    weight = local / (local + noise)
    of_shift = weight * noise
    df = _predictive_df(prior, variance, df, of_shift, rest)
    return SiteEffect(
        prior.center + weight * (others - prior.center), np.sqrt(variance), np.sqrt(of_shift), df
    )


def normal_quantile(t: FloatArray, df: FloatArray) -> FloatArray:
    """Return the standard normal deviate of the same tail probability as a Student t.

    Wallace (1959, Ann Math Statist 30:1121-1130), within .02 of the exact one at 2 for three degrees of
    freedom and more; monotone.

    Parameters
    ----------
    t : ndarray of shape (n_people, n_features)
        Student's t.
    df : ndarray of shape (n_features,) or (n_people, n_features)
        Degrees of freedom.

    Examples
    --------
    >>> normal_quantile(np.array([2.571, 2.086, -1.97]), np.array([5.0, 20.0, 200.0])).round(2)
    array([ 1.96,  1.96, -1.96])
    """
    size = np.square(t)
    size /= df
    np.log1p(size, out=size)
    size *= df
    np.sqrt(size, out=size)
    size *= (8.0 * df + 1.0) / (8.0 * df + 3.0)
    quantile: FloatArray = np.copysign(size, t)
    return quantile


def _own_variance(
    prior: SitePrior, n_people: int, squares: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a site's variance, its degrees of freedom, and the variance of its people's mean."""
    df = prior.scale_df + (n_people - 1)
    variance = (prior.scale_df * prior.level + squares) / df
    return variance, df, variance * df / (df - 2.0) / n_people


def _local_variances(prior: SitePrior) -> list[tuple[float, FloatArray]]:
    """Return the variances of the normal distributions that make up the shifts' t, with their shares."""
    df = 1.0 / (1.0 / _SHIFT_TAIL + 1.0 / prior.shift_df)
    scale = prior.variance * (1.0 - 2.0 / _SHIFT_TAIL)
    middles = [0.5 * (low + high) for low, high in pairwise(_EDGES)]
    mixing = np.maximum(gammaincinv(0.5 * df, middles) * 2.0 / df, 1e-9)
    return [
        (share, scale / value) for share, value in zip(np.diff(_EDGES).tolist(), mixing.tolist(), strict=True)
    ]


def _predictive_df(
    prior: SitePrior, variance: FloatArray, df: FloatArray, of_shift: FloatArray, n_people: int | None
) -> FloatArray:
    """Return the degrees of freedom of a person's spread, after Satterthwaite (1946).

    The spread is the site's variance plus that of its shift, which depends on the site's variance and on the
    variance across sites, each known with its own degrees of freedom.
    """
    by_own, by_prior = np.ones_like(variance), np.ones_like(variance)
    if n_people is not None:
        by_own = 1.0 + np.square(of_shift / variance) * n_people
        by_prior = np.divide(of_shift, prior.variance, out=np.zeros_like(of_shift), where=prior.variance > 0)
    known = np.square(by_own * variance) / df
    known += np.square(by_prior * of_shift) / prior.shift_df
    satterthwaite: FloatArray = np.square(variance + of_shift) / known
    return satterthwaite


def _between(
    estimates: FloatArray, noise: FloatArray, unit: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return mean and variance across sites, the variance of the mean, and the variance's df.

    Parameters
    ----------
    estimates : ndarray of shape (n_sites, n_features)
        One of each site.
    noise : ndarray of shape (n_sites,)
        Sampling variance of each.
    unit : ndarray of shape (n_features,)
        By which the noise is multiplied.
    """
    n_sites, n_features = estimates.shape
    df = n_sites - 1
    ratio = 1.0
    for _ in range(50):
        # One set of weights for all features, near the best one for each.
        weights = 1.0 / (ratio + noise)
        share = weights / weights.sum()
        inner = weights.sum() - (weights * share).sum()
        sampling = ((weights - weights * share) @ noise) / inner
        center = share @ estimates
        squares = np.square(estimates - center)
        total = weights @ squares / inner / unit
        before, ratio = ratio, max(float(total.mean()) - sampling, 1e-4)
        if abs(ratio - before) <= 1e-6 * before:
            break
    average = float(total.mean())
    alike = _alike(np.sqrt(weights)[:, None] * (estimates - center), df)
    width = 0.0 if n_features == 1 else _prior_df(np.log(np.maximum(total, _SMALLEST * average)), df, alike)
    drawn = width / (width + df)
    # What is drawn to has its own error, which features that go together share.
    relative = np.square(1.0 - drawn) / df + 2.0 * drawn * (1.0 - drawn) * alike / df
    relative += np.square(drawn) * (alike / df + (1.0 / width if width else 0.0))
    total = drawn * average + (1.0 - drawn) * total
    between = np.maximum(total - sampling, _SMALLEST * total) * unit
    of_center = np.square(share) @ (between + noise[:, None] * unit)
    return center, between, of_center, 1.0 / relative


def _alike(standard: FloatArray, df: int) -> float:
    """Return the mean squared correlation of two features across sites, a feature with itself included."""
    n_features = standard.shape[1]
    if df < 2 or n_features == 1:
        return 1.0
    length = np.sqrt(np.square(standard).sum(axis=0))
    unit = np.divide(standard, length, out=np.zeros_like(standard), where=length > 0)
    products = unit @ unit.T
    found = (float(np.square(products).sum()) - n_features) / (n_features * (n_features - 1.0))
    true = min(max((found - 1.0 / df) / (1.0 - 1.0 / df), 0.0), 1.0)
    return float(1.0 / n_features + (1.0 - 1.0 / n_features) * true)


def _prior_df(logs: FloatArray, df: int, alike: float) -> float:
    """Return with how many degrees of freedom the features' common variance speaks for each one's."""
    sampling = float(zeta(2.0, 0.5 * df)) * (1.0 - alike)
    beyond = float(logs.var(ddof=1)) - sampling
    return min(float(_df_of_log_variance(np.array(max(beyond, 1e-12)))), _MANY)


def _df_of_log_variance(spread: FloatArray) -> FloatArray:
    """Return the degrees of freedom with which the logarithm of a variance varies by so much.

    The inverse of trigamma(d / 2), with trigamma(x) = 1 / x + 1 / (2 x^2), within 3 % from d = 4.5 on.
    """
    df: FloatArray = (1.0 + np.sqrt(1.0 + 2.0 * spread)) / spread
    return df
