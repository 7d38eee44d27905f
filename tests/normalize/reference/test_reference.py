"""A reference: the normalizer of its people, refined by others, and what does not belong together."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from normwise.errors import NormalizerError
from normwise.normalize import FeatureNormalizer, Measurement, Reference

DESIGNS: list[dict[str, Any]] = [
    {},
    {"design": "spline", "knots": {"age": [25.0, 40.0, 50.0, 75.0]}},
    {"interactions": [("age", "sex")]},
    {
        "design": "spline",
        "knots": {"age": [25.0, 50.0, 75.0]},
        "interactions": [("age", "center"), ("sex", "age")],
    },
]
NAMES = ["age", "sex", "center"]


def people(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Ageing volumes of three centers; one feature is constant, one is determined by age."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(20, 80, n).round(1),
            "sex": rng.choice(["F", "M"], n),
            "center": rng.choice([*"abc"], n),
        }
    )
    for place in range(5):
        frame[f"f{place}"] = 10.0**place * (
            50 - frame["age"] / 3 + (frame["sex"] == "M") + rng.normal(0, 2, n)
        )
    return frame


@pytest.mark.parametrize("design", DESIGNS)
def test_its_scores_are_those_of_the_normalizer_on_its_people(design: dict[str, Any]) -> None:
    frame, new = people(), people(seed=1)
    expected = FeatureNormalizer(NAMES, **design).fit(frame)
    found = Reference.of_frame(frame, NAMES, **design).normalizer()
    new = new[[*found.feature_names_in_]]
    wanted = expected.transform(new[[*expected.feature_names_in_]])
    np.testing.assert_allclose(found.transform(new), wanted, atol=1e-6)
    table, other = found.explain(new), expected.explain(new[[*expected.feature_names_in_]])
    for column in ("expected", "w", "centile"):
        np.testing.assert_allclose(table[column], other[column], rtol=1e-6, atol=1e-6)
    assert found.n_normals_ == len(frame)
    assert found.design_.names == expected.design_.names


def test_what_does_not_vary_or_is_determined_scores_as_in_the_normalizer() -> None:
    frame = people(60)[["age", "f0"]].assign(same=3.25, twice=lambda table: 2.0 * table["age"] + 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = FeatureNormalizer(["age"]).fit(frame)
    found = Reference.of_frame(frame, ["age"]).normalizer()
    new = frame.assign(same=4.0, twice=100.0)[[*found.feature_names_in_]]
    np.testing.assert_allclose(found.transform(new), expected.transform(new[frame.columns]), atol=1e-6)


@pytest.mark.parametrize("design", DESIGNS)
def test_its_own_people_lie_in_its_support(design: dict[str, Any]) -> None:
    for seed in range(5):
        frame = people(60, seed)
        assert (
            Reference.of_frame(frame, NAMES, **design)
            .normalizer()
            .in_support(frame[NAMES])["supported"]
            .all()
        )


def test_the_support_is_the_range_of_its_people() -> None:
    normalizer = Reference.of_frame(people().drop(columns="center"), ["age", "sex"]).normalizer()
    odd = pd.DataFrame({"age": [19.0, 50.0, 81.0, 50.0], "sex": ["F", "X", "M", "F"]})
    support = normalizer.in_support(odd)
    assert support["supported"].tolist() == [False, False, False, True]
    assert "is outside the normal group" in support["reason"][0]


def test_a_combination_that_nobody_had_lies_outside() -> None:
    rng = np.random.default_rng(0)
    first = rng.uniform(20, 80, 200)
    frame = pd.DataFrame(
        {"age": first, "years": first / 4 + rng.normal(0, 0.5, 200), "f": rng.normal(size=200)}
    )
    normalizer = Reference.of_frame(frame, ["age", "years"]).normalizer()
    points = pd.DataFrame({"age": [25.0, 25.0], "years": [6.0, 19.0]})
    assert normalizer.in_support(points)["supported"].tolist() == [True, False]


@pytest.mark.parametrize("design", DESIGNS)
def test_few_people_refine_it_to_the_fit_on_all(design: dict[str, Any]) -> None:
    frame, new = people(), people(50, seed=2)
    prior = Reference.of_frame(frame.iloc[:392], NAMES, **design)
    labels = np.array(["normal"] * 8 + ["ill"] * 4, dtype=object)
    local = pd.concat([frame.iloc[392:], people(4, seed=3) * 1])
    refined = FeatureNormalizer(NAMES, "normal", prior=prior, **design).fit(local, labels)
    whole = Reference.of_frame(frame, NAMES, **design).normalizer()
    order = [*refined.feature_names_in_]
    assert (refined.transform(new[order]) == whole.transform(new[[*whole.feature_names_in_]])).all()
    assert refined.n_normals_ == 400
    assert refined.prior is prior
    np.testing.assert_array_equal(
        clone(refined).fit_transform(local, labels), refined.transform(local), "copied by scikit-learn"
    )


def test_prepared_features_are_refined_in_each_fold() -> None:
    frame = people()
    prior = Reference.of_frame(frame.iloc[:300], NAMES)
    local, labels = frame.iloc[300:], np.array(["normal", "ill"] * 50, dtype=object)
    train = np.arange(60)
    fitted = FeatureNormalizer(NAMES, "normal", prior=prior).prepare(local).fit(train, labels[train])
    direct = FeatureNormalizer(NAMES, "normal", prior=prior).fit(local.iloc[train], labels[train])
    np.testing.assert_allclose(fitted.transform(local), direct.transform(local), rtol=1e-12)
    assert fitted.n_normals_ == 330


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"demographics": ["age", "sex"]}, "NRM-406"),
        ({"design": "spline"}, "NRM-406"),
        ({"interactions": [("age", "sex")]}, "NRM-406"),
        ({"variance": "demographic"}, "NRM-410"),
        ({"shrinkage": "empirical_bayes"}, "NRM-410"),
        ({"tails": "auto"}, "NRM-406"),
        ({"reference": "all"}, "NRM-410"),
    ],
)
def test_settings_that_are_not_the_references_are_refused(settings: dict[str, Any], code: str) -> None:
    frame = people()
    prior = Reference.of_frame(frame, NAMES)
    if "demographics" in settings:
        frame = frame.drop(columns="center")
    with pytest.raises(NormalizerError) as caught:
        FeatureNormalizer(**{"demographics": NAMES, "prior": prior, **settings}).fit(frame)
    assert caught.value.code == code


def test_its_design_is_appended_where_few_people_have_none_of_their_own() -> None:
    frame, design = people(), {"design": "spline", "knots": {"age": [25.0, 40.0, 50.0, 75.0]}}
    prior = Reference.of_frame(frame, NAMES, **design)
    few = frame.iloc[:4]
    appended = FeatureNormalizer(NAMES, prior=prior, mode="append", **design).fit(few)
    values = appended.transform(few[[*appended.feature_names_in_]])
    assert appended.get_feature_names_out()[5:].tolist() == list(prior.fitted[0].names)
    np.testing.assert_array_equal(values[:, 5], few["age"])
    with pytest.raises(NormalizerError) as caught:
        FeatureNormalizer(NAMES, prior=prior, mode="append", **design).fit(few.assign(**{"sex=M": 1.0}))
    assert caught.value.code == "NRM-120"


def test_other_features_and_levels_do_not_refine_it() -> None:
    frame = people()
    prior = Reference.of_frame(frame, NAMES)
    for local, code, subject in (
        (frame.drop(columns="f3"), "NRM-403", "f3"),
        (frame.assign(f9=frame["f1"]), "NRM-403", "f9"),
        (frame.assign(sex=frame["sex"].map({"F": "w", "M": "m"})), "NRM-407", "sex"),
    ):
        with pytest.raises(NormalizerError) as caught:
            FeatureNormalizer(NAMES, prior=prior).fit(local)
        assert (caught.value.code, caught.value.subject) == (code, subject)


def test_references_that_were_measured_otherwise_are_refused() -> None:
    one = Reference.of_frame(
        people(), NAMES, units={"f0": "mm3"}, measurement=Measurement("brain", "a" * 64, {"atlas": "x"})
    )
    for other, code, words in (
        (replace(one, measurement=Measurement("brain", "b" * 64, {"atlas": "x"})), "NRM-404", "bbbbbbbbbbbb"),
        (replace(one, measurement=Measurement("regions", "a" * 64, {"atlas": "x"})), "NRM-404", "regions"),
        (
            replace(one, measurement=Measurement("brain", "a" * 64, {"atlas": "y"})),
            "NRM-404",
            "features.atlas",
        ),
        (replace(one, units=("ml", *one.units[1:])), "NRM-405", "f0"),
        (replace(one, features=("g", *one.features[1:])), "NRM-403", "g"),
    ):
        for first, second in ((one, other), (other, one)):
            with pytest.raises(NormalizerError) as caught:
                first.merge(second)
            assert caught.value.code == code
            assert words in str(caught.value)


def test_features_in_another_order_have_one_order_in_every_grouping() -> None:
    frame = people()
    columns = [f"f{place}" for place in (3, 0, 4, 1, 2)]
    parts = [frame.iloc[:100], frame.iloc[100:250], frame.iloc[250:]]
    mixed = [parts[0][[*columns, *NAMES]], parts[1][[*columns, *NAMES]], parts[2]]
    a, b, c = (Reference.of_frame(part, NAMES) for part in mixed)
    first, second = a.merge(b).merge(c), a.merge(b.merge(c))
    whole = Reference.of_frame(frame, NAMES)
    assert first.features == second.features == tuple(sorted(columns))
    assert (first.sums.products == whole.sums.products).all()
    assert (second.sums.products == whole.sums.products).all()
    assert a.merge(b).features == tuple(columns)


def test_too_few_people_and_dependent_demographics_are_refused_when_it_is_fitted() -> None:
    frame = people()[["age", "sex", "f0"]]
    few = Reference.of_frame(frame.iloc[:4], ["age", "sex"])
    assert few.n_normals == 4
    with pytest.raises(NormalizerError) as caught:
        few.normalizer()
    assert caught.value.code == "NRM-106"
    months = frame.assign(months=12.0 * frame["age"])
    with pytest.raises(NormalizerError) as caught:
        Reference.of_frame(months, ["age", "sex", "months"]).normalizer()
    assert (caught.value.code, caught.value.subject) == ("NRM-107", "months")


def test_a_spline_that_is_to_be_added_needs_knots() -> None:
    frame = people().drop(columns=["sex", "center"])
    assert len(Reference.of_frame(frame, ["age"], design="spline").knots["age"]) == 5
    with pytest.raises(NormalizerError, match="knots") as caught:
        Reference.of_frame(frame, ["age"], design="spline", choose=False)
    assert caught.value.code == "NRM-412"
