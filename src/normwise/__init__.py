"""Normwise: classify medical images against what is normal for a person's age and sex.

The packages; each may import those below it::

    cli         the command
    serve       the local web application: people, brains, slides
    evaluate    tests of the procedure: splits, cross-validation, metrics, intervals, leaks
    model       train, apply, the saved model, explanations, ONNX
    runs        one run: features and cohort prepared, results written and read
    procedure   folds, pipeline, tuning, score, decision
    report      pages out of saved results alone
    classify    classifiers with probabilities
    normalize   the regression on the normal group, sites
    features    extractors: tables, regions, brain, voxels, slides
    learnt      transformers that are fitted inside training folds
    networks    neural networks in PyTorch
    engine      one function over many subjects: processes, cache, resuming
    samples     the simulated cohort of the demo
    images      volumes, DICOM and slides, read safely
    cohort      participants tables, BIDS, the study file
    run_folder  the files of a run, with digests
    results     plain data that a run leaves
    schema      what a study may say
    files       atomic files and hashes
    extras      optional packages: which are missing, and the line to type
    reprs       how objects show themselves in a session or a notebook
    lazy        names of a package that load their module when they are asked for
    errors      every error, with its code

The public names below load their package only when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normwise.cohort import read_cohort, read_study
    from normwise.errors import NormwiseError, NormwiseWarning
    from normwise.evaluate import evaluate_regression, evaluate_study, test_model, test_regression
    from normwise.features import extract_features
    from normwise.features.brain import parcellate
    from normwise.features.slides import segment_nuclei
    from normwise.images import read_volume
    from normwise.model import load_model, train_regression, train_study
    from normwise.normalize import FeatureNormalizer
    from normwise.procedure import make_procedure
    from normwise.report import write_report

__version__ = "0.1.0"

__all__ = [
    "FeatureNormalizer",
    "NormwiseError",
    "NormwiseWarning",
    "__version__",
    "evaluate_regression",
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
    "test_regression",
    "train_regression",
    "train_study",
    "write_report",
]

_PACKAGES = {
    "FeatureNormalizer": "normalize",
    "NormwiseError": "errors",
    "NormwiseWarning": "errors",
    "evaluate_regression": "evaluate",
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
    "test_regression": "evaluate",
    "train_regression": "model",
    "train_study": "model",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _PACKAGES:
        raise AttributeError(f"module 'normwise' has no attribute {name!r}")
    return getattr(import_module(f"normwise.{_PACKAGES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
