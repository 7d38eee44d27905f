"""What the settings of a network for images may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from normwise.schema import ClassWeight, Count, Device, Dropout, Meaning, NotNegative, Positive, Seed

if TYPE_CHECKING:
    from normwise.networks.images.augmentation import Augmentation

__all__ = ["CHANGES", "CONV_SETTINGS", "augmentation_of"]

CHANGES = ("mirror", "rotation", "shear", "scale", "shift", "warp", "intensity", "bias", "noise")
"""Kinds of augmentation; each is a field of `normwise.networks.images.augmentation.Augmentation`."""

_Path = Annotated[str, Field(min_length=1)]

CONV_SETTINGS: dict[str, Any] = {
    "ndim": Literal[2, 3],
    "network": Annotated[
        str,
        Field(pattern="^(residual|DenseNet|resnet)"),
        Meaning("'residual', or the name of a DenseNet or resnet of MONAI's"),
    ],
    "width": Count,
    "blocks": Annotated[int, Field(ge=1, le=6)],
    "stem_stride": Annotated[int, Field(ge=1, le=4)] | None,
    "epochs": Count,
    "epoch_folds": Annotated[
        Literal[0] | Annotated[int, Field(ge=2)], Meaning("0, or a whole number of at least 2")
    ],
    "batch_size": Count,
    "learning_rate": Positive,
    "weight_decay": NotNegative,
    "dropout": Dropout,
    "augmentation": Literal["none", "mild", "strong"]
    | Annotated[
        dict[Literal[CHANGES], NotNegative],  # type: ignore[valid-type]  # a constant tuple of names
        Meaning(f"a table of {', '.join(CHANGES)} = strength of at least 0"),
    ],
    "demographics": Annotated[list[str], Meaning("a list of columns")] | None,
    "ensemble": Count,
    "class_weight": ClassWeight,
    "start_from": Annotated[_Path, Meaning("the path of a safetensors file")] | None,
    "freeze": Literal["nothing", "all_but_last_block", "trunk"],
    "checkpoint": Annotated[_Path, Meaning("the path of a folder")] | None,
    "device": Device,
    "threads": Count,
    "random_state": Seed,
}
"""What each setting may be; checked by the estimator and for the study file."""


def augmentation_of(setting: str | Mapping[str, Any]) -> Augmentation:
    """Return a named strength, or a table of strengths, as an `Augmentation`."""
    from normwise.networks.images.augmentation import PRESETS, Augmentation

    return PRESETS[setting] if isinstance(setting, str) else Augmentation(**setting)
