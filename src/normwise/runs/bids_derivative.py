"""A run folder as a BIDS derivative: its description, its README, and the files that BIDS does not name."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from normwise.files import accompany_dataset
from normwise.run_folder import RunFolder
from normwise.schema import Study

__all__ = ["describe_run"]

_README = """\
# {title}

A run of Normwise {version}: features of each scan in `features.tsv` (units in `features.json`), who takes
part in `cohort.tsv`, what was asked in `study.toml`, and what was found in `report.html`.
"""

_OTHERS = (
    "cohort/",
    "comparison/",
    f"{RunFolder.LOGS}/",
    RunFolder.CACHE,
    RunFolder.MARKER,
    RunFolder.RATINGS,
)


def describe_run(folder: RunFolder, study: Study, version: str) -> None:
    """Write ``dataset_description.json``, ``README.md`` and ``.bidsignore``.

    Parameters
    ----------
    folder : RunFolder
        The run.
    study : Study
        Its root may be a dataset that has a DOI.
    version : str
        Of Normwise.
    """
    content: dict[str, Any] = {
        "Name": study.title or "Normwise run",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Normwise", "Version": version}],
    }
    sources = _sources(study.cohort.root)
    if sources:
        content["SourceDatasets"] = sources
    folder.write(folder.DESCRIPTION, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    names = [name for name in (*folder.RESULTS, *folder.PAGES_AND_COPIES) if name != folder.DESCRIPTION]
    accompany_dataset(
        folder.path,
        _README.format(title=study.title or "Normwise run", version=version),
        sorted(dict.fromkeys([*names, *_OTHERS])),
    )


def _sources(root: Path | None) -> list[dict[str, str]]:
    """Return the dataset that was measured, by its DOI and version; its place names a machine."""
    described: Any = {}
    with suppress(OSError, ValueError):
        described = json.loads(((root or Path()) / RunFolder.DESCRIPTION).read_text(encoding="utf-8"))
    doi = described.get("DatasetDOI") if isinstance(described, dict) else None
    if not isinstance(doi, str) or not doi:
        return []
    return [{"DOI": doi if doi.startswith("doi:") else f"doi:{doi.rpartition('doi.org/')[2]}"}]
