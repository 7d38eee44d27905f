"""Simulated organs of three thin limbs, as adrenal glands: 64³ voxels of 1 mm, well or ill."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

SIZE = 64


def draw_gland(rng: np.random.Generator, kind: str = "normal") -> np.ndarray:
    """Draw the mask of one gland, turned at random.

    Parameters
    ----------
    rng : Generator
        Length, height, thickness, bends, place and edges of everybody's limbs differ.
    kind : str
        ``normal``; ``hyperplasia``, thicker all over by 15 to 60 %; ``nodule``, a ball of 3 to 9 mm radius.
    """
    size = rng.lognormal(0.0, 0.12)
    thickness = (
        rng.lognormal(np.log(4.2), 0.14) * size * (rng.uniform(1.15, 1.6) if kind == "hyperplasia" else 1.0)
    )
    points, radii = [], []
    for limb, angle in enumerate((0.0, np.pi - rng.uniform(0.25, 0.7), np.pi + rng.uniform(0.25, 0.7))):
        length = size * rng.uniform(8, 14) * (0.7 if limb == 0 else 1.0)
        height = size * rng.uniform(14, 24)
        u, v = np.meshgrid(np.arange(0, length, 0.5), np.arange(-height / 2, height / 2, 0.5))
        u, v = u.ravel(), v.ravel()
        keep = (u / length) ** 2 + (2 * v / height) ** 2 < 1.05
        u, v = u[keep], v[keep]
        bend = rng.normal(0, 0.02)
        turn = angle + bend * u + rng.normal(0, 0.01) * v
        points.append(np.stack([u * np.cos(turn), u * np.sin(turn), v + 0.15 * u * rng.normal()], axis=1))
        wave = 1 + 0.15 * np.sin(u / 4 + rng.uniform(0, 6)) * np.cos(v / 5 + rng.uniform(0, 6))
        radii.append(thickness / 2 * wave * (1.15 - 0.35 * u / length))
    places, radius = np.concatenate(points), np.concatenate(radii)
    if kind == "nodule":
        places = np.vstack([places, places[rng.integers(len(places))] + rng.normal(0, 1, 3)])
        radius = np.append(radius, rng.uniform(3, 9))
    turned = places @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned += SIZE / 2 - (turned.max(axis=0) + turned.min(axis=0)) / 2 + rng.uniform(-1, 1, 3)
    # The nearest place of the limbs says how thick they are there; a nodule reaches farther than the nearest.
    seeds = np.ones((SIZE,) * 3, dtype=bool)
    thick = np.zeros((SIZE,) * 3)
    where = tuple(np.clip(np.round(turned), 1, SIZE - 2).astype(int).T)
    seeds[where] = False
    np.maximum.at(thick, where, radius)
    distance, nearest = distance_transform_edt(seeds, return_indices=True)
    depth = thick[tuple(nearest)] - distance
    if kind == "nodule":
        away = np.indices((SIZE,) * 3) - turned[-1][:, None, None, None]
        depth = np.maximum(depth, radius[-1] - np.linalg.norm(away, axis=0))
    rough = gaussian_filter(rng.normal(size=depth.shape), 1.5)
    return depth + 0.5 * rough / rough.std() > 0


def draw_glands(n: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw glands of which about a quarter is ill, and who is."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["normal", "hyperplasia", "nodule"], n, p=[0.7, 0.15, 0.15])
    return [draw_gland(rng, kind) for kind in kinds], kinds != "normal"
