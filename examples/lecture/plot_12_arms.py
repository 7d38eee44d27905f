"""
A classifier on features, with demographics and without
=======================================================

The question of the lecture: what are demographics worth, and how should they be used? ``evaluate`` answers
with arms that differ in this alone, on the same folds: raw features, features held against what is normal
(on the normal people, or on everybody), demographics appended to the features, and demographics alone.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
command(f"evaluate {study} {folder / 'run'} --bootstrap 200 --jobs 1".split())

# %%
# Each metric with its 95 % interval over people.

read_section(folder / "run" / "report.html", "arms")

# %%
# The arms saw the same people, so the differences between them are paired.

read_section(folder / "run" / "report.html", "differences")
