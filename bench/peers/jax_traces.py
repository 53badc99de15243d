"""The truncated gradient by eligibility traces in JAX, compiled.

ScanLearner is given the whole sequence (jax.lax.scan), StepLearner is called for every step. The
carry is (W, V, E, h, c); E: (3, n_cells, n_sources), the traces of input gate, forget gate and cell
input.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from bench.peers.layout import named, stacked
from bench.task import Array, Task

__all__ = ["ScanLearner", "StepLearner"]

Carry = tuple[jax.Array, ...]
Pair = tuple[jax.Array, jax.Array]


def step(rate: float, carry: Carry, pair: Pair) -> tuple[Carry, jax.Array]:
    (W, V, E, h, c), (x, target) = carry, pair
    one = jnp.ones(1, x.dtype)
    z = jnp.concatenate([x, h, one])
    net = W @ z
    i, f, _, o = jax.nn.sigmoid(net)
    g = jnp.tanh(net[2])

    d = jnp.stack([g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)])
    E = f[:, None] * E + d[:, :, None] * z

    c = f * c + i * g
    squashed = jnp.tanh(c)
    h = o * squashed
    q = jnp.concatenate([h, one])
    y = V @ q
    delta = y - target
    epsilon = delta @ V[:, :-1]
    e = epsilon * o * (1 - squashed * squashed)
    eo = epsilon * squashed * o * (1 - o)

    V = V - rate * jnp.outer(delta, q)
    W = W - rate * jnp.concatenate([e[:, None] * E, jnp.outer(eo, z)[None]])
    return (W, V, E, h, c), y


class _TraceLearner:
    def __init__(self, task: Task) -> None:
        W, V = (jnp.asarray(values) for values in stacked(task.weights))
        E, h = jnp.zeros_like(W[:3]), jnp.zeros(task.n_cells)
        self.carry: Carry = (W, V, E, h, jnp.zeros(task.n_cells))
        self.step = partial(step, float(task.learning_rate))

    def weights(self) -> Mapping[str, Array]:
        return named(*self.carry[:2])


class ScanLearner(_TraceLearner):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.scan = jax.jit(partial(jax.lax.scan, self.step), donate_argnums=0)

    def load(self, X: Array, targets: Array) -> Pair:
        return jnp.asarray(X), jnp.asarray(targets)

    def learn(self, sequence: Pair) -> jax.Array:
        self.carry, Y = self.scan(self.carry, sequence)
        jax.block_until_ready((self.carry, Y))
        return Y


class StepLearner(_TraceLearner):
    """Waits for the results at the end of the sequence only, which favours it."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.compiled = jax.jit(self.step, donate_argnums=0)

    def load(self, X: Array, targets: Array) -> list[Pair]:
        return list(zip(jnp.asarray(X), jnp.asarray(targets), strict=True))

    def learn(self, sequence: list[Pair]) -> list[Any]:
        carry, Y = self.carry, []
        for pair in sequence:
            carry, y = self.compiled(carry, pair)
            Y.append(y)
        self.carry = jax.block_until_ready(carry)
        return Y
