"""`parcellate`: the whole chain on one head, for Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.brain.chain import Arrays, run_stages
from normwise.features.brain.grids import own_grid
from normwise.features.brain.label_schemes import load_scheme
from normwise.features.brain.quality import check_chain
from normwise.features.brain.settings import QUALITIES, ChainSettings
from normwise.images import LabelVolume, Volume, read_head
from normwise.results import Quality

__all__ = ["Parcellation", "assemble", "parcellate"]


@dataclass(frozen=True, eq=False)
class Parcellation:
    """A head and its regions, all on the grid of the image.

    Attributes
    ----------
    volume : Volume
        The image as it was read.
    labels : LabelVolume
        The atlas's labels, for ``desikan_killiany`` FreeSurfer's numbers.
    mask : LabelVolume
        1 within the skull.
    tissue : dict of str to ndarray of shape (nx, ny, nz)
        Shares of ``csf``, ``grey`` and ``white`` in each voxel, float32.
    names : dict of int to str
        Region of each label.
    features : dict of str to float
        Volumes, shares, intensities, asymmetries and thickness, named by place and unit.
    quality : tuple of Quality
        Checks of each stage.
    """

    volume: Volume
    labels: LabelVolume
    mask: LabelVolume
    tissue: dict[str, NDArray[np.float32]]
    names: dict[int, str]
    features: dict[str, float]
    quality: tuple[Quality, ...]


def parcellate(
    path: str | Path,
    *,
    quality: str = "default",
    threads: int = 1,
    already_stripped: bool = False,
    atlas: str = "desikan_killiany",
    lut: str | Path | None = None,
    template: str | Path | None = None,
    masker: str = "auto",
) -> Parcellation:
    """Segment a raw T1-weighted head into its regions.

    Parameters
    ----------
    path : str or Path
        A NIfTI or MGH file, or a folder or zip of one DICOM series.
    quality : {"default", "fast", "high"}
        ``fast`` warps coarsely and measures volumes only; ``high`` warps for longer with ANTs.
    threads : int
        Threads of the numeric libraries.
    already_stripped : bool
        The image holds the brain only; everything else is 0.
    atlas : str
        An installed atlas in MNI152 space, or a label map in the template's space.
    lut : str or Path, optional
        Look-up table of a label map.
    template : str or Path, optional
        A T1-weighted brain without skull; MNI152 by default.
    masker : {"auto", "network", "template"}
        How the brain is found.

    Returns
    -------
    Parcellation

    Raises
    ------
    FeatureError
        FEA-510 a setting that isn't one; FEA-511 … FEA-515 a stage that can't be done.
    ImageError
        The image can't be read.
    """
    settings = ChainSettings(
        quality=quality,
        already_stripped=already_stripped,
        masker=masker,
        atlas=atlas,
        lut=Path(lut) if lut is not None else None,
        template=Path(template) if template is not None else None,
        threads=threads,
    )
    if quality not in QUALITIES:
        raise FeatureError(
            "FEA-510",
            f"there is no quality called {quality!r}.",
            expected=", ".join(QUALITIES),
            advice="choose one of these",
        )
    volume = read_head(path)
    return assemble(run_stages(volume.voxels, volume.affine, settings), volume, settings)


def assemble(arrays: Arrays, volume: Volume, settings: ChainSettings) -> Parcellation:
    """Resample the chain's arrays to the grid of the image."""
    names = load_scheme(settings.atlas, settings.lut, arrays["labels"]).regions
    return Parcellation(
        volume=volume,
        labels=LabelVolume(own_grid(arrays, "labels"), volume.affine),
        mask=LabelVolume(own_grid(arrays, "mask"), volume.affine),
        tissue={name: own_grid(arrays, name) for name in ("csf", "grey", "white")},
        names=names,
        features=dict(zip(arrays["feature_names"].tolist(), arrays["feature_values"].tolist(), strict=True)),
        quality=tuple(check_chain(arrays, names)),
    )
