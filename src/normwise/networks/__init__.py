"""Networks in PyTorch, without scikit-learn: how they are built, trained and evaluated.

* ``dense``: fully connected networks on NumPy arrays: scores, gradients, attributions.
* ``stacked``: the same networks in PyTorch, all members and settings trained together.
* ``attention``: training of attention over the tiles of slides.
* ``training``: the loop that trains them; ``checkpoint``: saving and resuming it.
* ``device``: processor or GPU, seeds, threads and deterministic algorithms.
* ``images``: networks for images.

``stacked``, ``training`` and ``checkpoint`` import torch at their top; they are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from normwise.networks.attention import train_attention
from normwise.networks.dense import (
    ACTIVATIONS,
    LEAK,
    MAXOUT_PIECES,
    Dense,
    check_weights,
    integrated_gradients,
    joined_odds,
    log_odds_gradient,
    odds_of,
    shapes_of,
)
from normwise.networks.device import choose_device, need_torch

if TYPE_CHECKING:
    from normwise.networks.stacked import StackSettings, train_stack

__all__ = [
    "ACTIVATIONS",
    "LEAK",
    "MAXOUT_PIECES",
    "Dense",
    "StackSettings",
    "check_weights",
    "choose_device",
    "integrated_gradients",
    "joined_odds",
    "log_odds_gradient",
    "need_torch",
    "odds_of",
    "shapes_of",
    "train_attention",
    "train_stack",
]


def __getattr__(name: str) -> Any:
    if name not in ("StackSettings", "train_stack"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("normwise.networks.stacked"), name)
