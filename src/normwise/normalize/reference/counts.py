"""How many normal people have each W: what tails are fitted to where nobody may send a W-score.

W needs the regression on everybody, so that it is counted in a second round, by the merged reference. At a
site that the reference knows it is by what the site's other people say of it, as of somebody new. It is
rounded to whole steps of 2**-5, and beyond eight standard deviations to the last one. Counts are whole
numbers and add exactly. A person's W depends on that person and the reference alone, by operations that are
the same for one person and for many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.blocked.regression import People, Regression
from normwise.normalize.blocked.tails import FEWEST_NORMALS, Tails, fit_tails_to_counts
from normwise.normalize.sites.across_sites import SiteEffect, weigh_without_each
from normwise.normalize.sites.effects import SiteModel
from normwise.reprs import ShortRepr
from normwise.schema import FittedParts, listed

__all__ = [
    "LAST_STEP",
    "STEP",
    "CountedForm",
    "NormalCounts",
    "another_norm",
    "count_columns",
    "fit_counts",
    "scores_at_sites",
    "scores_of",
]

STEP = 2.0**-5
"""Step of the grid, in standard deviations."""

LAST_STEP = 256
"""Steps to the last class on either side, which holds everybody beyond it."""

CountedForm = Literal["sinh_arcsinh", "auto"]

Scores = Callable[[FloatArray, slice], FloatArray]
"""W of a block of features, given with the block's place among all; the block may be overwritten."""

_WIDTH = 1024  # features at a time
_HIGHEST_LEVERAGE = 0.99


@dataclass(frozen=True, eq=False, repr=False)
class NormalCounts(ShortRepr):
    """How many normal people have each W, by one reference.

    Attributes
    ----------
    norm : str
        SHA-256 of the sums by which W is; see `digest_of_sums`.
    form : {"sinh_arcsinh", "auto"}
        What is fitted to them.
    features : tuple of str
        The reference's, in order.
    n_normals : int
        Normal people who were counted.
    counts : ndarray of int of shape (2 * LAST_STEP + 1, n_features)
        From the lowest W; all zero for a feature whose spread is none.
    """

    norm: str
    form: CountedForm
    features: tuple[str, ...]
    n_normals: int
    counts: npt.NDArray[np.int64]

    def facts(self) -> dict[str, str]:
        """Return on whom they are."""
        return {
            "normals": str(self.n_normals),
            "features": f"{len(self.features)}: {listed(self.features, most=3)}",
            "tails": self.form,
            "norm": self.norm[:12],
        }

    def describe(self) -> str:
        """Return in words what is known of the tails."""
        few = "" if self.n_normals >= FEWEST_NORMALS else f", fewer than {FEWEST_NORMALS}: W stays as it is"
        return f"by W of {self.n_normals} normal people{few}"

    @property
    def n_values(self) -> int:
        """Numbers that the counts consist of, without those that are 0."""
        return int(np.count_nonzero(self.counts)) + 1

    def __add__(self, other: NormalCounts) -> NormalCounts:
        """Return the counts of the people of both.

        Raises
        ------
        NormalizerError
            NRM-414 for counts by another reference, NRM-406 for another form of tails.
        """
        if (self.norm, self.features) != (other.norm, other.features):
            raise another_norm(*(f"by the reference {each.norm[:12]}" for each in (other, self)))
        if self.form != other.form:
            raise NormalizerError(
                "NRM-406",
                "the counts are for other tails.",
                subject="normalizer.tails",
                seen=other.form,
                expected=self.form,
                advice="use one study, with the same tails, everywhere",
            )
        return replace(self, n_normals=self.n_normals + other.n_normals, counts=self.counts + other.counts)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse counts that no people have; see `normwise.schema.FittedParts`."""
        names = parts.texts("features")
        parts.whole("n_normals", 1)
        shape = (2 * LAST_STEP + 1, len(names))
        fits = bool(names) and self.counts.shape == shape and bool((self.counts >= 0).all())
        parts.expect("counts", holds=fits, instead="whole numbers of people")
        totals = self.counts.sum(axis=0)
        fits = bool(np.isin(totals, (0, self.n_normals)).all())
        parts.expect("counts", holds=fits, instead="of each feature as many as there are people")

    def check_norm(self, regression: Regression, *, at_sites: bool) -> None:
        """Refuse counts that no people who were summed over can have.

        Parameters
        ----------
        regression : Regression
            Of their reference.
        at_sites : bool
            Whether W are by each person's site, of which sums over everybody say nothing.

        Raises
        ------
        ValueError
            No residual is larger than all together are; over everybody the residuals add up to nothing.
        """
        if self.n_normals > regression.n_people:
            raise ValueError(f"{self.n_normals} people counted of {regression.n_people}")
        if (_varies(regression) != self.counts.any(axis=0)).any():
            raise ValueError("counts of other features than those that vary")
        if at_sites:
            return
        values, n = _values(), self.n_normals
        there = np.abs(values)[:, None] * (self.counts > 0)
        if (there > np.sqrt(regression.degrees_of_freedom) + STEP).any():
            raise ValueError("a W-score larger than any among so many people")
        if n == regression.n_people:
            total, squares = (np.abs(values**power @ self.counts) for power in (1, 2))
            inside = ~self.counts[[0, -1]].any(axis=0)
            if (total > np.sqrt(len(regression.loadings) * squares) + n * STEP)[inside].any():
                raise ValueError("W-scores of everybody whose mean is not near 0")


def count_columns(
    norm: str,
    form: CountedForm,
    features: Sequence[str],
    columns: FeatureColumns,
    regression: Regression,
    scores: Scores,
) -> NormalCounts:
    """Count normal people by their W.

    Parameters
    ----------
    norm, form, features
        As of `NormalCounts`.
    columns : FeatureColumns
        The normals' features, in the reference's order.
    regression : Regression
        The reference's, on these people and maybe others.
    scores : callable
        From `scores_of` or `scores_at_sites`.
    """
    varies, n_people = _varies(regression), columns.shape[0]
    counts = np.zeros((2 * LAST_STEP + 1, len(varies)), dtype=np.int64)
    for part, block in columns.iter_blocks(_WIDTH):
        values = np.array(block, dtype=np.float64)
        columns.refuse_unfinite(values, part.start, np.arange(n_people))
        w = scores(values, part)
        for place in np.flatnonzero(varies[part]):
            steps = np.clip(np.rint(w[:, place] / STEP), -LAST_STEP, LAST_STEP).astype(np.intp)
            counts[:, part.start + place] = np.bincount(steps + LAST_STEP, minlength=len(counts))
    return NormalCounts(norm, form, tuple(features), n_people, counts)


def scores_of(people: People, regression: Regression) -> Scores:
    """Return W of people by a regression.

    Parameters
    ----------
    people : People
        The normals' coordinates.
    regression : Regression
        On these people and maybe others.
    """
    inverse = _inverse_of_own(people.basis)
    spread = np.where(regression.spread > 0, regression.spread, 1.0)

    def scores(rest: FloatArray, part: slice) -> FloatArray:
        rest -= regression.center[part]
        for column, loading in zip(people.basis.T, regression.loadings[:, part], strict=True):
            rest -= column[:, None] * loading
        rest /= spread[part]
        rest *= inverse[:, None]
        return rest

    return scores


def scores_at_sites(
    people: People, design: FloatArray, model: SiteModel, counts: Sequence[int], sites: npt.NDArray[np.intp]
) -> Scores:
    """Return W of people at their sites, each site learnt from its other people.

    Parameters
    ----------
    people : People
        The normals' coordinates.
    design : ndarray of shape (n_people, k)
        Their design columns, without a constant.
    model : SiteModel
        On these people and maybe others.
    counts : sequence of int
        Normal people of each site.
    sites : ndarray of int of shape (n_people,)
        Site of each person.
    """
    inverse = _inverse_of_own(
        people.basis[:, 1:]
    )  # the constant is each site's, from which a person is left out
    centred = (design - model.design_center).T

    def scores(rest: FloatArray, part: slice) -> FloatArray:
        rest -= model.mean[part]
        for column, slope in zip(centred, model.slopes[:, part], strict=True):
            rest -= column[:, None] * slope
        rest /= model.spread[part]
        prior, unit = None if model.prior is None else model.prior.features(part), np.ones(rest.shape[1])
        for site in np.unique(sites):
            rows, shift, scale = (
                np.flatnonzero(sites == site),
                model.shift[site, part],
                model.scale[site, part],
            )
            if prior is None:
                effect = SiteEffect(shift, scale)
            else:
                squares = (counts[site] - 1) * np.square(scale)
                effect = weigh_without_each(prior, counts[site], shift, squares, rest[rows])
            rest[rows] = effect.harmonize(rest[rows], unit)
        rest *= inverse[:, None]
        return rest

    return scores


def _inverse_of_own(basis: FloatArray) -> FloatArray:
    """Return by what a person summed over departs less than a new one: the variance is 1 - leverage."""
    leverage = np.zeros(len(basis))
    for column in basis.T:  # one at a time: so it does not depend on who else is there
        leverage += column * column
    return 1.0 / np.sqrt(1.0 - np.minimum(leverage, _HIGHEST_LEVERAGE))


def fit_counts(counts: NormalCounts) -> Tails:
    """Return the tails of every feature; those of a feature without spread are none."""
    varies = np.asarray(counts.counts.any(axis=0))
    own = fit_tails_to_counts(_values(), counts.counts[:, varies], choose=counts.form == "auto")
    whole = np.array([[0.0], [1.0], [0.0], [1.0]]) * np.ones(len(varies))
    whole[:, varies] = own.location, own.scale, own.skew, own.weight
    return Tails(*whole)


def another_norm(seen: str, expected: str) -> NormalizerError:
    """Return the refusal of counts of W by other sums, each in words."""
    return NormalizerError(
        "NRM-414",
        "the counts are of W by another reference.",
        seen=seen,
        expected=expected,
        advice="merge all sums first, then collect the counts everywhere with the one file that comes of it",
    )


def _varies(regression: Regression) -> npt.NDArray[np.bool_]:
    varies: npt.NDArray[np.bool_] = (regression.spread > 0) & ~regression.determined
    return varies


def _values() -> FloatArray:
    return np.arange(-LAST_STEP, LAST_STEP + 1) * STEP
