"""The truncated gradient by eligibility traces, vectorised in NumPy, one step a call.

E: (3, n_cells, n_sources), the traces of input gate, forget gate and cell input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.peers.layout import named, stacked
from bench.task import Array, Task

__all__ = ["TraceLearner"]


def logistic(net: Array) -> Array:
    return 1 / (1 + np.exp(-net))


class TraceLearner:
    def __init__(self, task: Task) -> None:
        self.W, self.V = stacked(task.weights)
        self.E = np.zeros_like(self.W[:3])
        self.c = np.zeros(task.n_cells, np.float32)
        self.z = np.ones(self.W.shape[2], np.float32)
        self.z[task.n_inputs : -1] = 0
        self.q = np.ones(task.n_cells + 1, np.float32)
        self.n_inputs, self.rate = task.n_inputs, np.float32(task.learning_rate)

    def load(self, X: Array, targets: Array) -> list[tuple[Array, Array]]:
        return list(zip(X, targets, strict=True))

    def learn(self, sequence: list[tuple[Array, Array]]) -> list[Array]:
        return [self.step(x, target) for x, target in sequence]

    def step(self, x: Array, target: Array) -> Array:
        z, q, W, V, E, c = self.z, self.q, self.W, self.V, self.E, self.c
        z[: self.n_inputs] = x
        net = W @ z
        i, f, o, g = logistic(net[0]), logistic(net[1]), logistic(net[3]), np.tanh(net[2])

        # E = f E + d z^T
        d = np.stack([g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)])
        E *= f[:, None]
        E += d[:, :, None] * z

        self.c = f * c + i * g
        squashed = np.tanh(self.c)
        q[:-1] = o * squashed
        y = V @ q
        delta = y - target
        epsilon = delta @ V[:, :-1]
        e = epsilon * o * (1 - squashed * squashed)
        eo = epsilon * squashed * o * (1 - o)

        V -= np.outer(self.rate * delta, q)
        W[:3] -= (self.rate * e)[:, None] * E
        W[3] -= np.outer(self.rate * eo, z)
        z[self.n_inputs : -1] = q[:-1]
        return y

    def weights(self) -> Mapping[str, Array]:
        return named(self.W, self.V)
