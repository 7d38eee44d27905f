"""Segmentation."""

__all__ = []
