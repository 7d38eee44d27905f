"""Commands."""

__all__ = []
