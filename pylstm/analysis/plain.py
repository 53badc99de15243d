"""Plain recurrent nets, whose units see the inputs and each other: Jacobians, random weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.analysis.jacobians import Jacobians
from pylstm.analysis.lstm import as_vectors, output_slopes
from pylstm.baselines import FullyRecurrent
from pylstm.optimizers import SGD
from pylstm.reference import slope, squashed

__all__ = ["plain_jacobians", "plain_net"]

Array = npt.NDArray[Any]


def plain_jacobians(net: FullyRecurrent, X: npt.ArrayLike) -> Jacobians:
    """Take the Jacobians of a plain recurrent net over a sequence, from a fresh state.

    The state is that of the units, s = a. With tau the time constants and f the activation
    functions,

        a(t) = tau a(t-1) + (1 - tau) f(net)        net = W_x x(t) + W_a a(t-1) + bias
        da(t)/da(t-1) = tau + (1 - tau) f' W_a
        da(t)/dx(t)   =       (1 - tau) f' W_x
        dy(t)/da(t)   = output' V_a                 dy(t)/dx(t) = output' V_x, with a shortcut

    the chain rule through the equations of `FullyRecurrent`; what is k steps back reaches the
    outputs through k factors f' W_a (Hochreiter & Schmidhuber 1997, section 3.1).

    Parameters
    ----------
    net : FullyRecurrent
        Or `Elman`: the full derivatives, whatever gradient the net learns by. Does not change.
    X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
        Inputs, at least one step; or tokens, which stand for one-hot vectors.

    Returns
    -------
    Jacobians

    Raises
    ------
    ValueError, TypeError
        For unusable inputs.

    Notes
    -----
    Costs O(n_units (n_units + n_inputs)) time and memory a step.

    Examples
    --------
    >>> from pylstm.analysis import plain_jacobians
    >>> from pylstm.baselines import FullyRecurrent
    >>> net = FullyRecurrent(1, 1, 0, output="identity", hidden_bias=False)
    >>> net.parameters["units"][:] = [[2.0, 0.5]]              # from the input, from itself
    >>> plain_jacobians(net, [[1.0], [3.0], [0.0]]).of_output().ravel().tolist()
    [0.5, 1.0, 2.0]
    """
    inputs = as_vectors(X, net.n_inputs)
    config, W = net._config, net.parameters["units"]
    n_units, n_inputs = len(W), net.n_inputs
    tau = np.array([0.0] * (n_units - net.n_hidden) + config["time_constants"])
    slopes = (1 - tau)[:, None] * _squashing_slopes(net, inputs, tau)[:, :, None]
    by_state, by_input = _readout(net, inputs, n_units)
    return Jacobians(
        state_by_state=np.diag(tau) + slopes * W[:, n_inputs : n_inputs + n_units],
        state_by_input=slopes * W[:, :n_inputs],
        output_by_state=by_state,
        output_by_input=by_input,
        names=tuple(f"unit[{k}]" for k in range(n_units)),
    )


def _squashing_slopes(net: FullyRecurrent, inputs: Array, tau: Array) -> Array:
    """f' of every unit at every step, (n_steps, n_units); a(t) is carried along."""
    config, W = net._config, net.parameters["units"]
    first = len(W) - net.n_hidden  # outputs that are units have their own squashing
    kinds = ((slice(first), config["output"]), (slice(first, None), config["squashing"]))
    slopes = np.empty((len(inputs), len(W)))
    a = np.zeros(len(W))
    for t, x in enumerate(inputs):
        net_input = W @ np.concatenate([x, a, [1.0] if config["hidden_bias"] else []])
        f = np.zeros_like(a)
        for units, kind in kinds:
            if len(f[units]):
                f[units] = squashed(net_input[units], kind)
                slopes[t, units] = slope(f[units], kind)
        a = tau * a + (1 - tau) * f
    return slopes


def _readout(net: FullyRecurrent, inputs: Array, n_units: int) -> tuple[Array, Array]:
    """dy(t)/da(t) and dy(t)/dx(t)."""
    by_state = np.zeros((len(inputs), net.n_outputs, n_units))
    by_input = np.zeros((len(inputs), net.n_outputs, net.n_inputs))
    if net._config["readout"] == "units":
        by_state[:] = np.eye(net.n_outputs, n_units)
        return by_state, by_input
    own = net.copy()
    own.reset()
    V, by_net = net.parameters["output"], output_slopes(own.run(inputs), net._config["output"])
    by_state[:] = by_net @ V[:, :n_units]
    if net._config["shortcut"]:
        by_input[:] = by_net @ V[:, n_units : n_units + net.n_inputs]
    return by_state, by_input


def plain_net(
    n_inputs: int,
    n_outputs: int,
    n_units: int,
    radius: float,
    rng: np.random.Generator,
    learning_rate: float = 0.1,
) -> FullyRecurrent:
    """Draw a net of tanh units with a layer of logistic outputs, to learn by BPTT, nothing cut.

    Weights are normal with variance 1 over the number of sources; those among the units are then
    scaled so that the largest absolute value of their eigenvalues is `radius`: what a gradient is
    multiplied with at every step, as long as no unit is saturated.

    Parameters
    ----------
    n_inputs, n_outputs, n_units : int
    radius : float
        The spectral radius.
    rng : numpy Generator
    learning_rate : float, default 0.1

    Returns
    -------
    FullyRecurrent

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.analysis import plain_net
    >>> net = plain_net(2, 1, 5, radius=1.5, rng=np.random.default_rng(0))
    >>> float(np.abs(np.linalg.eigvals(net.parameters["units"][:, 2:7])).max().round(12))
    1.5
    """
    net = FullyRecurrent(
        n_inputs,
        n_outputs,
        n_units,
        gradient="bptt",
        readout="layer",
        squashing="tanh",
        optimizer=SGD(learning_rate),
        init_range=0,
    )
    units, output = net.parameters["units"], net.parameters["output"]
    among = slice(n_inputs, n_inputs + n_units)
    units[:, :n_inputs] = rng.normal(0, n_inputs**-0.5, (n_units, n_inputs))
    units[:, among] = rng.normal(0, n_units**-0.5, (n_units, n_units))
    units[:, among] *= radius / np.abs(np.linalg.eigvals(units[:, among])).max()
    output[:, :n_units] = rng.normal(0, n_units**-0.5, (n_outputs, n_units))
    return net
