"""One step of a network as ONNX nodes. What they compute, b a block, v a cell:

    sources = [x; cell_output; gates of t-1]      net_gate = sources W_gate^T + bias_gate
    i, f    = Sigmoid(net + sum_s U c(t-1))       c(t) = f c(t-1) + i squash_g(net_g)
    f       = (1 - leak) f                        f = 1 - leak without a forget gate
    o       = Sigmoid(net + sum_s U c(t))         h(t) = o squash_h(c(t))
    y       = squash_out([h(t); x] V^T + bias)

Every switch of the network is there. A row of sources times the transposed weights is what
runtimes are quick at: in onnxruntime, with 512 cells, more than ten times as quick as weights times
a column.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pylstm.architecture import GATES
from pylstm.network import LSTM
from pylstm.onnx.graph import Graph
from pylstm.onnx.scaling import Standardisation, give_back

__all__ = ["Step", "add_network"]

_PEEPHOLES = {gate: "peephole_" + gate.removesuffix("_gate") for gate in GATES}
#: k, s of squash(a) = k tanh(s a)
_AS_TANH = {"tanh": (1.0, 1.0), "tanh_half": (1.0, 0.5), "two_tanh_half": (2.0, 0.5)}


def add_network(graph: Graph, net: LSTM) -> None:
    """Make a graph the step of a network alone."""
    graph.input("x", net.n_inputs, net.dtype)
    graph.output("y", net.n_outputs, net.dtype)
    Step(graph, net).add("x", net.dtype, "y")


class Step:
    """The step of a network as part of a graph.

    Parameters
    ----------
    graph : Graph
    net : LSTM
    prefix : str, default ""
        Of all its names.
    starts : bool, default False
        Whether the state may be left out, and is then the state of the network.
    memory : bool, default True
        Whether there is a state at all, or every step is the first.
    """

    def __init__(
        self,
        graph: Graph,
        net: LSTM,
        prefix: str = "",
        *,
        starts: bool = False,
        memory: bool = True,
    ) -> None:
        self.graph, self.net, self.prefix = graph, net, prefix
        self.starts, self.memory = starts, memory
        self.config, self.parameters, self.dtype = net._config(), net.parameters, net.dtype
        self.n_blocks, self.block_size = net.n_blocks, net.block_size
        self.gates = [gate for gate in GATES if self.config[gate]]

    def add(self, x: str, x_dtype: npt.DTypeLike, y: str) -> None:
        """y = the outputs of a step with inputs x"""
        self._state()
        scales = self.net._scales()
        if self.config["scale_inputs"]:
            memory = self.config["scale_memory"]
            scale = Standardisation(self.graph, self.prefix, scales["input_scale"], memory)
            x = scale.add(x, x_dtype, self.dtype)
        self._hidden(x)
        if not self.config["scale_targets"]:
            self._outputs(x, y)
            return
        z = f"{self.prefix}output"
        self._outputs(x, z)
        give_back(self.graph, self.prefix, z, self.dtype, scales["target_scale"], y)

    # ------------------------------------------------------------ the parts of a step

    def _state(self) -> None:
        sizes = dict.fromkeys(("cell_state", "cell_output"), self.net.n_cells)
        if self.config["gate_recurrence"]:
            sizes |= dict.fromkeys(self.gates, self.n_blocks)
        for name, size in sizes.items():
            if self.memory:
                start = self.net.state[name] if self.starts else None
                self.graph.state(self.prefix + name, size, self.dtype, start)
            else:
                self._constant(name, np.zeros(size, self.dtype))

    def _hidden(self, x: str) -> None:
        sources = [x]
        if self.config["cell_recurrence"]:
            sources.append(f"{self.prefix}cell_output")
        if self.config["gate_recurrence"]:
            sources += [self.prefix + gate for gate in self.gates]
        together = self._concatenate(sources, "sources")
        cell_state = f"{self.prefix}cell_state"
        for gate in ("input_gate", "forget_gate"):
            self._gate(gate, together, cell_state)
        net = self._weighted("cell_input", together, "cell_input.net", self._biased("cell_input"))
        cell_input = f"{self.prefix}cell_input"
        self._squash(self.config["cell_input"], net, cell_input)
        kept = self._gated("forget_gate", cell_state, "cell_state.kept")
        if "forget_gate" not in self.gates:
            kept = self._multiply(1 - self.config["leak"], kept, f"{self.prefix}cell_state.kept")
        added = self._gated("input_gate", cell_input, "cell_state.added")
        following = self.graph.node("Add", [kept, added], self._following("cell_state"))
        self._gate("output_gate", together, following)
        squashed = f"{self.prefix}cell_state.squashed"
        self._squash(self.config["cell_output"], following, squashed)
        shown = self._gated("output_gate", squashed, "cell_state.shown")
        self.graph.node("Identity", [shown], self._following("cell_output"))

    def _outputs(self, x: str, y: str) -> None:
        sources = [self._following("cell_output"), *([x] if self.config["shortcut"] else [])]
        together = self._concatenate(sources, "output.sources")
        net = self._weighted("output", together, "output.net", self.config["output_bias"])
        self._squash(self.config["output"], net, y)

    def _gate(self, gate: str, sources: str, cell_state: str) -> None:
        """next_GATE, if there is this gate, which may look at the cell states of its block."""
        if gate not in self.gates:
            return
        net = self._weighted(gate, sources, f"{gate}.net", self._biased(gate))
        if self.config["peepholes"]:
            name = _PEEPHOLES[gate]
            shape = self._constant("blocks.shape", np.array([self.n_blocks, self.block_size]))
            axis = self._constant("blocks.axis", np.array([1]))
            cells = self._node("Reshape", [cell_state, shape], f"{name}.cells")
            weights = self._constant(f"{name}.weights", self.parameters[name])
            products = self._node("Mul", [weights, cells], f"{name}.products")
            seen = f"{self.prefix}{name}.net"
            self.graph.node("ReduceSum", [products, axis], seen, keepdims=0)
            net = self._node("Add", [net, seen], f"{gate}.net_with_peepholes")
        keep = 1 - self.config["leak"] if gate == "forget_gate" else 1.0
        following = self._following(gate)
        out = following if keep == 1 else f"{self.prefix}{gate}.whole"
        self.graph.node("Sigmoid", [net], out)
        self._multiply(keep, out, following)

    def _gated(self, gate: str, value: str, name: str) -> str:
        """`value`, one number a cell, times the gate of its block; itself without a gate."""
        if gate not in self.gates:
            return value
        each = self._following(gate)
        if self.block_size > 1:
            blocks = np.repeat(np.arange(self.n_blocks), self.block_size)
            block_of_cell = self._constant("block_of_cell", blocks)
            each = self._node("Gather", [each, block_of_cell], f"{gate}.of_cell")
        return self._node("Mul", [each, value], name)

    def _weighted(self, name: str, sources: str, out: str, biased: bool) -> str:
        """out = sources W^T + bias"""
        rows = self.parameters[name]
        weights = self._constant(f"{name}.weights", (rows[:, :-1] if biased else rows).T)
        if not biased:
            return self._node("MatMul", [sources, weights], out)
        bias = self._constant(f"{name}.bias", rows[:, -1])
        product = self._node("MatMul", [sources, weights], f"{name}.product")
        return self._node("Add", [product, bias], out)

    def _biased(self, name: str) -> bool:
        wanted = ("all",) if name == "cell_input" else ("all", "gates")
        return self.config["hidden_bias"] in wanted

    def _squash(self, kind: str, value: str, name: str) -> None:
        if kind in _AS_TANH:
            size, slope = _AS_TANH[kind]
            inside = self._multiply(slope, value, f"{name}.inside")
            out = self.graph.node("Tanh", [inside], name if size == 1 else f"{name}.tanh")
            self._multiply(size, out, name)
            return
        operation = {"logistic": "Sigmoid", "identity": "Identity", "softmax": "Softmax"}[kind]
        attributes = {"axis": -1} if kind == "softmax" else {}
        self.graph.node(operation, [value], name, **attributes)

    # ------------------------------------------------------------ pieces

    def _following(self, name: str) -> str:
        return f"next_{self.prefix}{name}"

    def _multiply(self, factor: float, value: str, name: str) -> str:
        if factor == 1:
            return value
        return self.graph.node("Mul", [self.graph.number(factor, self.dtype), value], name)

    def _concatenate(self, parts: list[str], name: str) -> str:
        if len(parts) == 1:
            return parts[0]
        return self.graph.node("Concat", parts, self.prefix + name, axis=0)

    def _node(self, operation: str, inputs: list[str], name: str) -> str:
        return self.graph.node(operation, inputs, self.prefix + name)

    def _constant(self, name: str, values: npt.ArrayLike) -> str:
        return self.graph.constant(self.prefix + name, values)
