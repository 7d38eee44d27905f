"""Checklist: two tables, a card, and how many items are filled."""

import json

from normwise.cli.main import main


def test_checklist_of_a_trained_run(table_run, capsys):
    assert main(["checklist", str(table_run), "--json-log"]) == 0
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    filled = json.loads((table_run / "checklist.json").read_text())
    assert counts["claim"] == sum(row["filled"] for row in filled["claim"])
    assert (table_run / "checklist.html").is_file()
    assert (table_run / "MODEL_CARD.md").read_text().startswith("# Model card")


def test_checklist_without_a_run(tmp_path, capsys):
    assert main(["checklist", str(tmp_path / "nothing")]) == 2
    assert "CLI-203" in capsys.readouterr().err
