"""Is it right? Asked of everything before it is timed, against `pylstm.reference` in float64.

A learner that is fast because it computes something else would make every ratio worthless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from bench.task import Array, Learner, Task
from pylstm.reference import online_gradients

__all__ = ["Mismatch", "check_forward", "check_learning", "compare", "train"]

#: Float32 against float64, relative to the largest entry. Rounding errors are near 1e-6 in the
#: predictions, up to 1e-3 in the change of the weights; a forgotten term, a late update, near 1.
PREDICTION_TOLERANCE, CHANGE_TOLERANCE = 1e-4, 1e-2

Maker = Callable[[Task], Learner]


class Mismatch(Exception):
    """A learner does not compute what the reference does: it is not timed."""


def train(task: Task, n_steps: int, update_every: int = 1) -> tuple[Array, dict[str, Array]]:
    """Predictions (n_steps, n_outputs) and weights after n_steps of the task, in float64.

    The weights change every `update_every` steps; steps left over are collected and not applied.
    """
    weights = {name: np.float64(values) for name, values in task.weights.items()}
    X, targets = np.float64(task.X[:n_steps]), np.float64(task.targets[:n_steps])
    Y = np.empty_like(targets)
    collected: dict[str, Array] = {}
    for t, (y, gradient) in enumerate(online_gradients(task.config, weights, X, targets)):
        Y[t] = y
        for name, g in gradient.items():
            collected[name] = collected.get(name, 0) + g
        if (t + 1) % update_every == 0:
            for name, g in collected.items():
                weights[name] -= task.learning_rate * g
            collected = {}
    return Y, weights


def compare(
    what: str, found: Array, wanted: Array, tolerance: float = PREDICTION_TOLERANCE
) -> None:
    """Raise Mismatch where the difference exceeds the tolerance, relative to the largest."""
    scale = np.abs(wanted).max()
    difference = np.abs(np.float64(found) - wanted).max()
    if not difference <= tolerance * scale:
        raise Mismatch(
            f"{what} is off by {difference / scale:.2g} of the largest, allowed is {tolerance:g}"
        )


def _learn(learner: Learner, task: Task, n_steps: int) -> Array:
    sequence = learner.load(task.X[:n_steps], task.targets[:n_steps])
    return np.array([np.asarray(y) for y in learner.learn(sequence)])


def _compare_changes(name: str, learner: Learner, task: Task, weights: Mapping[str, Array]) -> None:
    learned = learner.weights()
    for part, wanted in weights.items():
        start = np.float64(task.weights[part])
        what = f"{name}, {task.n_cells} cells: the change of {part}"
        compare(what, learned[part] - start, wanted - start, CHANGE_TOLERANCE)


def _n_steps(task: Task) -> int:
    return int(min(40, max(4, 4e6 // task.n_weights)))


def check_learning(
    makers: Mapping[str, Maker], task: Task, update_every: int = 1, n_steps: int | None = None
) -> None:
    """Raise Mismatch unless each, by name, predicts and learns what the reference does."""
    n_steps = n_steps or _n_steps(task)
    Y, weights = train(task, n_steps, update_every)
    for name, make in makers.items():
        learner = make(task)
        predicted = _learn(learner, task, n_steps)
        what = f"{name}, {task.n_cells} cells: the prediction"
        compare(what, predicted, Y)
        _compare_changes(name, learner, task, weights)


def check_forward(makers: Mapping[str, Maker], task: Task) -> None:
    """As check_learning for those that truncate elsewhere: predictions, and one learning step.

    At the first step there is nothing yet to truncate.
    """
    still = replace(task, learning_rate=0.0)
    n_steps = _n_steps(task)
    Y, _ = train(still, n_steps)
    _, weights = train(task, 1)
    for name, make in makers.items():
        what = f"{name}, {task.n_cells} cells: the prediction"
        compare(what, _learn(make(still), still, n_steps), Y)
        learner = make(task)
        _learn(learner, task, 1)
        _compare_changes(name, learner, task, weights)
