"""How help is set: no boxes, one line a flag, readable at 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

__all__ = ["HelpFormatter"]

_WIDEST_LABEL = 32  # leaves 44 of 80 columns for what it means


class HelpFormatter:
    """Sets the usage, the description and each group of flags."""

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:  # noqa: ARG002 - protocol
        """Set the usage line."""
        if usage:
            console.print(f"Usage: {_plain(usage).removeprefix('Usage: ')}\n", markup=False, highlight=False)

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:  # noqa: ARG002 - protocol
        """Set what the command does."""
        # A docstring is broken at the source's width; only its blank lines mean something.
        text = "\n\n".join(" ".join(part.split()) for part in _plain(description).split("\n\n"))
        if text:
            console.print(f"{text}\n", markup=False, highlight=False)

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:  # noqa: ARG002 - protocol
        """Set one group."""
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        if not panel.entries:
            return
        console.print(Text(_plain(panel.title), style="bold"))
        labels = [_label(entry) for entry in panel.entries]
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=min(max(map(len, labels)), _WIDEST_LABEL), overflow="fold")
        grid.add_column()
        for label, entry in zip(labels, panel.entries, strict=True):
            grid.add_row(Text(label, style="cyan"), Text(_plain(entry.description)))
        console.print(Padding(grid, (0, 0, 0, 2), expand=False))
        console.print()


def _label(entry: HelpEntry) -> str:
    """Return a flag's shortest long name with what it takes; its other name is its key in full."""
    if entry.positional_label:
        return entry.positional_label
    name = min(entry.names, key=len) if entry.names else entry.shorts[0]
    if entry.shorts and entry.names:
        name = f"{name}, {entry.shorts[0]}"
    if entry.choices:
        return f"{name} {'|'.join(entry.choices)}"
    if _is_table(entry.type):
        return f"{name}.NAME VALUE"
    return f"{name} {entry.metavar}" if entry.metavar else name


def _is_table(kind: Any) -> bool:
    return any(dict in (option, get_origin(option)) for option in (kind, *get_args(kind)))


def _plain(text: Any) -> str:
    if text is None:
        return ""
    inner = getattr(text, "primary_renderable", text)  # docstrings come wrapped with their metadata
    plain: str = inner.plain if hasattr(inner, "plain") else str(inner)
    return plain.strip()
