"""A finished evaluation, read back from its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from normwise.errors import EvaluationError
from normwise.evaluate.outoffold import OutOfFold
from normwise.results import Evaluation, RunRecord, read_result

__all__ = ["Finished", "read_finished"]


@dataclass(frozen=True)
class Finished:
    """One run's main arm.

    Attributes
    ----------
    folder : str
        The run folder, as it was given.
    evaluation : Evaluation
        Its results.
    record : RunRecord
        What was run.
    ids, groups : ndarray of shape (n_scans,)
        Scan and person of each row of ``scores``, scans in sorted order.
    scores : OutOfFold
        Its main arm's predictions.
    """

    folder: str
    evaluation: Evaluation
    record: RunRecord
    ids: NDArray[np.object_]
    groups: NDArray[np.object_]
    scores: OutOfFold


def read_finished(folder: Path) -> Finished:
    """Read ``evaluation.json``, ``run.json`` and ``predictions.tsv``.

    Parameters
    ----------
    folder : Path
        A run folder, after ``evaluate`` or ``test``.

    Raises
    ------
    EvaluationError
        EVA-106 where one of them is missing or is not what it should be.
    """
    try:
        evaluation = read_result(Evaluation, folder / "evaluation.json")
        record = read_result(RunRecord, folder / "run.json")
        table = pd.read_csv(
            folder / "predictions.tsv", sep="\t", dtype=str, keep_default_na=False, encoding="utf-8"
        )
        ids, groups, scores = _main_arm(table[table["arm"] == evaluation.main_arm], evaluation)
    except (OSError, ValidationError, KeyError, ValueError) as error:
        raise EvaluationError(
            "EVA-106",
            "there is no finished evaluation to compare.",
            subject=str(folder),
            seen=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected="a folder that normwise evaluate or test wrote",
            advice="check the path, or evaluate the study first",
        ) from error
    return Finished(str(folder), evaluation, record, ids, groups, scores)


def _main_arm(
    table: pd.DataFrame, evaluation: Evaluation
) -> tuple[NDArray[np.object_], NDArray[np.object_], OutOfFold]:
    """Put an arm's rows of ``predictions.tsv`` back in place."""
    classes = tuple(evaluation.classes)
    ids, first, row = np.unique(table["id"].to_numpy(dtype=object), return_index=True, return_inverse=True)
    repeat = table["repeat"].astype(int).to_numpy()
    shape = (int(repeat.max()) + 1, len(ids))
    folds = np.full(shape, -1, dtype=np.intp)
    folds[repeat, row] = table["fold"].astype(int)
    decided = np.full(shape, -1, dtype=np.intp)
    place = {name: column for column, name in enumerate(classes)}
    decided[repeat, row] = [place.get(name, -1) for name in table["decision"]]
    probabilities = np.full((*shape, len(classes)), np.nan)
    for column, name in enumerate(classes):
        probabilities[repeat, row, column] = pd.to_numeric(table[f"probability_{name}"], errors="coerce")
    labels, groups = (table[name].to_numpy(dtype=object)[first] for name in ("label", "group"))
    return ids, groups, OutOfFold(labels, classes, evaluation.negative, probabilities, decided, folds)
