"""
Image classification in two dimensions
======================================

A convolutional network learns from the pixels themselves what tells the classes apart. Here are forty
pictures with a bright round spot that grows with age in everybody, and is larger in the ill.
"""

import tempfile
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np

from normwise.cli.main import main as command
from normwise.report import read_section

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
rows, columns = np.mgrid[:24, :24]
pictures, lines = [], ["participant_id\tage\tsex\tdiagnosis"]
for number in range(40):
    age, ill = rng.uniform(50, 80), number % 2
    row, column = rng.uniform(9, 15, 2)
    radius = 2 + 0.04 * (age - 50) + 2.2 * ill
    spot = 1 / (1 + np.exp(np.hypot(rows - row, columns - column) - radius))
    pictures.append(np.clip(spot + rng.normal(0.2, 0.1, spot.shape), 0, 1.5))
    matplotlib.image.imsave(folder / f"p{number:02d}.png", pictures[-1], cmap="gray", vmin=0, vmax=1.5)
    lines.append(f"p{number:02d}\t{age:.1f}\t{'FM'[number // 2 % 2]}\t{('normal', 'ill')[ill]}")
(folder / "participants.tsv").write_text("\n".join(lines), encoding="utf-8")
figure, panels = plt.subplots(1, 6, figsize=(9, 1.8), layout="constrained")
for number, axes in enumerate(panels):
    axes.imshow(pictures[number], cmap="gray", vmin=0, vmax=1.5)
    axes.set_title(("normal", "ill")[number % 2])
    axes.set_axis_off()

# %%
# A small residual network; demographics join it after its convolutions where a study asks for it.

(folder / "study.toml").write_text(
    """
[cohort]
images = "{participant_id}.png"
label = "diagnosis"
normal = "normal"
demographics = ["age", "sex"]

[features]
extractor = "images"

[classifier]
name = "conv"
parameters = { width = 4, blocks = 2, epochs = 12 }

[decision]
cost = { missed = 1, false_alarm = 1 }
adjust = "none"

[evaluation]
inner_folds = 2
""",
    encoding="utf-8",
)
command(f"train {folder / 'study.toml'} {folder / 'run'} --jobs 1".split())

# %%
# How the training went, and the places that speak for illness (Grad-CAM).

read_section(folder / "run" / "report.html", "network")
