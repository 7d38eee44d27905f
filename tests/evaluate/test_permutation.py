"""Permutation: chance finds nothing, an effect is found, and a fold is fitted as everywhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.evaluate.permutation import area_of, permutation_test, shuffle_people
from normwise.procedure import ArmFitter, draw_folds, fit_procedure
from normwise.results import Permutation
from normwise.schema import Roles, Study


def study_of(small: Any, **sections: Any) -> Study:
    return Study.model_validate(small.study.model_dump() | sections)


@pytest.mark.parametrize(
    "arm", ["raw", "normalized", "adjusted", "normalized_all", "appended", "demographics"]
)
@pytest.mark.parametrize(
    "sections",
    [
        {"classifier": {"name": "linear"}},
        {"classifier": {"name": "logistic", "rule": "one_standard_error"}},
        {"selection": {"name": "univariate", "features": [2]}},
        {"normalizer": {"design": "spline"}},
    ],
)
def test_a_fold_is_predicted_as_the_fitted_procedure_does(
    sections: dict[str, Any], arm: str, small: Any
) -> None:
    """Without a rule and a report, but tuned and fitted the same."""
    study = study_of(small, **sections)
    fold = draw_folds(small.labels, small.groups, small.roles.targets, folds=4, seed=3)[0]
    short = ArmFitter(study, small.roles, small.X, arm).fit_predict(small.labels, small.groups, fold, seed=5)
    fitted = fit_procedure(
        study, small.roles, small.X.iloc[fold.train], small.labels[fold.train], small.groups[fold.train],
        arm=arm, seed=5,
    )  # fmt: skip
    short = fitted.rule.calibrate(short)
    np.testing.assert_allclose(short, fitted.probabilities(small.X.iloc[fold.test]), rtol=0, atol=1e-9)


def test_more_features_than_people_and_three_classes(three: Any) -> None:
    rng = np.random.default_rng(0)
    more = rng.normal(size=(len(three.X), 120))
    more = pd.DataFrame(more, three.X.index, [f"more_{i}.mean" for i in range(120)])
    wide = pd.concat([three.X, more], axis=1)
    for classes in (three.roles.targets, ("MCI", "AD")):
        roles = Roles("dx", three.roles.classes, "normal", classes, ("age", "sex"), ("sex",))
        fold = draw_folds(three.labels, three.groups, classes, folds=3, seed=0)[1]
        short = ArmFitter(three.study, roles, wide, "normalized").fit_predict(
            three.labels, three.groups, fold, seed=1
        )
        fitted = fit_procedure(
            three.study, roles, wide.iloc[fold.train], three.labels[fold.train], three.groups[fold.train],
            arm="normalized", seed=1,
        )  # fmt: skip
        np.testing.assert_allclose(short, fitted.probabilities(wide.iloc[fold.test]), rtol=0, atol=1e-9)


def test_a_planted_effect_is_found_and_chance_is_not(small: Any) -> None:
    study = study_of(small, evaluation=small.study.evaluation.model_dump() | {"permutations": 19})
    found = permutation_test(study, small.roles, small.X, small.labels, small.groups, arm="normalized")
    assert found.metric == "auc"
    assert found.p == 1 / 20
    assert found.observed > 0.9 > max(found.shuffled)
    assert np.mean(found.shuffled) == pytest.approx(0.5, abs=0.08)
    nothing = small.X.copy()
    nothing["hippocampus_left.volume_mm3"] = np.random.default_rng(1).normal(size=len(nothing))
    chance = permutation_test(study, small.roles, nothing, small.labels, small.groups, arm="normalized")
    better = sum(area >= chance.observed for area in chance.shuffled)
    assert chance.p == pytest.approx((1 + better) / 20)
    assert chance.p > 0.05


@pytest.mark.slow
def test_the_numbers_do_not_depend_on_the_processes(small: Any) -> None:
    study = study_of(small, evaluation=small.study.evaluation.model_dump() | {"permutations": 11})
    one, two = (
        permutation_test(study, small.roles, small.X, small.labels, small.groups, arm="normalized", jobs=jobs)
        for jobs in (1, 2)
    )
    assert one == two


@pytest.mark.parametrize("arm", ["normalized", "adjusted"])
def test_to_exchange_labels_is_to_exchange_people(arm: str, small: Any) -> None:
    source = shuffle_people(small.labels, small.groups, small.roles.targets, None, np.random.default_rng(4))
    fitter = ArmFitter(small.study, small.roles, small.X, arm)
    found = area_of(fitter, small.labels, small.groups, source=source)
    # Whoever takes a label stands where the one stood who had it, in the very same folds.
    places = np.argsort(source)
    moved = ArmFitter(small.study, small.roles, small.X.iloc[places], arm)
    assert found == pytest.approx(area_of(moved, small.labels, small.groups), abs=1e-12)
    assert found != area_of(fitter, small.labels, small.groups)


@pytest.mark.parametrize("split", ["kfold", "site"])
def test_folds_are_drawn_of_the_labels_given_where_people_cannot_change_places(
    split: str, small: Any
) -> None:
    """Somebody has two scans, or folds are no random ones."""
    groups, keys = small.groups.copy(), None
    evaluation = small.study.evaluation.model_dump() | {"split": split}
    if split == "kfold":
        groups[:6] = groups[6:12]
    else:
        keys = np.array(["a", "b", "c"], dtype=object)[np.arange(len(groups)) % 3]
    study = study_of(small, evaluation=evaluation)
    source = shuffle_people(small.labels, groups, small.roles.targets, None, np.random.default_rng(2))
    fitter = ArmFitter(study, small.roles, small.X, "normalized")
    found = area_of(fitter, small.labels, groups, keys, source=source)
    assert found == area_of(fitter, small.labels[source], groups, keys)


def test_bystanders_stay_where_they_are(three: Any) -> None:
    roles = Roles("dx", three.roles.classes, "normal", ("MCI", "AD"), ("age", "sex"), ("sex",))
    source = shuffle_people(three.labels, three.groups, roles.targets, None, np.random.default_rng(1))
    bystander = ~np.isin(three.labels, roles.targets)
    assert (source[bystander] == np.flatnonzero(bystander)).all()
    fitter = ArmFitter(three.study, roles, three.X, "normalized")
    found = area_of(fitter, three.labels, three.groups, source=source)
    moved = ArmFitter(three.study, roles, three.X.iloc[np.argsort(source)], "normalized")
    assert found == pytest.approx(area_of(moved, three.labels, three.groups), abs=1e-12)


def test_people_keep_one_label_and_sites_their_numbers() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([f"p{i}" for i in range(30)], 2).astype(object)
    labels = np.repeat(np.where(np.arange(30) % 3 == 0, "AD", "normal"), 2).astype(object)
    labels[:4] = "control"
    sites = np.repeat(np.where(np.arange(30) < 12, "x", "y"), 2).astype(object)
    moved = 0
    for _ in range(20):
        own = labels[shuffle_people(labels, groups, ("normal", "AD"), sites, rng)]
        assert all(len(set(own[groups == person])) == 1 for person in set(groups))
        assert (own[:4] == "control").all()
        for site in ("x", "y"):
            assert sorted(own[sites == site]) == sorted(labels[sites == site])
        moved += int((own != labels).any())
    assert moved == 20


def test_courses_are_exchanged_whole_among_equally_many_scans() -> None:
    groups = np.array(["a", "a", "b", "b", "c", "d"], dtype=object)
    labels = np.array(["normal", "AD", "normal", "normal", "AD", "normal"], dtype=object)
    seen = {
        tuple(labels[shuffle_people(labels, groups, ("normal", "AD"), None, np.random.default_rng(seed))])
        for seed in range(30)
    }
    assert len(seen) == 4
    assert all(course[:2] in {("normal", "AD"), ("normal", "normal")} for course in seen)


def by_site(small: Any, unseen: str) -> Permutation | None:
    """Shuffle where each of three sites is tested by the two others."""
    sites = np.array(["x", "y", "z"], dtype=object)[(np.arange(60) // 2) % 3]
    study = study_of(
        small,
        sites={"harmonize": "location_scale", "unseen": unseen},
        evaluation={"split": "site", "permutations": 3, "inner_folds": 2},
    )
    return permutation_test(
        study, replace(small.roles, site="scanner"), small.X.assign(scanner=sites), small.labels,
        small.groups, arm="adjusted", sites=sites, keys=sites,
    )  # fmt: skip


def test_sites_that_are_known_by_their_normals_are_tested_as_everywhere_else(small: Any) -> None:
    found = by_site(small, "own_normals")
    assert found is not None
    assert found.observed > 0.8
    assert np.isfinite(found.shuffled).all()


def test_an_area_that_is_not_defined_has_no_p_value(small: Any) -> None:
    """Nobody of a site that is refused has a probability."""
    assert by_site(small, "refuse") is None
