"""The card of a new site: it measures, grows, belongs to one norm, names nobody, and refuses the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.files import content_digest
from normwise.normalize import SiteCard, SiteHarmonizer, measure_site, read_card, with_cards, write_card


def people(site: str, count: int, shift: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, sex = rng.uniform(50, 80, count), np.where(np.arange(count) % 2, "F", "M")
    values = 5 - 0.1 * age[:, None] + shift + rng.normal(size=(count, 8))
    frame = pd.DataFrame(values).add_prefix("f").assign(age=age, sex=sex, site=site)
    return frame.set_axis([f"{site}-{seed}-{i}" for i in range(count)])


def fit(seed: int = 0, **settings: Any) -> SiteHarmonizer:
    rng = np.random.default_rng(seed)
    train = pd.concat([people(name, 40, rng.normal(), seed * 10 + i) for i, name in enumerate("ABCDEF")])
    train = pd.concat([train, people("A", 2, 0.0, 99).assign(age=[45.0, 90.0])])
    return SiteHarmonizer("site", ("age", "sex"), "normal", **{"method": "hierarchical", **settings}).fit(
        train, ["normal"] * len(train)
    )


HARMONIZER, CONTROLS = fit(), people("new", 12, 2.0, 50)


def code_of(*args: Any, **settings: Any) -> str:
    with pytest.raises(NormalizerError) as caught:
        measure_site(*args, **settings)
    return str(caught.value.code)


@pytest.mark.parametrize("method", ["hierarchical", "combat", "location_scale"])
def test_a_card_takes_the_shift_out_and_reads_as_it_was_written(method: str, tmp_path: Path) -> None:
    harmonizer = fit(method=method)
    card = measure_site(harmonizer, CONTROLS, ["normal"] * 12)
    assert not harmonizer.in_support(CONTROLS)["supported"].any()
    others = people("new", 400, 2.0, 51)
    adapted = with_cards(harmonizer, [card])
    made = adapted.transform(others).filter(like="f").mean().mean()
    assert abs(others.filter(like="f").mean().mean() - made) > 1.0
    assert adapted.in_support(others)["supported"].all()
    write_card(card, tmp_path / "card.json")
    again = read_card(tmp_path / "card.json")
    assert again == card
    pd.testing.assert_frame_equal(
        with_cards(harmonizer, [again]).transform(others), adapted.transform(others)
    )


def test_a_card_holds_no_person(tmp_path: Path) -> None:
    write_card(measure_site(HARMONIZER, CONTROLS), tmp_path / "card.json")
    text = (tmp_path / "card.json").read_text()
    assert "new-50" not in text
    assert len(text) < 3000
    for age in CONTROLS["age"]:
        assert str(age)[:7] not in text
    assert json.loads(text)["support"]["sex"] == ["F", "M"]


def test_a_card_grows_to_that_of_all_its_controls() -> None:
    first = measure_site(HARMONIZER, CONTROLS.iloc[:5])
    grown = measure_site(HARMONIZER, CONTROLS.iloc[5:], previous=first)
    whole = measure_site(HARMONIZER, CONTROLS)
    assert grown.controls == whole.controls == 12
    for name in ("mean", "variance", "shift", "scale", "uncertainty"):
        np.testing.assert_allclose(getattr(grown, name), getattr(whole, name), rtol=1e-5)
    assert grown.support == whole.support
    assert np.mean(grown.uncertainty) < np.mean(first.uncertainty)
    # One more control alone may be added to a card, though it makes none.
    assert measure_site(HARMONIZER, CONTROLS.iloc[5:6], previous=first).controls == 6


def test_scans_of_one_person_are_one_control() -> None:
    twice = pd.concat([CONTROLS.iloc[:4], CONTROLS.iloc[:4]], ignore_index=True)
    card = measure_site(HARMONIZER, twice, groups=[0, 1, 2, 3] * 2)
    single = measure_site(HARMONIZER, CONTROLS.iloc[:4])
    assert card.controls == 4
    np.testing.assert_allclose(card.variance, single.variance, rtol=1e-5)
    assert code_of(HARMONIZER, twice, groups=[0, 1] * 4) == "NRM-307"


@pytest.mark.parametrize(("controls", "code"), [(1, "NRM-307"), (2, "NRM-307"), (3, None)])
def test_three_controls_make_a_card(controls: int, code: str | None) -> None:
    if code is None:
        assert measure_site(HARMONIZER, CONTROLS.iloc[:controls]).controls == controls
    else:
        assert code_of(HARMONIZER, CONTROLS.iloc[:controls]) == code


def test_bad_controls_are_refused_by_name() -> None:
    labels = np.array(["normal"] * 12, dtype=object)
    labels[3] = "AD"
    assert code_of(HARMONIZER, CONTROLS, labels) == "NRM-308"
    for age in (44.9, 90.1, np.nan):
        outside = CONTROLS.copy()
        outside.iloc[2, outside.columns.get_loc("age")] = age
        assert code_of(HARMONIZER, outside) == "NRM-309"
    assert code_of(HARMONIZER, CONTROLS.assign(site="A")) == "NRM-310"
    assert code_of(HARMONIZER, CONTROLS.assign(site=["x", *["new"] * 11])) == "NRM-311"
    assert code_of(HARMONIZER, CONTROLS.assign(site=None)) == "NRM-311"
    assert code_of(HARMONIZER, CONTROLS.drop(columns="site")) == "NRM-301"
    assert code_of(HARMONIZER, CONTROLS.assign(f3=[np.inf, *[0.0] * 11])) == "NRM-113"
    assert code_of(HARMONIZER, CONTROLS.assign(age=60.0)) == "NRM-315"
    assert code_of(HARMONIZER, CONTROLS.assign(sex="F")) == "NRM-315"
    assert code_of(HARMONIZER, CONTROLS.assign(sex="F"), same=["height"]) == "NRM-315"
    alike = measure_site(HARMONIZER, CONTROLS.assign(sex="F"), same=["sex"])
    assert alike.support["sex"] == ["F"]


def test_what_does_not_know_how_sites_differ_makes_no_card() -> None:
    train = people("A", 40, 0.0, 0)
    single = SiteHarmonizer("site", ("age", "sex"), "normal").fit(train, ["normal"] * 40)
    assert code_of(single, CONTROLS) == "NRM-305"
    assert code_of(SiteHarmonizer().fit(CONTROLS), CONTROLS) == "NRM-305"
    predicting = SiteHarmonizer("site", ("age", "sex"), "normal", unseen="predict")
    with pytest.raises(NormalizerError) as caught:
        predicting.fit(train, ["normal"] * 40)
    assert caught.value.code == "NRM-305"


def test_a_card_of_another_norm_or_site_is_refused() -> None:
    card = measure_site(HARMONIZER, CONTROLS)
    for norm in (fit(1), fit(design="spline")):
        with pytest.raises(NormalizerError) as caught:
            with_cards(norm, [card])
        assert caught.value.code == "NRM-312"
        assert code_of(norm, CONTROLS, previous=card) == "NRM-312"
    assert code_of(HARMONIZER, people("other", 5, 0.0, 7), previous=card) == "NRM-311"
    assert code_of(HARMONIZER, CONTROLS, previous=card) == "NRM-314"
    with pytest.raises(NormalizerError) as caught:
        with_cards(HARMONIZER, [card, card])
    assert caught.value.code == "NRM-314"
    other = measure_site(HARMONIZER, people("other", 5, 0.0, 7))
    assert set(with_cards(HARMONIZER, [card, other]).unseen_sites_) == {"new", "other"}
    assert HARMONIZER.unseen_sites_ == {}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "something"},
        {"schema": 2},
        {"controls": 2},
        {"controls": True},
        {"mean": [0.0] * 7},
        {"variance": [-1.0] * 8},
        {"mean": [float("nan")] * 8},
        {"site": ""},
        {"features": ["f0"] * 8},
        {"support": []},
        {"mean": "x"},
    ],
)
def test_a_file_that_is_no_card_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    write_card(measure_site(HARMONIZER, CONTROLS), path)
    assert isinstance(read_card(path), SiteCard)
    content = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps(content | {"digest": content_digest(content)}))
    with pytest.raises(NormalizerError) as caught:
        read_card(path)
    assert caught.value.code == "NRM-313"
    for text in ("", "[]", "{", "\x00"):
        path.write_text(text)
        with pytest.raises(NormalizerError) as caught:
            read_card(path)
        assert caught.value.code == "NRM-313"


@pytest.mark.parametrize("name", ["mean", "shift", "uncertainty"])
def test_a_card_in_which_one_digit_was_changed_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    write_card(measure_site(HARMONIZER, CONTROLS), path)
    content = json.loads(path.read_text())
    content[name][0] += 0.25
    path.write_text(json.dumps(content))
    with pytest.raises(NormalizerError, match="SHA-256"):
        read_card(path)
