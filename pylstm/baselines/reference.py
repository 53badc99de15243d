"""The NumPy twin of csrc/recurrent/: the same rules, in the open; the tests compare the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.baselines.learner import Learner
from pylstm.baselines.recurrent import FullyRecurrent

__all__ = ["RecurrentReference"]

Array = npt.NDArray[Any]

# squashing and its derivative, the latter from the squashed value
_SQUASHINGS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "logistic": (lambda x: 0.5 + 0.5 * np.tanh(0.5 * x), lambda y: y * (1 - y)),
    "tanh": (np.tanh, lambda y: 1 - y**2),
    "identity": (lambda x: 1.0 * x, lambda y: 0 * y + 1),
    "tanh_half": (lambda x: np.tanh(0.5 * x), lambda y: 0.5 * (1 - y**2)),
    "two_tanh_half": (lambda x: 2 * np.tanh(0.5 * x), lambda y: 1 - y**2 / 4),
}


def _softmax(net: Array) -> Array:
    raised = np.exp(net - net.max())
    return np.asarray(raised / raised.sum())


class RecurrentReference(Learner):
    """What a `FullyRecurrent` computes, in NumPy and from a fresh state.

    Parameters
    ----------
    net : FullyRecurrent
        Whose switches, weights and optimizer are copied.

    Notes
    -----
    The equations stand beside those of `FullyRecurrent`, where they are referred to. Some hundred
    times slower.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.baselines import FullyRecurrent
    >>> from pylstm.baselines.reference import RecurrentReference
    >>> net = FullyRecurrent(2, 1, n_hidden=3)
    >>> twin = RecurrentReference(net)
    >>> x, target = [0.5, -1.0], [1.0]
    >>> [bool(np.allclose(net.step(x, target), twin.step(x, target))) for _ in range(3)]
    [True, True, True]
    """

    def __init__(self, net: FullyRecurrent) -> None:
        super().__init__(net.n_inputs, net.n_outputs, net.optimizer)
        self._config = dict(net._config)
        first = net.n_outputs if self._config["readout"] == "units" else 0
        self._tau = np.array([0.0] * first + self._config["time_constants"])
        self._kinds = [self._config["output"]] * first
        self._kinds += [self._config["squashing"]] * net.n_hidden
        self._steps: list[dict[str, Array]] = []
        self._waiting = 0
        self._P = np.zeros((0, 0))
        self._gradient = {}
        self._hold({name: view.copy() for name, view in net.parameters.items()})

    def _clear(self) -> None:
        self._backpropagate()
        W = self.parameters["units"]
        self._a = np.zeros(len(W))
        self._P = np.zeros((len(W), *W.shape))
        self._steps = []

    def _forward(self, x: Array) -> Array:
        config, W = self._config, self.parameters["units"]
        if config["window"] is not None and self._waiting >= config["window"]:
            self._backpropagate()
        z = np.concatenate([x, self._a, [1.0] if config["hidden_bias"] else []])
        s = np.array([_SQUASHINGS[k][0](n) for k, n in zip(self._kinds, W @ z, strict=True)])
        slopes = np.array([_SQUASHINGS[k][1](v) for k, v in zip(self._kinds, s, strict=True)])
        slope = (1 - self._tau) * slopes
        self._a = self._tau * self._a + (1 - self._tau) * s
        if config["gradient"] == "rtrl":
            self._advance_sensitivity(z, slope)
        else:
            self._steps.append({"z": z, "slope": slope, "e": np.zeros(len(W))})
            self._waiting += 1
        if config["readout"] == "units":
            return self._a[: self.n_outputs].copy()
        self._q = np.concatenate([self._a, x if config["shortcut"] else []])
        self._q = np.append(self._q, [1.0] if config["output_bias"] else [])
        self._net = self.parameters["output"] @ self._q
        if config["output"] == "softmax":
            return _softmax(self._net)
        return np.asarray(_SQUASHINGS[config["output"]][0](self._net))

    def _advance_sensitivity(self, z: Array, slope: Array) -> None:
        """P_u = tau_u P_u + slope_u (sum_v R_uv P_v + z in the row of u)."""
        before, n = self._P, len(slope)
        R = self._recurrent_weights()
        self._P = self._tau[:, None, None] * before
        self._P += slope[:, None, None] * np.tensordot(R, before, axes=1)
        self._P[np.arange(n), np.arange(n)] += slope[:, None] * z

    def _recurrent_weights(self) -> Array:
        W = self.parameters["units"]
        return W[:, self.n_inputs : self.n_inputs + len(W)]

    def _learn(self, target: Array) -> float:
        dy = self._y - target
        if self._config["loss"] == "cross_entropy":
            loss = self._cross_entropy(target)
            self._error_at_outputs(dy)
        else:
            loss = float(0.5 * (dy @ dy))
            self._error(dy)
        self._collected = True
        return loss

    def _cross_entropy(self, target: Array) -> float:
        net = self._net
        if self._config["output"] == "softmax":
            largest = net.max()
            return float(target @ (largest + np.log(np.exp(net - largest).sum()) - net))
        return float((np.logaddexp(0, net) - net * target).sum())

    def _error(self, dy: Array) -> None:
        """From dL/dy to that of the units, or through the output squashing."""
        config, y = self._config, self._y
        if config["readout"] == "units":
            e = np.zeros(len(self._a))
            e[: self.n_outputs] = dy
            self._error_at_units(e)
        elif config["output"] == "softmax":
            self._error_at_outputs(y * (dy - dy @ y))
        else:
            self._error_at_outputs(dy * _SQUASHINGS[config["output"]][1](y))

    def _error_at_outputs(self, delta: Array) -> None:
        self._gradient["output"] += np.outer(delta, self._q)
        self._error_at_units(delta @ self.parameters["output"][:, : len(self._a)])

    def _error_at_units(self, e: Array) -> None:
        if self._config["gradient"] == "rtrl":
            self._gradient["units"] += np.tensordot(e, self._P, axes=1)
        else:
            self._steps[-1]["e"] += e

    def _backpropagate(self) -> None:
        """eps = e + tau eps(t+1) + R^T (slope eps)(t+1);  dL/dW += (slope eps) z^T."""
        self._waiting = 0
        if not self._steps:
            return
        self._steps = self._steps[-(self._config["window"] or len(self._steps)) :]
        R, back = self._recurrent_weights(), np.zeros(len(self._a))
        for step in reversed(self._steps):
            eps = step["e"] + back
            coefficients = step["slope"] * eps
            self._gradient["units"] += np.outer(coefficients, step["z"])
            back = self._tau * eps + coefficients @ R
            step["e"][:] = 0

    def _apply(self) -> None:
        self._backpropagate()
        super()._apply()

    def _collect(self) -> dict[str, Array]:
        self._backpropagate()
        return super()._collect()
