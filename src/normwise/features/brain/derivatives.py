"""The results of a chain as images on the person's own grid under BIDS names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.brain.grids import own_grid
from normwise.files import sha256_file, write_text
from normwise.images import LabelVolume, Volume, write_volume

__all__ = ["derivative_labels", "describe_dataset", "is_complete", "write_derivatives"]

_TISSUES = {"GM": "grey", "WM": "white", "CSF": "csf"}
_ABOUT = "dseg.json"


def derivative_labels(scans: Sequence[str]) -> dict[str, str]:
    """Return the BIDS label of each scan: its letters and digits.

    Parameters
    ----------
    scans : sequence of str
        Scan ids.

    Raises
    ------
    FeatureError
        FEA-524, two scans would share one folder.

    Examples
    --------
    >>> derivative_labels(["sub-01", "OAS1_0042_MR1"])
    {'sub-01': '01', 'OAS1_0042_MR1': 'OAS10042MR1'}
    """
    labels: dict[str, str] = {}
    for scan in scans:
        label = re.sub(r"[^0-9A-Za-z]", "", scan.removeprefix("sub-"))
        if not label or label in labels.values():
            raise FeatureError(
                "FEA-524",
                "the scan's derivatives can't have a folder of their own.",
                subject=scan,
                seen=f"sub-{label} is taken" if label else "an id without letters and digits",
                advice="give scans ids whose letters and digits differ",
            )
        labels[scan] = label
    return labels


def is_complete(folder: Path, label: str, made: str) -> bool:
    """Return whether a person's derivatives are there, undamaged, and of this very chain.

    Parameters
    ----------
    folder : Path
        ``RUN/derivatives``.
    label : str
        From `derivative_labels`.
    made : str
        Key of the chain's last stage.
    """
    try:
        person = folder / f"sub-{label}"
        about = json.loads((person / f"sub-{label}_{_ABOUT}").read_bytes())
        digests, own = about["Digests"], about.pop("Digest")
        return bool(
            about["Chain"] == made
            and own == _digest(about)
            and all(sha256_file(person / name) == digest for name, digest in digests.items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def write_derivatives(
    folder: Path,
    label: str,
    arrays: Mapping[str, NDArray[Any]],
    names: Mapping[int, str],
    made: str,
    atlas: str,
) -> None:
    """Write mask, shares of tissue and labels on the grid of the image as it was read.

    Parameters
    ----------
    folder : Path
        ``RUN/derivatives``.
    label : str
        From `derivative_labels`.
    arrays : mapping of str to ndarray
        A whole chain's arrays.
    names : mapping of int to str
        Region of each label.
    made : str
        Key of the chain's last stage; written last, so that what was interrupted is written again.
    atlas : str
        The atlas's name.
    """
    person, affine = folder / f"sub-{label}", arrays["affine"]
    stem = f"sub-{label}"
    (person / f"{stem}_{_ABOUT}").unlink(missing_ok=True)
    mask = LabelVolume(own_grid(arrays, "mask"), affine)
    write_volume(mask, person / f"{stem}_desc-brain_mask.nii.gz")
    for tissue, name in _TISSUES.items():
        # A 256th is far finer than any segmentation, and a third of the bytes.
        share = Volume(np.round(own_grid(arrays, name) * 256) / 256, affine)
        write_volume(share, person / f"{stem}_label-{tissue}_probseg.nii.gz")
    write_volume(LabelVolume(own_grid(arrays, "labels"), affine), person / f"{stem}_dseg.nii.gz")
    rows = ["index\tname", *(f"{index}\t{name}" for index, name in sorted(names.items()))]
    write_text(person / f"{stem}_dseg.tsv", "\n".join(rows) + "\n")
    about: dict[str, Any] = {"Atlas": atlas, "Chain": made, "Units": "arbitrary", "SkullStripped": False}
    about["Digests"] = {path.name: sha256_file(path) for path in sorted(person.glob(f"{stem}_*"))}
    about["Digest"] = _digest(about)
    write_text(person / f"{stem}_{_ABOUT}", json.dumps(about, indent=2) + "\n")


def _digest(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def describe_dataset(folder: Path) -> None:
    """Write ``dataset_description.json`` of the derivatives."""
    content = {
        "Name": "Normwise: masks, tissue and regions",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Normwise"}],
    }
    write_text(folder / "dataset_description.json", json.dumps(content, indent=2) + "\n")
