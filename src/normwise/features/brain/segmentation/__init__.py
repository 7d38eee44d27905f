"""Parts of the head: ``mask`` of the brain, ``bias_field``, ``tissue`` and ``labels`` of regions."""

from __future__ import annotations

__all__: list[str] = []
