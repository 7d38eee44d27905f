"""The engine room."""

from __future__ import annotations

from normwise.engine.progress import Progress, make_progress
from normwise.engine.task import Limits, Outcome, Task

__all__ = ["Limits", "Outcome", "Progress", "Task", "make_progress"]
