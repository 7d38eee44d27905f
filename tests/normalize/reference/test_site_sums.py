"""A reference that knows how sites differ: found on sums, the same as on people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.files import content_digest
from normwise.normalize import (
    FeatureNormalizer,
    Reference,
    SiteHarmonizer,
    count_normals,
    read_reference,
    with_counts,
    write_reference,
)

NAMES = ["age", "sex"]
KNOTS = {"age": [45.0, 60.0, 75.0]}


def people_of(sites: int, each: int = 30, seed: int = 0, first: int = 0) -> pd.DataFrame:
    """Return normal people of some sites, whose features a site shifts and scales."""
    rng = np.random.default_rng(seed)
    n = sites * each
    site, age = np.repeat(np.arange(sites), each), rng.uniform(40.0, 80.0, n)
    shift, scale = rng.normal(0.0, 0.7, (sites, 8)), np.exp(rng.normal(0.0, 0.2, (sites, 8)))
    own = rng.normal(size=(n, 8)) * scale[site] + shift[site] - 0.05 * age[:, None]
    frame = pd.DataFrame(3.0 + 0.2 * own).add_prefix("f")
    return frame.assign(
        age=age, sex=rng.choice(["F", "M"], n), scanner=[f"site {first + place}" for place in site]
    )


PEOPLE, NEW = people_of(12), people_of(2, seed=1, first=20)
REFERENCE = Reference.of_frame(PEOPLE, NAMES, site="scanner", unseen="predict")


def scored(reference: Reference, people: pd.DataFrame) -> np.ndarray:
    harmonizer = reference.harmonizer()
    assert harmonizer is not None
    return reference.normalizer().transform(harmonizer.transform(people))


@pytest.mark.parametrize("design", ["linear", "spline"])
def test_what_is_found_on_sums_is_what_is_found_on_people(design: Any) -> None:
    knots = KNOTS if design == "spline" else None
    found = Reference.of_frame(
        PEOPLE, NAMES, site="scanner", unseen="predict", design=design, knots=knots
    ).harmonizer()
    people = SiteHarmonizer("scanner", tuple(NAMES), "normal", unseen="predict", design=design)
    people.fit(PEOPLE, ["normal"] * len(PEOPLE))
    assert found is not None
    assert (found.sites_, found.counts_, found.columns_) == (people.sites_, people.counts_, people.columns_)
    for name in ("mean", "spread", "shift", "scale"):
        if design == "linear":
            assert getattr(found.model_, name) == pytest.approx(
                getattr(people.model_, name), rel=1e-5, abs=1e-6
            )
    if design == "linear":
        for name in ("center", "variance", "level", "scale_df", "shift_df"):
            own, theirs = (getattr(each.site_prior(), name) for each in (found, people))
            assert own == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    assert found.transform(NEW)[["f0", "f7"]].to_numpy() == pytest.approx(
        people.transform(NEW)[["f0", "f7"]].to_numpy(), abs=1e-5 if design == "linear" else 0.02
    )


def test_w_is_that_of_harmonizer_and_normalizer_on_people() -> None:
    labels = ["normal"] * len(PEOPLE)
    harmonizer = SiteHarmonizer("scanner", tuple(NAMES), "normal", unseen="predict").fit(PEOPLE, labels)
    normalizer = FeatureNormalizer(NAMES, "normal").fit(harmonizer.transform(PEOPLE), labels)
    theirs, own = normalizer.transform(harmonizer.transform(NEW)), scored(REFERENCE, NEW)
    # There the spread is estimated again on what is left of sites; here it is one by construction.
    assert np.sqrt(np.square(own - theirs).mean()) < 0.05
    assert np.corrcoef(own.ravel(), theirs.ravel())[0, 1] > 0.999
    known = people_of(12, seed=0).assign(f0=lambda x: x["f0"] + 1e-3)
    w = scored(REFERENCE, known)
    assert 0.9 < w.std() < 1.05


def test_every_order_and_grouping_gives_the_same_bytes(tmp_path: Path) -> None:
    parts = [
        Reference.of_frame(part, NAMES, site="scanner", unseen="predict")
        for part in (PEOPLE[:45], PEOPLE[45:200], PEOPLE[200:])
    ]  # the first site of the second part is also in the first
    one = parts[0].merge(parts[1]).merge(parts[2])
    other = parts[2].merge(parts[0].merge(parts[1]))
    files = [
        write_reference(each, tmp_path / f"{place}.json").read_bytes()
        for place, each in enumerate((REFERENCE, one, other))
    ]
    assert files[0] == files[1] == files[2]
    again = read_reference(tmp_path / "0.json")
    assert np.array_equal(scored(again, NEW), scored(REFERENCE, NEW))
    assert again.facts()["sites"] == "12: site 0 (30), site 1 (30), site 10 (30) and 9 more"


def skewed(seed: int) -> pd.DataFrame:
    """Return people of the same twelve sites, whose features have one long tail."""
    people, rng = people_of(12, each=60), np.random.default_rng(seed)
    kinds, site = np.random.default_rng(7), np.repeat(np.arange(12), 60)
    shift, scale = kinds.normal(0.0, 0.7, (12, 8)), np.exp(kinds.normal(0.0, 0.2, (12, 8)))
    own = (rng.gamma(2.0, size=(720, 8)) - 2.0) / np.sqrt(2.0) * scale[site] + shift[site]
    return people.assign(**{f"f{place}": 3.0 + 0.2 * own[:, place] for place in range(8)})


def test_tails_are_counted_by_w_at_each_persons_site(tmp_path: Path) -> None:
    people, new = skewed(0), skewed(1)
    plain = Reference.of_frame(people, NAMES, site="scanner", unseen="predict")
    counts = count_normals(plain, people, "auto")
    bent = with_counts(plain, counts)
    low, high = (
        [(np.abs((scored(each, new) * side > 1.645).mean() - 0.05)) for each in (plain, bent)]
        for side in (-1.0, 1.0)
    )
    assert low[0] > 0.04  # without tails next to nobody is below
    assert max(low[1], high[1]) < 0.015
    # Counted apart and by site, in another order, the same; and the file holds both.
    parts = [count_normals(plain, people[rows], "auto") for rows in (slice(500, None), slice(0, 500))]
    assert np.array_equal((parts[0] + parts[1]).counts, counts.counts)
    again = read_reference(write_reference(bent, tmp_path / "norm.json"))
    assert again.facts()["sites"] == plain.facts()["sites"]
    assert np.array_equal(scored(again, new), scored(bent, new))


def test_a_person_counts_by_what_the_others_of_the_site_say() -> None:
    # With nobody left out a site of two is where the two are, and neither departs from it.
    rng = np.random.default_rng(3)
    pairs = people_of(40, each=2, seed=5)
    pairs["f0"] = np.repeat(rng.normal(size=40), 2) + rng.normal(size=80)
    found = Reference.of_frame(pairs, NAMES, site="scanner", unseen="predict")
    counts = count_normals(found, pairs, "auto").counts[:, 0]
    w = np.repeat(np.arange(-256, 257) / 32, counts)
    harmonizer = found.harmonizer()
    assert harmonizer is not None
    within = found.normalizer().transform(harmonizer.transform(pairs)[found.normalizer().feature_names_in_])
    assert within[:, 0].std() < 0.85
    assert 0.9 < w.std() < 1.15


def test_a_level_that_a_site_lacks_is_a_column_without_people(tmp_path: Path) -> None:
    women = PEOPLE[PEOPLE["scanner"] == "site 3"].assign(sex="F")
    rest = PEOPLE[PEOPLE["scanner"] != "site 3"]
    first, second = (Reference.of_frame(part, NAMES, site="scanner") for part in (women, rest))
    whole = Reference.of_frame(pd.concat([rest, women]), NAMES, site="scanner")
    files = [
        write_reference(each, tmp_path / f"{place}.json").read_bytes()
        for place, each in enumerate((first.merge(second), second.merge(first), whole))
    ]
    assert files[0] == files[1] == files[2]


def test_a_site_that_is_not_known_is_refused_unless_it_is_asked_for() -> None:
    harmonizer = Reference.of_frame(PEOPLE, NAMES, site="scanner").harmonizer()
    assert harmonizer is not None
    assert not harmonizer.in_support(NEW)["supported"].any()
    assert np.isfinite(scored(REFERENCE, NEW)).all()


def test_a_feature_that_does_not_vary_is_left_alone() -> None:
    constant = PEOPLE.assign(f3=2.5)
    found = Reference.of_frame(constant, NAMES, site="scanner", unseen="predict")
    normalizer = Reference.of_frame(constant.drop(columns="scanner"), NAMES).normalizer()
    own = scored(found, NEW.assign(f3=2.5))
    assert np.array_equal(own[:, 3], normalizer.transform(NEW.drop(columns="scanner").assign(f3=2.5))[:, 3])
    assert np.isfinite(own).all()


def refused(make: Callable[[], object]) -> str:
    with pytest.raises(NormalizerError) as caught:
        make()
    return caught.value.code


def test_what_does_not_belong_together_is_refused() -> None:
    plain = Reference.of_frame(PEOPLE.drop(columns="scanner"), NAMES)
    renamed = Reference.of_frame(
        NEW.rename(columns={"scanner": "site"}), NAMES, site="site", unseen="predict"
    )
    other = Reference.of_frame(NEW, NAMES, site="scanner", unseen="refuse")
    for each in (plain, renamed, other):
        assert refused(lambda each=each: REFERENCE.merge(each)) == "NRM-406"
    assert refused(lambda: count_normals(REFERENCE, NEW, "auto")) == "NRM-415"
    assert refused(lambda: count_normals(REFERENCE, PEOPLE.assign(scanner=None), "auto")) == "NRM-108"
    normalizer = FeatureNormalizer(NAMES, "normal", prior=REFERENCE)
    frame = PEOPLE.drop(columns="scanner")
    assert refused(lambda: normalizer.fit(frame, ["normal"] * len(frame))) == "NRM-410"
    lonely = pd.concat([PEOPLE, NEW[:1]], ignore_index=True)
    assert refused(lambda: Reference.of_frame(lonely, NAMES, site="scanner")) == "NRM-409"
    unnamed = PEOPLE.assign(scanner=[None, *PEOPLE["scanner"][1:]])
    assert refused(lambda: Reference.of_frame(unnamed, NAMES, site="scanner")) == "NRM-108"
    assert refused(lambda: Reference.of_frame(PEOPLE, [*NAMES, "scanner"], site="scanner")) == "NRM-410"


def _more_of_a_site(content: dict[str, Any]) -> None:
    content["sites"][0]["features"][0]["products"][0] += 1


def _one_more_column(content: dict[str, Any]) -> None:
    content["sites"][0]["design"].append([0])


FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a product more": _more_of_a_site,
    "no column": lambda content: content.pop("site"),
    "no sites": lambda content: content.pop("sites"),
    "an empty list of sites": lambda content: content.update(sites=[]),
    "a site less": lambda content: content["sites"].pop(),
    "a site twice": lambda content: content["sites"].append(content["sites"][0]),
    "a feature less": lambda content: content["sites"][1]["features"].pop(),
    "a column more": _one_more_column,
    "sites in another order": lambda content: content["sites"].reverse(),
    "a policy that there is not": lambda content: content["site"].update(unseen="guess"),
    "a demographic's column": lambda content: content["site"].update(column="age"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused(name: str, tmp_path: Path) -> None:
    path = write_reference(REFERENCE, tmp_path / "reference.json")
    content = json.loads(path.read_text("utf-8"))
    FORGED[name](content)
    content["digest"] = content_digest(content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(NormalizerError) as caught:
        read_reference(path)
    assert caught.value.code == "NRM-402"
