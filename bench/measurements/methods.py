"""What each gradient costs: time and memory of a learning step against the number of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from bench.reference import check_learning, compare
from bench.report import Curves, Result, Table
from bench.settings import Settings
from bench.task import Array, RunLearner, Task, make_task
from bench.timing import alternate, learning
from pylstm import SGD
from pylstm.baselines import FullyRecurrent
from pylstm.copies import Copyable

__all__ = ["measure_methods"]

SIZES = (4, 8, 16, 32, 64, 128)
FIT_FROM = 16  # cells: below, what a step costs whatever its size counts as well
TRUNCATED, RTRL, PLAIN = "truncated", "RTRL", "plain units, RTRL"
METHODS: dict[str, dict[str, Any]] = {
    TRUNCATED: {},
    "BPTT, window 10": {"gradient": "bptt", "window": 10},
    "BPTT, window 100": {"gradient": "bptt", "window": 100},
    RTRL: {"gradient": "rtrl"},
}
#: Powers of the number of weights, of time and of memory.
THEORY: dict[str, tuple[float, float]] = {
    TRUNCATED: (1, 1),
    "BPTT, window 10": (1, 0.5),
    "BPTT, window 100": (1, 0.5),
    RTRL: (2, 1.5),
    PLAIN: (2, 1.5),
}
#: Okabe and Ito's colours.
STYLES: dict[str, dict[str, Any]] = {
    TRUNCATED: {"color": "#d55e00", "linewidth": 3.2},
    "BPTT, window 10": {"color": "#56b4e9", "marker": "s"},
    "BPTT, window 100": {"color": "#0072b2", "marker": "s"},
    RTRL: {"color": "#009e73", "marker": "^"},
    PLAIN: {"color": "#009e73", "marker": "v", "ls": "--"},
}
TIME_NOTE = (
    "float32, forget gates, half as many inputs as cells, SGD at every step, `run`. Plain units: "
    "as many as cells, with a quarter of the weights, float64."
)
MEMORY_NOTE = "What a file of the network holds beside the weights, when its record is full."

Records = list[dict[str, Any]]


class PlainLearner:
    """Fully recurrent units, as many as the task has cells, by real-time recurrent learning."""

    def __init__(self, task: Task, gradient: Literal["rtrl", "bptt"] = "rtrl") -> None:
        self.net = FullyRecurrent(
            task.n_inputs,
            task.n_outputs,
            task.n_cells,
            gradient=gradient,
            readout="layer",
            squashing="tanh",
            output="identity",
            optimizer=SGD(task.learning_rate),
        )

    def load(self, X: Array, targets: Array) -> tuple[Array, Array]:
        return np.float64(X), np.float64(targets)

    def learn(self, sequence: tuple[Array, Array]) -> Array:
        return self.net.run(*sequence)

    def weights(self) -> Mapping[str, Array]:
        return self.net.parameters


def measure_methods(settings: Settings) -> Result:
    """A step by truncated gradient, BPTT and RTRL: time and memory against weights."""
    records: Records = []
    for n_cells in settings.sizes(SIZES):
        task = make_task(n_cells)
        check_learning({TRUNCATED: RunLearner}, task)
        check_exact(task)
        check_plain(task)
        learners: dict[str, RunLearner | PlainLearner] = {
            name: RunLearner(make_task(n_cells, **switches)) for name, switches in METHODS.items()
        }
        learners[PLAIN] = PlainLearner(task)
        for name, learner in learners.items():  # until a record of two windows is full
            n_steps = 2 * METHODS.get(name, {}).get("window", 1)
            learner.learn(learner.load(task.X[:n_steps], task.targets[:n_steps]))
        held = {name: kept(learner.net) for name, learner in learners.items()}
        works = {name: learning(learner, task, settings) for name, learner in learners.items()}
        for name, timing in alternate(works, settings).items():
            weights = learners[name].weights()
            n_weights = sum(values.size for part, values in weights.items() if part != "output")
            labels = {"method": name, "n_cells": n_cells, "n_weights": n_weights}
            records.append(timing.record(**labels, bytes=held[name]))
    lines = {name: points(records, name, "us") for name in THEORY}
    size = "weights of the hidden layer"
    curve = Curves(size, "microseconds a step", lines, "What each gradient costs", STYLES)
    tables = [
        size_table(records, "Microseconds a learning step", "us", 1, TIME_NOTE),
        size_table(records, "KiB kept from step to step", "bytes", 1024, MEMORY_NOTE),
        exponent_table(records),
    ]
    return Result(tables, records, [curve])


def check_exact(task: Task) -> None:
    """Whether BPTT, to the last reset and over either window, and RTRL give one gradient.

    Raises
    ------
    Mismatch
    """
    net = task.network()
    n_steps = 8 if task.n_cells <= 32 else 3
    X, targets = task.X[:n_steps], task.targets[:n_steps]
    wanted = net.gradient(X, targets, gradient="bptt")
    for name, switches in METHODS.items():
        if name != TRUNCATED:
            found = net.gradient(X, targets, **switches)
            for part, values in wanted.items():
                compare(
                    f"{name}, {task.n_cells} cells: the gradient of {part}", found[part], values
                )


def check_plain(task: Task) -> None:
    """Whether BPTT and RTRL of the plain units give one gradient.

    Raises
    ------
    Mismatch
    """
    found, wanted = PlainLearner(task).net, PlainLearner(task, "bptt").net
    X, targets = task.X[:8], task.targets[:8]
    exact = wanted.gradient(X, targets)
    for part, values in found.gradient(X, targets).items():
        compare(f"{PLAIN}, {task.n_cells} of them: the gradient of {part}", values, exact[part])


def kept(net: Copyable) -> int:
    """Bytes of what a file of the network holds beside the weights: what the method lives on."""
    state = net.__getstate__()
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    return sum(values.nbytes for name, values in arrays.items() if name != "parameters")


def points(records: Records, method: str, what: str) -> list[tuple[float, float]]:
    """(weights, what) of a method, by size."""
    return [(r["n_weights"], r[what]) for r in records if r["method"] == method]


def exponent(line: Sequence[tuple[float, float]]) -> float | None:
    """Slope of the straight line through the points, both axes logarithmic."""
    if len(line) < 2:
        return None
    x, y = np.log(np.array(line)).T
    return float(np.polyfit(x, y, 1)[0])


def size_table(records: Records, title: str, what: str, unit: float, note: str) -> Table:
    """A row a size, a column a method; what is measured in units."""
    by_size: dict[int, dict[str, Mapping[str, Any]]] = {}
    for record in records:
        by_size.setdefault(record["n_cells"], {})[record["method"]] = record
    rows = [
        [n_cells, found[TRUNCATED]["n_weights"], *(found[name][what] / unit for name in THEORY)]
        for n_cells, found in by_size.items()
    ]
    return Table(title, ["cells", "weights", *THEORY], rows, note)


def exponent_table(records: Records) -> Table:
    large = [record for record in records if record["n_cells"] >= FIT_FROM]
    rows = [
        [
            *(name, exponent(points(large, name, "us")), time),
            *(exponent(points(large, name, "bytes")), memory),
        ]
        for name, (time, memory) in THEORY.items()
    ]
    columns = ["method", "time ~ weights to the", "in theory"]
    columns += ["memory ~ weights to the", "in theory"]
    note = (
        f"Fitted from {FIT_FROM} cells on; weights grow with the square of the cells: their square "
        "is the fourth power of the cells."
    )
    return Table("How time and memory grow", columns, rows, note)
