"""A model card says what a model is for and not for, with the run's own numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from normwise.report import read_run, write_model_card
from normwise.report.model_card import card_of
from report.example_runs import EXAMPLES, HOSTILE
from report.read_html import read_html


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "extracted_only"])
def test_card_of_every_run(name: str, tmp_path: Path) -> None:
    path = write_model_card(EXAMPLES[name](tmp_path / "run"))
    text = path.read_text(encoding="utf-8")
    page = read_html((path.parent / "model_card.html").read_text(encoding="utf-8"))
    assert text.startswith("# Model card: ")
    assert page.faults == []
    for heading in ("## Intended use", "## Not for", "## Training data", "## Performance", "## Ethics"):
        assert heading in text
    assert "None" not in text.split()


def test_an_untested_model_says_so(tmp_path: Path) -> None:
    card = card_of(read_run(EXAMPLES["trained_only"](tmp_path / "run")))
    assert card["Performance"] == [
        "Not tested in this run: nothing here says how well the model works on other people."
    ]


def test_markdown_reads_nothing_into_a_users_text(tmp_path: Path) -> None:
    text = write_model_card(EXAMPLES["hostile"](tmp_path / "run")).read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "\\<script\\>" in text
