"""Silence: with nothing coming in, states and traces fade into denormal numbers.

Arithmetic on those is many times slower on some processors, unless they are flushed to zero. The
forget gates sit just above one half: at one half or below a number halves until it is zero, above
it the smallest denormal number is rounded back to itself at every step and stays for good. Cell
inputs have no bias, so that everything fades.
"""

from __future__ import annotations

import numpy as np

from bench.reference import check_learning
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import RunLearner, Task, make_task
from bench.timing import Timing, Work, alternate

__all__ = ["measure_silent"]

SIZES = (16, 64)
N_STEPS, N_ORDINARY = 100_000, 100
FORGET_BIAS = 0.1
ORDINARY, SILENT = "ordinary", "silent"


def measure_silent(settings: Settings) -> Result:
    """A step while all inputs are zero, for 100,000 steps, against one with ordinary inputs."""
    rows, records = [], []
    penalty = denormal_penalty(settings)
    for n_cells in settings.sizes(SIZES):
        task = silent_task(n_cells)
        check_learning({"run": RunLearner}, task)
        timings = alternate(
            {name: _work(name, task, settings) for name in (ORDINARY, SILENT)}, settings
        )
        ordinary, silent = timings[ORDINARY], timings[SILENT]
        rows.append([n_cells, ordinary.median, silent.median, silent.ratio_to(ordinary)])
        records += [t.record(n_cells=n_cells, input=name) for name, t in timings.items()]
    title = "A learning step in silence"
    columns = ["cells", "ordinary input, us", "silent, us", "silent to ordinary"]
    note = (
        f"What there is to avoid on this processor: a NumPy product of denormal numbers takes "
        f"{penalty:.1f} times as long as one of ordinary numbers."
    )
    records.append({"denormal_penalty_of_numpy": penalty})
    return Result([Table(title, columns, rows, note)], records)


def silent_task(n_cells: int) -> Task:
    task = make_task(n_cells, hidden_bias="gates")
    for gate in ("input_gate", "forget_gate", "output_gate"):
        task.weights[gate][:, -1] = FORGET_BIAS if gate == "forget_gate" else 0
    task.weights["cell_input"][:, task.n_inputs :] /= 4  # nothing keeps itself going
    return task


def _work(name: str, task: Task, settings: Settings) -> Work:
    """Runs of N_STEPS; the silent ones begin with a few ordinary steps, from which all fades."""
    n_steps = N_STEPS // 10 if settings.quick else N_STEPS
    X = np.resize(task.X, (n_steps, task.n_inputs))
    targets = np.resize(task.targets, (n_steps, task.n_outputs))
    if name == SILENT:
        X[N_ORDINARY:] = 0
    learner = RunLearner(task)
    return Work(lambda: learner.learn((X, targets)), n_steps)


def denormal_penalty(settings: Settings) -> float:
    """How many times longer a product of denormal numbers takes in NumPy."""
    out = np.empty(4096, np.float32)

    def product(size: float) -> Work:
        numbers = np.full(4096, size, np.float32)
        return Work(lambda: np.multiply(numbers, np.float32(0.525), out=out))

    timings: dict[str, Timing] = alternate(
        {"ordinary": product(1.0), "denormal": product(1e-41)}, settings
    )
    return timings["denormal"].ratio_to(timings["ordinary"])
