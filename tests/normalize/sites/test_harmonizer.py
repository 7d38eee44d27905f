"""Sites: a planted shift is removed, few people are trusted less, and nobody but training normals teaches."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize.sites.effects import fit_sites, shrink_effects
from normwise.normalize.sites.harmonizer import SiteHarmonizer

SITES = ("A", "B", "C")
SHIFT, SCALE = {"A": 0.0, "B": 4.0, "C": -3.0}, {"A": 1.0, "B": 2.0, "C": 0.5}


def cohort(people: int = 240, features: int = 6, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Ageing features with a shift and a scale a site; patients are lower, and mostly from site B."""
    rng = np.random.default_rng(seed)
    site = np.array(SITES)[np.arange(people) % 3]
    patient = rng.uniform(size=people) < np.where(site == "B", 0.6, 0.2)
    age = rng.uniform(50, 90, people) + np.where(site == "B", 5, 0)
    noise = rng.normal(size=(people, features)) - 2.0 * patient[:, None]
    values = 100 - 0.2 * age[:, None] + np.vectorize(SCALE.get)(site)[:, None] * noise
    values += np.vectorize(SHIFT.get)(site)[:, None]
    X = pd.DataFrame(values, columns=[f"f{i}" for i in range(features)])
    X.index = pd.Index([f"s{i}" for i in range(people)], name="id")
    X["age"], X["scanner"] = age, site
    return X, np.where(patient, "AD", "normal").astype(object)


def harmonizer(**settings: object) -> SiteHarmonizer:
    return SiteHarmonizer("scanner", ("age",), "normal", **settings)


def rest(frame: pd.DataFrame) -> np.ndarray:
    """Return what the planted ageing leaves of the features."""
    return frame.filter(like="f").to_numpy() - 100 + 0.2 * frame["age"].to_numpy()[:, None]


@pytest.mark.parametrize("method", ["location_scale", "combat", "hierarchical"])
def test_a_planted_shift_and_scale_are_removed_and_the_disease_stays(method: str) -> None:
    X, y = cohort(1500)
    made = harmonizer(method=method).fit(X, y).transform(X)
    normal = y == "normal"
    values = rest(made)
    middle = [values[normal & (X["scanner"] == name)].mean() for name in SITES]
    spread = [values[normal & (X["scanner"] == name)].std() for name in SITES]
    assert np.ptp(middle) < 0.1
    assert max(spread) / min(spread) < 1.1
    # Two standard deviations lower before, and two after, at every site.
    for name in SITES:
        here = X["scanner"] == name
        gap = values[normal & here].mean() - values[~normal & here].mean()
        assert gap / values[normal & here].std() == pytest.approx(2.0, abs=0.25)


def test_ageing_is_kept() -> None:
    X, y = cohort(1500)
    made = harmonizer().fit(X, y).transform(X)
    normal = y == "normal"
    slope = np.polyfit(X["age"][normal], made["f0"][normal], 1)[0]
    assert slope == pytest.approx(-0.2, abs=0.03)


def test_the_site_is_dropped_unless_it_is_a_demographic() -> None:
    X, y = cohort()
    assert "scanner" not in harmonizer().fit(X, y).transform(X).columns
    both = SiteHarmonizer("scanner", ("age", "scanner"), "normal").fit(X, y)
    assert list(both.transform(X).columns) == list(X.columns) == list(both.get_feature_names_out())


def test_patients_and_test_rows_teach_nothing() -> None:
    X, y = cohort()
    train, test = np.arange(160), np.arange(160, 240)
    first = harmonizer().fit(X.iloc[train], y[train])
    changed = X.copy()
    values = changed.columns[:6]
    changed.loc[changed.index[test], values] += 1000.0
    changed.loc[changed.index[train][y[train] == "AD"], values] *= 3.0
    second = harmonizer().fit(changed.iloc[train], y[train])
    for name in ("mean", "slopes", "spread", "shift", "scale"):
        assert np.array_equal(getattr(first.model_, name), getattr(second.model_, name))
    before = first.transform(X.iloc[train])
    first.transform(changed.iloc[test])
    assert before.equals(first.transform(X.iloc[train]))


def test_a_row_is_harmonized_by_itself() -> None:
    X, y = cohort()
    fitted = harmonizer().fit(X, y)
    together = fitted.transform(X)
    alone = pd.concat([fitted.transform(X.iloc[[row]]) for row in (3, 1, 2)])
    pd.testing.assert_frame_equal(together.iloc[[3, 1, 2]], alone, rtol=1e-12)


def test_small_sites_are_drawn_to_the_middle_of_their_features_and_large_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    # One site effect of 1 for all features: what differs between features is chance.
    few, many = (rng.normal(1.0, 1.0, size=(n, 400)) for n in (4, 400))
    kept = []
    for values in (few, many):
        mean, variance = values.mean(axis=0), values.var(axis=0, ddof=1)
        drawn, spread = shrink_effects(mean, variance, len(values))
        assert np.abs(drawn - 1.0).mean() < np.abs(mean - 1.0).mean()
        assert np.abs(spread - 1.0).mean() < np.abs(variance - 1.0).mean()
        kept.append(drawn.std())
    assert kept[0] < 0.3  # of 0.5 that chance gives the means of four people
    # Where features do differ, a large site keeps its own estimates and a small one less of them.
    true = rng.normal(0.0, 1.0, 400)
    for n, least, most in ((3, 0.5, 0.9), (300, 0.99, 1.01)):
        values = true + rng.normal(size=(n, 400))
        mean = values.mean(axis=0)
        drawn, _ = shrink_effects(mean, values.var(axis=0, ddof=1), n)
        assert least < np.polyfit(mean, drawn, 1)[0] < most
    assert np.allclose(shrink_effects(np.array([2.0]), np.array([0.5]), 5), [[2.0], [0.5]])


@pytest.mark.parametrize("n_people", [3, 40])
def test_shrunken_effects_solve_the_posterior_equations(n_people: int) -> None:
    """Johnson, Li and Rabinovic (2007), section 3.2, with both priors' parameters from their moments."""
    rng = np.random.default_rng(3)
    shift, variance = rng.normal(0.5, 1.0, 60), rng.gamma(4.0, 0.3, 60)
    gamma, delta = shrink_effects(shift, variance, n_people)
    width, mean, spread = shift.var(ddof=1), variance.mean(), variance.var(ddof=1)
    shape, rate = (2 * spread + mean**2) / spread, (mean * spread + mean**3) / spread
    squares = (n_people - 1) * variance + n_people * (shift - gamma) ** 2
    np.testing.assert_allclose(delta, (rate + squares / 2) / (n_people / 2 + shape - 1), rtol=1e-6)
    expected = (n_people * width * shift + delta * shift.mean()) / (n_people * width + delta)
    np.testing.assert_allclose(gamma, expected, rtol=1e-6, atol=1e-9)


def test_the_effects_of_a_published_worked_form() -> None:
    """Without demographics the site means and variances are those of the standardised data (Johnson 2007)."""
    rng = np.random.default_rng(1)
    values, sites = rng.normal(size=(60, 5)), np.repeat([0, 1, 1], 20)
    model = fit_sites(values, np.zeros((60, 0)), sites, 2, shrink=False)
    pooled = sum((sites == s).mean() * values[sites == s].mean(axis=0) for s in (0, 1))
    within = np.concatenate([values[sites == s] - values[sites == s].mean(axis=0) for s in (0, 1)])
    sigma = np.sqrt((within**2).mean(axis=0))
    assert np.allclose(model.mean, pooled)
    assert np.allclose(model.spread, sigma)
    assert np.allclose(model.shift[1], (values[sites == 1].mean(axis=0) - pooled) / sigma)
    assert np.allclose(model.scale[0], values[sites == 0].std(axis=0, ddof=1) / sigma)


@pytest.mark.filterwarnings("ignore:NRM-306")
def test_a_site_without_training_normals_by_each_policy() -> None:
    X, y = cohort(600)
    train = (X["scanner"] != "C").to_numpy()
    new, labels = X[~train], y[~train]
    by_policy = {
        name: harmonizer(unseen=name).fit(X[train], y[train])
        for name in ("refuse", "pooled", "predict", "own_normals")
    }
    assert not by_policy["refuse"].in_support(new)["supported"].any()
    assert "scanner C" in by_policy["refuse"].in_support(new)["reason"].iloc[0]
    with pytest.raises(NormalizerError) as caught:
        by_policy["refuse"].transform(new)
    assert caught.value.code == "NRM-303"
    pooled = by_policy["pooled"].transform(new)
    # As from the average site, in a spread that holds how far the two sites of the training lie apart.
    assert pooled["f0"].corr(new["f0"], method="spearman") > 0.8
    assert rest(pooled).std() < 0.8 * rest(new).std()
    predicted = by_policy["predict"].transform(new)
    assert by_policy["predict"].in_support(new.assign(scanner=None))["supported"].all()
    assert rest(predicted).std() == pytest.approx(rest(pooled).std(), rel=0.2)
    assert not by_policy["own_normals"].in_support(new)["encodable"].any()
    adapted = by_policy["own_normals"].adapt_to_sites(new, labels)
    assert adapted.in_support(new)["supported"].all()
    assert (
        not by_policy["own_normals"].in_support(new)["supported"].any()
    )  # the one that was fitted stays as it is
    ours = rest(adapted.transform(new))[labels == "normal"]
    others = rest(adapted.transform(X[train]))[y[train] == "normal"]
    assert abs(ours.mean() - others.mean()) < 0.2
    assert rest(pooled)[labels == "normal"].mean() < others.mean() - 0.5


def test_of_a_new_site_only_the_normals_labels_are_used_and_nobody_places_himself() -> None:
    X, y = cohort(300)
    train = (X["scanner"] != "C").to_numpy()
    fitted = harmonizer(unseen="own_normals").fit(X[train], y[train])
    new, labels = X[~train], y[~train]
    sick = new.copy()
    sick.loc[labels == "AD", "f0"] += 50.0
    normal = labels == "normal"
    same = fitted.adapt_to_sites(new, labels).transform(new)[normal]
    assert same.equals(fitted.adapt_to_sites(sick, labels).transform(new)[normal])
    # A person's own value moves the others' effect and never their own.
    one = new.index[normal][0]
    moved = new.copy()
    moved.loc[one, "f0"] += 50.0
    adapted, other = fitted.adapt_to_sites(new, labels), fitted.adapt_to_sites(moved, labels)
    assert adapted.transform(new.loc[[one]]).equals(other.transform(new.loc[[one]]))
    assert not adapted.transform(new).drop(one).equals(other.transform(new).drop(one))


def test_two_normals_are_no_site() -> None:
    X, y = cohort(300)
    train = (X["scanner"] != "C").to_numpy()
    fitted = harmonizer(unseen="own_normals").fit(X[train], y[train])
    new = X[~train][y[~train] == "normal"].iloc[:2]
    adapted = fitted.adapt_to_sites(new, ["normal", "normal"])
    assert not adapted.in_support(new)["supported"].any()
    three = X[~train][y[~train] == "normal"].iloc[:3]
    assert fitted.adapt_to_sites(three, ["normal"] * 3).in_support(three)["supported"].all()
    # Three scans of two people are two people.
    assert not fitted.adapt_to_sites(three, ["normal"] * 3, [1, 1, 2]).in_support(three)["supported"].any()


@pytest.mark.filterwarnings("ignore:NRM-304")
@pytest.mark.parametrize(("normals", "known"), [(2, True), (1, False)])
def test_two_training_normals_make_a_site_known(normals: int, known: bool) -> None:  # noqa: FBT001
    X, y = cohort(300)
    here = np.flatnonzero((X["scanner"] == "C") & (y == "normal"))[normals:]
    fewer = np.delete(np.arange(300), here)
    fitted = harmonizer().fit(X.iloc[fewer], y[fewer])
    assert ("C" in fitted.sites_) is known
    assert fitted.in_support(X[X["scanner"] == "C"])["supported"].all() == known


@pytest.mark.parametrize(("normals", "few"), [(10, False), (9, True)])
def test_a_site_of_fewer_than_ten_normals_is_warned_of(normals: int, few: bool) -> None:  # noqa: FBT001
    X, y = cohort(300)
    here = np.flatnonzero((X["scanner"] == "C") & (y == "normal"))[normals:]
    fewer = np.delete(np.arange(300), here)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        harmonizer().fit(X.iloc[fewer], y[fewer])
    assert [each.message.code for each in caught] == ["NRM-304"] * few


def test_a_training_normal_is_harmonized_by_the_others_of_the_site() -> None:
    X, y = cohort(120)
    one = int(np.flatnonzero((y == "normal") & (X["scanner"] == "B"))[0])
    fitted = harmonizer(method="hierarchical").fit(X, y)
    # The same values under another id, and one that differs in the last place that single precision has.
    copy = X.iloc[[one]].rename(index={X.index[one]: "copy"})
    almost = copy.copy()
    almost["f0"] *= 1 + 1e-5
    ours, same, stranger = (fitted.transform(frame)["f0"].iloc[0] for frame in (X.iloc[[one]], copy, almost))
    assert ours == same
    expected = 100 - 0.2 * X["age"].iloc[one]
    assert abs(ours - expected) > abs(stranger - expected)
    # Patients are measured by all normals of their site.
    patient = X[(y == "AD") & (X["scanner"] == "B")].iloc[[0]]
    near = patient.assign(f0=patient["f0"] * (1 + 1e-9))
    assert fitted.transform(patient)["f0"].iloc[0] == pytest.approx(
        fitted.transform(near)["f0"].iloc[0], rel=1e-6
    )


def test_hierarchical_gives_small_sites_the_wider_spread() -> None:
    X, y = cohort(300)
    small = np.flatnonzero((X["scanner"] == "C") & (y == "normal"))[3:]
    fewer = np.delete(np.arange(300), small)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = harmonizer(method="hierarchical").fit(X.iloc[fewer], y[fewer])
        plain = harmonizer(method="location_scale").fit(X.iloc[fewer], y[fewer])
    rows = X.iloc[small]
    assert rest(fitted.transform(rows)).std() < 0.7 * rest(plain.transform(rows)).std()


def test_without_a_site_nothing_is_harmonized() -> None:
    X, y = cohort()
    fitted = SiteHarmonizer().fit(X, y)
    pd.testing.assert_frame_equal(fitted.transform(X), X)
    assert fitted.in_support(X)["supported"].all()
    assert list(fitted.get_feature_names_out()) == list(X.columns)


def test_sites_are_compared_as_text_and_a_missing_one_is_named() -> None:
    X, y = cohort()
    codes = X.assign(scanner=X["scanner"].map({"A": 1, "B": 2, "C": 3}))
    fitted = harmonizer().fit(codes, y)
    assert fitted.sites_ == ["1", "2", "3"]
    gone = codes.assign(scanner=codes["scanner"].astype(float))
    gone.iloc[0, gone.columns.get_loc("scanner")] = np.nan
    support = fitted.in_support(gone)
    assert support["reason"].iloc[0] == "scanner is missing"
    assert support["supported"].iloc[1:].all()


def test_few_normals_are_warned_of_and_none_are_refused() -> None:
    X, y = cohort(24)
    with pytest.warns(NormwiseWarning, match="NRM-304"):
        harmonizer().fit(X, y)
    alone = X.assign(scanner=[f"site {i}" for i in range(24)])
    with pytest.raises(NormalizerError) as caught:
        harmonizer().fit(alone, y)
    assert caught.value.code == "NRM-302"
    with pytest.raises(NormalizerError) as caught:
        harmonizer().fit(X.drop(columns="scanner"), y)
    assert caught.value.code == "NRM-301"


def test_float32_stays_float32_and_a_constant_feature_stays_as_it_is() -> None:
    X, y = cohort()
    X["f0"] = 5.0
    small = X.astype({f"f{i}": "float32" for i in range(6)})
    made = harmonizer().fit(small, y).transform(small)
    assert set(made.dtypes.iloc[:6]) == {np.dtype("float32")}
    assert (made["f0"] == 5.0).all()
