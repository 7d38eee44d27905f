"""BIDS datasets and derivatives by layout: which T1-weighted image belongs to which scan.

Read are ``sub-<label>[/ses-<label>]/anat/*_T1w.nii[.gz]`` of the dataset, or, where it has none, of its only
derivative that has some; ``participants.tsv``, there or up to two folders above a derivative; and
``sub-<label>/sub-<label>_sessions.tsv``, whose columns replace the participant's for that session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from normwise.cohort.values import Problem
from normwise.errors import CohortError
from normwise.schema import listed

__all__ = ["BIDS", "Scan", "choose_image", "find_participants", "find_scans", "parse_filter", "subject_name"]

BIDS = "bids"
"""Value of ``cohort.images`` that asks for the layout; entities may follow: ``bids:acq-mprage_run-2``."""

_NAME = re.compile(r"(?P<entities>sub-[^_]+(?:_[^_-]+-[^_]+)*)_T1w\.nii(?:\.gz)?")


@dataclass(frozen=True)
class Scan:
    """The images of one session of one participant.

    Attributes
    ----------
    subject : str
        As ``sub-01``.
    session : str
        As ``ses-2``; empty where the dataset has no sessions.
    images : tuple of Path
        Every T1-weighted image found for it.
    """

    subject: str
    session: str
    images: tuple[Path, ...]


def subject_name(participant: str) -> str:
    """Return a participant's folder name, whether the table writes ``01`` or ``sub-01``."""
    return participant if participant.startswith("sub-") else f"sub-{participant}"


def find_participants(root: Path) -> Path | None:
    """Return the participants table of a dataset, or of the dataset that a derivative was made from."""
    for folder in (root, root.parent, root.parent.parent):
        if (folder / "participants.tsv").is_file():
            return folder / "participants.tsv"
        if folder.name != "derivatives" and folder.parent.name != "derivatives":
            return None
    return None


def find_scans(root: Path) -> tuple[list[Scan], list[str]]:
    """List every session that has a T1-weighted image.

    Parameters
    ----------
    root : Path
        A BIDS dataset or derivative.

    Returns
    -------
    scans : list of Scan
        By participant, then session.
    readings : list of str
        Where the images were found, if it was not the dataset itself.

    Raises
    ------
    CohortError
        COH-112 where only several derivatives have images.
    """
    scans = _scans_of(root)
    if scans:
        return scans, []
    found = {
        folder: below
        for folder in sorted(root.glob("derivatives/*"))
        if folder.is_dir() and (below := _scans_of(folder))
    }
    if len(found) > 1:
        raise CohortError(
            "COH-112",
            f"{len(found)} derivatives have T1-weighted images, the dataset itself none.",
            subject=str(root),
            seen=listed(folder.name for folder in found),
            advice="name one of these folders instead of the dataset",
        )
    for folder, below in found.items():
        return below, [f"images are those of derivatives/{folder.name}"]
    return [], []


def _scans_of(root: Path) -> list[Scan]:
    images: dict[tuple[str, str], list[Path]] = {}
    for pattern in ("sub-*/anat/sub-*_T1w.nii*", "sub-*/ses-*/anat/sub-*_T1w.nii*"):
        for path in root.glob(pattern):
            parts = path.relative_to(root).parts
            if _NAME.fullmatch(path.name) and path.name.startswith(f"{parts[0]}_"):
                images.setdefault((parts[0], parts[1] if len(parts) == 4 else ""), []).append(path)
    return [Scan(*key, tuple(sorted(images[key]))) for key in sorted(images)]


def parse_filter(images: str) -> dict[str, str]:
    """Return the entities asked for; an empty value asks for images without the entity.

    Examples
    --------
    >>> parse_filter("bids:acq-mprage_space-")
    {'acq': 'mprage', 'space': ''}
    """
    _, _, wanted = images.partition(":")
    return dict(part.strip().split("-", 1) for part in wanted.split("_") if "-" in part)


def choose_image(images: tuple[Path, ...], wanted: dict[str, str]) -> Path | Problem:
    """Choose a scan's image: the only one that fits, or the first of several runs.

    Parameters
    ----------
    images : tuple of Path
        Candidates.
    wanted : dict of str to str
        Entities, from `parse_filter`.

    Returns
    -------
    Path or Problem
        The image, or COH-215 (no image) or COH-216 (several).

    Examples
    --------
    >>> runs = (Path("sub-1_run-2_T1w.nii.gz"), Path("sub-1_run-1_T1w.nii.gz"))
    >>> choose_image(runs, {}).name, choose_image(runs, {"run": "2"}).name
    ('sub-1_run-1_T1w.nii.gz', 'sub-1_run-2_T1w.nii.gz')
    """
    named = [(entities_of(path), path) for path in images]
    fitting = [
        (entities, path)
        for entities, path in named
        if all(entities.get(key, "") == value for key, value in wanted.items())
    ]
    if not fitting:
        seen = f"; there is {listed(path.name for path in images)}" if images else ""
        return Problem(
            "COH-215",
            f"no T1-weighted image fits{seen}",
            "add the image, or ask for other entities in cohort.images",
        )
    apart = sorted(
        key for key in {k for e, _ in fitting for k in e} if len({e.get(key) for e, _ in fitting}) > 1
    )
    if len(fitting) > 1 and apart != ["run"]:
        advice = (
            f"choose with cohort.images, as {BIDS}:{apart[0]}-{fitting[0][0].get(apart[0], '')}"
            if apart
            else "keep one of them"
        )
        return Problem("COH-216", f"several images fit: {listed(path.name for _, path in fitting)}", advice)
    return min(fitting, key=lambda each: (len(each[0].get("run", "")), each[0].get("run", "")))[1]


def entities_of(path: Path) -> dict[str, str]:
    """Return a BIDS file's entities.

    Examples
    --------
    >>> entities_of(Path("sub-01_ses-2_run-1_T1w.nii.gz"))
    {'sub': '01', 'ses': '2', 'run': '1'}
    """
    found = _NAME.fullmatch(path.name)
    return dict(part.split("-", 1) for part in found["entities"].split("_")) if found else {}
