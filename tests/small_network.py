"""A training small enough to be killed, resumed and shared: with dropout, momentum and row weights.

Run as a program it trains: `python small_network.py CHECKPOINT EPOCHS PAUSE DROPOUT RESULT`.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from normwise.networks.training import train_network


def network(seed=0, dropout=0.3):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Dropout(dropout), torch.nn.Linear(8, 2)
        ).double()


def batches(epoch):
    draw = torch.Generator().manual_seed(epoch)
    rows = torch.randn(24, 4, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    for part in torch.randperm(24, generator=draw).split(9):
        yield (rows[part],), (rows[part, 0] > 0).long(), 1.0 + (part % 3).double()


def loss(output, target):
    return torch.nn.functional.cross_entropy(output, target, reduction="none")


def weights(module):
    return {name: value.numpy().copy() for name, value in module.state_dict().items()}


SETTINGS = {
    "loss": loss,
    "learning_rate": 0.02,
    "weight_decay": 0.1,
    "random_state": 5,
    "key": "rows of seed 99",
}


def main(checkpoint, epochs, pause, dropout, result):
    module = network(dropout=float(dropout))
    curve = train_network(
        module,
        batches,
        epochs=int(epochs),
        checkpoint=Path(checkpoint),
        after_epoch=lambda done, module: time.sleep(float(pause)),
        **SETTINGS,
    )
    np.savez(result, losses=curve.losses, **weights(module))


if __name__ == "__main__":
    main(*sys.argv[1:])
