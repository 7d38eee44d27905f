"""Tables."""

__all__ = []
