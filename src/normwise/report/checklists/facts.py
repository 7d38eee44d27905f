"""What a run says of its people, its data and its model, in sentences that can go into a methods section."""

from __future__ import annotations

from typing import Any

from normwise.report.saved_run import SavedRun
from normwise.report.sections.summary import limits, sentences
from normwise.report.wording import count, joined, number, percent
from normwise.schema import EXTRACTOR_SECTIONS

__all__ = [
    "abstract", "aim", "availability", "balance", "composition", "data_source", "eligibility", "features",
    "flow", "limitations", "missing", "outcome", "predictors", "preparation", "setting", "software",
    "subsets", "title",
]  # fmt: skip


def setting(run: SavedRun, section: str, key: str, default: Any = None) -> Any:
    """Return a value of the resolved study, or the default where the run does not hold it."""
    found = run.record.settings.get(section)
    value = found.get(key) if isinstance(found, dict) else None
    return default if value in (None, "", [], {}) else value


def _targets(run: SavedRun) -> str:
    evaluation = run.evaluation
    if evaluation is not None:
        return f"{joined(evaluation.positives, 'or')} from {evaluation.negative}"
    return joined(run.record.classes)


def _kind(run: SavedRun) -> str:
    if run.tested_elsewhere:
        return "external evaluation"
    return "development and cross-validated evaluation" if run.evaluation else "development"


def title(run: SavedRun) -> str:
    """Propose a title that names the kind of study, the method and the outcome."""
    name = setting(run, "classifier", "name", "")
    method = f" by machine learning ({name})" if name else " by machine learning"
    return (
        f"Proposed: telling {_targets(run)}{method} on image features normalized for "
        f"{joined(run.record.demographics) or 'no demographics'}: {_kind(run)}."
    )


def abstract(run: SavedRun) -> str:
    """Return the summary of the report as a draft."""
    if run.evaluation is None:
        return ""
    return "Draft from the numbers of this run. " + " ".join(
        f"{about}: {text}" for about, text in sentences(run)
    )


def aim(run: SavedRun) -> str:
    """Say what was asked."""
    if run.evaluation is None:
        return f"To train a model that tells apart {_targets(run)}." if run.explanation else ""
    return f"{sentences(run)[0][1]} The study is the {_kind(run)} of the model."


def data_source(run: SavedRun) -> str:
    """Name the table and what identifies it."""
    table = setting(run, "cohort", "table")
    if table is None:
        return ""
    known = run.record.hashes.get("table")
    text = f"Participants table {table}"
    text += f" (SHA-256 {known[:16]}…)" if known else ""
    text += f", {count(run.record.n_listed, 'row')}"
    images = setting(run, "cohort", "images")
    text += f"; images: {images}." if images else "; no images were read."
    sites = run.record.sites
    return f"{text} {count(len(sites), 'site')}." if sites else text


def eligibility(run: SavedRun) -> str:
    """Say who was eligible and who was left out for what."""
    rules = setting(run, "cohort", "include", [])
    text = f"Included were rows with {joined([str(rule) for rule in rules])}. " if rules else (
        "No condition was set on the rows. "
    )  # fmt: skip
    left = [f"{step.scans:,} {step.reason or step.code}" for step in run.record.flow]
    sessions = setting(run, "cohort", "sessions")
    text += f"Left out: {'; '.join(left)}." if left else "Nobody was left out."
    return f"{text} Sessions of one person: {sessions}." if sessions else text


def flow(run: SavedRun) -> str:
    """Count who was listed, left out and included."""
    record = run.record
    parts = "".join(f" − {step.scans:,} ({step.reason or step.code})" for step in record.flow)
    text = f"{record.n_listed:,} rows listed{parts} = {record.n_included:,} included."
    evaluation = run.evaluation
    if evaluation is None:
        return text
    classes = joined([f"{size:,} {name}" for name, size in evaluation.n_per_class.items()])
    people = count(evaluation.n_people, "person", "people")
    return f"{text} {people}, {count(evaluation.n_scans, 'scan')}: {classes}."


def composition(run: SavedRun) -> str:
    """Describe each class by its demographics."""
    rows = []
    for row in run.record.composition:
        parts = [f"{row.get('people')} people"]
        for name, value in row.items():
            if isinstance(value, dict) and value.get("mean") is not None:
                spread = f" ± {number(value['sd'], 1)}" if value.get("sd") is not None else ""
                parts.append(f"{name} {number(value['mean'], 1)}{spread}")
            elif isinstance(value, dict):
                parts.append(f"{name} " + ", ".join(f"{level} {size}" for level, size in value.items()))
        rows.append(f"{row.get('class')}: {', '.join(parts)}")
    by_site = " The report's table 1 has them by site too." if run.record.sites else ""
    return f"{'; '.join(rows)}.{by_site}" if rows else ""


def missing(run: SavedRun) -> str:
    """Say what was missing and what was done about it."""
    parts = [
        f"{what}: {joined([f'{size:,} {name}' for name, size in counts.items()])}"
        for what, counts in run.record.missing.items()
    ]
    seen = f"Rows left out for a missing value: {'; '.join(parts)}. " if parts else (
        "No row was left out for a missing value. "
    )  # fmt: skip
    return f"{seen}Complete cases were analysed; nothing was imputed from the label or from test people."


def outcome(run: SavedRun) -> str:
    """Say what column and values define the classes."""
    label = setting(run, "cohort", "label")
    if label is None:
        return ""
    classes = setting(run, "cohort", "classes", {})
    text = "; ".join(f"{name} = {', '.join(map(str, values))}" for name, values in classes.items())
    return f"The column {label} of the participants table{f': {text}' if text else ''}."


def features(run: SavedRun) -> str:
    """Say what was measured."""
    atlas = setting(run, "features", "atlas")
    section = EXTRACTOR_SECTIONS.get(run.record.extractor)
    regional = atlas and section is not None and "atlas" in section.model_fields
    return (
        f"{count(run.record.n_features, 'feature')} by the extractor {run.record.extractor}"
        f"{f' over the atlas {atlas}' if regional else ''}; features.json gives unit and meaning of each."
    )


def predictors(run: SavedRun) -> str:
    """Say what goes into the model."""
    return f"{features(run)} Demographics: {joined(run.record.demographics) or 'none'}."


def preparation(run: SavedRun) -> str:
    """Say how features became inputs of the classifier."""
    parts = [features(run)]
    if run.record.demographics:
        scale = "W-scores" if setting(run, "normalizer", "scale", "w") == "w" else "residuals"
        design = setting(run, "normalizer", "design", "linear")
        mode = setting(run, "normalizer", "mode", "replace")
        parts.append(
            f"Demographics ({joined(run.record.demographics)}) were regressed out, fitted on the "
            f"{run.record.normal} group of each training part alone (design {design}, {scale})."
            if mode == "replace"
            else f"Demographics ({joined(run.record.demographics)}) were appended to the features."
        )
    harmonize = setting(run, "sites", "harmonize", "none")
    if harmonize != "none":
        parts.append(f"Sites were harmonized ({harmonize}) on the training normals alone.")
    selection = setting(run, "selection", "name", "none")
    if selection != "none":
        parts.append(f"Features were selected inside each training part ({selection}).")
    parts.append("Features were standardized on the training part.")
    return " ".join(parts)


def subsets(run: SavedRun) -> str:
    """Say which parts of the data were used."""
    sessions = setting(run, "cohort", "sessions")
    columns = setting(run, "features", "columns")
    parts = [f"Sessions of one person: {sessions}." if sessions else ""]
    parts.append(f"Columns: {joined([str(name) for name in columns])}." if columns else "")
    parts.append(f"{features(run)}")
    return " ".join(part for part in parts if part)


def balance(run: SavedRun) -> str:
    """Say how unequal the classes are, and what was done about it."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    sizes = {name: evaluation.n_per_class.get(name, 0) for name in evaluation.classes}
    total = sum(sizes.values())
    if not total:
        return ""
    shares = joined([f"{name} {percent(size / total)}" for name, size in sizes.items()])
    weight = (setting(run, "classifier", "parameters", {}) or {}).get("class_weight")
    weighed = f"classes were weighted ({weight})" if weight else "no class was weighted or resampled"
    return f"{shares}; {weighed}. The decision rule: {evaluation.decision}."


def limitations(run: SavedRun) -> str:
    """Return what the run can't tell, and its alarms."""
    text = limits(run)
    if run.evaluation is not None:
        text = [
            f"{alarm.title}: {alarm.seen}." for alarm in run.evaluation.alarms if alarm.severity != "note"
        ] + text
    return " ".join(text)


def software(run: SavedRun) -> str:
    """Name the packages with their versions."""
    return ", ".join(f"{name} {version}" for name, version in run.record.versions.items()) + "."


def availability(run: SavedRun) -> str:
    """Say what another person needs to repeat the run."""
    hashes = ", ".join(f"{name} {value[:16]}…" for name, value in run.record.hashes.items())
    return (
        f"Normwise {run.record.versions.get('normwise', '')} with seed {run.record.seed}; study.toml holds "
        f"every setting{f'; SHA-256 of what came in: {hashes}' if hashes else ''}."
    )
