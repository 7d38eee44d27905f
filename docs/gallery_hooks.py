"""What the gallery does around each example: a folder for its files, and pictures out of what it shows."""

from __future__ import annotations

import base64
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

# Its beginning is literal: a pattern that may begin anywhere takes minutes over a page's pictures.
WRITTEN = re.compile(re.escape(f"{tempfile.gettempdir()}/normwise-gallery-") + r"\w+/\w+")
"""A folder that an example has written into, with the machine's own path."""

REFUSED = 2  # the exit code of a command
_made: list[str] = []
_caught: list[warnings.catch_warnings[Any]] = []


def frame_example(_: dict[str, Any], __: str, when: str) -> None:
    """Give the examples one folder for what they write, with a cache of their own; their warnings are errors.

    Called before and after each example, since what the site is built with may warn.
    """
    if when == "after":
        while _caught:
            _caught.pop().__exit__(None, None, None)
        return
    if not _made:
        _made.append(tempfile.mkdtemp(prefix="normwise-gallery-"))
        os.environ["NORMWISE_CACHE"] = f"{_made[0]}/cache"
    tempfile.tempdir = _made[0]
    _caught.append(warnings.catch_warnings())
    _caught[-1].__enter__()
    warnings.simplefilter("error")


def end_examples() -> None:
    """Remove what the examples wrote."""
    tempfile.tempdir = None
    for folder in _made:
        shutil.rmtree(folder, ignore_errors=True)
    _made.clear()


def save_drawings(_: Any, variables: dict[str, Any], __: dict[str, Any]) -> str:
    """Keep the first picture that a block shows for the list of examples; a refused command is an error."""
    shown = variables["example_globals"].get("___")
    if isinstance(shown, int) and shown == REFUSED:
        raise RuntimeError(f"a command of {variables['src_file']} was refused")
    page = shown._repr_html_() if hasattr(shown, "_repr_html_") else ""
    from normwise.report.figures.canvas import figures_in

    places = variables["image_path_iterator"]
    for drawing in list(figures_in(page).values())[:1]:
        Path(next(places)).with_suffix(".svg").write_text(drawing, encoding="utf-8")
    for kind, data in re.findall(r'src="data:image/(png|jpeg);base64,([^"]+)"', page)[:1]:
        path = Path(next(places)).with_suffix({"png": ".png", "jpeg": ".jpg"}[kind])
        path.write_bytes(base64.b64decode(data))
    return ""
