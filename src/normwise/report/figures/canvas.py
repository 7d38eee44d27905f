"""From a matplotlib figure to an SVG that follows the page: its fonts, its colours in light and dark.

Figures are drawn in fixed colours that stand for roles; on the way out each becomes a CSS variable of the
page, so that the same bytes read in both themes. Text stays text, set by the reader's own fonts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import LayoutEngine

__all__ = [
    "COLOURS",
    "SERIES",
    "drawing",
    "figures_in",
    "inline_svg",
    "new_figure",
    "shorten",
    "standalone_svg",
    "theme_css",
    "wrap",
]

COLOURS = {
    "ink": "#1b1f23",
    "soft": "#59626b",
    "rule": "#d3d8dd",
    "paper": "#fefefe",
    "wash": "#f4f6f8",
    "main": "#0b5a9b",
    "normal": "#555b62",
    "series-1": "#a83410",
    "series-2": "#c05a98",
    "series-3": "#178a62",
    "series-4": "#a97f0c",
}
"""Role and the colour it has on a light page; each is a CSS variable of the page, too.

The hues are those of Okabe and Ito (2008); their lightness is set so that every pair stays apart with missing
red, green or blue cones, and every line stands out from its paper.
"""

DARK = {
    "ink": "#e4e7ea",
    "soft": "#a3acb5",
    "rule": "#3a4047",
    "paper": "#15181b",
    "wash": "#1e2226",
    "main": "#70b3f1",
    "normal": "#a3afb8",
    "series-1": "#e07a42",
    "series-2": "#b06bb0",
    "series-3": "#3f9470",
    "series-4": "#e6cd58",
}
"""The same roles on a dark page."""

SERIES = tuple(name for name in COLOURS if name.startswith("series"))

FONT = (
    '"Segoe UI", -apple-system, BlinkMacSystemFont, Roboto, "Helvetica Neue", "Noto Sans", '
    '"Liberation Sans", Arial, sans-serif'
)
"""Fonts of the reader's own system; nothing is embedded or fetched."""

_STYLE: dict[str, Any] = {
    # DejaVu comes with matplotlib and is wider than the fonts of the stack, so what fits here fits there.
    "font.family": ["DejaVu Sans"],
    "font.size": 12.0,
    "axes.titlesize": 13.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelsize": 12.0,
    "xtick.labelsize": 11.0,
    "ytick.labelsize": 11.0,
    "legend.fontsize": 11.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 1.0,
    "axes.edgecolor": COLOURS["soft"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.titlecolor": COLOURS["ink"],
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "figure.edgecolor": "none",
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["soft"],
    "ytick.color": COLOURS["soft"],
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 1.0,
    "text.usetex": False,
    "text.parse_math": False,  # a dollar sign in a column's name is a dollar sign
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "svg.fonttype": "none",
    "svg.image_inline": True,
    "path.simplify": False,
}

_PAD = 4.0  # pixels around the labels
_LARGEST = 1.15  # a figure grows with a wide page, but not to a poster
_SHORTENED = re.compile(r"(-?\d+\.\d{2})\d+")
_INLINE = re.compile(
    r'<svg class="drawing" data-figure="(?P<name>[^"]+)" role="img" aria-label="(?P<label>[^"]*)" '
    r'viewBox="0 0 (?P<width>\d+) (?P<height>\d+)"[^>]*>(?P<body>.*?)</svg>',
    re.DOTALL,
)
_LONG_GEOMETRY = re.compile(r' (?:d|x|y|transform|points)="[^"]*"')


def theme_css() -> str:
    """Return both themes as CSS variables; paper is always light."""
    light, dark = (
        "".join(f"--{role}:{colour};" for role, colour in theme.items()) for theme in (COLOURS, DARK)
    )
    return (
        f":root{{color-scheme:light dark;{light}--sans:{FONT}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )


@contextmanager
def drawing(**more: Any) -> Iterator[None]:
    """Hold the report's style while artists are made; nothing outside the block changes."""
    from matplotlib import rcParams

    current: Any = rcParams
    before = dict.copy(current)
    # As matplotlib's own contexts restore a style; checking 300 known values for every figure takes long.
    dict.update(current, _style(), **more)
    try:
        yield
    finally:
        dict.update(current, before)


@cache
def _style() -> dict[str, Any]:
    """Return every setting: matplotlib's defaults, so that a reader's own never change a byte, then ours."""
    from matplotlib import RcParams, rcParamsDefault

    of_windows = ("backend", "interactive", "toolbar")
    plain = {key: value for key, value in rcParamsDefault.items() if key.split(".")[0] not in of_windows}
    resolved: Any = RcParams({**plain, **_STYLE})
    return dict.copy(resolved)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of ``width`` by ``height`` CSS pixels.

    Parameters
    ----------
    width, height : float
        Size in pixels of the page, before the page scales it.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72, height / 72), dpi=72, layout=_layout())


@cache
def _layout() -> LayoutEngine:
    """Return what gives the axes the room that labels and a legend below leave, measured once a drawing.

    Matplotlib's constrained layout measures every text four times.
    """
    from matplotlib.layout_engine import LayoutEngine

    class MeasuredOnce(LayoutEngine):
        _adjust_compatible = _colorbar_gridspec = True

        def execute(self, fig: Any) -> None:
            [axes] = fig.axes
            renderer, whole = fig._get_renderer(), fig.bbox  # noqa: SLF001  # what measures text
            axes.set_position((0.1, 0.1, 0.8, 0.8))
            outer, inner = axes.get_tightbbox(renderer, for_layout_only=True), axes.bbox
            below = sum(legend.get_window_extent(renderer).height + _PAD for legend in fig.legends)
            left, bottom = inner.x0 - outer.x0 + _PAD, inner.y0 - outer.y0 + _PAD + below
            right, top = outer.x1 - inner.x1 + _PAD, outer.y1 - inner.y1 + _PAD
            axes.set_position(
                (
                    left / whole.width,
                    bottom / whole.height,
                    max(0.0, 1 - (left + right) / whole.width),
                    max(0.0, 1 - (bottom + top) / whole.height),
                )
            )

    return MeasuredOnce()


def inline_svg(figure: Figure, name: str, label: str) -> Markup:
    """Return a figure as SVG to stand inside a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn inside `drawing`.
    name : str
        Unique on the page; every id inside begins with it.
    label : str
        What a person who can't see the figure should know.

    Returns
    -------
    markupsafe.Markup
        An ``svg`` element; equal figures give equal bytes.
    """
    width = round(figure.get_figwidth() * 72)
    height = round(figure.get_figheight() * 72)
    body = _themed(_body(figure, name), name)
    label = escape(label, quote=True)
    return Markup(  # noqa: S704  # matplotlib escapes text, the label is escaped above
        f'<svg class="drawing" data-figure="{name}" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width} {height}" '
        f'style="max-width:{round(_LARGEST * width)}px" xmlns:xlink="http://www.w3.org/1999/xlink">{body}</svg>'
        f"{_legend(figure)}"
    )


def _legend(figure: Figure) -> str:
    """Return a figure's legend as a list, which a page shows where the figure is too small for its own."""
    from matplotlib.colors import to_hex
    from matplotlib.lines import Line2D

    rows = []
    for legend in [*figure.legends, *(axes.get_legend() for axes in figure.axes)]:
        if legend is None:
            continue
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if not isinstance(handle, Line2D) or handle.get_linestyle() == "None":
                continue
            style = f"stroke:{to_hex(handle.get_color())};stroke-width:{handle.get_linewidth():g};fill:none"
            dashes = vars(handle)["_dash_pattern"][1]  # no other name for what is drawn
            if dashes:
                style += f";stroke-dasharray:{' '.join(f'{length:.3g}' for length in dashes)}"
            for role, colour in COLOURS.items():
                style = style.replace(colour, f"var(--{role})")
            rows.append(
                f'<li><svg viewBox="0 0 30 14" width="30" height="14" aria-hidden="true"><path d="M0 7h30" '
                f'style="{style}"/></svg>{escape(text.get_text())}</li>'
            )
    return f'<ul class="legend small-screen">{"".join(rows)}</ul>' if rows else ""


def standalone_svg(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an SVG file of its own, with both themes inside."""
    [alone] = figures_in(inline_svg(figure, name, label)).values()
    return alone


def figures_in(page: str) -> dict[str, str]:
    """Return every figure of a page as an SVG file of its own, with both themes inside.

    Parameters
    ----------
    page : str
        HTML that holds what `inline_svg` returned.

    Returns
    -------
    dict of str to str
        By the figure's name, in the page's order.
    """
    style = (
        f"{theme_css()}\n:root{{background:var(--paper)}}"
        "*{stroke-linejoin:round;stroke-linecap:butt}text{font-family:var(--sans)}"
    )
    return {
        found["name"]: (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
            f'aria-label="{found["label"]}" width="{found["width"]}" height="{found["height"]}" '
            f'viewBox="0 0 {found["width"]} {found["height"]}">\n'
            f"<style>{style}</style>{found['body']}</svg>\n"
        )
        for found in _INLINE.finditer(page)
    }


def shorten(text: str, width: int) -> str:
    """Take the middle out of a long text: names of one table differ at their ends.

    Examples
    --------
    >>> shorten("left_inferior_temporal_gyrus.gm_share", 24)
    'left_inferior_….gm_share'
    """
    if len(text) <= width:
        return text
    tail = (width - 1) * 2 // 5
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def wrap(text: str, width: int) -> str:
    """Break a long text over two lines, after underscores and dots too; what does not fit loses its middle.

    Examples
    --------
    >>> print(wrap("left_inferior_temporal_gyrus.gm_share", 26))
    left_inferior_temporal_
    gyrus.gm_share
    >>> wrap("short", 20)
    'short'
    """
    if len(text) <= width:
        return text
    cuts = [found.end() for found in re.finditer(r"[\s_./-]", text) if found.end() <= width]
    cut = cuts[-1] if cuts else width
    return f"{text[:cut].rstrip()}\n{shorten(text[cut:], width)}"


def _body(figure: Figure, name: str) -> str:
    """Save as SVG and keep what lies inside the outer element."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    with drawing(**{"svg.hashsalt": name}):
        canvas: Any = FigureCanvasSVG(figure)
        figure.dpi = 144  # of what is drawn as a picture; lines have no pixels
        # Not `savefig`, which draws everything twice.
        canvas.print_svg(stream, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = stream.getvalue()
    inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    return re.sub(r"<defs>\s*<style.*?</defs>", "", inside, count=1, flags=re.DOTALL)


def _themed(body: str, name: str) -> str:
    """Swap fixed colours for the page's variables and fixed fonts for its own; shorten; make ids unique."""
    for role, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{role})")
    body = re.sub(r" ?font-family: [^;\"]*;?", "", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    body = _LONG_GEOMETRY.sub(lambda found: _SHORTENED.sub(r"\1", found[0]).replace("\n", ""), body)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    body = re.sub(
        r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body
    )
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r"<g>\s*<path d=\"[^\"]*\" style=\"fill: none\"/>\s*</g>", "", body)
    body = re.sub(r"<g>\s*</g>|<g/>", "", body)
    return re.sub(r"\s*\n\s*", "\n", body)
