"""`normwise score`: new people held against a reference or a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from normwise.cli.commands.predict import (
    PEOPLE,
    TableFlag,
    ValuesFlag,
    feature_frame,
    features_in,
    from_images,
    from_table,
    read_settings,
    refuse_mixture,
    table_among,
)
from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import DONE, SOME_FAILED, open_session

if TYPE_CHECKING:
    import pandas as pd

    from normwise.cohort import Cohort

__all__ = ["score"]


def score(
    norm: Path,
    /,
    *image: Path,
    values: ValuesFlag = None,
    table: TableFlag = None,
    out: Annotated[
        Path | None,
        Parameter(
            name="--out", group=PEOPLE, help="write the table to FILE, a dictionary beside it (stdout)"
        ),
    ] = None,
    what: Annotated[
        Literal["w", "centile", "expected", "residual", "value"],
        Parameter(
            name="--what",
            group=PEOPLE,
            show_default=False,
            show_choices=False,
            metavar="SCORE",
            help="w, centile, expected, residual or value (w)",
        ),
    ] = "w",
    site_card: Annotated[
        list[Path] | None,
        Parameter(
            name="--site-card",
            group=PEOPLE,
            negative=(),
            help="what normwise adapt found of a site that was not trained on",
            metavar="CARD",
        ),
    ] = None,
    running: RunFlags = USUAL,
) -> int:
    """Hold new people against a norm: one row each, with the W-score of every feature.

    People outside the normal group's range have scores that are extrapolated, and the reason in the column
    outside_support.

    Parameters
    ----------
    norm : Path
        A file of reference or merge, a saved model, or a run that holds one.
    image : Path
        Images of one person, or of people with equal demographics.
    values : list of str
        The demographics, as NAME=VALUE.
    table : Path
        A table of new people, in place of images.
    out : Path
        Where the table goes; its data dictionary goes beside it.
    what : str
        W-score, centile, expected value, residual or measured value.
    site_card : list of Path
        Cards of sites, one each.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("score", running) as session:
        from normwise.cohort import read_table
        from normwise.files import check_writable, sha256_file, write_text
        from normwise.model import measure_people, open_norm
        from normwise.runs import assemble_frame, describe_norm, score_dictionary, score_text

        image, table = table_among(image, table)
        refuse_mixture(image, table, values)
        if out is not None:
            check_writable(out)
        known = open_norm(norm)
        if site_card:
            from normwise.model import with_site_cards
            from normwise.normalize import read_card

            known = with_site_cards(known, [read_card(path) for path in site_card])
        if table is not None:
            known = known.for_table(list(read_table(table).frame.columns))
            cohort = from_table(table, known)
        else:
            cohort = from_images(image, read_settings(values or ()), known)
        failures: dict[str, str] = {}
        if table is not None and features_in(list(cohort.raw.columns), known):
            frame = feature_frame(cohort, known)
        else:
            features = measure_people(known, cohort, **session.resources)
            failures = {scan: f"{error.code} {error.problem}" for scan, error in features.failures.items()}
            frame = assemble_frame(features.values, cohort, known.site)
        scores, outside = known.score(frame, what)
        rows = _rows(cohort, scores, outside, failures)
        session.code = DONE if all(len(numbers) for _, numbers, _ in rows) else SOME_FAILED
        names = [str(name) for name in scores.columns]
        text = score_text(names, rows)
        if out is None:
            sys.stdout.write(text)
            return session.finish()
        write_text(out, text)
        sidecar = out.with_name(f"{out.stem if out.suffix != '.json' else out.name}.json")
        reference = sha256_file(norm) if norm.is_file() else None
        generated = describe_norm(known.normalizer, known.roles.demographics, known.feature_hash, reference)
        write_text(sidecar, score_dictionary(names, what, known.units, generated))
        inside = sum(not reason for _, _, reason in rows)
        session.output.row("inside", f"{inside} of {len(rows)} scans lie inside the normal group's range")
        session.output.number("scans", len(rows))
        session.output.number("inside", inside)
        return session.end(out, sidecar)


def _rows(
    cohort: Cohort, scores: pd.DataFrame, outside: pd.Series[str], failures: dict[str, str]
) -> list[tuple[str, list[float], str]]:
    """Return a row a row of the input: id, scores (none where there are none), and why outside."""
    rows: list[tuple[str, list[float], str]] = []
    places = {str(name): place for place, name in enumerate(scores.index)}
    values = scores.to_numpy(dtype=float)
    for entry in cohort.ledger.itertuples(index=False):
        name = str(entry.id)
        place = places.get(name) if entry.status == "included" else None
        if place is None:
            rows.append((name, [], failures.get(name) or f"{entry.code} {entry.reason}"))
        else:
            numbers = [float(value) for value in values[place]]
            known = any(number == number for number in numbers)  # noqa: PLR0124 - only NaN differs from itself
            rows.append((name, numbers if known else [], str(outside.iloc[place])))
    return rows
