"""Tables of people against what is normal for them, a column a feature, with their data dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from normwise.files import quote_formula

if TYPE_CHECKING:
    from normwise.normalize import FeatureNormalizer

__all__ = ["OUTSIDE", "SCORES", "describe_norm", "score_dictionary", "score_text"]

OUTSIDE = "outside_support"
"""Column that says why a person lies outside the normal group, or has no scores."""

SCORES: dict[str, tuple[str, str]] = {
    "w": ("departure from what is normal for the person's demographics", "normal standard deviations"),
    "centile": ("normal people of the person's demographics who lie below", "percent"),
    "expected": ("what is normal for the person's demographics", ""),
    "residual": ("value less what is expected", ""),
    "value": ("what was measured, or where sites are harmonized what the average site would measure", ""),
}
"""What is given of each feature: its meaning, and its unit where that is not the feature's."""


def describe_norm(
    normalizer: FeatureNormalizer, demographics: Sequence[str], feature_hash: str, reference: str | None
) -> dict[str, Any]:
    """Return what scores rest on, for their data dictionary.

    Parameters
    ----------
    normalizer : FeatureNormalizer
        Fitted on normal people.
    demographics : sequence of str
        By which they differ.
    feature_hash : str
        What the features were made with.
    reference : str, optional
        SHA-256 of the reference whose people are among the normals.
    """
    return {
        "Normals": normalizer.n_normals_,
        "Demographics": list(demographics),
        "Hash": feature_hash,
        **({} if reference is None else {"Reference": reference}),
        **({} if normalizer.tails == "gaussian" else {"Tails": normalizer.tails}),
    }


def score_text(names: Sequence[str], rows: Iterable[tuple[str, Iterable[float], str]]) -> str:
    """Return the table as tab-separated text, a row a person.

    Parameters
    ----------
    names : sequence of str
        Names of the features.
    rows : iterable of tuple
        Id, a number a feature (none: no scores), and why the person lies outside (empty: inside).

    Examples
    --------
    >>> print(score_text(["f1"], [("a", [4.4], ""), ("b", [], "age is missing")]), end="")
    id	f1	outside_support
    a	4.4	n/a
    b	n/a	age is missing
    """
    nothing = ["n/a"] * len(names)
    lines = [["id", *names, OUTSIDE]]
    for name, numbers, reason in rows:
        cells = [_number(number) for number in numbers] or nothing
        lines.append([name, *cells, " ".join(reason.split()) or "n/a"])
    return "".join("\t".join(quote_formula(cell) for cell in line) + "\n" for line in lines)


def score_dictionary(
    names: Sequence[str], what: str, units: Mapping[str, str], generated: Mapping[str, Any]
) -> str:
    """Return the data dictionary of such a table as JSON text, as BIDS has it.

    Parameters
    ----------
    names : sequence of str
        Names of the features.
    what : str
        A key of `SCORES`.
    units : mapping of str to str
        Of the features, where they are known.
    generated : mapping of str to object
        What the numbers rest on.
    """
    meaning, unit = SCORES[what]
    about: dict[str, Any] = {"id": {"Description": "scan"}}
    for name in names:
        about[name] = {"Description": f"{name}: {meaning}", "Units": unit or units.get(name, "")}
    about[OUTSIDE] = {
        "Description": "why the person lies outside the normal group, so that scores are extrapolated, "
        "or why there are none; n/a: inside"
    }
    about["GeneratedBy"] = {"Name": "Normwise", "Score": what, **generated}
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def _number(value: float) -> str:
    return f"{value:.10g}" if value == value else "n/a"  # noqa: PLR0124 - only NaN differs from itself
