"""The work of one process on one head: run the chain, check it, draw it, write derivatives where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.chain import Arrays
from normwise.features.brain.derivatives import write_derivatives
from normwise.features.brain.label_schemes import load_scheme
from normwise.features.brain.overlays import draw_overlays
from normwise.features.brain.quality import check_chain
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.stage_cache import StageStore, run_cached_stages
from normwise.images import read_head

__all__ = ["WORKER_VERSION", "measure_head", "settings_as_json", "settings_from_json", "write_head"]

WORKER_VERSION = "2"
"""Raised when checks or pictures change; the numbers have the versions of their stages."""

_PATHS = ("lut", "template")


def measure_head(
    image: str,
    settings: Mapping[str, Any],
    content: Mapping[str, str],
    stages: str | None,
    scratch: str | None,
    also: str | None = None,
) -> dict[str, NDArray[np.generic] | list[Any] | str]:
    """Measure one head.

    Parameters
    ----------
    image : str
        A NIfTI or MGH file, or a folder or zip of DICOM files.
    settings : mapping
        From `settings_as_json`.
    content : mapping of str to str
        Hashes of the files that settings name.
    stages : str or None
        Folder of finished stages.
    scratch : str or None
        Folder of temporary files.
    also : str, optional
        A second folder of finished stages, which is read.

    Returns
    -------
    dict
        ``feature_names`` and ``feature_values``; ``quality``, one list a check; ``drawing_STAGE``, PNG bytes
        as an array; ``made``, the key of the last stage.

    Raises
    ------
    ImageError, FeatureError
        Why the head can't be measured.
    """
    arrays, names, made = _run(image, settings, content, stages, scratch, also)
    drawings = draw_overlays(arrays, names)
    return {
        "feature_names": [str(name) for name in arrays["feature_names"]],
        "feature_values": np.asarray(arrays["feature_values"], dtype=np.float64),
        "quality": [list(asdict(check).values()) for check in check_chain(arrays, names)],
        **{f"drawing_{stage}": np.frombuffer(png, dtype=np.uint8) for stage, png in drawings.items()},
        "made": made,
    }


def write_head(
    image: str,
    settings: Mapping[str, Any],
    content: Mapping[str, str],
    stages: str | None,
    scratch: str | None,
    folder: str,
    label: str,
    also: str | None = None,
) -> dict[str, str]:
    """Write one head's derivatives; stages that are finished are read back.

    Parameters
    ----------
    image, settings, content, stages, scratch, also
        As of `measure_head`.
    folder : str
        ``RUN/derivatives``.
    label : str
        The person's BIDS label.

    Returns
    -------
    dict
        ``made``.
    """
    arrays, names, made = _run(image, settings, content, stages, scratch, also)
    write_derivatives(Path(folder), label, arrays, names, made, str(settings["atlas"]))
    return {"made": made}


def settings_as_json(settings: ChainSettings) -> dict[str, Any]:
    """Return settings as values that JSON can hold."""
    return {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(settings).items()
    }


def settings_from_json(fields: Mapping[str, Any]) -> ChainSettings:
    """Return what `settings_as_json` was given.

    Examples
    --------
    >>> settings = ChainSettings(quality="fast", lut=Path("names.tsv"))
    >>> settings_from_json(settings_as_json(settings)) == settings
    True
    """
    paths = {name: Path(fields[name]) for name in _PATHS if fields.get(name) is not None}
    return ChainSettings(**{**fields, **paths})


def _run(
    image: str,
    settings: Mapping[str, Any],
    content: Mapping[str, str],
    stages: str | None,
    scratch: str | None,
    also: str | None,
) -> tuple[Arrays, dict[int, str], str]:
    chosen = settings_from_json(settings)
    head = read_head(image, scratch=Path(scratch) if scratch else None)
    store = StageStore(Path(stages) if stages else None, Path(also) if also else None)
    arrays, made = run_cached_stages(head, chosen, store, content)
    return arrays, load_scheme(chosen.atlas, chosen.lut, arrays["labels"]).regions, made
