"""
Add an extractor
================

An extractor is a function of one image, and a line that says where it is. What comes after it (normalizer,
classifier, folds, report) does not ask how a feature was made: here two numbers of each image go through a
study.
"""

import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd

import normwise
from normwise.images import read_volume
from normwise.results import FeatureNote

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
age = rng.uniform(55, 85, 60).round(1)
people = pd.DataFrame(
    {"participant_id": [f"p{n:02d}" for n in range(60)], "age": age, "diagnosis": ["normal", "AD"] * 30}
)
for name, own, diagnosis in people.itertuples(index=False):
    voxels = rng.normal(100 - 0.3 * own - 8 * (diagnosis == "AD"), 20, (16, 16, 16)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), folder / f"{name}.nii.gz")

# %%
# The function takes a path and returns numbers. Whatever depends on other people's images has no place
# here: it would be learnt, inside each fold.


def measure_brightness(image: Path) -> dict[str, float]:
    """Measure one image, and nothing else."""
    voxels = read_volume(image).voxels
    return {"image.mean": float(voxels.mean()), "image.p95": float(np.percentile(voxels, 95))}


NOTES = {
    "image.mean": FeatureNote("intensity", "Mean of all voxels", "image"),
    "image.p95": FeatureNote("intensity", "95th percentile of all voxels", "image"),
}
measured = pd.DataFrame([measure_brightness(folder / f"{name}.nii.gz") for name in people["participant_id"]])
measured.head()

# %%
# Inside the package the engine calls the function for each scan, in processes of their own, and keeps what
# is finished; :doc:`/howto/add-an-extractor` has the twenty lines. Outside it a table does as well.

pd.concat([people, measured], axis=1).to_csv(folder / "participants.tsv", sep="\t", index=False)
(folder / "study.toml").write_text(
    """
[cohort]
label = "diagnosis"
normal = "normal"
demographics = ["age"]
[features]
extractor = "table"
columns = ["image.mean", "image.p95"]
[evaluation]
repeats = 1
bootstrap = 200
""",
    encoding="utf-8",
)
normwise.evaluate_study(normwise.read_study(folder / "study.toml"), folder / "run", jobs=1)
