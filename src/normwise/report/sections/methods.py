"""A methods paragraph from what the run did, with what it cites, to be pasted into a paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from normwise.report.references import REFERENCES
from normwise.report.render import Section, render
from normwise.report.saved_run import SavedRun
from normwise.report.wording import count, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from normwise.results import Note, Regression, RunRecord

__all__ = ["Sentence", "methods", "methods_sentences", "regression_methods"]


@dataclass(frozen=True)
class Sentence:
    """A sentence without its full stop, and the keys of what it cites in `REFERENCES`."""

    text: str
    cites: tuple[str, ...] = ()

    def __str__(self) -> str:
        works = "; ".join(REFERENCES[key].cited for key in self.cites)
        return f"{self.text} ({works})." if works else f"{self.text}."


def methods(run: SavedRun) -> Section | None:
    """Show the paragraph and the entries of what it cites; nothing where no model was fitted or tested."""
    if run.evaluation is None and run.explanation is None:
        return None
    return _paragraph(methods_sentences(run))


def regression_methods(record: RunRecord, found: Regression) -> Section:
    """Return the same of a run that predicts a number.

    Parameters
    ----------
    record : RunRecord
        What was run on whom.
    found : Regression
        What came out.
    """
    settings = {**record.settings, "cohort": {"target": found.target}}
    run = SavedRun(replace(record, settings=settings))
    crossval = found.kind == "crossval"
    return _paragraph(
        [
            *_measured(run),
            *_normalized(run, parts=crossval),
            *_classified(run),
            *_predicted(run, found),
            _computed(run),
        ]
    )


def _paragraph(sentences: list[Sentence]) -> Section:
    keys = dict.fromkeys(key for sentence in sentences for key in sentence.cites)
    entries = "\n\n".join(REFERENCES[key].bibtex(key) for key in keys)
    return Section(
        "Methods paragraph", render("methods.html", text=" ".join(map(str, sentences)), entries=entries)
    )


def methods_sentences(run: SavedRun) -> list[Sentence]:
    """Return what the run did, a sentence each.

    Parameters
    ----------
    run : SavedRun
        The run; a step that it did not take is left out.
    """
    tested = _tested(run) if run.evaluation is not None else []
    parts = run.evaluation is not None and not run.tested_elsewhere
    return [*_measured(run), *_normalized(run, parts=parts), *_classified(run), *tested, _computed(run)]


def _section(run: SavedRun, name: str) -> dict[str, Any]:
    found = run.record.settings.get(name)
    return found if isinstance(found, dict) else {}


_EXTRACTORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "table": ("taken from a table", ()),
    "freesurfer": ("read from the output of FreeSurfer or FastSurfer", ("fischl2012",)),
    "regions": ("measured in the regions of an atlas on images in template space", ()),
    "brain": ("measured in brain regions of raw T1-weighted images", ()),
    "shapes": ("measured as the shapes of label maps", ()),
    "images": ("the intensities of the whole image", ()),
    "slides": ("measured as nuclei, stain and texture of a whole-slide image", ()),
}
_LEARNT: dict[str, tuple[str, tuple[str, ...]]] = {
    "voxels": ("principal components of the voxels", ()),
    "trunk": ("a convolutional network", ("paszke2019",)),
    "autoencoder": ("a convolutional autoencoder", ("paszke2019",)),
    "attention": ("log-mean-exp pooling over the tiles of each whole-slide image", ("pinheiro2015",)),
}


def _measured(run: SavedRun) -> list[Sentence]:
    record, section = run.record, _section(run, "features")
    left = record.n_listed - record.n_included
    listed = count(record.n_listed, "listed scan")
    flow = f"{record.n_included:,} of {listed} took part" if left else f"All {listed} took part"
    flow += f"; {left:,} were left out, as the flow chart says" if left else ""
    if record.extractor in _LEARNT:
        how, cites = _LEARNT[record.extractor]
        if section.get("pooling") == "mean":
            how, cites = "means over the tiles of each whole-slide image", ()
        size = section.get("components")
        parts = f"{size} numbers a scan" if size else "Features"
        what = f"{parts} were learnt from the images of the training people alone, by {how}"
    else:
        how, cites = _EXTRACTORS.get(record.extractor, (f"measured by the extractor {record.extractor}", ()))
        atlas = section.get("atlas")
        verb = "was" if record.n_features == 1 else "were"
        what = f"Of each scan {count(record.n_features, 'feature')} {verb} {how}"
        what += f" (atlas: {atlas})" if atlas else ""
    return [Sentence(flow), Sentence(what, cites)]


_HARMONIZED: dict[str, tuple[str, tuple[str, ...]]] = {
    "location_scale": ("in location and scale", ()),
    "combat": ("by ComBat", ("johnson2007",)),
    "hierarchical": ("by a hierarchical model", ()),
}


def _normalized(run: SavedRun, *, parts: bool) -> list[Sentence]:
    section, normal = _section(run, "normalizer"), run.record.normal or "normal"
    found = []
    how, cites = _HARMONIZED.get(str(_section(run, "sites").get("harmonize")), ("", ()))
    if how:
        found.append(Sentence(f"Sites were harmonized {how} on the training people who are {normal}", cites))
    who = joined(run.record.demographics)
    if not who:
        return found
    if section.get("mode") == "append":
        return [*found, Sentence(f"{who} were appended to the features")]
    scale = "W-scores" if section.get("scale", "w") == "w" else "residuals"
    people = "everybody" if section.get("reference") == "all" else f"the {normal} group"
    form = " with natural splines" if section.get("design") == "spline" else ""
    part = "each training part" if parts else "the training people"
    prior = ", refining the sums of a reference" if section.get("from") or section.get("prior") else ""
    text = (
        f"Each feature was expressed as how far it departs from what is expected of a {normal} person with "
        f"the same {who} ({scale}), by a regression{form} on {people} of {part} alone{prior}"
    )
    return [*found, Sentence(text, ("lajoie2012", "falahati2016"))]


_CLASSIFIERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "linear": ("a linear regression on the classes", ()),
    "logistic": ("a penalized logistic regression", ()),
    "svm": ("a support vector machine", ("cortes1995",)),
    "forest": ("a random forest", ("breiman2001",)),
    "perceptron": ("a perceptron", ()),
    "neural": ("a neural network", ("paszke2019",)),
    "conv": ("a convolutional network", ("paszke2019",)),
    "ridge": ("a ridge regression", ()),
    "svr": ("a support vector regression", ("cortes1995",)),
}


def _classified(run: SavedRun) -> list[Sentence]:
    classifier, selection = _section(run, "classifier"), str(_section(run, "selection").get("name", "none"))
    name = classifier.get("name")
    if name is None:
        return []
    names = [str(each) for each in classifier.get("choices") or [name]]
    kinds = [_CLASSIFIERS.get(each, (f"the classifier {each}", ())) for each in names]
    cites = tuple(dict.fromkeys(key for _, keys in kinds for key in keys))
    found = []
    if selection != "none":
        found.append(Sentence(f"Features were selected on training people alone ({selection})"))
    classes = run.evaluation.classes if run.evaluation else run.record.classes
    aim = f"{run.target} was predicted" if run.target is not None else f"{joined(classes)} were distinguished"
    found.append(Sentence(f"{aim} by {joined([kind for kind, _ in kinds], 'or')}", cites))
    if run.evaluation is not None and run.evaluation.main_arm == "adjusted":
        text = "What demographics still explained of the score, among normals not trained on, was taken out"
        found.append(Sentence(text))
    return found


def _tested(run: SavedRun) -> list[Sentence]:
    found, section = run.evaluation, _section(run, "evaluation")
    assert found is not None
    people = count(found.n_people, "person", "people")
    if set(found.classes) != set(found.n_per_class):
        sizes = joined([f"{found.n_per_class.get(name, 0):,} of {name}" for name in found.classes])
        people += f" took part, whose scans, {sizes}, were tested"
    else:
        people += " were tested"
    if run.tested_elsewhere:
        text = f"{people} by the saved model"
        how = [Sentence(text + _trained_on(found.notes))]
    else:
        by = _SPLITS.get(found.split) or f"{found.folds}-fold stratified cross-validation"
        how = [Sentence(f"{people} by {by} of the whole procedure{_repeated(found.repeats)}")]
        if inner := section.get("inner_folds"):
            text = f"Settings and threshold were chosen on {inner} inner folds of each training part"
            how.append(Sentence(text, ("varma2006",)))
        how.append(Sentence("All scans of a person were kept in the same part"))
    draws = section.get("bootstrap")
    level = f"{100 * found.confidence:g} %"
    intervals = f"Intervals ({level}) are DeLong's for AUCs, Wilson's for sensitivity and specificity"
    intervals += f", and from {draws:,} bootstrap samples of people otherwise" if draws else ""
    more = [
        Sentence(f"The decision rule: {found.decision}"),
        Sentence(intervals, ("delong1988", "wilson1927")),
    ]
    arm = run.main
    if arm is not None and arm.adjusted_auc.estimate is not None:
        more.append(Sentence("The adjusted AUC compares people of the same demographics", ("janes2009",)))
    if arm is not None and arm.calibration:
        text = "Calibration and net benefit were estimated from the same predictions"
        more.append(Sentence(text, ("vancalster2019", "vickers2006")))
    if found.permutation is not None and found.permutation.shuffled:
        shuffles = len(found.permutation.shuffled)
        more.append(
            Sentence(f"Labels were shuffled {shuffles:,} times for a permutation test", ("ojala2010",))
        )
    return [*how, *more]


_SPLITS = {
    "site": "leaving one site out",
    "group": "leaving one group out",
    "leave_one_out": "leaving one person out",
}


def _trained_on(notes: Sequence[Note]) -> str:
    known = next((note for note in notes if note.code == "EVA-102"), None)
    return f"; of some of them it had been trained on ({known.text})" if known else ""


def _repeated(repeats: int) -> str:
    return f", repeated {repeats} times" if repeats > 1 else ""


def _predicted(run: SavedRun, found: Regression) -> list[Sentence]:
    """Say how a predicted number was tested."""
    main, section = found.arms[found.main_arm], _section(run, "evaluation")
    people = f"{count(found.n_people, 'person', 'people')} {'was' if found.n_people == 1 else 'were'} tested"
    if found.kind == "crossval":
        by = _SPLITS.get(found.split) or f"{found.folds}-fold cross-validation"
        how = [Sentence(f"{people} by {by} of the whole procedure{_repeated(found.repeats)}")]
        if inner := section.get("inner_folds"):
            text = f"Settings were chosen on {inner} inner folds of each training part"
            how.append(Sentence(text, ("varma2006",)))
        how.append(Sentence("All scans of a person were kept in the same part"))
    else:
        how = [Sentence(f"{people} by the saved model{_trained_on(found.notes)}")]
    how.append(
        Sentence(
            f"Errors are absolute and squared ones; their {100 * found.confidence:g} % intervals come from "
            f"{section.get('bootstrap', 0):,} bootstrap samples of people"
        )
    )
    if main.intervals:
        levels = joined([f"{100 * row.level:g} %" for row in main.intervals])
        text = f"Prediction intervals ({levels}) are conformal, from the absolute errors of the inner folds"
        how.append(Sentence(text, ("lei2018", "vovk2015")))
    if any(group.corrected.estimate is not None for group in main.groups):
        normal = f"normal training people ({found.normal})" if found.normal else "training people"
        text = (
            "Regression to the mean was taken out of the gap, predicted − true, by a line over the true "
            f"{found.target}, fitted to the gaps of {normal} under models that had not been trained on them"
        )
        how.append(Sentence(text, ("smith2019",)))
    return how


def _computed(run: SavedRun) -> Sentence:
    versions = run.record.versions
    learn = versions.get("scikit-learn")
    text = f"All was computed with Normwise {versions.get('normwise', '')}".rstrip()
    text += f" on scikit-learn {learn}" if learn else ""
    return Sentence(f"{text}, with seed {run.record.seed}", ("pedregosa2011",) if learn else ())
