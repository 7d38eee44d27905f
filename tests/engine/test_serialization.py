"""A result as bytes: everything comes back, the same value gives the same bytes, damage is found."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.engine.serialization import DamagedError, decode, encode_error, encode_value
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
