"""
Linear regression of a number
=============================

What is predicted need not be a class. Here the age is predicted from the thickness and volume of seven
places of the brain, by a straight line in each ("brain age"): ``--target age`` in place of label and
classes.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
text = study.read_text(encoding="utf-8")
numbers = study.with_name("age.toml")
kept = [
    line
    for line in text.splitlines()
    if not line.startswith(("label", "classes", "normal", "sensitivity", "[decision]"))
]
numbers.write_text("\n".join(kept).replace('"age", "sex"', '"sex"'), encoding="utf-8")
command(
    f"evaluate {numbers} {folder / 'run'} --target age --classifier linear --bootstrap 200 --jobs 1".split()
)

# %%
# Nobody was trained on when predicted: each point is somebody of a held-out fold.

read_section(folder / "run" / "report.html", "predicted")

# %%
# The young are predicted too old and the old too young, by every regression. This is named, and taken out
# by the line that the gap of normal people follows.

read_section(folder / "run" / "report.html", "gap")
