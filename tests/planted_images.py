"""Images with a planted signal: a blob whose size means disease only relative to age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["PlantedCohort", "plant_blobs"]

_EDGE_SHARE = (0.10, 0.20)  # radius at the youngest and the oldest age, as a share of the image's edge
_SPREAD, _DISEASE = 0.003, 0.02  # of the radius at one age, and what disease adds; shares of the edge
_AGES = (40.0, 80.0)
_GRAIN = 0.15  # standard deviation of the background, in units of the blob's brightness


@dataclass(frozen=True, eq=False)
class PlantedCohort:
    """People, their images, and where the signal lies.

    Attributes
    ----------
    images : ndarray of shape (n_people, edge, …), float32
        A bright blob at a place of its own, on a smooth random background with grain.
    demographics : DataFrame of shape (n_people, 2)
        ``age``, in years, and ``sex``.
    labels : ndarray of shape (n_people,)
        ``normal`` or ``disease``, half of each.
    centres : ndarray of shape (n_people, ndim)
        The blob's centre, in voxels.
    radii : ndarray of shape (n_people,)
        The blob's radius, in voxels.
    """

    images: NDArray[np.float32]
    demographics: pd.DataFrame
    labels: NDArray[np.object_]
    centres: NDArray[np.float64]
    radii: NDArray[np.float64]


def plant_blobs(people: int, *, edge: int = 24, ndim: int = 2, seed: int = 0) -> PlantedCohort:
    """Draw a cohort in which only age tells whether a blob is too large.

    The blob doubles its radius from 40 to 80 years of age in everybody. Disease makes it larger by a fifth of
    that growth: six standard deviations of people of the same age, and less than the spread over all ages.
    Age and sex are distributed alike in both classes, so that neither tells anything alone.

    Parameters
    ----------
    people : int
        How many; every second one has the disease.
    edge : int
        Voxels along each axis.
    ndim : int
        2 or 3.
    seed : int
        Of everything that is drawn.

    Examples
    --------
    >>> cohort = plant_blobs(4, edge=16)
    >>> cohort.images.shape, cohort.labels.tolist()
    ((4, 16, 16), ['normal', 'disease', 'normal', 'disease'])
    """
    rng = np.random.default_rng(seed)
    ages = rng.uniform(*_AGES, people)
    ill = np.arange(people) % 2 == 1
    low, high = _EDGE_SHARE
    shares = low + (high - low) * (ages - _AGES[0]) / (_AGES[1] - _AGES[0])
    radii = edge * (shares + _DISEASE * ill + rng.normal(0, _SPREAD, people))
    margin = edge * (high + _DISEASE)
    centres = rng.uniform(margin, edge - 1 - margin, (people, ndim))
    axes = np.stack(np.meshgrid(*[np.arange(edge)] * ndim, indexing="ij"), axis=-1)
    images = np.empty((people, *[edge] * ndim), dtype=np.float32)
    for row in range(people):
        far = np.linalg.norm(axes - centres[row], axis=-1)
        blob = 1 / (
            1 + np.exp(2 * (far - radii[row]))
        )  # an edge of about one voxel, so that size is continuous
        haze = gaussian_filter(rng.normal(size=blob.shape), edge / 8)
        images[row] = blob + _GRAIN * (haze / haze.std() + rng.normal(size=blob.shape)) / 2
    demographics = pd.DataFrame({"age": ages, "sex": rng.choice(["F", "M"], people)})
    labels = np.where(ill, "disease", "normal").astype(object)
    return PlantedCohort(images, demographics, labels, centres, radii)
