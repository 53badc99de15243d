"""A learning step, of pylstm and of its peers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.peers import PEERS, Peer
from bench.prototype import Prototype
from bench.reference import check_forward, check_learning
from bench.report import Curves, Result, Table
from bench.settings import Settings
from bench.targets import flatness
from bench.task import Learner, RunLearner, StepLearner, Task, make_task
from bench.threads import tell_threads
from bench.timing import Timing, alternate, learning

__all__ = ["measure_step"]

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
RUN, STEP, PROTOTYPE = "pylstm run", "pylstm step", "C prototype"

#: Okabe and Ito's colours, told apart by colour-blind readers: one a library, solid where the whole
#: sequence is known.
STYLES: dict[str, dict[str, Any]] = {
    RUN: {"color": "#d55e00", "linewidth": 3.2, "markersize": 6, "zorder": 4},
    STEP: {"color": "#d55e00", "linewidth": 2.4, "markersize": 6, "ls": "--", "zorder": 4},
    "JAX scan": {"color": "#0072b2", "marker": "s"},
    "JAX step": {"color": "#0072b2", "marker": "s", "ls": "--"},
    "PyTorch traces": {"color": "#009e73", "marker": "^", "ls": "--"},
    "PyTorch cell": {"color": "#009e73", "marker": "v", "ls": ":"},
    "NumPy traces": {"color": "#666666", "marker": "D", "ls": "--"},
    PROTOTYPE: {"color": "#b07aa1", "marker": "x"},
}
FLAT_FROM, FLAT_TO = 10**3, 10**5

Timings = dict[str, Timing]


def measure_step(settings: Settings) -> Result:
    """Microseconds a learning step against the number of weights, beside the peers installed."""
    peers = [peer for peer in PEERS if peer.installed]
    learners: dict[str, type[Learner]] = {RUN: RunLearner, STEP: StepLearner}
    learners |= {peer.name: peer.load() for peer in peers}
    tell_threads(settings.threads)
    timings: dict[int, Timings] = {}
    tasks: dict[int, Task] = {}
    with tempfile.TemporaryDirectory() as build:
        prototype = Prototype(settings.yardsticks, Path(build)) if settings.yardsticks else None
        for k, n_cells in enumerate(settings.sizes(SIZES)):
            if prototype and k % 3 == 0:
                prototype.run()
            tasks[n_cells] = make_task(n_cells)
            timings[n_cells] = time_learners(learners, peers, tasks[n_cells], settings)
    return Result(
        tables=[
            own_table(tasks, timings),
            overhead_table(timings),
            peer_table(peers, prototype, tasks, timings),
        ],
        records=list(records(tasks, timings, prototype)),
        curves=curves(tasks, timings, prototype),
        notes=notes(prototype, timings),
    )


def time_learners(
    learners: Mapping[str, type[Learner]], peers: list[Peer], task: Task, settings: Settings
) -> Timings:
    """Check every learner, then time them in turns."""
    other = {peer.name for peer in peers if not peer.same_gradient}
    check_learning({name: learners[name] for name in learners.keys() - other}, task)
    check_forward({name: learners[name] for name in other}, task)
    works = {name: learning(make(task), task, settings) for name, make in learners.items()}
    return alternate(works, settings)


def own_table(tasks: Mapping[int, Task], timings: Mapping[int, Timings]) -> Table:
    columns = ["cells", "inputs", "outputs", "weights", "run, us", "run, ns a weight"]
    columns += ["cores in use"]
    rows = []
    for n_cells, timed in timings.items():
        task, run = tasks[n_cells], timed[RUN]
        sizes = [n_cells, task.n_inputs, task.n_outputs, task.n_weights]
        rows.append([*sizes, run.median, 1e3 * run.median / task.n_weights, run.cores])
    flat = flatness(records(tasks, timings, None), FLAT_FROM, FLAT_TO)
    return Table(
        "A learning step of pylstm (float32, forget gates, SGD at every step)",
        columns,
        rows,
        f"From {FLAT_FROM:,} to {FLAT_TO:,} weights the longest time a weight is {flat:.2f} times "
        "the shortest."
        if flat
        else "",
    )


def overhead_table(timings: Mapping[int, Timings]) -> Table:
    rows = [
        [n_cells, timed[RUN].median, timed[STEP].median, timed[STEP].more_than(timed[RUN])]
        for n_cells, timed in timings.items()
    ]
    return Table(
        "What a call from Python costs",
        ["cells", "run, us", "step, us", "more, us"],
        rows,
        "`run` is given the sequence in one call, `step(x, target)` is called from Python for "
        "every step.",
    )


def peer_table(
    peers: list[Peer],
    prototype: Prototype | None,
    tasks: Mapping[int, Task],
    timings: Mapping[int, Timings],
) -> Table:
    """Each peer beside how many times longer it takes than the call of pylstm it corresponds to."""
    baselines = {peer.name: RUN if peer.knows_sequence else STEP for peer in peers}
    columns = ["cells", "weights", RUN, STEP]
    for name, baseline in baselines.items():
        columns += [name, f"to {baseline.split()[1]}"]
    columns += [PROTOTYPE, "to run"] if prototype else []
    rows: list[list[Any]] = []
    for n_cells, timed in timings.items():
        row = [n_cells, tasks[n_cells].n_weights, timed[RUN].median, timed[STEP].median]
        for name, baseline in baselines.items():
            row += [timed[name].median, timed[name].ratio_to(timed[baseline])]
        if prototype:
            us = prototype.median(n_cells)
            row += [us, us and us / timed[RUN].median]
        rows.append(row)
    return Table(
        "Microseconds a learning step beside the peers, and the ratio to pylstm",
        columns,
        rows,
        "A peer that knows the sequence is compared with `run`, one called for every step with "
        "`step`. Above 1: pylstm is faster.",
    )


def records(
    tasks: Mapping[int, Task], timings: Mapping[int, Timings], prototype: Prototype | None
) -> list[dict[str, Any]]:
    found = []
    for n_cells, timed in timings.items():
        labels = {"n_cells": n_cells, "n_weights": tasks[n_cells].n_weights}
        found += [timing.record(learner=name, **labels) for name, timing in timed.items()]
        if prototype and n_cells in prototype.us:
            turns = prototype.us[n_cells]
            us = prototype.median(n_cells)
            found.append({"learner": PROTOTYPE, **labels, "us": us, "us_turns": turns})
    return found


def curves(
    tasks: Mapping[int, Task], timings: Mapping[int, Timings], prototype: Prototype | None
) -> list[Curves]:
    lines: dict[str, list[tuple[float, float]]] = {}
    found = records(tasks, timings, prototype)
    for record in found:
        point = record["n_weights"], record["us"]
        lines.setdefault(record["learner"], []).append(point)
    flat = flatness(found, FLAT_FROM, FLAT_TO)
    title = "What a weight costs"
    title += f": flat within {flat:.1f} from 1k to 100k" if flat else ""
    own = {
        label: [(n_weights, 1e3 * us / n_weights) for n_weights, us in lines[label]]
        for label in (RUN, STEP, "JAX scan")
        if label in lines
    }
    size = "weights of the hidden layer"
    return [
        Curves(size, "microseconds a step", lines, "A learning step", STYLES),
        Curves(size, "nanoseconds a weight and step", own, title, STYLES, "weight"),
    ]


def notes(prototype: Prototype | None, timings: Mapping[int, Timings]) -> list[str]:
    found = [
        "Checked against the NumPy reference before timing, at every size: predictions and the "
        "change of all weights; the PyTorch cell, which truncates after one step and so follows "
        "another gradient, its predictions and its first step."
    ]
    skipped = [peer.name for peer in PEERS if not peer.installed]
    if skipped:
        found.append(f"Skipped, not installed: {', '.join(skipped)}.")
    if prototype:
        found.append(
            "C prototype: results not checked, a program of its own, run before every third size; "
            f"`{prototype.command}`."
        )
    cores = [
        (t.cores, f"{name} at {n}") for n, timed in timings.items() for name, t in timed.items()
    ]
    most, where = max(cores)
    if most > 1.1:
        found.append(f"More than one core in use: up to {most:.2f} ({where} cells).")
    return found
