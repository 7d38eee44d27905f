"""Figures of the report: each file draws one kind, ``canvas`` turns it into an SVG that follows the theme."""

__all__ = []
