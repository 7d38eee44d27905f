"""The people: drawn from the seed, older where ill, and changed by what is written down."""

import numpy as np
import pytest

from normwise.errors import SampleError
from normwise.samples import PLACES, draw_people


def draw(people=80, seed=0):
    return draw_people(people, np.random.default_rng(seed))


def test_the_same_seed_draws_the_same_people():
    assert draw() == draw()
    assert draw() != draw(seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_patients_are_older_but_the_groups_overlap(seed):
    ages = {
        kind: np.array([person.age for person in draw(seed=seed) if person.diagnosis == kind])
        for kind in ("normal", "dementia")
    }
    assert len(ages["dementia"]) == 36
    assert 3 < ages["dementia"].mean() - ages["normal"].mean() < 7
    assert ages["normal"].max() > 80
    assert ages["dementia"].min() < 65


def test_the_order_says_nothing_about_the_diagnosis():
    ill = [person.diagnosis == "dementia" for person in draw()]
    assert 0 < sum(ill[:40]) < 36


def test_changes_follow_the_planted_effects():
    # Least squares on many people must give back the numbers in PLACES.
    people = draw(4000)
    decades = np.array([(person.age - 55) / 10 for person in people])
    design = np.column_stack(
        [
            decades + decades**2 / 8,
            [person.sex == "M" for person in people],
            [person.severity for person in people],
            np.ones(len(people)),
        ]
    )
    for name, place in PLACES.items():
        changes = np.array([person.changes[name] for person in people])
        found, rss, *_ = np.linalg.lstsq(design, changes, rcond=None)
        spread = np.hypot(place.spread, place.spread_shared)
        assert np.allclose(
            found, [place.per_decade, place.in_men, place.in_patients, 0], atol=0.12 * spread
        ), name
        assert np.isclose(np.sqrt(rss[0] / len(people)), spread, rtol=0.1), name


def test_the_left_is_hit_harder():
    assert PLACES["hippocampus_left"].in_patients > PLACES["hippocampus_right"].in_patients
    assert PLACES["medial_temporal_left"].in_patients > PLACES["medial_temporal_right"].in_patients


def test_too_few_people_are_refused():
    with pytest.raises(SampleError) as caught:
        draw(11)
    assert caught.value.code == "SAM-101"
