"""
Gradient descent: low, adequate, high rate
==========================================

Training changes the weights step by step against the slope of the cost: w ← w − α ∂J/∂w. ``descent`` draws
it on the study's own data, for the squared cost of the linear classifier and the cross-entropy of the
logistic one.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
command(f"descent {study} {folder / 'run'} --weight hippocampus_left.volume_mm3 --jobs 1".split())

# %%
# The squared cost J(w) of one weight is a parabola. A low rate creeps along it, an adequate one settles, a
# high one jumps from side to side and climbs. Below, the cost of all weights together over the steps.

read_section(folder / "run" / "descent.html", "squared")

# %%
# Cross-entropy has one lowest point too, and rates of its own.

read_section(folder / "run" / "descent.html", "cross_entropy")
