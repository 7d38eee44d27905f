"""Leak alarms: what may make an evaluation's numbers too good; ``alarms`` lists them, a line each."""

__all__ = []
