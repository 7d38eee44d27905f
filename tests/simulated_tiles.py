"""One tile of simulated tissue stained with haematoxylin and eosin, and the nuclei that are really in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stain", "TissueLook", "draw_stain", "draw_tile"]

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.07, 0.99, 0.11])
"""Optical densities of the two dyes in red, green, blue, after Ruifrok and Johnston (2001)."""

_HARMONICS = 4  # of a nucleus's outline: more would be rougher than optics show
_CORNERS = 48


@dataclass(frozen=True)
class Stain:
    """How one laboratory and scanner render the two dyes.

    Attributes
    ----------
    haematoxylin, eosin : ndarray of shape (3,)
        Optical density per unit of dye in red, green, blue; unit length.
    strength : float
        Factor on all dye.
    blur_um : float
        Standard deviation of the optics, µm.
    white : ndarray of shape (3,)
        Intensity of empty glass.
    """

    haematoxylin: NDArray[np.float64]
    eosin: NDArray[np.float64]
    strength: float = 1.0
    blur_um: float = 0.35
    white: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class TissueLook:
    """What the nuclei of a piece of tissue are like.

    Attributes
    ----------
    per_mm2 : float
        Nuclei per mm².
    area_um2 : float
        Median area of a nucleus, µm².
    darkness : float
        Median optical density of haematoxylin in a nucleus.
    touching : float
        Share of the nuclei that are put beside another, touching it.
    faint : float
        Share of the nuclei that have 35 to 60 % of their darkness.
    """

    per_mm2: float = 3500.0
    area_um2: float = 42.0
    darkness: float = 0.60
    touching: float = 0.3
    faint: float = 0.0


def draw_stain(rng: np.random.Generator) -> Stain:
    """Draw a laboratory: both dyes turned a little, another strength, sharpness and white of glass."""

    def turned(dye: NDArray[np.float64]) -> NDArray[np.float64]:
        vector = np.clip(dye + rng.normal(0, 0.03, 3), 0.02, None)
        unit: NDArray[np.float64] = vector / np.linalg.norm(vector)
        return unit

    return Stain(
        turned(HAEMATOXYLIN),
        turned(EOSIN),
        float(rng.uniform(0.85, 1.2)),
        float(rng.uniform(0.25, 0.5)),
        rng.uniform(236, 250, 3),
    )


def draw_tile(
    rng: np.random.Generator,
    size: int = 512,
    mpp: float = 0.25,
    *,
    look: TissueLook = TissueLook(),
    stain: Stain | None = None,
    margin_um: float = 0.0,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw tissue with nuclei.

    Parameters
    ----------
    rng : Generator
        Everything is drawn from it.
    size : int
        Side, px.
    mpp : float
        µm per pixel.
    look : TissueLook
        The nuclei.
    stain : Stain, optional
        The laboratory; default: the dyes as published.
    margin_um : float
        Nuclei keep so far from the edges, so that tiles can be put together; 0 lets edges cut them.

    Returns
    -------
    rgb : ndarray of uint8 of shape (size, size, 3)
    labels : ndarray of int32 of shape (size, size)
        0 where there is no nucleus, else the nucleus, numbered from 1.

    Examples
    --------
    >>> rgb, labels = draw_tile(np.random.default_rng(0), 256)
    >>> rgb.shape, labels.dtype, bool(rgb[labels > 0].mean() < rgb[labels == 0].mean())
    ((256, 256, 3), dtype('int32'), True)
    """
    import cv2

    stain = stain or Stain(HAEMATOXYLIN, EOSIN)
    labels = _place(rng, size, mpp, look, margin_um)
    count = int(labels.max())
    eosin = _stroma(rng, size, mpp)
    inside = labels > 0
    # Each nucleus has a darkness of its own, chromatin, and a rim where its membrane is seen edge-on.
    level = np.r_[0.0, look.darkness * np.exp(rng.normal(0, 0.22, count))].astype(np.float32)
    if look.faint:  # nothing is drawn otherwise, so that other tissue stays as it was
        pale = np.where(rng.random(count) < look.faint, rng.uniform(0.35, 0.6, count), 1.0)
        level[1:] *= pale.astype(np.float32)
    chromatin = 1 + 0.22 * _noise(rng, size, 0.7 / mpp) + 0.10 * _noise(rng, size, 2.0 / mpp)
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5) * mpp
    rim = 1 + 0.25 * np.exp(-(((depth - 0.5) / 0.5) ** 2))
    haematoxylin = level[labels] * chromatin * rim
    haematoxylin += 0.09 + 0.04 * np.clip(_noise(rng, size, 6.0 / mpp), -1, 3)  # dye that cytoplasm takes up
    eosin = np.where(inside, 0.35 * eosin, eosin)
    density = (
        haematoxylin[..., None] * stain.haematoxylin * stain.strength
        + np.clip(eosin, 0, None)[..., None] * stain.eosin * stain.strength
    ).astype(np.float32)
    white = np.full(3, 243.0) if stain.white is None else stain.white
    light = white.astype(np.float32) * np.power(np.float32(10), -density)
    light = cv2.GaussianBlur(light, (0, 0), max(stain.blur_um / mpp, 0.3))
    light += rng.normal(0, 1.6, light.shape).astype(np.float32)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8), labels


def _stroma(rng: np.random.Generator, size: int, mpp: float) -> NDArray[np.float32]:
    """Return eosin's density: cytoplasm, fibres that run one way, and gaps."""
    import cv2

    base = 0.34 + 0.07 * _noise(rng, size, 12 / mpp) + 0.05 * _noise(rng, size, 3 / mpp)
    fibres = rng.normal(0, 1, (size, size)).astype(np.float32)
    fibres = cv2.GaussianBlur(fibres, (0, 0), 5 / mpp, sigmaY=0.6 / mpp)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(0, 180)), 1.5)
    fibres = cv2.warpAffine(fibres, turn, (size, size), borderMode=cv2.BORDER_REFLECT_101)
    gaps = _noise(rng, size, 10 / mpp) > 1.9
    body = base + 0.09 * fibres / max(float(fibres.std()), 1e-6)
    softened: NDArray[np.float32] = cv2.GaussianBlur(
        np.where(gaps, 0.03, body).astype(np.float32), (0, 0), 0.4 / mpp
    )
    return softened


def _noise(rng: np.random.Generator, size: int, sigma: float) -> NDArray[np.float32]:
    """Return smooth noise of unit variance; a long scale is drawn coarse and enlarged."""
    import cv2

    step = max(int(sigma / 2), 1)
    small = -(-size // step) + 1
    field = rng.normal(0, 1, (small, small)).astype(np.float32)
    field = cv2.GaussianBlur(field, (0, 0), max(sigma / step, 0.3))
    field = (field - field.mean()) / max(float(field.std()), 1e-6)
    if step > 1:
        field = cv2.resize(field, (small * step, small * step), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(field[:size, :size])


def _place(
    rng: np.random.Generator, size: int, mpp: float, look: TissueLook, margin_um: float
) -> NDArray[np.int32]:
    """Lay nuclei out, none over another; some are moved towards a neighbour until they touch."""
    import cv2

    wanted = int(rng.poisson(look.per_mm2 * (size * mpp) ** 2 / 1e6))
    labels = np.zeros((size, size), np.int32)
    number = 0
    places: list[tuple[float, float, float]] = []
    for _ in range(8 * wanted):
        if number == wanted:
            break
        radius = np.sqrt(look.area_um2 * np.exp(rng.normal(0, 0.25)) / np.pi) / mpp
        if places and rng.random() < look.touching:
            near = places[int(rng.integers(len(places)))]
            angle = rng.uniform(0, 2 * np.pi)
            reach = 1.02 * (radius + near[2])
            x, y = near[0] + reach * np.cos(angle), near[1] + reach * np.sin(angle)
            free = 0.90  # so near that the outlines touch
        else:
            x, y = rng.uniform(0, size, 2)
            free = 1.5
        edge = margin_um / mpp + 1.35 * radius if margin_um else 0.0
        if not (edge <= x <= size - edge and edge <= y <= size - edge):
            continue
        if any((x - a) ** 2 + (y - b) ** 2 < (free * (radius + r)) ** 2 for a, b, r in places):
            continue
        outline = _outline(rng, x, y, radius)
        stamp = np.zeros_like(labels, dtype=np.uint8)
        cv2.fillPoly(stamp, [np.rint(outline * 16).astype(np.int32)], 1, shift=4)
        new = (stamp > 0) & (labels == 0)
        if new.sum() < 0.8 * max(int(stamp.sum()), 1):
            continue
        number += 1
        labels[new] = number
        places.append((float(x), float(y), float(radius)))
    return labels


def _outline(rng: np.random.Generator, x: float, y: float, radius: float) -> NDArray[np.float64]:
    """Return the corners of an ellipse with a few smooth dents, of the area of the circle."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    stretch = np.sqrt(rng.uniform(1.0, 1.6))
    dents = np.ones(_CORNERS)
    for order in range(2, 2 + _HARMONICS):
        dents += rng.normal(0, 0.035 / (order - 1)) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    along, across = radius * stretch * np.cos(angle) * dents, radius / stretch * np.sin(angle) * dents
    turn = rng.uniform(0, np.pi)
    return np.column_stack(
        [x + along * np.cos(turn) - across * np.sin(turn), y + along * np.sin(turn) + across * np.cos(turn)]
    )
