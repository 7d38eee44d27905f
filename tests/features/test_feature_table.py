from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from normwise.errors import FeatureError, ImageError
from normwise.features.feature_table import (
    WIDE,
    FeatureTable,
    check_range,
    failed_checks,
    read_features,
    write_features,
)
from normwise.results import FeatureNote


def table_of(n_columns):
    rng = np.random.default_rng(0)
    ids = pd.Index(["007", "NA", "s 3"], name="id", dtype=object)
    names = [f"region_{number}.mean" for number in range(n_columns)]
    values = pd.DataFrame(rng.normal(size=(3, n_columns)), index=ids, columns=names)
    notes = {name: FeatureNote("intensity", f"Mean intensity: {name}", name[:-5], 7) for name in names[:5]}
    failures = {"004": ImageError("IMG-101", "the file is empty.", subject="004", advice="copy it again")}
    return FeatureTable(values, notes, failures, "0123abcd")


def test_every_bit_comes_back(tmp_path):
    table = table_of(5)
    write_features(table, tmp_path)
    back = read_features(tmp_path)
    pd.testing.assert_frame_equal(back.values, table.values, check_exact=True)
    assert back.notes == table.notes
    assert back.hash == table.hash
    assert back.failures["004"].to_dict() == table.failures["004"].to_dict()


def test_the_sidecar_says_unit_and_description_of_every_column(tmp_path):
    write_features(table_of(5), tmp_path)
    about = json.loads((tmp_path / "features.json").read_text())
    header = (tmp_path / "features.tsv").read_text().splitlines()[0].split("\t")
    assert header[0] == "id"
    for name in header[1:]:
        assert about[name]["Units"] == "intensity"
        assert about[name]["Description"].startswith("Mean intensity")


def test_a_feature_called_as_a_formula_is_quoted_and_comes_back(tmp_path):
    table = table_of(2)
    names = ["=cmd|' /C calc'!A0", "-1.5"]
    notes = dict.fromkeys(names, FeatureNote("", "from a table", ""))
    table = FeatureTable(table.values.set_axis(names, axis=1), notes, hash="abc")
    write_features(table, tmp_path)
    head = (tmp_path / "features.tsv").read_text().splitlines()[0]
    assert head.split("\t") == ["id", "'=cmd|' /C calc'!A0", "-1.5"]
    pd.testing.assert_frame_equal(read_features(tmp_path).values, table.values)


def test_thousands_of_columns_go_into_a_matrix(tmp_path):
    table = table_of(WIDE + 1)
    write_features(table, tmp_path)
    assert (tmp_path / "features.tsv").read_text().split() == ["id", "007", "NA", "s", "3"]
    back = read_features(tmp_path)
    pd.testing.assert_frame_equal(back.values, table.values, check_exact=True)
    write_features(table_of(2), tmp_path)
    assert not (tmp_path / "features.npy").exists()
    assert read_features(tmp_path).values.shape == (3, 2)


@pytest.mark.parametrize("damage", ["features.tsv", "features.json", "text"])
def test_a_damaged_run_is_named(tmp_path, damage):
    write_features(table_of(2), tmp_path)
    if damage == "text":
        path = tmp_path / "features.tsv"
        path.write_text(path.read_text().replace("0", "zero", 5))
    else:
        (tmp_path / damage).unlink()
    with pytest.raises(FeatureError) as caught:
        read_features(tmp_path)
    assert caught.value.code == "FEA-108"


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_features(table_of(3), tmp_path / name)
    for name in ("features.tsv", "features.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("value", "low", "high", "passed"),
    [
        (0.9, 0.9, 2.4, True),
        (0.899, 0.9, 2.4, False),
        (2.4, 0.9, 2.4, True),
        (2.401, 0.9, 2.4, False),
        (-5.0, None, 0.0, True),
        (7.0, None, None, True),
        (float("nan"), None, None, False),
    ],
)
def test_a_check_passes_from_its_low_to_its_high_limit(value, low, high, passed):
    check = check_range("mask", "brain mask", "l", value, low, high)
    assert check.passed == passed
    assert failed_checks([check]) == ([] if passed else [check])
    assert check.text


@pytest.mark.parametrize("gap", [False, True])
def test_a_table_is_written_as_pandas_writes_it(tmp_path, gap):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=(20, 3)), 10.0 ** rng.integers(-300, 300, (20, 3)),
                             rng.integers(-9, 9, (20, 2)) * 1.0, -np.zeros((20, 1))], axis=1)  # fmt: skip
    if gap:
        values[3, 2] = np.nan
    names = ["plain", 'quo"ted', "a\tb", *(f"f{number}" for number in range(6))]
    ids = pd.Index(['s"1', *(f"s{row}" for row in range(1, 20))], name="id", dtype=object)
    frame = pd.DataFrame(values, index=ids, columns=names)
    write_features(FeatureTable(frame, {}, {}, "0123abcd"), tmp_path)
    expected = frame.to_csv(sep="\t", index_label="id", lineterminator="\n")
    assert (tmp_path / "features.tsv").read_text(encoding="utf-8") == expected
