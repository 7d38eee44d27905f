"""Gradients of a network's score by its trunk's last maps.

torch is imported at the top: import this file lazily.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from normwise.networks.device import deterministic_torch
from normwise.networks.images.training import ImageSet

__all__ = ["class_maps"]

_AT_ONCE = 16


def class_maps(network: Any, rows: ImageSet, place: int) -> NDArray[np.float32]:
    """Return signed Grad-CAM maps on the images' grid.

    Parameters
    ----------
    network : ImageNetwork
        Trained, on its device.
    rows : ImageSet
        The people.
    place : int
        Of the class, among the scores.

    Returns
    -------
    ndarray of shape (n, …)
    """
    device = next(network.parameters()).device
    network.eval()
    found = []
    with deterministic_torch(0, device), torch.enable_grad():
        for start in range(0, len(rows.codes), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            images = rows.read(part).to(device)
            demographics = torch.from_numpy(rows.demographics[part]).to(device)
            with torch.no_grad():
                maps = network.trunk(images)
            maps = maps.detach().requires_grad_()
            scores = network.read_maps(maps, demographics)
            others = torch.cat([scores[:, :place], scores[:, place + 1 :]], dim=1)
            # Of the log-odds, since a score that all classes share says nothing.
            odds = (scores[:, place] - torch.logsumexp(others, dim=1)).sum()
            (slope,) = torch.autograd.grad(odds, maps)
            axes = tuple(range(2, maps.ndim))
            cam = (slope.mean(dim=axes, keepdim=True) * maps).sum(dim=1, keepdim=True)
            kind = "trilinear" if maps.ndim == 5 else "bilinear"
            large = functional.interpolate(
                cam.detach(), size=images.shape[2:], mode=kind, align_corners=False
            )
            found.append(large[:, 0].float().cpu().numpy())
    return np.concatenate(found)
