"""``images``: whole images on one coarse grid; ``trunk`` and ``autoencoder`` learn from the same.

Every image is read by the guarded reader in a process of its own, smoothed as the grid requires, cut to the
box around the mask and resampled once. The rows lie in one memory-mapped file, with one column a voxel, so
that splitters, the normalizer and networks all take the same table, and other processes get the file's path
and the rows. Pictures of two axes keep their pixels: see ``pictures``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from normwise.cohort import Cohort
from normwise.features.extractor import ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import FeatureTable
from normwise.features.voxels.batches import run_sampling
from normwise.features.voxels.pictures import extract_pictures, picture_shape
from normwise.features.voxels.sampling import first_grid, image_box, resample_image
from normwise.networks.images import image_columns
from normwise.results import FeatureNote
from normwise.schema import ImagesSection, Study

__all__ = ["extract"]

IMAGES_VERSION = "1"
"""Raised whenever the numbers change."""


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Resample every image to the same grid."""
    section = study.features_of(ImagesSection)
    images = image_paths(cohort, "a network takes images", '"volumes/{ID}.nii.gz"')
    if (shape := picture_shape(images.values())) is not None:
        return extract_pictures(images, shape, section, context)
    mask = (study.cohort.root or Path()) / section.mask if section.mask is not None else None
    grid = first_grid(images.values()) if section.voxel_size_mm == 0 else None
    sampling, box = image_box(mask, section.voxel_size_mm, grid)
    made = hash_settings(extractor="images", version=IMAGES_VERSION, sampling=sampling.digest())
    values, scans, failures = run_sampling(
        images, sampling, context, made, measure=resample_image, version=IMAGES_VERSION, title="images"
    )
    frame = pd.DataFrame(values, index=pd.Index(scans, name="id"), columns=image_columns(box), copy=False)
    text = "Intensity of the voxel with these indices, of {} × {} × {}, right, front and up".format(*box)
    return FeatureTable(frame, {"image_*": FeatureNote("intensity", text)}, failures, made)
