"""Slides."""

__all__ = []
