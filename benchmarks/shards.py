"""What a second run on the same images costs, and what shards cost beside one run.

24 simulated heads whose regions are measured by the command, in processor seconds of everything that it
starts: once from nothing; in another run folder on the same cache; in four shards, one after the other, with
nothing shared but the run folder; and gathered. The features must be those of the one run, to the byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PEOPLE, SHARDS = 24, 4


def main() -> None:
    from normwise.samples import simulate_cohort

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = simulate_cohort(folder / "cohort", people=PEOPLE, seed=0)

        def extract(run: str, cache: str, *words: str) -> float:
            before = os.times()
            subprocess.run(
                [sys.executable, "-m", "normwise.cli", "extract", str(study), str(folder / run), "-q",
                 "--jobs", "1", *words],
                env={**os.environ, "NORMWISE_CACHE": str(folder / cache)},
                check=True,
            )  # fmt: skip
            after = os.times()
            return sum(after[2:4]) - sum(before[2:4])

        one = extract("one", "cache")
        _show("one run, from nothing", one, one)
        _show("another run on the same cache", extract("two", "cache"), one)
        shards = [extract("parts", f"machine{k}", "--shard", f"{k}/{SHARDS}") for k in range(SHARDS, 0, -1)]
        _show(f"{SHARDS} shards together", sum(shards), one)
        _show("gathering", extract("parts", "last"), one)
        runs = [(folder / run / "features.tsv").read_bytes() for run in ("one", "two", "parts")]
        print(f"  features.tsv of the three runs: {'the same bytes' if len(set(runs)) == 1 else 'DIFFERENT'}")


def _show(what: str, seconds: float, one: float) -> None:
    print(f"  {what:<40}{seconds:8.1f} CPU s  {seconds / one:5.2f} of one run")
