"""The reference lists every command and every key's flag, and no other."""

import re
from pathlib import Path

from normwise.cli.main import VERBS
from normwise.cli.study_flags import list_keys

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def test_every_command_is_in_the_reference():
    told = re.findall(r"^\| `normwise (\w+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(told) == set(VERBS)


def test_every_key_is_in_the_reference_with_its_flags_and_meaning():
    rows = re.findall(
        r"^\| (?:`(\S+)`)? *\| `(--\S+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    told = {full: (short, meaning) for short, full, meaning in rows}
    keys = {key.names[0]: (key.names[1] if len(key.names) > 1 else "", key.help) for key in list_keys()}
    assert told == keys
