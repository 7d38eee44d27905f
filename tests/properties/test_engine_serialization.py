"""Laws of stored results: what goes in comes out, and no changed byte is taken for the result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from normwise.engine.serialization import DamagedError, decode, encode_value

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ARRAYS = hnp.arrays(
    st.one_of(hnp.integer_dtypes(), hnp.floating_dtypes(), hnp.boolean_dtypes()),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(st.dictionaries(st.text(), PLAIN | ARRAYS, max_size=4))
def test_what_goes_in_comes_out(value):
    content = encode_value(value)
    back = decode(content).value
    assert list(back) == list(value)
    for name, item in value.items():
        if isinstance(item, np.ndarray):
            assert back[name].dtype == item.dtype
            np.testing.assert_array_equal(back[name], item)
        else:
            assert back[name] == item
    assert encode_value(back) == content


@given(st.data())
def test_no_changed_byte_passes(data):
    content = bytearray(encode_value({"array": np.arange(5.0), "number": 1}))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedError):
        decode(bytes(content))
