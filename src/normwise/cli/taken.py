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
    "people of participants.tsv, images by BIDS layout (T1w), measured by 'regions'; dx, of which ...
    """
    from normwise.cohort import TABLE_SUFFIXES, bids_suffix
    from normwise.run_folder import RunFolder

    table = source.suffix.lower() in TABLE_SUFFIXES
    if not table and (not source.is_dir() or (source / RunFolder.STUDY).is_file()):
        return ""
    section, features = study.cohort, study.features
    suffix, subjects = bids_suffix(section.images), getattr(features, "subjects_dir", None)
    places = [f"folders of FreeSurfer in {subjects}"] if subjects else []
    if section.images is not None:
        places.append(f"images by BIDS layout ({suffix})" if suffix else f"images {section.images}")
    named = f" by {section.id}" if section.id != type(section).model_fields["id"].default else ""
    given = [f"people of {section.table}{named}", *places]
    what = (
        f"{section.target} is predicted"
        if section.target
        else f"{section.label}, of which {section.normal!r} is normal"
    )
    corrected = ", ".join(section.demographics) or "nothing"
    return f"{', '.join(given)}, measured by {features.extractor!r}; {what}; corrected for {corrected}"
