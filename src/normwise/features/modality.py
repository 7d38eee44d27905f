"""Which contrast the layout of a dataset says that its images have, and extractors that need another."""

from __future__ import annotations

from normwise.cohort import bids_suffix
from normwise.errors import FeatureError
from normwise.schema import Study

__all__ = ["is_t1_weighted", "refuse_other_contrast"]


def is_t1_weighted(study: Study) -> bool:
    """Return whether nothing says that the images are no T1-weighted ones."""
    return bids_suffix(study.cohort.images) in (None, "T1w")


def refuse_other_contrast(study: Study, what: str) -> None:
    """Refuse images of another contrast before anybody is measured.

    Parameters
    ----------
    study : Study
        Its ``cohort.images`` may ask for another contrast by layout.
    what : str
        What needs T1-weighted images.

    Raises
    ------
    FeatureError
        FEA-111.
    """
    if not is_t1_weighted(study):
        raise FeatureError(
            "FEA-111",
            f"{what} need T1-weighted images.",
            subject="cohort.images",
            seen=f"{study.cohort.images!r}",
            expected="T1w",
            advice="measure other contrasts by --extractor voxels, by images for a network, or by regions "
            "with --statistics mean sd, on images in MNI152 space",
        )
