"""
Tables by FreeSurfer
====================

Who has FreeSurfer's results needs no images: wide tables (``asegstats2table``, ``aparcstats2table``) or the
``SUBJECTS_DIR`` itself are read, and its structures get the names that other extractors use.
"""

import tempfile
from pathlib import Path

import pandas as pd

import normwise
from normwise.cli.main import main as command
from normwise.report import read_section
from normwise.samples import simulate_table

folder = simulate_table(Path(tempfile.mkdtemp()) / "people").parent
people = pd.read_csv(folder / "participants.tsv", sep="\t")

# %%
# A table as ``asegstats2table`` writes it.

aseg = pd.DataFrame(
    {
        "Measure:volume": people["participant_id"],
        "Left-Hippocampus": people["hippocampus_left.volume_mm3"],
        "Right-Hippocampus": people["hippocampus_right.volume_mm3"],
        "EstimatedTotalIntraCranialVol": 1.5e6,
    }
)
aseg.to_csv(folder / "aseg.tsv", sep="\t", index=False)
(folder / "study.toml").write_text(
    """
[cohort]
label = "diagnosis"
normal = "normal"
demographics = ["age", "sex"]

[features]
extractor = "freesurfer"
table = "aseg.tsv"
columns = ["hippocampus_*"]
""",
    encoding="utf-8",
)
command(f"check {folder / 'study.toml'}".split())

# %%
# Names, units and meanings, as they are in the report.

study = normwise.read_study(folder / "study.toml")
features = normwise.extract_features(normwise.read_cohort(study), study)
features.values.head()

# %%
command(f"train {folder / 'study.toml'} {folder.parent / 'run'} --jobs 1".split())
read_section(folder.parent / "run" / "report.html", "trajectories")
