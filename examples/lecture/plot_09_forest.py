"""
Random forest: one of its trees
===============================

A tree asks one question after the other, each about one feature. A forest grows many of them on people
drawn at random, and takes the mean of what they say.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people", people=60)
command(
    f"train {study} {folder / 'run'} --classifier forest --inner-folds 2 --jobs 1 "
    "--columns hippocampus_left.volume_mm3 medial_temporal_left.thickness_mm".split()
)
read_section(folder / "run" / "report.html", "classifier")
