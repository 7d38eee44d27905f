"""Print the oldest version of each package that pyproject.toml allows, as constraints for pip."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any


def oldest_pins(project: dict[str, Any]) -> list[str]:
    """Return ``name==version`` of every requirement that says from which version on it holds."""
    needed = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    found = (re.fullmatch(r"([\w.-]+)>=([\w.]+)", one) for one in needed)
    return sorted({f"{match[1]}=={match[2]}" for match in found if match})


if __name__ == "__main__":
    text = Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
    sys.stdout.write("\n".join(oldest_pins(tomllib.loads(text)["project"])) + "\n")
