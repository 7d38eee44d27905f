"""Networks."""

from normwise.networks.attention import train_attention
from normwise.networks.attribution import integrated_gradients
from normwise.networks.dense import (
    ACTIVATIONS,
    LEAK,
    MAXOUT_PIECES,
    Dense,
    joined_odds,
    log_odds_gradient,
    odds_of,
    shapes_of,
)
from normwise.networks.device import choose_device, need_torch
from normwise.networks.fit import train_together

__all__ = [
    "ACTIVATIONS",
    "LEAK",
    "MAXOUT_PIECES",
    "Dense",
    "choose_device",
    "integrated_gradients",
    "joined_odds",
    "log_odds_gradient",
    "need_torch",
    "odds_of",
    "shapes_of",
    "train_attention",
    "train_together",
]
