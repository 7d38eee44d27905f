"""Pictures that let a person judge each stage: mask, tissue and labels over the head, in three planes.

Left is drawn on the left and marked L: the axes run to the right, the front and upwards. The picture has no
text but these letters, so that nothing of a person is in it but the head.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.grids import restore

__all__ = ["OVERLAYS", "Overlay", "draw_overlays"]

HEIGHT = 240
"""Pixels of an overlay's height: its three planes stay under a quarter of a megabyte."""

_GAP = 4
_BRIGHTEST = 99.5  # percentile of the head that is drawn white
_RED = np.array([230, 60, 50], np.float32)
_FLUID, _GREY, _WHITE = (
    np.array(rgb, np.float32) for rgb in ((40, 110, 220), (230, 140, 40), (240, 235, 200))
)
_OPACITY = 0.45  # how much of the colour shows over the head


@dataclass(frozen=True)
class Overlay:
    """One picture: its stage, its title, and what it shows in words."""

    stage: str
    title: str
    alt: str


OVERLAYS = (
    Overlay(
        "mask",
        "Brain mask",
        "The outline of the brain mask in red over the head in axial, coronal and sagittal planes.",
    ),
    Overlay(
        "tissue",
        "Tissue",
        "Fluid in blue, grey matter in orange and white matter in cream over the head in three planes.",
    ),
    Overlay(
        "labels",
        "Regions",
        "The atlas's regions over the head in three planes, both sides of one in one colour, fluid in blue.",
    ),
)
"""The overlays, in the order of the stages."""


def draw_overlays(arrays: Mapping[str, NDArray[Any]], names: Mapping[int, str]) -> dict[str, bytes]:
    """Draw what there is of mask, tissue and labels.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A chain's arrays, as far as it came.
    names : mapping of int to str
        Region of each label: the two sides of a region get one colour.

    Returns
    -------
    dict of str to bytes
        PNG of each overlay by its stage: axial, coronal and sagittal plane through the brain's middle.
    """
    head, affine = arrays["head"], arrays["head_affine"]
    spacing = np.sqrt((np.asarray(affine)[:3, :3] ** 2).sum(axis=0))
    centre = _centre(arrays)
    painters = {"mask": _paint_mask, "tissue": _paint_tissue, "labels": _paint_labels}
    needed = {"mask": "mask", "tissue": "grey", "labels": "labels"}
    drawn = {}
    for stage, paint in painters.items():
        if needed[stage] in arrays:
            planes = [
                _plane(head, axis, centre, spacing, lambda rgb, cut, do=paint: do(rgb, cut, arrays, names))
                for axis in (2, 1, 0)
            ]
            drawn[stage] = _join_planes(planes)
    return drawn


def _centre(arrays: Mapping[str, NDArray[Any]]) -> tuple[int, int, int]:
    if "mask" not in arrays or not arrays["mask"].any():
        return tuple(size // 2 for size in arrays["head"].shape)
    box = arrays["box"] if "box" in arrays else np.array([[0, 0, 0], arrays["mask"].shape])
    middle = [int((low + high) // 2) for low, high in np.asarray(box).T]
    # A little off the midline the sagittal plane shows cortex and ventricle, not the cleft of the halves.
    middle[0] = int(middle[0] + (box[1][0] - box[0][0]) * 0.08)
    return middle[0], middle[1], middle[2]


def _plane(
    head: NDArray[Any], axis: int, centre: tuple[int, int, int], spacing: NDArray[np.float64], paint: Any
) -> NDArray[np.uint8]:
    """Return one plane in colour, front or top upwards, at ``HEIGHT`` pixels."""

    def cut(volume: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.take(volume, centre[axis], axis=axis).T[::-1])

    values = cut(head).astype(np.float32)
    top = float(np.percentile(head[head > 0], _BRIGHTEST)) if (head > 0).any() else 1.0
    grey = np.clip(values / max(top, 1e-6), 0, 1) * 255
    rgb = np.repeat(grey[:, :, None], 3, axis=2)
    paint(rgb, cut)
    across, up = (spacing[other] for other in range(3) if other != axis)
    rows, columns = values.shape
    width = max(round(HEIGHT * (columns * across) / (rows * up)), 1)
    picture = _resize(rgb, HEIGHT, width)
    # On the sagittal plane the head looks to the right: left and right lie in front of and behind the page.
    return _marked(picture, "LR" if axis != 0 else "PA")


def _resize(rgb: NDArray[np.float32], height: int, width: int) -> NDArray[np.uint8]:
    from PIL import Image

    image = Image.fromarray(np.clip(rgb.round(), 0, 255).astype(np.uint8))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)).copy()


def _marked(picture: NDArray[np.uint8], letters: str) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(picture)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=16)
    middle = picture.shape[0] // 2
    for letter, x, anchor in zip(letters, (4, picture.shape[1] - 4), ("lm", "rm"), strict=True):
        pen.text(
            (x, middle), letter, fill=(255, 255, 255), font=font, anchor=anchor, stroke_width=1, stroke_fill=0
        )
    return np.asarray(image)


def _join_planes(planes: list[NDArray[np.uint8]]) -> bytes:
    from PIL import Image

    gap = np.zeros((HEIGHT, _GAP, 3), np.uint8)
    parts = [part for plane in planes for part in (gap, plane)][1:]
    out = io.BytesIO()
    # A palette makes a third of the bytes, and no one sees the difference in a picture of this kind.
    Image.fromarray(np.concatenate(parts, axis=1)).quantize(256).save(out, "PNG", optimize=True)
    return out.getvalue()


def _paint_mask(rgb: NDArray[np.float32], cut: Any, arrays: Mapping[str, NDArray[Any]], _: Any) -> None:
    inside = cut(arrays["mask"]) > 0
    inner = inside.copy()
    for axis in (0, 1):
        inner &= np.roll(inside, 1, axis) & np.roll(inside, -1, axis)
    rgb[inside & ~inner] = _RED


def _paint_tissue(rgb: NDArray[np.float32], cut: Any, arrays: Mapping[str, NDArray[Any]], _: Any) -> None:
    for name, colour in (("csf", _FLUID), ("grey", _GREY), ("white", _WHITE)):
        share = cut(_whole(arrays, name))[:, :, None] * np.float32(_OPACITY)
        rgb += share * (colour - rgb)


def _paint_labels(
    rgb: NDArray[np.float32], cut: Any, arrays: Mapping[str, NDArray[Any]], names: Mapping[int, str]
) -> None:
    labels = cut(_whole(arrays, "labels"))
    present = np.unique(labels)
    colours = np.array([_colour(names.get(int(label), str(label))) for label in present], np.float32)
    where = labels > 0
    painted = colours[np.searchsorted(present, labels)]
    rgb[where] += np.float32(_OPACITY) * (painted[where] - rgb[where])


def _whole(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    return restore(arrays[name], arrays["box"], arrays["head"].shape)


def _colour(name: str) -> tuple[float, float, float]:
    """Return a colour by the region's name without its side; the same in every picture."""
    import colorsys
    import hashlib

    if name == "csf":  # what surrounds the brain is not to be taken for cortex
        return float(_FLUID[0]), float(_FLUID[1]), float(_FLUID[2])
    digest = hashlib.sha256(name.removesuffix("_left").removesuffix("_right").encode()).digest()
    red, green, blue = colorsys.hsv_to_rgb(digest[0] / 256, 0.55 + digest[1] / 640, 0.75 + digest[2] / 1100)
    return red * 255, green * 255, blue * 255
