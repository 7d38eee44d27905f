"""Which features drive the decision, as regions on the brain where they have a place there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from normwise.report.embed import as_uri
from normwise.report.figures.bars import draw_weights
from normwise.report.figures.brain import BrainSlice, colour_bar, draw_slices, region_weights
from normwise.report.figures.canvas import inline_svg
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import unit
from normwise.results import Explanation, FeatureNote, Importance

__all__ = ["importance"]

_SHOWN = 15  # rows before the fold; the rest opens by a click
_BARS = 20


@dataclass(frozen=True)
class Weighted:
    """One row of the ranked table: ``about`` gives meaning and unit, ``bar`` the share of the largest."""

    rank: int
    feature: str
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
            rank, row.feature, _about(row, run), row.weight, abs(row.weight) / largest if largest else 0.0
        )
        for rank, row in enumerate(ranked, start=1)
    ]
    planes = _planes(explanation, run)
    targets = run.evaluation.classes if run.evaluation else run.record.classes
    body = render(
        "importance.html",
        rows=rows[:_SHOWN],
        folded=rows[_SHOWN:],
        kind=explanation.importance_kind,
        signed=signed,
        two=len(targets) == 2,
        targets=targets,
        planes=planes,
        bar=as_uri(colour_bar(signed=signed)),
        largest=max((abs(row.weight) for row in region_weights(ranked).values()), default=0.0),
        placeless=any(row.label is None for row in ranked),
        chart=None if planes else _chart(ranked, signed=signed, kind=explanation.importance_kind),
        charted=min(_BARS, len(ranked)),
        elsewhere=run.tested_elsewhere,
    )
    return Section("Regions that matter" if planes else "Features that matter", body)


def _about(row: Importance, run: SavedRun) -> str:
    """Say what a feature measures, or where, and its unit."""
    note = run.notes.get(row.feature, FeatureNote("", ""))
    told = note.description.removesuffix(f": {row.place}") or row.place  # the feature's name begins with it
    unsaid = note.unit if note.unit.lower() not in told.lower() else ""
    return " · ".join(part for part in (told, unit(unsaid)) if part)


def _planes(explanation: Explanation, run: SavedRun) -> list[tuple[str, list[tuple[BrainSlice, str]]]]:
    """Return slices with their data URIs by plane; empty where no region can be drawn."""
    if explanation.atlas is None:
        return []
    features = run.record.settings.get("features")
    lut = features.get("lut") if isinstance(features, dict) else None
    slices = draw_slices(explanation.importances, explanation.atlas, lut)
    return [
        (plane, [(cut, as_uri(cut.png)) for cut in cuts])
        for plane, cuts in groupby(slices or [], key=lambda cut: cut.plane)
    ]


def _chart(ranked: list[Importance], *, signed: bool, kind: str) -> Markup:
    shown = ranked[:_BARS]
    told = ", ".join(f"{row.feature} {row.weight:.3g}" for row in shown[:5])
    return inline_svg(
        draw_weights(shown, signed=signed, kind=kind or "weight"), "weights", f"Largest weights: {told}."
    )
