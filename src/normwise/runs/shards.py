"""One part of a study's scans at a time, on whatever machine sees the run folder; ``extract`` gathers.

A shard measures every n-th scan of the cohort, or some people's. Its results lie in ``RUN/.cache`` under the
same keys as those of a whole run, so that gathering is an ordinary run that finds everything measured, and
writes the same bytes. ``RUN/shards`` holds who was to be measured (``plan.json``), and how each shard ended,
one file a shard; it goes when the features are written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from normwise.cohort import Cohort, read_study
from normwise.engine import Limits, Progress, choose_cache, worker_count
from normwise.errors import RunError
from normwise.features import ExtractionContext, extract_part, hash_settings, read_features
from normwise.results import read_result, write_result
from normwise.run_folder import RunFolder
from normwise.runs.prepare import read_plan
from normwise.schema import Study, did_you_mean, listed

__all__ = ["ScanState", "ShardRecord", "list_states", "measure_shard"]

_PLAN = "plan.json"


@dataclass(frozen=True)
class ShardPlan:
    """Who was to be measured, and the SHA-256 of how."""

    settings: str
    scans: list[str]


@dataclass(frozen=True)
class ShardRecord:
    """How a shard ended.

    Attributes
    ----------
    number, of : int
        The shard, from 1 on, and how many there are; 0 where people were named.
    measured : list of str
        Scans with a result.
    failed : dict of str to str
        By scan, the code and the text of why it has none.
    """

    number: int = 0
    of: int = 0
    measured: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScanState:
    """One scan of a study that is measured in shards: the shard that it belongs to, and why it is missing."""

    scan: str
    shard: str
    missing: str

    @property
    def is_missing(self) -> bool:
        """Whether it has no result."""
        return bool(self.missing)


def measure_shard(
    study: Study | str | Path,
    run: str | Path,
    *,
    shard: tuple[int, int] | None = None,
    people: Sequence[str] = (),
    labelled: bool = True,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
    anew: bool = False,
) -> ShardRecord:
    """Measure some scans of a study; `prepare_run` on the same folder gathers what all shards have measured.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder.
    run : path
        The run folder, which others may work in at the same time.
    shard : tuple of int, optional
        Number of the shard, from 1 on, and how many there are: of three, the second has the second, fifth, …
        scan of the cohort.
    people : sequence of str
        In place of a shard, the people or scans to measure, with or without ``sub-``.
    labelled : bool
        Whether a diagnosis is needed.
    jobs : int, optional
        Scans at the same time; default: every CPU.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one scan may take; default: the engine's.
    cache_dir : Path, optional
        Where finished work is kept for all runs; default: as `normwise.engine.cache_place`. Results lie in
        the run folder as well.
    anew : bool
        Whether shards of another study, or of other people, may be forgotten; their results stay.

    Returns
    -------
    ShardRecord
        As written into ``RUN/shards``.

    Raises
    ------
    RunError
        RUN-103, the study is not that of the first shard; RUN-104, nobody of that name takes part.
    """
    study = study if isinstance(study, Study) else read_study(Path(study))
    folder = RunFolder(run)
    study, cohort = read_plan(study, purpose="extract", labelled=labelled)
    scans = [str(scan) for scan in cohort.frame.index]
    number, of = shard if shard is not None else (0, 0)
    part = scans[number - 1 :: of] if shard is not None else _scans_of(cohort, people)
    folder.mark()
    plan = ShardPlan(_hash_of(study), scans)
    if anew and _first_plan(folder) not in (None, plan):
        shutil.rmtree(folder / folder.SHARDS)
    _hold_plan(folder, plan)
    cache, also = choose_cache(cache_dir, folder / folder.CACHE)
    context = ExtractionContext(
        cache, worker_count(jobs), progress, limits or Limits(), run=folder.path, also=also
    )
    ended = extract_part(cohort, study, part, context) if part else {}
    record = ShardRecord(
        number,
        of,
        [scan for scan, error in ended.items() if error is None],
        {scan: f"{error.code} {error.problem}" for scan, error in ended.items() if error is not None},
    )
    named = hashlib.sha256("\n".join(part).encode()).hexdigest()[:16]
    name = f"{number}-of-{of}.json" if shard is not None else f"people-{named}.json"
    write_result(record, folder / folder.SHARDS / name)
    return record


def list_states(study: Study | str | Path, run: str | Path, *, labelled: bool = True) -> list[ScanState]:
    """Say of every scan whether it has been measured; nothing is read but the table and the shards' records.

    Parameters
    ----------
    study, run, labelled
        As of `measure_shard`.

    Returns
    -------
    list of ScanState
        In the cohort's order. Shards are counted as the finest division so far.

    Raises
    ------
    RunError
        RUN-103, the study is not that of the first shard.
    """
    study = study if isinstance(study, Study) else read_study(Path(study))
    folder = RunFolder(run)
    study, cohort = read_plan(study, purpose="extract", labelled=labelled)
    scans = [str(scan) for scan in cohort.frame.index]
    _compare(folder, ShardPlan(_hash_of(study), scans))
    records = list(_records(folder))
    measured = {scan for record in records for scan in record.measured}
    failed = {scan: why for record in records for scan, why in record.failed.items()}
    if not (folder / folder.SHARDS).is_dir() and (folder / folder.FEATURES).is_file():
        gathered = read_features(folder.path)
        measured = set(gathered.values.index)
        failed = {scan: f"{error.code} {error.problem}" for scan, error in gathered.failures.items()}
    of = max((record.of for record in records), default=0) or 1
    return [
        ScanState(
            scan, f"{place % of + 1}/{of}", "" if scan in measured else failed.get(scan, "not measured")
        )
        for place, scan in enumerate(scans)
    ]


def _records(folder: RunFolder) -> Iterator[ShardRecord]:
    for path in sorted((folder / folder.SHARDS).glob("*.json")):
        if path.name != _PLAN:
            with suppress(OSError, ValidationError):  # its scans count as not measured
                yield read_result(ShardRecord, path)


def _hash_of(study: Study) -> str:
    return hash_settings(**study.without_places().model_dump(mode="json", include={"cohort", "features"}))


def _hold_plan(folder: RunFolder, plan: ShardPlan) -> None:
    """Write the plan, or compare it with that of the shard that came first; of two at once, one is first."""
    path = folder / folder.SHARDS / _PLAN
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{_PLAN}-{os.urandom(8).hex()}")
        write_result(plan, part)
        try:
            os.link(part, path)  # never over another's
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            write_result(plan, path)
        finally:
            part.unlink(missing_ok=True)
    _compare(folder, plan)


def _first_plan(folder: RunFolder) -> ShardPlan | None:
    try:
        return read_result(ShardPlan, folder / folder.SHARDS / _PLAN)
    except FileNotFoundError:
        return None
    except ValidationError:
        return ShardPlan("", [])


def _compare(folder: RunFolder, plan: ShardPlan) -> None:
    first = _first_plan(folder)
    if first in (None, plan):
        return
    assert first is not None
    new, gone = ([scan for scan in a if scan not in set(b)] for a, b in (
        (plan.scans, first.scans), (first.scans, plan.scans)
    ))  # fmt: skip
    seen = [f"{len(first.scans)} scans then, {len(plan.scans)} now"]
    seen += [f"{what}: {listed(names, most=3)}" for what, names in (("new", new), ("gone", gone)) if names]
    if first.scans == plan.scans:
        seen = ["the same scans, measured otherwise: [cohort] or [features] differ"]
    elif not new and not gone:
        seen = ["the same scans in another order"]
    raise RunError(
        "RUN-103",
        "the study is not the one of the first shard.",
        subject=str(folder),
        seen="; ".join(seen),
        advice="put study and table back, or begin anew with --overwrite (results are kept by content)",
    )


def _scans_of(cohort: Cohort, people: Sequence[str]) -> list[str]:
    """Return the scans of people, in the cohort's order."""
    wanted: set[str] = set()
    known = {str(scan): str(group) for scan, group in cohort.groups.items()}
    for label in people:
        names = {label, f"sub-{label}", label.removeprefix("sub-")}
        found = {scan for scan, group in known.items() if scan in names or group in names}
        if not found:
            left = cohort.ledger.loc[cohort.ledger["id"].isin(names), "reason"].tolist()
            raise RunError(
                "RUN-104",
                "nobody of that name takes part.",
                subject=label,
                seen=f"left out: {left[0]}" if left else None,
                advice="" if left else did_you_mean(label, [*known, *known.values()]),
            )
        wanted |= found
    return [scan for scan in known if scan in wanted]
