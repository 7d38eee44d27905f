"""A methods paragraph from what the run did, with what it cites, to be pasted into a paper."""

from __future__ import annotations

import re
from typing import Any

from normwise.report.references import REFERENCES
from normwise.report.render import Section, render
from normwise.report.saved_run import SavedRun
from normwise.report.wording import count, joined

__all__ = ["methods", "methods_sentences"]

_CITED = re.compile(r"\[@([\w, @]+)\]")


def methods(run: SavedRun) -> Section | None:
    """Show the paragraph and the entries of what it cites; nothing where no model was fitted or tested."""
    if run.evaluation is None and run.explanation is None:
        return None
    text = " ".join(methods_sentences(run))
    keys = list(dict.fromkeys(re.findall(r"@(\w+)", text)))
    shown = _CITED.sub(lambda found: f"({_cited(found[1])})", text)
    entries = "\n\n".join(REFERENCES[key].bibtex(key) for key in keys)
    return Section("Methods paragraph", render("methods.html", text=shown, entries=entries))


def _cited(keys: str) -> str:
    return "; ".join(REFERENCES[key.strip(" @")].cited for key in keys.split(","))


def methods_sentences(run: SavedRun) -> list[str]:
    """Return what the run did, a sentence each; ``[@key]`` cites a work of `REFERENCES`.

    Parameters
    ----------
    run : SavedRun
        The run; a step that it did not take is not told.
    """
    tested = _tested(run) if run.evaluation is not None else []
    return [*_measured(run), *_normalized(run), *_classified(run), *tested, _computed(run)]


def _section(run: SavedRun, name: str) -> dict[str, Any]:
    found = run.record.settings.get(name)
    return found if isinstance(found, dict) else {}


_EXTRACTORS = {
    "table": "were taken from a table",
    "freesurfer": "were read from the output of FreeSurfer or FastSurfer [@fischl2012]",
    "regions": "were measured in the regions of an atlas on images in template space",
    "brain": "were measured in brain regions of raw T1-weighted images",
    "shapes": "describe the shapes of label maps",
    "voxels": "are principal components of voxels",
    "images": "are the intensities of whole images",
    "trunk": "were learnt by a convolutional network [@paszke2019]",
    "autoencoder": "were learnt by a convolutional autoencoder [@paszke2019]",
    "slides": "describe nuclei, stain and texture of whole-slide images",
    "attention": "are means over tiles of whole-slide images, weighed by attention [@ilse2018]",
}


def _measured(run: SavedRun) -> list[str]:
    record = run.record
    how = _EXTRACTORS.get(record.extractor, f"were measured by the extractor {record.extractor}")
    atlas = _section(run, "features").get("atlas") if record.extractor in ("regions", "brain") else None
    how += f" (atlas: {atlas})" if atlas else ""
    left = record.n_listed - record.n_included
    listed = count(record.n_listed, "listed scan")
    flow = f"{record.n_included:,} of {listed} took part" if left else f"All {listed} took part"
    return [
        f"{flow}{f'; {left:,} were left out, as the flow chart says' if left else ''}.",
        f"Each gave {count(record.n_features, 'feature')}, which {how}.",
    ]


def _normalized(run: SavedRun) -> list[str]:
    if not run.record.demographics:
        return []
    section, normal = _section(run, "normalizer"), run.record.normal or "normal"
    who = joined(run.record.demographics)
    if section.get("mode") == "append":
        return [f"{who} were appended to the features."]
    scale = "W-scores" if section.get("scale", "w") == "w" else "residuals"
    people = "everybody in" if section.get("reference") == "all" else f"the {normal} group of"
    form = " with natural splines" if section.get("design") == "spline" else ""
    text = (
        f"Each feature was expressed as how far it departs from what is expected of a {normal} person with "
        f"the same {who} ({scale}), by a regression{form} fitted on {people} each training part alone "
        "[@lajoie2012, @falahati2016]."
    )
    harmonized = {
        "location_scale": "Sites were harmonized in location and scale on the training normals alone.",
        "combat": "Sites were harmonized by ComBat [@johnson2007] on the training normals alone.",
        "hierarchical": "Sites were harmonized by a hierarchical model on the training normals alone.",
    }.get(str(_section(run, "sites").get("harmonize")))
    return [text, *([harmonized] if harmonized else [])]


_CLASSIFIERS = {
    "linear": "a linear regression on the classes",
    "logistic": "a penalized logistic regression",
    "svm": "a support vector machine [@cortes1995]",
    "forest": "a random forest [@breiman2001]",
    "perceptron": "a perceptron",
    "neural": "a neural network [@paszke2019]",
    "conv": "a convolutional network [@paszke2019]",
    "ridge": "a ridge regression",
    "svr": "a support vector regression [@cortes1995]",
}


def _classified(run: SavedRun) -> list[str]:
    classifier, selection = _section(run, "classifier"), str(_section(run, "selection").get("name", "none"))
    name = classifier.get("name")
    if name is None:
        return []
    names = [str(each) for each in classifier.get("choices") or [name]]
    which = joined([_CLASSIFIERS.get(each, f"the classifier {each}") for each in names], "or")
    chosen = (
        f"Features were selected inside each training part ({selection}). " if selection != "none" else ""
    )
    classes = run.evaluation.classes if run.evaluation else run.record.classes
    aim = f"{run.target} was predicted" if run.target is not None else f"{joined(classes)} were told apart"
    text = f"{chosen}{aim} by {which} on standardized features."
    adjusted = run.main is not None and run.evaluation is not None and run.evaluation.main_arm == "adjusted"
    if adjusted:
        text += (
            " What demographics still explained of the score, among normals not trained on, was taken out."
        )
    return [text]


def _tested(run: SavedRun) -> list[str]:
    found, section = run.evaluation, _section(run, "evaluation")
    assert found is not None
    people = count(found.n_people, "person", "people")
    if run.tested_elsewhere:
        text = f"The saved model was tested on {people} whom it was not trained on."
    else:
        split = {
            "site": "leaving one site out",
            "group": "leaving one group out",
            "leave_one_out": "leaving one person out",
        }
        how = split.get(found.split) or f"{found.folds}-fold stratified cross-validation"
        repeated = f", repeated {found.repeats} times" if found.repeats > 1 else ""
        inner = section.get("inner_folds")
        nested = (
            f"; settings and threshold were chosen on {inner} inner folds of each training part [@varma2006]"
        )
        text = (
            f"The whole procedure was tested on {people} by {how}{repeated}{nested if inner else ''}. "
            "All scans of a person were kept in the same part."
        )
    draws = section.get("bootstrap")
    level = f"{100 * found.confidence:g} %"
    intervals = (
        f"Intervals ({level}) are DeLong's for AUCs [@delong1988], Wilson's for sensitivity and specificity "
        "[@wilson1927]"
    )
    intervals += f" and from {draws:,} bootstrap samples of people otherwise." if draws else "."
    more = [f"The decision rule: {found.decision}.", intervals]
    arm = run.main
    if arm is not None and arm.adjusted_auc.estimate is not None:
        more.append("The adjusted AUC compares people of the same demographics [@janes2009].")
    if arm is not None and arm.calibration:
        more.append(
            "Calibration [@vancalster2019] and net benefit [@vickers2006] were estimated from the same "
            "predictions."
        )
    if found.permutation is not None and found.permutation.shuffled:
        shuffles = len(found.permutation.shuffled)
        more.append(f"Labels were shuffled {shuffles:,} times for a permutation test [@ojala2010].")
    return [text, *more]


def _computed(run: SavedRun) -> str:
    versions = run.record.versions
    learn = versions.get("scikit-learn")
    text = f"All was computed with Normwise {versions.get('normwise', '')}".rstrip()
    text += f" on scikit-learn {learn} [@pedregosa2011]" if learn else ""
    return f"{text}, with seed {run.record.seed}."
