"""
Decide, or refer to a specialist
================================

The threshold follows from a wished sensitivity or from what the two mistakes cost. With ``refer`` nobody is
decided of whom two classes are likely.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
command(f"evaluate {study} {folder / 'run'} --sensitivity 0.9 --refer 0.9 --bootstrap 200 --jobs 1".split())

# %%
# What was decided of people who were not trained on.

read_section(folder / "run" / "report.html", "decisions")

# %%
# Who was referred, and what that is worth to the others.

read_section(folder / "run" / "report.html", "referral")

# %%
# A decision is worth something between these two probabilities.

read_section(folder / "run" / "report.html", "decision_curve")
