"""Regions."""

__all__ = []
