"""Many networks at once in JAX: the scan of jax_traces.py under vmap, compiled.

The carry has the nets in front; X and targets are (n_nets, n_steps, ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bench.peers.jax_traces import Pair, ScanLearner, step
from bench.peers.layout import named
from bench.task import Array, Task

__all__ = ["PopulationLearner"]


class PopulationLearner:
    """One net for each task; the tasks differ in weights and sequences alone."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        carries = [ScanLearner(task).carry for task in tasks]
        self.names = list(tasks[0].weights)
        self.carry = tuple(jnp.stack(parts) for parts in zip(*carries, strict=True))
        one = partial(jax.lax.scan, partial(step, float(tasks[0].learning_rate)))
        self.scan = jax.jit(jax.vmap(one), donate_argnums=0)

    def load(self, X: Array, targets: Array) -> Pair:
        return jnp.asarray(X), jnp.asarray(targets)

    def learn(self, sequence: Pair) -> jax.Array:
        self.carry, Y = self.scan(self.carry, sequence)
        jax.block_until_ready((self.carry, Y))
        return Y

    def weights(self) -> Mapping[str, Array]:
        nets = [named(np.asarray(W), np.asarray(V)) for W, V in zip(*self.carry[:2], strict=True)]
        return {name: np.stack([net[name] for net in nets]) for name in self.names}
