"""`normwise export`: write a trained model as one ONNX graph."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.regression import number_refusal
from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session
from normwise.errors import CommandError

__all__ = ["export"]


def export(model: Path, file: Path, /, *, running: OutputFlags = PLAIN) -> int:
    """Write a trained model, normalizer and classifier together, as one ONNX graph.

    The graph is compared with the model before it is written. What it takes, and the threshold, is in its
    metadata.

    Parameters
    ----------
    model : Path
        The model folder, RUN/model, or its run.
    file : Path
        Where to write, as model.onnx.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("export", running) as session:
        if file.suffix != ".onnx" or file.is_dir():
            raise CommandError(
                "CLI-205",
                "this is no name of an ONNX file.",
                subject=str(file),
                expected="a name that ends in .onnx",
                advice=f"write {file.with_suffix('.onnx')}",
            )
        from normwise.model import RegressionModel, load_model
        from normwise.model.onnx import export_onnx

        opened = load_model(model)
        if isinstance(opened, RegressionModel):
            raise number_refusal("export", opened.study)
        gap = export_onnx(opened, file)
        session.output.row("checked", f"probabilities within {gap:.1g} of the model's")
        session.output.number("largest_difference", gap)
        return session.end(file)
