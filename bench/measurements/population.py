"""Many small networks with weights of their own, learning at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import pylstm
from bench.peers import POPULATION_PEERS
from bench.reference import CHANGE_TOLERANCE, compare, train
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import Array, RunLearner, Task, make_task
from bench.timing import Timing, Work, alternate

__all__ = ["check_population", "make_tasks", "measure_population"]

N_CELLS, N_STEPS = 4, 2000
N_NETS = (1, 16, 64, 256)
OWN, RUN = "pylstm population", "pylstm run"

Maker = Callable[[Sequence[Task]], Any]


class PopulationLearner:
    """pylstm.Population, the whole sequences in one call of `run`."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.population = pylstm.Population.from_nets([task.network() for task in tasks])

    def load(self, X: Array, targets: Array) -> tuple[Array, Array]:
        return X, targets

    def learn(self, sequence: tuple[Array, Array]) -> Array:
        return self.population.run(*sequence)

    def weights(self) -> Mapping[str, Array]:
        return self.population.parameters


class RunLearners:
    """pylstm.LSTM, one network after the other."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.learners = [RunLearner(task) for task in tasks]

    def load(self, X: Array, targets: Array) -> list[tuple[Array, Array]]:
        return list(zip(X, targets, strict=True))

    def learn(self, sequence: list[tuple[Array, Array]]) -> list[Array]:
        pairs = zip(self.learners, sequence, strict=True)
        return [learner.learn(own) for learner, own in pairs]

    def weights(self) -> Mapping[str, Array]:
        nets = [learner.weights() for learner in self.learners]
        return {name: np.stack([net[name] for net in nets]) for name in nets[0]}


def make_tasks(n_nets: int, n_steps: int) -> list[Task]:
    """One task a net: weights and sequences of its own."""
    return [make_task(N_CELLS, n_steps=n_steps, seed=seed) for seed in range(n_nets)]


def stacked(tasks: Sequence[Task], n_steps: int) -> tuple[Array, Array]:
    """X and targets, (n_nets, n_steps, ...)."""
    X = np.stack([task.X[:n_steps] for task in tasks])
    return X, np.stack([task.targets[:n_steps] for task in tasks])


def check_population(makers: Mapping[str, Maker], tasks: Sequence[Task]) -> None:
    """Raise Mismatch unless each, by name, does for every net what the reference does."""
    n_steps = min(40, len(tasks[0].X))
    wanted = [train(task, n_steps) for task in tasks]
    for name, make in makers.items():
        learner = make(tasks)
        Y = np.asarray(learner.learn(learner.load(*stacked(tasks, n_steps))))
        learned = learner.weights()
        for k, (task, (predicted, weights)) in enumerate(zip(tasks, wanted, strict=True)):
            compare(f"{name}, net {k}: the prediction", Y[k], predicted)
            for part, values in weights.items():
                start = np.float64(task.weights[part])
                what = f"{name}, net {k}: the change of {part}"
                compare(what, learned[part][k] - start, values - start, CHANGE_TOLERANCE)


def measure_population(settings: Settings) -> Result:
    """Microseconds a step of one of many small networks, beside JAX's vmap."""
    peers = [peer for peer in POPULATION_PEERS if peer.installed]
    makers: dict[str, Maker] = {OWN: PopulationLearner, RUN: RunLearners}
    makers |= {peer.name: peer.load() for peer in peers}
    columns = ["nets", "weights each", f"{OWN}, us", f"{RUN}, us", "to population"]
    for peer in peers:
        columns += [f"{peer.name}, us", "to population"]
    rows: list[list[Any]] = []
    records = []
    for n_nets in N_NETS[:2] if settings.quick else N_NETS:
        tasks = make_tasks(n_nets, N_STEPS)
        check_population(makers, tasks)
        timings = time_makers(makers, tasks, settings)
        own = timings[OWN]
        row: list[Any] = [n_nets, tasks[0].n_weights, own.median]
        for name in [RUN, *(peer.name for peer in peers)]:
            row += [timings[name].median, timings[name].ratio_to(own)]
        rows.append(row)
        labels = {"n_nets": n_nets, "n_weights": tasks[0].n_weights}
        records += [timing.record(learner=name, **labels) for name, timing in timings.items()]
    notes = [
        "Checked against the NumPy reference before timing, for every net: predictions and the "
        "change of all weights."
    ]
    skipped = [peer.name for peer in POPULATION_PEERS if not peer.installed]
    if skipped:
        notes.append(f"Skipped, not installed: {', '.join(skipped)}.")
    table = Table(
        "Microseconds a step and net (float32, 4 cells, forget gates, SGD at every step)",
        columns,
        rows,
        f"Sequences of {N_STEPS} steps in one call, every net with its own; `run` takes one net "
        "after the other. Above 1: the population is faster.",
    )
    return Result(tables=[table], records=records, notes=notes)


def time_makers(
    makers: Mapping[str, Maker], tasks: Sequence[Task], settings: Settings
) -> dict[str, Timing]:
    """Learning on the whole sequences, in turns."""
    works = {}
    for name, make in makers.items():
        learner = make(tasks)
        sequence = learner.load(*stacked(tasks, N_STEPS))
        works[name] = Work(
            lambda learner=learner, sequence=sequence: learner.learn(sequence),
            len(tasks) * N_STEPS,
        )
    return alternate(works, settings)
