"""
A cohort of brains in template space
====================================

As in OASIS: skull-stripped scans in MNI152 space, half of the people with dementia. ``normwise demo`` does
this with eighty simulated people; here are thirty, whose hippocampi, temporal lobes and ventricles have
changed with age, and more in the ill.
"""

import tempfile
from pathlib import Path

import normwise
from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_cohort

folder = Path(tempfile.mkdtemp())
study = simulate_cohort(Path(tempfile.gettempdir()) / "normwise-brains", people=30)
normwise.read_volume(next(study.parent.glob("sub-001/anat/*.nii.gz")))

# %%
# The study is one file.

print(study.read_text(encoding="utf-8"))

# %%
# Features of a few regions (without ``--columns``, of all), the six arms on the same folds, and the model
# trained on everybody.

settings = "--columns hippocampus_* amygdala_* *ventricle* --repeats 1 --bootstrap 200 --jobs 1"
command(f"train {study} {folder / 'run'} {settings}".split())
command(f"evaluate {study} {folder / 'run'} {settings}".split())

# %%
# What came out.

read_section(folder / "run" / "report.html", "summary")

# %%
# The regions that speak for disease, on the brain. Atrophy was planted in hippocampus, medial temporal lobe
# and ventricles.

read_section(folder / "run" / "report.html", "importance")
