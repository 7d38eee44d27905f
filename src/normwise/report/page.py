"""One self-contained page from a run folder: nothing fetched, nothing run, equal results give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from normwise.files import write_text
from normwise.report.figures.canvas import figures_in, inline_svg, standalone_svg
from normwise.report.figures.curves import draw_costs
from normwise.report.render import render
from normwise.report.saved_run import SavedRun, read_run
from normwise.report.sections import SECTIONS
from normwise.results import Curve
from normwise.run_folder import RunFolder

__all__ = ["draw_descent", "make_page", "write_figures", "write_report"]


def write_report(run: str | Path) -> Path:
    """Write ``report.html`` from a run's own files, and each of its figures to ``figures/NAME.svg``.

    Parameters
    ----------
    run : path
        A run folder; ``run.json`` is needed, ``evaluation.json``, ``explanation.json`` and
        ``predictions.tsv`` are used where they are; a run of a number has ``regression.json`` in their place.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        REP-101 to REP-104 where the run's results are missing, damaged or contradict each other.
    """
    folder = RunFolder(run)
    path = folder / folder.REPORT
    if (folder / folder.REGRESSION).is_file():
        from normwise.report.regression import make_regression_page  # few runs predict a number

        page = make_regression_page(folder)
    else:
        page = make_page(read_run(run))
    write_figures(page, folder / folder.FIGURES)
    write_text(path, page)
    return path


def write_figures(page: str, folder: Path) -> list[Path]:
    """Write every figure of a page as an SVG file; figures of an earlier page that are gone are removed.

    Parameters
    ----------
    page : str
        The page.
    folder : Path
        Made where there is a figure.

    Returns
    -------
    list of Path
        The files, in the page's order.
    """
    figures = {folder / f"{name}.svg": svg for name, svg in figures_in(page).items()}
    for earlier in folder.glob("*.svg"):
        if earlier not in figures:
            earlier.unlink()
    if figures:
        folder.mkdir(parents=True, exist_ok=True)
    for path, svg in figures.items():
        write_text(path, svg)
    return list(figures)


def make_page(run: SavedRun) -> str:
    """Return the whole page as HTML.

    Parameters
    ----------
    run : SavedRun
        The run's results.
    """
    made = {name: section(run) for name, section in SECTIONS.items()}
    return render(
        "page.html",
        record=run.record,
        kind=_kind(run),
        title=run.record.title or "Untitled study",
        sections={name: section for name, section in made.items() if section is not None},
    )


def draw_descent(curves: Mapping[str, Curve], path: str | Path, *, title: str = "Gradient descent") -> Path:
    """Draw the cost over the steps of gradient descent, one line a learning rate.

    Parameters
    ----------
    curves : mapping of str to Curve
        What each line is, as ``"low, 0.001"``, and its cost (y) over steps (x).
    path : path
        ``….svg`` for the figure alone; any other ending gives a page.
    title : str
        The page's heading.

    Returns
    -------
    Path
        The file.
    """
    path = Path(path)
    figure = draw_costs(curves)
    text = "; ".join(f"{name}: {_course(curve)}" for name, curve in curves.items())
    label = f"Cost over steps of gradient descent. {text}."
    if path.suffix == ".svg":
        write_text(path, standalone_svg(figure, "descent", label))
    else:
        write_text(
            path,
            render("descent.html", title=title, drawing=inline_svg(figure, "descent", label), curves=curves),
        )
    return path


def _course(curve: Curve) -> str:
    return f"{curve.y[0]:.3g} to {curve.y[-1]:.3g} in {len(curve.y) - 1} steps" if curve.y else "no steps"


def _kind(run: SavedRun) -> str:
    """Say in two or three words what was done."""
    if run.tested_elsewhere:
        return "Test on another cohort"
    if run.evaluation is not None:
        return "Cross-validated evaluation"
    return "Trained model" if run.explanation is not None else "Extracted features"
