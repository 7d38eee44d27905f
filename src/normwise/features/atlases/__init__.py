"""Atlases."""

__all__ = []
