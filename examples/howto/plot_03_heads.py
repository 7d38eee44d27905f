"""
Heads, raw or with label maps
=============================

The extractor ``brain`` starts from a raw T1-weighted head: it corrects the field, finds the brain,
classifies tissue, warps an atlas onto it, and measures volumes, intensities and cortical thickness. That
takes minutes a head and the extra ``[brain]``::

    normwise evaluate BIDS_FOLDER run --extractor brain --label diagnosis --demographics age sex

Who has label maps by FreeSurfer, FastSurfer or SynthSeg gives these beside the images; what is measured has
the same names. Here are simulated brains whose tissues and deep nuclei have FreeSurfer's numbers.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pandas as pd

from normwise.cli.main import main as command
from normwise.features.atlases import load_atlas
from normwise.images import resample_labels
from normwise.report import read_section
from normwise.samples import draw_people, open_simulator, simulate_brain

folder = Path(tempfile.mkdtemp())
simulator = open_simulator()
people = draw_people(12, np.random.default_rng(0))[:6]
left = simulator.template.world()[0] < 0
atlas = load_atlas("neuromorphometrics")
NUMBERS = {
    "hippocampus": (17, 53),
    "amygdala": (18, 54),
    "caudate": (11, 50),
    "putamen": (12, 51),
    "pallidum": (13, 52),
}
for person in people:
    brain = simulate_brain(person, 0, simulator)
    white = 0.75 * np.percentile(brain.voxels[brain.voxels > 0], 95)
    labels = np.zeros(brain.voxels.shape, np.int16)
    inside = brain.voxels > 0
    labels[inside] = 24  # fluid, by FreeSurfer's numbers
    grey = inside & (brain.voxels > 0.6 * white)
    labels[grey] = np.where(left, 3, 42)[grey]
    bright = inside & (brain.voxels > 1.02 * white)
    labels[bright] = np.where(left, 2, 41)[bright]
    regions = resample_labels(atlas.labels, brain).voxels
    for number, name in atlas.names.items():
        place, _, side = name.rpartition("_")
        if place in NUMBERS:
            labels[grey & (regions == number)] = NUMBERS[place][side == "right"]
    nibabel.save(
        nibabel.Nifti1Image(brain.voxels.astype(np.float32), brain.affine), folder / f"{person.name}.nii.gz"
    )
    nibabel.save(nibabel.Nifti1Image(labels, brain.affine), folder / f"{person.name}_labels.nii.gz")
table = [(person.name, person.age, person.sex, person.diagnosis) for person in people]
pd.DataFrame(table, columns=["participant_id", "age", "sex", "diagnosis"]).to_csv(
    folder / "participants.tsv", sep="\t", index=False
)
(folder / "study.toml").write_text(
    """
[cohort]
images = "{participant_id}.nii.gz"
label = "diagnosis"
normal = "normal"
demographics = ["age", "sex"]

[features]
extractor = "brain"
labels = "{participant_id}_labels.nii.gz"
keep_implausible = true
""",
    encoding="utf-8",
)
command(f"extract {folder / 'study.toml'} {folder / 'run'} --jobs 2".split())

# %%
# One of them.

figure, panels = plt.subplots(1, 2, figsize=(7, 4), layout="constrained")
for axes in panels:
    axes.imshow(brain.voxels[:, :, 30].T, cmap="gray", origin="lower")
    axes.set_axis_off()
shown = np.ma.masked_equal(labels[:, :, 30].T, 0)
panels[1].imshow(shown * 23 % 61, cmap="nipy_spectral", origin="lower", alpha=0.6, interpolation="nearest")

# %%
# Volumes, intensities and thickness of each label; each scan is checked against what a head can have.

pd.read_csv(folder / "run" / "features.tsv", sep="\t", index_col=0).T.iloc[:12, :4]

# %%
command(f"report {folder / 'run'}".split())
read_section(folder / "run" / "report.html", "quality")
