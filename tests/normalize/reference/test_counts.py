"""Counts of W: the same in every grouping, tails as of the people, and refused where no people have them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.files import content_digest
from normwise.normalize import (
    FeatureNormalizer,
    NormalCounts,
    Reference,
    count_normals,
    digest_of,
    read_reference,
    read_sums,
    with_counts,
    write_reference,
)
from normwise.normalize.reference.counts import LAST_STEP, STEP

NAMES = ["age", "sex"]
DESIGN: dict[str, Any] = {"design": "spline", "knots": {"age": [30.0, 50.0, 70.0]}}
NORMAL, SKEWED = [f"g{place}" for place in range(8)], [f"s{place}" for place in range(8)]


def people(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.uniform(20, 80, n).round(1), "sex": rng.choice(["F", "M"], n)})
    for names, noise in ((NORMAL, rng.normal(size=(n, 8))), (SKEWED, rng.gamma(3.0, size=(n, 8)) / 3**0.5)):
        for name, own in zip(names, noise.T, strict=True):
            frame[name] = 50 - frame["age"] / 3 + (frame["sex"] == "M") + 4 * own
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return people()


@pytest.fixture(scope="module")
def sums(frame: pd.DataFrame) -> Reference:
    return Reference.of_frame(frame, NAMES, **DESIGN)


@pytest.fixture(scope="module")
def counts(frame: pd.DataFrame, sums: Reference) -> NormalCounts:
    return count_normals(sums, frame, "auto")


@pytest.fixture
def merged(sums: Reference, counts: NormalCounts) -> Reference:
    return with_counts(sums, counts)


@pytest.mark.parametrize("form", ["auto", "sinh_arcsinh"])
def test_scores_are_those_of_the_normalizer_on_the_people(
    form: Any, frame: pd.DataFrame, sums: Reference
) -> None:
    new = people(2000, seed=1)
    expected = FeatureNormalizer(NAMES, tails=form, **DESIGN).fit(frame)
    found = with_counts(sums, count_normals(sums, frame, form)).normalizer()
    assert (found.tails, found.n_normals_) == (form, 300)
    new = new[[*found.feature_names_in_]]
    w = found.transform(new)
    gap = np.abs(w - expected.transform(new[[*expected.feature_names_in_]]))
    for features in (slice(0, 8), slice(8, 16)):
        assert gap[:, features].mean() < 0.003
        assert np.quantile(gap[:, features], 0.99) < 0.02
    plain = sums.normalizer().transform(new)
    assert abs((w[:, 8:] < -1.645).mean() - 0.05) < 0.01 < abs((plain[:, 8:] < -1.645).mean() - 0.05)
    explained = found.explain(new.head(3))["w"].to_numpy().reshape(3, -1)
    np.testing.assert_allclose(explained, w[:3], rtol=1e-12)


def test_in_every_order_and_grouping_the_file_has_the_same_bytes(
    frame: pd.DataFrame, sums: Reference, counts: NormalCounts, tmp_path: Path
) -> None:
    wanted = write_reference(with_counts(sums, counts), tmp_path / "whole.json").read_bytes()
    rng = np.random.default_rng(0)
    for turn in range(20):
        cuts = np.sort(rng.choice(np.arange(1, 300), 4, replace=False))
        parts = np.split(rng.permutation(300), cuts)
        waiting = [count_normals(sums, frame.iloc[part], "auto") for part in parts]
        while len(waiting) > 1:
            first, second = (waiting.pop(int(rng.integers(len(waiting)))) for _ in range(2))
            waiting.append(first + second)
        assert write_reference(with_counts(sums, waiting[0]), tmp_path / "m.json").read_bytes() == wanted, (
            turn
        )


def test_a_person_is_counted_where_their_w_is_and_beyond_the_grid_at_its_end() -> None:
    frame = people(100)[["age", "sex", "g0"]]
    frame.loc[7, "g0"] += 1000.0
    norm = Reference.of_frame(frame, NAMES)
    design, regression = norm.fitted
    rest = frame["g0"] - frame["g0"].mean()
    placed = design.people(_demographics(frame))
    rest = rest - placed.basis @ regression.loadings[:, 0]
    w = rest / regression.spread[0] / np.sqrt(1.0 - placed.leverage)
    assert w[7] > LAST_STEP * STEP
    counts = count_normals(norm, frame, "auto").counts[:, 0]
    assert counts.sum() == 100
    assert counts[-1] == 1
    steps = np.clip(np.rint(w / STEP), -LAST_STEP, LAST_STEP).astype(int)
    np.testing.assert_array_equal(counts, np.bincount(steps + LAST_STEP, minlength=len(counts)))


def _demographics(frame: pd.DataFrame) -> Any:
    from normwise.normalize import Demographics

    return Demographics(frame[NAMES])


def test_a_feature_without_spread_is_not_counted() -> None:
    frame = people(100)[["age", "g0"]].assign(same=3.0, twice=lambda table: 2.0 * table["age"])
    norm = Reference.of_frame(frame, ["age"])
    counts = count_normals(norm, frame, "sinh_arcsinh")
    assert counts.counts.sum(axis=0).tolist() == [100, 0, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = with_counts(norm, counts).normalizer()
    assert found.regression_ is not None
    assert found.regression_.tails is not None
    assert found.regression_.tails.changed.tolist() == [True, False, False]


def test_few_people_refine_it_with_its_tails(frame: pd.DataFrame, merged: Reference) -> None:
    few = people(30, seed=7)
    few = few[[*few.columns[::-1]]]
    refined = FeatureNormalizer(NAMES, prior=merged, tails="auto", **DESIGN).fit(few)
    whole = with_counts(
        Reference.of_frame(frame, NAMES, **DESIGN), count_normals(merged, frame, "auto")
    ).normalizer()
    assert refined.regression_ is not None
    assert whole.regression_ is not None
    own = dict(zip(refined.get_feature_names_out(), refined.regression_.tails.skew, strict=True))
    theirs = dict(zip(whole.get_feature_names_out(), whole.regression_.tails.skew, strict=True))
    assert own == theirs
    assert refined.n_normals_ == 330
    for tails in ("gaussian", "sinh_arcsinh"):
        with pytest.raises(NormalizerError) as caught:
            FeatureNormalizer(NAMES, prior=merged, tails=tails, **DESIGN).fit(few)
        assert (caught.value.code, caught.value.subject) == ("NRM-406", "normalizer.tails")


def test_it_reads_back_as_it_was(merged: Reference, counts: NormalCounts, tmp_path: Path) -> None:
    path = write_reference(merged, tmp_path / "norm.json")
    back = read_reference(path)
    assert back.tails is not None
    assert (back.tail_form, back.tails.n_normals, back.n_values) == ("auto", 300, merged.n_values)
    assert (back.tails.counts == counts.counts).all()
    assert write_reference(back, tmp_path / "again.json").read_bytes() == path.read_bytes()
    alone = read_sums(write_reference(counts, tmp_path / "one.counts"))
    assert digest_of(alone) == digest_of(counts)
    with pytest.raises(NormalizerError, match="counts of W") as caught:
        read_reference(tmp_path / "one.counts")
    assert caught.value.code == "NRM-401"


def change(place: list[Any], value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(content: dict[str, Any]) -> None:
        inner: Any = content
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value(inner[place[-1]]) if callable(value) else value

    return apply


def shifted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "first": row["first"] + 40} for row in rows]


FORGED = {
    "a person more": change(["counts", 0, "counts", 0], lambda count: count + 1),
    "fewer than nobody": change(["counts", 0, "counts", 0], -1),
    "text for a number": change(["counts", 0, "counts", 0], "1"),
    "a fraction": change(["counts", 0, "counts", 0], 1.0),
    "beyond the grid": change(["counts", 0, "first"], 250),
    "no step of the grid": change(["counts", 0, "first"], 257),
    "a feature that nobody was counted by": change(["counts", 0, "counts"], []),
    "another feature": change(["counts", 0, "name"], "other"),
    "a feature fewer": change(["counts"], lambda rows: rows[:-1]),
    "another form": change(["tails", "form"], "gaussian"),
    "another grid": change(["tails", "grid"], "2^-4"),
    "more people than were summed over": change(["tails", "normals"], 301),
    "W-scores that do not add up to nothing": change(["counts"], shifted),
    "no counts": lambda content: content.pop("counts"),
    "no tails": lambda content: content.pop("tails"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused(name: str, merged: Reference, tmp_path: Path) -> None:
    path = write_reference(merged, tmp_path / "norm.json")
    content = json.loads(path.read_text("utf-8"))
    content.pop("digest")
    FORGED[name](content)
    content["digest"] = content_digest(content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(NormalizerError) as caught:
        read_reference(path)
    assert caught.value.code == "NRM-402", str(caught.value)


def test_a_w_larger_than_any_among_so_many_is_refused() -> None:
    frame = people(30)[["age", "sex", "g0"]]
    norm = Reference.of_frame(frame, NAMES)
    honest = count_normals(norm, frame.head(10), "auto")
    with_counts(norm, honest)
    largest = int(np.sqrt(27) / STEP) + 1
    for step, fits in ((largest, True), (largest + 2, False)):
        forged = np.zeros_like(honest.counts)
        forged[LAST_STEP] = 9
        forged[LAST_STEP + step] = 1
        own = replace(honest, counts=forged)
        if fits:
            with_counts(norm, own)
            continue
        with pytest.raises(NormalizerError) as caught:
            with_counts(norm, own)
        assert caught.value.code == "NRM-415"


def test_people_who_are_not_in_the_reference_are_refused(
    frame: pd.DataFrame, sums: Reference, counts: NormalCounts
) -> None:
    older = frame.head(20).assign(age=[*[50.0] * 19, 81.0])
    for others in (older, pd.concat([frame, frame.head(1)])):
        with pytest.raises(NormalizerError) as caught:
            count_normals(sums, others, "auto")
        assert caught.value.code == "NRM-415"
    with pytest.raises(NormalizerError) as caught:
        with_counts(sums, counts + count_normals(sums, frame.head(1), "auto"))
    assert caught.value.code == "NRM-415"


def test_counts_that_do_not_belong_together_are_refused(
    frame: pd.DataFrame, sums: Reference, counts: NormalCounts, merged: Reference
) -> None:
    other = Reference.of_frame(people(seed=3), NAMES, **DESIGN)
    theirs = count_normals(other, people(seed=3), "auto")
    for attempt, code in (
        (lambda: counts + theirs, "NRM-414"),
        (lambda: with_counts(sums, theirs), "NRM-414"),
        (lambda: merged.merge(other), "NRM-414"),
        (lambda: other.merge(merged), "NRM-414"),
        (lambda: counts + count_normals(sums, frame.head(9), "sinh_arcsinh"), "NRM-406"),
    ):
        with pytest.raises(NormalizerError) as caught:
            attempt()
        assert caught.value.code == code
