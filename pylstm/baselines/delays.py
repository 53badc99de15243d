"""The TimeDelay class: layers that see the last few steps of the layer below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pylstm._core import UPDATE_AT_END
from pylstm.baselines.learner import Learner
from pylstm.checks import check_init_range, check_size, generator, within_memory
from pylstm.errors import brief
from pylstm.optimizers import Optimizer

__all__ = ["TimeDelay"]

Array = npt.NDArray[Any]
Squashing = Literal["logistic", "tanh", "identity"]

# Each squashing, and its derivative from the activation.
_SQUASHINGS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "logistic": (lambda net: 0.5 + 0.5 * np.tanh(0.5 * net), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "identity": (lambda net: net, np.ones_like),
}


def _check_squashing(name: str, value: str) -> str:
    if not isinstance(value, str) or value not in _SQUASHINGS:
        raise ValueError(
            f"{name} is {brief(value)}, wanted one of {', '.join(map(repr, _SQUASHINGS))}"
        )
    return value


def _windows(a: Array, delay: int) -> Array:
    """Rows [a(t), a(t-1), ..., a(t-delay), 1] for t = delay, ..., len(a) - 1."""
    n = len(a) - delay
    parts = [a[delay - d : delay - d + n] for d in range(delay + 1)]
    return np.concatenate([*parts, np.ones((n, 1))], axis=1)


class TimeDelay(Learner):
    """A time-delay neural network: feedforward layers, each with a window of delays.

    Layer l, of units a_l, computes from the layer below, a_0 = x,

        a_l(t) = squashing(W_l [a_{l-1}(t); a_{l-1}(t-1); ...; a_{l-1}(t-delay_l); 1])

    and the outputs y are the last layer. The weights are shared over time (Lang, Waibel & Hinton
    1990; Waibel et al. 1989). What was before the sequence is 0, inputs and units alike. An output
    sees the last `window` inputs and nothing of what came before.

    The gradient is exact, by backpropagation through the layers and their delays. Where the weights
    change within a sequence, activations of earlier steps stay what they were.

    Parameters
    ----------
    n_inputs, n_outputs : int
        At least 1.
    n_hidden : int or sequence of int, default 8
        Units of each hidden layer, at least 1.
    delays : sequence of int, default (2, 2)
        Of each layer, the outputs' last; at least 0.
    squashing : {"tanh", "logistic", "identity"}, default "tanh"
        Activation function of the hidden units.
    output : {"logistic", "tanh", "identity"}, default "logistic"
    init_range : float, default 0.1
        Weights start uniformly distributed in [-init_range, init_range).
    optimizer : SGD, default SGD(0.1)
    seed : int or numpy Generator, default 0

    Raises
    ------
    ValueError, TypeError
        For a size or value that makes no sense.

    Notes
    -----
    Weights: ``sum_l n_l (n_{l-1} (delay_l + 1) + 1)``. The steps between two updates are one matrix
    product a layer forward and two backward, over the steps and, backward, the delays above. Loop
    and run differ by rounding. Memory is that of the steps between two updates.

    Examples
    --------
    Tell what came two steps ago, which is in the window, among random inputs:

    >>> import numpy as np
    >>> import pylstm
    >>> from pylstm.baselines import TimeDelay
    >>> X = np.random.default_rng(1).integers(0, 2, (2000, 1))
    >>> net = TimeDelay(1, 1, n_hidden=4, delays=(1, 1), optimizer=pylstm.SGD(0.5))
    >>> net.window
    3
    >>> Y = net.run(X[2:], targets=X[:-2])
    >>> bool((np.abs(Y - X[:-2])[-100:] < 0.1).all())
    True
    """

    _schema = "baselines.TimeDelay"

    @within_memory()
    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int | Sequence[int] = 8,
        *,
        delays: Sequence[int] = (2, 2),
        squashing: Squashing = "tanh",
        output: Squashing = "logistic",
        init_range: float = 0.1,
        optimizer: Optimizer | None = None,
        seed: int | np.random.Generator = 0,
    ) -> None:
        super().__init__(n_inputs, n_outputs, optimizer)
        given = n_hidden if isinstance(n_hidden, Sequence) else [n_hidden]
        hidden = [check_size("n_hidden", n) for n in given]
        self._sizes = [self.n_inputs, *hidden, self.n_outputs]
        self._delays = [check_size("delays", d, 0) for d in delays]
        if len(self._delays) != len(hidden) + 1:
            raise ValueError(
                f"delays has {len(self._delays)} values, wanted {len(hidden) + 1}: one a layer, "
                "hidden and output"
            )
        self._squashings = [_check_squashing("squashing", squashing)] * len(hidden)
        self._squashings.append(_check_squashing("output", output))
        check_init_range(init_range)
        rng = generator(seed)
        names = [*(f"hidden_{k}" for k in range(len(hidden))), "output"]
        shapes = [
            (n, below * (delay + 1) + 1)
            for n, below, delay in zip(self._sizes[1:], self._sizes, self._delays, strict=False)
        ]
        self._hold(
            {
                name: rng.uniform(-init_range, init_range, shape)
                for name, shape in zip(names, shapes, strict=True)
            }
        )

    @property
    def window(self) -> int:
        """Steps an output sees, its own included."""
        return sum(self._delays) + 1

    def _steps_back(self) -> list[int]:
        """How many steps back an output's error reaches at each layer, the inputs first."""
        return [sum(self._delays[layer:]) for layer in range(len(self._sizes))]

    # ---------------------------------------------------------------- a stretch of steps

    def _clear(self) -> None:
        # The last activations of each layer, as far back as an error of the last step reaches.
        self._recent = [
            np.zeros((reach + 1, size))
            for reach, size in zip(self._steps_back(), self._sizes, strict=True)
        ]
        self._n_since_reset = 0

    def _activate_layers(self, X: Array) -> list[Array]:
        """Make steps; return the activations of each layer, older ones first as in `_recent`."""
        old = [a[1:] for a in self._recent]
        layers = [np.concatenate([old[0], X])]
        weights = zip(self._parameters.values(), self._delays, self._squashings, strict=True)
        for layer, (W, delay, squashing) in enumerate(weights, start=1):
            below = layers[-1][len(old[layer]) :]
            new = _SQUASHINGS[squashing][0](_windows(below, delay) @ W.T)
            layers.append(np.concatenate([old[layer], new]))
        self._n_since_reset += len(X)
        self._recent = [  # copies, or all of a long stretch would stay in memory
            a[len(a) - len(kept) :].copy() for a, kept in zip(layers, self._recent, strict=True)
        ]
        return layers

    def _backpropagate(self, dY: Array, layers: list[Array]) -> None:
        """Add the gradient of dL/dy of the last len(dY) steps, through all their delays."""
        error = dY
        names = list(self._parameters)
        for layer in range(len(names), 0, -1):
            W, delay = self._parameters[names[layer - 1]], self._delays[layer - 1]
            e = error * _SQUASHINGS[self._squashings[layer - 1]][1](layers[layer])
            e[: max(0, len(e) - self._n_since_reset)] = 0  # no units before the sequence
            self._gradient[names[layer - 1]] += e.T @ _windows(layers[layer - 1], delay)
            n, size = len(e), self._sizes[layer - 1]
            error = np.zeros((n + delay, size))
            for d in range(delay + 1):
                error[delay - d : delay - d + n] += e @ W[:, d * size : (d + 1) * size]

    # ---------------------------------------------------------------- what a Learner needs

    def _forward(self, x: Array) -> Array:
        y: Array = self._activate_layers(x[None])[-1][-1]
        return y

    def _error(self, dy: Array) -> None:
        self._backpropagate(dy[None], self._recent)

    @np.errstate(over="ignore", invalid="ignore")  # told once, as FloatingPointError
    def _run(self, X: Array, targets: Array | None, every: int) -> Array:
        Y = np.empty((len(X), self.n_outputs))
        dense = np.eye(self.n_inputs)[X] if X.ndim == 1 else X
        for steps, is_update in self._stretches(len(X), targets, every):
            Y[steps] = self._run_stretch(dense[steps], None if targets is None else targets[steps])
            if is_update:
                self._change_weights()
        if targets is not None:
            self._check_weights()
        return Y

    def _stretches(
        self, n_steps: int, targets: Array | None, every: int
    ) -> Iterator[tuple[slice, bool]]:
        """Cut a run where the weights change; say of each piece whether they do at its end."""
        if targets is None:
            ends = []
        elif every == UPDATE_AT_END:
            ends = [n_steps]
        elif every == 1:
            ends = (np.flatnonzero(~np.isnan(targets[:, 0])) + 1).tolist()
        else:
            ends = list(range(max(1, every - self._n_collect), n_steps + 1, every))
        start = 0
        for end in ends:
            yield slice(start, end), True
            start = end
        if start < n_steps:
            yield slice(start, n_steps), False

    def _run_stretch(self, X: Array, targets: Array | None) -> Array:
        if not len(X):
            return np.empty((0, self.n_outputs))
        layers = self._activate_layers(X)
        Y = layers[-1]
        self._n_steps += len(X)
        self._n_collect += len(X)
        if not np.isfinite(Y).all():
            raise self._diverged()
        self._y, self._learnable = Y[-1].copy(), True
        if targets is not None and not np.isnan(targets[:, 0]).all():
            self._backpropagate(np.where(np.isnan(targets), 0.0, Y - targets), layers)
            self._collected = True
        return Y
