"""Training of the attention: all members of an ensemble at once, on all slides at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError

__all__ = ["train_attention"]

Floats = NDArray[np.float64]


def train_attention(
    unit: Floats,
    present: NDArray[np.bool_],
    codes: NDArray[np.intp],
    *,
    classes: int,
    hidden: int,
    members: int,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
) -> dict[str, Floats]:
    """Minimise the cross-entropy of the slides' labels, every class weighing the same.

    Parameters
    ----------
    unit : ndarray of shape (n_slides, n_tiles, n_features)
        Standardised tiles.
    present : ndarray of bool of shape (n_slides, n_tiles)
        Where there is a tile.
    codes : ndarray of shape (n_slides,)
        0 for the normal class, else a class from 1.
    classes : int
        Classes with an attention.
    hidden, members, epochs, learning_rate, weight_decay
        As in `AttentionPooling`.
    seed : int
        Of the starting weights.

    Returns
    -------
    dict of str to ndarray
        As ``AttentionPooling.weights_``.

    Raises
    ------
    FeatureError
        FEA-412, PyTorch is missing.
    """
    try:
        import torch
    except ImportError as error:
        raise FeatureError(
            "FEA-412",
            "attention over tiles is learnt by PyTorch, which is not installed.",
            advice='python -m pip install "normwise[deep]"',
        ) from error

    source = torch.Generator().manual_seed(seed)
    width = unit.shape[2]

    def drawn(*shape: int, size: float) -> Any:
        return (torch.randn(*shape, generator=source) * size).requires_grad_()

    # Small at first, so that the first step goes where the classes differ and not where the seed points.
    parts = {"w": drawn(members, classes, width, size=0.1 / width**0.5)}
    if hidden:
        parts |= {
            "V": drawn(members, width, hidden, size=width**-0.5),
            "U": drawn(members, width, hidden, size=width**-0.5),
            "v": drawn(members, hidden, size=0.0),
            "u": drawn(members, hidden, size=0.0),
            "o": drawn(members, classes, hidden, size=0.1 / hidden**0.5),
        }
    bias = torch.zeros(members, 1, classes, requires_grad=True)
    slides = torch.from_numpy(np.where(present[:, :, None], unit, 0.0).astype(np.float32))
    absent = torch.from_numpy(~present)[None, :, None, :]
    counted = torch.from_numpy(np.log(np.maximum(present.sum(axis=1), 1)).astype(np.float32))[None, :, None]
    target = torch.from_numpy(codes)
    shares = np.bincount(codes, minlength=classes + 1)
    weight = torch.from_numpy((len(codes) / np.maximum(shares, 1)).astype(np.float32))
    normal = torch.zeros(members, len(codes), 1)
    if not shares[0]:
        normal = normal - torch.inf  # every class has its own attention: nobody may be taken for none of them
    step = torch.optim.AdamW([*parts.values(), bias], lr=learning_rate, weight_decay=weight_decay)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same bytes for any number of cores
    try:
        for _ in range(epochs):
            step.zero_grad()
            score = torch.einsum("nkd,ecd->enck", slides, parts["w"])
            if hidden:
                turned = torch.tanh(
                    torch.einsum("nkd,edh->enkh", slides, parts["V"]) + parts["v"][:, None, None]
                )
                gate = torch.sigmoid(
                    torch.einsum("nkd,edh->enkh", slides, parts["U"]) + parts["u"][:, None, None]
                )
                score = score + torch.einsum("enkh,ech->enck", turned * gate, parts["o"])
            spoken = torch.logsumexp(score.masked_fill(absent, -torch.inf), dim=3) - counted + bias
            logits = torch.cat([normal, spoken], dim=2)
            # The members share a pass, not a gradient: the sum of their losses splits.
            losses = [torch.nn.functional.cross_entropy(each, target, weight=weight) for each in logits]
            torch.stack(losses).sum().backward()
            step.step()
    finally:
        torch.set_num_threads(threads)
    return {name: part.detach().numpy().astype(np.float64) for name, part in parts.items()}
