"""What is finished of a slide, kept on disk block by block, so that a slide that was cut off goes on."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.files import write_bytes, write_text

__all__ = ["BlockCheckpoint"]

_PLAN = "plan.json"


class BlockCheckpoint:
    """Finished blocks of tiles in a folder; blocks of another plan are thrown away.

    Parameters
    ----------
    folder : Path or None
        Made where it is missing; without one nothing is kept.
    plan : mapping
        Everything that the blocks depend on, as JSON can say it.
    """

    def __init__(self, folder: Path | None, plan: Mapping[str, Any]) -> None:
        self._folder = folder
        if folder is None:
            return
        text = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest() + "\n"
        known = folder / _PLAN
        if not known.is_file() or known.read_text(encoding="ascii", errors="replace") != text:
            shutil.rmtree(folder, ignore_errors=True)
            write_text(known, text)

    def get(self, number: int) -> dict[str, NDArray[Any]] | None:
        """Return a finished block, or None; a damaged file counts as none."""
        if self._folder is None:
            return None
        try:
            with np.load(self._path(number), allow_pickle=False) as found:
                return {name: found[name] for name in found.files}  # every array's CRC is checked on the way
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, number: int, block: Mapping[str, NDArray[Any]]) -> None:
        """Keep a finished block, whole or not at all."""
        if self._folder is not None:
            stream = io.BytesIO()
            np.savez(stream, **dict(block))  # type: ignore[arg-type] # numpy's stub takes the arrays for its own flag
            write_bytes(self._path(number), stream.getvalue())

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"block_{number:06d}.npz"
