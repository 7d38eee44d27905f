"""Solvers."""

__all__ = []
