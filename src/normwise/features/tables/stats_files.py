"""The stats files of one FreeSurfer or FastSurfer subject."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.path_templates import read_small_text
from normwise.features.tables.freesurfer_names import feature_name, region_of, release_of, unitless_measure
from normwise.schema import listed

__all__ = ["PARCELLATIONS", "Origin", "has_parcellation", "read_subject", "warn_of_unread"]


@dataclass
class Origin:
    """Where features come from.

    Attributes
    ----------
    names : dict of str to dict
        By feature, FreeSurfer's own names of it.
    releases : Counter of str
        How many scans each release of FreeSurfer has measured, as far as its files say it.
    """

    names: dict[str, dict[str, None]] = field(default_factory=dict)
    releases: Counter[str] = field(default_factory=Counter)

    def warn_of_releases(self) -> None:
        """Say where people were measured by different releases.

        Warns
        -----
        NormwiseWarning
            FEA-905, with the releases and their scans.
        """
        if len(self.releases) > 1:
            said = ", ".join(f"{release} for {count}" for release, count in sorted(self.releases.items()))
            text = (
                f"FreeSurfer of different releases ({said} scans): what was renamed between them is one "
                "column, but they measure the same brain differently."
            )
            warnings.warn(NormwiseWarning("FEA-905", text, value=len(self.releases)), stacklevel=2)


PARCELLATIONS = ("aparc", "aparc.DKTatlas.mapped", "aparc.DKTatlas")
"""Parcellations of the cortex, by the names of their files: FreeSurfer's, FastSurfer's, the DKT atlas."""


def _stats_files(parcellation: str) -> tuple[str, str, str]:
    """Return the files that are read of a subject's folder."""
    return "aseg.stats", f"lh.{parcellation}.stats", f"rh.{parcellation}.stats"


def has_parcellation(folder: Path, parcellation: str) -> bool:
    """Return whether a subject's folder has a file of a parcellation."""
    return any((folder / "stats" / name).is_file() for name in _stats_files(parcellation)[1:])


_MOST_BYTES = 4 * 1024**2
# Of each column what is measured, and what the wide tables write behind a structure's name.
_ASEG = {"Volume_mm3": ("volume_mm3", "")}
_APARC = {
    "SurfArea": ("area_mm2", "_area"),
    "GrayVol": ("volume_mm3", "_volume"),
    "ThickAvg": ("thickness_mm", "_thickness"),
}
_VERSION = re.compile(r"# cvs_version (\d+\.\d+\S*)")
_UNITS = {"mm^3": "volume_mm3", "mm^2": "area_mm2", "mm": "thickness_mm"}


def read_subject(
    folder: Path, subject: str, parcellation: str = PARCELLATIONS[0], origin: Origin | None = None
) -> dict[str, str]:
    r"""Read the stats files of one subject's folder.

    Parameters
    ----------
    folder : Path
        ``SUBJECTS_DIR/subject``.
    subject : str
        Whom errors name.
    parcellation : str
        Of the cortex, as in `PARCELLATIONS`.
    origin : Origin, optional
        Where FreeSurfer's own names and its release are noted.

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
    values: dict[str, str] = {}
    owns: dict[str, str] = {}
    versions: list[str] = []
    files = _stats_files(parcellation)
    for name in files:
        path = folder / "stats" / name
        if path.is_file():
            hemisphere = name[:3].replace(".", "_") if name != files[0] else ""
            found = _read(path, subject, hemisphere, versions)
            # Later files repeat the whole brain's measures; those of the first are taken.
            values = {**{feature: number for feature, (_, number) in found.items()}, **values}
            owns = {**{feature: own for feature, (own, _) in found.items()}, **owns}
    if not folder.is_dir():
        raise _no_folder(folder, subject)
    if not values:
        stats = sorted(path.name for path in (folder / "stats").glob("*.stats"))
        there = f"; there are {', '.join(stats[:6])}" if stats else ""
        advice = "check features.subjects_dir and whether recon-all finished"
        if any(name.startswith("aseg+DKT") for name in stats):
            advice = (
                "FastSurfer ran with --seg_only: run its surface part too, or give the table of "
                "asegstats2table --statsfile=aseg+DKT.stats as features.table"
            )
        raise FeatureError(
            "FEA-213",
            "there are no FreeSurfer statistics of this subject.",
            subject=subject,
            seen=f"none of {', '.join(files)} in {folder.name}/stats{there}",
            advice=advice,
        )
    if origin is not None:
        for feature, own in owns.items():
            origin.names.setdefault(feature, {})[own] = None
        origin.releases.update(versions[:1] or release_of(map(region_of, owns.values())))
    return values


def _no_folder(folder: Path, subject: str) -> FeatureError:
    there = sorted(path.name for path in folder.parent.glob("*/") if (path / "stats").is_dir())
    return FeatureError(
        "FEA-213",
        "there is no folder of this subject.",
        subject=subject,
        seen=f"no {folder.name} in {folder.parent.name}, which has folders of {len(there)} subjects: "
        f"{listed(there, most=4)}"
        if there
        else f"no {folder.name} in {folder.parent.name}, and none of another subject",
        advice="check features.subjects_dir and whether recon-all ran; where folders have other names than "
        'people, put these into a column of the table: features.subjects_dir = "freesurfer/{folder}"',
    )


def warn_of_unread(folders: Mapping[str, Path], parcellation: str) -> None:
    """Say which of the files nobody has, since what they measure is no feature then.

    Parameters
    ----------
    folders : mapping of str to Path
        Of the subjects that were read.
    parcellation : str
        Of the cortex.

    Warns
    -----
    NormwiseWarning
        FEA-909, with the parcellations that lie there in place of the one that is read.
    """
    files = _stats_files(parcellation)
    stats = [folder / "stats" for folder in folders.values()]
    lacking = [name for name in files if not any((place / name).is_file() for place in stats)]
    if not lacking or not stats:
        return
    left = sorted({path.name for place in stats for path in place.glob("lh.aparc*.stats")})
    if lacking == list(files[1:]) and not left:
        return  # whoever has the segmentation alone has all that there is
    names = (name.removeprefix("lh.").removesuffix(".stats") for name in left)
    cortex = [name for name in names if name != parcellation and "pial" not in name]
    instead = (
        f" There are ?h.{cortex[0]}.stats, which --features.parcellation {cortex[0]} reads." if cortex else ""
    )
    text = f"nobody's folder has {listed(lacking)}, so what is measured there is no feature.{instead}"
    warnings.warn(NormwiseWarning("FEA-909", text, subject="features.subjects_dir"), stacklevel=3)


def _read(path: Path, subject: str, hemisphere: str, versions: list[str]) -> dict[str, tuple[str, str]]:
    """Return FreeSurfer's own name and the number of every feature, and note the version."""
    found: dict[str, tuple[str, str]] = {}
    rows: dict[str, str] = {}
    columns: list[str] = []
    wanted = _APARC if hemisphere else _ASEG
    for number, line in enumerate(_lines(path, subject), start=1):
        cells = line.split()
        if line.startswith("# Measure "):
            fields = [each.strip() for each in line.removeprefix("# Measure ").split(",")]
            measure = _UNITS.get(fields[-1]) or unitless_measure(fields[1]) if len(fields) >= 5 else None
            if measure is not None:
                # A hemisphere's own are areas and thickness of its cortex; volumes are the whole brain's.
                own = hemisphere if fields[0] == "Cortex" and measure != "volume_mm3" else ""
                found[feature_name(own + fields[1], measure)] = (own + fields[1], fields[-2])
        elif version := _VERSION.match(line):
            versions.append(version[1])
        elif line.startswith("# ColHeaders"):
            columns = cells[2:]
        elif cells and not line.startswith("#"):
            if len(cells) != len(columns) or "StructName" not in columns:
                raise _damaged(
                    path, subject, f"line {number} has {len(cells)} cells, the head {len(columns)}"
                )
            row = dict(zip(columns, cells, strict=True))
            for column, (measure, word) in wanted.items():
                if column in row:
                    structure = hemisphere + row["StructName"]
                    feature, value = feature_name(structure, measure), (structure + word, row[column])
                    own, number_there = found.get(feature, value)
                    if rows.setdefault(value[0], value[1]) != value[1]:
                        raise _damaged(path, subject, f"line {number} has {structure} a second time")
                    # Releases call one structure differently, and a list of names can hold both: 0 is absent.
                    if _is_zero(number_there) or feature not in found:
                        found[feature] = value
                    elif not _is_zero(value[1]) and value[1] != number_there:
                        both = f"{own} ({number_there}) and {value[0]} ({value[1]}), which are one structure"
                        raise _damaged(path, subject, f"line {number}: {both}")
    if not columns:
        raise _damaged(path, subject, "no line of column heads")
    return found


def _is_zero(cell: str) -> bool:
    return not cell.strip("0.")


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
