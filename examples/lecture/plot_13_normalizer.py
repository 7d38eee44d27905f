"""
The feature normalizer
======================

A brain shrinks with age as it does with disease. So each feature is regressed on age and sex among the
normal people alone, and what is left of a person's value is how far it departs from what is normal for
somebody of that age and sex.
"""

import tempfile
from pathlib import Path

import pandas as pd

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
command(f"train {study} {folder / 'run'} --jobs 1".split())

# %%
# The line of the normal people with the range around it, and the patients off it.

read_section(folder / "run" / "report.html", "trajectories")

# %%
# ``normalize`` writes expected values, residuals, W-scores (residuals in standard deviations of a normal
# person) and centiles of everybody, as tables with a data dictionary.

command(f"normalize {study} {folder / 'scores'} --jobs 1".split())
pd.read_csv(folder / "scores" / "normalized" / "w.tsv", sep="\t", index_col=0).head()
