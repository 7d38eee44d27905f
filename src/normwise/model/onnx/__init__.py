"""A trained model as one graph in the Open Neural Network Exchange format, for use without Python.

`export_onnx` writes the graph and compares it with the model (``export.py``). The graph's nodes come from
``preprocessing.py`` (normalizer, scaler, selection) and ``classifiers.py`` (one function a classifier), by
way of ``graph.py``, which adds nodes in double precision.
"""

from normwise.model.onnx.export import export_onnx

__all__ = ["export_onnx"]
