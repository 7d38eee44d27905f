"""
Image classification in three dimensions
========================================

The same network on whole brains. Each scan is brought once onto a grid of 8 mm, which is coarse enough for
the few people here; on so few a classifier of regions does better, and ``check`` says so.
"""

import tempfile
from pathlib import Path

from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_cohort

folder = Path(tempfile.mkdtemp())
brains = simulate_cohort(Path(tempfile.gettempdir()) / "normwise-brains", people=30)
text = brains.read_text(encoding="utf-8")
begin, end = text.index("[features]"), text.index("[evaluation]")
study = brains.with_name("network.toml")
settings = """\
[features]
extractor = "images"
voxel_size_mm = 8

[classifier]
name = "conv"
parameters = { width = 4, blocks = 2, epochs = 8 }

[decision]
cost = { missed = 1, false_alarm = 1 }
adjust = "none"

"""
study.write_text(text[:begin] + settings + text[end:], encoding="utf-8")
command(f"train {study} {folder / 'run'} --inner-folds 2 --jobs 2".split())

# %%
read_section(folder / "run" / "report.html", "network")
