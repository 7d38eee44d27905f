"""Raw heads through the engine: two at once, from the kept stages, and killed at every stage.

``python -m benchmarks heads_engine``        what two processes gain on eight heads, and what kept stages save
``python -m benchmarks heads_engine kill``   kill -9 at every stage of a run, go on, compare every byte
``python -m benchmarks heads_engine dicom``  a series of 384 DICOM files, from files to voxels

The heads are one of IXI and its copies with a little noise, so that they share no kept stage.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from zipfile import ZipFile

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HEAD = DATA / "ixi" / "IXI012-HH-1211-T1_ds.nii.gz"
SERIES = DATA / "dicom" / "t1_series" / "studyforrest_t1.zip"
HEADS = 8
STUDY = """\
[cohort]
table = "people.csv"
id = "ID"
images = "{ID}.nii.gz"
label = "dx"
normal = "normal"
demographics = ["Age"]
[features]
extractor = "brain"
quality = "QUALITY"
keep_derivatives = true
"""


def main() -> None:
    part = sys.argv[2] if len(sys.argv) > 2 else "speed"
    parts = {"speed": _speed, "kill": _kill, "dicom": _dicom}
    with tempfile.TemporaryDirectory() as name:
        parts[part](Path(name))


def _speed(folder: Path) -> None:
    _cohort(folder, people=HEADS, quality="fast")
    for number in range(2):
        print(f"two empty loops on two processes now: {_gain_now():.2f} times as fast")
        one = _extract(folder, f"one{number}", jobs=1)
        two = _extract(folder, f"two{number}", jobs=2)
        print(
            f"{HEADS} heads: {one:6.1f} s on one process, {two:6.1f} s on two, {one / two:.2f} times as fast",
            flush=True,
        )
    _same(folder / "one0", folder / "two0")
    again = _extract(folder, "one0", jobs=1)
    other = _extract(folder, "one0", "--atlas", "aal", "--overwrite", jobs=1)
    print(f"the same bytes; all kept: {again:.1f} s; another atlas, the rest kept: {other:.1f} s")


def _gain_now() -> float:
    """Return what two processes gain at this moment with work that shares nothing: 2 on a quiet machine."""
    loop = [sys.executable, "-c", "for _ in range(60_000_000): pass"]
    begun = time.perf_counter()
    subprocess.run(loop, check=True)
    alone = time.perf_counter() - begun
    begun = time.perf_counter()
    for process in [subprocess.Popen(loop) for _ in range(2)]:
        process.wait()
    return 2 * alone / (time.perf_counter() - begun)


def _kill(folder: Path) -> None:
    from normwise.features.brain.chain import STAGES

    _cohort(folder, people=1, quality="fast")
    whole = _extract(folder, "whole", jobs=1)
    print(f"uninterrupted: {whole:.1f} s")
    kept = [stage.name for stage in STAGES if stage.name != "conform"]
    for count in range(len(kept)):
        process = _start(folder, "killed", (), jobs=1)
        begun = time.perf_counter()
        while process.poll() is None and len(_stages(folder / "killed")) <= count:
            time.sleep(0.02)
        time.sleep(0.1)  # into the next stage
        alive = process.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        found = len(_stages(folder / "killed"))
        said = "killed" if alive else "ended"
        print(f"{said} after {time.perf_counter() - begun:5.1f} s with {found} stages kept")
    rest = _extract(folder, "killed", jobs=1)
    _same(folder / "whole", folder / "killed")
    print(f"then to the end in {rest:.1f} s: every byte the same")


def _dicom(folder: Path) -> None:
    from normwise.images import read_dicom
    from normwise.images.dicom.header import read_header

    with ZipFile(SERIES) as archive:
        archive.extractall(folder / "files")
    files = [path for path in (folder / "files").rglob("*") if path.is_file()]
    spent = []
    for _ in range(5):
        begun = time.process_time()
        for path in files:
            read_header(path)
        spent.append(time.process_time() - begun)
    print(f"{len(files)} headers: {min(spent):.2f} CPU s, the least of five")
    before = os.times()
    head = read_dicom(SERIES, scratch=folder)
    after = os.times()
    own = after.user + after.system - before.user - before.system
    children = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"384 files, {head.volume.shape} voxels: {own:.2f} CPU s of ours, {children:.2f} of dcm2niix")


def _cohort(folder: Path, *, people: int, quality: str) -> None:
    from normwise.images import Volume, read_volume, write_volume

    rng = np.random.default_rng(0)
    head = read_volume(HEAD)
    for number in range(people):
        noise = rng.normal(0, 0.5 * number, head.shape).astype(np.float32)
        write_volume(Volume(head.voxels + noise, head.affine), folder / f"{number}.nii.gz")
    rows = [f"{number},{60 + number},normal" for number in range(people)]
    (folder / "people.csv").write_text("\n".join(["ID,Age,dx", *rows]) + "\n", encoding="utf-8")
    (folder / "study.toml").write_text(STUDY.replace("QUALITY", quality), encoding="utf-8")


def _start(folder: Path, run: str, flags: tuple[str, ...], jobs: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "normwise.cli", "extract", "study.toml", run, "--quiet", "-j", str(jobs)]
    words += ["--cache", f"{run}/.cache"]  # each run from nothing
    return subprocess.Popen([*words, *flags], cwd=folder, start_new_session=True)


def _extract(folder: Path, run: str, *flags: str, jobs: int) -> float:
    begun = time.perf_counter()
    assert _start(folder, run, flags, jobs).wait() == 0
    return time.perf_counter() - begun


def _stages(run: Path) -> list[Path]:
    return list((run / ".cache" / "shared" / "stages").glob("*/[!.]*.stage"))


def _same(one: Path, other: Path) -> None:
    """Compare every result of two runs, byte for byte; logs and caches are none."""
    kinds = ("features.*", "cohort.tsv", "pictures/*", "derivatives/*/*")
    names = sorted(path.relative_to(one) for kind in kinds for path in one.glob(kind))
    assert len(names) > 10
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    shutil.rmtree(other)


if __name__ == "__main__":
    main()
