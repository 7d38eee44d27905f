"""The template and its registration to a head: ``reference``, ``affine`` and ``warp``."""

from __future__ import annotations

__all__: list[str] = []
