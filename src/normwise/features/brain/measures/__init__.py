"""Measures."""

__all__ = []
