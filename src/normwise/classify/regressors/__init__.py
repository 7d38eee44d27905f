"""Regressors: estimators of a number from rows of features, beside the classifiers.

- ``base``: `Regressor`, which a new regressor derives from
- ``linear``: least squares by the normal equation or by gradient descent, and with a ridge penalty
- ``svr``, ``forest``, ``neural``, ``conv``: one regressor each

Their registry is `normwise.classify.REGRESSORS`.
"""

from normwise.classify.regressors.base import Regressor

__all__ = ["Regressor"]
