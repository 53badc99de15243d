"""Twins of csrc/network/optimizer.inc: how a gradient changes the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "adam",
    "clip",
    "momentum",
    "readout_learn_adam",
    "readout_learn_momentum",
    "readout_learn_rmsprop",
    "readout_learn_sgd",
    "rmsprop",
    "scale",
    "sgd",
]

Array = npt.NDArray[Any]


def sgd(w: Array, g: Array, n: int, rate: float) -> None:
    """w -= rate g; w, g: (n,). HS97 A.1 eq. 22."""
    w -= rate * g


def momentum(
    w: Array, m: Array, g: Array, n: int, rate: float, momentum: float, keep: float
) -> None:  # fmt: skip
    """m = momentum m + g; w = keep w - rate m; w, m, g: (n,)."""
    m[:] = momentum * m + g
    w[:] = keep * w - rate * m


def rmsprop(
    w: Array, m: Array, g: Array, n: int, rate: float, decay: float, epsilon: float, keep: float
) -> None:  # fmt: skip
    """m = decay m + (1 - decay) g^2; w = keep w - rate g / (sqrt(m) + epsilon); w, m, g: (n,)."""
    m[:] = decay * m + (1 - decay) * g**2
    w[:] = keep * w - rate * g / (np.sqrt(m) + epsilon)


def adam(
    w: Array, m: Array, v: Array, g: Array, n: int, rate: float, first: float, second: float,
    root: float, epsilon: float, keep: float,
) -> None:  # fmt: skip
    """w = keep w - rate m / (root sqrt(v) + epsilon); w, m, v, g: (n,).

    m = first m + (1 - first) g; v = second v + (1 - second) g^2.
    """
    m[:] = first * m + (1 - first) * g
    v[:] = second * v + (1 - second) * g**2
    w[:] = keep * w - rate * m / (root * np.sqrt(v) + epsilon)


def clip(g: Array, n: int, limit: float) -> None:
    """-limit <= g <= limit; g: (n,)."""
    g[:] = np.clip(g, -limit, limit)


def scale(g: Array, n: int, factor: float) -> None:
    """g *= factor; g: (n,)."""
    g *= factor


def readout_learn_sgd(
    V: Array, q: Array, delta: Array, n_outputs: int, stride: int, rate: float
) -> None:  # fmt: skip
    """V -= rate delta q^T; V: (n_outputs, stride), q: (stride,), delta: (n_outputs,)."""
    V -= rate * np.outer(delta, q)


def readout_learn_momentum(
    V: Array, m: Array, q: Array, delta: Array, n_outputs: int, stride: int, rate: float,
    first: float, keep: float,
) -> None:  # fmt: skip
    """The rule `momentum` with the gradient delta q^T; m: as V."""
    momentum(V, m, np.outer(delta, q), V.size, rate, first, keep)


def readout_learn_rmsprop(
    V: Array, m: Array, q: Array, delta: Array, n_outputs: int, stride: int, rate: float,
    decay: float, epsilon: float, keep: float,
) -> None:  # fmt: skip
    """The rule `rmsprop` with the gradient delta q^T; m: as V."""
    rmsprop(V, m, np.outer(delta, q), V.size, rate, decay, epsilon, keep)


def readout_learn_adam(
    V: Array, m: Array, v: Array, q: Array, delta: Array, n_outputs: int, stride: int,
    rate: float, first: float, second: float, root: float, epsilon: float, keep: float,
) -> None:  # fmt: skip
    """The rule `adam` with the gradient delta q^T; m, v: as V."""
    adam(V, m, v, np.outer(delta, q), V.size, rate, first, second, root, epsilon, keep)
