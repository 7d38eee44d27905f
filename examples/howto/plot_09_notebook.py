"""
In a notebook
=============

Every step gives an object that shows itself: a line in a session, a small page in a notebook, and a table
on demand.
"""

import tempfile
from pathlib import Path

import normwise
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = normwise.read_study(simulate_table(folder / "people"))
study

# %%
# Who takes part.

cohort = normwise.read_cohort(study)
cohort

# %%
# What the procedure reaches, beside five others.

evaluation = normwise.evaluate_study(study, folder / "run", jobs=1)
evaluation

# %%
# The same as a table.

evaluation.to_frame().head(10)

# %%
# A model, and one person.

model = normwise.train_study(study, folder / "run", jobs=1)
model

# %%
# A section of the report, with its figures.

from normwise.report import read_section

read_section(folder / "run" / "report.html", "importance")
