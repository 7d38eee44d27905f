"""Sites in the procedure: every arm is harmonized, each policy holds, and a saved model does the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from normwise.errors import NormalizerError, ProcedureError
from normwise.model.bundle import load_model, save_model
from normwise.model.explain import importances_of, trajectories_of
from normwise.model.model import Model
from normwise.procedure.fit import fit_procedure
from normwise.procedure.pipeline import ARMS, site_column
from normwise.results import FeatureNote
from normwise.schema import Study


def with_sites(small: Any, *, shift: float = 300.0, **settings: Any) -> Any:
    """Put half of the people on a scanner that adds a large constant to one feature."""
    names = np.array(["x", "y"], dtype=object)[(np.arange(len(small.X)) // 2) % 2]
    X = small.X.copy()
    X.loc[names == "y", "hippocampus_left.volume_mm3"] += shift
    X["scanner"] = names
    study = Study.model_validate(
        small.study.model_dump() | {"sites": {"harmonize": "location_scale"} | settings}
    )
    return replace(small, X=X, study=study, roles=replace(small.roles, site="scanner"))


def fit(small: Any, arm: str = "normalized", rows: Any = slice(None), study: Study | None = None) -> Any:
    return fit_procedure(
        study or small.study, small.roles, small.X[rows], small.labels[rows], small.groups[rows],
        arm=arm, seed=0,
    )  # fmt: skip


def gap(table: np.ndarray, labels: np.ndarray) -> float:
    return float(table[labels == "AD", 1].mean() - table[labels == "normal", 1].mean())


def test_a_shift_that_hides_the_disease_is_taken_out_in_every_arm(small: Any) -> None:
    data = with_sites(small)
    plain = Study.model_validate(small.study.model_dump())
    bare = replace(data, X=data.X.drop(columns="scanner"), study=plain)
    hidden = gap(fit(bare).probabilities(bare.X), data.labels)
    for arm in [name for name in ARMS if name not in ("demographics", "bag_mean")]:
        fitted = fit(data, arm)
        assert gap(fitted.probabilities(data.X), data.labels) > hidden + 0.2
        assert "scanner" not in fitted.inputs()
    assert fit(data, "demographics").harmonizer is None


def test_sites_without_a_column_are_refused(small: Any) -> None:
    data = with_sites(small)
    with pytest.raises(ProcedureError) as caught:
        site_column(data.study, small.roles)
    assert caught.value.code == "PRC-107"
    assert site_column(small.study, data.roles) is None


@pytest.mark.parametrize("unseen", ["refuse", "pooled", "own_normals"])
def test_a_new_site_by_each_policy(unseen: str, small: Any) -> None:
    data = with_sites(small, unseen=unseen)
    here = (data.X["scanner"] == "x").to_numpy()
    fitted = fit(data, rows=here)
    new, labels, groups = data.X[~here], data.labels[~here], data.groups[~here]
    support = fitted.support(new)
    assert np.isfinite(fitted.probabilities(new)).all(axis=1).any() == (unseen == "pooled")
    if unseen != "pooled":
        assert not support["supported"].any()
        assert support["reason"].str.contains("scanner y").all()
    adapted = fitted.adapt_to_sites(new, labels, groups)
    if unseen == "own_normals":
        assert adapted.support(new)["supported"].sum() > 20
        assert gap(adapted.probabilities(new), labels) > 0.4
    else:
        assert adapted is fitted


def test_a_new_site_is_decided_by_what_sites_are_like(small: Any) -> None:
    data = with_sites(small, harmonize="hierarchical", unseen="predict")
    new = data.X.assign(scanner="z")
    fitted = fit(data)
    assert fitted.support(new)["supported"].sum() > 50
    assert fitted.adapt_to_sites(new, data.labels, data.groups) is fitted
    # Of two sites one knows next to nothing about a third, and nobody is far from what is expected there.
    assert 0 < gap(fitted.probabilities(new), data.labels) < gap(fitted.probabilities(data.X), data.labels)
    assert any(note.code == "NRM-306" for note in fitted.notes)
    with pytest.raises(NormalizerError) as caught:
        fit(data, rows=(data.X["scanner"] == "x").to_numpy())
    assert caught.value.code == "NRM-305"


def test_patients_of_a_site_without_normals_do_not_train_and_are_told(small: Any) -> None:
    data = with_sites(small)
    X = data.X.copy()
    X.loc[X.index[data.labels == "AD"][:3], "scanner"] = "z"
    fitted = fit(replace(data, X=X))
    assert any((note.code, note.value) == ("PRC-104", 3) for note in fitted.notes)
    assert np.isnan(fitted.probabilities(X)).all(axis=1).sum() == 3


def model_of(data: Any, study: Study | None = None) -> Model:
    names = tuple(name for name in data.X.columns if name not in ("age", "sex", "scanner"))
    notes = {name: FeatureNote("mm3", "volume", name.split(".")[0]) for name in names}
    return Model(fit(data, study=study), study or data.study, names, notes, "hash", {"scans": len(data.X)})


@pytest.mark.parametrize("harmonize", ["combat", "hierarchical"])
def test_a_saved_model_with_sites_selection_and_referral_decides_the_same(
    harmonize: str, small: Any, tmp_path: Any
) -> None:
    data = with_sites(small, harmonize=harmonize)
    study = Study.model_validate(
        data.study.model_dump()
        | {"selection": {"name": "mrmr", "features": [2, 4]}, "decision": {"refer": 0.8},
           "classifier": {"choices": ["linear", "logistic"], "rule": "one_standard_error"}}
    )  # fmt: skip
    model = model_of(data, study)
    again = load_model(save_model(model, tmp_path / "model"))
    predictions = model.predictions(data.X)
    assert again.predictions(data.X) == predictions
    assert again.columns == model.columns
    assert model.columns[-1] == "scanner"
    assert {one.outcome for one in predictions} == {"decided", "referred"}
    assert all((one.decision is None) == (one.outcome == "referred") for one in predictions)
    assert all(
        one.reason.startswith("refer to a specialist") for one in predictions if one.outcome == "referred"
    )


def test_a_model_names_the_site_that_it_does_not_know(small: Any) -> None:
    data = with_sites(small)
    model = model_of(data)
    people = data.X.iloc[:3].copy()
    people.iloc[0, people.columns.get_loc("scanner")] = "z"
    people.iloc[1, people.columns.get_loc("scanner")] = None
    first, second, third = model.predictions(people)
    assert (first.outcome, second.outcome, third.outcome) == ("unsupported", "unsupported", "decided")
    assert "scanner z" in first.reason
    assert second.reason == "scanner is missing"
    with pytest.raises(ProcedureError) as caught:
        model.predictions(people.drop(columns="scanner"))
    assert caught.value.code == "PRC-401"


def test_what_is_told_of_a_model_speaks_of_harmonized_features(small: Any) -> None:
    data = with_sites(small)
    fitted = fit(data)
    rows, _ = importances_of(fitted, {})
    assert rows[0].feature == "hippocampus_left.volume_mm3"
    (course,) = trajectories_of(fitted, data.X, data.labels, {}, ["hippocampus_left.volume_mm3"])
    values = np.array(course.people_y)
    # Both scanners on one scale: the raw values lie 300 apart.
    sites = data.X["scanner"].to_numpy()
    assert abs(values[sites == "x"].mean() - values[sites == "y"].mean()) < 20
    predictions = model_of(data).predictions(data.X.iloc[[0, 2]])
    assert all(abs(one.contributions[0].w) < 6 for one in predictions)


def test_a_model_adapted_to_a_site_is_saved_with_the_site_and_without_its_people(
    small: Any, tmp_path: Any
) -> None:
    data = with_sites(small, unseen="own_normals")
    here = (data.X["scanner"] == "x").to_numpy()
    known = replace(data, X=data.X[here], labels=data.labels[here], groups=data.groups[here])
    new, labels = data.X[~here].add_prefix("control-", axis=0), data.labels[~here]
    groups = np.array([f"person-{number}" for number in range(len(new))], dtype=object)
    adapted = model_of(known).adapt_to_sites(new, labels, groups)
    folder = save_model(adapted, tmp_path / "model")
    saved = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    assert b"control-" not in saved
    assert b"person-" not in saved
    again = load_model(folder)
    others = new.add_prefix("other-", axis=0)
    predictions = again.predictions(others)
    assert predictions == adapted.predictions(others)
    assert sum(each.outcome == "decided" for each in predictions) > 20
    # Nobody is known by name any more: each control is placed like somebody else with the same values.
    assert [each.probabilities for each in again.predictions(new)] == [
        each.probabilities for each in predictions
    ]
    assert (
        save_model(again, tmp_path / "again").joinpath("model.skops").read_bytes()
        == (folder / "model.skops").read_bytes()
    )


def test_a_site_is_known_by_its_normals_also_behind_a_learnt_extractor(small: Any) -> None:
    data = with_sites(small, unseen="own_normals")
    voxels = {"features": {"extractor": "voxels", "components": 3}}
    data = replace(data, study=Study.model_validate(data.study.model_dump() | voxels))
    here = (data.X["scanner"] == "x").to_numpy()
    fitted = fit(data, rows=here)
    assert "extract" in fitted.pipeline.named_steps
    new, labels, groups = data.X[~here], data.labels[~here], data.groups[~here]
    assert np.isnan(fitted.probabilities(new)).all()
    assert np.isfinite(fitted.adapt_to_sites(new, labels, groups).probabilities(new)).all()
