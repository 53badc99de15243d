"""The Jacobians of an LSTM: the chain rule through every line of its step, nothing cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.analysis.jacobians import Jacobians
from pylstm.architecture import GATES
from pylstm.errors import brief
from pylstm.network import LSTM, check_blocks_alone
from pylstm.reference import slope, squashed

__all__ = ["as_vectors", "lstm_jacobians", "output_slopes", "record"]

Array = npt.NDArray[Any]


def lstm_jacobians(net: LSTM, X: npt.ArrayLike) -> Jacobians:
    """Take the Jacobians of an LSTM over a sequence, from a fresh state.

    The state is s = [c; h; gates], all that a step hands to the next. With the sources z = [x(t);
    h(t-1); gates(t-1); 1] and d for the derivative by [s(t-1); x(t)],

        di = i (1 - i) (W_i dz + U_i dc(t-1))                   df alike
        dg = cell_input' W_g dz
        dc = f dc(t-1) + c(t-1) df + g di + i dg               df with f' = f (1 - f / (1 - leak))
        do = o (1 - o) (W_o dz + U_o dc)
        dh = cell_output(c) do + o cell_output' dc
        dy = output' V [dh; dx; 0]

    the chain rule through the equations of `LSTM` (Hochreiter & Schmidhuber 1997, appendix A.1;
    forget gates: Gers, Schmidhuber & Cummins 2000; peepholes U: Gers, Schraudolph & Schmidhuber
    2002). These are the full derivatives, not those the truncated gradient knows.

    Parameters
    ----------
    net : LSTM
        Does not change. Not one that scales inputs or targets: what it computes depends on all it
        has seen.
    X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
        Inputs, at least one step; or tokens, which stand for one-hot vectors.

    Returns
    -------
    Jacobians
        In float64, at the states the net has in its own precision.

    Raises
    ------
    ValueError, TypeError
        For such a net, or unusable inputs.

    Notes
    -----
    Costs O(n_rows n_sources (n_state + n_inputs)) once and O(n_state (n_state + n_inputs)) time and
    memory a step: for nets of some hundred cells at most.

    Examples
    --------
    Without a forget gate a cell state keeps what it has:

    >>> import pylstm
    >>> from pylstm.analysis import lstm_jacobians
    >>> net = pylstm.LSTM(1, 1, n_blocks=1, forget_gate=False, cell_recurrence=False)
    >>> jacobians = lstm_jacobians(net, [[0.5], [0.0], [0.0]])
    >>> jacobians.names[0], jacobians.state_by_state[:, 0, 0].tolist()
    ('cell_state[0]', [1.0, 1.0, 1.0])
    """
    for name in ("scale_inputs", "scale_targets"):
        if net._config()[name]:
            raise ValueError(f"net has {name}=True, wanted one without scaling")
    return _Chain(net, *record(net, X)).jacobians()


def record(net: LSTM, X: npt.ArrayLike) -> tuple[Array, dict[str, Array], Array]:
    """Run a copy of the net over a sequence from a fresh state; give all there is to see.

    Parameters
    ----------
    net : LSTM
    X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype

    Returns
    -------
    inputs : (n_steps, n_inputs) float64
        One-hot where tokens were given.
    states : dict of str to (n_steps, ...) float64
        `LSTM.state` after every step.
    outputs : (n_steps, n_outputs) float64

    Raises
    ------
    ValueError, TypeError
        For unusable inputs.

    Examples
    --------
    >>> import pylstm
    >>> from pylstm.analysis.lstm import record
    >>> inputs, states, outputs = record(pylstm.LSTM(3, 1, n_blocks=2), [0, 2])
    >>> inputs.tolist(), states["cell_state"].shape
    ([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], (2, 2))
    """
    check_blocks_alone(net)
    steps = np.asarray(X)
    inputs = as_vectors(steps, net.n_inputs)
    copy = net.copy()
    copy.reset()
    outputs, states = [], []
    for x in steps:
        outputs.append(copy.step(x))
        states.append(copy.state)
    together = {name: np.array([state[name] for state in states], float) for name in states[0]}
    return inputs, together, np.array(outputs, float)


def as_vectors(X: npt.ArrayLike, n_inputs: int) -> Array:
    """Give the inputs of a sequence as vectors, one-hot where tokens are given.

    Parameters
    ----------
    X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
    n_inputs : int

    Returns
    -------
    (n_steps, n_inputs) float64

    Raises
    ------
    ValueError
        For other shapes, no step, a token there is no input for, or a value that is not finite.

    Examples
    --------
    >>> from pylstm.analysis.lstm import as_vectors
    >>> as_vectors([2, 0], n_inputs=3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    steps = np.asarray(X)
    if steps.ndim == 1 and len(steps) and steps.dtype.kind in "iu":
        if steps.min() < 0 or steps.max() >= n_inputs:
            raise ValueError(
                f"X has tokens {steps.min()} .. {steps.max()}, wanted 0 .. {n_inputs - 1}"
            )
        return np.asarray(np.eye(n_inputs)[steps])
    if steps.ndim != 2 or not len(steps) or steps.shape[1] != n_inputs:
        raise ValueError(
            f"X has shape {brief(steps.shape)}, wanted (n_steps, {n_inputs}), or (n_steps,) of "
            "whole "
            "numbers, of at least one step"
        )
    if not np.isfinite(steps).all():
        raise ValueError("X contains values that are not finite, wanted numbers")
    return steps.astype(float)


def output_slopes(outputs: Array, kind: str) -> Array:
    """Give dy/dnet of output units where they have the values y.

    Parameters
    ----------
    outputs : (n_steps, n_outputs)
    kind : {"identity", "logistic", "softmax"}

    Returns
    -------
    (n_steps, n_outputs, n_outputs)
        diag(y) - y y^T for a softmax, diagonal otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.analysis.lstm import output_slopes
    >>> output_slopes(np.array([[0.5, 0.5]]), "softmax").tolist()
    [[[0.25, -0.25], [-0.25, 0.25]]]
    """
    if kind == "softmax":
        y = outputs[:, :, None]
        return np.asarray(y * np.eye(outputs.shape[1]) - y * y.transpose(0, 2, 1))
    return np.asarray(slope(outputs, kind)[:, :, None] * np.eye(outputs.shape[1]))


class _Chain:
    """The derivatives of a step by what it knows, [s(t-1); x(t)], for all steps of a record.

    A derivative has the shape (n_steps or 1, rows, n_known), a value (n_steps, rows, 1).
    """

    def __init__(self, net: LSTM, inputs: Array, states: dict[str, Array], outputs: Array) -> None:
        self.net, self.config = net, net._config()
        self.inputs, self.states, self.outputs = inputs, states, outputs
        self.W = {name: view.astype(float) for name, view in net.parameters.items()}
        self.before = {name: np.vstack([0 * of[:1], of[:-1]]) for name, of in states.items()}
        self.present = [gate for gate in GATES if gate in states]
        self.keep = 1 - self.config["leak"]
        #: Where in [s(t-1); x(t)] each part begins.
        self.at = {"cell_state": 0}
        place = net.n_cells
        for name in ("cell_output", *self.present, "input"):
            self.at[name] = place
            place += states[name].shape[1] if name in states else net.n_inputs
        self.n_known = place
        self.z, self.d_z = self._sources()

    def _sources(self) -> tuple[Array, Array]:
        """z(t), and which entry of [s(t-1); x(t)] each source is."""
        parts = {"input": self.inputs}
        if self.config["cell_recurrence"]:
            parts["cell_output"] = self.before["cell_output"]
        if self.config["gate_recurrence"]:
            parts |= {gate: self.before[gate] for gate in self.present}
        known = np.eye(self.n_known)
        d_z = [known[self.at[name] : self.at[name] + of.shape[1]] for name, of in parts.items()]
        z = list(parts.values())
        if self.config["hidden_bias"] != "none":
            z.append(np.ones((len(self.inputs), 1)))
            d_z.append(np.zeros((1, self.n_known)))
        return np.hstack(z), np.vstack(d_z)

    def gate(self, name: str, d_c: Array) -> tuple[Array, Array]:
        """Activation a and da = a (1 - a) (W dz + U dc), a row a block; dc of what it peeps at."""
        a = self.states[name][:, :, None]
        d_net = self.W[name] @ self.d_z
        if self.config["peepholes"]:
            U = self.W["peephole_" + name.removesuffix("_gate")]
            d_net = d_net + (U[:, :, None] * d_c.reshape(-1, *U.shape, self.n_known)).sum(axis=2)
        keep = self.keep if name == "forget_gate" else 1.0
        return a, a * (1 - a / keep) * d_net

    def cell_input(self) -> tuple[Array, Array]:
        """Value g and dg = cell_input' W dz, a row a cell."""
        W, kind = self.W["cell_input"], self.config["cell_input"]
        n = W.shape[1]  # without the bias where only gates have one
        g = squashed(self.z[:, :n] @ W.T, kind)[:, :, None]
        return g, slope(g, kind) * (W @ self.d_z[:n])

    def per_cell(self, of_blocks: tuple[Array, Array] | None) -> tuple[Array, Array]:
        """Repeat a gate for the cells of its block; one that is absent is 1."""
        if of_blocks is None:
            return np.ones((1, 1, 1)), np.zeros((1, 1, 1))
        value, derivative = (np.repeat(of, self.net.block_size, axis=1) for of in of_blocks)
        return value, derivative

    def jacobians(self) -> Jacobians:
        """Put the lines of a step together."""
        d_c_prev = np.eye(self.net.n_cells, self.n_known)[None]
        gates = {name: self.gate(name, d_c_prev) for name in self.present if name != "output_gate"}
        i, d_i = self.per_cell(gates.get("input_gate"))
        f, d_f = self.per_cell(gates.get("forget_gate"))
        f = f if "forget_gate" in gates else self.keep * f
        g, d_g = self.cell_input()
        d_c = f * d_c_prev + self.before["cell_state"][:, :, None] * d_f + g * d_i + i * d_g
        if "output_gate" in self.present:
            gates["output_gate"] = self.gate("output_gate", d_c)
        o, d_o = self.per_cell(gates.get("output_gate"))
        h_of_c = squashed(self.states["cell_state"], self.config["cell_output"])[:, :, None]
        d_h = h_of_c * d_o + o * slope(h_of_c, self.config["cell_output"]) * d_c
        d_s = np.concatenate([d_c, d_h, *(gates[name][1] for name in self.present)], axis=1)
        at_input = self.at["input"]
        return Jacobians(
            d_s[:, :, :at_input], d_s[:, :, at_input:], *self._readout(), self._state_names()
        )

    def _readout(self) -> tuple[Array, Array]:
        """dy(t)/ds(t) and dy(t)/dx(t): output' times the columns of V that see h, and x."""
        V, n_cells = self.W["output"], self.net.n_cells
        by_net = output_slopes(self.outputs, self.config["output"])
        by_state = np.zeros((*self.outputs.shape, self.at["input"]))
        by_state[:, :, n_cells : 2 * n_cells] = by_net @ V[:, :n_cells]
        by_input = np.zeros((*self.outputs.shape, self.net.n_inputs))
        if self.config["shortcut"]:
            by_input[:] = by_net @ V[:, n_cells : n_cells + self.net.n_inputs]
        return by_state, by_input

    def _state_names(self) -> tuple[str, ...]:
        parts = ("cell_state", "cell_output", *self.present)
        return tuple(f"{part}[{k}]" for part in parts for k in range(self.states[part].shape[1]))
