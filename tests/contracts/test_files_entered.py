"""Evaluating a table enters few files: what is not chosen is not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from evaluated import people, study_of
from normwise.cohort import study_to_toml

LOADED, RUN = 135, 100
"""Files of the package that may be loaded, and those of which a function may run, in one evaluation."""

COUNT = """
import sys
from pathlib import Path
import normwise

root, code = Path(normwise.__file__).parent, set()
CO_NEWLOCALS = 2  # functions have it, modules and bodies of classes have not

def note(frame, event, argument):
    if event == "call" and frame.f_code.co_flags & CO_NEWLOCALS:
        code.add(frame.f_code.co_filename)

sys.setprofile(note)
normwise.evaluate_study(sys.argv[1], sys.argv[2], jobs=1)  # in this process, whatever is entered
sys.setprofile(None)
loaded = [each.__file__ for each in sys.modules.values() if getattr(each, "__file__", None)]
for files in (set(loaded), code):
    print(sum(Path(name).is_relative_to(root) and name.endswith(".py") for name in files))
"""


def test_an_evaluation_of_a_table_enters_few_files(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(study_to_toml(study_of(tmp_path, people())), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COUNT, str(study), str(tmp_path / "run")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded, run = map(int, done.stdout.split())
    assert loaded <= LOADED
    assert run <= RUN
