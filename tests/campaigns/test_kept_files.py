"""Flipped bits in every kind of file that is kept between runs: each is found, or changes nothing.

In the tests a few flips a kind; ``python tests/campaigns/test_kept_files.py 1000`` makes more and prints
counts.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # where it is run alone

import evaluated
from normwise.engine import read_stored, write_stored
from normwise.engine.cache import Cache
from normwise.engine.serialization import encode_value
from normwise.errors import NormwiseError
from normwise.evaluate import evaluate_study
from normwise.features.brain.stage_cache import StageStore
from normwise.features.slides.worker import BlockCheckpoint
from normwise.model import load_model, train_study
from normwise.normalize import (
    Reference,
    SiteHarmonizer,
    count_normals,
    digest_of,
    measure_site,
    read_card,
    read_sums,
    write_card,
    write_reference,
)
from normwise.run_folder import RunFolder

pytestmark = pytest.mark.slow

Read = Callable[[], Any]
"""Reads a file: raises a `NormwiseError` or returns None where it is damaged, else what it holds."""


def _kinds(folder: Path) -> Iterator[tuple[str, Path, Read]]:
    """Give each kind of kept file: its name, the file, and how it is read."""
    arrays = {"where": np.arange(300), "values": np.linspace(0, 1, 99, dtype=np.float32)}
    placed = folder / "placed.stored"
    write_stored(placed, arrays)
    yield "placed atlas, points, hashes of inputs", placed, lambda: read_stored(placed)
    key = "ab" * 32
    cache = Cache(folder / "cache")
    cache.put(key, encode_value(arrays))
    yield "result", next((folder / "cache").rglob("*.result")), lambda: cache.get(key)
    stages = StageStore(folder / "stages")
    stages.put(key, arrays)
    yield "stage", next((folder / "stages").rglob("*.stage")), lambda: stages.get(key)
    blocks = BlockCheckpoint(folder / "blocks", {"tile": 1})
    blocks.put(0, arrays)
    yield "block of tiles", next((folder / "blocks").rglob("block*")), lambda: blocks.get(0)
    yield from _network_kinds(folder)
    yield from _norm_kinds(folder)
    run = RunFolder(folder / "run")
    study = evaluated.study_of(folder / "study", evaluated.people(count=60))
    evaluate_study(study, run.path)
    train_study(study, run.path)
    for name in (run.RECORD, run.STUDY, run.COHORT, run.FEATURES, run.FEATURE_NOTES, run.PREDICTIONS):
        yield f"run: {name}", run / name, lambda name=name: (run.check(), run.read(name))[1]
    for name in (run.EVALUATION, run.EXPLANATION, run.DESCRIPTION):
        yield f"run: {name}", run / name, lambda name=name: (run.check(), run.read(name))[1]
    for path in sorted((run / run.MODEL).iterdir()):
        yield f"model: {path.name}", path, lambda: load_model(run.path).feature_names


def _network_kinds(folder: Path) -> Iterator[tuple[str, Path, Read]]:
    torch = pytest.importorskip("torch")
    from normwise.networks.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

    training = {"epochs": 3, "key": "abc"}
    path = folder / "fold.safetensors"
    facts = {"training": training, "epoch": 1, "losses": [0.5]}
    write_checkpoint(path, Checkpoint({"module.weight": torch.arange(200.0)}, facts))
    yield "checkpoint", path, lambda: read_checkpoint(path, training)


def _norm_kinds(folder: Path) -> Iterator[tuple[str, Path, Read]]:
    rng = np.random.default_rng(0)
    normals = pd.DataFrame(rng.normal(size=(120, 6))).add_prefix("f").assign(age=rng.uniform(50, 80, 120))
    sums = Reference.of_frame(normals, ["age"])
    for name, part in (("reference", sums), ("counts of W", count_normals(sums, normals, "auto"))):
        path = write_reference(part, folder / f"{name}.json")
        yield name, path, lambda path=path: digest_of(read_sums(path))
    scans = normals.assign(site=np.array(["A", "B", "C", "D", "new"])[np.arange(120) % 5])
    here = scans["site"] != "new"
    harmonizer = SiteHarmonizer("site", ("age",), "normal", method="hierarchical")
    harmonizer.fit(scans[here], ["normal"] * int(here.sum()))
    path = folder / "card.json"
    write_card(measure_site(harmonizer, scans[~here]), path)
    yield "site card", path, lambda: read_card(path)


def flip_bits(path: Path, read: Read, count: int, seed: int) -> Counter[str]:
    """Flip one bit at a time, and count what reading the file comes to."""
    rng = np.random.default_rng(seed)
    whole = path.read_bytes()
    before = _text(read())
    counts: Counter[str] = Counter()
    for _ in range(count):
        place, bit = int(rng.integers(len(whole))), int(rng.integers(8))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        counts[_outcome(read, before)] += 1
    path.write_bytes(whole)
    assert _text(read()) == before
    return counts


def _outcome(read: Read, before: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read()
        except NormwiseError:
            return "refused"
        except Exception as error:  # noqa: BLE001 - that is what is counted
            return f"traceback: {type(error).__name__}"
    return "made again" if found is None else "the same" if _text(found) == before else "silent"


def _text(found: Any) -> str:
    value = getattr(found, "value", getattr(found, "tensors", found))
    if isinstance(value, dict):
        return repr({name: getattr(each, "tolist", lambda each=each: each)() for name, each in value.items()})
    return repr(zlib.crc32(value)) if isinstance(value, bytes) else repr(value)


def test_no_flipped_bit_is_silent(tmp_path: Path) -> None:
    for number, (name, path, read) in enumerate(_kinds(tmp_path)):
        counts = flip_bits(path, read, 8 if name.startswith("model") else 25, seed=number)
        assert set(counts) <= {"refused", "made again", "the same"}, (name, counts)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, path, read) in enumerate(_kinds(Path(scratch))):
            counts = flip_bits(path, read, int(sys.argv[1]) if len(sys.argv) > 1 else 1000, seed=number)
            sys.stdout.write(f"{name}: {dict(counts)}\n")
            sys.stdout.flush()
