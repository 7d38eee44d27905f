"""Training parts that are too small to be split again, found before anything is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.errors import NormalizerError, NormwiseError, ProcedureError
from normwise.normalize import FeatureNormalizer
from normwise.procedure import draw_inner_folds, fewest_to_train, is_too_few, people_per_class
from normwise.schema import Roles, Study

__all__ = ["find_small_part"]

_PARTS = 25  # training parts whose inner folds are drawn beforehand, those with the fewest normals


def find_small_part(
    study: Study, cohort: Cohort, normalizer: FeatureNormalizer, parts: list[tuple[int, NDArray[np.intp]]]
) -> NormwiseError | None:
    """Refuse training parts on whose own parts nothing can be fitted, unless costs decide.

    Parameters
    ----------
    study : Study
        What is to be run.
    cohort : Cohort
        Who takes part.
    normalizer : FeatureNormalizer
        Unfitted, of demographics alone.
    parts : list of tuple of int and ndarray of int
        Seed and rows of each training part.

    Returns
    -------
    NormwiseError or None
        What the smallest part lacks, where nothing will be tuned for it.

    Raises
    ------
    NormalizerError
        Where the normals of a training part are too few without tuning, too.
    ProcedureError
        PRC-115.
    """
    assert cohort.labels is not None, "people are split by their labels"
    labels, groups = (part.to_numpy(dtype=object) for part in (cohort.labels, cohort.groups))
    roles = cohort.roles
    try:
        smallest = _smallest_part(study, roles, labels, groups, parts)
        normalizer.fit(cohort.frame.iloc[smallest], labels[smallest])
    except (NormalizerError, ProcedureError) as error:
        if is_too_few(error) and fewest_to_train(study.decision, roles) == 1:
            outer = min(
                (rows for _, rows in parts), key=lambda rows: int((labels[rows] == roles.normal).sum())
            )
            normalizer.fit(cohort.frame.iloc[outer], labels[outer])
            return error
        counts = people_per_class(labels, groups, tuple(dict.fromkeys([*roles.targets, roles.normal])))
        raise ProcedureError(
            "PRC-115",
            "there are too few people to be split into folds and, inside them, again for the tuning.",
            subject=min(counts, key=counts.__getitem__),
            seen=f"{', '.join(f'{name}: {count} people' for name, count in counts.items())}\n"
            f"in the smallest training part: {error.problem} ({error.code})",
            expected=error.expected and f"{error.expected} in every training part",
            advice="add people, use other folds, or fewer demographics, levels, splines or interactions; with"
            " decision.cost nothing needs to be tuned",
        ) from None
    return None


def _smallest_part(
    study: Study,
    roles: Roles,
    labels: NDArray[np.object_],
    groups: NDArray[np.object_],
    parts: list[tuple[int, NDArray[np.intp]]],
) -> NDArray[np.intp]:
    """Return the rows with the fewest normals on which the regression will be fitted, tuning included."""
    inner = [
        rows[fold.train]
        for seed, rows in sorted(parts, key=lambda part: _count_normals(labels[part[1]], roles))[:_PARTS]
        for fold in draw_inner_folds(
            labels[rows], groups[rows], roles.targets, folds=study.evaluation.inner_folds, seed=seed
        )
    ]
    return min(inner, key=lambda rows: _count_normals(labels[rows], roles))


def _count_normals(labels: NDArray[np.object_], roles: Roles) -> int:
    return int((labels == roles.normal).sum())
