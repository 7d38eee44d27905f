"""Weights and shapes of a network for images that were read from a file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np

from normwise.errors import ClassifierError
from normwise.schema import FittedParts

__all__ = ["check_image_shape", "check_weights"]


def check_image_shape(parts: FittedParts, columns: int) -> None:
    """Refuse an image's shape that is none, or of more voxels than there were columns in training."""
    shape = parts.part("image_shape_")
    whole = isinstance(shape, list | tuple) and all(isinstance(each, int) and each > 0 for each in shape)
    fits = whole and len(shape) in (0, 3, 4) and prod(shape[1:]) <= columns
    parts.expect("image_shape_", holds=fits, instead=f"channels and axes of an image of {columns} voxels")


def check_weights(weights: Any, build: Callable[[], Any]) -> None:
    """Refuse weights that are not those of a network, by name, shape and kind, or that are not finite.

    Without PyTorch, or MONAI where the network is its own, there is nothing to compare with, and nothing that
    could use them.

    Parameters
    ----------
    weights : dict of str to ndarray
        Read from a file.
    build : callable
        Builds the network; called where nothing is allocated.

    Raises
    ------
    ValueError
        The first array that is another.
    """
    arrays = isinstance(weights, dict) and all(type(each) is np.ndarray for each in weights.values())
    if not arrays or not all(np.isfinite(each).all() for each in weights.values()):
        raise ValueError("the weights of a network are not arrays of finite numbers")
    if find_spec("torch") is None:
        return
    import torch

    try:
        with torch.device("meta"):
            wanted = build().state_dict()
    except ClassifierError:  # MONAI is missing
        return
    floats = {name: each.is_floating_point() for name, each in wanted.items()}
    shapes = {name: tuple(each.shape) for name, each in wanted.items()}
    if {name: each.shape for name, each in weights.items()} != shapes or any(
        weights[name].dtype.kind != ("f" if floats[name] else "i") for name in shapes
    ):
        raise ValueError("the weights of a network are not of the shapes that its settings ask for")
