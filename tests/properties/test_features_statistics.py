"""Laws of region statistics and names, over drawn inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from normwise.features.atlases.region_names import region_name, region_names
from normwise.features.regions.statistics import region_statistics

ALL = ["mean", "sd", "median", "p5", "p95"]
WHOLE = st.integers(-2000, 2000).map(float)
FRACTIONS = st.floats(-1e4, 1e4, width=32)


@st.composite
def labelled(draw, elements):
    n = draw(st.integers(1, 200))
    values = draw(hnp.arrays(np.float32, n, elements=elements))
    regions = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 6)))
    return values, regions


@given(st.one_of(labelled(WHOLE), labelled(FRACTIONS)))
def test_statistics_agree_with_numpy(drawn):
    values, regions = drawn
    found = region_statistics(values, regions, 7, ALL)
    for region in range(7):
        inside = values[regions == region].astype(np.float64)
        if not inside.size:
            assert all(np.isnan(found[name][region]) for name in ALL)
            continue
        wanted = [inside.mean(), inside.std(ddof=1) if inside.size > 1 else 0.0]
        wanted += [*np.percentile(inside, [50, 5, 95])]
        assert [found[name][region] for name in ALL] == pytest.approx(wanted, rel=1e-7, abs=1e-7)


@given(st.one_of(labelled(WHOLE), labelled(FRACTIONS)), st.randoms())
def test_the_order_of_voxels_does_not_matter(drawn, random):
    values, regions = drawn
    order = list(range(values.size))
    random.shuffle(order)
    before = region_statistics(values, regions, 7, ALL)
    after = region_statistics(values[order], regions[order], 7, ALL)
    for name in ALL:
        assert np.allclose(before[name], after[name], rtol=1e-6, atol=1e-6, equal_nan=True)


@given(labelled(WHOLE), st.integers(-500, 500))
def test_a_shift_moves_places_and_keeps_the_spread(drawn, shift):
    values, regions = drawn
    before = region_statistics(values, regions, 7, ALL)
    after = region_statistics(values + np.float32(shift), regions, 7, ALL)
    assert np.allclose(after["sd"], before["sd"], atol=1e-9, equal_nan=True)
    for name in ("mean", "median", "p5", "p95"):
        assert np.allclose(after[name] - shift, before[name], atol=1e-8, equal_nan=True)


@given(labelled(FRACTIONS))
def test_whole_numbers_and_fractions_take_different_ways_to_one_answer(drawn):
    values, regions = np.rint(drawn[0]), drawn[1]
    counted = region_statistics(values, regions, 7, ALL)
    sorted_ = region_statistics(np.append(values, np.float32(0.5)), np.append(regions, 7), 8, ALL)
    for name in ALL:
        assert np.allclose(counted[name], sorted_[name][:7], rtol=1e-9, atol=1e-9, equal_nan=True)


@given(st.text(max_size=40))
def test_a_name_is_made_of_letters_digits_and_underscores(raw):
    name = region_name(raw)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert not name.startswith("_")
    assert not name.endswith("_")


@given(
    st.dictionaries(
        st.integers(1, 99), st.sampled_from(["Insula_L", "insula-l", "Left Insula", "?", "Cuneus"])
    )
)
def test_no_two_labels_share_a_name(raw):
    names = region_names(raw)
    assert list(names) == list(raw)
    assert len(set(names.values())) == len(names)
