"""Which features drive the decision, as regions on the brain where they have a place there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from normwise.errors import NormwiseError
from normwise.report.figures.canvas import COLOURS, inline_svg
from normwise.report.figures.curves import (
    LEVEL_DASHES,
    MARKERS,
    class_colour,
    draw_trajectory,
    hollow_level,
    shown_levels,
)
from normwise.report.figures.rows import draw_weights
from normwise.report.render import Section, render
from normwise.report.saved_run import SavedRun, as_uri
from normwise.report.wording import feature_words, joined, percent, unit
from normwise.results import Explanation, FeatureNote, Importance, Trajectory
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.report.figures.brain import BrainSlice

__all__ = ["band_names", "importance", "stability", "trajectories"]

_SHOWN = 15  # rows before the fold; the rest opens by a click
_BARS = 20


@dataclass(frozen=True)
class Weighted:
    """One row of the ranked table: ``about`` gives meaning and unit, ``bar`` the share of the largest."""

    rank: int
    feature: str
    words: str
    about: str
    weight: float
    bar: float


def importance(run: SavedRun) -> Section | None:
    """Show the weights on brain slices, or as bars, and ranked in a table."""
    explanation = run.explanation
    if explanation is None or not explanation.importances:
        return None
    ranked = sorted(explanation.importances, key=lambda row: (-abs(row.weight), row.feature))
    largest = abs(ranked[0].weight)
    signed = any(row.weight < 0 for row in ranked)
    rows = [
        Weighted(
            rank,
            row.feature,
            feature_words(row.feature, run.notes.get(row.feature)),
            _about(row, run),
            row.weight,
            abs(row.weight) / largest if largest else 0.0,
        )
        for rank, row in enumerate(ranked, start=1)
    ]
    planes, bar, heaviest = _planes(explanation, run, signed=signed)
    targets = run.evaluation.classes if run.evaluation else run.record.classes
    if run.target is not None:
        targets = [f"a smaller {run.target}", f"a larger {run.target}"]
    body = render(
        "importance.html",
        rows=rows[:_SHOWN],
        folded=rows[_SHOWN:],
        kind=explanation.importance_kind,
        signed=signed,
        two=len(targets) == 2,
        targets=targets,
        planes=planes,
        bar=bar,
        largest=heaviest,
        placeless=any(row.label is None for row in ranked),
        chart=None
        if planes
        else _chart(_in_words(ranked, run), signed=signed, kind=explanation.importance_kind),
        charted=min(_BARS, len(ranked)),
        elsewhere=run.tested_elsewhere,
    )
    return Section("Regions that matter" if planes else "Features that matter", body)


def _about(row: Importance, run: SavedRun) -> str:
    """Say what a feature measures, or where, and its unit."""
    note = run.notes.get(row.feature, FeatureNote("", ""))
    text = note.description.removesuffix(f": {row.place}") or row.place  # the feature's name begins with it
    unsaid = note.unit if note.unit.lower() not in text.lower() else ""
    return " · ".join(part for part in (text, unit(unsaid)) if part)


def _in_words(rows: list[Importance], run: SavedRun) -> list[Importance]:
    return [replace(row, feature=feature_words(row.feature, run.notes.get(row.feature))) for row in rows]


def _planes(
    explanation: Explanation, run: SavedRun, *, signed: bool
) -> tuple[list[tuple[str, list[tuple[BrainSlice, str]]]], str, float]:
    """Return slices with their data URIs by plane, the colour bar, and the weight at its end.

    Without slices where no region can be drawn.
    """
    if explanation.atlas is None:
        return [], "", 0.0
    from normwise.report.figures.brain import colour_bar, draw_slices, region_weights

    slices = draw_slices(explanation.importances, *_atlas_of(explanation.atlas, run))
    planes = [
        (plane, [(cut, as_uri(cut.png)) for cut in cuts])
        for plane, cuts in groupby(slices or [], key=lambda cut: cut.plane)
    ]
    heaviest = (
        max(abs(row.weight) for row in region_weights(explanation.importances).values()) if planes else 0.0
    )
    return planes, as_uri(colour_bar(signed=signed)), heaviest


def _atlas_of(named: str, run: SavedRun) -> tuple[str, str | None]:
    """Return where the atlas and its look-up table lie: results name a file without its folder."""
    from normwise.cohort import read_study

    features = run.record.settings.get("features")
    lut = features.get("lut") if isinstance(features, dict) else None
    own = run.folder / RunFolder.STUDY if run.folder else None
    if own is None or not own.is_file():
        return named, lut
    try:
        study = read_study(own, saved=True)
    except NormwiseError:
        return named, lut
    if study.without_places().features.atlas_in(None)[0] != named:
        return named, lut
    atlas, lut = study.features.atlas_in(study.cohort.root)
    return atlas or named, lut


def _chart(ranked: list[Importance], *, signed: bool, kind: str) -> Markup:
    shown = ranked[:_BARS]
    text = ", ".join(f"{row.feature} {row.weight:.3g}" for row in shown[:5])
    return inline_svg(
        draw_weights(shown, signed=signed, kind=kind or "weight"), "weights", f"Largest weights: {text}."
    )


_STABILITY_SHOWN = 20


def stability(run: SavedRun) -> Section | None:
    """Show in what share of the training parts each feature was selected."""
    arm = run.main
    if arm is None or not arm.stability:
        return None
    ranked = sorted(arm.stability, key=lambda row: (-row.share, row.feature))
    shown = ranked[:_STABILITY_SHOWN]
    figure = draw_weights(
        _in_words([Importance(row.feature, row.share) for row in shown], run),
        signed=False,
        kind="Share of the training parts that selected the feature",
    )
    text = ", ".join(f"{row.feature} {percent(row.share)}" for row in shown[:5])
    body = render(
        "stability.html",
        drawing=inline_svg(figure, "stability", f"Selected most often: {text}."),
        ranked=ranked,
        shown=len(shown),
        always=sum(row.share == 1 for row in ranked),
        rarely=sum(row.share < 0.5 for row in ranked),
    )
    return Section("Stability of the selection", body)


def _drawn(row: Trajectory) -> str:
    """Say how many scans are drawn, and of how many."""
    return f"{len(row.people_x)} {f'of {row.of_people} ' if row.of_people else ''}scans"


_DASH_PATTERNS = ("none", "9 4", "3 3", "10 3 2 3")
"""`LEVEL_DASHES` as the legend's own small lines need them."""


def trajectories(run: SavedRun) -> Section | None:
    """Show the normal course of the top features with everybody on it."""
    if run.explanation is None or not run.explanation.trajectories:
        return None
    record = run.record
    found = [
        replace(row, feature=feature_words(row.feature, run.notes.get(row.feature)))
        for row in run.explanation.trajectories
    ]
    classes = [name for name in record.classes if any(name in row.people_class for row in found)]
    order = [name for name in [record.normal] if name in classes] + [
        name for name in classes if name != record.normal
    ]
    levels = shown_levels(found[0])
    panels = [
        inline_svg(
            draw_trajectory(row, classes, record.normal),
            f"trajectory-{place}",
            f"{row.feature} over {row.demographic}: expected course in the {record.normal} group with "
            f"centile bands, and {_drawn(row)} of {joined(order)}.",
        )
        for place, row in enumerate(found)
    ]
    roles = {colour: role for role, colour in COLOURS.items()}
    body = render(
        "trajectories.html",
        panels=panels,
        normal=record.normal,
        markers=[
            (name, MARKERS[place % len(MARKERS)], roles[class_colour(classes, record.normal, name)])
            for place, name in enumerate(order)
        ],
        lines=list(zip(levels, _DASH_PATTERNS[: len(LEVEL_DASHES)], strict=False)),
        filled=next((level for level in levels if level != hollow_level(found[0])), "")
        if hollow_level(found[0])
        else "",
        hollow=hollow_level(found[0]),
        hidden=len(found[0].expected) - len(levels),
        bands=band_names(found[0]),
        demographic=found[0].demographic,
        elsewhere=run.tested_elsewhere,
        drawn=_drawn(found[0]) if found[0].of_people else "",
    )
    return Section("Normal trajectories", body)


def band_names(trajectory: Trajectory) -> str:
    """Name the bands, the outermost first; levels up to 1 are shares, others percent.

    Examples
    --------
    With several levels only the outermost is drawn.

    >>> lines = {name: [0.0] for name in ("0.05", "0.25", "0.75", "0.95")}
    >>> band_names(Trajectory("f", "mm", "Age", [60.0], {"F": [0.0]}, {"F": lines}, [], [], []))
    '5th to 95th and 25th to 75th centile'
    """
    levels = sorted(float(name) for name in next(iter(trajectory.centiles.values()), {}))
    if levels and levels[-1] <= 1:
        levels = [100 * level for level in levels]
    pairs = [(levels[place], levels[-1 - place]) for place in range(len(levels) // 2)]
    names = [f"{_ordinal(low)} to {_ordinal(high)}" for low, high in pairs]
    several = len(trajectory.expected)
    text = f"{joined(names[:1] if several > 1 else names)} centile" if names else ""
    return f"{text}, all levels" if text and several > 2 else text


def _ordinal(level: float) -> str:
    text = f"{round(level, 6):g}"
    if "." in text or text[-2:] in ("11", "12", "13"):
        return f"{text}th"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
