"""Nuclei and slides: how right, how fast beside scikit-image, how much memory, how cost grows with tissue.

``python -m benchmarks slides`` runs all parts, ``python -m benchmarks slides speed`` one:

- accuracy   count, mean area and F1 at IoU 0.5 on synthetic tissue, usual, crowded and faint, of seeds that
             nothing was chosen on, and on the fluorescence picture in ../shared/data where it is at hand
- speed      processor seconds a megapixel at 0.25 µm, beside the same steps in scikit-image and scipy alone
- chain      a synthetic pyramid of 40,960² px at 0.25 µm, from the file to the vector: tiles a second, memory
- tissue     slides with more and more tissue: seconds a mm²
- processes  sixteen slides, by one process and by two at a time
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

PARTS = ("accuracy", "speed", "chain", "tissue", "processes")
SEEDS = range(1000, 1020)
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei"
FLUORESCENCE_UM = 0.5  # not stated with the picture; nuclei of 104 µm² in the mean follow from it


def main() -> None:
    import cv2

    cv2.setNumThreads(1)
    wanted = sys.argv[2:] or PARTS
    for part, work in zip(PARTS, (accuracy, speed, chain, tissue, processes), strict=True):
        if part in wanted:
            work()


def accuracy() -> None:
    from normwise.features.slides import segment_nuclei
    from simulated_tiles import TissueLook, draw_stain, draw_tile

    print("\nSynthetic haematoxylin and eosin, 256 µm tiles, stains drawn with the seeds")
    for mpp in (0.25, 0.5):
        tiles = []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            tiles.append(draw_tile(rng, round(256 / mpp), mpp, stain=draw_stain(rng)))
        for name, segment in {"normwise": segment_nuclei, "scikit-image": scikit_image}.items():
            tell(f"{name}, {mpp} µm", [score(segment(rgb, mpp), truth) for rgb, truth in tiles])
    looks = {"crowded": TissueLook(per_mm2=9000, touching=0.85), "half of them faint": TissueLook(faint=0.5)}
    for look, mpp in ((look, mpp) for look in looks for mpp in (0.25, 0.5)):
        scores = []
        for seed in SEEDS[:8]:
            rng = np.random.default_rng(seed)
            rgb, truth = draw_tile(rng, round(128 / mpp), mpp, look=looks[look], stain=draw_stain(rng))
            scores.append(score(segment_nuclei(rgb, mpp), truth))
        tell(f"{look}, {mpp} µm", scores)
    if SHARED.is_dir():
        import tifffile

        picture = tifffile.imread(SHARED / "img2d.tif")
        _, truth = np.unique(tifffile.imread(SHARED / "mask2d.tif"), return_inverse=True)
        print(f"\nFluorescence, 512 × 512 px taken as {FLUORESCENCE_UM} µm")
        tell("normwise", [score(segment_nuclei(picture, FLUORESCENCE_UM), truth.reshape(picture.shape))])


def score(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return counts, mean areas and matches at an intersection over union above one half, which is unique."""
    n, m = int(found.max()), int(truth.max())
    both = np.bincount(
        truth.ravel().astype(np.int64) * (n + 1) + found.ravel(), minlength=(n + 1) * (m + 1)
    ).reshape(m + 1, n + 1)
    of_truth, of_found = both.sum(axis=1), both.sum(axis=0)
    union = of_truth[1:, None] + of_found[None, 1:] - both[1:, 1:]
    return {
        "found": n,
        "true": m,
        "found_px": float(of_found[1:].sum()),
        "true_px": float(of_truth[1:].sum()),
        "matched": float((both[1:, 1:] > 0.5 * union).sum()),
    }


def tell(name: str, scores: list[dict[str, float]]) -> None:
    sums = {key: sum(each[key] for each in scores) for key in scores[0]}
    f1 = 2 * sums["matched"] / (sums["found"] + sums["true"])
    worst = min(2 * each["matched"] / (each["found"] + each["true"]) for each in scores)
    area = (sums["found_px"] / sums["found"]) / (sums["true_px"] / sums["true"]) - 1
    print(
        f"  {name:<22} {sums['true']:.0f} nuclei, count {sums['found'] / sums['true'] - 1:+.1%}, "
        f"mean area {area:+.1%}, F1 {f1:.3f} (worst tile {worst:.3f})"
    )


def scikit_image(rgb: np.ndarray, mpp: float) -> np.ndarray:
    """Take the same steps with scikit-image and scipy alone."""
    from scipy import ndimage
    from skimage.color import separate_stains
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian, threshold_otsu
    from skimage.measure import label
    from skimage.morphology import disk, opening, remove_small_holes, remove_small_objects
    from skimage.segmentation import watershed

    from normwise.features.slides.stain import RUIFROK_JOHNSTON

    basis = np.vstack([RUIFROK_JOHNSTON, np.cross(*RUIFROK_JOHNSTON)])
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    dyes = separate_stains(rgb, np.linalg.inv(basis))
    dye = gaussian(dyes[..., 0], 0.5 / mpp)
    stained = dyes[..., :2].sum(axis=2) > np.median(dyes[..., :2].sum(axis=2)) * 0.3
    mask = dye > threshold_otsu(dye[stained])
    mask = opening(mask, disk(round(0.75 / mpp)))
    mask = remove_small_holes(mask, max_size=60 / mpp**2)
    mask = remove_small_objects(mask, max_size=8 / mpp**2)
    distance = gaussian(ndimage.distance_transform_edt(mask), 0.5 / mpp)
    peaks = peak_local_max(distance, min_distance=round(2 / mpp), labels=label(mask), exclude_border=False)
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, markers, mask=mask)


def speed() -> None:
    from benchmarks.timing import compare
    from normwise.features.slides import segment_nuclei
    from normwise.features.slides.stain import StainModel
    from normwise.features.slides.tile_measures import measure_tile
    from simulated_tiles import draw_tile

    rgb, _ = draw_tile(np.random.default_rng(999), 1024, 0.25)
    candidates: dict[str, Callable[[], object]] = {
        "normwise": lambda: segment_nuclei(rgb, 0.25),
        "normwise, with every measurement": lambda: measure_tile(rgb, 0.25, 32, StainModel()),
        "scikit-image and scipy": lambda: scikit_image(rgb, 0.25),
    }
    compare("1.05 megapixels at 0.25 µm, nuclei", candidates, repeats=5)


def chain() -> None:
    from normwise.engine import Limits, Task, run_subjects
    from normwise.features.slides.tiles import SlideSettings
    from normwise.features.slides.worker import measure_slide

    with tempfile.TemporaryDirectory() as name:
        path = pyramid(Path(name) / "large.tif", 160, 0.25)
        print(f"\n40,960 × 40,960 px at 0.25 µm, {path.stat().st_size / 1e6:.0f} MB, measured at 0.5 µm")
        task = Task("large", {"image": str(path), "settings": SlideSettings().as_json()}, (path,))
        before = os.times()
        start = time.perf_counter()
        [outcome] = run_subjects(
            measure_slide, [task], version="1", cache_dir=None, limits=Limits(seconds=3600)
        )
        wall, after = time.perf_counter() - start, os.times()
        if outcome.error:
            raise outcome.error
        tiles = len(outcome.value["tiles"])
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        print(
            f"  {tiles} tiles of 512 µm, {outcome.value['n_nuclei']} nuclei, {wall:.0f} s wall, "
            f"{spent:.0f} s CPU, "
            f"{tiles / wall:.1f} tiles/s ({tiles / max(spent, 1e-9):.1f} a CPU second), "
            f"peak {outcome.peak_bytes / 1e6:.0f} MB"
        )


def tissue() -> None:
    from normwise.features.slides.tiles import SlideSettings
    from normwise.features.slides.worker import measure_slide

    print("\nSlides of 20,480 px at 0.5 µm with more and more tissue")
    with tempfile.TemporaryDirectory() as name:
        for share in (0.1, 0.2, 0.4, 0.8):
            path = pyramid(Path(name) / f"{share}.tif", 80, 0.5, share)
            start = time.process_time()
            found = measure_slide(str(path), SlideSettings().as_json())
            spent = time.process_time() - start
            area = float(found["vector"][found["names"].index("tissue_area_mm2")])
            print(f"  {area:6.1f} mm²  {spent:6.1f} s CPU  {spent / area:.3f} s/mm²")


def processes() -> None:
    from normwise.engine import Limits, Task, run_subjects
    from normwise.features.slides.tiles import SlideSettings
    from normwise.features.slides.worker import measure_slide

    print("\nSixteen slides of 6,144 px at 0.5 µm")
    with tempfile.TemporaryDirectory() as name:
        tasks = []
        for number in range(16):
            path = pyramid(Path(name) / f"{number}.tif", 24, 0.5, 0.7)
            tasks.append(
                Task(str(number), {"image": str(path), "settings": SlideSettings().as_json()}, (path,))
            )
        walls = {}
        for jobs in (1, 2, 1, 2):
            start = time.perf_counter()
            for outcome in run_subjects(
                measure_slide, tasks, version="1", cache_dir=None, jobs=jobs, limits=Limits(seconds=3600)
            ):
                if outcome.error:
                    raise outcome.error
            walls.setdefault(jobs, []).append(time.perf_counter() - start)
            print(f"  {jobs} at a time: {walls[jobs][-1]:.1f} s", flush=True)
        one, two = min(walls[1]), min(walls[2])
        print(f"  one process {one:.1f} s, two {two:.1f} s: {one / two:.2f} × as fast")


def pyramid(path: Path, grid: int, mpp: float, share: float = 0.8) -> Path:
    """Write a slide of ``grid``² tiles of 256 px, a disk of tissue in the middle."""
    from simulated_pyramids import GLASS, write_pyramid
    from simulated_tiles import draw_tile

    rng = np.random.default_rng(7)
    blocks = [draw_tile(rng, 256, mpp, margin_um=1.0)[0] for _ in range(24)]
    y, x = np.mgrid[:grid, :grid] + 0.5 - grid / 2
    inside = np.hypot(x, y) < grid * np.sqrt(share / np.pi)
    macro = rng.integers(0, len(blocks), (16, 16))  # recurs, so that coarse tiles recur too
    layout = np.where(inside, np.tile(macro, (grid // 16 + 1,) * 2)[:grid, :grid], GLASS)
    write_pyramid(path, blocks, layout, mpp, shared=False)
    return path


if __name__ == "__main__":
    main()
