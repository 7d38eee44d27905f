"""What a command takes of a folder or table that is given in place of a study file, in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from normwise.schema import Study

__all__ = ["describe_taken"]


def describe_taken(source: Path, study: Study) -> str:
    """Return in a sentence what is taken of a source; empty where it is a study or a run.

    Parameters
    ----------
    source : Path
        As the command was given it.
    study : Study
        With its extractor.

    Examples
    --------
    >>> from normwise.schema import Study
    >>> keys = {"cohort": {"images": "bids", "label": "dx", "normal": "HC", "demographics": ["age"]}}
    >>> describe_taken(Path(), Study.model_validate(keys))
    "people of participants.tsv, images by BIDS layout, measured by 'regions'; dx, of which 'HC' is ...
    """
    from normwise.cohort import TABLE_SUFFIXES
    from normwise.run_folder import RunFolder

    table = source.suffix.lower() in TABLE_SUFFIXES
    if not table and (not source.is_dir() or (source / RunFolder.STUDY).is_file()):
        return ""
    section, features = study.cohort, study.features
    places = [
        getattr(features, "subjects_dir", None) and f"folders of FreeSurfer in {features.subjects_dir}",  # type: ignore[attr-defined]  # of that extractor
        section.images
        and ("images by BIDS layout" if section.images.startswith("bids") else f"images {section.images}"),
    ]
    given = [f"people of {section.table}", *(place for place in places if place)]
    what = (
        f"{section.target} is predicted"
        if section.target
        else f"{section.label}, of which {section.normal!r} is normal"
    )
    corrected = ", ".join(section.demographics) or "nothing"
    return f"{', '.join(given)}, measured by {features.extractor!r}; {what}; corrected for {corrected}"
