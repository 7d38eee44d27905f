"""Attention over tiles: it finds those that decide, sees no slide twice, and is not moved by empty places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from normwise.errors import FeatureError
from normwise.features.slides.attention_extractor import pack_bag
from normwise.features.slides.tile_table import TileTable
from normwise.learnt.attention import PRESENT, AttentionPooling, attend, bag_column
from normwise.networks.attention import train_attention

NAMES = ["size", "dark", *(f"other_{number}" for number in range(6))]


def slides(
    seed: int, people: int = 40, tiles: int = 120, planted: int = 6
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Bags whose patients have a few tiles with large, dark nuclei; every slide has its own level."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(people) % 2 == 1, "tumour", "normal")
    bags = rng.normal(size=(people, tiles, len(NAMES))) + 0.5 * rng.normal(size=(people, 1, len(NAMES)))
    where = np.zeros((people, tiles), dtype=bool)
    for person in np.flatnonzero(labels == "tumour"):
        chosen = rng.choice(tiles, planted, replace=False)
        where[person, chosen] = True
        bags[person, chosen, 0] += 4.0
        bags[person, chosen, 1] += 3.0
    return frame_of(bags), labels, where


def frame_of(bags: np.ndarray, present: np.ndarray | None = None) -> pd.DataFrame:
    people, tiles, _ = bags.shape
    there = np.ones((people, tiles)) if present is None else present
    table = np.concatenate([bags, there[:, :, None]], axis=2).reshape(people, -1)
    columns = [bag_column(tile, name) for tile in range(tiles) for name in (*NAMES, PRESENT)]
    return pd.DataFrame(table, columns=columns)


def test_it_finds_the_planted_tiles_of_slides_it_has_not_seen() -> None:
    train, labels, _ = slides(1)
    test, truth, where = slides(2)
    fitted = AttentionPooling(normal="normal").fit(train, labels)
    hits = []
    for row in np.flatnonzero(truth == "tumour"):
        tiles = test.iloc[row].to_numpy().reshape(-1, len(NAMES) + 1)[:, :-1]
        weights = fitted.attention(tiles)["tumour"]
        assert weights.sum() == pytest.approx(1.0)
        hits.append(where[row][np.argsort(-weights)[:6]].mean())
    assert np.mean(hits) > 0.8
    pooled = fitted.transform(test)
    assert list(pooled) == [f"{name}.attended" for name in NAMES]
    assert roc_auc_score(truth == "tumour", pooled["size.attended"]) > 0.95
    mean = AttentionPooling(pooling="mean").fit(train, labels).transform(test)
    assert roc_auc_score(truth == "tumour", mean["size.mean"]) < 0.8  # six tiles of 120 drown in the mean


def test_a_training_slide_is_pooled_by_a_network_that_has_not_seen_it() -> None:
    train, labels, _ = slides(7, people=18, tiles=20)
    fitted = AttentionPooling(normal="normal", epochs=10).fit(train, labels)
    bags = train.to_numpy().reshape(18, 20, -1)[:, :, :-1]
    unit, present = (bags - fitted.centre_) / fitted.scale_, np.ones((18, 20), dtype=bool)
    pooled = clone(fitted).fit_transform(train, labels).to_numpy()
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(train, labels)
    for number, (rest, mine) in enumerate(folds):
        weights = train_attention(
            unit[rest], present[rest], (labels[rest] == "tumour").astype(np.intp),
            classes=1, hidden=0, members=3, epochs=10, learning_rate=0.05, weight_decay=0.01, seed=1 + number,
        )  # fmt: skip
        expected = np.einsum("nk,nkd->nd", attend(unit[mine], present[mine], weights)[:, 0], bags[mine])
        np.testing.assert_allclose(pooled[mine], expected)
    expected = np.einsum("nk,nkd->nd", attend(unit, present, fitted.weights_)[:, 0], bags)
    np.testing.assert_allclose(fitted.transform(train), expected)


def test_places_without_a_tile_count_for_nothing() -> None:
    train, labels, _ = slides(3, people=20, tiles=30)
    bags = train.to_numpy().reshape(20, 30, -1)[:, :, :-1]
    wide = np.concatenate([bags, np.full((20, 5, len(NAMES)), 99.0)], axis=1)
    there = np.concatenate([np.ones((20, 30)), np.zeros((20, 5))], axis=1)
    one = AttentionPooling(normal="normal", epochs=10).fit(train, labels)
    other = AttentionPooling(normal="normal", epochs=10).fit(frame_of(wide, there), labels)
    np.testing.assert_allclose(one.weights_["w"], other.weights_["w"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("hidden", [0, 4])
def test_the_same_seed_gives_the_same_bytes(hidden: int) -> None:
    train, labels, _ = slides(4, people=12, tiles=20)
    pooling = AttentionPooling(hidden=hidden, epochs=5)
    one, other = (clone(pooling).fit(train, labels).transform(train).to_numpy() for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_several_diseases_have_an_attention_each_and_demographics_pass() -> None:
    train, _, _ = slides(5, people=12, tiles=20)
    train = train.assign(age=60.0)
    labels = np.array(["normal", "a", "b"] * 4)
    fitted = AttentionPooling(normal="normal", epochs=3, demographics=("age",)).fit(train, labels)
    assert fitted.classes_ == ["a", "b"]
    expected = [f"{name}.attended_{each}" for each in "ab" for name in NAMES] + ["age"]
    assert list(fitted.transform(train)) == expected == fitted.get_feature_names_out().tolist()
    assert AttentionPooling(epochs=3).fit(train.drop(columns="age"), labels).classes_ == ["a", "b", "normal"]


def test_a_plain_table_is_slides_of_one_tile() -> None:
    table = pd.DataFrame({"volume": [1.0, 2.0, 5.0, 7.0], "age": 60.0})
    pooling = AttentionPooling(normal="a", demographics=("age",))
    out = pooling.fit_transform(table, ["a", "b", "a", "b"])
    assert list(out) == ["volume.attended", "age"]
    np.testing.assert_array_equal(out, table)


def test_columns_of_tiles_that_are_incomplete_are_refused() -> None:
    with pytest.raises(FeatureError) as caught:
        AttentionPooling().fit(pd.DataFrame({bag_column(0, "size"): [1.0, 2.0]}), ["a", "b"])
    assert caught.value.code == "FEA-411"
    train, labels, _ = slides(6, people=6, tiles=8)
    fitted = AttentionPooling(pooling="mean").fit(train, labels)
    with pytest.raises(FeatureError):
        fitted.transform(train.drop(columns=bag_column(2, "size")))


def test_of_more_tiles_than_fit_evenly_spaced_ones_are_taken() -> None:
    table = TileTable(("a",), np.arange(100, dtype=np.float32)[:, None], np.zeros((100, 2), np.int32), 9)
    bag = pack_bag(table, ["a"], capacity=4).reshape(4, 2)
    assert bag.tolist() == [[0, 1], [33, 1], [66, 1], [99, 1]]
