"""Metrics of out-of-fold predictions, functions of people's weights; ``registry`` lists them, a line each."""

__all__ = []
