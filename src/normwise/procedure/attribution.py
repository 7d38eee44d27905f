"""What a classifier without weights of its own looks at: integrated gradients over its inputs.

The baseline is 0 in every input: somebody exactly as expected for their demographics where features are
W-scores, the training rows' mean where they are standardised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.procedure.fit import FittedProcedure

__all__ = ["attributions_of", "mean_attributions"]

Floats = NDArray[np.float64]


def attributions_of(procedure: FittedProcedure, inputs: Floats, toward: str) -> Floats | None:
    """Return how much each input moves each person's log-odds of a class away from the baseline's.

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    inputs : ndarray of shape (n_scans, n_columns)
        Every column that the classifier could have been given.
    toward : str
        A target.

    Returns
    -------
    ndarray of shape (n_scans, n_columns) or None
        0 for columns that were not selected; None where the classifier can't say.
    """
    classifier = procedure.pipeline.named_steps["classify"]
    if not hasattr(classifier, "attributions"):
        return None
    step = procedure.pipeline.named_steps.get("select")
    kept = np.arange(inputs.shape[1]) if step is None else step.kept_
    shares = np.zeros_like(inputs)
    shares[:, kept] = classifier.attributions(inputs[:, kept], np.zeros(len(kept)), toward=toward)
    return shares


def mean_attributions(procedure: FittedProcedure, inputs: Floats) -> Floats | None:
    """Return the mean size of each input's attribution over people, and over classes where there are several.

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    inputs : ndarray of shape (n_scans, n_columns)
        Every column that the classifier could have been given.

    Returns
    -------
    ndarray of shape (n_columns,) or None
        None where the classifier can't say.
    """
    targets = procedure.rule.classes
    # Of two classes, what speaks for the one speaks against the other, as strongly.
    told = targets[-1:] if len(targets) == 2 else targets
    found = [attributions_of(procedure, inputs, target) for target in told]
    sizes = [np.abs(shares).mean(axis=0) for shares in found if shares is not None]
    return np.mean(sizes, axis=0) if sizes else None
