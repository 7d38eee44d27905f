"""Measurements made elsewhere: ``extractor`` reads columns of tables, ``freesurfer`` FreeSurfer's files."""

from __future__ import annotations

__all__: list[str] = []
