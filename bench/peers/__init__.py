"""Other programs that learn one step at a time, one file a library, imported only when installed.

To add one: write a learner (bench/task.py) in a file of its own and name it in PEERS.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["PEERS", "POPULATION_PEERS", "Peer"]


@dataclass(frozen=True)
class Peer:
    """Where to find a learner, and what it can be compared with.

    `knows_sequence`: it is given the whole sequence at once, as `run` is; the others are called
    from Python for every step, as `step` is. `same_gradient`: it follows the gradient pylstm does.
    """

    name: str
    package: str
    module: str
    learner: str
    knows_sequence: bool = False
    same_gradient: bool = True

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None

    def load(self) -> type[Any]:
        """The class of the learner."""
        return getattr(import_module(self.module), self.learner)


PEERS = (
    Peer("NumPy traces", "numpy", "bench.peers.numpy_traces", "TraceLearner"),
    Peer("PyTorch cell", "torch", "bench.peers.torch_cell", "CellLearner", same_gradient=False),
    Peer("PyTorch traces", "torch", "bench.peers.torch_traces", "TraceLearner"),
    Peer("JAX scan", "jax", "bench.peers.jax_traces", "ScanLearner", knows_sequence=True),
    Peer("JAX step", "jax", "bench.peers.jax_traces", "StepLearner"),
)

#: Of many networks at once.
POPULATION_PEERS = (
    Peer("JAX vmap", "jax", "bench.peers.jax_population", "PopulationLearner", knows_sequence=True),
)
