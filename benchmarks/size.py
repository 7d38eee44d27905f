"""What an evaluation of very many people takes: ``python -m benchmarks size 2000 20000 100000``.

Features that shrink with age and, for a few, with disease: 300 columns of a table beside age and sex, one
repeat of five folds, logistic regression, six arms, one process, each size in a process of its own.
Printed are CPU seconds, the largest resident memory, the data as float64 numbers, and the exponent of time
from each size to the next. With ``columns`` a table of 99,000 columns and 200 people is read; with
``matrix`` W-scores of 1,000 × 1,000,000 features are written from one memory-mapped file to another. Goals,
set beforehand: memory at most 250 MB and four times the data, an exponent of at most 1.05, 190 CPU s for
20,000 people, 20 CPU s for the columns, 500 MB for the matrix. Another version is measured by
``NORMWISE_PYTHON=/its/bin/python``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

FEATURES, CHUNK = 300, 5000
STUDY = """
[cohort]
root = "."
table = "people.tsv"
id = "id"
label = "dx"
demographics = ["age", "sex"]
classes = {normal = ["normal"], AD = ["AD"]}
[features]
extractor = "table"
columns = ["region_*"]
[evaluation]
folds = 5
repeats = 1
"""


def main() -> None:
    sizes = sys.argv[2:] or ["2000", "20000"]
    before: tuple[int, float] | None = None
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            if size == "matrix":
                write_scores(Path(name))
                continue
            if size == "columns":
                read_wide(Path(name))
                continue
            people, folder = int(size), Path(name)
            write_cohort(folder, people)
            seconds, most = evaluate(folder)
        data = people * FEATURES * 8 / 1e6
        memory = f"{most:6.0f} MB of at most {250 + 4 * data:.0f} (data {data:.0f})"
        text = f"{people:>7} people  {seconds:7.1f} CPU s  {memory}"
        if before is not None:
            text += f"  exponent {np.log(seconds / before[1]) / np.log(people / before[0]):.2f}"
        print(text, flush=True)
        before = (people, seconds)


def write_cohort(folder: Path, people: int) -> None:
    """Write the study and its table, some people at a time."""
    rng = np.random.default_rng(0)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    with (folder / "people.tsv").open("w", encoding="utf-8") as table:
        columns = [f"region_{number}.mean" for number in range(FEATURES)]
        table.write("\t".join(["id", "age", "sex", "dx", *columns]) + "\n")
        for first in range(0, people, CHUNK):
            numbers = np.arange(first, min(first + CHUNK, people))
            patient, age = numbers % 2 == 1, rng.uniform(60, 90, len(numbers)).round(1)
            values = rng.normal(size=(len(numbers), FEATURES)) - 0.03 * age[:, None]
            values[:, :10] -= 0.5 * patient[:, None]
            for row, number in enumerate(numbers):
                cells = [
                    f"s{number:06d}",
                    f"{age[row]}",
                    "FM"[rng.integers(2)],
                    "AD" if patient[row] else "normal",
                ]
                table.write("\t".join([*cells, *(f"{value:.5f}" for value in values[row])]) + "\n")


def evaluate(folder: Path) -> tuple[float, float]:
    """Return CPU seconds and the largest resident megabytes of an evaluation."""
    python = os.environ.get("NORMWISE_PYTHON", sys.executable)
    command = [python, "-m", "normwise.cli", "evaluate", "study.toml", "run", "--jobs", "1", "-q"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the evaluation ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def read_wide(folder: Path) -> None:
    """Print what reading and checking 99,000 columns of 200 people takes."""
    from normwise.cohort import read_table
    from normwise.features.columns import read_columns

    people, columns = 200, 99_000
    rng = np.random.default_rng(0)
    with (folder / "wide.tsv").open("w", encoding="utf-8") as table:
        table.write("\t".join(["id", *(f"v{number}" for number in range(columns))]) + "\n")
        for row in range(people):
            table.write(
                "\t".join([f"s{row}", *(f"{value:.5f}" for value in rng.normal(size=columns))]) + "\n"
            )
    began = time.process_time()
    frame = read_table(folder / "wide.tsv").frame
    read_columns(frame.iloc[:, 1:], "wide.tsv")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{columns} columns, {people} people: {time.process_time() - began:.1f} CPU s, {most:.0f} MB",
        flush=True,
    )


def write_scores(folder: Path) -> None:
    """Print what the W-scores of a matrix of 4 GB take beside the pages of the files."""
    from normwise.normalize.blocked.fit import fit_standardize
    from normwise.normalize.blocked.regression import People, inverse_triangle

    people, features, width = 1000, 1_000_000, 10_000
    rng = np.random.default_rng(0)
    kinds = {"shape": (people, features), "dtype": np.float32, "fortran_order": True}
    values = np.lib.format.open_memmap(folder / "features.npy", mode="w+", **kinds)
    block = rng.normal(size=(people, width)).astype(np.float32)
    for first in range(0, features, width):
        values[:, first : first + width] = block + np.float32(first % 7)
    scores = np.lib.format.open_memmap(folder / "w.npy", mode="w+", **kinds)
    design = np.column_stack([np.ones(people), rng.uniform(-15, 15, people), rng.integers(0, 2, people)])
    normals = np.arange(0, people, 2)
    everybody = People(design @ inverse_triangle(design[normals]))
    before, began = anonymous(), time.process_time()
    most = [before]
    watch = threading.Thread(target=sample, args=(most,), daemon=True)
    watch.start()
    fit_standardize(values, everybody, normals, out=scores)
    taken = time.process_time() - began
    memory = f"{max(most):.0f} MB, {before:.0f} before"
    print(f"W of {people} × {features}: {taken:.1f} CPU s, {memory}", flush=True)


def sample(most: list[float]) -> None:
    """Note the memory of the process that is no file's, again and again."""
    while True:
        most.append(anonymous())
        time.sleep(0.02)


def anonymous() -> float:
    """Return the megabytes of the process that are no file's."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("RssAnon:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
