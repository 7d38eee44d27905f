"""``voxels``: every voxel of the brain as a feature, smoothed and on one coarse grid."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from normwise.cohort import Cohort
from normwise.features.extractor import ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import FeatureTable
from normwise.features.voxels.batches import run_sampling
from normwise.features.voxels.sampling import SAMPLING_VERSION, first_grid, make_sampling
from normwise.results import FeatureNote
from normwise.schema import Study, VoxelsSection

__all__ = ["extract"]


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Sample every image at the same points of the brain."""
    section = study.features_of(VoxelsSection)
    images = image_paths(cohort, "voxels come from images", '"volumes/{ID}.nii.gz"')
    mask = (study.cohort.root or Path()) / section.mask if section.mask is not None else None
    grid = first_grid(images.values()) if section.voxel_size_mm == 0 else None
    sampling = make_sampling(mask, section.voxel_size_mm, section.smoothing_mm, grid)
    made = hash_settings(extractor="voxels", version=SAMPLING_VERSION, sampling=sampling.digest())
    values, scans, failures = run_sampling(images, sampling, context, made)
    frame = pd.DataFrame(values, index=pd.Index(scans, name="id"), columns=sampling.names(), copy=False)
    note = FeatureNote("intensity", "Intensity at this place in mm to the right, front and top, smoothed")
    return FeatureTable(frame, {"voxel_*": note}, failures, made)
