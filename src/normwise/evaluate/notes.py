"""Warnings of many fits, said once a kind."""

from __future__ import annotations

from normwise.evaluate.crossval import ArmPredictions

__all__ = ["notes_of"]


def notes_of(predictions: dict[str, ArmPredictions]) -> list[str]:
    """Return one line a kind of warning: its first text, the arms it came from, and how often it varied.

    The folds of one arm warn of the same thing with slightly different numbers; a reader needs it once.

    Parameters
    ----------
    predictions : dict of str to ArmPredictions
        The arms.
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for arm, found in predictions.items():
        for note in found.notes:
            kinds.setdefault(note.split(maxsplit=1)[0], []).append((arm, note))
    lines = []
    for told in kinds.values():
        arms = ", ".join(dict.fromkeys(arm for arm, _ in told))
        more = f"; {len(told) - 1} more of this kind" if len(told) > 1 else ""
        lines.append(f"{told[0][1]} (arms: {arms}{more})")
    return lines
