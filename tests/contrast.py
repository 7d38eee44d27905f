"""Decides the contrast of every text of a page by its pixels, text in figures and over shades too."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from chromium import Browser

__all__ = ["faint_texts"]

_TEXTS = """(() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    const large = parseFloat(style.fontSize) >= (Number(style.fontWeight) >= 700 ? 18.66 : 24);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      found.push([node.data.trim().slice(0, 60), colour,
        box.left + scrollX, box.top + scrollY, box.width, box.height, large]);
  }
  return found;
})()"""
_HIDDEN = "* { color: transparent !important } text, tspan { fill: transparent !important }"


_PART = 2000  # pixels


def faint_texts(page: Browser) -> list[tuple[str, float]]:
    """Return texts whose contrast with most of what lies behind them is below WCAG's 4.5 (large: 3)."""
    page.send("Emulation.setScrollbarsHidden", hidden=True)  # a picture of the whole has none, and is wider
    texts = page.run(_TEXTS)
    page.run(
        f"document.head.append(Object.assign(document.createElement('style'), {{textContent: `{_HIDDEN}`}}))"
    )
    width, height = page.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    # In parts: of a picture that is too high the browser repeats pieces.
    rows = [_picture(page, width, top, min(_PART, height - top)) for top in range(0, height, _PART)]
    behind = np.concatenate(rows)
    faint = []
    for text, colour, left, top, width, height, large in texts:
        part = behind[max(int(top), 0) : int(top + height) + 1, max(int(left), 0) : int(left + width) + 1]
        if part.size:
            part, front = _luminance(part), _luminance(_rgb(colour))
            ratio = (np.maximum(front, part) + 0.05) / (np.minimum(front, part) + 0.05)
            # A line of the chart may cross a text; what lies behind three quarters of it decides.
            usual = float(np.quantile(ratio, 0.25))
            if usual < (3.0 if large else 4.5):
                faint.append((text, round(usual, 2)))
    return faint


def _picture(page: Browser, width: int, top: int, height: int) -> np.ndarray:
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    data = page.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def _rgb(colour: str) -> np.ndarray:
    numbers = [float(each) for each in colour[colour.index("(") + 1 : -1].replace("srgb", "").split(",")]
    return np.array(numbers[:3])


def _luminance(rgb: Any) -> Any:
    share = np.asarray(rgb, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])
