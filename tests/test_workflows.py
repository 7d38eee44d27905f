"""The steps of the workflows are scripts that run here; the oldest pins are those of the project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_step_is_a_script_that_can_be_run() -> None:
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    steps = re.findall(r"- run: (.+)", text)
    assert sorted(steps) == [".ci/docs", ".ci/oldest", ".ci/run", ".ci/wheel"]
    for step in steps:
        assert os.access(ROOT / step, os.X_OK), step
        done = subprocess.run(
            ["bash", "-n", ROOT / step], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr


def test_oldest_pins_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "oldest_pins.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    pins = done.stdout.split()
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    bounded = {one for one in [*project["dependencies"], *extras] if ">=" in one}
    assert {one.replace("==", ">=") for one in pins} == bounded
    assert f"numpy=={next(one for one in bounded if one.startswith('numpy>=')).split('=')[1]}" in pins
