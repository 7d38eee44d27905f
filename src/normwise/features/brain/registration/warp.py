"""The warp between the template and a head: what the affine leaves.

Symmetric diffeomorphisms (SyN, Avants et al. 2008) maximise the local cross-correlation, by dipy at 2 mm, or
by ANTs where it may take longer. The head is first resampled to the template's grid by the affine, cut to the
template's box. Both then lie on one small grid, and the fields that come out are plain displacements in mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.extras import need_packages
from normwise.features.brain.grids import box_affine, crop
from normwise.features.brain.registration.reference import (
    Reference,
    block_mean,
    load_reference,
    moved,
    sample,
)
from normwise.features.brain.settings import ChainSettings, need_ants

__all__ = ["template_points", "warp"]

_SPACING_MM = 2.0
_STEPS = {"fast": [60, 30, 0], "default": [50, 30, 15]}  # at 8, 4 and 2 mm
_LONG_STEPS = (60, 40, 20)
_RADIUS = {"fast": 4, "default": 4, "high": 2}  # voxels of local correlation; ITK pays for each of them
_SMOOTH = 2.0  # voxels: each step's own smoothing


def warp(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Warp the template onto the head.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``corrected``, ``mask``, ``box``, ``head_affine``, ``template_to_head``.
    settings : ChainSettings
        Its ``quality``, ``template`` and ``threads``.

    Returns
    -------
    dict of str to ndarray
        ``forward`` and ``backward``, float32 of shape (nx, ny, nz, 3): mm that move a point of the template
        to the affinely aligned head, and back. ``warp_affine``: the grid on which they lie.

    Raises
    ------
    FeatureError
        FEA-515, dipy is not installed; FEA-514, antspyx is not, for ``high``.
    """
    reference = load_reference(settings.template)
    factor = max(round(_SPACING_MM / np.linalg.norm(reference.affine[:3, 0])), 1)
    grid = reference.coarser(factor)
    fixed = grid.t1 * grid.mask
    moving = _aligned(arrays, reference, grid, factor)
    register = _by_ants if settings.quality == "high" else _by_dipy
    forward, backward = register(fixed, moving, settings)
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    rotation = grid.affine[:3, :3] / spacing  # voxel axes to mm axes
    return {
        "forward": _in_mm(forward, rotation, spacing),
        "backward": _in_mm(backward, rotation, spacing),
        "warp_affine": grid.affine,
    }


def _in_mm(
    field: NDArray[np.floating[Any]], rotation: NDArray[np.float64], spacing: NDArray[np.float64]
) -> NDArray[np.float32]:
    shift: NDArray[np.float32] = np.asarray(field, np.float32) @ (rotation * spacing).T.astype(np.float32)
    return shift


def _aligned(
    arrays: Mapping[str, NDArray[Any]], reference: Reference, grid: Reference, factor: int
) -> NDArray[np.float32]:
    """Return the stripped head on the template's grid; a fine head is averaged, not only sampled."""
    from scipy.ndimage import map_coordinates

    brain = arrays["corrected"] * crop(arrays["mask"], arrays["box"])
    affine = box_affine(arrays["head_affine"], arrays["box"])
    fine = np.linalg.norm(affine[:3, :3], axis=0).min() < 0.75 * _SPACING_MM
    onto = reference if fine else grid
    to_head = np.linalg.inv(affine) @ arrays["template_to_head"] @ onto.affine
    places = moved(to_head, np.indices(onto.t1.shape, dtype=np.float32))
    sampled: NDArray[np.float32] = map_coordinates(brain, places, order=1)
    return block_mean(sampled, factor) if fine else sampled


def _by_dipy(
    fixed: NDArray[np.float32], moving: NDArray[np.float32], settings: ChainSettings
) -> tuple[NDArray[Any], NDArray[Any]]:
    need_packages(("dipy",), "FEA-515", FeatureError, subject="registration")
    from dipy.align.imwarp import SymmetricDiffeomorphicRegistration
    from dipy.align.metrics import CCMetric

    metric = CCMetric(3, sigma_diff=_SMOOTH, radius=_RADIUS[settings.quality])
    registration = SymmetricDiffeomorphicRegistration(metric, level_iters=_STEPS[settings.quality])
    registration.verbosity = 0
    mapping = registration.optimize(fixed.astype(np.float64), moving.astype(np.float64))
    return mapping.get_forward_field(), mapping.get_backward_field()


def _by_ants(
    fixed: NDArray[np.float32], moving: NDArray[np.float32], settings: ChainSettings
) -> tuple[NDArray[Any], NDArray[Any]]:
    import tempfile

    ants = need_ants(settings.threads)
    import nibabel as nib

    with tempfile.TemporaryDirectory(prefix="normwise-") as folder:
        done = ants.registration(
            fixed=ants.from_numpy(fixed),
            moving=ants.from_numpy(moving),
            type_of_transform="SyNOnly",
            initial_transform="Identity",
            syn_metric="CC",
            syn_sampling=_RADIUS["high"],
            reg_iterations=_LONG_STEPS,
            outprefix=f"{folder}/",
        )
        fields = []
        for kind in ("fwdtransforms", "invtransforms"):
            path = next(path for path in done[kind] if path.endswith(".nii.gz"))
            # Both images have the identity for an affine, so ITK's millimetres are voxels; its vectors are
            # stored as they are, whatever axes a reader of NIfTI takes them for.
            fields.append(np.asarray(nib.load(path).dataobj, dtype=np.float32)[..., 0, :])
    return fields[0], fields[1]


def template_points(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return where each voxel of the mask lies in the template.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``mask``, ``box``, ``head_affine``, ``template_to_head``, ``backward``, ``warp_affine``.

    Returns
    -------
    ndarray of shape (3, n_voxels), float32
        Millimetres of the template, in the order of ``numpy.nonzero`` of the mask within its box.
    """
    inside = np.stack(np.nonzero(crop(arrays["mask"], arrays["box"]))).astype(np.float32)
    affine = box_affine(arrays["head_affine"], arrays["box"])
    points = moved(np.linalg.inv(arrays["template_to_head"]) @ affine, inside)
    grid, field = arrays["warp_affine"], arrays["backward"]
    shift = np.stack([sample(field[..., axis], grid, points) for axis in range(3)])
    placed: NDArray[np.float32] = points + shift
    return placed
