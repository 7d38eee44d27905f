"""Timing side by side: repetitions interleaved, so that a busy machine slows everyone alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["compare", "measure"]


def measure(candidates: Mapping[str, Callable[[], object]], repeats: int = 7) -> dict[str, np.ndarray]:
    """Time every candidate in turn, after one round that doesn't count.

    Parameters
    ----------
    candidates : mapping of str to callable
        What is timed, by name.
    repeats : int
        Rounds that count.

    Returns
    -------
    dict of str to ndarray of shape (repeats, 2)
        Wall-clock and processor seconds of each round.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    gc.collect()
    gc.disable()  # as timeit does: a collection would be charged to whoever comes next
    try:
        for _ in range(repeats + 1):
            for name, work in candidates.items():
                wall, processor = time.perf_counter(), time.process_time()
                work()
                seconds[name].append((time.perf_counter() - wall, time.process_time() - processor))
    finally:
        gc.enable()
    return {name: np.array(rounds[1:]) for name, rounds in seconds.items()}


def compare(title: str, candidates: Mapping[str, Callable[[], object]], repeats: int = 7) -> dict[str, float]:
    """Time candidates side by side and print how much longer each takes than the first.

    Parameters
    ----------
    title : str
        Heading of the table.
    candidates : mapping of str to callable
        What is timed, by name; the first is ours.
    repeats : int
        Rounds that count.

    Returns
    -------
    dict of str to float
        Median over the rounds of the processor time's ratio to the first. Processor time is what one thread
        takes when nobody else is on the machine; the ratio of the wall clock is printed beside it.
    """
    seconds = measure(candidates, repeats)
    first = next(iter(seconds.values()))
    width = max(map(len, candidates))
    print(f"\n{title} (median of {repeats} interleaved rounds)")
    print(f"  {'':<{width}}  {'CPU ms':>9}  {'× first':>8}  {'wall ms':>9}  {'× first':>8}")
    ratios = {}
    for name, rounds in seconds.items():
        wall, processor = np.median(rounds, axis=0)
        wall_ratio, ratio = np.median(rounds / first, axis=0)
        ratios[name] = float(ratio)
        columns = f"{processor * 1e3:>9.2f}  {ratio:>8.2f}  {wall * 1e3:>9.2f}  {wall_ratio:>8.2f}"
        print(f"  {name:<{width}}  {columns}")
    return ratios
