r"""Slopes shrunk towards what is common to all features: empirical Bayes.

Each slope of a feature, in the orthonormal coordinates of the design and divided by the feature's spread, is
the true one plus noise of variance 1, which is shared by everybody of the same demographics: patients who are
older carry the same error, and a classifier finds it. With hundreds of features their slopes are a sample of
what slopes are, and the prior is estimated from it (Efron and Morris 1972, *Biometrika* 59:335-347)::

    z_j = b_j / s_j     z_j | beta_j ~ N(beta_j, I)     beta_j ~ N(m, S)
    E[beta_j | z_j] = m + A (z_j - m),   A = S (S + I)^-1

Features that resemble one another share their noise, so that the mean of all has a variance v of its own, and
the noise within the features is 1 - v of it.
"""

from __future__ import annotations

import numpy as np

from normwise.normalize.blocked.columns import FloatArray

__all__ = ["shrink_slopes"]


def shrink_slopes(
    slopes: FloatArray, degrees_of_freedom: int, mean_variance: float
) -> tuple[FloatArray, FloatArray]:
    """Return the posterior means of standardized slopes, and their uncertainty.

    Parameters
    ----------
    slopes : ndarray of shape (q, n_features)
        Least-squares slopes in orthonormal coordinates, each divided by its feature's spread.
    degrees_of_freedom : int
        Of the spreads; without more than 2 nothing is shrunk.
    mean_variance : float
        Variance of the noise in the mean slope: that of the normals' residuals, divided by their spreads and
        averaged over the features. 1 for one feature, 1 / n for n that are independent.

    Returns
    -------
    slopes : ndarray of shape (q, n_features)
        One feature keeps its slopes; where slopes differ by noise alone, all have their mean.
    uncertainty : ndarray of shape (q, q)
        Covariance of the error of any feature's slopes, the identity where nothing is shrunk:
        ``A + v (I - A)^2``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(1, 4000))
    >>> shrunk, uncertainty = shrink_slopes(noise, 100, 1 / 4000)
    >>> bool(np.abs(shrunk).max() < 0.3), bool(uncertainty[0, 0] < 0.1)
    (True, True)
    """
    identity = np.eye(len(slopes))
    if degrees_of_freedom <= 2 or not slopes.size:
        return slopes, identity
    # Dividing by an estimated spread widens the noise, as Student's t is wider than the normal distribution.
    noise = degrees_of_freedom / (degrees_of_freedom - 2)
    mean = slopes.mean(axis=1, keepdims=True)
    apart = slopes - mean
    scatter = apart @ apart.T / slopes.shape[1]
    values, vectors = np.linalg.eigh(scatter - noise * (1.0 - mean_variance) * identity)
    true = np.maximum(values, 0.0)
    factor = (vectors * (true / (true + noise))) @ vectors.T
    rest = identity - factor
    return mean + factor @ apart, factor + mean_variance * rest @ rest
