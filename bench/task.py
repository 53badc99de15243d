"""What is learned, what a learner is, and the two learners of pylstm.

The task is a regression of random targets on random inputs, one layer of n_cells memory cells with
forget gates, all outputs linear, squared error, SGD after every step. What the numbers are does not
change how long a step takes; that they are the same for every contender is what makes them
comparable.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

import pylstm

__all__ = ["Array", "Learner", "RunLearner", "StepLearner", "Task", "make_task"]

Array = npt.NDArray[Any]
MOST_STEPS, MOST_INPUTS = 20_000, 1_000_000


@dataclass(frozen=True)
class Task:
    """Sizes, starting weights and a sequence; arrays are float32.

    `weights` has the names and shapes of `pylstm.LSTM.parameters`; X: (n_steps, n_inputs), targets:
    (n_steps, n_outputs); `switches` are further arguments of `pylstm.LSTM`.
    """

    n_inputs: int
    n_outputs: int
    n_cells: int
    learning_rate: float
    weights: Mapping[str, Array]
    X: Array
    targets: Array
    switches: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_weights(self) -> int:
        """Weights of the hidden layer: those whose number grows with the square of n_cells."""
        return sum(values.size for name, values in self.weights.items() if name != "output")

    @property
    def config(self) -> dict[str, Any]:
        """Every argument of the network by name, as `pylstm.reference` wants it."""
        arguments = inspect.signature(pylstm.LSTM).parameters.values()
        sizes = {name: getattr(self, name) for name in ("n_inputs", "n_outputs")}
        return (
            {argument.name: argument.default for argument in arguments}
            | sizes
            | {"n_blocks": self.n_cells}
            | dict(self.switches)
        )

    def network(self) -> pylstm.LSTM:
        """A network that starts from the task's weights."""
        net = pylstm.LSTM(
            self.n_inputs,
            self.n_outputs,
            self.n_cells,
            optimizer=pylstm.SGD(self.learning_rate),
            **self.switches,
        )
        for name, values in self.weights.items():
            net.parameters[name][:] = values
        return net


def make_task(
    n_cells: int,
    n_inputs: int | None = None,
    n_outputs: int | None = None,
    n_steps: int | None = None,
    seed: int = 0,
    **switches: Any,
) -> Task:
    """Task of the size of n_cells: half as many inputs, 1 output up to 16 cells and 8 beyond."""
    n_inputs = n_inputs or max(1, n_cells // 2)
    n_outputs = n_outputs or (1 if n_cells <= 16 else 8)
    n_steps = n_steps or min(MOST_STEPS, MOST_INPUTS // n_inputs)
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(np.float32)

    shapes = pylstm.LSTM(n_inputs, n_outputs, n_cells, **switches).parameters
    weights = {name: normal(*w.shape) / np.sqrt(w.shape[1]) for name, w in shapes.items()}
    return Task(
        n_inputs=n_inputs,
        n_outputs=n_outputs,
        n_cells=n_cells,
        learning_rate=0.1 / np.sqrt(n_inputs + n_cells + 1),
        weights={name: np.float32(values) for name, values in weights.items()},
        X=normal(n_steps, n_inputs) / 2,
        targets=normal(n_steps, n_outputs) / 2,
        switches=switches,
    )


class Learner(Protocol):
    """Anything that learns a task and can be timed."""

    def __init__(self, task: Task) -> None: ...

    def load(self, X: Array, targets: Array) -> Any:
        """The sequence as the learner likes it best; not timed."""

    def learn(self, sequence: Any) -> Any:
        """Learn at every step, going on from the state before; predictions, one a step. Timed."""

    def weights(self) -> Mapping[str, Array]:
        """Weights now, by the names of `Task.weights`."""


class RunLearner:
    """pylstm, the whole sequence in one call of `run`."""

    def __init__(self, task: Task, update: str | int = "step") -> None:
        self.net, self.update = task.network(), update

    def load(self, X: Array, targets: Array) -> tuple[Array, Array]:
        return X, targets

    def learn(self, sequence: tuple[Array, Array]) -> Array:
        return self.net.run(*sequence, update=self.update)

    def weights(self) -> Mapping[str, Array]:
        return self.net.parameters


class StepLearner:
    """pylstm, `step(x, target)` called for every step from Python."""

    def __init__(self, task: Task) -> None:
        self.net = task.network()

    def load(self, X: Array, targets: Array) -> list[tuple[Array, Array]]:
        return list(zip(X, targets, strict=True))

    def learn(self, sequence: list[tuple[Array, Array]]) -> list[Array]:
        step: Callable[[Array, Array], Array] = self.net.step
        return [step(x, target) for x, target in sequence]

    def weights(self) -> Mapping[str, Array]:
        return self.net.parameters
