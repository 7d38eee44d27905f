"""Checkpoints: a training is saved after each epoch, so that one that was killed resumes where it was.

One safetensors file holds everything: tensors (weights, optimizer, random states) and, in its header, a JSON
text (epoch, losses, and what was being trained). It is replaced as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from normwise.errors import ClassifierError
from normwise.files import write_bytes

__all__ = [
    "Checkpoint",
    "checkpoint_refused",
    "read_checkpoint",
    "restore_optimizer",
    "store_optimizer",
    "tensors_digest",
    "write_checkpoint",
]

_DIGEST = "digest"
_FIELD = "normwise"  # one entry in the header, since the order of several is not fixed


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to resume.

    Attributes
    ----------
    tensors : dict of str to Tensor
        ``module.…``, ``best.…``, ``optimizer.…`` and ``random.…``.
    facts : dict
        Ready for JSON: the epoch reached, losses, and the training's own description.
    """

    tensors: dict[str, torch.Tensor]
    facts: dict[str, Any]

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """Return the tensors whose name begins with ``name.``, without it."""
        prefix = f"{name}."
        return {key[len(prefix) :]: value for key, value in self.tensors.items() if key.startswith(prefix)}


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file.
    checkpoint : Checkpoint
        Copied from its device first.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    facts = {**checkpoint.facts, _DIGEST: tensors_digest(tensors, checkpoint.facts)}
    write_bytes(path, save(tensors, metadata={_FIELD: json.dumps(facts, sort_keys=True)}))


def tensors_digest(tensors: dict[str, torch.Tensor], facts: object = None) -> str:
    """Return the SHA-256 of tensors and of facts beside them; a safetensors file has no checksum."""
    text = json.dumps(facts, sort_keys=True).encode()
    return hashlib.sha256(save(tensors) + text).hexdigest()


def read_checkpoint(path: Path, training: dict[str, Any]) -> Checkpoint | None:
    """Read the checkpoint of a training.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file; what a killed writer left beside it is removed.
    training : dict
        What is to be trained, ready for JSON; the checkpoint must say the same.

    Returns
    -------
    Checkpoint or None
        None where there is none.

    Raises
    ------
    ClassifierError
        CLS-303 where the file is no checkpoint, damaged, or of another training.
    """
    for left in path.parent.glob(f".{path.name.split('.')[0]}-*.part{''.join(path.suffixes)}"):
        left.unlink(missing_ok=True)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            facts = json.loads((opened.metadata() or {})[_FIELD])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        if facts.pop(_DIGEST, None) != tensors_digest(tensors, facts):
            raise checkpoint_refused(path, "a SHA-256 that differs from the one written", "what was written")
        written = facts["training"]
        int(facts["epoch"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as fault:
        raise checkpoint_refused(path, f"{type(fault).__name__} while it was read") from fault
    wanted = json.loads(json.dumps(training))
    if written != wanted:
        known = written if isinstance(written, dict) else {}
        other = [name for name in wanted if known.get(name) != wanted[name]]
        raise checkpoint_refused(path, f"another {', '.join(other) or 'training'} than is to be trained")
    return Checkpoint(tensors, facts)


def store_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return an optimizer's state as flat tensors, ``optimizer.PLACE.NAME``."""
    return {
        f"optimizer.{place}.{name}": torch.as_tensor(value)
        for place, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give an optimizer the state that `store_optimizer` returned (names without ``optimizer.``)."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    parts = [part for group in optimizer.param_groups for part in group["params"]]
    for name, value in tensors.items():
        place, _, key = name.partition(".")
        part = parts[int(place)]
        if value.shape == part.shape:
            # In the parameter's own order in memory: another order is computed with in another last bit.
            value = torch.empty_like(part, dtype=value.dtype, requires_grad=False).copy_(value)  # noqa: PLW2901
        state.setdefault(int(place), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def checkpoint_refused(
    path: Path, seen: str, expected: str = "the checkpoint of the same network, data and settings"
) -> ClassifierError:
    """Return the error CLS-303 of a checkpoint that can't be resumed."""
    return ClassifierError(
        "CLS-303",
        "training can't resume from the checkpoint.",
        subject=str(path),
        seen=seen,
        expected=expected,
        advice="remove the file to train from the start, or name another",
    )
