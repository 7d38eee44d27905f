"""The work of one process on one given label map: volumes, and with its image intensity and thickness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.atlases import Placement, place_labels
from normwise.features.brain.grids import box_affine, box_around, crop
from normwise.features.brain.label_schemes import LabelScheme, load_scheme
from normwise.features.brain.measures import mean_thickness, measure_thickness
from normwise.features.brain.quality import check_contrast
from normwise.features.brain.registration.reference import to_voxels
from normwise.features.brain.settings import ChainSettings
from normwise.features.regions.statistics import INTENSITY_STATISTICS, region_statistics
from normwise.features.regions.tissue import TissueModel, bias_field, first_white
from normwise.images import LabelVolume, Volume, read_head, read_labels, same_grid
from normwise.results import Quality

__all__ = [
    "IMAGE_MEASURES",
    "WHOLE_CORTEX",
    "has_parcels",
    "load_map_scheme",
    "measure_map",
    "measure_on_image",
]

IMAGE_MEASURES = (*(f"intensity_{name}" for name in INTENSITY_STATISTICS), "thickness_mm")
"""What is measured with the image beside the map."""

WHOLE_CORTEX = {3: "Left-Cerebral-Cortex", 42: "Right-Cerebral-Cortex"}
"""FreeSurfer's numbers of a cortex that is not divided."""

_HYPOINTENSITIES = (77, 78, 79)  # FreeSurfer's numbers: white matter of its own brightness
_MOST_OUTSIDE = 0.05  # of the labelled voxels, as of an atlas
_BORDER = 0.5  # between a voxel of white matter and one of cortex the border runs midway


def load_map_scheme(lut: Path | None, *, whole_cortex: bool) -> LabelScheme:
    """Load what the labels of given maps mean.

    Parameters
    ----------
    lut : Path or None
        Look-up table; default: FreeSurfer's numbers.
    whole_cortex : bool
        Whether the cortex is one region a side, as in ``aseg.mgz`` and in SynthSeg's maps without parcels;
        with a look-up table, that says it.

    Raises
    ------
    FeatureError
        FEA-101, neither a look-up table nor the installed atlas.
    """
    scheme = load_scheme("desikan_killiany", lut)
    if lut is not None or not whole_cortex:
        return scheme
    cerebellum = tuple(label for label in scheme.cortex if scheme.is_cerebellum(label))
    kept = {
        label: raw for label, raw in scheme.names.items() if label not in {*scheme.cortex} - {*cerebellum}
    }
    return replace(scheme, cortex=(*cerebellum, *WHOLE_CORTEX), names=kept | WHOLE_CORTEX)


def measure_map(
    labels: str, *, lut: str | None = None, image: str | None = None, scratch: str | None = None
) -> dict[str, NDArray[np.generic] | list[Any]]:
    """Measure one label map.

    Parameters
    ----------
    labels : str
        A NIfTI or MGH file.
    lut : str, optional
        Its look-up table; default: FreeSurfer's numbers. Only what is measured on the image needs it.
    image : str, optional
        The T1-weighted head that was labelled, in the same space; its grid may be another.
    scratch : str, optional
        Folder of temporary files.

    Returns
    -------
    dict
        ``labels`` that are there, and ``volume_mm3``, of shape (n_labels,). With an image ``feature_names``,
        ``feature_values``, and ``quality``, one list a check.

    Raises
    ------
    ImageError
        Map or image can't be read.
    FeatureError
        FEA-301, the image does not cover the map; FEA-303, it is not brighter than 0 there.
    """
    volume = read_labels(labels)
    present, counts = np.unique(volume.voxels, return_counts=True)
    found: dict[str, Any] = {"labels": present, "volume_mm3": counts * volume.voxel_mm3}
    if image is None:
        return found
    path = Path(lut) if lut is not None else None
    scheme = load_map_scheme(path, whole_cortex=False)
    if not has_parcels(scheme, present):
        scheme = load_map_scheme(path, whole_cortex=True)
    head = read_head(image, scratch=Path(scratch) if scratch else None)
    features, contrast = measure_on_image(volume, head, scheme)
    return found | {
        "feature_names": list(features),
        "feature_values": np.array(list(features.values()), dtype=np.float64),
        "quality": [list(asdict(contrast).values())],
    }


def has_parcels(scheme: LabelScheme, present: NDArray[np.integer[Any]]) -> bool:
    """Return whether a map divides the cerebral cortex."""
    parcels = [label for label in scheme.cortex if not scheme.is_cerebellum(label)]
    return bool(np.isin(parcels, present).any())


def measure_on_image(
    labels: LabelVolume, head: Volume, scheme: LabelScheme
) -> tuple[dict[str, float], Quality]:
    """Measure intensity and thickness of the regions that a map has.

    As in the chain of raw heads, shading is taken out, white matter is 1, and thickness is twice the mean
    distance to white matter; the ribbon is the map's, every voxel wholly grey or white.

    Parameters
    ----------
    labels : LabelVolume
        The map.
    head : Volume
        The image, in the same space in mm.
    scheme : LabelScheme
        What its labels mean.

    Returns
    -------
    features : dict of str to float
        Columns ``region.measure`` for `IMAGE_MEASURES`.
    contrast : Quality
        White to grey matter: little where the image is of another space or contrast.

    Raises
    ------
    FeatureError
        FEA-301, FEA-303; see `measure_map`.
    """
    placed = place_labels(labels)
    values = _sample(labels, head, placed)
    grey, white = (np.isin(placed.labels, kind)[placed.regions] for kind in (scheme.cortex, scheme.white))
    values, contrast = _correct(values, placed.places(labels), grey, white)
    regions = {label: name for label, name in scheme.regions.items() if label in placed.labels}
    table = region_statistics(values, placed.regions, len(placed.labels))
    row_of = {int(label): row for row, label in enumerate(placed.labels)}
    features = {
        f"{name}.intensity_{statistic}": float(table[statistic][row_of[label]])
        for label, name in regions.items()
        for statistic in INTENSITY_STATISTICS
    }
    return features | _thicknesses(labels, scheme, regions), contrast


def _sample(labels: LabelVolume, head: Volume, placed: Placement) -> NDArray[np.float32]:
    """Return the image's intensity in every labelled voxel, by linear interpolation where grids differ."""
    if same_grid(head, labels):
        return placed.values(head)
    from scipy.ndimage import map_coordinates

    where = to_voxels(head.affine, placed.places(labels).T)
    ends = np.array(head.shape)[:, None] - 0.5
    outside = float(((where < -0.5) | (where > ends)).any(axis=0).mean()) if where.size else 0.0
    if outside > _MOST_OUTSIDE:
        raise FeatureError(
            "FEA-301",
            f"{outside:.0%} of the label map lies outside the image.",
            expected=f"at most {_MOST_OUTSIDE:.0%} outside: the image that was labelled, in the same space",
            advice="give the image that the map was made of, as norm.mgz beside aparc+aseg.mgz, or leave "
            "cohort.images out to measure volumes only",
        )
    sampled: NDArray[np.float32] = map_coordinates(head.voxels, where, order=1, mode="nearest")
    return sampled


def _correct(
    values: NDArray[np.float32],
    places: NDArray[np.float32],
    grey: NDArray[np.bool_],
    white: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], Quality]:
    """Take the shading out and divide by white matter's median, as far as there is white matter."""
    first_white(values)
    medians = [float(np.median(values[kind])) if kind.any() else np.nan for kind in (grey, white)]
    if 0 < medians[0] < medians[1]:
        model = TissueModel(np.array([0.0, *medians]), np.ones(3))
        values = values / bias_field(values, places, model)
    peak = np.float32(np.median(values[white])) if white.any() else np.float32(np.nan)
    contrast = check_contrast(values[grey], values[white])
    return values / (peak if peak > 0 else np.float32(np.nan)), contrast


def _thicknesses(labels: LabelVolume, scheme: LabelScheme, regions: Mapping[int, str]) -> dict[str, float]:
    cortex = [label for label in scheme.cortex if label in regions and not scheme.is_cerebellum(label)]
    core = [label for label in scheme.white if not scheme.is_cerebellum(label)]
    ribbon = np.isin(labels.voxels, cortex)
    if not ribbon.any():
        return {}
    box = box_around(labels.voxels)
    boxed = crop(labels.voxels, box)
    white = np.isin(boxed, [*core, *(label for label in _HYPOINTENSITIES if label not in scheme.names)])
    arrays = {
        "grey_territory": np.where(crop(ribbon, box), boxed, 0),
        "grey": crop(ribbon, box).astype(np.float32),
        "white": np.float32(_BORDER) * white,
        "head_affine": box_affine(labels.affine, box),
    }
    arrays |= measure_thickness(arrays, ChainSettings())
    return mean_thickness(arrays, replace(scheme, cortex=tuple(cortex)), regions)
