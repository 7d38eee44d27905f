"""The lecture's eight people, written as a study."""

from __future__ import annotations

from pathlib import Path

ROWS = """\
participant_id	group	age	sex	f1	f2	f3
normal-1	Normal	40	M	3.0	10	5.1
normal-2	Normal	50	F	5.0	9	5.0
normal-3	Normal	60	M	6.0	8	4.9
normal-4	Normal	70	M	6.5	7	5.2
normal-5	Normal	80	F	8.0	6	5.0
normal-6	Normal	90	F	8.5	5	5.0
AD-1	AD	50	F	9.2	20	4.8
AD-2	AD	40	M	7.9	20	4.9
"""

STUDY = """\
[cohort]
label = "group"
classes = { Normal = ["Normal"], AD = ["AD"] }
normal = "Normal"
demographics = ["age", "sex"]

[features]
extractor = "table"
columns = ["f1", "f2", "f3"]
"""


def write_eight(folder: Path, more: str = "") -> Path:
    """Write table and study, with further sections of the study, and return the study file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "participants.tsv").write_text(ROWS)
    (folder / "study.toml").write_text(STUDY + more)
    return folder / "study.toml"
