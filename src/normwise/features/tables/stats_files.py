"""FreeSurfer's ``stats/*.stats`` files: text with commented heads."""

from __future__ import annotations

from pathlib import Path

from normwise.errors import FeatureError
from normwise.features.path_templates import read_small_text
from normwise.features.tables.freesurfer_names import feature_name

__all__ = ["STATS_FILES", "read_subject"]

STATS_FILES = ("aseg.stats", "lh.aparc.stats", "rh.aparc.stats")
"""What a subject's folder is asked for."""

_MOST_BYTES = 4 * 1024**2
_ASEG = {"Volume_mm3": "volume_mm3"}
_APARC = {"SurfArea": "area_mm2", "GrayVol": "volume_mm3", "ThickAvg": "thickness_mm"}
_UNITS = {"mm^3": "volume_mm3", "mm^2": "area_mm2", "mm": "thickness_mm"}


def read_subject(folder: Path, subject: str) -> dict[str, str]:
    r"""Read the stats files of one subject's folder.

    Parameters
    ----------
    folder : Path
        ``SUBJECTS_DIR/subject``.
    subject : str
        Whom errors name.

    Returns
    -------
    dict of str to str
        Feature and its number as text, of the files that are there.

    Raises
    ------
    FeatureError
        FEA-213 none of the files is there; FEA-214 one of them is damaged.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "stats").mkdir()
    >>> _ = (folder / "stats" / "aseg.stats").write_text(
    ...     "# Measure EstimatedTotalIntraCranialVol, eTIV, Intracranial Volume, 1525462.6, mm^3\n"
    ...     "# ColHeaders Index SegId NVoxels Volume_mm3 StructName\n 1 17 4021 4088.2 Left-Hippocampus\n")
    >>> read_subject(folder, "sub-01")
    {'intracranial.volume_mm3': '1525462.6', 'hippocampus_left.volume_mm3': '4088.2'}
    """
    found: dict[str, str] = {}
    for name in STATS_FILES:
        path = folder / "stats" / name
        if path.is_file():
            hemisphere = name[:3].replace(".", "_") if name != "aseg.stats" else ""
            # Later files repeat the whole brain's measures; the first says them.
            found = {**_read(path, subject, hemisphere), **found}
    if not found:
        raise FeatureError(
            "FEA-213",
            "there are no FreeSurfer statistics of this subject.",
            subject=subject,
            seen=f"none of {', '.join(STATS_FILES)} in {folder / 'stats'}",
            advice="check features.subjects_dir and whether recon-all finished",
        )
    return found


def _read(path: Path, subject: str, hemisphere: str) -> dict[str, str]:
    found: dict[str, str] = {}
    heads: list[str] = []
    wanted = _APARC if hemisphere else _ASEG
    for number, line in enumerate(_lines(path, subject), start=1):
        cells = line.split()
        if line.startswith("# Measure "):
            fields = [each.strip() for each in line.removeprefix("# Measure ").split(",")]
            if len(fields) >= 5 and fields[-1] in _UNITS:
                # A hemisphere's own measures carry its name; the others are the whole brain's.
                own = hemisphere if fields[0] == "Cortex" else ""
                found[feature_name(own + fields[1], _UNITS[fields[-1]])] = fields[-2]
        elif line.startswith("# ColHeaders"):
            heads = cells[2:]
        elif cells and not line.startswith("#"):
            if len(cells) != len(heads) or "StructName" not in heads:
                raise _damaged(path, subject, f"line {number} has {len(cells)} cells, the head {len(heads)}")
            row = dict(zip(heads, cells, strict=True))
            for head, measure in wanted.items():
                if head in row:
                    found[feature_name(hemisphere + row["StructName"], measure)] = row[head]
    if not heads:
        raise _damaged(path, subject, "no line of column heads")
    return found


def _lines(path: Path, subject: str) -> list[str]:
    try:
        return read_small_text(path, _MOST_BYTES).splitlines()
    except (OSError, ValueError) as error:
        raise _damaged(path, subject, str(error)) from None


def _damaged(path: Path, subject: str, seen: str) -> FeatureError:
    return FeatureError(
        "FEA-214",
        f"{path.name} is not as FreeSurfer writes it.",
        subject=subject,
        seen=seen,
        expected="a line '# ColHeaders …' and one line a structure",
        advice="run recon-all, or its last steps, again",
    )
