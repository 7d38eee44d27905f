"""Onnx."""

from normwise.model.onnx.export import export_onnx

__all__ = ["export_onnx"]
