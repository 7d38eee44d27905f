"""Several processes that train one network: torch's own data-parallel group, as ``torchrun`` starts it.

Every process holds the whole network and sees its share of each batch. Gradients are averaged over the
processes by `torch.nn.parallel.DistributedDataParallel`; losses are weighted so that this average is the
gradient of the whole batch, whatever the shares.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

__all__ = ["Group", "joined_group"]

_PATIENCE = timedelta(minutes=30)  # a process that waits longer for the others has lost them


@dataclass(frozen=True)
class Group:
    """One process among those that train together: the one that asks.

    Attributes
    ----------
    rank : int
        Its place, from 0.
    size : int
        How many processes there are; 1 where nothing is shared.
    """

    rank: int = 0
    size: int = 1

    def share(self, rows: torch.Tensor) -> torch.Tensor:
        """Return this process's rows of a batch that every process holds whole."""
        return rows if self.size == 1 else rows[self.rank :: self.size]

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Return values summed over the processes."""
        if self.size > 1:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def gather(self, values: torch.Tensor, device: torch.device) -> list[torch.Tensor]:
        """Return every process's values, in the order of the ranks."""
        if self.size == 1:
            return [values]
        mine = values.to(device)
        parts = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(parts, mine)
        return [part.cpu() for part in parts]

    def agree(self, flag: bool) -> bool:  # noqa: FBT001 - the one thing that is agreed on
        """Return the first process's word, so that all of them stop together."""
        if self.size == 1:
            return flag
        told = [flag]
        distributed.broadcast_object_list(told, src=0)
        return bool(told[0])

    def wrap(self, module: torch.nn.Module, device: torch.device) -> Any:
        """Return the network as the loop calls it: wrapped where gradients are to be averaged."""
        if self.size == 1:
            return module
        places = [device.index] if device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(module, device_ids=places)


@contextmanager
def joined_group(device: torch.device) -> Iterator[Group]:
    """Join the processes that the environment names (``WORLD_SIZE``, ``RANK``, ``MASTER_ADDR`` …), if any.

    Parameters
    ----------
    device : torch.device
        Gradients travel by NCCL between GPUs, by Gloo between processors.

    Yields
    ------
    Group
        Of size 1 where the environment names nobody else.
    """
    if distributed.is_available() and distributed.is_initialized():
        yield Group(distributed.get_rank(), distributed.get_world_size())
        return
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Group()
        return
    on_gpu = device.type == "cuda"
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo", timeout=_PATIENCE, device_id=device if on_gpu else None
    )
    try:
        yield Group(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
