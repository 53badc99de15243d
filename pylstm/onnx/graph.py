"""Nodes, constants, inputs and outputs of an ONNX model while it is put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

__all__ = ["OPSET", "Array", "Graph", "PackedGraph"]

Array = npt.NDArray[Any]

OPSET = 13
_IR_VERSION = 8
_ABOUT = "One step of an LSTM; next_NAME is what NAME is at the step after it."
_FIRST = np.iinfo(np.int64).min  # where a slice that goes backwards ends behind the first

Size = int | tuple[int | str, ...]


class Graph:
    """A model of one step, piece by piece; every piece is known by the name of what it computes.

    Sizes are of vectors, or tuples of all axes, of which one may have a name for its size.
    """

    def __init__(self, name: str = "lstm_step", about: str = _ABOUT) -> None:
        self._name, self._about = name, about
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Array] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._following: list[onnx.ValueInfoProto] = []
        self._properties: dict[str, str] = {}

    def node(self, operation: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """name = operation(inputs)"""
        self._nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        """name = values"""
        array = np.asarray(values)
        self._constants[name] = np.ascontiguousarray(array).reshape(array.shape)
        return name

    def number(self, value: float, dtype: npt.DTypeLike = np.float64) -> str:
        """A constant called after its value."""
        kind = "" if dtype == np.float64 else f"_{np.dtype(dtype)}"
        return self.constant(f"number{kind}_{value:.17g}", np.array(value, dtype))

    def split(self, value: str, names: Sequence[str], sizes: Sequence[int]) -> None:
        """names = value, in parts of so many numbers of every row"""
        parts = self.constant(f"{value}.sizes", np.array(sizes))
        self._nodes.append(helper.make_node("Split", [value, parts], names, name=names[0], axis=-1))

    def ascending(self, value: str, n_rows: int, name: str) -> str:
        """name = value, every column sorted"""
        rows = self.constant(f"rows_{n_rows}", np.array([n_rows]))
        outputs = [name, f"{name}.places"]
        node = helper.make_node("TopK", [value, rows], outputs, name, axis=0, largest=0, sorted=1)
        self._nodes.append(node)
        return name

    def cast(self, value: str, dtype: npt.DTypeLike, name: str) -> str:
        """name = value, of a type"""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", [value], name, to=kind)

    def turned(self, value: str, name: str) -> str:
        """name = value, its rows from the last to the first"""
        parts = {"starts": -1, "ends": _FIRST, "axes": 0, "steps": -1}
        places = [self.constant(f"turned.{p}", np.array([n])) for p, n in parts.items()]
        return self.node("Slice", [value, *places], name)

    def each_row(self, step: Graph, rows: str, starts: Sequence[str], name: str) -> str:
        """name = what `step` answers to row after row, its states going on from `starts`"""
        body = helper.make_graph(
            step._nodes, f"{name}.step", step._inputs, step._following + step._outputs,
            [numpy_helper.from_array(array, own) for own, array in step._constants.items()],
        )  # fmt: skip
        last = [f"{name}.last_{k}" for k in range(len(starts))]
        outputs = [*last, name]
        node = helper.make_node(
            "Scan", [*starts, rows], outputs, name=name, body=body, num_scan_inputs=1
        )
        self._nodes.append(node)
        return name

    def input(self, name: str, size: Size, dtype: npt.DTypeLike, about: str = "") -> str:
        """What a step is given."""
        self._inputs.append(_array(name, size, dtype, about))
        return name

    def state(
        self, name: str, size: int, dtype: npt.DTypeLike, start: npt.ArrayLike | None = None
    ) -> str:
        """What a step knows of the one before, and gives on as next_NAME, which a node computes.

        With a `start` it may be left out, and is that.
        """
        self._inputs.append(_array(name, size, dtype))
        self._following.append(_array(f"next_{name}", size, dtype))
        if start is not None:
            self.constant(name, np.asarray(start, dtype).reshape(size))
        return name

    def output(self, name: str, size: Size, dtype: npt.DTypeLike, about: str = "") -> None:
        """What a step answers, which a node computes."""
        self._outputs.append(_array(name, size, dtype, about))

    def tell(self, name: str, names: Sequence[Any]) -> None:
        """Put names into the properties of the model, as JSON."""
        self._properties[name] = json.dumps(names, default=str)

    def model(self) -> onnx.ModelProto:
        """The whole."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            self._inputs,
            self._outputs + self._following,
            [numpy_helper.from_array(array, name) for name, array in self._constants.items()],
            doc_string=self._about,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="pylstm",
            producer_version=version("pylstm"),
        )
        helper.set_model_props(model, self._properties)
        return model


class PackedGraph(Graph):
    """One whose state is a single vector of float64 that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._starts: list[Array] = []
        self._dtypes: list[npt.DTypeLike] = []

    def state(
        self, name: str, size: int, dtype: npt.DTypeLike, start: npt.ArrayLike | None = None
    ) -> str:
        """A part of the vector."""
        begin = np.zeros(size) if start is None else np.asarray(start, np.float64).reshape(size)
        self._parts.append(name)
        self._starts.append(begin)
        self._dtypes.append(dtype)
        return name

    def model(self) -> onnx.ModelProto:
        """The whole, once every part has been named."""
        nodes, self._nodes = self._nodes, []
        super().state(
            "state", sum(map(len, self._starts)), np.float64, np.concatenate(self._starts)
        )
        kept = [f"state.{part}" for part in self._parts]
        self.split("state", kept, [*map(len, self._starts)])
        for part, dtype in zip(self._parts, self._dtypes, strict=True):
            self.cast(f"state.{part}", dtype, part)
        self._nodes += nodes
        keep = [self.cast(f"next_{part}", np.float64, f"state.next_{part}") for part in self._parts]
        self.node("Concat", keep, "next_state", axis=0)
        return super().model()


def _array(name: str, size: Size, dtype: npt.DTypeLike, about: str = "") -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    axes = [size] if isinstance(size, int) else list(size)
    return helper.make_tensor_value_info(name, kind, axes, doc_string=about)
