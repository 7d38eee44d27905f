"""Volumes."""

__all__ = []
