"""PyTorch's device, and a context with a given seed, number of threads and deterministic algorithms.

The caller's random states, thread counts and flags are restored afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from normwise.errors import ClassifierError
from normwise.extras import need_packages

__all__ = ["DEVICES", "choose_device", "deterministic_torch", "need_torch"]

DEVICES = ("auto", "cpu", "cuda")
"""Devices by name; a number may follow, as ``"cuda:1"``."""

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def need_torch(purpose: str) -> None:
    """Refuse where PyTorch or safetensors is not installed.

    Parameters
    ----------
    purpose : str
        What would be done with it, as the subject of the message.

    Raises
    ------
    ClassifierError
        CLS-301 with the line to type.
    """
    need_packages(("torch", "safetensors"), "CLS-301", ClassifierError, subject=purpose)


def choose_device(name: str = "auto") -> Any:
    """Return a ``torch.device``: ``"auto"`` is a GPU where there is one, else the processor.

    Raises
    ------
    ClassifierError
        CLS-302 where there is no such device.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    kind, _, place = name.partition(":")
    if name == "cpu":
        return torch.device("cpu")
    if kind == "cuda":
        index = int(place or 0)
        if index < count:
            return torch.device("cuda", index)
    raise ClassifierError(
        "CLS-302",
        "there is no such device for the network.",
        subject=name,
        seen=f"{count} GPU{'' if count == 1 else 's'} that torch can use",
        expected=f"one of {', '.join(DEVICES)}",
        advice='use device="auto", or install a torch built for your GPU',
    )


@contextmanager
def deterministic_torch(seed: int, device: Any, *, threads: int | None = 1) -> Iterator[None]:
    """Seed PyTorch, limit its threads and ask for deterministic algorithms, until the block ends.

    Parameters
    ----------
    seed : int
        Of the processor's generator and of the device's own.
    device : torch.device
        Where the block computes.
    threads : int, optional
        Processor threads; None leaves them as they are.

    Examples
    --------
    >>> import torch
    >>> before = torch.get_num_threads(), torch.rand(1, generator=torch.Generator().manual_seed(0))
    >>> with deterministic_torch(7, torch.device("cpu")):
    ...     first = torch.rand(2)
    >>> with deterministic_torch(7, torch.device("cpu")):
    ...     torch.equal(torch.rand(2), first), torch.get_num_threads()
    (True, 1)
    >>> torch.get_num_threads() == before[0]
    True
    """
    import torch

    on_gpu = device.type == "cuda"
    before = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    if threads is not None:
        torch.set_num_threads(threads)
    if on_gpu:
        # Without it the matrix products of a GPU differ from run to run.
        os.environ.setdefault(_WORKSPACE, ":4096:8")
        torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        with torch.random.fork_rng(devices=[device] if on_gpu else []):
            # `torch.manual_seed` would seed the other devices too, whose states are not restored.
            torch.default_generator.manual_seed(seed)
            if on_gpu:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield
    finally:
        torch.use_deterministic_algorithms(mode=strict, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        if on_gpu and workspace is None:
            os.environ.pop(_WORKSPACE, None)
        if threads is not None:
            torch.set_num_threads(before)
