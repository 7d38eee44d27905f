"""
A norm without anybody's data
=============================

What is normal for an age and sex is a regression, and its sums are all that has to be shared: ``reference``
writes them to one file, ``score`` holds new people against it.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from normwise.cli.main import main as command
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people", people=400)
others = simulate_table(folder / "others", people=100, seed=1)

# %%
# The normal people of a large study; patients are left out by the study itself.

command(f"reference {study} {folder / 'norm.json'}".split())

# %%
# People of another hospital, who have no normalizer of their own.

table = others.with_name("participants.tsv")
command(f"score {folder / 'norm.json'} --table {table} --out {folder / 'w.tsv'}".split())
w = pd.read_csv(folder / "w.tsv", sep="\t", index_col=0)
w.head()

# %%
# Their W-scores: of normal people around 0 with a standard deviation of 1, of patients below.

column = "hippocampus_left.volume_mm3"
diagnosis = pd.read_csv(table, sep="\t", index_col="participant_id")["diagnosis"]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for name in ("normal", "dementia"):
    axes.hist(w.loc[diagnosis == name, column].dropna(), bins=np.arange(-6, 4, 0.5), alpha=0.6, label=name)
axes.axvline(-1.96, color="0.4", linestyle=":", label="W = −1.96")
axes.set(xlabel="W-score of the left hippocampus", ylabel="People")
axes.legend(frameon=False)
