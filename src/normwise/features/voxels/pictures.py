"""Pictures of two axes, pixel by pixel, for networks: no brain, no millimetres, no mask."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
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

__all__ = ["MOST_PIXELS", "extract_pictures", "measure_picture", "picture_shape"]

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
        if height * width > MOST_PIXELS:
            raise FeatureError(
                "FEA-309",
                "the pictures have too many pixels for a network of the whole picture.",
                subject=Path(image).name,
                seen=f"{height} × {width}",
                expected=f"at most {MOST_PIXELS} pixels, as 512 × 512",
                advice="make all of them smaller beforehand, to one size",
            )
        return height, width
    if unread:
        raise FeatureError(
            "FEA-306",
            "not one picture can be read.",
            seen=f"{unread} pictures",
            expected="PNG or JPEG",
            advice="check cohort.images, and open one of the files in a viewer",
        )
    return None


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
    if list(picture.shape) != shape:
        raise FeatureError(
            "FEA-308",
            "the picture has another size than the first.",
            seen="{} × {} pixels, height first".format(*picture.shape),
            expected="{} × {}".format(*shape),
            advice="bring all pictures to one size and one scale beforehand",
        )
    return {"voxels": picture.ravel()}
