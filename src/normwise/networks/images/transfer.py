"""Transfer learning: begin with the weights of another network, and freeze some of them.

torch is imported at the top: import this file lazily.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from normwise.errors import ClassifierError
from normwise.files import write_bytes
from normwise.networks.checkpoint import tensors_digest

__all__ = ["begin_from", "save_trunk"]

_PREFIX = "trunk."
_DIGEST = "sha256"


def begin_from(network: Any, path: str | None, freeze: str) -> None:
    """Put another network's trunk into a fresh one, and freeze what is to stay.

    Parameters
    ----------
    network : ImageNetwork
        Changed in place; its head stays fresh.
    path : str, optional
        A safetensors file whose tensors ``trunk.…`` have the names and shapes of this trunk.
    freeze : str
        ``nothing``, ``all_but_last_block`` or ``trunk``.

    Raises
    ------
    ClassifierError
        CLS-506, the file can't be read, or holds another trunk; or something is to be frozen that nothing
        began.
    """
    if path is None:
        if freeze != "nothing":
            raise _refused(
                "freeze", f"{freeze}, and no weights to begin with", "start_from, a safetensors file"
            )
        return
    try:
        tensors = load(Path(path).read_bytes())
        with safe_open(path, framework="pt") as opened:
            digest = (opened.metadata() or {}).get(_DIGEST)
    except (OSError, SafetensorError) as fault:
        raise _refused(path, f"{type(fault).__name__}: {fault}", "a safetensors file") from fault
    if digest is not None and digest != tensors_digest(tensors):  # other programs write none
        raise _refused(path, "another SHA-256 than the one in the file", "weights as they were written")
    given = {name: value for name, value in tensors.items() if name.startswith(_PREFIX)}
    wanted = {name: value for name, value in network.state_dict().items() if name.startswith(_PREFIX)}
    other = [
        f"{name} {tuple(given[name].shape) if name in given else 'is missing'}"
        for name, value in wanted.items()
        if name not in given or given[name].shape != value.shape
    ]
    surplus = sorted(set(given) - set(wanted))
    if other or surplus:
        raise _refused(
            path,
            ", ".join([*other, *(f"{name} too many" for name in surplus)][:4]),
            f"{len(wanted)} tensors {_PREFIX}…, the first of {tuple(next(iter(wanted.values())).shape)}",
        )
    network.load_state_dict({**network.state_dict(), **given})
    if freeze == "nothing":
        return
    parts = list(network.trunk.named_parameters())
    last = _last_block(network.trunk)
    for name, part in parts:
        if freeze == "trunk" or not name.startswith(last):
            part.requires_grad_(requires_grad=False)


def _last_block(trunk: Any) -> str:
    """Return the beginning of the names of the last block's weights."""
    blocks = getattr(trunk, "blocks", None)
    if blocks is not None:
        return f"blocks.{len(blocks) - 1}."
    # Another library's trunk is a chain: its last link with weights.
    return str([name for name, _ in trunk.named_parameters()][-1].rsplit(".", 3)[0])


def save_trunk(weights: dict[str, NDArray[Any]], path: Path) -> None:
    """Write the trunk of a trained network, to begin others with.

    Parameters
    ----------
    weights : dict of str to ndarray
        One of ``ConvClassifier.weights_``.
    path : Path
        A ``.safetensors`` file.
    """
    tensors = {
        name: torch.from_numpy(np.array(value)) for name, value in weights.items() if name.startswith(_PREFIX)
    }
    write_bytes(path, save(tensors, metadata={_DIGEST: tensors_digest(tensors)}))


def _refused(subject: str, seen: str, expected: str) -> ClassifierError:
    return ClassifierError(
        "CLS-506",
        "the network can't begin with these weights.",
        subject=subject,
        seen=seen,
        expected=expected,
        advice="give weights of a network with the same settings width, blocks and network, or leave it out",
    )
