"""What each gradient costs: time and memory of a learning step against the number of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.reference import check_learning, compare
from bench.report import Curves, Result, Table
from bench.settings import Settings
from bench.task import RunLearner, Task, make_task
from bench.timing import alternate, learning
from pylstm import LSTM

__all__ = ["measure_methods"]

SIZES = (4, 8, 16, 32, 64, 128)
FIT_FROM = 16  # cells: below, what a step costs whatever its size counts as well
TRUNCATED, RTRL = "truncated", "RTRL"
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
}
#: Okabe and Ito's colours.
STYLES: dict[str, dict[str, Any]] = {
    TRUNCATED: {"color": "#d55e00", "linewidth": 3.2},
    "BPTT, window 10": {"color": "#56b4e9", "marker": "s"},
    "BPTT, window 100": {"color": "#0072b2", "marker": "s"},
    RTRL: {"color": "#009e73", "marker": "^"},
}

Records = list[dict[str, Any]]


def measure_methods(settings: Settings) -> Result:
    """A step by truncated gradient, BPTT and RTRL: time and memory against weights."""
    records: Records = []
    for n_cells in settings.sizes(SIZES):
        tasks = {name: make_task(n_cells, **switches) for name, switches in METHODS.items()}
        check_learning({TRUNCATED: RunLearner}, tasks[TRUNCATED])
        check_exact(tasks[TRUNCATED])
        learners = {name: RunLearner(task) for name, task in tasks.items()}
        for name, learner in learners.items():  # until a window is full
            n_steps = 2 * METHODS[name].get("window", 1)
            learner.learn(learner.load(tasks[name].X[:n_steps], tasks[name].targets[:n_steps]))
        works = {name: learning(learners[name], tasks[name], settings) for name in METHODS}
        for name, timing in alternate(works, settings).items():
            labels = {"method": name, "n_cells": n_cells, "n_weights": tasks[name].n_weights}
            records.append(timing.record(**labels, bytes=kept(learners[name].net)))
    lines = {name: points(records, name, "us") for name in METHODS}
    size = "weights of the hidden layer"
    curve = Curves(size, "microseconds a step", lines, "What each gradient costs", STYLES)
    return Result([cost_table(records), exponent_table(records)], records, [curve])


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


def kept(net: LSTM) -> int:
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


def cost_table(records: Records) -> Table:
    by_size: dict[int, dict[str, Mapping[str, Any]]] = {}
    for record in records:
        by_size.setdefault(record["n_cells"], {})[record["method"]] = record
    columns = ["cells", "weights", *(f"{name}, us" for name in METHODS)]
    columns += [f"{name}, KiB" for name in METHODS]
    rows = [
        [n_cells, found[TRUNCATED]["n_weights"]]
        + [found[name]["us"] for name in METHODS]
        + [found[name]["bytes"] / 1024 for name in METHODS]
        for n_cells, found in by_size.items()
    ]
    note = (
        "float32, forget gates, half as many inputs as cells, SGD at every step, `run`. KiB: what "
        "a file of the network holds beside the weights, once a window is full."
    )
    return Table("A learning step by each gradient", columns, rows, note)


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
