"""
Slides: nuclei and tissue
=========================

On a stained slide the size, darkness and crowding of nuclei are measured. Here are pictures of simulated
tissue at half a micrometre a pixel; ``segment_nuclei`` finds the nuclei in one, the extractor ``slides``
measures all.
"""

import tempfile
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

import normwise
from normwise.cli.main import main as command

folder = Path(tempfile.mkdtemp())


def draw_tissue(rng: np.random.Generator, radius: float) -> np.ndarray:
    """Draw pink tissue with violet nuclei of a mean radius in pixels."""
    rows, columns = np.mgrid[:512, :512]
    depth = np.zeros((512, 512))
    for _ in range(160):
        row, column = rng.uniform(0, 512, 2)
        own, turn, stretch = radius * rng.uniform(0.8, 1.2), rng.uniform(0, np.pi), rng.uniform(1.0, 1.4)
        y, x = rows - row, columns - column
        along, across = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
        depth[(along / stretch) ** 2 + (across * stretch) ** 2 < own**2] = rng.uniform(0.7, 1.0)
    depth = gaussian_filter(depth, 0.8)[..., None]
    pink, violet = np.array([232, 190, 212]), np.array([95, 70, 140])
    grain = gaussian_filter(rng.normal(0, 12, (512, 512)), 1.0)[..., None]
    return np.clip(pink * (1 - depth) + violet * depth + grain, 0, 255).astype(np.uint8)


rng = np.random.default_rng(0)
lines = ["participant_id\tage\tdiagnosis"]
for number in range(8):
    picture = draw_tissue(rng, (7.0, 8.5)[number % 2])
    matplotlib.image.imsave(folder / f"p{number}.png", picture)
    lines.append(f"p{number}\t{rng.uniform(50, 70):.1f}\t{('normal', 'tumour')[number % 2]}")
(folder / "participants.tsv").write_text("\n".join(lines), encoding="utf-8")

# %%
# The nuclei of one picture.

labels = normwise.segment_nuclei(picture, mpp=0.5)
figure, panels = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
for axes in panels:
    axes.imshow(picture)
    axes.set_axis_off()
panels[1].contour(labels > 0, levels=[0.5], colors="black", linewidths=1.0)
panels[1].set_title(
    f"{labels.max()} nuclei, {np.bincount(labels.ravel())[1:].mean() * 0.25:.0f} µm² on average"
)

# %%
# All pictures in a study. A picture of one tile is less tissue than a slide has, and is measured because
# the study says so.

(folder / "study.toml").write_text(
    """
[cohort]
images = "{participant_id}.png"
label = "diagnosis"
normal = "normal"
demographics = ["age"]

[features]
extractor = "slides"
mpp = 0.5
tile_um = 128
keep_implausible = true
""",
    encoding="utf-8",
)
command(f"extract {folder / 'study.toml'} {folder / 'run'} --jobs 2".split())
features = pd.read_csv(folder / "run" / "features.tsv", sep="\t", index_col=0)
features[["nucleus.area_um2.mean", "nucleus.area_um2.p95", "nucleus.h_od.mean"]]
