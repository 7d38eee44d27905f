"""Pictures of two axes, pixel by pixel, for networks: no brain, no millimetres, no mask."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Task
from normwise.errors import FeatureError, ImageError, NormwiseWarning
from normwise.features.extractor import ExtractionContext, hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.features.voxels.batches import run_rows
from normwise.images import is_picture, read_flat, read_volume
from normwise.networks.images import image_columns
from normwise.results import FeatureNote
from normwise.schema import ImagesSection

__all__ = ["MOST_PIXELS", "extract_pictures", "look_at_pictures", "measure_picture", "picture_shape"]

MOST_PIXELS = 1 << 18
"""Of one picture, 512 × 512: each is a column, and a classifier may keep several copies of all rows."""

_VERSION = "2"


def picture_shape(images: Iterable[str]) -> tuple[int, int] | None:
    """Return height and width of the first image that can be read, or None where that is a volume.

    Raises
    ------
    FeatureError
        FEA-306, there are pictures, and not one can be read; FEA-309, it has too many pixels.
    """
    unread = 0
    for image in images:
        picture = is_picture(image)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NormwiseWarning)  # raised again where all are read
                if not picture and 1 not in read_volume(image).shape:
                    return None
                height, width = read_flat(image).shape
        except ImageError:
            unread += picture
            continue
        _check_size(Path(image).name, height, width)
        return height, width
    if unread:
        raise FeatureError(
            "FEA-306",
            "not one picture can be read.",
            seen=f"{unread} pictures",
            expected="PNG, JPEG, or DICOM of one frame",
            advice="check cohort.images, and open one of the files in a viewer",
        )
    return None


def _check_size(name: str, height: int, width: int) -> None:
    if height * width > MOST_PIXELS:
        raise FeatureError(
            "FEA-309",
            "the pictures have too many pixels for a network of the whole picture.",
            subject=name,
            seen=f"{height} × {width}",
            expected=f"at most {MOST_PIXELS} pixels, as 512 × 512",
            advice="make all of them smaller beforehand, to one size",
        )


def look_at_pictures(tasks: Sequence[Task]) -> None:
    """Refuse images of which none can be read, and pictures that are not of one size or too large.

    Parameters
    ----------
    tasks : sequence of Task
        `measure_shape` of a few images.

    Raises
    ------
    NormwiseError
        That of the first image where none can be read; FEA-308 and FEA-309 of pictures.
    """
    outcomes = ExtractionContext().run_scans(measure_shape, tasks, version="1", title="a look at the images")
    shapes = {each.subject: np.asarray(each.value["shape"]).tolist() for each in outcomes if each.value}
    if not shapes and outcomes:
        raise next(each.error for each in outcomes if each.error is not None)
    flat = {scan: shape for scan, shape in shapes.items() if len(shape) == 2}
    for scan, (height, width) in flat.items():
        _check_size(scan, height, width)
        _check_shape([height, width], next(iter(flat.values())), scan)


def measure_shape(image: str) -> dict[str, list[int]]:
    """Return height and width of a picture, or the voxels along each axis of a volume."""
    if not is_picture(image) and 1 not in (shape := read_volume(image).shape):
        return {"shape": list(shape)}
    return {"shape": list(read_flat(image).shape)}


def extract_pictures(
    images: Mapping[str, str], shape: tuple[int, int], section: ImagesSection, context: ExtractionContext
) -> FeatureTable:
    """Read every picture, each of the shape of the first.

    Parameters
    ----------
    images : mapping of str to str
        Picture of each scan.
    shape : tuple of int
        From `picture_shape`.
    section : ImagesSection
        Its ``mask`` is of the brain, and not used here; nor is ``voxel_size_mm``.
    context : ExtractionContext
        What may be used.

    Warns
    -----
    NormwiseWarning
        FEA-907, a mask is given.
    """
    if section.mask is not None:
        text = "pictures of two axes are taken whole: features.mask is not used."
        warnings.warn(NormwiseWarning("FEA-907", text, subject="features.mask"), stacklevel=2)
    made = hash_settings(extractor="images", pictures=_VERSION, shape=shape)
    tasks = [
        Task(scan, {"image": image, "shape": list(shape)}, (Path(image),)) for scan, image in images.items()
    ]
    values, scans, failures = run_rows(
        tasks, shape[0] * shape[1], context, made, measure=measure_picture, version=_VERSION, title="pictures"
    )
    frame = pd.DataFrame(values, index=pd.Index(scans, name="id"), columns=image_columns(shape), copy=False)
    text = "Intensity of the pixel with these indices, of {} × {}, from the top and from the left".format(
        *shape
    )
    return FeatureTable(frame, {"image_*": FeatureNote("intensity", text)}, failures, made)


def measure_picture(image: str, shape: list[int]) -> dict[str, NDArray[np.float32]]:
    """Read one picture as a row.

    Raises
    ------
    ImageError
        It can't be read, or is a volume.
    FeatureError
        FEA-308, it has another size than the first.
    """
    picture = read_flat(image)
    _check_shape(list(picture.shape), shape)
    return {"voxels": picture.ravel()}


def _check_shape(found: list[int], shape: list[int], scan: str | None = None) -> None:
    if found != shape:
        raise FeatureError(
            "FEA-308",
            "the picture has another size than the first.",
            subject=scan,
            seen="{} × {} pixels, height first".format(*found),
            expected="{} × {}".format(*shape),
            advice="bring all pictures to one size and one scale beforehand",
        )
