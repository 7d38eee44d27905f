"""A graph in the Open Neural Network Exchange format, built node by node in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Graph"]

_OPSETS = {"": 20, "ai.onnx.ml": 3}
_IR_VERSION = 10
"""The earliest version, of September 2023, with comparisons of text and trees in double precision."""


class Graph:
    """Nodes, constants, inputs and outputs; a method's arguments and results are names of tensors."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, width: int, kind: Any = np.float64) -> str:
        """Add an input of shape (n_people, width); ``kind`` is float64 or str."""
        from onnx import TensorProto, helper

        element = TensorProto.STRING if kind is str else TensorProto.DOUBLE
        self._inputs.append(helper.make_tensor_value_info(name, element, ["n_people", width]))
        return name

    def output(self, tensor: str, name: str, width: int | None) -> None:
        """Name a tensor as an output: (n_people, width), or (n_people,) where ``width`` is None."""
        from onnx import TensorProto, helper

        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        shape = ["n_people"] if width is None else ["n_people", width]
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape))

    def constant(self, value: Any) -> str:
        """Add a constant: numbers as float64, whole numbers as int64, text as it is."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype.kind in "iu":
            array = array.astype(np.int64)
        elif array.dtype.kind in "OUS":
            array = array.astype(object)
        elif array.dtype.kind != "b":
            array = array.astype(np.float64)
        name = f"/c{len(self._constants)}"
        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        )
        return name

    def add(self, kind: str, *tensors: str | NDArray[Any] | float, domain: str = "", **settings: Any) -> str:
        """Add an operation of a kind; numbers and arrays among its tensors become constants."""
        from onnx import helper

        names = [each if isinstance(each, str) else self.constant(each) for each in tensors]
        name = f"/n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, names, [name], domain=domain, **settings))
        return name

    def cast(self, tensor: str, kind: type) -> str:
        """Return a tensor as ``bool``, ``int``, ``float`` (double) or ``np.float32``."""
        from onnx import TensorProto

        kinds: dict[type, int] = {
            bool: TensorProto.BOOL,
            int: TensorProto.INT64,
            float: TensorProto.DOUBLE,
            np.float32: TensorProto.FLOAT,
        }
        return self.add("Cast", tensor, to=kinds[kind])

    def finite(self, tensor: str) -> str:
        """Return which rows of (n_people, width) are finite, as bool (n_people, 1)."""
        # A NaN is not less than anything.
        is_finite = self.cast(self.add("Less", self.add("Abs", tensor), np.array(np.inf)), float)
        return self.cast(self.add("ReduceMin", is_finite, np.array([1]), keepdims=1), bool)

    def standardize(self, tensor: str, centre: NDArray[Any], scale: NDArray[Any]) -> str:
        """Return (tensor − centre)/scale."""
        return self.add("Div", self.add("Sub", tensor, centre), scale)

    def affine(self, tensor: str, weights: NDArray[Any], shift: NDArray[Any]) -> str:
        """Return tensor @ weights + shift."""
        return self.add("Add", self.add("MatMul", tensor, weights), shift)

    def model(self, name: str, facts: dict[str, str]) -> Any:
        """Return the graph as a checked ``onnx.ModelProto``, with facts in its metadata."""
        import onnx
        from onnx import helper

        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="normwise"
        )
        helper.set_model_props(model, facts)
        onnx.checker.check_model(model)
        return model
