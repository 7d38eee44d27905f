"""Bad images and bad tables among good neighbours: each refused by name, and nobody else changed.

In the tests a part of the kinds; ``python tests/campaigns/test_bad_inputs.py 5`` tries all, with 5 seeds.
"""

from __future__ import annotations

import gzip
import math
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # where it is run alone

import evaluated
from normwise.cohort import read_cohort, read_study
from normwise.errors import NormwiseError
from normwise.features import extract_features
from normwise.samples import simulate_cohort
from normwise.schema import Study

pytestmark = pytest.mark.slow

Damage = Callable[[bytes, np.random.Generator], bytes]
_MOST_SECONDS = 60.0
_VOXELS = 352  # where they begin in the simulated images
FINE = ("refused", "left out", "the same")


def _flip(share: float) -> Damage:
    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        place = min(int((share + 0.05 * rng.random()) * len(content)), len(content) - 1)
        return content[:place] + bytes([content[place] ^ 1 << int(rng.integers(8))]) + content[place + 1 :]

    return damage


def _cut(share: float) -> Damage:
    return lambda content, rng: content[: int((share + 0.05 * rng.random()) * len(content))]


def _header(form: str, offset: int, *values: float) -> Damage:
    """Write values into the NIfTI header."""

    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        raw = bytearray(gzip.decompress(content))
        struct.pack_into(f"<{form}", raw, offset, *values)
        return gzip.compress(bytes(raw), 1)

    return damage


def _voxels(change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Damage:
    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        raw = gzip.decompress(content)
        voxels = np.frombuffer(raw, "<f4", offset=_VOXELS).copy()
        head = bytearray(raw[:_VOXELS])
        struct.pack_into("<hh", head, 70, 16, 32)
        return gzip.compress(bytes(head) + change(voxels, rng).astype("<f4").tobytes(), 1)

    return damage


def _random(content: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(len(content) // 2)


_NAN, _INF = math.nan, math.inf
_FLIPPED = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_CUT = (0.0, 0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.94)
IMAGES: dict[str, Damage] = {
    **{f"flipped at {share:.0%}": _flip(share) for share in _FLIPPED},
    **{f"cut at {share:.0%}": _cut(share) for share in _CUT},
    "empty": lambda *_: b"",
    "text": lambda *_: b"participant_id\tage\n",
    "page": lambda *_: b"<!doctype html><title>404</title>",
    "zeros": lambda content, _: bytes(len(content)),
    "random bytes": _random,
    "packed text": lambda *_: gzip.compress(b"no image" * 500),
    "packed zeros": lambda *_: gzip.compress(bytes(1 << 24)),
    "packed random bytes": lambda content, rng: gzip.compress(_random(content, rng)),
    "unpacked": lambda content, _: gzip.decompress(content),
    "packed twice": lambda content, _: gzip.compress(content),
    "half twice": lambda content, _: content[: len(content) // 2] * 2,
    "last byte lost": lambda content, _: content[:-1],
    "checksum lost": lambda content, _: content[:-8],
    "size_of_header 0": _header("i", 0, 0),
    "size_of_header of the other order": _header("i", 0, 0x5C010000),
    "size_of_header of NIfTI-2": _header("i", 0, 540),
    **{f"{count} dimensions": _header("h", 40, count) for count in (-1, 0, 1, 2, 5, 8, 32767)},
    **{f"side {side}": _header("h", 42, side) for side in (-5, 0, 1, 32767)},
    "sides of 32767": _header("hhh", 42, 32767, 32767, 32767),
    "two volumes announced": _header("hhhhh", 40, 4, 91, 109, 91, 2),
    **{f"type {code}": _header("h", 70, code) for code in (0, 1, 3, 32, 128, 255, 1536, 2304, 32000)},
    "bits 7": _header("h", 72, 7),
    **{f"slope {slope}": _header("f", 112, slope) for slope in (_NAN, _INF, -_INF)},
    "intercept NaN": _header("ff", 112, 1.0, _NAN),
    **{f"offset {offset}": _header("f", 108, offset) for offset in (-1.0, 353.5, 1e9, _NAN, _INF)},
    "no magic": _header("4s", 344, b"xxxx"),  # type: ignore[arg-type] # bytes for 4s
    "a pair's magic": _header("4s", 344, b"ni1\0"),  # type: ignore[arg-type] # bytes for 4s
    "affine of NaN": _header("ffff", 280, _NAN, 0.0, 0.0, 0.0),
    "affine of infinity": _header("ffff", 280, _INF, 0.0, 0.0, 0.0),
    "affine of rank 2": _header("ffff", 280, 0.0, 0.0, 0.0, 0.0),
    "affine far away": _header("ffff", 280, 2.0, 0.0, 0.0, 9e3),
    "no affine": _header("hh", 252, 0, 0),
    "all NaN": _voxels(lambda voxels, _: np.full_like(voxels, np.nan)),
    "one infinity": _voxels(lambda voxels, rng: _put(voxels, rng, np.inf)),
    "one NaN": _voxels(lambda voxels, rng: _put(voxels, rng, np.nan)),
    "all zero": _voxels(lambda voxels, _: np.zeros_like(voxels)),
    "all the same": _voxels(lambda voxels, _: np.full_like(voxels, 7.0)),
    "noise": _voxels(lambda voxels, rng: rng.normal(100, 20, voxels.shape)),
}  # fmt: skip


def _put(voxels: np.ndarray, rng: np.random.Generator, value: float) -> np.ndarray:
    voxels[rng.choice(np.flatnonzero(voxels > 0))] = value
    return voxels


def _tables() -> dict[str, Callable[[list[list[str]], int], bytes]]:
    """Return what is done to one row, or to the whole file: rows of cells in, a file out."""

    def cell(column: str, value: str) -> Callable[[list[list[str]], int], bytes]:
        def damage(rows: list[list[str]], row: int) -> bytes:
            rows[row][rows[0].index(column)] = value
            return _text(rows)

        return damage

    def line(change: Callable[[str], str]) -> Callable[[list[list[str]], int], bytes]:
        def damage(rows: list[list[str]], row: int) -> bytes:
            lines = _text(rows).decode().splitlines()
            lines[row] = change(lines[row])
            return ("\n".join(lines) + "\n").encode(errors="surrogateescape")

        return damage

    def whole(change: Callable[[bytes], bytes]) -> Callable[[list[list[str]], int], bytes]:
        return lambda rows, _: change(_text(rows))

    ages = ("", "abc", "NaN", "inf", "-inf", "-5", "999", "1e400", "7O", "70;71", "70/71", "0x46", "--",
            "=70+1", "7 0", "'70", "70%", "nan.0")  # fmt: skip
    labels = ("", "unknown", "AD?", "AD/normal", "n/a", "\x00", "0", "Alzheimer's")
    features = (
        "",
        "abc",
        "NaN",
        "inf",
        "1e999",
        "#DIV/0!",
        "=1+1",
        "1.2.3",
        "--",
        "ten",
        "1e",
        "0x1F",
        "1 000",
        "\u221e",
    )
    return {
        **{f"age {text!r}": cell("Age", text) for text in ages},
        **{f"label {text!r}": cell("dx", text) for text in labels},
        **{f"feature {text!r}": cell("f1", text) for text in features},
        "no id": cell("ID", ""),
        "a neighbour's id": cell("ID", "p001x"),
        "id of spaces": cell("ID", "   "),
        "id of a line break": cell("ID", "p\n1"),
        "id with NUL": cell("ID", "p\x00"),
        "site lost": cell("site", ""),
        "a cell too few": line(lambda text: text.rsplit(",", 1)[0]),
        "a cell too many": line(lambda text: text + ",1"),
        "cells lost": line(lambda text: text[: len(text) // 3]),
        "an open quote": line(lambda text: '"' + text),
        "a quote inside": line(lambda text: text.replace(",", ',"', 1)),
        "a second header": line(lambda _: "f0,f1,f2,f3,f4,ID,Age,site,dx"),
        "a foreign separator": line(lambda text: text.replace(",", ";")),
        "NUL in a line": line(lambda text: text[:9] + "\x00" + text[9:]),
        "half a character": line(lambda text: text[:9] + "\udcc3" + text[9:]),
        "a control character": cell("Age", "7\x1b0"),
        "an emoji for a number": cell("f1", "\U0001f600"),
        "a date for a number": cell("f1", "2021-03-04"),
        "a very long cell": cell("f1", "9" * 100_000),
        "a very long name": cell("ID", "p" * 100_000),
        "a list for a number": cell("f1", "[1; 2]"),
        "letters for a site and an age": cell("Age", "B"),
        "UTF-16": whole(lambda content: content.decode().encode("utf-16")),
        "UTF-32": whole(lambda content: content.decode().encode("utf-32")),
        "EBCDIC": whole(lambda content: content.decode().encode("cp037")),
        "empty": whole(lambda _: b""),
        "header alone": whole(lambda content: content.splitlines()[0] + b"\n"),
        "no header": whole(lambda content: content.split(b"\n", 1)[1]),
        "a column twice": whole(lambda content: content.replace(b"f1", b"f0", 1)),
        "a column without a name": whole(lambda content: content.replace(b"f1", b"", 1)),
        "no id column": whole(lambda content: content.replace(b"ID", b"XX", 1)),
        "no label column": whole(lambda content: content.replace(b"dx", b"xx", 1)),
        "no age column": whole(lambda content: content.replace(b"Age", b"xxx", 1)),
        "twice": whole(lambda content: content + content),
        "twice without the header": whole(lambda content: content + content.split(b"\n", 1)[1]),
        "zeros": whole(lambda content: bytes(len(content))),
        "a packed file": whole(gzip.compress),
        "a spreadsheet": whole(lambda content: b"PK\x03\x04" + content),
        "a page": whole(lambda _: b"<!doctype html><table><tr><td>1</td></tr></table>"),
        "JSON": whole(lambda _: b'{"ID": ["p001x"]}'),
        "one endless line": whole(lambda content: content.replace(b"\n", b" ")),
    }


def _text(rows: list[list[str]]) -> bytes:
    return ("\n".join(",".join(row) for row in rows) + "\n").encode()


def _compare(
    read: Callable[[], tuple[pd.DataFrame, set[str]]], before: pd.DataFrame, bad: set[str], also: set[str]
) -> dict[str, str]:
    """Return by bad subject (or "" for all) what became of it; neighbours that changed are named as well."""
    begun = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            after, out = read()
        except NormwiseError as error:
            return {"": "refused" if error.code else "no code"}
        except Exception as error:  # noqa: BLE001 - that is what is counted
            return {"": f"traceback: {type(error).__name__}: {error}"}
    found: dict[str, str] = {}
    if time.monotonic() - begun > _MOST_SECONDS:
        found["all"] = "too long"
    for name in before.index:
        same = name in after.index and after.loc[name].equals(before.loc[name])
        if name in bad:
            found[name] = "the same" if same else "left out" if name in out else "silent"
        elif not same and name in out and name in also:
            found[name] = "left out"  # whoever has another's name takes both out
        elif not same:
            found[name] = "a neighbour changed"
    return found


def image_campaign(folder: Path, kinds: list[str], seeds: int) -> Iterator[tuple[str, str]]:
    """Yield each kind of damage and what became of the image; all kinds lie in one cohort."""
    good = 6
    cohort_folder = folder / "cohort"
    study = read_study(simulate_cohort(cohort_folder, people=max(good + len(kinds), 12), seed=1))
    cohort = read_cohort(study)
    names = [str(name) for name in cohort.frame.index]
    images = {name: Path(str(cohort.images[name])) for name in names}
    victims = dict(zip(kinds, names[good:], strict=False))
    whole = {name: images[name].read_bytes() for name in victims.values()}

    def read() -> tuple[pd.DataFrame, set[str]]:
        table = extract_features(cohort, study, jobs=2, cache_dir=folder / "cache")
        return table.values, set(table.failures)

    before, _ = read()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        for kind, name in victims.items():
            images[name].write_bytes(IMAGES[kind](whole[name], rng))
        found = _compare(read, before, set(victims.values()), set())
        by_name = {name: kind for kind, name in victims.items()}
        for name, outcome in found.items():
            yield by_name.get(name, f"neighbour {name}"), outcome


def table_campaign(folder: Path, kinds: list[str], seeds: int) -> Iterator[tuple[str, str]]:
    """Yield each kind of damage and what became of the row, one table each."""
    damages = _tables()
    people = evaluated.people(count=24)
    study = evaluated.study_of(folder, people, classes={"normal": ["normal"], "AD": ["AD"]})
    study = study.model_copy(
        update={"features": study.features.model_copy(update={"columns": evaluated.COLUMNS})}
    )
    rows = [list(people.columns), *([str(cell) for cell in row] for row in people.to_numpy())]

    def read() -> tuple[pd.DataFrame, set[str]]:
        return _read_table(study)

    before, _ = read()
    for seed in range(seeds):
        row = int(np.random.default_rng(seed).integers(2, len(rows)))
        for kind in kinds:
            (folder / "people.csv").write_bytes(damages[kind]([list(each) for each in rows], row))
            names = set(map(str, before.index))
            also = names if kind.startswith("twice") else {"p001x"} if kind == "a neighbour's id" else set()
            found = _compare(read, before, {rows[row][rows[0].index("ID")]}, also)
            for name, outcome in found.items():
                yield (kind if outcome != "a neighbour changed" else f"{kind}, {name}"), outcome


def _read_table(study: Study) -> tuple[pd.DataFrame, set[str]]:
    cohort = read_cohort(study)
    table = extract_features(cohort, study)
    cohort = cohort.leave_out(table.failures)
    ledger = cohort.ledger
    out = set(ledger.loc[ledger["status"] != "included", "id"])
    values = pd.concat([table.values, cohort.frame, cohort.labels.rename("label")], axis=1)  # type: ignore[union-attr]
    listed = set(ledger["id"])
    # Whose row lost its own name is left out under what stands there.
    return values.loc[table.values.index], out | {name for name in _everybody(study) if name not in listed}


def _everybody(study: Study) -> list[str]:
    return [f"p{number:03d}x" for number in range(24)]


def test_bad_images_cost_nobody_else_anything(tmp_path: Path) -> None:
    kinds = list(IMAGES)[::14]
    found = list(image_campaign(tmp_path, kinds, seeds=1))
    assert [kind for kind, _ in found] == kinds
    assert [each for each in found if each[1] not in FINE] == []


def test_bad_tables_cost_nobody_else_anything(tmp_path: Path) -> None:
    found = list(table_campaign(tmp_path / "study", list(_tables())[::4], seeds=1))
    assert [each for each in found if each[1] not in FINE] == []


def _main(seeds: int) -> None:
    tables = list(_tables())
    for name, campaign, kinds in (
        ("tables", table_campaign, tables),
        ("images", image_campaign, list(IMAGES)),
    ):
        counts: Counter[str] = Counter()
        wrong: Counter[Any] = Counter()
        with tempfile.TemporaryDirectory() as scratch:
            for kind, outcome in campaign(Path(scratch) / "study", kinds, seeds):
                counts[outcome] += 1
                if outcome not in FINE:
                    wrong[kind, outcome] += 1
        sys.stdout.write(f"{len(kinds)} kinds of bad {name}, {seeds} seeds: {dict(counts)}\n{dict(wrong)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
