"""Pieces of HTML that a notebook shows: nothing is fetched, every text is escaped, every list is bounded.

Colours are those of the page around it, so that a piece reads on a light page and on a dark one; the one hue
of its own stands out from both.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from normwise.reprs.wording import Interval, clip, interval

__all__ = ["block", "facts_table", "forest", "picture", "table"]

MOST_ROWS = 20
"""Rows of one table, and of one figure."""

_LONGEST = 400  # characters of one cell: a reason is read to its end
_HUE = "#3d85c6"  # contrast of at least 3.8 to white and to #111111
_CELL = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0;white-space:normal"
_WIDTH, _PAD = 340, 10  # pixels of a figure, which fits a phone
_ROW, _AXIS = 34, 26


def block(title: str, *parts: str) -> str:
    """Return one object's page: its title above its parts.

    Parameters
    ----------
    title : str
        Plain text.
    *parts : str
        HTML.
    """
    return (
        '<div style="max-width:46em;overflow-x:auto;line-height:1.4">'
        f'<p style="margin:0 0 .3em"><b>{_text(title)}</b></p>{"".join(parts)}</div>'
    )


def facts_table(facts: Mapping[str, str]) -> str:
    """Return facts as a table of two columns.

    Parameters
    ----------
    facts : mapping of str to str
        Name and text.

    Examples
    --------
    >>> "<b>" in facts_table({"label": "<b>"})
    False
    """
    return table("", (), [list(row) for row in facts.items()])


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table whose rows begin with their name; what is beyond `MOST_ROWS` is counted.

    Parameters
    ----------
    caption : str
        Above it; empty for none.
    header : sequence of str
        Names of the columns; empty for none.
    rows : sequence of sequence
        As many cells each as there are columns.
    """
    head = "".join(f'<th scope="col" style="{_CELL}">{_text(name)}</th>' for name in header)
    lines = [
        f'<tr><th scope="row" style="{_CELL}">{_text(first)}</th>'
        + "".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in rows[:MOST_ROWS]
    ]
    above = f'<caption style="text-align:left;padding:.4em 0 .1em">{_text(caption)}</caption>'
    left = len(rows) - MOST_ROWS
    return (
        f'<table style="border-collapse:collapse;margin:.2em 0;color:inherit">{above if caption else ""}'
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{''.join(lines)}</tbody></table>"
        + (f'<p style="margin:.2em 0">and {left} more</p>' if left > 0 else "")
    )


def forest(
    rows: Mapping[str, Interval],
    *,
    title: str,
    limits: tuple[float, float],
    main: str | None = None,
    line: float | None = None,
) -> str:
    """Return estimates and their intervals as an SVG, from top to bottom.

    Parameters
    ----------
    rows : mapping of str to Interval
        Label and number; one that is not defined keeps its row and says so.
    title : str
        Above it.
    limits : tuple of float
        Ends of the axis; they are moved where a number lies beyond.
    main : str, optional
        The label of the row to emphasise.
    line : float, optional
        A reference, as 0.5 for chance.
    """
    shown = dict(list(rows.items())[:MOST_ROWS])
    known = [
        end
        for row in shown.values()
        for end in (row.estimate, row.low, row.high)
        if end is not None and math.isfinite(end)
    ]
    if not known:
        return ""
    low, high = _rounded(min([limits[0], *known]), max([limits[1], *known]))

    def x(value: float) -> str:
        return f"{_PAD + (_WIDTH - 2 * _PAD) * (min(max(value, low), high) - low) / (high - low):.1f}"

    height = _ROW * len(shown) + _AXIS
    parts = []
    for place, (name, row) in enumerate(shown.items()):
        parts += _forest_row(name, row, _ROW * place, x, emphasised=name == main)
        if line is not None:  # beside the mark alone, where it crosses no text
            parts.append(_stroke((x(line), x(line)), (_ROW * place + 17, _ROW * place + 29)))
    bottom = height - _AXIS + 4
    parts.append(_stroke((str(_PAD), str(_WIDTH - _PAD)), (bottom, bottom)))
    ticks = {low: "start", high: "end"}
    if line is not None and min(line - low, high - line) > (high - low) / 8:
        ticks[line] = "middle"
    for value, anchor in ticks.items():
        parts.append(f'<text x="{x(value)}" y="{bottom + 16}" text-anchor="{anchor}">{value:.3g}</text>')
    return (
        f'<p style="margin:.4em 0 0">{_text(title)}</p>'
        f'<svg role="img" aria-label="{_text(title)}" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" style="max-width:100%;height:auto" fill="currentColor" font-size="12" '
        f'font-family="sans-serif">{"".join(parts)}</svg>'
    )


def picture(png: bytes, size: tuple[int, int], alt: str) -> str:
    """Return a picture that lies in the page itself.

    Parameters
    ----------
    png : bytes
        A PNG file.
    size : tuple of int
        Width and height in pixels of the page.
    alt : str
        What it shows, in words.
    """
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" width="{size[0]}" height="{size[1]}" alt="{_text(alt)}" '
        'style="max-width:100%;height:auto;margin:.2em .4em .2em 0">'
    )


def _forest_row(
    name: str, row: Interval, top: int, x: Callable[[float], str], *, emphasised: bool
) -> list[str]:
    weight = ' font-weight="bold"' if emphasised else ""
    text = f'<text x="{_PAD}" y="{top + 13}"{weight}>{_text(clip(name, 34))}: {interval(row)}</text>'
    y, colour = top + 23, _HUE if emphasised else "currentColor"
    if row.estimate is None or not math.isfinite(row.estimate):
        return [text]
    parts = [text]
    if row.low is not None and row.high is not None and math.isfinite(row.low + row.high):
        width = 3 if emphasised else 1.5
        parts.append(
            f'<line x1="{x(row.low)}" x2="{x(row.high)}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )
    parts.append(f'<circle cx="{x(row.estimate)}" cy="{y}" r="{5 if emphasised else 4}" fill="{colour}"/>')
    return parts


def _stroke(across: tuple[str, str], down: tuple[int, int]) -> str:
    return (
        f'<line x1="{across[0]}" x2="{across[1]}" y1="{down[0]}" y2="{down[1]}" stroke="currentColor" '
        'opacity=".6"/>'
    )


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Move the ends of an axis outwards to numbers of few digits.

    Examples
    --------
    >>> _rounded(0.359, 1.0)
    (0.35, 1.0)
    """
    step = 10.0 ** math.floor(math.log10(high - low)) / 2
    return round(math.floor(low / step + 1e-9) * step, 9), round(math.ceil(high / step - 1e-9) * step, 9)


def _text(text: object) -> str:
    return escape(clip(text, _LONGEST), quote=True)
