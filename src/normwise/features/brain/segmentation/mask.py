"""The brain mask: by deepbet's network, run from its installed weights, or by the template's mask.

Fisch, Zumdick, Barkhau et al. (2024), deepbet: fast brain extraction of T1-weighted MRI using convolutional
neural networks. Its package holds two networks as TorchScript: one finds the brain's box in the whole head,
one the brain in its box. They are loaded as files of an installed package; the package itself is never
imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.brain.grids import box_around
from normwise.features.brain.registration.affine import fit_affine
from normwise.features.brain.registration.reference import load_reference, moved, sample
from normwise.features.brain.settings import ChainSettings

__all__ = ["find_brain", "largest_part", "mask_by_template", "network_files"]

_WHOLE, _DETAIL = 128, {"fast": 192}
_DETAIL_DEFAULT = 256  # edge of the box in voxels, as the network was trained
_MARGIN = 0.2  # of the box's size, on both sides together
_PRESENT = 0.02  # share of a slice that the brain fills where its box begins


def find_brain(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Find the brain with its fluid.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``head``, ``head_affine``.
    settings : ChainSettings
        Its ``already_stripped``, ``masker``, ``quality``, ``template`` and ``threads``.

    Returns
    -------
    dict of str to ndarray
        ``mask``, uint8, one piece without holes, and ``box``.

    Raises
    ------
    FeatureError
        FEA-512, the network is asked for and not installed; FEA-513, no brain is found; FEA-516, it is no
        brighter than 0; FEA-517, it can't be placed; FEA-518, it has one brightness.

    Notes
    -----
    A stripped head may still carry dura, so the network looks at it as well, and what it leaves out of the
    voxels brighter than 0 is left out. The mask of the template needs a whole head.
    """
    head = arrays["head"]
    _check_brightness(head, head.size)
    _check_contrast(head)
    by_template = settings.masker == "template" or (settings.masker == "auto" and network_files() is None)
    if settings.already_stripped:
        inside = head > 0 if by_template else (head > 0) & _by_network(head, settings)
    elif by_template:
        inside = mask_by_template(head, arrays["head_affine"], settings.template)
    else:
        inside = _by_network(head, settings)
    mask = largest_part(inside)
    within = head[mask]
    if np.count_nonzero(within > 0) < _LEAST_BRIGHT * within.size:
        _check_brightness(within[within <= 0], within.size)
    _check_contrast(within[within > 0])
    return {"mask": mask.astype(np.uint8), "box": box_around(mask)}


_LEAST_BRIGHT = 0.5  # of the brain's voxels: what is not brighter than 0 has no logarithm, which N4 takes


def _check_brightness(voxels: NDArray[np.float32], of: int) -> None:
    """Refuse voxels of which none is brighter than 0."""
    if voxels.size and voxels.max() <= 0:
        raise FeatureError(
            "FEA-516",
            "the head is not brighter than 0.",
            seen=f"{voxels.size / of:.0%} of {of} voxels from {voxels.min():.4g} to {voxels.max():.4g}",
            expected="a magnitude image: 0 where there is air, and brighter in the brain",
            advice="look at the image: a sign or an offset (scl_inter) may be wrong; add the offset back",
        )


def _check_contrast(voxels: NDArray[np.float32]) -> None:
    """Refuse voxels of one brightness: a mask, whose bias field N4 would look for without an end."""
    if voxels.size and voxels.max() <= voxels.min():
        raise FeatureError(
            "FEA-518",
            "the head has one brightness everywhere.",
            seen=f"{voxels.size} voxels of {voxels.max():.4g}",
            expected="a T1-weighted head: fluid, grey and white matter differ",
            advice="look at the image: it may be a mask",
        )


def largest_part(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece, holes filled.

    Raises
    ------
    FeatureError
        FEA-513, nothing is inside.
    """
    from scipy import ndimage

    pieces, _ = ndimage.label(inside)
    sizes = np.bincount(pieces.ravel())[1:]
    if sizes.size == 0:
        raise FeatureError(
            "FEA-513",
            "no brain is found in the head.",
            expected="a T1-weighted whole head",
            advice="look at the image; for a brain without its skull set already_stripped",
        )
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(pieces == sizes.argmax() + 1)
    return filled


def network_files() -> tuple[Path, Path] | None:
    """Return the two networks that deepbet installs, or None without deepbet or torch."""
    spec = importlib.util.find_spec("deepbet")
    if spec is None or spec.origin is None or importlib.util.find_spec("torch") is None:
        return None
    folder = Path(spec.origin).resolve().parents[1] / "data" / "models"
    files = folder / "bbox_model.pt", folder / "model.pt"
    return files if all(path.is_file() for path in files) else None


def _by_network(head: NDArray[np.float32], settings: ChainSettings) -> NDArray[np.bool_]:
    files = network_files()
    if files is None:
        raise FeatureError(
            "FEA-512",
            "the network that finds the brain is not installed.",
            expected="deepbet and torch",
            advice='type: python -m pip install "normwise[brain]", or choose the mask of the template',
        )
    import torch
    from torch.nn.functional import interpolate

    detail = _DETAIL.get(settings.quality, _DETAIL_DEFAULT)
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with torch.inference_mode():
            voxels = torch.from_numpy(head)
            small = interpolate(voxels[None, None], (_WHOLE,) * 3, mode="nearest-exact")[0, 0]
            low, high = small.quantile(0.005), small.quantile(0.995)
            coarse = _run(files[0], small, low, high).numpy() > 0.5
            box = _widened(largest_part(coarse), head.shape)
            inner = voxels[box][None, None]
            fine = interpolate(inner, (detail,) * 3, mode="trilinear", align_corners=False)[0, 0]
            probability = _run(files[1], fine, low, high)[None, None]
            probability = interpolate(probability, inner.shape[2:], mode="trilinear", align_corners=False)[
                0, 0
            ]
    finally:
        torch.set_num_threads(before)
    inside = np.zeros(head.shape, dtype=np.bool_)
    inside[box] = probability.numpy() > 0.5
    return inside


def _run(path: Path, voxels: Any, low: Any, high: Any) -> Any:
    """Run one network on voxels scaled to the range that it was trained on."""
    import torch

    network = torch.jit.load(str(path), map_location="cpu").eval()
    scaled = ((voxels - low) / (high - low)).clamp(0, 1)
    scaled = (scaled - scaled.mean()) / scaled.std()
    return network((0.226 * scaled + 0.449)[None, None])[0, 1]


def _widened(coarse: NDArray[np.bool_], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the brain's box on the head's grid with a margin."""
    slices = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(coarse.mean(axis=others) > _PRESENT)
        if filled.size == 0:
            filled = np.flatnonzero(coarse.any(axis=others))
        scale = shape[axis] / coarse.shape[axis]
        first, last = filled[0] * scale, (filled[-1] + 1) * scale
        half = (last - first) * (1 + _MARGIN) / 2
        middle = (first + last) / 2
        slices.append(slice(max(round(middle - half), 0), min(round(middle + half), shape[axis])))
    return tuple(slices)


_BRIGHT = 0.15  # of the bright end: what is darker is air
_TOP_MM = 190.0  # from the crown down: a head without its neck


def mask_by_template(
    head: NDArray[np.float32], affine: NDArray[np.float64], template: Path | None
) -> NDArray[np.bool_]:
    """Return the voxels of a whole head that lie in the template's brain.

    Parameters
    ----------
    head : ndarray of shape (nx, ny, nz), float32
        The whole head, axes RAS.
    affine : ndarray of shape (4, 4)
        Its voxel to mm.
    template : Path or None
        As for `normwise.features.brain.registration.reference.load_reference`.

    Returns
    -------
    ndarray of shape (nx, ny, nz), bool
        Rougher than a network's mask: it has the template's shape, and follows the person by an affine only.
    """
    reference = load_reference(template)
    ceiling = np.float32(np.percentile(head, 99.5))
    bright = np.minimum(head, ceiling)
    solid = bright > _BRIGHT * ceiling
    levels = np.flatnonzero(solid.mean(axis=(0, 1)) > 0.02)
    if levels.size:
        height = float(np.linalg.norm(affine[:3, 2]))
        solid[:, :, : max(int(levels[-1] - _TOP_MM / height), 0)] = False
    fitted = fit_affine(reference, bright, affine, where=solid)
    onto = np.linalg.inv(fitted) @ affine
    mask = np.zeros(head.shape, dtype=np.bool_)
    for x in range(head.shape[0]):  # a slice at a time: the head's coordinates would be ten times the head
        plane = np.indices((1, *head.shape[1:]), dtype=np.float32)
        plane[0] += x
        inside = sample(reference.mask.view(np.uint8), reference.affine, moved(onto, plane), order=0)
        mask[x] = inside[0] > 0
    return mask & (bright > 0)
