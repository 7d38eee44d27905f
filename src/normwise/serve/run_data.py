"""A run as the application shows it: everybody in its table, and the numbers of one person."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from normwise.cohort import read_cohort, read_study
from normwise.errors import CommandError, NormwiseError
from normwise.features import FeatureTable, read_features
from normwise.files import unquote_formula
from normwise.model import (
    Model,
    describe_people,
    load_model,
    most_unusual,
    out_of_fold,
    train_model,
    trajectories_of,
)
from normwise.procedure import encodable_rows
from normwise.report import SavedRun, Scored, TestOf, read_run
from normwise.reprs import ShortRepr
from normwise.results import Contribution, People, Person, Prediction, Quality, Trajectory
from normwise.run_folder import RunFolder
from normwise.runs import PreparedRun, Rating, read_ratings, write_ratings

if TYPE_CHECKING:
    from normwise.schema import Study

__all__ = ["Listed", "RunData", "open_run_data"]

_KEPT = 64  # people whose numbers are kept
_CHUNK = 500  # people whose W-scores are computed at a time


@dataclass(frozen=True, repr=False)
class Listed(ShortRepr):
    """One row of the list.

    Attributes
    ----------
    scan, person, label, status, code, reason : str
        As ``cohort.tsv`` has them; ``n/a`` is empty.
    decision : str
        Empty where there is none.
    probability : float or None
        Of not being of the negative class; None also where it is withheld, outside the normal group's range.
    outcome : str
        ``right``, ``wrong``, ``no decision``, ``left out``, or empty where nothing was decided on anybody.
    most : Contribution or None
        The feature that departs most.
    quality : list of Quality
        Checks of the measurement.
    """

    scan: str
    person: str
    label: str
    status: str
    code: str
    reason: str
    decision: str = ""
    probability: float | None = None
    outcome: str = ""
    most: Contribution | None = None
    quality: list[Quality] = field(default_factory=list)

    @property
    def failed_checks(self) -> int:
        """How many checks of the measurement failed."""
        return sum(not check.passed for check in self.quality)


class RunData:
    """A run's own files, its cohort where that is still there, and a model that gives everybody's W-scores.

    Parameters
    ----------
    saved : SavedRun
        The results.
    features : FeatureTable
        As the run wrote them.
    study : Study
        The run's.
    prepared : PreparedRun or None
        Cohort and features; None where the cohort can't be read any more.
    model : Model or None
        None where no W-scores can be had.
    why : str
        Why there is no model; empty where there is one.
    """

    def __init__(
        self,
        saved: SavedRun,
        features: FeatureTable,
        study: Study,
        prepared: PreparedRun | None,
        model: Model | None,
        why: str,
    ) -> None:
        assert saved.folder is not None, "a run that is shown lies in a folder"
        self.saved, self.features, self.study = saved, features, study
        self.prepared, self.model, self.why = prepared, model, why
        self.run, self._writing = RunFolder(saved.folder), Lock()
        self.describe = lru_cache(maxsize=_KEPT)(self._describe)

    @cached_property
    def people(self) -> list[Listed]:
        """Everybody in the table, in its order."""
        try:
            text = self.run.read(self.run.COHORT).decode("utf-8")
        except FileNotFoundError:
            return []
        scored = {row.subject: row for row in self.saved.scored}
        most = self._most()
        return [
            self._listed({key: _plain(value) for key, value in row.items()}, scored, most)
            for row in csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
        ]

    @property
    def negative(self) -> str:
        """The negative class, with which the others are compared; empty where nothing was decided."""
        if self.model is not None:
            return self.model.procedure.rule.negative
        return "" if self.saved.evaluation is None else self.saved.evaluation.negative

    @property
    def ratings(self) -> dict[str, Rating]:
        """What was said of scans, as it stands now."""
        return read_ratings(self.run)

    def rate(self, scan: str, rating: Rating | None) -> None:
        """Write what is said of a scan; None takes it back."""
        with self._writing:
            ratings = {name: row for name, row in self.ratings.items() if name != scan}
            write_ratings(self.run, ratings if rating is None else {**ratings, scan: rating})

    def images(self) -> Mapping[str, str]:
        """Return where the image of each scan lies; empty where the study has none."""
        cohort = None if self.prepared is None else self.prepared.cohort
        if cohort is None or cohort.images is None:
            return {}
        return {str(scan): str(path) for scan, path in cohort.images.items()}

    def _describe(self, scan: str) -> People | None:
        """Return the page's content of one person; None of whom nothing was measured."""
        if scan not in self.features.values.index:
            return None
        prediction, scored = self.own_prediction(scan), self._scored(scan)
        deciding = self._decided_without_them
        if prediction is None:
            prediction = Prediction(scan, {}, None, self.why, None, outcome="failed")
        if scored is not None and deciding:
            prediction = out_of_fold(scored, prediction)
        listed = next(row for row in self.people if row.scan == scan)
        if self.model is None or self.prepared is None:
            person = Person(prediction, listed.label or None, {}, True, "", listed.quality)
            return People(self.negative, [person], self.saved.record.normal, self.saved.record.title)
        people = describe_people(
            self.model,
            {scan: prediction},
            self.prepared.cohort,
            labels={scan: listed.label} if listed.label else None,
            quality=self.features.quality,
        )
        return replace(
            people, title=self.study.title, out_of_fold=deciding, models=0 if scored is None else scored.tests
        )

    @property
    def learnt_extractor(self) -> Any:
        """What the run's model has learnt from tiles or images; None without."""
        return None if self.model is None else self.model.procedure.pipeline.named_steps.get("extract")

    def own_prediction(self, scan: str) -> Prediction | None:
        """Return what the model says of a person, every feature listed; None without a model."""
        if self.model is None or self.prepared is None or scan not in self.features.values.index:
            return None
        frame = self.prepared.frame_with(self.model.procedure.site).loc[[scan]]
        return self.model.predictions(frame, top=len(self.model.feature_names))[0]

    def tests(self, scan: str) -> list[TestOf]:
        """Return the tests of a person by models that were trained without them."""
        if not self._decided_without_them or self.saved.evaluation is None:
            return []
        text = self.run.read(self.run.PREDICTIONS).decode("utf-8")
        found = []
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"):
            if row.get("arm") != self.saved.evaluation.main_arm or row.get("id") != scan:
                continue
            negative = row.get(f"probability_{self.negative}") or "n/a"
            if negative not in _MISSING:
                limit = row.get("threshold") or "n/a"
                found.append(TestOf(1.0 - float(negative), None if limit in _MISSING else float(limit)))
        return found

    def trajectory(self, feature: str, scan: str) -> tuple[Trajectory, int | None] | None:
        """Return the expected course of a feature, and a scan's place among its points; None without one."""
        if self.model is None or self.prepared is None:
            return None
        frame = self.prepared.frame_with(self.model.procedure.site)
        found = trajectories_of(
            self.model.procedure, frame, self.prepared.labels, self.model.notes, [feature]
        )
        if not found:
            return None
        procedure, shown = self.model.procedure, frame.index
        if procedure.harmonizer is not None:
            shown = shown[encodable_rows(procedure.pipeline, frame)]
        return found[0], list(shown).index(scan) if scan in shown else None

    @property
    def _decided_without_them(self) -> bool:
        return self.saved.evaluation is not None and self.saved.evaluation.kind == "crossval"

    def _scored(self, scan: str) -> Scored | None:
        return next((row for row in self.saved.scored if row.subject == scan), None)

    def _listed(
        self, row: dict[str, str], scored: Mapping[str, Scored], most: Mapping[str, Contribution]
    ) -> Listed:
        scan = row["id"]
        entry = Listed(
            scan, row["group"], row["label"], row["status"], row["code"], row["reason"],
            most=most.get(scan), quality=self.features.quality.get(scan, []),
        )  # fmt: skip
        if row["status"] != "included":
            return replace(entry, outcome="left out")
        found = scored.get(scan)
        if found is None:
            return entry
        ranked = sorted(found.decisions.items(), key=lambda item: (-item[1], item[0]))
        # A tie is no decision: neither class was decided more often than the other.
        clear = len(ranked) == 1 or ranked[1][1] < ranked[0][1]
        decision = ranked[0][0] if clear else ""
        chance = None if scan in self._unsupported else found.probabilities.get(self.negative)
        outcome = "no decision" if not decision else "right" if decision == row["label"] else "wrong"
        return replace(
            entry, decision=decision, outcome=outcome, probability=None if chance is None else 1.0 - chance
        )

    @cached_property
    def _unsupported(self) -> set[str]:
        """Who lies outside the normal group's demographics, so that a probability would be extrapolated."""
        if self.model is None or self.prepared is None:
            return set()
        support = self.model.procedure.support(self.prepared.frame_with(self.model.procedure.site))
        return {str(scan) for scan in support.index[~support["supported"].to_numpy(dtype=bool)]}

    def _most(self) -> dict[str, Contribution]:
        """Return the feature of each person that departs most from what is expected."""
        if self.model is None or self.prepared is None:
            return {}
        frame = self.prepared.frame_with(self.model.procedure.site)
        found: dict[str, Contribution] = {}
        for start in range(0, len(frame), _CHUNK):
            part = most_unusual(self.model.procedure, frame.iloc[start : start + _CHUNK])
            found |= {str(scan): row for scan, row in part.items()}
        return found


_MISSING = ("", "n/a")


def _plain(value: object) -> str:
    text = unquote_formula(str(value or ""))
    return "" if text in _MISSING else text


def open_run_data(folder: Path) -> RunData:
    """Open a run to be looked at; nothing in it is changed.

    Parameters
    ----------
    folder : Path
        What extract, evaluate, train or test wrote.

    Returns
    -------
    RunData
        W-scores are those of the run's model, or of the one that `evaluate` explains, which is fitted again.

    Raises
    ------
    CommandError
        CLI-203, it is no run; CLI-403, the run predicts a number.
    NormwiseError
        Where the run's results are damaged.
    """
    run = RunFolder(folder)
    if not (run / run.RECORD).is_file():
        raise CommandError(
            "CLI-203",
            "there is no such run.",
            subject=str(folder),
            expected="a folder that normwise extract, evaluate, train or test wrote",
            advice="check the path; normwise view SLIDE shows a slide without a run",
        )
    if (run / run.REGRESSION).is_file():
        raise CommandError(
            "CLI-403",
            "the run predicts a number, and what is shown here are classes.",
            subject=str(folder),
            advice="its report shows everybody: open report.html",
        )
    saved, features = read_run(folder), read_features(folder)
    study = read_study(run / run.STUDY, saved=True)
    prepared, why = _prepared(study, run, features, saved)
    model = None
    if prepared is not None:
        try:
            model, why = _model(prepared, saved)
        except NormwiseError as error:
            why = f"{error.code} {error.problem}"
    return RunData(saved, features, study, prepared, model, why)


def _prepared(
    study: Study, run: RunFolder, features: FeatureTable, saved: SavedRun
) -> tuple[PreparedRun | None, str]:
    """Read the cohort that the features are of; why not where it has changed or is gone."""
    measured = [str(scan) for scan in features.values.index]
    try:
        labelled = saved.evaluation is not None or (run / run.MODEL).is_dir()
        cohort = read_cohort(study, labelled=labelled)
        cohort = cohort.keep(measured)
    except NormwiseError as error:
        return None, f"The cohort can't be read as it was: {error.code} {error.problem}"
    ordered = replace(features, values=features.values.loc[cohort.frame.index])
    return PreparedRun(study, run, cohort, ordered), ""


def _model(prepared: PreparedRun, saved: SavedRun) -> tuple[Model | None, str]:
    from normwise.procedure import looks_at_images

    run, study = prepared.folder, prepared.study
    if (run / run.MODEL).is_dir():
        model = load_model(run.path)
        same = set(model.training.get("scan_hashes", ())) == set(prepared.scan_hashes)
        if same and isinstance(model, Model):
            return model, ""
    if saved.evaluation is None:
        return None, "Nothing was evaluated or trained in this run, so nothing says what is normal."
    if saved.evaluation.kind != "crossval":
        return (
            None,
            "The run tested a saved model, which lies elsewhere; give test --people for people's pages.",
        )
    if looks_at_images(study):
        return None, "What is learnt from whole images has no W-scores."
    return train_model(prepared), ""
