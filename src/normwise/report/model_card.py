"""The model card: what a model is for, what it was made of, how well it works, and what it is not for.

The sections follow Mitchell et al. 2019 (Model cards for model reporting); the words are the run's.
"""

from __future__ import annotations

from pathlib import Path

from normwise.files import write_text
from normwise.report.checklists import facts, methods
from normwise.report.render import render
from normwise.report.saved_run import SavedRun, read_run
from normwise.report.sections.summary import limits
from normwise.report.wording import joined
from normwise.run_folder import RunFolder

__all__ = ["card_of", "write_model_card"]

_AUTHORS = "To be written by the authors: "


def write_model_card(run: str | Path) -> Path:
    """Write ``MODEL_CARD.md`` and ``model_card.html`` of a run in which a model was trained or tested.

    Parameters
    ----------
    run : path
        A run folder.

    Returns
    -------
    Path
        The Markdown file.

    Raises
    ------
    ReportError
        REP-101 to REP-104 where the run's results are missing, damaged or contradict each other.
    """
    folder = RunFolder(run)
    saved = read_run(run)
    card = card_of(saved)
    title = f"Model card: {saved.record.title or 'untitled study'}"
    lines = [f"# {_plain(title)}", ""]
    for name, texts in card.items():
        lines += [f"## {name}", "", *(f"- {_plain(text)}" for text in texts), ""]
    path = folder / folder.MODEL_CARD
    write_text(path, "\n".join(lines))
    write_text(
        folder / folder.MODEL_CARD_PAGE,
        render("model_card.html", title=title, card=card, record=saved.record),
    )
    return path


def card_of(run: SavedRun) -> dict[str, list[str]]:
    """Return the card: by section, what the run says and what the authors are to write.

    Parameters
    ----------
    run : SavedRun
        The run.
    """
    record = run.record
    tested = [methods.performance(run), methods.partitions(run), methods.robustness(run)]
    demographics = joined(record.demographics) or "demographics"
    unknown = "Not tested in this run: nothing here says how well the model works on other people."
    card = {
        "The model": [
            methods.model(run),
            facts.preparation(run),
            facts.availability(run),
        ],
        "Intended use": [
            facts.aim(run),
            f"{_AUTHORS}who is to use it, for whom, and at which point of care.",
        ],
        "Not for": [
            "Deciding about a person's care: this is a research result and no medical device.",
            f"People unlike the {record.normal} group in {demographics}: about them it decides nothing.",
            "Images or measurements made in another way than those it was trained on.",
        ],
        "Training data": [facts.data_source(run), facts.eligibility(run), facts.composition(run),
                          facts.missing(run), facts.outcome(run)],
        "Performance": [text for text in tested if text] or [unknown],
        "Groups": [methods.fairness(run) or "No figures by group in this run."],
        "Decision": [methods.output(run) or "A threshold chosen on inner folds of the training people."],
        "What it looks at": [methods.explainability(run)],
        "Limits": limits(run) or [unknown],
        "Ethics": [f"{_AUTHORS}approval, consent, and who may be harmed by which mistake."],
    }  # fmt: skip
    return {name: found for name, texts in card.items() if (found := [text for text in texts if text])}


def _plain(text: str) -> str:
    """Keep Markdown from reading anything into a text that a table or a study brought."""
    escaped = "".join(f"\\{sign}" if sign in r"\`*_[]<>#|" else sign for sign in text)
    return " ".join(escaped.split())
