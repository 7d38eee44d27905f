"""The distribution across sites is found, a site's people are weighed against it, and W-scores hold it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from normwise.normalize import FeatureNormalizer, SiteHarmonizer
from normwise.normalize.sites.across_sites import (
    SitePrior,
    fit_prior,
    normal_quantile,
    weigh,
    weigh_without_each,
)

SIZES = np.array([4, 6, 9, 14, 20, 30, 45, 70, 8, 25, 12, 18])


def prior_of(
    variance: float,
    log_sd: float = 0.0,
    *,
    together: bool = False,
    features: int = 300,
    sizes: np.ndarray = SIZES,
) -> SitePrior:
    """Fit the prior on simulated means and sums of squares of sites of known differences."""
    rng, shape = np.random.default_rng(1), (len(sizes), features)
    shifts = np.sqrt(variance) * (rng.normal(size=(len(sizes), 1)) if together else rng.normal(size=shape))
    within = np.exp(2 * log_sd * rng.normal(size=shape))
    means = shifts + np.sqrt(within / sizes[:, None]) * rng.normal(size=shape)
    squares = within * rng.chisquare(sizes[:, None] - 1, shape)
    return fit_prior(means, squares, sizes - 1.0, 1.0 / sizes, np.zeros(features, dtype=bool))


@pytest.mark.parametrize(("variance", "low", "high"), [(0.0, 0.0, 0.01), (0.3, 0.28, 0.40), (2.0, 1.9, 2.5)])
def test_the_variance_across_sites_of_unequal_sizes_is_found(
    variance: float, low: float, high: float
) -> None:
    # A twelfth more is in it: where the middle of the sites lies is not known either.
    assert low <= prior_of(variance).variance.mean() <= high


def test_how_much_the_spread_differs_across_sites_is_found() -> None:
    alike, different = (prior_of(0.3, log_sd).scale_df.mean() for log_sd in (0.0, 0.3))
    assert alike > 80
    assert 4.5 <= different < 9  # a log variance with a standard deviation of .6


def test_features_that_sites_shift_together_are_fewer() -> None:
    apart, together = prior_of(0.5), prior_of(0.5, together=True)
    assert together.shift_df < 10 < apart.shift_df


def test_a_feature_that_does_not_vary_stays_as_it_is() -> None:
    means, squares = np.zeros((3, 2)), np.array([[0.0, 9.0]] * 3)
    means[:, 1] = (-1.0, 0.0, 1.0)
    prior = fit_prior(means, squares, np.full(3, 9.0), np.full(3, 0.1), np.array([True, False]))
    effect = weigh(prior, 0, prior.center, prior.center)
    made = effect.harmonize(np.array([[0.5, 0.5]]), np.ones(2))
    assert made[0, 0] == pytest.approx(0.5, abs=1e-5)
    assert made[0, 1] < 0.4


def test_a_site_goes_from_what_sites_are_like_to_its_own() -> None:
    one = np.ones(1)
    prior = SitePrior(0 * one, 0.4 * one, 30.0, one, 20 * one, 20)
    effects = [weigh(prior, n, one, 2.0 * max(n - 1, 0) * one) for n in (0, 3, 20, 2000)]
    shifts = [float(effect.shift[0]) for effect in effects]
    assert shifts[0] == 0.0
    assert shifts == sorted(shifts)
    assert shifts[-1] == pytest.approx(1.0, abs=0.01)
    scales = [float(effect.scale[0]) ** 2 for effect in effects]
    assert scales[0] == pytest.approx(1.0)
    assert scales[1] == pytest.approx((20 + 2 * 2.0) / 22)
    assert scales[-1] == pytest.approx(2.0, abs=0.02)
    unknown = [float(effect.uncertainty[0]) for effect in effects]
    assert unknown == sorted(unknown, reverse=True)
    assert unknown[0] == pytest.approx(np.sqrt(0.4))
    assert unknown[-1] < 0.04


def test_a_site_far_from_all_others_keeps_its_own_mean() -> None:
    one = np.ones(1)
    prior = SitePrior(0 * one, 0.1 * one, 30.0, one, 50 * one, 20)
    kept = [float(weigh(prior, 5, far * one, 4.0 * one).shift[0]) / far for far in (0.3, 3.0, 1000.0)]
    assert kept[0] < 0.4 < kept[1] < kept[2]
    assert kept[2] > 0.9


def test_without_each_is_the_effect_by_the_others() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(0.4, 1.2, (12, 50))
    prior = prior_of(0.3, 0.1, features=50)
    mean = people.mean(axis=0)
    made = weigh_without_each(prior, 12, mean, np.square(people - mean).sum(axis=0), people)
    for row in range(3):
        others = np.delete(people, row, axis=0)
        middle = others.mean(axis=0)
        direct = weigh(prior, 11, middle, np.square(others - middle).sum(axis=0))
        np.testing.assert_allclose(made.scale[row], direct.scale, rtol=1e-9)
        np.testing.assert_allclose(made.shift[row], direct.shift, atol=0.04)
        np.testing.assert_allclose(made.uncertainty[row], direct.uncertainty, rtol=0.1)


@pytest.mark.parametrize("df", [3.0, 5.0, 20.0, 400.0])
def test_the_normal_quantile_is_that_of_the_same_tail(df: float) -> None:
    grid = np.linspace(-6, 6, 101)
    made = normal_quantile(grid[:, None], np.array([df]))[:, 0]
    assert (np.diff(made) > 0).all()
    assert np.abs(made - norm.ppf(t.cdf(grid, df))).max() < (0.06 if df < 4 else 0.03)


@pytest.mark.filterwarnings("ignore:NRM-304")
@pytest.mark.parametrize("sizes", [[30] * 5, [5, 8, 12, 20, 40, 80] * 3])
def test_one_healthy_person_in_twenty_is_abnormal_at_sites_old_and_new(sizes: list[int]) -> None:
    rng, features, labels = np.random.default_rng(3), 60, 400 * ["normal"]

    def people(count: int, name: str, shift: np.ndarray) -> pd.DataFrame:
        age = rng.uniform(50, 80, count)
        values = 5 - 0.1 * age[:, None] + shift + rng.normal(size=(count, features))
        return pd.DataFrame(values).add_prefix("f").assign(age=age, site=name)

    rates: dict[str, list[float]] = {}
    for _ in range(6):
        shifts = 0.7 * rng.normal(size=(len(sizes) + 6, features))
        train = pd.concat([people(n, f"t{i}", shifts[i]) for i, n in enumerate(sizes)], ignore_index=True)
        known = labels[:1] * len(train)
        harmonizer = SiteHarmonizer("site", ("age",), "normal", method="hierarchical", unseen="predict")
        normalizer = FeatureNormalizer(("age",), "normal")
        normalizer.fit(harmonizer.fit(train, known).transform(train), known)
        for place, shift in enumerate(shifts[len(sizes) :]):
            new, controls = people(200, "new", shift), people(4, "new", shift)
            small = people(200, "t0", shifts[0])
            adapted = SiteHarmonizer.adapt_to_sites(
                harmonizer.set_params(unseen="own_normals"), controls, labels[:4]
            )
            harmonizer.set_params(unseen="predict")
            for title, norm_, who in (
                ("none", harmonizer, new),
                ("four", adapted, new),
                ("old", harmonizer, small),
            ):
                if title != "old" or not place:
                    w = normalizer.transform(norm_.transform(who))
                    rates.setdefault(title, []).append((np.abs(w) > 1.96).mean())
    found = {title: float(np.mean(each)) for title, each in rates.items()}
    assert all(0.035 < rate < 0.065 for rate in found.values()), found
