"""The whole algorithm on the named weights of an `LSTM`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pylstm.reference.forward import output_error, softmax
from pylstm.reference.squashing import KINDS, slope, squashed

__all__ = ["online_gradients"]

Array = npt.NDArray[Any]

_GATES: Final = {  # and the name of their peepholes
    "input_gate": "peephole_input",
    "forget_gate": "peephole_forget",
    "output_gate": "peephole_output",
}


def online_gradients(
    config: Mapping[str, Any], weights: Mapping[str, Array], X: Array, targets: Array
) -> Iterator[tuple[Array, dict[str, Array]]]:
    """Step through a sequence; after each step yield the output and the gradient of its loss.

    The truncated gradient by eligibility traces: whatever enters through z(t) or a peephole is a
    constant, the path c(t-1) -> c(t) is not cut (HS97 A.1 eqs 12-28, Gers 2000 eqs 3.10-3.12, Gers
    2002). The weights are read anew at every step: change them between two steps to learn online.

    Parameters
    ----------
    config : mapping
        The keyword arguments of `LSTM` by name, all of them up to `loss`.
    weights : mapping
        As `LSTM.parameters`. Not changed here.
    X : ndarray, (T, n_inputs)
    targets : ndarray, (T, n_outputs)
        A row of NaN is no target.

    Yields
    ------
    y : ndarray, (n_outputs,)
    gradient : dict
        dL/dw by the names of the weights; empty at a step without target.

    Examples
    --------
    The inner loop of online learning:

    >>> import numpy as np
    >>> config = dict(n_inputs=1, n_outputs=1, n_blocks=1, block_size=1, input_gate=False,
    ...               forget_gate=False, output_gate=False, peepholes=False, gate_recurrence=False,
    ...               cell_recurrence=False, shortcut=False, hidden_bias="none", output_bias=False,
    ...               cell_input="identity", cell_output="identity", output="identity",
    ...               loss="squared")
    >>> weights = {"cell_input": np.array([[0.5]]), "output": np.array([[1.0]])}
    >>> X, targets = np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]])
    >>> for y, gradient in online_gradients(config, weights, X, targets):
    ...     print(y, gradient["cell_input"], gradient["output"])
    ...     for name, g in gradient.items():
    ...         weights[name] -= 0.1 * g
    [0.5] [[-0.5]] [[-0.25]]
    [1.64] [[-1.107]] [[-0.576]]
    """
    n_blocks, block_size = config["n_blocks"], config["block_size"]
    keep = 1 - config.get("leak", 0.0)
    act = {gate: np.zeros(n_blocks) for gate in _GATES if config[gate]}
    c = np.zeros(n_blocks * block_size)
    h = np.zeros(n_blocks * block_size)
    traces: dict[str, Array] = {}

    def gate_activation(gate: str, z: Array, c_seen: Array) -> Array:
        """Activation of each cell's gate, from z and the states its peepholes see; absent: 1."""
        if not config[gate]:
            return np.ones(n_blocks * block_size)
        net = weights[gate] @ z
        if config["peepholes"]:
            net += (weights[_GATES[gate]] * c_seen.reshape(n_blocks, block_size)).sum(axis=1)
        act[gate] = squashed(net, "logistic")
        return np.repeat(act[gate], block_size)

    for x, target in zip(X, targets, strict=True):
        # z(t) = [x(t); h(t-1); gates(t-1); 1]
        z = np.concatenate([
            x,
            h if config["cell_recurrence"] else [],
            *(act.values() if config["gate_recurrence"] else []),
            [] if config["hidden_bias"] == "none" else [1.0],
        ])  # fmt: skip
        z_cell = z[: weights["cell_input"].shape[1]]  # cell inputs may have no bias

        c_prev = c
        i = gate_activation("input_gate", z, c_prev)
        f = keep * gate_activation("forget_gate", z, c_prev)
        if config["forget_gate"]:
            act["forget_gate"] *= keep
        g = squashed(weights["cell_input"] @ z_cell, config["cell_input"])
        c = f * c_prev + i * g
        o = gate_activation("output_gate", z, c)
        hc = squashed(c, config["cell_output"])
        h = o * hc

        # E(t) = f(t) E(t-1) + d(t) z(t)^T, a row for each cell                          (T)
        seen = np.repeat(c_prev.reshape(n_blocks, block_size), block_size, axis=0)  # by peepholes
        factors = {
            "input_gate": (g * slope(i, "logistic"), z),
            "forget_gate": (c_prev * f * (1 - f / keep), z),
            "cell_input": (i * slope(g, config["cell_input"]), z_cell),
        }
        factors["peephole_input"] = (factors["input_gate"][0], seen)
        factors["peephole_forget"] = (factors["forget_gate"][0], seen)
        for name in factors.keys() & weights.keys():
            d, source = factors[name]
            traces[name] = f[:, None] * traces.get(name, 0.0) + d[:, None] * source

        # q(t) = [h(t); x(t); 1]
        q = np.concatenate([
            h, x if config["shortcut"] else [], [1.0] if config["output_bias"] else []
        ])  # fmt: skip
        y = np.empty(config["n_outputs"])
        net = weights["output"] @ q
        if config["output"] == "softmax":
            softmax(net, y, y.size)
        else:
            y[:] = squashed(net, config["output"])
        if np.isnan(target).any():
            yield y, {}
            continue

        delta = y - target
        if config["loss"] == "squared":
            output_error(y - target, y, delta, y.size, KINDS.index(config["output"]))
        eps = delta @ weights["output"][:, : h.size]
        e = o * slope(hc, config["cell_output"]) * eps
        eo = (slope(o, "logistic") * hc * eps).reshape(n_blocks, block_size).sum(axis=1)
        gradient = {name: e[:, None] * trace for name, trace in traces.items()}
        for name in gradient.keys() - {"cell_input"}:  # a gate serves every cell of its block
            gradient[name] = gradient[name].reshape(n_blocks, block_size, -1).sum(axis=1)
        gradient["output"] = np.outer(delta, q)
        if config["output_gate"]:
            gradient["output_gate"] = np.outer(eo, z)
        if "peephole_output" in weights:
            gradient["peephole_output"] = eo[:, None] * c.reshape(n_blocks, block_size)
        yield y, gradient
