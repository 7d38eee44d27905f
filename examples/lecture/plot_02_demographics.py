"""
Demographics beside the images
==============================

A table says of everybody who takes part how old they are, of which sex, and whether they are ill. ``check``
reads it and says what a study would do, before anything is measured.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import normwise
from normwise.cli.main import main as command
from normwise.samples import simulate_table

study = simulate_table(Path(tempfile.mkdtemp()) / "people")
command(f"check {study}".split())

# %%
# The same from Python: who takes part, from the rows of the table to the classes, and the demographics of
# each class. Patients are older here, as they are in life; a classifier of raw measurements would learn
# age.

normwise.read_cohort(normwise.read_study(study))

# %%
# A row a scan, for whatever one wants to look at oneself.

people = normwise.read_cohort(normwise.read_study(study)).to_frame()
people.head()

# %%
# Ages of both classes.

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for name, own in people.groupby("class", observed=True):
    axes.hist(own["age"], bins=range(55, 95, 5), alpha=0.6, label=name)
axes.set(xlabel="Age", ylabel="People")
axes.legend(frameon=False)
