"""
Example 1: training, and a test on other people
===============================================

In training three things are learnt: the normalizer, on the normal people; the classifier, on everybody; and
the threshold. All three go into one folder. In the test they are applied to people they have never seen.
"""

import tempfile
from pathlib import Path

import pandas as pd

import normwise
from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
others = simulate_table(folder / "others", people=60, seed=1)
command(f"train {study} {folder / 'run'} --jobs 1".split())

# %%
# What was saved: it holds no pickle, and opens without running anything.

model = normwise.load_model(folder / "run" / "model")
model

# %%
# Sixty people of another cohort.

command(f"test {folder / 'run' / 'model'} {others} {folder / 'test'} --bootstrap 200 --jobs 1".split())
read_section(folder / "test" / "report.html", "decisions")

# %%
# Whatever the threshold, in one curve.

read_section(folder / "test" / "report.html", "roc")

# %%
# One person: the decision, and why.

table = pd.read_csv(others.with_name("participants.tsv"), sep="\t", index_col="participant_id")
person = table.loc[table["diagnosis"] == "dementia", [*model.feature_names, "age", "sex"]].iloc[:1]
model.predictions(person)[0]
