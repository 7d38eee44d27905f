"""Where finished work is kept: one cache for all runs of a user, or of everybody who is given its folder."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

from normwise.engine.cache import unusable
from normwise.errors import NormwiseWarning

__all__ = ["ELSEWHERE", "VARIABLE", "cache_place", "choose_cache", "chosen_cache"]

VARIABLE = "NORMWISE_CACHE"
"""Environment variable with the folder of the cache."""

ELSEWHERE = "ENG-305"
"""Code of the warning that results are kept in the run's own folder instead."""


def chosen_cache(given: Path | None = None) -> Path | None:
    """Return the folder that was given or that the environment names; None where there is neither.

    Parameters
    ----------
    given : Path, optional
        As ``--cache``.
    """
    named = os.environ.get(VARIABLE, "")
    return given if given is not None else Path(named).expanduser() if named.strip() else None


def cache_place(given: Path | None = None) -> Path:
    """Return the folder of the cache: the given one, the environment's, or the user's own.

    Parameters
    ----------
    given : Path, optional
        As ``--cache``.

    Returns
    -------
    Path
        The user's own is ``normwise`` in ``$XDG_CACHE_HOME``, or in ``~/.cache``.
    """
    chosen = chosen_cache(given)
    if chosen is not None:
        return chosen
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # as the XDG Base Directory Specification says
        try:
            base = Path.home() / ".cache"
        except RuntimeError:  # a user without a home, as in some containers
            base = Path(tempfile.gettempdir()) / f"normwise-cache-{os.getuid()}"
    return base / "normwise"


def choose_cache(given: Path | None, own: Path) -> tuple[Path, Path]:
    """Return where a run keeps finished work, and where else it looks for some.

    Parameters
    ----------
    given : Path, optional
        As ``--cache``.
    own : Path
        The run's own cache, which stands in where the other can't be written to.

    Returns
    -------
    folder : Path
        Can be written to.
    also : Path
        Is read as well.

    Raises
    ------
    EngineError
        ENG-301, a folder that was asked for can't be made.

    Warns
    -----
    NormwiseWarning
        ENG-305, it can't be written to.
    """
    folder = cache_place(given)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if chosen_cache(given) is not None:
            raise unusable(folder, error) from error
    else:
        if _is_writable(folder):
            return folder, own
    text = "the cache can't be written to: finished work is kept in the run's own folder."
    warnings.warn(NormwiseWarning(ELSEWHERE, text), stacklevel=2)
    return own, folder


def _is_writable(folder: Path) -> bool:
    """Try it: what the system says of permissions is not true of every file system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
