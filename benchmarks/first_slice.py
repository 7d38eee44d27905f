"""The first slices of a 1 mm head in the viewer: from asking for its page until Chromium has drawn them.

The list is open already, as a person comes from it; the head is 256³ voxels of int16, compressed, 14 MB, with
130 regions. Marks are the page's own (`performance.mark`). ``python -m benchmarks first_slice``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TRIALS = 5


def main() -> None:
    import nibabel as nib
    import nilearn
    import numpy as np

    from normwise.cli.main import main as command
    from serve.test_browser import make_study

    with tempfile.TemporaryDirectory() as place:
        study, run = make_study(Path(place) / "cohort"), Path(place) / "run"
        assert command(["evaluate", str(study), str(run), "--jobs", "1", "--quiet"]) == 0
        # Measured on small heads; the one that is looked at is exchanged for one of 1 mm.
        data, rng = Path(nilearn.__file__).parent / "datasets" / "data", np.random.default_rng(0)
        brain = np.asarray(nib.load(data / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz").dataobj)
        brain = np.pad(brain, [((256 - side) // 2, 256 - side - (256 - side) // 2) for side in brain.shape])
        head = (
            rng.rayleigh(8, brain.shape)
            + brain / brain.max() * 600
            + (brain > 0) * rng.normal(0, 20, brain.shape)
        )
        parts = np.indices(brain.shape, dtype=np.int16) // 24
        labels = ((parts[0] * 10 + parts[1]) * 8 + parts[2]) % 130 + 1
        affine = np.eye(4)
        affine[:3, 3] = -128
        for end, voxels in (("", head.clip(0)), ("_dseg", labels * (brain > 0))):
            path = Path(place) / "cohort" / "scans" / f"p03{end}.nii.gz"
            nib.save(nib.Nifti1Image(voxels.astype(np.int16), affine), path)
        for _ in range(TRIALS):
            seconds = first_slices(run, Path(place))
            print(f"first slices after {seconds:.2f} s, load {os.getloadavg()[0]:.1f}")


def first_slices(run: Path, place: Path) -> float:
    """Start the command and a browser, and return the seconds."""
    from chromium import browser

    command = [sys.executable, "-m", "normwise.cli", "view", str(run), "--quiet"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as viewer,
        tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as profile,
        browser(Path(profile)) as page,
    ):
        assert viewer.stdout is not None
        address = viewer.stdout.readline().strip()
        try:
            page.resize(1280, 900)
            page.open(address)
            page.wait("new Promise((done) => setTimeout(() => done(true), 2000))")  # somebody reads the list
            page.run(f"location.href = '{address.partition('/?')[0]}/person/3'; true")
            drawn = "performance.getEntriesByName('first slices')"
            page.wait(f"location.pathname === '/person/3' && {drawn}.length")
            assert page.run("[...document.querySelectorAll('#head img')].every((each) => each.naturalWidth)")
            found = page.run(f"{drawn}[0].startTime")
        finally:
            viewer.terminate()
    return float(found) / 1000
