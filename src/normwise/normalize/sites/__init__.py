"""Sites."""

__all__ = []
