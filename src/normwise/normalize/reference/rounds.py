"""The second round: normal people counted by their W, and a reference whose tails follow from the counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Number
from normwise.normalize.reference.counts import CountedForm, NormalCounts, another_norm, count_columns
from normwise.normalize.reference.file import digest_of_sums
from normwise.normalize.reference.reference import Reference
from normwise.normalize.validation import refuse_beyond_sums

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
        NRM-410 for a reference that knows sites, NRM-415 for people who are not in it; NRM-106 and NRM-107
        for one by which nobody can be scored; NRM-108 to NRM-113 for what can't be read.

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
    if reference.sites is not None:
        raise refuse_beyond_sums("sites.harmonize", "'hierarchical', with tails", "'none', or gaussian tails")
    people = Demographics(frame[list(reference.demographics)])
    for part in reference.sums.parts:
        if isinstance(part, Number):
            values = part.encode(people)[:, 0]
            outside = (values < part.low) | (values > part.high)
            if outside.any():
                row = int(np.argmax(outside))
                raise NormalizerError(
                    "NRM-415",
                    "a normal person is not in the reference by which people are to be counted.",
                    subject=people.person(row),
                    seen=f"{part.name} = {people.value(part.name, row)}",
                    expected=f"{part.low:g} to {part.high:g}, as among the reference's people",
                    advice="collect the sums of these people first, and merge them; then the counts",
                )
    _refuse_more(len(frame), reference)
    design, regression = replace(reference, tails=None).fitted
    features = frame[list(reference.features)]
    columns = FeatureColumns.of_frame(features, np.ones(features.shape[1], dtype=bool))
    return count_columns(
        digest_of_sums(reference), form, reference.features, columns, design.people(people), regression
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
        counts.check_norm(replace(reference, tails=None).fitted[1])
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
