"""The template and how it is brought onto a head: ``reference``, ``affine`` and ``warp``."""

from __future__ import annotations

__all__: list[str] = []
