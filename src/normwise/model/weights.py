"""The networks inside a fitted pipeline: their weights go into a file of their own.

A network is any object of Normwise with ``weights_``, arrays by name, or a list of such, one a member. The
pipeline is saved without them; a description in the manifest says what belongs where.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from normwise.errors import ModelError
from normwise.extras import need_packages
from normwise.networks.images import ConvNetwork

__all__ = ["NetworkNote", "attach_weights", "detach_weights", "weights_bytes", "weights_of_bytes"]

Array = NDArray[Any]

_PLACES = ("checkpoint", "start_from")
"""Settings that name a file of the machine that trains; a model is saved without them."""


class NetworkNote(BaseModel):
    """What the manifest says of one network.

    Attributes
    ----------
    kind : str
        The estimator's type.
    settings : dict
        Its settings, which are its architecture.
    members : int or None
        How many networks are joined in a list; None where the arrays stand alone.
    arrays : dict of str to tuple
        Type and shape of each array; a member's begins with its number.
    """

    kind: str
    settings: dict[str, Any]
    members: int | None
    arrays: dict[str, tuple[str, tuple[int, ...]]]


def detach_weights(pipeline: Any) -> tuple[Any, dict[str, Array], dict[str, NetworkNote]]:
    """Return a pipeline without its networks' weights, the weights, and a note a network.

    Parameters
    ----------
    pipeline : estimator
        Fitted; it is left as it is.

    Returns
    -------
    tuple
        The pipeline itself where it holds no network. The arrays' names are the network's place in the
        pipeline, the member and the array.
    """
    networks = {
        place: network for place, network in _networks(pipeline) if _parts(network.weights_) is not None
    }
    if not networks:
        return pipeline, {}, {}
    arrays: dict[str, Array] = {}
    notes: dict[str, NetworkNote] = {}
    for place, network in networks.items():
        # A copy, since neither views nor other byte orders can be written; a number without axes stays one.
        parts = {name: np.array(part, order="C") for name, part in (_parts(network.weights_) or {}).items()}
        arrays |= {f"{place}/{name}": part for name, part in parts.items()}
        notes[place] = NetworkNote(
            kind=_kind(network),
            settings={
                name: None if name in _PLACES else _plain(value)
                for name, value in sorted(vars(network).items())
                if name[-1] != "_"
            },
            members=len(network.weights_) if isinstance(network.weights_, list) else None,
            arrays={name: (str(part.dtype), part.shape) for name, part in parts.items()},
        )
    without = copy.deepcopy(pipeline, {id(network.weights_): None for network in networks.values()})
    for _, estimator in _estimators(without):
        vars(estimator).update(dict.fromkeys(vars(estimator).keys() & set(_PLACES)))
    return without, arrays, notes


def attach_weights(pipeline: Any, arrays: dict[str, Array], notes: dict[str, NetworkNote]) -> None:
    """Put weights back into a pipeline that was saved without them.

    Raises
    ------
    ValueError
        Where networks, names, types or shapes are not those that the notes describe.
    """
    empty = {place: network for place, network in _networks(pipeline) if network.weights_ is None}
    if {place: _kind(network) for place, network in empty.items()} != {
        place: note.kind for place, note in notes.items()
    }:
        raise ValueError("the networks of the pipeline are not those of the manifest")
    described = {
        f"{place}/{name}": kind for place, note in notes.items() for name, kind in note.arrays.items()
    }
    if {name: (str(part.dtype), part.shape) for name, part in arrays.items()} != described:
        raise ValueError("the weights are not those that the manifest describes")
    for place, network in empty.items():
        note = notes[place]
        own = {name: arrays[f"{place}/{name}"] for name in note.arrays}
        if note.members is not None:
            members: list[dict[str, Array]] = [{} for _ in range(note.members)]
            for name, part in own.items():
                member, _, rest = name.partition("/")
                members[int(member)][rest] = part
            network.weights_ = members
        elif hasattr(network, "restore_weights"):
            network.restore_weights(own)
        else:
            network.weights_ = own


def weights_bytes(arrays: dict[str, Array]) -> bytes:
    """Return arrays as a safetensors file; equal for equal arrays."""
    import safetensors.numpy

    return bytes(safetensors.numpy.save(arrays))


def weights_of_bytes(content: bytes, path: Path) -> dict[str, Array]:
    """Read a safetensors file's arrays.

    Raises
    ------
    ModelError
        MDL-107 where safetensors is not installed.
    ValueError
        Where the content is no safetensors file.
    """
    need_packages(("safetensors",), "MDL-107", ModelError, subject=f"the network in {path}")
    import safetensors
    import safetensors.numpy

    try:
        return dict(safetensors.numpy.load(content))
    except (safetensors.SafetensorError, KeyError) as fault:
        raise ValueError(f"{path.name}: {fault}") from fault


def _networks(pipeline: Any) -> Iterator[tuple[str, Any]]:
    """Yield every network inside a fitted estimator with its place."""
    for place, thing in _estimators(pipeline):
        if "weights_" in vars(thing) and type(thing).__module__.startswith("normwise."):
            yield place, thing


def _estimators(thing: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every estimator inside another, itself too, with its place."""
    inner: dict[str, Any] = {}
    if isinstance(thing, Pipeline):
        inner = dict(thing.steps)
    elif isinstance(thing, (BaseEstimator, ConvNetwork)):
        inner = vars(thing)
        yield place, thing
    elif isinstance(thing, (list, tuple)):
        inner = {str(number): each for number, each in enumerate(thing)}
    elif isinstance(thing, dict):
        inner = {str(name): each for name, each in thing.items()}
    for name, each in inner.items():
        if isinstance(each, (BaseEstimator, ConvNetwork, list, tuple, dict)):
            yield from _estimators(each, f"{place}.{name}" if place else name)


def _parts(weights: Any) -> dict[str, Array] | None:
    """Return a network's arrays by name; None where these are no network's weights."""
    if isinstance(weights, list) and weights and all(isinstance(member, dict) for member in weights):
        return {
            f"{number}/{name}": part for number, member in enumerate(weights) for name, part in member.items()
        }
    if isinstance(weights, dict) and all(isinstance(part, np.ndarray) for part in weights.values()):
        return dict(weights)
    return None


def _kind(network: Any) -> str:
    return f"{type(network).__module__}.{type(network).__qualname__}"


def _plain(value: Any) -> Any:
    """Return a setting as JSON can hold it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
