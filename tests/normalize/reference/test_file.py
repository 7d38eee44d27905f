"""The file of a reference: equal for equal sums, readable, and refused where it was forged."""

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
from normwise.normalize import Measurement, Reference, read_reference, write_reference

Content = dict[str, Any]


@pytest.fixture
def reference() -> Reference:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.uniform(20, 80, 60), "sex": rng.choice(["F", "M"], 60)})
    for place in range(3):
        frame[f"f{place}"] = 3.0 * frame["age"] + rng.normal(0, 9, 60)
    return Reference.of_frame(
        frame, ["age", "sex"], design="spline", knots={"age": [30, 50, 70]}, interactions=[("age", "sex")],
        units={"f0": "mm³"}, measurement=Measurement("brain", "ab" * 32, {"atlas": "aal"}),
    )  # fmt: skip


def test_it_reads_back_as_it_was(reference: Reference, tmp_path: Path) -> None:
    path = write_reference(reference, tmp_path / "norm.json")
    back = read_reference(path)
    assert (back.features, back.units, back.measurement) == (
        reference.features, reference.units, reference.measurement,
    )  # fmt: skip
    assert back.sums.parts == reference.sums.parts
    assert (back.sums.products == reference.sums.products).all()
    again = write_reference(back, tmp_path / "again.json")
    assert again.read_bytes() == path.read_bytes()
    assert str(tmp_path) not in path.read_text("utf-8")


def test_a_changed_or_cut_file_is_refused(reference: Reference, tmp_path: Path) -> None:
    path = write_reference(reference, tmp_path / "norm.json")
    whole = path.read_bytes()
    places = [len(whole) // 3, len(whole) // 2, len(whole) - 90]
    damaged = [
        whole[:-40],
        b"",
        b"[]",
        b"{}",
        b"[" * 200_000,
        b"\xff\xfe",
        whole.replace(b'"normals": 60', b'"normals": 61'),
    ]
    damaged += [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    for number, content in enumerate(damaged):
        other = tmp_path / f"{number}.json"
        other.write_bytes(content)
        with pytest.raises(NormalizerError) as caught:
            read_reference(other)
        assert caught.value.code == "NRM-401", content[:80]


def change(place: list[Any], value: Any) -> Callable[[Content], None]:
    def apply(content: Content) -> None:
        inner: Any = content
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value(inner[place[-1]]) if callable(value) else value

    return apply


FORGED = {
    "another number of normals": change(["normals"], 61),
    "a person that is no whole one": change(["design", 0, 0], lambda total: total + 1),
    "nobody": change(["design", 0, 0], 0),
    "text for a number": change(["design", 1, 0], "12"),
    "a fraction": change(["features", 0, "square"], 0.5),
    "truth for a number": change(["features", 0, "square"], True),
    "a number without end": change(["features", 0, "square"], 1 << 300),
    "negative squares": change(["features", 0, "square"], lambda total: -total),
    "smaller squares than the mean allows": change(["features", 1, "square"], lambda total: total // 2),
    "a correlation above one": change(["features", 0, "products", 1], lambda total: total * 3),
    "one product fewer": change(["features", 0, "products"], lambda all_of: all_of[:-1]),
    "a feature twice": change(["features", 0, "name"], "f1"),
    "a feature called as a demographic": change(["features", 0, "name"], "age"),
    "a mean outside the range": change(["demographics", 0, "high"], 30.0),
    "a range upside down": change(["demographics", 0, "low"], 90.0),
    "an endless range": change(["demographics", 0, "high"], float("inf")),
    "knots that fall": change(["demographics", 0, "knots"], [30.0, 20.0, 70.0]),
    "two knots": change(["demographics", 0, "knots"], [30.0, 50.0]),
    "levels unsorted": change(["demographics", 1, "levels"], ["M", "F"]),
    "a level too many": change(["demographics", 1, "levels"], ["F", "M", "X"]),
    "no level": change(["demographics", 1, "levels"], []),
    "people of two sexes": change(["design", 4, 3], lambda total: total + (1 << 48)),
    "other columns": change(["columns", 0], "one"),
    "an interaction of nothing": change(["interactions", 0], ["age", "site"]),
    "an extraction that is no hash": change(["measured", "extraction"], "../../etc"),
    "a key more": change(["names"], ["Ann"]),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused(name: str, reference: Reference, tmp_path: Path) -> None:
    path = write_reference(reference, tmp_path / "norm.json")
    content = json.loads(path.read_text("utf-8"))
    content.pop("digest")
    if name == "a key more":
        content["names"] = None
    FORGED[name](content)
    content["digest"] = content_digest(content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(NormalizerError) as caught:
        read_reference(path)
    assert caught.value.code == "NRM-402", str(caught.value)


def test_another_version_of_the_format_is_refused(reference: Reference, tmp_path: Path) -> None:
    path = write_reference(reference, tmp_path / "norm.json")
    content = json.loads(path.read_text("utf-8")) | {"version": 2}
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(NormalizerError, match="version 2") as caught:
        read_reference(path)
    assert caught.value.code == "NRM-401"
