"""What the normalizer is asked to do, and what a saved one holds, checked; what it could not learn, said."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize.blocked.columns import FeatureColumns
from normwise.normalize.blocked.regression import Regression, TailForm
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Design
from normwise.schema import FittedParts, NormalizerSection, accepts, check_parts, choices_of

__all__ = [
    "BEYOND_SUMS",
    "Prior",
    "check_normalizer_parts",
    "check_prior",
    "check_settings",
    "choose_features",
    "find_normals",
    "names_of",
    "pairs_of",
    "refuse_array",
    "refuse_beyond_sums",
    "refuse_collision",
    "warn_of_no_spread",
]


class Prior(Protocol):
    """Sums over other normal people: `normwise.normalize.Reference`."""

    @property
    def demographics(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def knots(self) -> dict[str, list[float]]: ...  # noqa: D102
    @property
    def interactions(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    @property
    def tail_form(self) -> TailForm: ...  # noqa: D102
    @property
    def sites(self) -> object | None: ...  # noqa: D102
    def refine(  # noqa: D102
        self,
        columns: FeatureColumns,
        rows: npt.NDArray[np.intp],
        people: Demographics,
        features: Iterable[str],
        *,
        append: bool,
    ) -> tuple[Design, Regression | None]: ...


def names_of(columns: str | Iterable[str]) -> list[str]:
    """Return column names as a list; one name alone may be given as it is.

    Examples
    --------
    >>> names_of("age"), names_of(("age", "sex"))
    (['age'], ['age', 'sex'])
    """
    return [columns] if isinstance(columns, str) else list(columns)


def pairs_of(interactions: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """Return interactions as pairs of names."""
    return [(first, second) for first, second in interactions]


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that mean nothing.

    Parameters
    ----------
    settings : mapping
        The normalizer's parameters by name.

    Raises
    ------
    NormalizerError
        NRM-104 for a word that is not a choice, or a categorical or repeated demographic; NRM-105 for an
        interaction that is not a pair of demographics.

    Examples
    --------
    >>> check_settings({"scale": "z", "demographics": ["age"]})
    Traceback (most recent call last):
    ...
    normwise.errors.NormalizerError: NRM-104  scale: there is no such choice.
             seen      'z'
             expected  'w' or 'residual'
    """
    for name, field in NormalizerSection.model_fields.items():
        words = choices_of(field.annotation)
        if words and name in settings and not accepts(field.annotation, settings[name]):
            raise NormalizerError(
                "NRM-104",
                "there is no such choice.",
                subject=name,
                seen=repr(settings[name]),
                expected=" or ".join(map(repr, words)),
            )
    demographics = names_of(settings.get("demographics", ()))
    listed = ", ".join(map(str, demographics)) or "the demographics, of which there are none"
    for name in names_of(settings.get("categorical", ())):
        if name not in demographics:
            raise NormalizerError(
                "NRM-104",
                "categorical names a column that is not a demographic.",
                subject=str(name),
                expected=f"some of {listed}",
            )
    for name in demographics:
        if demographics.count(name) > 1:
            raise NormalizerError("NRM-104", "demographics names a column twice.", subject=str(name))
    if settings.get("knots") and settings.get("design") != "spline":
        raise NormalizerError(
            "NRM-104",
            "knots are given, and no spline.",
            subject="knots",
            seen=f"design = {settings.get('design')!r}",
            expected="design = 'spline'",
        )
    for name, knots in (settings.get("knots") or {}).items():
        if name not in demographics or name in names_of(settings.get("categorical", ())):
            raise NormalizerError(
                "NRM-104",
                "knots are given for a column that is no demographic of numbers.",
                subject=str(name),
                expected=f"some of {listed}",
            )
        given = list(knots)
        numbers = all(isinstance(knot, int | float) and np.isfinite(knot) for knot in given)
        if not numbers or len(given) < 3 or sorted(set(given)) != given:
            raise NormalizerError(
                "NRM-104",
                "knots of a spline must be three or more numbers that rise.",
                subject=str(name),
                seen=str(given),
            )
    for pair in settings.get("interactions", ()):
        if (
            isinstance(pair, str)
            or len(pair) != 2
            or pair[0] == pair[1]
            or not set(pair) <= set(demographics)
        ):
            raise NormalizerError(
                "NRM-105",
                "an interaction must be a pair of two different demographics.",
                subject=str(pair),
                expected=f"two of {listed}",
            )


def check_prior(normalizer: Any) -> None:
    """Refuse settings under which a normalizer can't take up sums over other people.

    Raises
    ------
    NormalizerError
        NRM-406 for other demographics or another design than the sums', NRM-410 for what sums can't hold.
    """
    prior: Prior = normalizer.prior
    if prior.sites is not None:
        raise refuse_beyond_sums("normalizer.from", "a reference that knows sites", "one without sites")
    for name, plain in BEYOND_SUMS.items():
        if name != "mode" and getattr(normalizer, name) != plain:
            raise refuse_beyond_sums(f"normalizer.{name}", repr(getattr(normalizer, name)), repr(plain))
    own = {
        "demographics": tuple(names_of(normalizer.demographics)),
        "design": normalizer.design,
        "interactions": tuple(pairs_of(normalizer.interactions)),
        "knots": {name: list(map(float, each)) for name, each in (normalizer.knots or {}).items()},
        "tails": normalizer.tails,
    }
    theirs = {
        "demographics": prior.demographics,
        "design": "spline" if prior.knots else "linear",
        "interactions": prior.interactions,
        "knots": prior.knots,
        "tails": prior.tail_form,
    }
    for name, value in own.items():
        if value != theirs[name]:
            raise NormalizerError(
                "NRM-406",
                f"the {name} {'is' if name == 'design' else 'are'} not the reference's.",
                subject=f"normalizer.{name}",
                seen=str(value),
                expected=str(theirs[name]),
                advice="write what the reference has, or leave the key out",
            )


BEYOND_SUMS = {"variance": "constant", "shrinkage": "none", "reference": "normal", "mode": "replace"}
"""Settings that need the people themselves, each with what a regression on sums has."""


def refuse_beyond_sums(subject: str, seen: str, expected: str) -> NormalizerError:
    """Return the refusal of a setting that sums over people know nothing of."""
    return NormalizerError(
        "NRM-410",
        "a norm of sums can't have this: it needs the people themselves.",
        subject=subject,
        seen=seen,
        expected=expected,
        advice="leave the key out for a reference",
    )


def find_normals(y: Any, normal: object, n_people: int) -> npt.NDArray[np.intp]:
    """Return which rows are normal.

    Parameters
    ----------
    y : array-like of shape (n_people,) or None
        Labels.
    normal : object
        The label of the normals; None for everybody.
    n_people : int
        Rows.

    Returns
    -------
    ndarray of int
        Ascending.

    Raises
    ------
    NormalizerError
        NRM-118, no labels were given, or none is the normals'.

    Examples
    --------
    >>> find_normals(["normal", "AD", "normal"], "normal", 3).tolist()
    [0, 2]
    """
    if normal is None:
        return np.arange(n_people)
    if y is None:
        raise NormalizerError(
            "NRM-118",
            f"without labels nobody can be found who is {normal!r}.",
            advice="give y to fit, or normal=None to take everybody as normal",
        )
    labels = np.asarray(y, dtype=object).ravel()
    known = np.flatnonzero(~pd.isna(labels))
    rows = known[[bool(label == normal) for label in labels[known]]]
    if len(rows) == 0:
        others = pd.Series(labels[known])
        present = [str(label) for label in others.unique()]
        near = get_close_matches(str(normal), present, n=1, cutoff=0.5)
        advice = f"did you mean normal={near[0]!r}?" if near else "name the label of the normal group"
        if isinstance(normal, str) and pd.api.types.is_integer_dtype(others.infer_objects()):
            advice = (
                "name the number of the normal group; scikit-learn's cross_val_predict turns text labels "
                "into numbers for every method but predict, so number them before it does"
            )
        raise NormalizerError(
            "NRM-118",
            f"nobody in the training rows is {normal!r}.",
            seen=f"labels {', '.join(sorted(present)[:8]) or 'all missing'}",
            advice=advice,
        )
    return rows


def choose_features(names: Sequence[str], wanted: Sequence[str] | None) -> npt.NDArray[np.intp]:
    """Return where the wanted features are; None wants all.

    Raises
    ------
    NormalizerError
        NRM-116, there is no such feature.
    """
    if wanted is None:
        return np.arange(len(names))
    places = {name: place for place, name in enumerate(names)}
    for name in names_of(wanted):
        if name not in places:
            near = get_close_matches(str(name), names, n=1)
            raise NormalizerError(
                "NRM-116",
                "the normalizer was fitted without this feature.",
                subject=str(name),
                advice=f"did you mean {near[0]!r}?" if near else "choose among get_feature_names_out()",
            )
    return np.array([places[name] for name in names_of(wanted)], dtype=np.intp)


def refuse_array(X: object, demographics: Sequence[str]) -> None:
    """Refuse a matrix without column names where demographics must be found in it.

    Raises
    ------
    NormalizerError
        NRM-101.
    """
    if demographics:
        raise NormalizerError(
            "NRM-101",
            f"the demographics {', '.join(map(str, demographics))} can't be found in an array.",
            seen=type(X).__name__,
            expected="a pandas DataFrame with named columns",
            advice='keep the frame, and call set_output(transform="pandas") on steps before the normalizer',
        )


def refuse_collision(features: Iterable[str], appended: Iterable[str]) -> None:
    """Refuse a feature that is called as a column that is appended.

    Raises
    ------
    NormalizerError
        NRM-120.
    """
    for name in sorted(set(appended) & set(features)):
        raise NormalizerError(
            "NRM-120",
            "a feature has the name of an encoded demographic that is appended.",
            subject=name,
            advice="rename the feature",
        )


def warn_of_no_spread(regression: Regression, names: Callable[[], npt.NDArray[np.object_]]) -> None:
    """Warn of features that demographics leave nothing of (NRM-204), or that do not vary (NRM-202).

    Parameters
    ----------
    regression : Regression
        Fitted.
    names : callable
        Returns the features' names.
    """
    for code, marked, text in (
        (
            "NRM-204",
            regression.determined,
            (
                "among the normals demographics determine {} to the last digit; W-scores "
                "are in standard deviations of the feature itself, which understates a departure"
            ),
        ),
        (
            "NRM-202",
            regression.spread == 0,
            "the normals do not vary in {}, so that there is no unit for a departure; W-scores are 0 for all",
        ),
    ):
        if marked.any():
            few, more = names()[marked][:5], int(marked.sum()) - 5
            listed = ", ".join(few) + (f" and {more} more" if more > 0 else "")
            warnings.warn(NormwiseWarning(code, text.format(listed)), stacklevel=5)


def check_normalizer_parts(normalizer: Any, parts: FittedParts) -> None:
    """Refuse what `FeatureNormalizer.fit` could not have learnt: its method ``check_parts``.

    Raises
    ------
    ValueError, NormalizerError
        The first part that is wrong.
    """
    check_settings(normalizer.get_params(deep=False))
    columns = parts.named_columns()
    parts.expect("prior", holds=parts.part("prior") is None, instead="None: its sums are in the regression")
    demographics = parts.texts("demographics")
    features = int(parts.array("is_feature_", (columns,), kinds="b", low=0, high=1).sum())
    parts.expect("is_feature_", holds=features + len(demographics) == columns, instead="the features")
    check_parts(parts.part("design_"), allowed=Design)
    named = [part.name for part in normalizer.design_.parts]
    parts.expect("design_", holds=named == demographics, instead="of the normalizer's demographics")
    people = parts.whole("n_normals_", 1)
    parts.expect("design_", holds=normalizer.design_.n_people == people, instead="one of these normals")
    regression = parts.part("regression_")
    replaces = regression is not None
    parts.expect("mode", holds=normalizer.mode == ("replace" if replaces else "append"), instead="as fitted")
    if replaces:
        check_parts(regression, allowed=Regression)
        varying, own = regression.log_variance, normalizer.design_.variance_inverse
        fits = (
            regression.loadings.shape == (len(normalizer.design_.inverse), features)
            and regression.n_people == people
            and (varying is None) == (own is None)
            and (varying is None or own is None or varying.loadings.shape == (len(own), features))
        )
        parts.expect("regression_", holds=fits, instead="one of these features on this design")
