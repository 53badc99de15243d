"""What a step costs when the weights change every k steps instead of at every step."""

from __future__ import annotations

from functools import partial

from bench.reference import check_learning
from bench.report import Curves, Result, Table
from bench.settings import Settings
from bench.task import RunLearner, make_task
from bench.timing import Timing, alternate, learning

__all__ = ["measure_regimes"]

SIZES = (16, 64, 256)
INTERVALS = (1, 2, 4, 8, 16, 32, 64)


def measure_regimes(settings: Settings) -> Result:
    """Microseconds a step of run(update=k), k = 1 ... 64: where collecting steps pays."""
    timings: dict[int, dict[int, Timing]] = {}
    for n_cells in settings.sizes(SIZES):
        task = make_task(n_cells)
        works = {}
        for k in INTERVALS:
            make = partial(RunLearner, update=k)
            check_learning({f"run(update={k})": make}, task, k, n_steps=2 * k + 1)
            works[str(k)] = learning(make(task), task, settings)
        timings[n_cells] = {int(k): t for k, t in alternate(works, settings).items()}
    return Result(
        tables=[_table(timings)],
        records=[
            timing.record(n_cells=n_cells, update=k)
            for n_cells, timed in timings.items()
            for k, timing in timed.items()
        ],
        curves=[
            Curves(
                "steps between two updates",
                "microseconds a step",
                {
                    f"{n_cells} cells": [(k, timing.median) for k, timing in timed.items()]
                    for n_cells, timed in timings.items()
                },
                title="Changing the weights every k steps",
            )
        ],
    )


def _table(timings: dict[int, dict[int, Timing]]) -> Table:
    columns = ["k"]
    for n_cells in timings:
        columns += [f"{n_cells} cells, us", "to k = 1"]
    rows = []
    for k in INTERVALS:
        row: list[float | int] = [k]
        for timed in timings.values():
            row += [timed[k].median, timed[k].ratio_to(timed[1])]
        rows.append(row)
    return Table("A step of run(update=k), a target at every step", columns, rows)
