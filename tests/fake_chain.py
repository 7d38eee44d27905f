"""A chain of three small stages with the arrays of the real one, for what surrounds the chain."""

from __future__ import annotations

import numpy as np

from normwise.features.brain.chain import Stage
from normwise.images import Volume

NAMES = {2: "cerebral_white_matter_left", 17: "hippocampus_left", 53: "hippocampus_right"}


def head(shape=(40, 44, 36), spacing=3.0) -> Volume:
    """A bright ball around a brighter core, brighter still on the right."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    away = np.sqrt(x**2 + y**2 + z**2)
    voxels = sum(np.where(away < edge, gain, 0.0) for edge, gain in ((0.9, 40), (0.8, 40), (0.5, 30)))
    voxels += np.where((away < 0.3) & (x > 0.1), 20.0, 0.0)
    return Volume(voxels.astype(np.float32), affine)


def find(arrays, settings):
    mask = (arrays["image"] > 60).astype(np.uint8)
    # A transposed view: what is kept and read back must not depend on the order in memory.
    return {
        "head": np.asfortranarray(arrays["image"]),
        "head_affine": arrays["affine"],
        "mask": mask,
        "box": np.array([[0, 0, 0], mask.shape]),
    }


def tell(arrays, settings):
    values, inside = arrays["head"], arrays["mask"] > 0
    white = inside & (values > 100)
    return {
        "corrected": values / 3,
        "csf": np.zeros(values.shape, np.float32),
        "grey": (inside & ~white).astype(np.float32),
        "white": white.astype(np.float32),
        "peaks": np.array([10.0, 80 / 3, 110 / 3]),
    }


def name(arrays, settings):
    labels = np.where(arrays["white"] > 0, 2, 0).astype(np.int32)
    labels[18:20, 14:26, 16:20], labels[22:24, 14:26, 16:20] = 17, 53
    return {"labels": labels, "atlas_said": np.array([settings.atlas])}


def measure(arrays, settings):
    total = float(arrays["corrected"].sum())
    return {"feature_names": np.array(["brain.sum"]), "feature_values": np.array([total])}


STAGES = (
    Stage("find", 1, ("image",), ("quality",), find),
    Stage("tell", 1, ("find",), (), tell),
    Stage("name", 1, ("find", "tell"), ("atlas",), name),
    Stage("measure", 1, ("tell", "name"), ("atlas",), measure),
)
