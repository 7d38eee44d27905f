"""The archive of a saved pipeline: written the same for equal fits, and checked before anything is built.

skops builds what an archive's schema says, so the schema is held to what Normwise writes: members that are
stored as they are, arrays as long as their headers say, and nodes of known kinds and types. What is inside
the objects is checked once they are built, by the objects themselves.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any, cast
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from normwise.errors import ModelError

__all__ = ["check_archive", "pipeline_bytes", "refuse_oversized", "with_current_names"]

LARGEST_FILE = 4 << 30  # 4 GiB: components of a million voxels take some hundred MiB
LARGEST_SCHEMA = 512 << 20  # 512 MiB: a name of a feature takes 300 bytes
_SCHEMA = "schema.json"
_MEMBER = re.compile(r"\d+\.(npy|bin)")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can hold
_SHARED = 16 << 20  # bytes of arrays that parts of a pipeline may share beyond the archive's own size
_PLAIN: dict[str, Collection[str]] = {
    "DictNode": ("builtins.dict",),
    "ListNode": ("builtins.list",),
    "TupleNode": ("builtins.tuple",),
    "JsonNode": ("builtins.str",),
    "TypeNode": ("builtins.str", "builtins.int"),
    "NdArrayNode": (
        "numpy.ndarray", "numpy.float64", "numpy.float32", "numpy.int64", "numpy.int32", "numpy.bool",
    ),
}  # fmt: skip
"""Kinds of nodes that hold plain data, with their types."""
_OBJECTS = ("ObjectNode", "TreeNode", "RandomStateNode")
"""Kinds of nodes that hold an object, whose types a caller names."""


def refuse_oversized(path: Any) -> None:
    """Refuse a file that is larger than any model, before it is read.

    Raises
    ------
    ModelError
        MDL-109.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise _oversized(path, f"{size} bytes", f"at most {LARGEST_FILE} bytes")


def check_archive(content: bytes, path: Any, allowed: Collection[str]) -> list[str]:
    """Check an archive before anything in it is built, and return the foreign types that it names.

    Parameters
    ----------
    content : bytes
        The archive.
    path : Path
        Where it was read, for messages.
    allowed : collection of str
        Types of objects that it may hold.

    Raises
    ------
    ModelError
        MDL-109, a member is compressed, or larger than the archive or than any schema.
    ValueError
        Where it is not what `pipeline_bytes` writes.
    """
    with ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: info.file_size for info in archive.infolist()}
        for info in archive.infolist():
            if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
                seen = f"{info.filename}: {info.compress_size} bytes that unpack to {info.file_size}"
                raise _oversized(path, seen, "members that are stored as they are")
        if sum(info.file_size for info in archive.infolist()) > len(content):
            raise _oversized(path, f"members of {sum(members.values())} bytes", f"{len(content)} at most")
        if members.get(_SCHEMA, 0) > LARGEST_SCHEMA:
            raise _oversized(path, f"a schema of {members[_SCHEMA]} bytes", f"{LARGEST_SCHEMA} at most")
        if len(members) != len(archive.infolist()):
            raise ValueError("two members of the archive have one name")
        arrays = {}
        for name in members.keys() - {_SCHEMA}:
            if not _MEMBER.fullmatch(name):
                raise ValueError(f"the archive has a member {name[:50]!r}")
            if name.endswith(".npy"):
                arrays[name] = _read_array(name, archive.read(name))
        schema = json.loads(archive.read(_SCHEMA))
    foreign, referenced = set(), 0
    numbered: dict[Any, dict[str, Any]] = {}
    for node in _nodes(schema):
        # skops builds the first node of a number in place of all others of that number.
        first = numbered.setdefault(node.get("__id__"), node)
        if first is not node and not _alike(first, node):
            raise ValueError("two parts of the pipeline have one number")
        kind, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        if kind in _OBJECTS:
            foreign |= {name} - set(allowed)
        elif name not in _PLAIN.get(kind, ()):
            foreign.add(name if kind in _PLAIN else f"{name} as {kind}")
        if "file" in node:
            referenced += members[node["file"]]
        if kind == "TreeNode":
            _check_tree(node, arrays)
    if referenced > len(content) + _SHARED:
        raise _oversized(path, f"arrays of {referenced} bytes, read again and again", f"{len(content)} bytes")
    return sorted(foreign)


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a schema, without recursion, since a forged one may be as deep as it likes."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "__loader__" in part:
                yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _alike(first: Any, second: Any) -> bool:
    """Return whether two parts of a schema are the same but for the numbers of nodes inside them."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            name == "__id__" or _alike(first[name], second[name]) for name in first
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_alike, first, second))
    return type(first) is type(second) and bool(first == second)


def _read_array(name: str, content: bytes) -> NDArray[Any]:
    """Return an array without copying it; refuse one whose header promises other than what follows it."""
    stream, reader = io.BytesIO(content), cast("Any", np.lib.format)
    version = reader.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} is an array of format {version}")
    read_header = reader.read_array_header_1_0 if version == (1, 0) else reader.read_array_header_2_0
    shape, fortran, kind = read_header(stream)
    if kind.hasobject or not kind.itemsize or kind.kind not in "biufUV":
        raise ValueError(f"{name} is an array of {kind}")
    if stream.tell() + prod(shape) * kind.itemsize != len(content):
        raise ValueError(f"{name} has {len(content)} bytes, which is no array of shape {shape}")
    flat = np.frombuffer(content, kind, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _check_tree(node: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a tree whose arrays are not of the sizes that scikit-learn's constructor takes them to have."""
    from sklearn.tree._tree import NODE_DTYPE

    n_features, classes, n_outputs = node["__reduce__"]["args"]["content"]
    content = node["content"]["content"]
    counts = [json.loads(each["content"]) for each in (n_features, n_outputs, content["node_count"])]
    n_classes, nodes, values = (
        arrays[each["file"]] for each in (classes, content["nodes"], content["values"])
    )
    fits = (
        all(type(each) is int for each in counts)
        and 0 < counts[0] < 1 << 31
        and counts[1:] == [1, len(nodes)]
        and n_classes.shape == (1,)
        and n_classes.dtype == np.intp
        and nodes.ndim == 1
        and nodes.dtype == NODE_DTYPE
        and 1 <= n_classes[0] <= values.size  # a regression tree has one
        and values.shape == (len(nodes), 1, n_classes[0])
        and values.dtype == np.float64
    )
    if not fits:
        raise ValueError("a tree's arrays are not of its nodes, classes and one output")


def _oversized(path: Any, seen: str, expected: str) -> ModelError:
    return ModelError(
        "MDL-109",
        "the file holds more than a model does, or is compressed; it was not read.",
        subject=str(path),
        seen=seen,
        expected=expected,
        advice="do not use this file; a model that Normwise saves is not compressed",
    )


def pipeline_bytes(pipeline: Any) -> bytes:
    """Return a fitted pipeline as a skops archive, equal for equal fits.

    skops names objects by their memory address and files by random numbers. Both are numbered anew in the
    order in which they were written, and the archive's dates are fixed.
    """
    import skops.io

    with ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        content = {info.filename: archive.read(info) for info in archive.infolist()}
    schema = json.loads(content.pop(_SCHEMA))
    files = {name: f"{number}.{name.rsplit('.', 1)[-1]}" for number, name in enumerate(content)}
    schema = _renumbered(schema, {}, files)
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_STORED) as archive:
        for name, data in content.items():
            archive.writestr(ZipInfo(files[name], _EPOCH), data)
        archive.writestr(ZipInfo(_SCHEMA, _EPOCH), json.dumps(schema, indent=1))
    return written.getvalue()


def with_current_names(content: bytes, renamed: Mapping[str, str]) -> bytes:
    """Return an archive with old names of types replaced; itself where it has none.

    Only names in its schema change. Nothing is built or executed.
    """
    with ZipFile(io.BytesIO(content)) as archive:
        schema, changed = json.loads(archive.read(_SCHEMA)), False
        for node in _nodes(schema):
            name = renamed.get(f"{node.get('__module__')}.{node.get('__class__')}")
            if name is not None:
                node["__module__"], _, node["__class__"] = name.rpartition(".")
                changed = True
        if not changed:
            return content
        written = io.BytesIO()
        with ZipFile(written, "w", ZIP_STORED) as copy:
            for info in archive.infolist():
                data = json.dumps(schema).encode() if info.filename == _SCHEMA else archive.read(info)
                copy.writestr(ZipInfo(info.filename, _EPOCH), data)
    return written.getvalue()


def _renumbered(node: Any, ids: dict[int, int], files: dict[str, str]) -> Any:
    """Return a node of the schema with addresses and file names replaced, depth first."""
    if isinstance(node, list):
        return [_renumbered(child, ids, files) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        key: ids.setdefault(child, len(ids))
        if key == "__id__"
        else files.get(child, child)
        if key == "file" and isinstance(child, str)
        else _renumbered(child, ids, files)
        for key, child in node.items()
    }
