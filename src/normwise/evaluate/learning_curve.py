"""Learning curve: the main arm with fewer training people on the same test people, and what more would do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from normwise.engine import Progress
from normwise.errors import NormwiseError
from normwise.evaluate.cross_validation import ArmPredictions, cross_validate_arms
from normwise.evaluate.inference.estimates import delong
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import Fold, seed_for
from normwise.results import Band, Estimate, LearningCurve
from normwise.runs import PreparedRun

__all__ = ["advice_of", "learning_curve_of", "thin_out"]

Names = NDArray[np.object_]

_SHARES = (0.2, 0.4, 0.6, 0.8)
_REPEATS = 2  # repeats that are drawn on: the curve needs its shape, not its last digit
_HALF_WIDTH = 0.05
_LAST = 3  # points from which the gain of a doubling is read
_GAIN = 0.01


def learning_curve_of(
    prepared: PreparedRun,
    main: str,
    repeats: Sequence[Sequence[Fold]],
    whole: ArmPredictions,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> LearningCurve | None:
    """Test the main arm after training on a fifth, two fifths … of each fold's training people.

    Parameters
    ----------
    prepared : PreparedRun
        The run.
    main : str
        The arm.
    repeats : sequence of sequence of Fold
        The evaluation's own folds; the first two repeats are used.
    whole : ArmPredictions
        The arm's predictions with all training people.
    jobs : int
        Folds worked on at the same time.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    LearningCurve or None
        The AUC with DeLong's intervals; None where no size but the whole could be trained on.
    """
    study, roles = prepared.study, prepared.cohort.roles
    labels, groups = prepared.labels, prepared.groups
    used = list(repeats)[:_REPEATS]
    tested: list[tuple[Sequence[Sequence[Fold]], OutOfFold]] = []
    for share in _SHARES:
        thinned = [
            [
                thin_out(fold, labels, groups, share, seed_for(study.evaluation.seed, repeat, number, 0, 2))
                for number, fold in enumerate(outer)
            ]
            for repeat, outer in enumerate(used)
        ]
        try:
            predictions = cross_validate_arms(
                study, roles, prepared.frame, labels, groups, arms=(main,), repeats=thinned, jobs=jobs,
                progress=progress, title=f"learning curve, {share:.0%} of the training people",
            )[main]  # fmt: skip
        except NormwiseError:
            continue  # so few people can't carry the regression, or lack a class
        tested.append((thinned, predictions.scores))
    tested.append((used, whole.scores.take(np.arange(len(labels)), range(len(used)))))
    sizes, areas = [], []
    for trained, scores in tested:
        area = delong(scores, groups, study.evaluation.confidence)
        if area.estimate is not None:
            sizes.append(
                round(float(np.mean([len(set(groups[f.train])) for folds in trained for f in folds])))
            )
            areas.append(area)
    if len(areas) < 2:
        return None
    people = len(set(groups[whole.scores.tested]))
    return LearningCurve(
        metric="auc",
        curve=Band(
            x=[float(size) for size in sizes],
            y=[float(area.estimate) for area in areas if area.estimate is not None],
            low=[area.low for area in areas],
            high=[area.high for area in areas],
            n=sizes,
        ),
        advice=advice_of(sizes, areas, people),
    )


def thin_out(fold: Fold, labels: Names, groups: Names, share: float, seed: int) -> Fold:
    """Return a fold whose training part keeps a share of the people of every class, with all their scans.

    Of equal seeds the smaller share keeps a part of the people of the larger.

    Examples
    --------
    >>> labels, people = np.array(["a", "b"] * 5, dtype=object), np.arange(10).astype(object)
    >>> fold = thin_out(Fold(np.arange(8), np.array([8, 9])), labels, people, 0.5, seed=0)
    >>> len(fold.train), sorted(labels[fold.train])
    (4, ['a', 'a', 'b', 'b'])
    """
    named = groups[fold.train].astype(str)
    people, first = np.unique(named, return_index=True)
    classes = labels[fold.train][first].astype(str)
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    for name in np.unique(classes):
        members = rng.permutation(people[classes == name])
        chosen += members[: max(1, round(share * len(members)))].tolist()
    return Fold(fold.train[np.isin(named, chosen)], fold.test)


def advice_of(sizes: Sequence[int], areas: Sequence[Estimate], people: int) -> str:
    """Say what a doubling of the training people brought last, and how many people a narrow interval takes.

    Parameters
    ----------
    sizes : sequence of int
        Training people.
    areas : sequence of Estimate
        The AUC of each size.
    people : int
        People tested.

    Examples
    --------
    >>> areas = [Estimate(0.70, 0.6, 0.8), Estimate(0.75, 0.65, 0.85), Estimate(0.80, 0.7, 0.9)]
    >>> first, second = advice_of([50, 100, 200], areas, 250).split(". ")
    >>> first
    'The last doubling of the training people brought +0.05 AUC: more people would help'
    >>> second
    'An interval of ±0.05 takes about 1000 people to test on, mixed as here (now 250: ±0.10).'
    """
    values = np.array([np.nan if area.estimate is None else area.estimate for area in areas])
    slope = float(np.polyfit(np.log2(np.asarray(sizes, dtype=float)[-_LAST:]), values[-_LAST:], 1)[0])
    more = "more people would help" if slope >= _GAIN else "more people would hardly help"
    last = areas[-1]
    text = f"The last doubling of the training people brought {slope:+.2f} AUC: {more}."
    if last.low is None or last.high is None:
        return text
    half = (last.high - last.low) / 2
    wanted = round(people * (half / _HALF_WIDTH) ** 2, -1)
    return (
        f"{text} An interval of ±{_HALF_WIDTH:.2f} takes about {wanted:.0f} people to test on, mixed as here"
        f" (now {people}: ±{half:.2f})."
    )
