"""
Support vector machine: the margin
==================================

Of all lines between two classes the machine takes the one with the widest margin. People on its ends or
beyond them are the support vectors; nobody else counts.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")
command(
    f"train {study} {folder / 'run'} --classifier svm --jobs 1 "
    "--columns hippocampus_left.volume_mm3 medial_temporal_left.thickness_mm".split()
)
read_section(folder / "run" / "report.html", "classifier")
