"""A network as ONNX nodes: one step of it or, of both directions, a sequence. What a step computes,
b a block, v a cell:

    sources = [s; cell_output; unit; gates, all of t-1]
    net     = sources W^T + bias                  of each kind of units
    i, f    = Sigmoid(net + sum_s U c(t-1))       c(t) = f c(t-1) + i squash_g(net_g)
    f       = (1 - leak) f                        f = 1 - leak without a forget gate
    o       = Sigmoid(net + sum_s U c(t))         h(t) = o squash_h(c(t))
    unit    = squash_u(net)
    y       = squash_out(sum_l [h_l(t); unit_l; x] V_l^T + bias)      of every head its own

with s = x, or of a layer upon another [h and units of the one below; x]. Every switch of the
network is there. A row of sources times the transposed weights is what runtimes are quick at: in
onnxruntime, with 512 cells, more than ten times as quick as weights times a column.

With both directions each network of a layer is a Scan of its step over the sequence, which for the
second of them is turned round before and after; s and y are those of all steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import heads_of, layer_configs
from pylstm.architecture import GATES
from pylstm.network import LSTM
from pylstm.onnx.graph import Array, Graph
from pylstm.onnx.scaling import Standardisation, give_back

__all__ = ["Step", "network_graph"]

_PEEPHOLES = {gate: "peephole_" + gate.removesuffix("_gate") for gate in GATES}
#: k, s of squash(a) = k tanh(s a)
_AS_TANH = {"tanh": (1.0, 1.0), "tanh_half": (1.0, 0.5), "two_tanh_half": (2.0, 0.5)}


def network_graph(net: LSTM) -> Graph:
    """A step of a network alone, or a sequence where it has both directions."""
    if net._config()["bidirectional"]:
        graph = Graph("lstm_sequence", "A sequence of any length, read in both directions.")
        graph.input("x", ("n_steps", net.n_inputs), net.dtype)
        graph.output("y", ("n_steps", net.n_outputs), net.dtype)
        _add_sequence(graph, net)
    else:
        graph = Graph()
        graph.input("x", net.n_inputs, net.dtype)
        graph.output("y", net.n_outputs, net.dtype)
        Step(graph, net).add("x", net.dtype, "y")
    return graph


def _add_sequence(graph: Graph, net: LSTM) -> None:
    """y = the outputs of a sequence x in both directions"""
    configs, shown = layer_configs(net._config()), list[str]()
    for pair in zip(configs[::2], configs[1::2], strict=True):  # the one that reads backwards first
        below = [*reversed(shown[-2:])]
        u = _joined(graph, _read(net, below, "x"), f"{pair[1]['prefix']}u")
        shown += [_cell_outputs(graph, net, config, u) for config in pair]
    _read_out(graph, net, "", shown, "x", "y")


def _cell_outputs(graph: Graph, net: LSTM, config: dict[str, Any], u: str) -> str:
    """Those of all steps of a sequence u, of one network of a layer."""
    prefix, backward, step = config["prefix"], config.get("backward", False), Graph()
    hidden = Hidden(step, config, _own(net, config), net.dtype, prefix)
    starts = [
        graph.constant(f"start_{size}", np.zeros(size, net.dtype))
        for size in hidden.begin().values()
    ]
    row = step.input(f"{prefix}row", config["n_inputs"], net.dtype)
    name = f"{prefix}cell_outputs"
    step.node("Identity", [hidden.add([row])], f"{name}.row")
    step.output(f"{name}.row", hidden.n_cells + hidden.n_units, net.dtype)
    if not backward:
        return graph.each_row(step, u, starts, name)
    turned = graph.each_row(step, graph.turned(u, f"{prefix}u.turned"), starts, f"{name}.turned")
    return graph.turned(turned, name)


class Step:
    """The step of a network as part of a graph.

    Parameters
    ----------
    graph : Graph
    net : LSTM
        Of one direction.
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
        self.config, self.memory = net._config(), memory
        self.state = net.state if starts else None
        self.layers = [
            Hidden(graph, own, _own(net, own), net.dtype, prefix + own.get("prefix", ""))
            for own in layer_configs(self.config)
        ]

    def add(self, x: str, x_dtype: npt.DTypeLike, y: str) -> None:
        """y = the outputs of a step with inputs x"""
        for layer in self.layers:
            layer.begin(self.prefix, self.state, memory=self.memory)
        scales, dtype = self.net._scales(), self.net.dtype
        if self.config["scale_inputs"]:
            memory = self.config["scale_memory"]
            scale = Standardisation(self.graph, self.prefix, scales["input_scale"], memory)
            x = scale.add(x, x_dtype, dtype)
        shown: list[str] = []
        for layer in self.layers:
            shown.append(layer.add(_read(self.net, shown[-1:], x)))
        if not self.config["scale_targets"]:
            _read_out(self.graph, self.net, self.prefix, shown, x, y)
            return
        z = f"{self.prefix}output"
        _read_out(self.graph, self.net, self.prefix, shown, x, z)
        heads = [head for head in heads_of(self.config) for _ in range(head["n_outputs"])]
        scaled = np.array([head["output"] == "identity" for head in heads])
        given = y if scaled.all() else f"{z}.in_units"
        give_back(self.graph, self.prefix, z, dtype, scales["target_scale"], given)
        if given != y:
            mask = self.graph.constant(f"{z}.scaled", scaled)
            self.graph.node("Where", [mask, given, z], y)


class Hidden:
    """The hidden units of one network of a layer, as part of a graph.

    Parameters
    ----------
    graph : Graph
    config : mapping
        One of `layer_configs`.
    parameters : mapping
        Its own, by their names in a network of one layer.
    dtype : data type
    prefix : str
        Of all its names.
    """

    def __init__(
        self,
        graph: Graph,
        config: Mapping[str, Any],
        parameters: Mapping[str, Array],
        dtype: npt.DTypeLike,
        prefix: str,
    ) -> None:
        self.graph, self.config, self.parameters = graph, config, parameters
        self.dtype, self.prefix = dtype, prefix
        self.n_blocks, self.block_size = config["n_blocks"], config["block_size"]
        self.n_cells, self.n_units = self.n_blocks * self.block_size, config["n_units"]
        self.gates = [gate for gate in GATES if gate in parameters]

    def begin(
        self, outside: str = "", start: Mapping[str, Array] | None = None, *, memory: bool = True
    ) -> dict[str, int]:
        """What it needs of the step before, with the sizes; `start`: what that is where it is left
        out, by its names less `outside`. Without memory it is always 0."""
        sizes = dict.fromkeys(("cell_state", "cell_output"), self.n_cells) if self.n_cells else {}
        sizes |= {"unit": self.n_units} if self.n_units else {}
        if self.config["gate_recurrence"]:
            sizes |= dict.fromkeys(self.gates, self.n_blocks)
        for name, size in sizes.items():
            whole = self.prefix + name
            if memory:
                begin = None if start is None else start[whole.removeprefix(outside)]
                self.graph.state(whole, size, self.dtype, begin)
            else:
                self.graph.constant(whole, np.zeros(size, self.dtype))
        return sizes

    def add(self, inputs: Sequence[str]) -> str:
        """Return the cell outputs and units of a step."""
        kinds = (["cell_output"] if self.n_cells else []) + (["unit"] if self.n_units else [])
        sources = [*inputs]
        if self.config["cell_recurrence"]:
            sources += [self.prefix + kind for kind in kinds]
        if self.config["gate_recurrence"]:
            sources += [self.prefix + gate for gate in self.gates]
        together = _joined(self.graph, sources, f"{self.prefix}sources")
        if self.n_cells:
            self._cells(together)
        if self.n_units:
            net, kind = self._net("unit", together), self.config["unit"]
            _squash(self.graph, kind, net, self._following("unit"), self.dtype)
        shown = [self._following(kind) for kind in kinds]
        return _joined(self.graph, shown, f"{self.prefix}hidden")

    def _cells(self, together: str) -> None:
        """next_cell_state and next_cell_output, of all sources"""
        cell_state = f"{self.prefix}cell_state"
        for gate in ("input_gate", "forget_gate"):
            self._gate(gate, together, cell_state)
        net = self._net("cell_input", together)
        cell_input = f"{self.prefix}cell_input"
        _squash(self.graph, self.config["cell_input"], net, cell_input, self.dtype)
        kept = self._gated("forget_gate", cell_state, "cell_state.kept")
        if "forget_gate" not in self.gates:
            kept = self._multiply(1 - self.config["leak"], kept, f"{self.prefix}cell_state.kept")
        added = self._gated("input_gate", cell_input, "cell_state.added")
        following = self.graph.node("Add", [kept, added], self._following("cell_state"))
        self._gate("output_gate", together, following)
        squashed = f"{self.prefix}cell_state.squashed"
        _squash(self.graph, self.config["cell_output"], following, squashed, self.dtype)
        shown = self._gated("output_gate", squashed, "cell_state.shown")
        self.graph.node("Identity", [shown], self._following("cell_output"))

    def _gate(self, gate: str, sources: str, cell_state: str) -> None:
        """next_GATE, if there is this gate, which may look at the cell states of its block."""
        if gate not in self.gates:
            return
        net = self._net(gate, sources)
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

    def _net(self, name: str, sources: str) -> str:
        """The net inputs of units of a kind."""
        wanted = ("all",) if name in ("cell_input", "unit") else ("all", "gates")
        biased = self.config["hidden_bias"] in wanted
        return _net(self.graph, self.prefix + name, self.parameters[name], sources, biased)

    def _following(self, name: str) -> str:
        return f"next_{self.prefix}{name}"

    def _multiply(self, factor: float, value: str, name: str) -> str:
        return _multiplied(self.graph, factor, value, name, self.dtype)

    def _node(self, operation: str, inputs: list[str], name: str) -> str:
        return self.graph.node(operation, inputs, self.prefix + name)

    def _constant(self, name: str, values: npt.ArrayLike) -> str:
        return self.graph.constant(self.prefix + name, values)


# ---------------------------------------------------------------- pieces


def _own(net: LSTM, config: Mapping[str, Any]) -> dict[str, Array]:
    """The parameters of one network of all layers, config one of `layer_configs`."""
    prefix = config.get("prefix", "")
    return {
        name.removeprefix(prefix): rows
        for name, rows in net.parameters.items()
        if name.startswith(prefix)
    }


def _read(net: LSTM, below: list[str], x: str) -> list[str]:
    """What a layer reads of the one below, if there is one, and of the inputs."""
    return [*below, x] if not below or net._config()["skip_inputs"] else below


def _read_out(graph: Graph, net: LSTM, prefix: str, shown: list[str], x: str, y: str) -> None:
    """y = the outputs, of the cell outputs of each of the networks and of inputs x"""
    config, parameters, parts = net._config(), net.parameters, []
    configs = layer_configs(config)
    for own, cells in zip(configs, shown, strict=True):
        is_last = own is configs[-1]
        name = "output" if is_last else f"{own['prefix']}output"
        if name in parameters:
            sources = [cells, x] if own["shortcut"] else [cells]
            together = _joined(graph, sources, f"{prefix}{name}.sources")
            biased = is_last and config["output_bias"]
            parts.append(_net(graph, prefix + name, parameters[name], together, biased))
    total = parts[0] if len(parts) == 1 else graph.node("Sum", parts, f"{prefix}output.total")
    heads = heads_of(config)
    if len(heads) == 1:
        _squash(graph, heads[0]["output"], total, y, net.dtype)
        return
    names = [f"{prefix}output.head_{j}" for j in range(len(heads))]
    nets = [f"{name}.net" for name in names]
    graph.split(total, nets, [head["n_outputs"] for head in heads])
    for head, of_head, name in zip(heads, nets, names, strict=True):
        _squash(graph, head["output"], of_head, name, net.dtype)
    graph.node("Concat", names, y, axis=-1)


def _net(graph: Graph, name: str, rows: Array, sources: str, biased: bool) -> str:
    """name.net = sources rows^T + bias"""
    weights = graph.constant(f"{name}.weights", (rows[:, :-1] if biased else rows).T)
    if not biased:
        return graph.node("MatMul", [sources, weights], f"{name}.net")
    bias = graph.constant(f"{name}.bias", rows[:, -1])
    product = graph.node("MatMul", [sources, weights], f"{name}.product")
    return graph.node("Add", [product, bias], f"{name}.net")


def _squash(graph: Graph, kind: str, value: str, name: str, dtype: npt.DTypeLike) -> None:
    if kind in _AS_TANH:
        size, slope = _AS_TANH[kind]
        inside = _multiplied(graph, slope, value, f"{name}.inside", dtype)
        out = graph.node("Tanh", [inside], name if size == 1 else f"{name}.tanh")
        _multiplied(graph, size, out, name, dtype)
        return
    operation = {"logistic": "Sigmoid", "identity": "Identity", "softmax": "Softmax"}[kind]
    attributes = {"axis": -1} if kind == "softmax" else {}
    graph.node(operation, [value], name, **attributes)


def _multiplied(graph: Graph, factor: float, value: str, name: str, dtype: npt.DTypeLike) -> str:
    if factor == 1:
        return value
    return graph.node("Mul", [graph.number(factor, dtype), value], name)


def _joined(graph: Graph, parts: Sequence[str], name: str) -> str:
    """name = the parts beside each other, of every row"""
    return parts[0] if len(parts) == 1 else graph.node("Concat", parts, name, axis=-1)
