"""A page a person: what was decided, why, and whether the normal group holds people like them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from normwise.cohort import Cohort, cap_ages
from normwise.features import FeatureTable
from normwise.model.model import Model
from normwise.model.saliency import person_pictures
from normwise.model.train import loss_curves_of
from normwise.report import Scored, named_scans, read_run, read_scored, write_people
from normwise.results import People, Person, Prediction, Quality
from normwise.run_folder import RunFolder
from normwise.runs import PreparedRun, assemble_frame

__all__ = ["describe_people", "out_of_fold", "write_new_people", "write_run_people"]

FEATURES_A_PAGE = 15


def write_run_people(
    model: Model, prepared: PreparedRun, *, trained_on: bool, everybody: bool = True
) -> Path | None:
    """Write ``people.json`` and a page for everybody who was tested in a run, or whom its report names.

    Parameters
    ----------
    model : Model
        Of an evaluation, the model trained on everybody; of a test, the saved model.
    prepared : PreparedRun
        The run; its ``predictions.tsv`` is written.
    trained_on : bool
        Whether the model was trained on these people: then the mean prediction of the cross-validation's
        models that were not is shown instead of the model's own.
    everybody : bool
        Or those alone whom the report names: of thousands the pages would take longer than the rest.

    Returns
    -------
    Path or None
        The list of pages; None where the report names nobody.
    """
    frame = prepared.frame_with(model.procedure.site)
    if not trained_on:  # as it was tested
        model = model.adapt_to_sites(frame, prepared.labels, prepared.groups)
    if not everybody:
        named = named_scans(read_run(prepared.folder.path))
        frame = frame.loc[[scan for scan in frame.index if scan in named]]
        if frame.empty:
            prepared.folder.remove_people()
            return None
    predictions = {row.subject: row for row in model.predictions(frame, top=FEATURES_A_PAGE)}
    models = 0
    if trained_on:
        scored = read_scored(prepared.folder, model.procedure.arm)
        predictions = {
            row.subject: out_of_fold(row, predictions[row.subject])
            for row in scored
            if row.subject in predictions
        }
        models = max((row.tests for row in scored), default=0)
    labels = dict(zip(prepared.features.values.index, prepared.labels, strict=True))
    people = describe_people(
        model,
        predictions,
        prepared.cohort,
        labels={name: str(label) for name, label in labels.items()},
        quality=prepared.features.quality,
    )
    title = prepared.study.title
    people = replace(people, title=title, out_of_fold=trained_on, models=models, named=not everybody)
    people = _with_pictures(people, model, frame, prepared.folder, predictions)
    prepared.folder.write_result(RunFolder.PEOPLE, people)
    return write_people(prepared.folder.path, _atlas_of(model))[0]


def write_new_people(
    model: Model,
    cohort: Cohort,
    predictions: Mapping[str, Prediction],
    folder: Path,
    features: FeatureTable | None = None,
    *,
    trained_on: Collection[str] = (),
) -> Path:
    """Write ``people.json`` and a page for each of the people to whom a saved model was applied.

    Parameters
    ----------
    model : Model
        The saved model.
    cohort : Cohort
        The people.
    predictions : mapping of str to Prediction
        By scan.
    folder : Path
        Made where it is missing.
    features : FeatureTable, optional
        Their features, with checks and pictures of the extraction.
    trained_on : collection of str
        Scans that the model has learnt from.

    Returns
    -------
    Path
        The list of pages.
    """
    from normwise.features import write_drawings

    if features is not None:
        write_drawings(features.drawings, folder)
    people = describe_people(
        model,
        predictions,
        cohort,
        quality=features.quality if features is not None else {},
        trained_on=trained_on,
    )
    run = RunFolder(folder)
    people = replace(people, title=model.study.title)
    if features is not None:
        frame = assemble_frame(features.values, cohort, model.procedure.site)
        people = _with_pictures(people, model, frame, run, predictions)
    run.write_result(RunFolder.PEOPLE, people)
    return write_people(folder, _atlas_of(model))[0]


def _with_pictures(
    people: People,
    model: Model,
    frame: pd.DataFrame,
    folder: RunFolder,
    predictions: Mapping[str, Prediction],
) -> People:
    """Return the people with what an image network looks at in each, and the places that it names."""
    contributions = {name: each.contributions for name, each in predictions.items()}
    pictures, notes = person_pictures(model.procedure, frame, folder, model.study.features, contributions)
    return replace(people, pictures=pictures, notes={**people.notes, **notes})


def describe_people(
    model: Model,
    predictions: Mapping[str, Prediction],
    cohort: Cohort,
    *,
    labels: Mapping[str, str] | None = None,
    quality: Mapping[str, list[Quality]] | None = None,
    trained_on: Collection[str] = (),
) -> People:
    """Join predictions with the people they are about.

    Parameters
    ----------
    model : Model
        Gives demographics, the normal group and the meaning of the features.
    predictions : mapping of str to Prediction
        By scan.
    cohort : Cohort
        Demographics and sites.
    labels : mapping of str to str, optional
        True classes, where they are known.
    quality : mapping of str to list of Quality, optional
        Checks of the measurement.
    trained_on : collection of str
        Scans that the model has learnt from.
    """
    names = [name for name in predictions if name in cohort.frame.index]
    # Support depends on demographics and site alone, so the features may be anything.
    nothing = pd.DataFrame(0.0, index=pd.Index(names, dtype=object), columns=list(model.feature_names))
    support = model.procedure.support(assemble_frame(nothing, cohort, model.procedure.site))
    people = [
        Person(
            prediction=predictions[name],
            label=labels.get(name) if labels else None,
            demographics={
                column: _text_of(column, cohort.frame.loc[name, column])
                for column in model.roles.demographics
            },
            supported=bool(support["supported"].iloc[row]),
            support=str(support["reason"].iloc[row]),
            quality=list(quality.get(name, [])) if quality else [],
            trained_on=name in trained_on,
        )
        for row, name in enumerate(names)
    ]  # fmt: skip
    named = {row.feature for person in people for row in person.prediction.contributions}
    on_atlas = any(model.notes[name].label is not None for name in named if name in model.notes)
    atlas, lut = model.study.without_places().features.atlas_in(None)
    return People(
        negative=model.procedure.rule.negative,
        people=people,
        normal=model.roles.normal,
        atlas=atlas if on_atlas else None,
        lut=lut,
        notes={name: note for name, note in model.notes.items() if name in named},
        loss_curves=loss_curves_of(model),
    )


def _atlas_of(model: Model) -> tuple[str | None, str | None]:
    return model.study.features.atlas_in(model.study.cohort.root)


def out_of_fold(scored: Scored, own: Prediction) -> Prediction:
    """Return the prediction of the models trained without a person, with the final model's contributions.

    Parameters
    ----------
    scored : Scored
        Mean probabilities and decisions of the models trained without the person.
    own : Prediction
        Prediction of the model trained on everybody; only its contributions are used.

    Examples
    --------
    >>> scored = Scored("a", "AD", {"normal": 0.4, "AD": 0.6}, {"AD": 4, "normal": 1}, {})
    >>> shown = out_of_fold(scored, Prediction("a", {"AD": 0.9}, "AD", "", 0.5))
    >>> shown.decision, shown.probabilities["AD"], shown.reason, shown.threshold
    ('AD', 0.6, 'decided AD in 4 of 5 tests, normal in 1', None)
    """
    ranked = sorted(scored.decisions.items(), key=lambda item: (-item[1], item[0]))
    name, times = ranked[0]
    others = "".join(f", {other or 'no decision'} in {count}" for other, count in ranked[1:])
    reason = f"decided {name} in" if name else "no decision in"
    why = f" ({'; '.join(scored.reasons)})" if scored.reasons else ""
    return replace(
        own,
        probabilities=scored.probabilities,
        # A tie is no decision: neither class was decided more often than the other.
        decision=(name or None) if len(ranked) == 1 or ranked[1][1] < times else None,
        reason=f"{reason} {times} of {scored.tests} {'test' if scored.tests == 1 else 'tests'}{others}{why}",
        threshold=None,
        scores=[],  # those of a model that was trained on the person
    )


def _text_of(column: str, value: object) -> str:
    return f"{cap_ages(column, np.array([value]))[0]:g}" if isinstance(value, float) else str(value)
