"""A matrix larger than memory: what is needed beside the mapping stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHILD = """
import sys, tracemalloc
import numpy as np, pandas as pd
from normwise.normalize import FeatureNormalizer
from normwise.normalize.blocked.fit import fit_regression, standardize
from normwise.normalize.blocked.regression import People, inverse_triangle

path, out, n, m = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
rng = np.random.default_rng(0)
design = np.column_stack([np.ones(n), rng.normal(size=(n, 5))])
people = People(design @ inverse_triangle(design))
voxels = np.load(path, mmap_mode="r")
target = np.lib.format.open_memmap(out, mode="w+", dtype=np.float32, shape=(n, m))
tracemalloc.start()
fit = fit_regression(voxels, people)
standardize(fit, voxels, people, out=target)
print(tracemalloc.get_traced_memory()[1])
frame = pd.DataFrame(voxels, columns=[f"v{i}" for i in range(m)], copy=False)
frame = pd.concat([frame, pd.DataFrame(design[:, 1:], columns=list("abcde"))], axis=1)
tracemalloc.reset_peak()
before = tracemalloc.get_traced_memory()[0]
FeatureNormalizer(demographics=list("abcde")).fit(frame)
print(tracemalloc.get_traced_memory()[1] - before)
"""


def peaks(folder: Path, n: int, m: int) -> list[int]:
    """Return the bytes allocated at most by the functions on arrays and by the estimator's fit on a frame."""
    path = folder / "voxels.npy"
    voxels = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, m))
    rng = np.random.default_rng(1)
    for row in voxels:
        row[:] = rng.standard_normal(m, dtype=np.float32)
    voxels.flush()
    arguments = [sys.executable, "-c", CHILD, str(path), str(folder / "w.npy"), str(n), str(m)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=1000, check=False)
    assert done.returncode == 0, done.stderr
    w = np.load(folder / "w.npy", mmap_mode="r")
    # Six parameters lower the residuals, and what is expected of a person is uncertain by as much.
    np.testing.assert_allclose(w[:, ::997].std(axis=0), np.sqrt((1 - 6 / n) / (1 + 6 / n)), atol=0.003)
    return [int(line) for line in done.stdout.split()]


def test_a_mapped_matrix_is_never_copied(tmp_path: Path) -> None:
    on_arrays, on_frame = peaks(tmp_path, 1000, 20_000)
    assert on_arrays < 8e6  # the matrix has 80 MB
    assert on_frame < 24e6  # with the columns' names


@pytest.mark.slow
def test_300_000_voxels_need_under_200_mb(tmp_path: Path) -> None:
    assert max(peaks(tmp_path, 300, 300_000)) < 200e6  # the matrix has 360 MB
