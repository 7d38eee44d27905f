"""Inference."""

__all__ = []
