"""The second round: normal people counted by their W, and a reference whose tails follow from the counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Number
from normwise.normalize.reference.counts import (
    CountedForm,
    NormalCounts,
    another_norm,
    count_columns,
    scores_at_sites,
    scores_of,
)
from normwise.normalize.reference.file import digest_of_sums
from normwise.normalize.reference.reference import Reference
from normwise.normalize.reference.site_sums import SiteSums
from normwise.schema import listed

__all__ = ["count_normals", "with_counts"]


def count_normals(reference: Reference, frame: pd.DataFrame, form: CountedForm) -> NormalCounts:
    """Count normal people by their W.

    Parameters
    ----------
    reference : Reference
        Sums over these people, and maybe others.
    frame : DataFrame of shape (n_people, n_columns)
        The people: features beside demographics, in any order.
    form : {"sinh_arcsinh", "auto"}
        The tails that are to be fitted.

    Returns
    -------
    NormalCounts
        In every grouping of the people the same sum.

    Raises
    ------
    NormalizerError
        NRM-415 for people, or a site, that are not in it; NRM-106 and NRM-107 for one by which nobody can be
        scored; NRM-108 to NRM-113 for what can't be read.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"age": rng.uniform(40, 90, 200), "f": rng.gamma(3.0, size=200)})
    >>> norm = Reference.of_frame(people, ["age"])
    >>> here, there = (count_normals(norm, part, "auto") for part in (people[:80], people[80:]))
    >>> bool(((here + there).counts == count_normals(norm, people, "auto").counts).all())
    True
    >>> with_counts(norm, there + here).normalizer().tails
    'auto'
    """
    people = Demographics(frame[list(reference.demographics)])
    for part in reference.sums.parts:
        if isinstance(part, Number):
            values = part.encode(people)[:, 0]
            outside = (values < part.low) | (values > part.high)
            if outside.any():
                row, known = int(np.argmax(outside)), f"{part.low:g} to {part.high:g}"
                raise _not_summed_over(people.person(row), part.name, people.value(part.name, row), known)
    _refuse_more(len(frame), reference)
    plain = replace(reference, tails=None)
    design, regression = plain.fitted
    coordinates = design.people(people)
    if plain.sites is None:
        scores = scores_of(coordinates, regression)
    else:
        own = _places_of_sites(plain.sites, frame)
        counts = [sums.n_people for sums in plain.sites.by_site.values()]
        scores = scores_at_sites(coordinates, design.encode(people), plain.site_model[0], counts, own)
    features = frame[list(reference.features)]
    columns = FeatureColumns.of_frame(features, np.ones(features.shape[1], dtype=bool))
    return count_columns(digest_of_sums(plain), form, plain.features, columns, regression, scores)


def _places_of_sites(sites: SiteSums, frame: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the place of each person's site among those of the reference."""
    read = Demographics(frame[[sites.column]])
    names = read.levels(sites.column)
    read.refuse_missing(sites.column, names == None)  # noqa: E711 - one comparison a person
    places = {name: place for place, name in enumerate(sites.by_site)}
    for row, name in enumerate(names.tolist()):
        if name not in places:
            raise _not_summed_over(read.person(row), sites.column, name, listed(list(places), most=3))
    return np.array([places[name] for name in names.tolist()], dtype=np.intp)


def _not_summed_over(person: str, name: str, seen: object, known: str) -> NormalizerError:
    return NormalizerError(
        "NRM-415",
        "a normal person is not in the reference by which people are to be counted.",
        subject=person,
        seen=f"{name} = {seen}",
        expected=f"{known}, as among the reference's people",
        advice="collect the sums of these people first, and merge them; then the counts",
    )


def with_counts(reference: Reference, counts: NormalCounts) -> Reference:
    """Return a reference with tails that are fitted to counts.

    Parameters
    ----------
    reference : Reference
        The one by which people were counted.
    counts : NormalCounts
        Of its people, or of some of them.

    Raises
    ------
    NormalizerError
        NRM-414 for counts by another reference, NRM-415 for counts that its people can't have.
    """
    norm = digest_of_sums(reference)
    if counts.norm != norm:
        raise another_norm(f"by the reference {counts.norm[:12]}", f"by this reference, {norm[:12]}")
    _refuse_more(counts.n_normals, reference)
    try:
        counts.check_norm(replace(reference, tails=None).fitted[1], at_sites=reference.sites is not None)
    except ValueError as fault:
        raise NormalizerError(
            "NRM-415",
            "the people of the reference can't have these counts.",
            seen=str(fault),
            advice="collect the counts again, each hospital once, of the people whose sums were merged",
        ) from None
    return replace(reference, tails=counts)


def _refuse_more(n_people: int, reference: Reference) -> None:
    if n_people > reference.n_normals:
        raise NormalizerError(
            "NRM-415",
            "more people are counted than were summed over.",
            seen=f"{n_people} normal people",
            expected=f"at most the reference's {reference.n_normals}",
            advice="count each hospital once, and the people whose sums were merged",
        )
