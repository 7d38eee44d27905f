"""Outlines of nuclei as a run exports them, made small."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["write_outlines"]


def write_outlines(path: Path, rings: list[list[list[float]]]) -> Path:
    """Write rings, px of level 0, one outline a line."""
    features = [{"geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings]
    lines = ",\n".join(json.dumps(each) for each in features)
    path.write_text('{"type": "FeatureCollection", "features": [\n' + lines + "\n]}\n", "utf-8")
    return path
