"""Voxels."""

__all__ = []
