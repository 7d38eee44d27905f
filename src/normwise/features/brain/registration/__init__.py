"""Registration."""

__all__ = []
