"""Stacked fully connected networks as PyTorch trains them: every member, of every setting, in one product."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from normwise.networks.dense import LEAK, MAXOUT_PIECES

__all__ = ["StackedNetworks", "activate", "row_losses"]

Floats = NDArray[np.float64]


def activate(name: str, inputs: torch.Tensor) -> torch.Tensor:
    """Return an activation's outputs; of maxout, half as many as there are inputs."""
    if name == "sigmoid":
        return torch.sigmoid(inputs)
    if name == "tanh":
        return torch.tanh(inputs)
    if name == "relu":
        return torch.relu(inputs)
    if name == "leaky_relu":
        return functional.leaky_relu(inputs, LEAK)
    if name == "maxout":
        return inputs.unflatten(-1, (-1, MAXOUT_PIECES)).amax(dim=-1)
    assert name == "elu"
    return functional.elu(inputs)


class _Layer(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    def __init__(self, weight: Floats, bias: Floats, copies: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight, dtype=dtype).repeat(copies, 1, 1))
        self.bias = torch.nn.Parameter(torch.tensor(bias[:, None, :], dtype=dtype).repeat(copies, 1, 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, inputs, self.weight)


class StackedNetworks(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """Equal networks side by side.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Of the members, as `normwise.networks.dense.first_weights` draws them.
    activation : str
        A key of `normwise.networks.dense.ACTIVATIONS`.
    dropout : float
        Share of hidden units that a training step leaves out.
    copies : int
        How often the members are repeated, one a setting. Copies leave out the same units.
    dtype : torch.dtype
        Of the weights.
    """

    def __init__(
        self,
        weights: Mapping[str, Floats],
        activation: str,
        *,
        dropout: float = 0.0,
        copies: int = 1,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.activation, self.dropout, self.copies = activation, dropout, copies
        self.layers = torch.nn.ModuleList(
            _Layer(weights[f"{place}.weight"], weights[f"{place}.bias"], copies, dtype)
            for place in range(len(weights) // 2)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (copies · n_members, n_rows, n_outputs) of rows (n_rows, n_features)."""
        passed = rows.expand(len(self.layers[0].weight), *rows.shape)
        for place, layer in enumerate(self.layers):
            passed = layer(passed)
            if place < len(self.layers) - 1:
                passed = self._drop(activate(self.activation, passed))
        return passed

    def _drop(self, units: torch.Tensor) -> torch.Tensor:
        if not self.training or self.dropout == 0.0:
            return units
        members = len(units) // self.copies
        kept = torch.rand((members, *units.shape[1:]), device=units.device) >= self.dropout
        return units * kept.repeat(self.copies, 1, 1) / (1.0 - self.dropout)

    def members(self, copy: int) -> dict[str, Floats]:
        """Return the weights of one copy's members as arrays."""
        found: dict[str, Floats] = {}
        for place, layer in enumerate(self.layers):
            for name, part in (("weight", layer.weight), ("bias", layer.bias[:, 0])):
                mine = part.detach().chunk(self.copies)[copy]
                found[f"{place}.{name}"] = mine.double().cpu().numpy().copy()
        return found


def row_losses(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return −log of the true class's probability, (n_rows, n_networks).

    Parameters
    ----------
    scores : Tensor of shape (n_networks, n_rows, n_outputs)
        One output is the log-odds of the last of two classes; several are a score a class.
    target : Tensor of shape (n_rows,)
        Place of each row's class.
    """
    n_networks, n_rows, n_outputs = scores.shape
    if n_outputs == 1:
        wanted = target.to(scores.dtype).expand(n_networks, n_rows)
        losses = functional.binary_cross_entropy_with_logits(scores[..., 0], wanted, reduction="none")
    else:
        wanted = target.expand(n_networks, n_rows)
        losses = functional.cross_entropy(scores.movedim(-1, 1), wanted, reduction="none")
    return losses.T
