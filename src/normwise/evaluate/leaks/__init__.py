"""Leaks."""

__all__ = []
