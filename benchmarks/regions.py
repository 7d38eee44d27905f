"""From a .nii.gz file to the mean and SD of every region: ours against nilearn and scipy.ndimage, in one run.

Everybody has the labels on the image's grid beforehand, which a cohort pays once: nilearn's maskers are
fitted, ours is placed. All give the same numbers, which is checked first. The line "all nine statistics" is
what an extraction costs with order statistics, the tissue model and the check that the brain is in its place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

ATLAS = "aal"  # 120 regions, in MNI152 space
OURS = "normwise, mean and SD"


def main() -> None:
    from benchmarks.reading import files
    from benchmarks.timing import compare

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, path in files(folder):
            placed = in_mni(path, folder)
            work = candidates(placed, folder)
            agree(work)
            compare(f"{title}, {len(work[OURS]()[0])} regions", work, repeats=7)


def in_mni(path: Path, folder: Path) -> Path:
    """Give the made volumes, which are saved from right to left about 0, their place in MNI152 space."""
    import nibabel as nib

    image = nib.load(path)
    if image.shape != (182, 218, 182):
        return path
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (-91, -127, -72)  # the crop of the template that benchmarks.reading makes
    moved = folder / f"mni_{path.name}"
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine, image.header), moved)
    return moved


def candidates(path: Path, folder: Path) -> dict[str, Callable[[], np.ndarray]]:
    import nibabel as nib
    from nilearn.maskers import NiftiLabelsMasker
    from scipy import ndimage

    from normwise.features.atlases import load_atlas, pack_atlas, ties_outwards
    from normwise.features.regions import STATISTICS
    from normwise.features.regions.measure import measure_regions
    from normwise.images import LabelVolume, read_volume, resample_labels

    atlas = load_atlas(ATLAS)
    volume = read_volume(path)
    packed = pack_atlas(atlas, folder)
    own = atlas.labels
    if atlas.symmetric:  # as it is packed: of two labels equally near, the outer one
        own = LabelVolume(own.voxels, ties_outwards(own.affine))
    labels = resample_labels(own, volume)
    stored = nib.load(path)
    # nilearn and scipy get the labels in the file's own order of axes.
    back = nib.as_closest_canonical(stored).affine
    upright = nib.Nifti1Image(np.ascontiguousarray(labels.voxels), back)
    turned = nib.Nifti1Image(_like(upright, stored), stored.affine)
    numbers = np.unique(labels.voxels[labels.voxels > 0])
    maskers = [
        NiftiLabelsMasker(turned, strategy=strategy, resampling_target=None, standardize=None).fit()
        for strategy in ("mean", "standard_deviation")
    ]
    map_ = np.asarray(turned.dataobj)

    def ours() -> np.ndarray:
        found = measure_regions(str(path), ["mean", "sd"], atlas=str(packed))
        return np.stack([found["mean"], found["sd"]])

    def all_of_ours() -> np.ndarray:
        found = measure_regions(str(path), list(STATISTICS), atlas=str(packed))
        return np.stack([found["mean"], found["sd"]])

    def nilearn() -> np.ndarray:
        return np.stack([np.ravel(masker.transform(str(path))) for masker in maskers])

    def scipy() -> np.ndarray:
        voxels = nib.load(path).get_fdata(dtype=np.float32)
        with np.errstate(invalid="ignore"):  # it divides by the counts of labels that are not there
            return np.stack(
                [ndimage.mean(voxels, map_, numbers), ndimage.standard_deviation(voxels, map_, numbers)]
            )

    return {
        OURS: ours,
        "normwise, all nine statistics": all_of_ours,
        "nilearn NiftiLabelsMasker, mean and SD": nilearn,
        "scipy.ndimage on nibabel, mean and SD": scipy,
    }


def _like(labels: object, image: object) -> np.ndarray:
    """Turn RAS labels back into the order of axes of a stored image."""
    from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

    turn = ornt_transform(io_orientation(labels.affine), io_orientation(image.affine))
    return np.ascontiguousarray(apply_orientation(np.asarray(labels.dataobj), turn)).astype(np.int32)


def agree(work: dict[str, Callable[[], np.ndarray]]) -> None:
    """Stop where the candidates do not give the same numbers; only ours has n − 1 in the SD."""
    wanted = work["scipy.ndimage on nibabel, mean and SD"]()
    for name, call in work.items():
        found = call()
        if not (np.allclose(found[0], wanted[0], rtol=1e-4) and np.allclose(found[1], wanted[1], rtol=0.02)):
            raise SystemExit(f"{name} differs by {np.abs(found - wanted).max():.3g}")


if __name__ == "__main__":
    main()
