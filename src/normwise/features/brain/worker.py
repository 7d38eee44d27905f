"""What a child process does with one head: run the chain, check it, draw it, keep it where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases.region_names import region_names
from normwise.features.brain.chain import Arrays
from normwise.features.brain.derivatives import write_derivatives
from normwise.features.brain.label_schemes import label_scheme_of
from normwise.features.brain.overlays import draw_overlays
from normwise.features.brain.quality import check_chain
from normwise.features.brain.registration.reference import load_names
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.stage_cache import StageStore, run_cached_stages
from normwise.images import read_head

__all__ = [
    "CHILD_VERSION",
    "keep_head",
    "measure_head",
    "names_of_regions",
    "settings_as_json",
    "settings_from_json",
]

CHILD_VERSION = "1"
"""Raised when checks or pictures change; the numbers have the versions of their stages."""

_PATHS = ("lut", "template")


def measure_head(
    image: str, settings: Mapping[str, Any], content: Mapping[str, str], kept: str | None, scratch: str | None
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
    kept : str or None
        Folder of finished stages.
    scratch : str or None
        Folder of temporary files.

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
    arrays, names, made = _run(image, settings, content, kept, scratch)
    drawings = draw_overlays(arrays, names)
    return {
        "feature_names": [str(name) for name in arrays["feature_names"]],
        "feature_values": np.asarray(arrays["feature_values"], dtype=np.float64),
        "quality": [list(asdict(check).values()) for check in check_chain(arrays, names)],
        **{f"drawing_{stage}": np.frombuffer(png, dtype=np.uint8) for stage, png in drawings.items()},
        "made": made,
    }


def keep_head(
    image: str,
    settings: Mapping[str, Any],
    content: Mapping[str, str],
    kept: str | None,
    scratch: str | None,
    folder: str,
    label: str,
) -> dict[str, str]:
    """Write one head's derivatives; stages that are finished are read back.

    Parameters
    ----------
    image, settings, content, kept, scratch
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
    arrays, names, made = _run(image, settings, content, kept, scratch)
    write_derivatives(Path(folder), label, arrays, names, made, str(settings["atlas"]))
    return {"made": made}


def settings_as_json(settings: ChainSettings) -> dict[str, Any]:
    """Return settings as JSON can say them."""
    return {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(settings).items()
    }


def settings_from_json(said: Mapping[str, Any]) -> ChainSettings:
    """Return what `settings_as_json` was given.

    Examples
    --------
    >>> settings = ChainSettings(quality="fast", lut=Path("names.tsv"))
    >>> settings_from_json(settings_as_json(settings)) == settings
    True
    """
    paths = {name: Path(said[name]) for name in _PATHS if said.get(name) is not None}
    return ChainSettings(**{**said, **paths})


def _run(
    image: str, settings: Mapping[str, Any], content: Mapping[str, str], kept: str | None, scratch: str | None
) -> tuple[Arrays, dict[int, str], str]:
    chosen = settings_from_json(settings)
    head = read_head(image, scratch=Path(scratch) if scratch else None)
    store = StageStore(Path(kept) if kept else None)
    arrays, made = run_cached_stages(head, chosen, store, content)
    return arrays, names_of_regions(chosen, arrays["labels"]), made


def names_of_regions(settings: ChainSettings, labels: NDArray[Any] | None = None) -> dict[int, str]:
    """Return the region of each label; without a look-up table, those of the labels that are there."""
    raw = label_scheme_of(load_names(settings.atlas, settings.lut)).names
    if not raw and labels is not None:
        raw = {int(label): f"label_{label}" for label in np.unique(labels) if label}
    return region_names(raw)
