"""The fitted pipeline as bytes that depend on its content alone, and the bytes of earlier versions read.

skops names objects by their memory address and files by random numbers; both are numbered anew here, in the
order in which they were written, and the archive's dates are fixed. The same fit then gives the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

__all__ = ["pipeline_bytes", "with_current_names"]

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can hold


def pipeline_bytes(pipeline: Any) -> bytes:
    """Return a fitted pipeline as a skops archive.

    Parameters
    ----------
    pipeline : estimator
        A fitted scikit-learn pipeline.

    Returns
    -------
    bytes
        What `skops.io.loads` opens; equal for equal fits.
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
    """Return a skops archive in which types stand under the names that they have today.

    Only names in the schema change; nothing is built or executed, and the types are checked afterwards.

    Parameters
    ----------
    content : bytes
        A skops archive.
    renamed : mapping of str to str
        Today's dotted name of a type, by the name it was stored under.

    Returns
    -------
    bytes
        The archive itself where no name in it is an old one.
    """
    with ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        if not _rename(schema, renamed):
            return content
        written = io.BytesIO()
        with ZipFile(written, "w", ZIP_STORED) as copy:
            for info in archive.infolist():
                data = json.dumps(schema).encode() if info.filename == _SCHEMA else archive.read(info)
                copy.writestr(ZipInfo(info.filename, _EPOCH), data)
    return written.getvalue()


def _rename(node: Any, renamed: Mapping[str, str]) -> bool:
    """Rename the types of a schema in place, and say whether there were any to rename."""
    if isinstance(node, list):
        return sum(_rename(child, renamed) for child in node) > 0
    if not isinstance(node, dict):
        return False
    changed = sum(_rename(child, renamed) for child in node.values()) > 0
    name = renamed.get(f"{node.get('__module__')}.{node.get('__class__')}")
    if name is None:
        return changed
    node["__module__"], _, node["__class__"] = name.rpartition(".")
    return True


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
