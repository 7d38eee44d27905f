"""
Large size, and features by regions
===================================

A brain at 2 mm has 900,000 voxels in its box, a clinical one at 1 mm seven million, and a study has a few
dozen people. An atlas divides the brain into regions; what is measured of each is a number that can be
read.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import normwise
from normwise.cli.main import main as command
from normwise.features.atlases import load_atlas
from normwise.images import resample_labels
from normwise.samples import simulate_cohort

folder = Path(tempfile.mkdtemp())
study = simulate_cohort(Path(tempfile.gettempdir()) / "normwise-brains", people=30)
image = next(study.parent.glob("sub-001/anat/*.nii.gz"))
volume = normwise.read_volume(image)
f"{volume.voxels.size:,} voxels"

# %%
# The regions of the atlas on this person's brain.

atlas = load_atlas("neuromorphometrics")
labels = resample_labels(atlas.labels, volume).voxels
figure, panels = plt.subplots(1, 2, figsize=(8, 4.4), layout="constrained")
for axes in panels:
    axes.imshow(volume.voxels[:, :, 32].T, cmap="gray", origin="lower")
    axes.set_axis_off()
shown = np.ma.masked_equal(labels[:, :, 32].T, 0)
panels[1].imshow(shown * 37 % 64, cmap="nipy_spectral", origin="lower", alpha=0.55, interpolation="nearest")
panels[1].set_title(f"{len(atlas.names)} regions")

# %%
# ``extract`` measures all regions of everybody.

command(f"extract {study} {folder / 'run'} --jobs 2".split())

# %%
# A row a scan, a column a measurement; units and meanings stand in ``features.json``.

pd.read_csv(folder / "run" / "features.tsv", sep="\t", index_col=0).iloc[:5, :6]
