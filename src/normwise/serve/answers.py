"""Answers of the application: headers that let nothing in from elsewhere, its own files, its pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from normwise.report import render, style_sheet

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["HEADERS", "answer", "page", "static_file"]

_HERE = Path(__file__).parent
_PAGES = _HERE / "page"
_FILES = {
    "view.js": ("page/view.js", "text/javascript"),
    "view.css": ("page/view.css", "text/css"),
    "app.js": ("page/app.js", "text/javascript"),
    "head.js": ("page/head.js", "text/javascript"),
    "app.css": ("page/app.css", "text/css"),
    "openseadragon.min.js": ("vendor/openseadragon/openseadragon.min.js", "text/javascript"),
    "niivue.umd.js": ("vendor/niivue/niivue.umd.js", "text/javascript"),
    "LICENSE.txt": ("vendor/openseadragon/LICENSE.txt", "text/plain"),
    "niivue.LICENSE.txt": ("vendor/niivue/LICENSE.txt", "text/plain"),
}
_OWN_STYLE = "9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE="  # the one rule that OpenSeadragon adds
_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{_OWN_STYLE}'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer: nothing is fetched from elsewhere, kept, or shown inside another page."""

_WITH_FIGURES = {
    # Figures hold their colours in style attributes, and NiiVue its font in a data: address.
    "Content-Security-Policy": _POLICY.replace("connect-src 'self'", "connect-src 'self' data:")
    + "; style-src-attr 'unsafe-inline'"
}


def answer(
    content: str | bytes, media: str, code: int = 200, more: Mapping[str, str] | None = None
) -> Response:
    """Return an answer with every header."""
    from starlette.responses import Response

    return Response(content, code, media_type=media, headers=HEADERS | dict(more or {}))


def page(template: str, *, figures: bool = True, **context: object) -> Response:
    """Return a page of the application from its template, with figures of the report or without."""
    return answer(
        str(render(template, _PAGES, **context)), "text/html", more=_WITH_FIGURES if figures else None
    )


def static_file(name: str) -> Response:
    """Return one of the application's own files, or that there is none."""
    file = _FILES.get(name)
    if file is None:
        return answer("no such file", "text/plain", 404)
    content = (_HERE / file[0]).read_bytes()
    if name == "app.css":
        content = f"{style_sheet()}\n".encode() + content
    return answer(content, file[1])
