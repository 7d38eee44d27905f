"""A program that can be interrupted, whoever started the tests."""

from __future__ import annotations

import signal

__all__ = ["obey_interrupts"]


def obey_interrupts() -> None:
    """Take back an ignored SIGINT, which background jobs of a shell inherit; for ``preexec_fn``."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
