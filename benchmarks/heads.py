"""Raw heads: agreement with DLMUSE, left against right, cost beside ANTs, and what a repeat changes.

``python -m benchmarks heads`` runs all parts (about twenty minutes of one processor); ``accuracy [QUALITY]``,
``mirror [QUALITY]``, ``cost``, ``retest`` and ``maps`` run one. The heads are those of ../shared/data: six
of IXI at 2 mm with DLMUSE labels, and a DICOM series of 0.7 mm, on which the chain works at 1 mm.
Seconds are processor seconds of a fresh process with one thread, reading and imports included.

DLMUSE's label 1 is the fluid around the brain, so the union of its labels is what lies within the skull, as
our mask is. Where DLMUSE and FreeSurfer draw a structure differently (its putamen and amygdala are smaller by
a third), a Dice coefficient has a ceiling that no registration passes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DICOM = DATA / "dicom" / "t1_series" / "studyforrest_t1.zip"
PARTS = ("accuracy", "mirror", "cost", "retest", "maps")

# Structures of both sides: FreeSurfer's left and right number, DLMUSE's left and right number.
DEEP = {
    "hippocampus": (17, 53, 48, 47),
    "amygdala": (18, 54, 32, 31),
    "caudate": (11, 50, 37, 36),
    "putamen": (12, 51, 58, 57),
    "pallidum": (13, 52, 56, 55),
    "thalamus": (10, 49, 60, 59),
    "lateral ventricle": (4, 43, 52, 51),
}
OTHERS = {
    "accumbens": (26, 58, 30, 23),
    "ventral DC": (28, 60, 62, 61),
    "cerebellar cortex": (8, 47, 39, 38),
    "cerebellar white matter": (7, 46, 41, 40),
}
MIDDLE = {"brain stem": (16, 35), "3rd ventricle": (14, 4), "4th ventricle": (15, 11)}


def main() -> None:
    asked = sys.argv[2:]
    if asked and asked[0] == "child":
        child(asked[1], Path(asked[2]))
        return
    parts = [part for part in PARTS if part in asked] or list(PARTS)
    quality = next((word for word in asked if word in ("fast", "default", "high")), "default")
    if "accuracy" in parts:
        accuracy(quality)
    if "mirror" in parts:
        mirror(quality)
    if "cost" in parts:
        cost()
    if "retest" in parts:
        retest(quality)
    if "maps" in parts:
        maps()


def dice(first: np.ndarray, second: np.ndarray) -> float:
    total = first.sum() + second.sum()
    return float(2 * (first & second).sum() / total) if total else 1.0


def accuracy(quality: str) -> None:
    from normwise import parcellate
    from normwise.images import read_labels

    rows: dict[str, list[list[float]]] = {}
    masks, sizes = [], []
    for path in sorted((DATA / "ixi").glob("*-T1_ds.nii.gz")):
        truth = read_labels(path.with_name(path.name.replace("_ds", "_ds_DLMUSE"))).voxels
        found = parcellate(path, quality=quality)
        labels, ml = found.labels.voxels, found.volume.voxel_mm3 / 1000
        masks.append(dice(found.mask.voxels > 0, truth > 0))
        sizes.append(found.mask.voxels.astype(bool).sum() / (truth > 0).sum() - 1)
        print(f"  {path.name[:14]}  mask Dice {masks[-1]:.3f}, volume {sizes[-1]:+.1%}", flush=True)
        pairs = {
            f"{name} {side}": (four[k], four[k + 2])
            for name, four in {**DEEP, **OTHERS}.items()
            for k, side in enumerate(("left", "right"))
        }
        for name, (ours, theirs) in {**pairs, **MIDDLE}.items():
            mine, reference = labels == ours, truth == theirs
            volume = mine.sum() * ml
            rows.setdefault(name, []).append([dice(mine, reference), volume, reference.sum() * ml])
    tell_accuracy(quality, rows, masks)


def tell_accuracy(quality: str, rows: dict[str, list[list[float]]], masks: list[float]) -> None:
    table = {name: np.array(values) for name, values in rows.items()}
    print(f"\nSix IXI heads at 2 mm against DLMUSE, quality {quality}")
    print(f"  {'structure':<30}{'Dice':>7}{'ours ml':>10}{'DLMUSE ml':>11}{'error':>8}")
    for name, values in table.items():
        error = np.abs(values[:, 1] / values[:, 2] - 1).mean()
        means = values.mean(axis=0)
        print(f"  {name:<30}{means[0]:>7.3f}{means[1]:>10.2f}{means[2]:>11.2f}{error:>8.1%}")
    sides = [f"{name} {side}" for name in DEEP for side in ("left", "right")]
    deep = np.concatenate([table[name] for name in sides])
    every = np.concatenate(list(table.values()))
    fluid = table["lateral ventricle left"] + table["lateral ventricle right"]
    print(f"  mask Dice                      {np.mean(masks):.3f} (least {min(masks):.3f}; wanted .95)")
    print(f"  mean Dice of the seven         {deep[:, 0].mean():.3f} (wanted .75)")
    print(f"  volumes' correlation, seven    {np.corrcoef(deep[:, 1], deep[:, 2])[0, 1]:.3f} (wanted .97)")
    print(f"  volumes' correlation, all      {np.corrcoef(every[:, 1], every[:, 2])[0, 1]:.3f}")
    print(
        f"  both lateral ventricles' error {np.abs(fluid[:, 1] / fluid[:, 2] - 1).mean():.1%} (wanted 10 %)"
    )


def mirror(quality: str) -> None:
    """Compare each head's asymmetries with its mirror image's: a chain without sides gives opposite ones."""
    from normwise.features.brain import ChainSettings, run_stages
    from normwise.features.brain.measures import asymmetries
    from normwise.images import read_head

    rows: dict[str, list[float]] = {}
    for path in sorted((DATA / "ixi").glob("*-T1_ds.nii.gz")):
        head = read_head(path)
        found = []
        for voxels in (head.voxels, np.ascontiguousarray(head.voxels[::-1])):
            arrays = run_stages(voxels, head.affine, ChainSettings(quality=quality))
            values = zip(arrays["feature_names"].tolist(), arrays["feature_values"].tolist(), strict=True)
            volumes = {
                name.removesuffix(".volume_mm3"): value for name, value in values if ".volume_mm3" in name
            }
            found.append(asymmetries(volumes))
        for name in found[0]:
            rows.setdefault(name.removesuffix(".asymmetry"), []).append(
                50 * (found[0][name] + found[1][name])
            )
        print(f"  {path.name[:14]}", flush=True)
    table = {name.removesuffix("_proper"): np.array(values) for name, values in rows.items()}
    print(f"\nMirror bias of six IXI heads, points of asymmetry, quality {quality}: mean, mean size a head")
    for name in (each.replace(" ", "_") for each in DEEP):
        print(f"  {name:<30}{table[name].mean():>7.1f}{np.abs(table[name]).mean():>7.1f}")
    deep = np.array([table[name.replace(" ", "_")] for name in DEEP])
    cortex = np.array([values for name, values in table.items() if name.startswith("ctx_")])
    for title, values in (("the seven (wanted 1)", deep), ("cortex, 34 regions", cortex)):
        size, each = np.abs(values.mean(axis=1)).mean(), np.nanmean(np.abs(values))
        print(f"  {title:<30} size of the mean {size:.2f}, mean size a head {each:.2f}")


def maps() -> None:
    """Compare what the chain measures with what its own labels and the head give as a map and its image."""
    from normwise import parcellate
    from normwise.features.brain.given_map import load_map_scheme, measure_on_image

    scheme = load_map_scheme(None, whole_cortex=False)
    pairs: dict[str, list[tuple[float, float]]] = {}
    for path in [*sorted((DATA / "ixi").glob("*-T1_ds.nii.gz"))[:2], DICOM]:
        found = parcellate(path)
        given, contrast = measure_on_image(found.labels, found.volume, scheme)
        for name, value in given.items():
            if name in found.features and np.isfinite(found.features[name]):
                pairs.setdefault(name.rpartition(".")[2], []).append((found.features[name], value))
        print(f"  {path.name[:14]}  {contrast.text}", flush=True)
    print("\nThe chain against its own labels as a given map, all regions of three heads")
    for measure, values in pairs.items():
        ours, theirs = np.array(values).T
        apart, r = theirs - ours, np.corrcoef(ours, theirs)[0, 1]
        print(f"  {measure:<18} r {r:.3f}, mean {ours.mean():.3f} and {theirs.mean():.3f}, "
              f"mean size of the difference {np.abs(apart).mean():.3f}")  # fmt: skip


def cost() -> None:
    print("\nOne head of 0.7 mm from DICOM files, one thread, a fresh process each")
    print(f"  {'':<52}{'CPU s':>7}{'GB':>7}{'× ANTs':>8}")
    with tempfile.TemporaryDirectory() as folder:
        brain = Path(folder) / "brain.npz"
        seconds = {}
        for name, title in (
            ("default", "normwise, quality default, DICOM to features"),
            ("fast", "normwise, quality fast, DICOM to features"),
            ("synquick", "ANTs SyNQuick, the registration alone, 1 mm"),
        ):
            done = run_child(name, brain)
            seconds[name] = done["seconds"]
            if name == "synquick":
                ratios = {key: value / done["seconds"] for key, value in seconds.items()}
            print(f"  {title:<52}{done['seconds']:>7.1f}{done['gigabytes']:>7.2f}", flush=True)
            if done.get("stages"):
                print("    " + ", ".join(f"{key} {value:.1f}" for key, value in done["stages"].items()))
    print(f"  of SyNQuick: default {ratios['default']:.2f} (goal .7), fast {ratios['fast']:.2f}")


def run_child(name: str, brain: Path) -> dict:
    command = [sys.executable, "-m", "benchmarks", "heads", "child", name, str(brain)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
    return json.loads(done.stdout.strip().splitlines()[-1])


def child(name: str, brain: Path) -> None:
    """Do one candidate's work and print what it took, from the start of the process."""
    import os
    import resource
    import time

    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"
    stages: dict[str, float] = {}
    peaks: dict[str, float] = {}
    if name == "synquick":
        synquick(brain)
    else:
        from normwise.features.brain import Arrays, ChainSettings, Stage, run_stages
        from normwise.images import read_head

        def step(stage: Stage, work: Callable[[], Arrays]) -> Arrays:
            start = time.process_time()
            arrays = work()
            stages[stage.name] = time.process_time() - start
            peaks[stage.name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            return arrays

        volume = read_head(DICOM)
        arrays = run_stages(volume.voxels, volume.affine, ChainSettings(quality=name), step)
        kept = {key: arrays[key] for key in ("corrected", "mask", "box", "head_affine")}
        if name == "default":
            start = time.process_time()
            np.savez(brain, **kept)
            stages["(kept for ANTs)"] = time.process_time() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    costs = {"seconds": seconds, "gigabytes": used[0].ru_maxrss / 1e6, "stages": stages, "peaks": peaks}
    print(json.dumps(costs))


def synquick(brain: Path) -> None:
    import ants

    from normwise.features.brain.grids import box_affine, crop
    from normwise.features.brain.registration.reference import load_reference

    kept = dict(np.load(brain))
    stripped = kept["corrected"] * crop(kept["mask"], kept["box"])
    reference = load_reference()

    def image(voxels: np.ndarray, affine: np.ndarray) -> object:
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        direction = np.diag([-1.0, -1.0, 1.0]) @ (affine[:3, :3] / spacing)  # ITK points to the left and back
        origin = affine[:3, 3] * [-1, -1, 1]
        return ants.from_numpy(voxels, origin=list(origin), spacing=list(spacing), direction=direction)

    ants.registration(
        fixed=image(stripped, box_affine(kept["head_affine"], kept["box"])),
        moving=image(reference.t1 * reference.mask, reference.affine),
        type_of_transform="antsRegistrationSyNQuick[s]",
    )


def retest(quality: str) -> None:
    """Compare a head with its copy: turned, shifted, shaded and noisy."""
    from normwise.features.brain import ChainSettings, run_stages
    from normwise.images import read_head

    volume = read_head(DICOM)
    features = []
    for voxels in (volume.voxels, disturbed(volume.voxels, volume.affine)):
        arrays = run_stages(voxels, volume.affine, ChainSettings(quality=quality))
        names, values = arrays["feature_names"].tolist(), arrays["feature_values"].tolist()
        features.append(dict(zip(names, values, strict=True)))
    first, second = features
    nuclei = ("thalamus", "caudate", "putamen", "pallidum", "hippocampus", "amygdala", "accumbens")
    groups = {
        "cortex, 68 volumes (wanted 3 %)": lambda name: name.startswith("ctx_") and ".volume_mm3" in name,
        "subcortical, 14 volumes (wanted 2.5 %)": lambda name: (
            name.startswith(nuclei) and ".volume_mm3" in name
        ),
        "lateral ventricles (wanted 1 %)": lambda name: (
            name.startswith("lateral_ventricle") and ".volume_mm3" in name
        ),
        "totals and intracranial": lambda name: name.startswith(("total", "intra")) and "_mm3" in name,
        "cortical thickness": lambda name: name.endswith(".thickness_mm"),
    }
    print(
        f"\nA head and its copy, turned by 6, −4, 5°, shifted, shaded by ±20 %, noise 3 %; quality {quality}"
    )
    for title, chosen in groups.items():
        names = [name for name in first if chosen(name) and first[name] + second[name] > 0]
        pairs = np.array([(first[name], second[name]) for name in names])
        change = 2 * (pairs[:, 1] - pairs[:, 0]) / pairs.sum(axis=1) if names else np.zeros(1)
        print(
            f"  {title:<40} mean change {np.abs(change).mean():.2%}, mean difference {change.mean():+.2%},"
            f" largest {np.abs(change).max():.1%}, {len(names)} values"
        )


def disturbed(voxels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    from scipy.ndimage import affine_transform
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(0)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (6, -4, 5), degrees=True).as_matrix()
    centre = affine[:3, :3] @ (np.array(voxels.shape) / 2) + affine[:3, 3]
    turn[:3, 3] = centre - turn[:3, :3] @ centre + (4, -3, 5)
    back = np.linalg.inv(affine) @ turn @ affine
    moved = affine_transform(voxels, back[:3, :3], back[:3, 3], order=3)
    axes = [np.linspace(-1, 1, count, dtype=np.float32) for count in voxels.shape]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    shading = np.exp(0.2 * (0.6 * x + 0.5 * y * z - 0.6 * y**2 + 0.5 * z))
    white = np.percentile(voxels[voxels > voxels.mean()], 80)
    noise = 0.03 * white * rng.standard_normal(voxels.shape, dtype=np.float32)
    return np.maximum(moved * shading + noise, 0).astype(np.float32)


if __name__ == "__main__":
    main()
