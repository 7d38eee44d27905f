"""Estimates from values on weighted people: bootstrap, Wilson and DeLong intervals, differences, curves."""

__all__ = []
