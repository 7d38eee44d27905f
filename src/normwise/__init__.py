"""Normwise: classify medical images against what is normal for a person's age and sex.

The floor plan; data walks from top to bottom, one room a stage::

    errors, files, schema, results   what every room shares
    cohort      who?          participants tables, BIDS, the study file
    images      pixels        guarded readers, geometry
    engine      many of them  one function over many subjects, cache, resume
    features    extractors    regions, tables, FreeSurfer, voxels
    normalize   demographics  the regression on the normal group
    classify    classifiers   linear, logistic, svm, forest, perceptron
    procedure   the lecture's procedure: pipeline, train, apply, decision, saved model
    evaluate    honest tests  splits, cross-validation, metrics, intervals
    report      pages         read results and nothing else
    samples     the simulated demo cohort
    cli         the command

The public names below load their room only when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normwise.cohort import read_cohort, read_study
    from normwise.errors import NormwiseError, NormwiseWarning
    from normwise.evaluate import evaluate_study, test_model
    from normwise.features import extract_features
    from normwise.features.brain import parcellate
    from normwise.features.slides import segment_nuclei
    from normwise.images import read_volume
    from normwise.model import load_model, train_study
    from normwise.normalize import FeatureNormalizer
    from normwise.procedure import make_procedure
    from normwise.report import write_report

__version__ = "0.1.0"

__all__ = [
    "FeatureNormalizer",
    "NormwiseError",
    "NormwiseWarning",
    "__version__",
    "evaluate_study",
    "extract_features",
    "load_model",
    "make_procedure",
    "parcellate",
    "read_cohort",
    "read_study",
    "read_volume",
    "segment_nuclei",
    "test_model",
    "train_study",
    "write_report",
]

_ROOMS = {
    "FeatureNormalizer": "normalize",
    "NormwiseError": "errors",
    "NormwiseWarning": "errors",
    "evaluate_study": "evaluate",
    "extract_features": "features",
    "load_model": "model",
    "make_procedure": "procedure",
    "parcellate": "features.brain",
    "read_cohort": "cohort",
    "read_study": "cohort",
    "read_volume": "images",
    "segment_nuclei": "features.slides",
    "test_model": "evaluate",
    "train_study": "model",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'normwise' has no attribute {name!r}")
    return getattr(import_module(f"normwise.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
