"""`normwise export` writes a graph that runs, and refuses other names."""

import json

import numpy as np
import onnxruntime
import pytest

from normwise.cli.main import main


def test_a_model_becomes_a_graph_that_runs_without_normwise(table_run, tmp_path, capsys):
    assert main(["export", str(table_run / "model"), str(tmp_path / "model.onnx"), "--json-log"]) == 0
    end = json.loads(capsys.readouterr().out)
    assert end["largest_difference"] < 1e-9
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    given = {"features": [[2600.0, 2.5]], "age": [[70.0]], "sex": np.array([["F"]], dtype=object)}
    probabilities, score = session.run(["probabilities", "score"], given)
    assert probabilities.shape == (1, 2)
    assert score[0] == pytest.approx(1.0 - probabilities[0, 0])
    threshold = json.loads(session.get_modelmeta().custom_metadata_map["threshold"])
    assert 0.0 <= threshold <= 1.0


def test_another_name_is_refused(table_run, tmp_path, capsys):
    assert main(["export", str(table_run), str(tmp_path / "model.bin")]) == 2
    text = capsys.readouterr().err
    assert "CLI-205" in text
    assert "model.onnx" in text
    assert not list(tmp_path.iterdir())
