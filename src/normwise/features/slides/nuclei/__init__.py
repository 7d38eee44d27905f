"""Nuclei."""

__all__ = []
