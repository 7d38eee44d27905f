"""
On a cluster, in shards
=======================

Images are measured one by one, so a cohort can be divided among the jobs of a cluster. Every job gives the
same command with another number, in any order and on any machine that sees the run folder.
"""

import tempfile
from pathlib import Path

import matplotlib.image
import numpy as np

from normwise.cli.main import main as command

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
lines = ["participant_id\tage\tdiagnosis"]
for number in range(24):
    name, diagnosis = f"p{number:02d}", ("normal", "AD")[number % 2]
    lines.append(f"{name}\t{rng.uniform(60, 80):.1f}\t{diagnosis}")
    matplotlib.image.imsave(folder / f"{name}.png", rng.random((24, 24)), cmap="gray")
(folder / "participants.tsv").write_text("\n".join(lines), encoding="utf-8")
(folder / "study.toml").write_text(
    """
[cohort]
images = "{participant_id}.png"
label = "diagnosis"
normal = "normal"
demographics = ["age"]
[features]
extractor = "images"
""",
    encoding="utf-8",
)

# %%
# Two jobs of a job array of three, as SLURM would start them with ``--shard $SLURM_ARRAY_TASK_ID/3``.

command(f"extract {folder / 'study.toml'} {folder / 'run'} --shard 1/3 --jobs 1".split())
command(f"extract {folder / 'study.toml'} {folder / 'run'} --shard 3/3 --jobs 1".split())

# %%
# What is missing, and in which shard.

command(f"shards {folder / 'study.toml'} {folder / 'run'}".split())

# %%
# Without ``--shard`` the command measures what is missing and gathers the whole.

command(f"extract {folder / 'study.toml'} {folder / 'run'} --jobs 1".split())
