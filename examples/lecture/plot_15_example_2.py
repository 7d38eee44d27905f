"""
Example 2: the lecture's eight people
=====================================

Six normal people and two patients, with three features each. Feature 1 of the patients, 7.9 and 9.2, lies
among that of normal people who are older. What is normal at their age tells them apart.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from normwise.cli.main import main as command

folder = Path(tempfile.mkdtemp())
people = pd.DataFrame(
    [
        ["normal-1", "Normal", 40, "M", 3.0, 10, 5.1],
        ["normal-2", "Normal", 50, "F", 5.0, 9, 5.0],
        ["normal-3", "Normal", 60, "M", 6.0, 8, 4.9],
        ["normal-4", "Normal", 70, "M", 6.5, 7, 5.2],
        ["normal-5", "Normal", 80, "F", 8.0, 6, 5.0],
        ["normal-6", "Normal", 90, "F", 8.5, 5, 5.0],
        ["AD-1", "AD", 50, "F", 9.2, 20, 4.8],
        ["AD-2", "AD", 40, "M", 7.9, 20, 4.9],
    ],
    columns=["participant_id", "group", "age", "sex", "f1", "f2", "f3"],
)
people.to_csv(folder / "participants.tsv", sep="\t", index=False)
(folder / "study.toml").write_text(
    """
[cohort]
label = "group"
classes = { Normal = ["Normal"], AD = ["AD"] }
normal = "Normal"
demographics = ["age", "sex"]

[features]
extractor = "table"
columns = ["f1", "f2", "f3"]
""",
    encoding="utf-8",
)
command(f"normalize {folder / 'study.toml'} {folder / 'run'} --jobs 1".split())

# %%
# What is left after age and sex: 4.4 for both patients, at most 0.5 for anybody normal.

residual = pd.read_csv(folder / "run" / "normalized" / "residual.tsv", sep="\t", index_col=0)
residual.round(2)

# %%
# The same as a picture: feature 1 against age, and its residual.

expected = pd.read_csv(folder / "run" / "normalized" / "expected.tsv", sep="\t", index_col=0)
ill = (people["group"] == "AD").to_numpy()
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, layout="constrained")
for who, marker, name in ((~ill, "o", "normal"), (ill, "D", "AD")):
    left.plot(people["age"][who], people["f1"][who], marker, label=name)
    right.plot(people["age"][who], residual["f1"].to_numpy()[who], marker, label=name)
left.plot(
    people["age"],
    expected["f1"].to_numpy(),
    "_",
    color="0.4",
    markersize=14,
    label="expected at that age and sex",
)
right.axhline(0, color="0.4", linewidth=1)
left.set(xlabel="Age", ylabel="Feature 1")
right.set(xlabel="Age", ylabel="Residual of feature 1")
left.legend(frameon=False)
