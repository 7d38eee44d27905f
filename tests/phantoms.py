"""Small brains with known truth: the MNI152 template on a coarse grid, stored in any orientation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform

from normwise.features.atlases import mni_template
from normwise.images import LabelVolume, Volume, resample_labels

ORIENTATIONS = ("RAS", "LAS", "LPI", "PIR", "ASL")


@cache
def brain() -> Volume:
    """The template on a grid of 4 mm, with the contrast of a T1-weighted image."""
    template = mni_template()
    coarse = template.affine.copy()
    coarse[:3, :3] *= 2
    return Volume(template.voxels[::2, ::2, ::2].copy(), coarse)


def save(voxels: np.ndarray, affine: np.ndarray, path: Path, orientation: str = "RAS") -> Path:
    """Store a RAS volume with its axes in another order and direction; every voxel keeps its place."""
    to = ornt_transform(axcodes2ornt(("R", "A", "S")), axcodes2ornt(tuple(orientation)))
    stored = apply_orientation(np.asarray(voxels), to)
    image = nib.Nifti1Image(stored, affine @ inv_ornt_aff(to, voxels.shape))
    assert "".join(nib.aff2axcodes(image.affine)) == orientation
    nib.save(image, path)
    return path


def labels_on(volume: Volume, labels: LabelVolume) -> np.ndarray:
    """An atlas on the grid of a volume."""
    return resample_labels(labels, volume).voxels
