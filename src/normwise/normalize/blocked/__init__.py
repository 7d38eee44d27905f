"""Blocked."""

__all__ = []
