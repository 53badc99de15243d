"""One step of a network as an ONNX model, the state going in and coming out.

    inputs      x, cell_state, cell_output, and with gate recurrence input_gate, forget_gate,
                output_gate: the state of t-1, zeros at the start of a sequence
    outputs     y, and the state of t, each as next_NAME

Every switch of the network is there, in elementary operations of opset 13. Weights are
initialisers, named after `LSTM.parameters`. What the nodes compute, b a block, v a cell:

    sources = [x; cell_output; gates of t-1]      net_gate = W_gate sources + bias_gate
    i, f    = Sigmoid(net + sum_s U c(t-1))       c(t) = f c(t-1) + i squash_g(net_g)
    f       = (1 - leak) f                        f = 1 - leak without a forget gate
    o       = Sigmoid(net + sum_s U c(t))         h(t) = o squash_h(c(t))
    y       = squash_out(V [h(t); x] + bias)

Needs the onnx package, which is imported here and nowhere else: pip install 'pylstm[onnx]'.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from pylstm.architecture import GATES
from pylstm.files import written_whole
from pylstm.network import LSTM, check_network

__all__ = ["OPSET", "export_onnx"]

Array = npt.NDArray[Any]

OPSET = 13
_IR_VERSION = 8
_PEEPHOLES = {gate: "peephole_" + gate.removesuffix("_gate") for gate in GATES}
#: k, s of squash(a) = k tanh(s a)
_AS_TANH = {"tanh": (1.0, 1.0), "tanh_half": (1.0, 0.5), "two_tanh_half": (2.0, 0.5)}


def export_onnx(net: LSTM, path: str | os.PathLike[str] | None = None) -> onnx.ModelProto:
    """Return a network as an ONNX model of one step, and write it to a file if wanted.

    Parameters
    ----------
    net : LSTM
        Its weights as they are now; it does not change.
    path : str or path, optional
        File to write, whole or not at all.

    Returns
    -------
    onnx.ModelProto
        Opset 13, in the network's dtype. Inputs: "x" (n_inputs,), "cell_state" and "cell_output"
        (n_cells,) and, with gate recurrence, the gates there are, (n_blocks,) each; as in
        `LSTM.state`. Outputs: "y" (n_outputs,), and each input but x as "next_cell_state" and so
        on, to be fed to the next step. An empty state is zeros.

    Raises
    ------
    InputError
        When the file cannot be written.

    Notes
    -----
    The model predicts and does not learn. It computes the numbers of `LSTM.step` to rounding.

    Examples
    --------
    >>> import numpy as np, pylstm
    >>> from onnx.reference import ReferenceEvaluator
    >>> from pylstm.onnx import export_onnx
    >>> net = pylstm.LSTM(n_inputs=2, n_outputs=1, n_blocks=4)
    >>> model = ReferenceEvaluator(export_onnx(net))
    >>> state = {name: np.zeros(4, np.float32) for name in ("cell_state", "cell_output")}
    >>> for x in np.float32([[1, 2], [3, 4]]):
    ...     y, *values = model.run(None, {"x": x, **state})
    ...     state = dict(zip(state, values))
    ...     same = bool(abs(y - net.step(x)).max() < 1e-6)
    >>> same
    True
    """
    check_network(net)
    model = _Graph(net).model()
    onnx.checker.check_model(model)
    if path is not None:
        with written_whole(path) as temporary, open(temporary, "wb") as file:
            file.write(model.SerializeToString())
    return model


class _Graph:
    """Nodes and initialisers of a step, by name of what they compute."""

    def __init__(self, net: LSTM) -> None:
        self.config, self.parameters, self.dtype = net._config(), net.parameters, net.dtype
        self.n_inputs, self.n_outputs = net.n_inputs, net.n_outputs
        self.n_blocks, self.block_size = net.n_blocks, net.block_size
        self.n_cells = net.n_blocks * net.block_size
        self.gates = [gate for gate in GATES if self.config[gate]]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def model(self) -> onnx.ModelProto:
        """The whole."""
        self._hidden()
        self._outputs()
        sizes = {"cell_state": self.n_cells, "cell_output": self.n_cells}
        if self.config["gate_recurrence"]:
            sizes |= dict.fromkeys(self.gates, self.n_blocks)
        following = {f"next_{name}": size for name, size in sizes.items()}
        graph = helper.make_graph(
            self.nodes,
            "lstm_step",
            self._values({"x": self.n_inputs} | sizes),
            self._values({"y": self.n_outputs} | following),
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
            doc_string="One step of an LSTM; next_NAME is what NAME is at the step after it.",
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="pylstm",
            producer_version=version("pylstm"),
        )

    # ------------------------------------------------------------ the parts of a step

    def _hidden(self) -> None:
        sources = ["x"]
        if self.config["cell_recurrence"]:
            sources.append("cell_output")
        if self.config["gate_recurrence"]:
            sources += self.gates
        self._concatenate(sources, "sources")
        for gate in ("input_gate", "forget_gate"):
            self._gate(gate, "cell_state")
        self._weighted("cell_input", "sources", "cell_input.net", self._biased("cell_input"))
        self._squash(self.config["cell_input"], "cell_input.net", "cell_input")
        kept = self._gated("forget_gate", "cell_state", "cell_state.kept")
        if "forget_gate" not in self.gates:
            kept = self._multiply(1 - self.config["leak"], kept, "cell_state.kept")
        added = self._gated("input_gate", "cell_input", "cell_state.added")
        self._node("Add", [kept, added], "next_cell_state")
        self._gate("output_gate", "next_cell_state")
        self._squash(self.config["cell_output"], "next_cell_state", "cell_state.squashed")
        cell_output = self._gated("output_gate", "cell_state.squashed", "cell_state.shown")
        self._node("Identity", [cell_output], "next_cell_output")

    def _outputs(self) -> None:
        sources = ["next_cell_output", "x"] if self.config["shortcut"] else ["next_cell_output"]
        self._concatenate(sources, "output.sources")
        self._weighted("output", "output.sources", "output.net", self.config["output_bias"])
        self._squash(self.config["output"], "output.net", "y")

    def _gate(self, gate: str, cell_state: str) -> None:
        """next_GATE, if there is this gate, which may look at the cell states of its block."""
        if gate not in self.gates:
            return
        net = f"{gate}.net"
        self._weighted(gate, "sources", net, self._biased(gate))
        if self.config["peepholes"]:
            peephole = _PEEPHOLES[gate]
            self._constant("blocks.shape", np.array([self.n_blocks, self.block_size]))
            self._constant("blocks.axis", np.array([1]))
            self._node("Reshape", [cell_state, "blocks.shape"], f"{peephole}.cells")
            weights = self._constant(f"{peephole}.weights", self.parameters[peephole])
            self._node("Mul", [weights, f"{peephole}.cells"], f"{peephole}.products")
            self._node(
                "ReduceSum", [f"{peephole}.products", "blocks.axis"], f"{peephole}.net", keepdims=0
            )
            net = self._node("Add", [net, f"{peephole}.net"], f"{gate}.net_with_peepholes")
        keep = 1 - self.config["leak"] if gate == "forget_gate" else 1.0
        out = f"next_{gate}" if keep == 1 else f"{gate}.whole"
        self._node("Sigmoid", [net], out)
        self._multiply(keep, out, f"next_{gate}")

    def _gated(self, gate: str, value: str, name: str) -> str:
        """`value`, one number a cell, times the gate of its block; itself without a gate."""
        if gate not in self.gates:
            return value
        each = f"next_{gate}"
        if self.block_size > 1:
            blocks = np.repeat(np.arange(self.n_blocks), self.block_size)
            self._constant("block_of_cell", blocks)
            each = self._node("Gather", [each, "block_of_cell"], f"{gate}.of_cell")
        return self._node("Mul", [each, value], name)

    def _weighted(self, name: str, sources: str, out: str, biased: bool) -> None:
        """out = W sources + bias"""
        rows = self.parameters[name]
        weights = self._constant(f"{name}.weights", rows[:, :-1] if biased else rows)
        if not biased:
            self._node("MatMul", [weights, sources], out)
            return
        bias = self._constant(f"{name}.bias", rows[:, -1])
        product = self._node("MatMul", [weights, sources], f"{name}.product")
        self._node("Add", [product, bias], out)

    def _biased(self, name: str) -> bool:
        wanted = ("all",) if name == "cell_input" else ("all", "gates")
        return self.config["hidden_bias"] in wanted

    def _squash(self, kind: str, value: str, name: str) -> None:
        if kind in _AS_TANH:
            size, slope = _AS_TANH[kind]
            inside = self._multiply(slope, value, f"{name}.inside")
            out = name if size == 1 else f"{name}.tanh"
            self._node("Tanh", [inside], out)
            if size != 1:
                self._multiply(size, out, name)
            return
        operation = {"logistic": "Sigmoid", "identity": "Identity", "softmax": "Softmax"}[kind]
        self._node(operation, [value], name, **({"axis": -1} if kind == "softmax" else {}))

    # ------------------------------------------------------------ pieces

    def _multiply(self, factor: float, value: str, name: str) -> str:
        if factor == 1:
            return value
        number = self._constant(f"number_{factor:.17g}", np.array(factor, self.dtype))
        return self._node("Mul", [number, value], name)

    def _concatenate(self, parts: Sequence[str], name: str) -> None:
        self._node("Concat", parts, name, axis=0)

    def _node(self, operation: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def _constant(self, name: str, values: Array) -> str:
        self.constants[name] = np.ascontiguousarray(values).reshape(values.shape)
        return name

    def _values(self, sizes: dict[str, int]) -> list[onnx.ValueInfoProto]:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        return [helper.make_tensor_value_info(name, kind, [n]) for name, n in sizes.items()]
