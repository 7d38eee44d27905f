"""Feature selection: planted features are found, labels of test rows never matter, weights map back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from normwise.model.explain import contributions_of, importances_of
from normwise.procedure.fit import fit_procedure
from normwise.procedure.selection import RANKINGS, FeatureSelector, rank_features
from normwise.schema import Roles, SelectionSection, Study


def planted(people: int = 120, features: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.array(["normal", "AD"], dtype=object)[np.arange(people) % 2]
    X = rng.normal(size=(people, features))
    X[:, [place for place in (5, 20, 33) if place < features]] += 1.5 * (y == "AD")[:, None]
    X[:, 7] = 4.0
    return X, y


def study_of(small: Any, **selection: Any) -> Study:
    return Study.model_validate(small.study.model_dump() | {"selection": selection})


def fit(small: Any, study: Study, arm: str = "normalized") -> Any:
    return fit_procedure(study, small.roles, small.X, small.labels, small.groups, arm=arm, seed=0)


def test_every_name_of_the_schema_is_a_ranking() -> None:
    names = SelectionSection.model_fields["name"].annotation.__args__
    assert set(names) == {"none", *RANKINGS}


@pytest.mark.parametrize("name", RANKINGS)
def test_planted_features_come_first_and_shorter_lists_begin_longer_ones(name: str) -> None:
    X, y = planted()
    long = rank_features(name, X, y, 12, 0)
    assert set(long[:3].tolist()) == {5, 20, 33}
    assert len(set(long.tolist())) == len(long)
    assert 7 not in long[:10]
    assert np.array_equal(rank_features(name, X, y, 5, 0), long[:5])


@pytest.mark.parametrize("name", RANKINGS)
def test_more_features_are_wanted_than_there_are(name: str) -> None:
    X, y = planted(features=40)
    assert len(rank_features(name, X, y, 1000, 0)) <= 40


@pytest.mark.parametrize("name", RANKINGS)
def test_the_unit_of_a_feature_does_not_matter(name: str) -> None:
    X, y = planted()
    units = 10.0 ** np.random.default_rng(1).integers(-3, 4, X.shape[1])
    assert rank_features(name, X, y, 6, 0).tolist() == rank_features(name, X * units, y, 6, 0).tolist()


def test_mrmr_passes_over_what_is_said_already() -> None:
    X, y = planted()
    X[:, 0] = X[:, 5] + np.random.default_rng(2).normal(0, 0.05, len(X))
    assert len({0, 5} & set(rank_features("univariate", X, y, 4, 0).tolist())) == 2
    assert len({0, 5} & set(rank_features("mrmr", X, y, 3, 0).tolist())) == 1


def test_mrmr_by_a_loop() -> None:
    """The quotient of F and mean absolute correlation, greedily, as Ding and Peng (2005) write it."""
    from sklearn.feature_selection import f_classif

    X, y = planted(features=12)
    X = np.delete(X, 7, axis=1)
    relevance, apart = f_classif(X, y.astype(str))[0], np.abs(np.corrcoef(X.T))
    chosen = [int(np.argmax(relevance))]
    while len(chosen) < 6:
        worth = {
            j: relevance[j] / max(np.mean([apart[j, s] for s in chosen]), 1 / np.sqrt(len(X)))
            for j in range(X.shape[1])
            if j not in chosen
        }
        chosen.append(max(worth, key=worth.__getitem__))
    assert rank_features("mrmr", X, y, 6, 0).tolist() == chosen


def test_rows_of_no_target_are_not_looked_at() -> None:
    X, y = planted()
    others = np.vstack([X, np.full((30, X.shape[1]), 9.0)])
    names = np.concatenate([y, np.array(["control"] * 30, dtype=object)])
    own = FeatureSelector("univariate", 3, targets=("normal", "AD"))
    assert own.fit(others, names).kept_.tolist() == [5, 20, 33]


@pytest.mark.parametrize("name", RANKINGS)
def test_the_number_is_tuned_inside_and_the_effect_is_found(name: str, small: Any) -> None:
    fitted = fit(small, study_of(small, name=name, features=[3, 1]))
    assert fitted.setting["features"] in (1, 3)
    assert "hippocampus_left.volume_mm3" in fitted.selected
    assert len(fitted.selected) == fitted.setting["features"]
    disease = fitted.probabilities(small.X)[:, 1]
    assert disease[small.labels == "AD"].mean() > disease[small.labels == "normal"].mean() + 0.3


def test_appended_demographics_do_not_compete(small: Any) -> None:
    fitted = fit(small, study_of(small, name="univariate", features=[1]), "appended")
    assert fitted.selected == ("hippocampus_left.volume_mm3", "age", "sex=M")
    assert fit(small, study_of(small, name="univariate", features=[1]), "demographics").selected == ()


def test_shuffled_labels_with_selection_stay_at_chance() -> None:
    """Selection outside the folds would find an area far above one half in pure noise."""
    from normwise.evaluate.permutation import area_of
    from normwise.procedure import ArmFitter

    rng = np.random.default_rng(0)
    import pandas as pd

    X = pd.DataFrame(rng.normal(size=(60, 300)), columns=[f"f{i}" for i in range(300)]).copy()
    roles = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ())
    study = Study.model_validate(
        {"selection": {"name": "univariate", "features": [5]}, "features": {"extractor": "table"},
         "evaluation": {"folds": 5, "inner_folds": 2}}
    )  # fmt: skip
    groups = np.array([f"p{i}" for i in range(60)], dtype=object)
    fitter = ArmFitter(study, roles, X, "raw")
    areas = []
    for _ in range(8):
        labels = rng.permutation(np.array(["normal", "AD"] * 30, dtype=object))
        areas.append(area_of(fitter, labels, groups))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.08)


def test_normals_that_are_no_class_stay_in_training(three: Any) -> None:
    roles = Roles("dx", three.roles.classes, "normal", ("MCI", "AD"), ("age", "sex"), ("sex",))
    study = study_of(three, name="mrmr", features=[2])
    fitted = fit(replace(three, roles=roles), study)
    assert fitted.normalizer.n_normals_ == 30
    assert len(fitted.selected) == 2


def test_weights_and_contributions_speak_of_all_features(small: Any) -> None:
    fitted = fit(small, study_of(small, name="univariate", features=[2]))
    rows, kind = importances_of(fitted, {})
    assert kind == "coefficient"
    assert {row.feature for row in rows} == {name for name in small.X.columns if name not in ("age", "sex")}
    assert {row.feature for row in rows if row.weight != 0} == set(fitted.selected)
    for contributions in contributions_of(fitted, small.X.iloc[:3], top=2).values():
        assert {one.feature for one in contributions} == set(fitted.selected)
    trees = study_of(small, name="univariate", features=[2]).model_copy(
        update={"classifier": small.study.classifier.model_copy(update={"name": "forest"})}
    )
    for contributions in contributions_of(fit(small, trees), small.X.iloc[:3], top=2).values():
        assert len(contributions) == 2
