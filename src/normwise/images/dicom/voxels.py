"""Voxels of a checked series by dcm2niix, accepted only where they lie as the headers state.

Of what dcm2niix writes only the voxels and their affine are taken: its sidecar is never written, and its
NIfTI header, which holds the time of the scan, is removed with the temporary folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from normwise.errors import ImageError
from normwise.images.dicom.files import scratch_folder
from normwise.images.dicom.series import Series
from normwise.images.volume import Volume
from normwise.images.volumes.read import read_volume

__all__ = ["convert_series", "find_converter"]

_SECONDS = 300.0
_AGREES_MM = 0.1  # a tenth of a voxel: what rounding in headers can make


def convert_series(series: Series, name: str, scratch: Path | None = None) -> Volume:
    """Read the voxels of a series that `normwise.images.dicom.series.check_series` accepted.

    Parameters
    ----------
    series : Series
        One volume.
    name : str
        What errors call it.
    scratch : Path, optional
        Where temporary files go.

    Returns
    -------
    Volume
        In RAS order, in mm.

    Raises
    ------
    ImageError
        IMG-720 dcm2niix is not installed; IMG-718 it makes no volume of the series; IMG-719 its volume lies
        elsewhere than the headers say; IMG-501, IMG-502 unusable voxels.
    """
    program = find_converter()
    with scratch_folder(scratch) as folder:
        slices, out = folder / "in", folder / "out"
        slices.mkdir()
        out.mkdir()
        for number, header in enumerate(series.headers):
            _place(header.path, slices / f"{number:06d}.dcm")
        _run(program, slices, out, name)
        made = sorted(out.glob("*.nii"))
        if len(made) != 1:
            raise _no_volume(name, f"{len(made)} volumes of {series.slices} slices")
        volume = read_volume(made[0])
        # The voxels are read by now, so the folder can be removed.
        _check_place(volume, series, name)
        return volume


def find_converter() -> str:
    """Return where the program dcm2niix lies.

    Raises
    ------
    ImageError
        IMG-720, it is not installed.
    """
    try:
        from dcm2niix import bin as program
    except ImportError:
        raise ImageError(
            "IMG-720",
            "DICOM series are read with the program dcm2niix, which is not installed.",
            advice='type: python -m pip install "normwise[brain]"',
        ) from None
    return str(program)


def _place(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source.resolve())
    except OSError:  # where links are a privilege
        shutil.copyfile(source, target)


def _run(program: str, slices: Path, out: Path, name: str) -> None:
    # -g i: no settings of the user's home; -b n: no sidecar; -x i: neither cropped nor turned; -m y: merged
    arguments = [program, "-g", "i", "-b", "n", "-z", "n", "-x", "i", "-m", "y", "-f", "head", "-o", str(out)]
    try:
        done = subprocess.run(
            [*arguments, str(slices)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(out.parent), "TMPDIR": str(out.parent)},
        )
    except subprocess.TimeoutExpired:
        raise _no_volume(name, f"nothing after {_SECONDS:g} s") from None
    except OSError as error:
        raise _no_volume(name, f"the program does not start: {error.strerror}") from error
    if done.returncode != 0:
        raise _no_volume(name, f"dcm2niix ended with status {done.returncode}")


def _no_volume(name: str, seen: str) -> ImageError:
    return ImageError(
        "IMG-718",
        "dcm2niix makes no volume of the series.",
        subject=name,
        seen=seen,
        advice="export the series again, uncompressed, or convert it with the scanner's own tool",
    )


def _check_place(volume: Volume, series: Series, name: str) -> None:
    """Compare the corners of the converted volume with those of the headers."""
    rows, columns = series.first.spacing
    n_rows, n_columns = series.first.shape
    positions = series.positions
    orientation = np.array(series.first.planes[0].orientation)
    along = positions @ np.cross(orientation[:3], orientation[3:])
    ends = positions[[int(along.argmin()), int(along.argmax())]]
    # PixelSpacing is the distance of rows, then of columns; the first direction runs along a row.
    right, down = orientation[:3] * columns * (n_columns - 1), orientation[3:] * rows * (n_rows - 1)
    corners = np.array([end + i * right + j * down for end in ends for i in (0, 1) for j in (0, 1)])
    stated = corners * [-1.0, -1.0, 1.0]  # DICOM counts to the left and to the back
    sizes = np.array(volume.shape) - 1
    converted = volume.world([[i, j, k] for i in (0, sizes[0]) for j in (0, sizes[1]) for k in (0, sizes[2])])
    apart = np.linalg.norm(stated[:, None] - converted[None], axis=2)
    worst = max(float(apart.min(axis=0).max()), float(apart.min(axis=1).max()))
    expected = sorted((n_rows, n_columns, series.slices))
    if sorted(volume.shape) != expected or worst > _AGREES_MM:
        raise ImageError(
            "IMG-719",
            "the converted volume lies elsewhere than the headers of its slices say.",
            subject=name,
            seen=f"{volume.shape} voxels, a corner {worst:.3g} mm away",
            expected=f"{tuple(expected)} voxels in any order, within {_AGREES_MM} mm",
            advice="export the series again; if it stays, the geometry is one that dcm2niix reads otherwise",
        )
