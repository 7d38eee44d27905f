"""From a .nii.gz file to an array: `read_volume` against nibabel, in one run.

nibabel's ``get_fdata()`` gives float64, which is what its users call; ``get_fdata(dtype=float32)`` is the
like for like. Neither reads the checksum; `read_volume` checks every byte and every voxel. "igzip alone" is
the decompression without a reader around it: nobody who uses this library can be faster.
"""

from __future__ import annotations

import tempfile
from pathlib import Path


def main() -> None:
    from benchmarks.timing import compare

    with tempfile.TemporaryDirectory() as folder:
        for title, path in files(Path(folder)):
            compare(title, candidates(path), repeats=15)


def candidates(path: Path) -> dict[str, object]:
    import nibabel as nib
    import numpy as np
    from isal import igzip_lib

    from normwise.images import read_volume

    def igzip_alone() -> None:
        member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
        content = path.read_bytes()
        while not member.eof:
            member.decompress(content if member.needs_input else b"", 1 << 18)

    return {
        "normwise read_volume": lambda: read_volume(path),
        "nibabel get_fdata()": lambda: nib.load(path).get_fdata(),
        "nibabel get_fdata(float32)": lambda: nib.load(path).get_fdata(dtype=np.float32),
        "igzip alone": igzip_alone,
    }


def files(folder: Path) -> list[tuple[str, Path]]:
    """Return real volumes where they are at hand, and 182 × 218 × 182 ones made from the MNI brain."""
    import nibabel as nib
    import nilearn
    import numpy as np

    data = Path(nilearn.__file__).parent / "datasets" / "data"
    brain = np.asarray(nib.load(data / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz").dataobj)
    noise = np.random.default_rng(0).normal(scale=20, size=(182, 218, 182))
    brain = brain[7:189, 7:225, :182].astype(np.float32)
    brain = np.clip(10 * brain + (brain > 0) * noise, 0, None)
    found = []
    for dtype in ("float32", "int16"):
        path = folder / f"{dtype}.nii.gz"
        nib.save(nib.Nifti1Image(brain.astype(dtype), np.diag([-1.0, 1, 1, 1])), path)
        found.append((f"182 × 218 × 182 {dtype}, {path.stat().st_size / 1e6:.1f} MB stored", path))
    oasis = sorted((Path(__file__).parents[2] / "shared" / "data" / "oasis1" / "volumes").glob("*.nii.gz"))
    found += (
        [(f"OASIS-1, 91 × 109 × 91 uint8, {oasis[0].stat().st_size / 1e6:.2f} MB stored", oasis[0])]
        if oasis
        else []
    )
    return found


if __name__ == "__main__":
    main()
