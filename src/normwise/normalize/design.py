"""The design: demographic columns of a frame become the columns of the regression.

A number is itself, with its spline columns beside it where a spline is asked for; a category is one column a
level but the first, the reference level; an interaction is the product of two demographics' columns, each
less its mean over the normals. Everything is learnt from the normals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.blocked.regression import People, inverse_triangle, invert_triangle
from normwise.normalize.demographics import Demographics
from normwise.schema import FittedParts, check_parts

__all__ = [
    "Category",
    "Design",
    "Number",
    "choose_knots",
    "column_titles",
    "learn_design",
    "learn_part",
    "natural_spline",
    "refuse_dependent",
    "refuse_too_few",
]

_DEPENDENT = 1e-7  # a column this near to the others' span, relative to its own length, lies in it
_CONSTANT = 1e-12  # a standard deviation this small beside the largest value is rounding


@dataclass(frozen=True)
class Number:
    """A numeric demographic: its range among the normals, and the knots of its spline (none for a line)."""

    name: str
    low: float
    high: float
    mean: float
    knots: tuple[float, ...] = ()

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a range, or knots, that no people have; see `normwise.schema.FittedParts`."""
        low = parts.number("low")
        mean = parts.number("mean", low)
        parts.number("high", mean)
        knots = parts.part("knots")
        fits = isinstance(knots, tuple) and all(isinstance(each, float) for each in knots)
        rising = fits and all(-1e120 < first < second < 1e120 for first, second in pairwise(knots))
        parts.expect("knots", holds=rising and len(knots) not in (1, 2), instead="three rising numbers")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return (self.name, *(f"{self.name} spline {i + 1}" for i in range(max(len(self.knots) - 2, 0))))

    def encode(self, people: Demographics) -> FloatArray:
        """Return its columns.

        Raises
        ------
        NormalizerError
            NRM-108 for a missing value, NRM-110 for one that is not a finite number.
        """
        numbers, unreadable = people.numbers(self.name)
        if unreadable.any():
            row = int(np.argmax(unreadable))
            raise NormalizerError(
                "NRM-110",
                f"{self.name} is not a finite number.",
                subject=people.person(row),
                seen=people.value(self.name, row),
                expected=f"a number, as {self.mean:.4g}",
                advice="correct the value, or leave the person out",
            )
        people.refuse_missing(self.name, np.isnan(numbers))
        return self.terms(numbers)

    def terms(self, numbers: FloatArray) -> FloatArray:
        """Return the columns of numbers: themselves, and those of the spline beside them."""
        line = numbers[:, None]
        return np.hstack([line, natural_spline(numbers, self.knots)]) if self.knots else line


@dataclass(frozen=True)
class Category:
    """A categorical demographic: its levels among the normals, sorted; the first is the reference."""

    name: str
    levels: tuple[str, ...]

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse levels that are none; see `normwise.schema.FittedParts`."""
        levels = parts.texts("levels")
        fits = isinstance(self.levels, tuple) and bool(levels)
        parts.expect("levels", holds=fits and levels == sorted(levels), instead="levels, sorted")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(f"{self.name}={level}" for level in self.levels[1:])

    def encode(self, people: Demographics) -> FloatArray:
        """Return its columns.

        Raises
        ------
        NormalizerError
            NRM-108 for a missing level, NRM-109 for one that no normal person had.
        """
        places, missing = self.places(people)
        people.refuse_missing(self.name, missing)
        unseen = places < 0
        if unseen.any():
            row = int(np.argmax(unseen))
            raise NormalizerError(
                "NRM-109",
                f"nobody in the normal group had this level of {self.name}.",
                subject=people.person(row),
                seen=f"{self.name} = {people.levels(self.name)[row]!r}",
                expected=", ".join(self.levels),
                advice="nothing is expected of this person; in_support(X) lists everybody concerned",
            )
        matches: FloatArray = np.equal.outer(places, np.arange(1, len(self.levels))).astype(np.float64)
        return matches

    def places(self, people: Demographics) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return each person's place among the levels, −1 for any other, and whose level is missing."""
        codes, everybody = people.codes(self.name)
        own = {level: place for place, level in enumerate(self.levels)}
        lookup = np.array([*(own.get(level, -1) for level in everybody), -1], dtype=np.intp)
        return lookup[codes], codes < 0


@dataclass(frozen=True)
class Design:
    """The columns of the regression, and the coordinates in which the normals are orthonormal.

    Attributes
    ----------
    parts : tuple of Number or Category
        The demographics, in order.
    interactions : tuple of (str, str)
        Pairs of demographics that are multiplied.
    names : tuple of str
        Columns without the constant.
    means : ndarray
        Mean over the normals of each demographic's own columns, before interactions.
    center, size : ndarray of shape (len(names),)
        Mean and standard deviation over the normals of each column.
    inverse : ndarray of shape (p, p)
        From the centred, scaled columns and the constant to the orthonormal basis.
    variance_columns : tuple of int
        Columns on which the log variance depends.
    variance_inverse : ndarray or None
        The same for the variance's design; None for a constant variance.
    largest_leverage : float
        The largest leverage of a normal person.
    n_people : int
        Normals.
    """

    parts: tuple[Number | Category, ...]
    interactions: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    means: FloatArray
    center: FloatArray
    size: FloatArray
    inverse: FloatArray
    variance_columns: tuple[int, ...]
    variance_inverse: FloatArray | None
    largest_leverage: float
    n_people: int

    @property
    def n_parameters(self) -> int:
        """Parameters of one feature: the constant, the columns, and those of the log variance."""
        varying = 0 if self.variance_inverse is None else len(self.variance_inverse)
        return len(self.inverse) + varying

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a design that no normal people could have; see `normwise.schema.FittedParts`."""
        demographics = parts.part("parts")
        parts.expect("parts", holds=isinstance(demographics, tuple), instead="demographics")
        for part in demographics:
            check_parts(part, allowed=(Number, Category))
        known = [part.name for part in demographics]
        pairs = parts.part("interactions")
        fits = isinstance(pairs, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 and set(pair) <= set(known) for pair in pairs
        )
        parts.expect("interactions", holds=fits, instead="pairs of demographics")
        titles = column_titles(demographics, pairs)
        parts.expect("names", holds=self.names == titles, instead=f"the {len(titles)} columns of its parts")
        parts.array("means", (sum(len(part.columns) for part in demographics),))
        parts.array("center", (len(titles),))
        parts.array("size", (len(titles),), low=1e-300)
        parts.array("inverse", (len(titles) + 1, len(titles) + 1))
        varying = parts.part("variance_columns")
        fits = isinstance(varying, tuple) and all(
            isinstance(each, int) and 0 <= each < len(titles) for each in varying
        )
        parts.expect("variance_columns", holds=fits, instead="places of its columns")
        if parts.part("variance_inverse") is not None:
            parts.array("variance_inverse", (len(varying) + 1, len(varying) + 1))
        parts.number("largest_leverage", low=0.0)
        parts.whole("n_people", 1)

    def encode(self, people: Demographics) -> FloatArray:
        """Return the columns of people, in their own units: (n_people, len(names)).

        Raises
        ------
        NormalizerError
            NRM-108, NRM-109 or NRM-110, as the demographics have it.
        """
        own = [part.encode(people) for part in self.parts]
        names = [part.name for part in self.parts]
        return _with_products(len(people), own, names, self.interactions, self.means)

    def people(self, people: Demographics) -> People:
        """Return the coordinates of people."""
        return self._locate(self.encode(people))

    def place(self, own: FloatArray) -> People:
        """Return the coordinates of points, given by the demographics' own columns without products."""
        widths = np.cumsum([len(part.columns) for part in self.parts])[:-1]
        names = [part.name for part in self.parts]
        each = np.hsplit(own, widths) if self.parts else []
        return self._locate(_with_products(len(own), each, names, self.interactions, self.means))

    def _locate(self, columns: FloatArray) -> People:
        design = _standard(columns, self.center, self.size)
        if self.variance_inverse is None:
            return People(_change_basis(design, self.inverse))
        varying = design[:, [0, *(column + 1 for column in self.variance_columns)]]
        return People(_change_basis(design, self.inverse), _change_basis(varying, self.variance_inverse))


def learn_design(
    normals: Demographics,
    names: Sequence[str],
    *,
    categorical: Sequence[str] = (),
    form: Literal["linear", "spline"] = "linear",
    knots: Mapping[str, Sequence[float]] | None = None,
    interactions: Sequence[tuple[str, str]] = (),
    vary_spread: bool = False,
) -> Design:
    """Learn the design from the normals.

    Parameters
    ----------
    normals : Demographics
        The normals alone.
    names : sequence of str
        Demographics to use.
    categorical : sequence of str
        Those of them that are codes, not quantities.
    form : {"linear", "spline"}
        How a number enters.
    knots : mapping of str to sequence of float, optional
        Of splines; default: at quantiles of the normals.
    interactions : sequence of (str, str)
        Pairs to multiply.
    vary_spread : bool
        Whether the log variance gets a design too: the constant, the numbers and the levels.

    Returns
    -------
    Design

    Raises
    ------
    NormalizerError
        NRM-106 for fewer than p + 2 normals, NRM-107 for columns that others determine, NRM-108, NRM-110 or
        NRM-111 for a normal's demographic.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [40.0, 50, 60, 70, 80, 90], "sex": list("MFMMFF")})
    >>> normals = Demographics(frame)
    >>> design = learn_design(normals, ["age", "sex"], interactions=[("age", "sex")])
    >>> design.names
    ('age', 'sex=M', 'age:sex=M')
    >>> float(design.people(normals).leverage.sum().round(6))  # the number of parameters
    4.0
    """
    n_people = len(normals)
    refuse_too_few(n_people, 1)
    given = knots or {}
    parts = tuple(
        learn_part(normals, name, declared=name in categorical, form=form, knots=given.get(name, ()))
        for name in names
    )
    own = [part.encode(normals) for part in parts]
    columns = _with_products(n_people, own, names, (), np.empty(0))
    means = center = columns.mean(axis=0)
    if interactions:
        columns = _with_products(n_people, own, names, interactions, means)
        center = columns.mean(axis=0)
    titles = column_titles(parts, interactions)
    refuse_too_few(n_people, len(titles) + 1)
    size = np.sqrt(np.square(columns - center).mean(axis=0))
    constant = size <= _CONSTANT * np.abs(columns).max(axis=0, initial=0.0)
    size = np.where(constant, 1.0, size)
    design = _standard(columns, center, size)
    triangle: FloatArray = np.asarray(np.linalg.qr(design, mode="r"))
    refuse_dependent(triangle, titles, n_people)
    inverse = invert_triangle(triangle)
    # The log variance follows the numbers and the levels themselves: no splines, no products.
    simple = {
        column for part in parts for column in (part.columns if isinstance(part, Category) else (part.name,))
    }
    varying = tuple(i for i, title in enumerate(titles) if title in simple)
    variance_inverse = inverse_triangle(design[:, [0, *(i + 1 for i in varying)]]) if vary_spread else None
    leverage = People(_change_basis(design, inverse)).leverage
    return Design(
        parts, tuple((a, b) for a, b in interactions), titles, means, center, size, inverse, varying,
        variance_inverse, float(leverage.max()), n_people,
    )  # fmt: skip


def column_titles(
    parts: Sequence[Number | Category], interactions: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """Return the names of the columns: those of each demographic, then those of the products."""
    by_name = {part.name: part.columns for part in parts}
    products = [
        f"{left}:{right}"
        for first, second in interactions
        for left in by_name[first]
        for right in by_name[second]
    ]
    return (*(column for part in parts for column in part.columns), *products)


def learn_part(
    normals: Demographics, name: str, *, declared: bool, form: str = "linear", knots: Sequence[float] = ()
) -> Number | Category:
    """Return one demographic with its range or its levels; the rest as of `learn_design`."""
    if normals.is_category(name, declared=declared):
        codes, everybody = normals.codes(name)
        normals.refuse_missing(name, codes < 0)
        return Category(name, tuple(everybody[code] for code in np.unique(codes)))
    values = Number(name, 0.0, 0.0, 0.0).encode(normals)[:, 0]  # refuses what is missing or no number
    own = (tuple(map(float, knots)) or choose_knots(values)) if form == "spline" else ()
    return Number(name, float(values.min()), float(values.max()), float(values.mean()), own)


def _with_products(
    rows: int,
    own: Sequence[FloatArray],
    names: Sequence[str],
    interactions: Sequence[tuple[str, str]],
    means: FloatArray,
) -> FloatArray:
    if not interactions:
        return np.hstack(own) if own else np.empty((rows, 0))
    widths = np.cumsum([0, *(part.shape[1] for part in own)])
    centred = {name: own[i] - means[widths[i] : widths[i + 1]] for i, name in enumerate(names)}
    products = [
        (centred[first][:, :, None] * centred[second][:, None, :]).reshape(rows, -1)
        for first, second in interactions
    ]
    return np.hstack([*own, *products])


def _standard(columns: FloatArray, center: FloatArray, size: FloatArray) -> FloatArray:
    design = np.ones((len(columns), columns.shape[1] + 1))
    np.divide(columns - center, size, out=design[:, 1:])
    return design


def _change_basis(design: FloatArray, inverse: FloatArray) -> FloatArray:
    # One column at a time, so that a person's coordinates don't depend on who else is asked for.
    basis = np.zeros(design.shape)
    for column, row in zip(design.T, inverse, strict=True):
        basis += column[:, None] * row
    return basis


def refuse_too_few(n_people: int, n_parameters: int) -> None:
    """Refuse fewer normals than parameters and two more (NRM-106)."""
    if n_people < n_parameters + 2:
        raise NormalizerError(
            "NRM-106",
            f"{n_people} sample{'s' if n_people != 1 else ''} of the normal group are too few for a "
            f"regression with {n_parameters} parameter{'s' if n_parameters != 1 else ''}.",
            seen="the normal samples of this fit, which may be those of one fold alone",
            expected=f"at least {n_parameters + 2}, and better {10 * n_parameters}",
            advice="add normal people, or use fewer demographics, levels, splines or interactions",
        )


def refuse_dependent(
    triangle: FloatArray, titles: Sequence[str], n_people: int, *, smallest: float = _DEPENDENT
) -> None:
    """Refuse columns that lie in the span of those before them.

    Parameters
    ----------
    triangle : ndarray of shape (len(titles) + 1, len(titles) + 1)
        R of the QR decomposition of the constant and the standardized columns.
    titles : sequence of str
        Names of the columns.
    n_people : int
        Normals.
    smallest : float
        Distance from that span, relative to the column's own length, of a column that does not lie in it.

    Raises
    ------
    NormalizerError
        NRM-107.
    """
    for j, title in enumerate(titles, start=1):
        if abs(triangle[j, j]) > smallest * np.sqrt(n_people):
            continue
        weights = np.linalg.solve(triangle[1:j, 1:j], triangle[1:j, j])
        others = [titles[i] for i, weight in enumerate(weights) if abs(weight) > 1e-6]
        raise NormalizerError(
            "NRM-107",
            f"among the normals {title} is determined by {' and '.join(others)}."
            if others
            else f"{title} does not vary among the normals.",
            subject=title,
            seen=f"columns {', '.join(titles)} of {n_people} normal people",
            advice="leave one of these demographics out, or add normal people in whom they differ",
        )


_LEVELS = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


def choose_knots(values: FloatArray) -> tuple[float, ...]:
    """Return knots at quantiles of the normals.

    Harrell (2001), *Regression Modeling Strategies*, table 2.3: five knots from 100 people, four from 30,
    otherwise three, at fixed quantiles.

    Parameters
    ----------
    values : ndarray of shape (n_people,)
        The normals' values.

    Returns
    -------
    tuple of float
        Ascending, no more than there are distinct values; empty where those or their quantiles are fewer
        than three, since they can't show more than a line.

    Examples
    --------
    >>> [round(knot, 1) for knot in choose_knots(np.linspace(20, 90, 71))]
    [23.5, 44.5, 65.5, 86.5]
    >>> choose_knots(np.array([0.0, 1.0] * 20))
    ()
    """
    wanted = 5 if len(values) >= 100 else 4 if len(values) >= 30 else 3
    distinct = len(np.unique(values))
    if distinct < 3:
        return ()
    knots = np.unique(np.quantile(values, _LEVELS[min(wanted, distinct)]))
    return tuple(float(knot) for knot in knots) if len(knots) >= 3 else ()


def natural_spline(values: FloatArray, knots: tuple[float, ...]) -> FloatArray:
    """Return the non-linear columns of a natural cubic spline, in the unit of the values.

    Harrell (2001), equation 2.25, divided by the squared distance of the outer knots; the values themselves
    are the linear column.

    Parameters
    ----------
    values : ndarray of shape (n_people,)
        The demographic.
    knots : tuple of float
        At least three, ascending.

    Returns
    -------
    ndarray of shape (n_people, len(knots) - 2)
        Zero below the first knot and linear above the last.

    Examples
    --------
    >>> natural_spline(np.array([40.0, 50.0, 60.0, 70.0, 80.0]), (50.0, 60.0, 70.0)).ravel()
    array([ 0. ,  0. ,  2.5, 15. , 30. ])
    """
    values = np.asarray(values, dtype=np.float64)
    first, *inner, before, last = knots
    above = {knot: np.maximum(values - knot, 0.0) for knot in knots}
    cubes = {knot: excess * excess * excess for knot, excess in above.items()}
    columns = [
        cubes[knot]
        - cubes[before] * (last - knot) / (last - before)
        + cubes[last] * (before - knot) / (last - before)
        for knot in (first, *inner)
    ]
    return np.stack(columns, axis=1) / (last - first) ** 2
