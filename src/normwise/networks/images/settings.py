"""What the settings of a network for images may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from normwise.schema import (
    Rule,
    choice,
    class_weights,
    either,
    nothing,
    number,
)

if TYPE_CHECKING:
    from normwise.networks.images.augmentation import Augmentation

__all__ = ["CHANGES", "CONV_RULES", "FROZEN", "STRENGTHS", "augmentation_of"]

CHANGES = ("mirror", "rotation", "shear", "scale", "shift", "warp", "intensity", "bias", "noise")
"""Kinds of augmentation; each is a field of `normwise.networks.images.augmentation.Augmentation`."""

STRENGTHS = ("none", "mild", "strong")
"""Named strengths of augmentation."""

FROZEN = ("nothing", "all_but_last_block", "trunk")
"""What of a network that begins with another's weights may stay as it is."""


def _truth() -> Rule:
    return Rule("true or false", lambda value: isinstance(value, bool))


def _text(words: str) -> Rule:
    return Rule(words, lambda value: isinstance(value, str) and value != "")


def _names() -> Rule:
    return Rule(
        "a list of columns",
        lambda value: isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value),
    )


def _changes() -> Rule:
    strength = number(0)
    return Rule(
        f"a table of {', '.join(CHANGES)} = strength of at least 0",
        lambda value: (
            isinstance(value, Mapping)
            and set(value) <= set(CHANGES)
            and all(map(strength.accepts, value.values()))
        ),
    )


CONV_RULES: dict[str, Rule] = {
    "ndim": Rule("2 or 3", lambda value: value in (2, 3) and not isinstance(value, (bool, float))),
    "network": Rule(
        "'residual', or the name of a DenseNet or resnet of MONAI's",
        lambda value: isinstance(value, str) and value.startswith(("residual", "DenseNet", "resnet")),
    ),
    "width": number(1, whole=True),
    "blocks": number(1, 6, whole=True),
    "stem_stride": either(nothing(), number(1, 4, whole=True)),
    "epochs": number(1, whole=True),
    "epoch_folds": Rule(
        "0, or a whole number of at least 2",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and (value == 0 or value >= 2),
    ),
    "batch_size": number(1, whole=True),
    "learning_rate": number(0, above=True),
    "weight_decay": number(0),
    "dropout": number(0, 0.95),
    "augmentation": either(choice(*STRENGTHS), _changes()),
    "demographics": either(nothing(), _names()),
    "ensemble": number(1, whole=True),
    "class_weight": class_weights(),
    "start_from": either(nothing(), _text("the path of a safetensors file")),
    "freeze": choice(*FROZEN),
    "checkpoint": either(nothing(), _text("the path of a folder")),
    "device": Rule(
        "'auto', 'cpu', 'cuda' or 'cuda:1'",
        lambda value: isinstance(value, str) and value.partition(":")[0] in ("auto", "cpu", "cuda"),
    ),
    "mixed": _truth(),
    "compiled": _truth(),
    "threads": number(1, whole=True),
    "random_state": number(0, whole=True),
}
"""By setting; asked by the estimator and by the study file."""


def augmentation_of(setting: str | Mapping[str, Any]) -> Augmentation:
    """Return a named strength, or a table of strengths, as an `Augmentation`."""
    from normwise.networks.images.augmentation import PRESETS, Augmentation

    return PRESETS[setting] if isinstance(setting, str) else Augmentation(**setting)
