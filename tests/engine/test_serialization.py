"""A result as bytes: everything comes back, the same value gives the same bytes, damage is found."""

from __future__ import annotations

import warnings
import zlib

import numpy as np
import pytest

from normwise.engine.serialization import (
    DamagedError,
    decode,
    encode_error,
    encode_value,
    read_shared,
    read_stored,
    write_stored,
)
from normwise.errors import EngineError, FeatureError, NormwiseWarning


def test_every_plain_thing_comes_back():
    value = {
        "b": np.arange(6, dtype=">i2").reshape(2, 3),
        "a": np.asfortranarray(np.ones((2, 3), dtype=np.float32)),
        "none": None,
        "flag": np.bool_(True),
        "nan": float("nan"),
        "deep": {"list": [np.int64(3), 2.5, "x"]},
        "words": np.array(["left", "right"]),
        "empty": np.empty((0, 3)),
    }
    stored = decode(encode_value(value, [NormwiseWarning("IMG-901", "odd.", value=2.0)]))
    assert list(stored.value) == list(value)
    for name in ("a", "b", "words", "empty"):
        np.testing.assert_array_equal(stored.value[name], value[name])
        assert stored.value[name].dtype == value[name].dtype
    assert stored.value["deep"] == {"list": [3, 2.5, "x"]}
    assert stored.value["none"] is None
    assert stored.value["flag"] is True
    assert np.isnan(stored.value["nan"])
    assert [vars(warning) for warning in stored.warnings] == [
        {"code": "IMG-901", "text": "odd.", "subject": None, "value": 2.0}
    ]


def test_the_same_value_gives_the_same_bytes():
    def value():
        return {"array": np.linspace(0, 1, 100), "number": 0.1}

    assert encode_value(value()) == encode_value(value())


@pytest.mark.parametrize(
    "value",
    [None, [1], {1: 2}, {"x": object()}, {"x": np.array([object()])}, {"x": {1, 2}}, {"x": [np.ones(2)]}],
)
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises(EngineError) as refused:
        encode_value(value)
    assert refused.value.code == "ENG-206"


def test_an_error_comes_back_with_its_fields():
    error = FeatureError("FEA-101", "no.", subject="sub-01", seen="a", expected="b", advice="c")
    back = decode(encode_error(error)).error
    assert isinstance(back, FeatureError)
    assert back.to_dict() == error.to_dict()


def test_every_cut_is_found():
    content = encode_value({"x": np.arange(3)})
    for length in range(len(content)):
        with pytest.raises(DamagedError):
            decode(content[:length])
    with pytest.raises(DamagedError):
        decode(content + b"\0")


def _damages(whole):
    yield b""
    yield whole[: len(whole) // 2]
    for place in range(0, len(whole), 7):
        yield whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]


def test_every_damage_to_a_stored_file_is_found_and_named(tmp_path):
    path = tmp_path / "grid.stored"
    write_stored(path, {"where": np.arange(9), "side": 3})
    for content in _damages(path.read_bytes()):
        path.write_bytes(content)
        with pytest.warns(NormwiseWarning, match=r"ENG-302  grid\.stored"):
            assert read_stored(path) is None


def test_a_damaged_compressed_file_gives_the_same_or_nothing(tmp_path):
    path = tmp_path / "grid.stored"
    write_stored(path, {"side": 3}, compress=zlib.compress)
    assert read_stored(path, decompress=zlib.decompress) == {"side": 3}
    for content in _damages(path.read_bytes()):
        path.write_bytes(content)
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always")
            found = read_stored(path, decompress=zlib.decompress)
        # A few bits of a deflate stream mean nothing.
        assert (found is None and len(raised) == 1) or (found == {"side": 3} and not raised)


def test_what_is_not_there_is_no_damage(tmp_path):
    assert read_stored(tmp_path / "absent") is None


def test_a_shared_file_that_is_damaged_or_gone_is_named(tmp_path):
    path = tmp_path / "atlas.stored"
    write_stored(path, {"labels": np.arange(4)})
    assert read_shared(path)["labels"].tolist() == [0, 1, 2, 3]
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        with pytest.raises(EngineError, match="share") as refused:
            read_shared(path)
        assert (refused.value.code, refused.value.seen) == ("ENG-304", "atlas.stored")
        path.unlink(missing_ok=True)
