"""Sums over normal people as integers: they add to the same bits in every order and grouping.

Demographics and features are rounded to a grid of 2**-24 of their unit. Squares and products of whole
numbers are whole numbers, and a sum of them is exact: a regression on the sums of twenty hospitals is that on
the sums of all their people.

A category has one column a level here, the first level too, so that sums of people without some level can be
added to those of people with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Category, Number, learn_part
from normwise.schema import FittedParts, check_parts, listed

__all__ = [
    "GRID",
    "NormalSums",
    "Part",
    "Title",
    "encode_raw",
    "learn_parts",
    "other_reference",
    "raw_titles",
    "scatter",
    "sum_normals",
]

GRID = 2.0**-24
"""Step of the grid, in the unit of each demographic and feature."""

Integers = npt.NDArray[np.object_]
Part = Number | Category
Title = tuple[tuple[str, str], ...]
"""Demographic and level, or column, of each factor of a column; empty for the constant."""

_BITS = 24
_LARGEST = 2.0**38  # whole numbers of the grid up to 2**62
_LIMB = 2.0**21  # three limbs hold such a number; products of two limbs are below 2**42
_ROWS = 512  # of so many people three products of limbs add up below 2**53, where float64 is exact
_CALLS = 512  # and of so many such sums int64 holds the total
_WIDTH = 1024  # features at a time
_FEWEST_STEPS = 64  # a spread of fewer steps of the grid would be rounding


@dataclass(frozen=True, eq=False)
class NormalSums:
    """Sums over normal people of the products of demographics and features, in steps of the grid.

    Attributes
    ----------
    parts : tuple of Number or Category
        The demographics, in order, with ranges and levels of these people. The mean of a number follows from
        the sums, and stands as its low end here.
    interactions : tuple of (str, str)
        Pairs of demographics that are multiplied.
    design : ndarray of int of shape (k, k)
        Products of the columns of `raw_titles`.
    products : ndarray of int of shape (k, n_features)
        Products of the columns with the features.
    squares : ndarray of int of shape (n_features,)
        Squares of the features.
    """

    parts: tuple[Part, ...]
    interactions: tuple[tuple[str, str], ...]
    design: Integers
    products: Integers
    squares: Integers

    @property
    def n_people(self) -> int:
        """Normal people summed over."""
        return int(self.design[0, 0] >> 2 * _BITS)

    @property
    def n_values(self) -> int:
        """Numbers that the sums consist of: each product once, and the ends of each range."""
        k, m = len(self.design), len(self.squares)
        ranges = sum(2 for part in self.parts if isinstance(part, Number))
        return k * (k + 1) // 2 + (k + 1) * m + ranges

    def __add__(self, other: NormalSums) -> NormalSums:
        """Return the sums over the people of both.

        Raises
        ------
        NormalizerError
            NRM-406 for other demographics, NRM-407 for levels that do not belong together.
        """
        parts = merge_parts(self.parts, other.parts)
        if self.interactions != other.interactions:
            raise other_reference("the demographics are multiplied differently.", "interactions", *(
                listed(":".join(pair) for pair in each.interactions) for each in (other, self)
            ))  # fmt: skip
        first, second = self.on(parts), other.on(parts)
        return replace(
            first,
            design=first.design + second.design,
            products=first.products + second.products,
            squares=first.squares + second.squares,
        )

    def on(self, parts: tuple[Part, ...]) -> NormalSums:
        """Return the same sums with columns for more levels, which none of these people has."""
        own = raw_titles(self.parts, self.interactions)
        titles = raw_titles(parts, self.interactions)
        if titles == own:
            return replace(self, parts=parts)
        places = {title: place for place, title in enumerate(titles)}
        rows = np.array([places[title] for title in own])
        design = np.zeros((len(titles), len(titles)), dtype=object)
        design[np.ix_(rows, rows)] = self.design
        products = np.zeros((len(titles), len(self.squares)), dtype=object)
        products[rows] = self.products
        return NormalSums(parts, self.interactions, design, products, self.squares)

    def features(self, order: Sequence[int]) -> NormalSums:
        """Return the sums of the features in another order."""
        places = np.asarray(order, dtype=np.intp)
        return replace(self, products=self.products[:, places], squares=self.squares[places])

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse sums that no people have; see `normwise.schema.FittedParts`."""
        for part in self.parts:
            check_parts(part, allowed=(Number, Category))
        names = [part.name for part in self.parts]
        pairs = [name for pair in self.interactions for name in pair]
        fits = len(set(names)) == len(names) and set(pairs) <= set(names)
        parts.expect("parts", holds=fits, instead="different demographics, and pairs of them")
        titles = raw_titles(self.parts, self.interactions)
        shape = (len(titles), len(self.squares))
        fits = self.design.shape == (len(titles),) * 2 and self.products.shape == shape
        parts.expect("products", holds=fits, instead="of these demographics and features")
        square = 1 << 2 * _BITS
        whole = int(self.design[0, 0]) % square == 0 and self.n_people >= 1
        parts.expect("design", holds=whole, instead="of one person or more")
        for part in self.parts:
            mine = [place for place, title in enumerate(titles) if [n for n, _ in title] == [part.name]]
            totals = [int(self.design[0, place]) for place in mine]
            if isinstance(part, Category):
                fits = all(total >= 0 and total % square == 0 for total in totals)
                fits = fits and sum(totals) == self.design[0, 0] and len(set(mine)) == len(part.levels)
                fits = fits and all(
                    self.design[a, b] == (a == b) * self.design[0, a] for a in mine for b in mine
                )
            else:
                mean = totals[0] / int(self.design[0, 0])
                fits = part.low - GRID <= mean <= part.high + GRID
            parts.expect("design", holds=fits, instead=f"sums of {part.name}")
        among, across, own = scatter(self)
        with np.errstate(all="ignore"):
            sizes = np.array(np.diag(among))
            fits = bool((sizes >= 0).all() and (own >= 0).all()) and bool(
                (across * across <= np.multiply.outer(sizes, own)).all()
                and (among * among <= np.multiply.outer(sizes, sizes)).all()
            )
        parts.expect("products", holds=fits, instead="products of numbers: a correlation exceeds 1")


def scatter(sums: NormalSums) -> tuple[Integers, Integers, Integers]:
    """Return the products about the means, times the constant's square: exact, and free of cancellation.

    Returns
    -------
    among : ndarray of int of shape (k, k)
        Of the design's columns.
    across : ndarray of int of shape (k, n_features)
        Of columns with features.
    own : ndarray of int of shape (n_features,)
        Of each feature with itself.
    """
    count = sums.design[0, 0]
    column, feature = sums.design[0], sums.products[0]
    return (
        sums.design * count - np.multiply.outer(column, column),
        sums.products * count - np.multiply.outer(column, feature),
        sums.squares * count - feature * feature,
    )


def raw_titles(parts: Sequence[Part], interactions: Sequence[tuple[str, str]]) -> list[Title]:
    """Return what each column of the sums is: the constant, the demographics' columns, their products.

    Examples
    --------
    >>> raw_titles([Number("age", 40.0, 90.0, 40.0), Category("sex", ("F", "M"))], [])
    [(), (('age', 'age'),), (('sex', 'F'),), (('sex', 'M'),)]
    """
    own = {
        part.name: [
            (part.name, label) for label in (part.levels if isinstance(part, Category) else part.columns)
        ]
        for part in parts
    }
    products = [
        (left, right) for first, second in interactions for left in own[first] for right in own[second]
    ]
    return [(), *((each,) for columns in own.values() for each in columns), *products]


def encode_raw(
    parts: Sequence[Part], interactions: Sequence[tuple[str, str]], people: Demographics
) -> FloatArray:
    """Return the columns of `raw_titles` of people: (n_people, k).

    Raises
    ------
    NormalizerError
        NRM-108 or NRM-110 for a demographic, NRM-407 for a level that the parts lack.
    """
    own = {part.name: _encode(part, people) for part in parts}
    n = len(people)
    products = [
        (own[first][:, :, None] * own[second][:, None, :]).reshape(n, -1) for first, second in interactions
    ]
    return np.hstack([np.ones((n, 1)), *own.values(), *products])


def _encode(part: Part, people: Demographics) -> FloatArray:
    if isinstance(part, Number):
        return part.encode(people)
    levels = people.levels(part.name)
    people.refuse_missing(part.name, levels == None)  # noqa: E711 - one comparison a person
    found = {str(level) for level in levels}
    if found - set(part.levels):
        raise _other_levels(part.name, sorted(found), part.levels)
    matches: FloatArray = np.equal.outer(levels, np.array(part.levels, dtype=object)).astype(np.float64)
    return matches


def learn_parts(
    people: Demographics,
    names: Sequence[str],
    *,
    categorical: Sequence[str],
    knots: dict[str, tuple[float, ...]],
) -> tuple[Part, ...]:
    """Return the demographics of normal people with their ranges and levels.

    Parameters
    ----------
    people : Demographics
        The normals alone.
    names : sequence of str
        The demographics.
    categorical : sequence of str
        Those of them that are codes.
    knots : dict of str to tuple of float
        Of the numbers that have a spline.
    """
    parts: list[Part] = []
    for name in names:
        part = learn_part(people, name, declared=name in categorical)
        if isinstance(part, Number):
            part = replace(part, mean=part.low, knots=knots.get(name, ()))
        parts.append(part)
    return tuple(parts)


def merge_parts(first: Sequence[Part], second: Sequence[Part]) -> tuple[Part, ...]:
    """Return the demographics of two groups of people together.

    Levels are united where one group has all of the other's, or one of the groups has one level alone.

    Raises
    ------
    NormalizerError
        NRM-406 for other demographics, NRM-407 for levels that do not belong together.
    """
    if [part.name for part in first] != [part.name for part in second]:
        seen = [listed(part.name for part in each) for each in (second, first)]
        raise other_reference("the demographics differ.", "demographics", *seen)
    return tuple(_merge(one, other) for one, other in zip(first, second, strict=True))


def _merge(one: Part, other: Part) -> Part:
    if isinstance(one, Number) and isinstance(other, Number):
        if one.knots != other.knots:
            seen = [", ".join(f"{knot:g}" for knot in each.knots) or "no knots" for each in (other, one)]
            raise other_reference(f"the splines of {one.name} have other knots.", one.name, *seen)
        low = min(one.low, other.low)
        return Number(one.name, low, max(one.high, other.high), low, one.knots)
    if isinstance(one, Category) and isinstance(other, Category):
        mine, theirs = set(one.levels), set(other.levels)
        coded = {all(map(_is_code, each)) for each in (mine, theirs)}
        if len(coded) > 1 or not (mine <= theirs or theirs <= mine or 1 in (len(mine), len(theirs))):
            raise _other_levels(one.name, other.levels, one.levels)
        return Category(one.name, tuple(sorted(mine | theirs)))
    kinds = [
        "numbers" if isinstance(each, Number) else f"levels {listed(each.levels)}" for each in (other, one)
    ]
    raise other_reference(f"{one.name} is a number in one, and a category in the other.", one.name, *kinds)


def _is_code(level: str) -> bool:
    return level.lstrip("+-").replace(".", "", 1).isdecimal()


def sum_normals(
    columns: FeatureColumns, rows: npt.NDArray[np.intp], people: Demographics, parts: tuple[Part, ...],
    interactions: tuple[tuple[str, str], ...],
) -> NormalSums:  # fmt: skip
    """Sum over normal people.

    Parameters
    ----------
    columns : FeatureColumns
        Everybody's features.
    rows : ndarray of int
        Which rows are the normals.
    people : Demographics
        The normals' demographics.
    parts : tuple of Number or Category
        The columns to make of them.
    interactions : tuple of (str, str)
        Pairs of demographics that are multiplied.

    Raises
    ------
    NormalizerError
        NRM-113 for a feature that is not finite, NRM-408 for one that the grid can't hold.
    """
    titles = raw_titles(parts, interactions)
    names = [":".join(column for _, column in title) for title in titles]
    encoded = encode_raw(parts, interactions, people)
    _refuse_large(encoded, names)
    design = _limbs(encoded)
    products = np.zeros((len(titles), columns.shape[1]), dtype=object)
    squares = np.zeros(columns.shape[1], dtype=object)
    for part, block in columns.iter_blocks(_WIDTH):
        own = np.asarray(block[rows], dtype=np.float64)
        columns.refuse_unfinite(own, part.start, rows)
        _refuse_large(own, [columns.feature_name(place) for place in range(part.start, part.stop)])
        _refuse_fine(own, columns, part.start)
        limbs = _limbs(own)
        products[:, part] = _sum_products(design, limbs)
        squares[part] = _sum_products(limbs, limbs, own=True)
    return NormalSums(parts, interactions, _sum_products(design, design), products, squares)


def _limbs(values: FloatArray) -> list[FloatArray]:
    """Return values in steps of the grid as three limbs of 21 bits, the lowest first; all exact."""
    rest = np.rint(values / GRID)
    limbs = []
    for _ in range(2):
        higher = np.floor(rest / _LIMB)
        limbs.append(rest - higher * _LIMB)
        rest = higher
    return [*limbs, rest]


def _sum_products(
    first: Sequence[FloatArray], second: Sequence[FloatArray], *, own: bool = False
) -> Integers:
    """Return the sum over people of the products of two tables of limbs, or of each column with ``own``."""
    n = len(first[0])
    shape = (second[0].shape[1],) if own else (first[0].shape[1], second[0].shape[1])
    total = np.zeros(shape, dtype=object)
    for top in range(0, n, _ROWS * _CALLS):
        sums = np.zeros((5, *shape), dtype=np.int64)
        for start in range(top, min(n, top + _ROWS * _CALLS), _ROWS):
            rows = slice(start, start + _ROWS)
            for i, left in enumerate(first):
                for j, right in enumerate(second):
                    a, b = left[rows], right[rows]
                    part = np.einsum("ij,ij->j", a, b) if own else a.T @ b
                    sums[i + j] += part.astype(np.int64)
        for power, part in enumerate(sums):
            total = total + part.astype(object) * (1 << 21 * power)
    return total


def _refuse_large(values: FloatArray, names: Sequence[str]) -> None:
    beyond = np.abs(values).max(axis=0, initial=0.0) >= _LARGEST
    if beyond.any():
        place = int(np.argmax(beyond))
        raise NormalizerError(
            "NRM-408",
            "the values are too large for sums on a grid of 2^-24 of their unit.",
            subject=names[place],
            seen=f"up to {np.abs(values[:, place]).max():.4g}",
            expected=f"less than {_LARGEST:.4g}",
            advice="measure it in a larger unit",
        )


def _refuse_fine(values: FloatArray, columns: FeatureColumns, first: int) -> None:
    spread, size = values.std(axis=0), np.abs(values).max(axis=0, initial=0.0)
    # A feature that varies by rounding alone does not vary.
    fine = (spread > 1e-12 * size) & (spread < _FEWEST_STEPS * GRID)
    if fine.any():
        place = int(np.argmax(fine))
        raise NormalizerError(
            "NRM-408",
            "the values differ too little for sums on a grid of 2^-24 of their unit.",
            subject=columns.feature_name(first + place),
            seen=f"a standard deviation of {spread[place]:.3g}",
            expected=f"at least {_FEWEST_STEPS * GRID:.3g}",
            advice="measure it in a smaller unit, or leave it out with features.columns",
        )


def other_reference(problem: str, subject: str, first: str, second: str) -> NormalizerError:
    """Return the refusal of sums that are not of the same kind."""
    return NormalizerError(
        "NRM-406",
        problem,
        subject=subject,
        seen=first,
        expected=second,
        advice="use one study, with the same demographics, interactions, knots and sites, everywhere",
    )


def _other_levels(name: str, seen: Sequence[str], expected: Sequence[str]) -> NormalizerError:
    return NormalizerError(
        "NRM-407",
        f"{name} has other levels, so that one could be taken for another.",
        subject=name,
        seen=f"levels {listed(seen)}",
        expected=f"levels {listed(expected)}",
        advice=f"write {name} in one way everywhere; Levels in participants.json say what codes mean",
    )
