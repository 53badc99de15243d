"""What more than one thread is worth."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.reference import check_learning
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import RunLearner, make_task
from bench.threads import own_threads, tell_own_threads
from bench.timing import alternate, learning

__all__ = ["measure_threads"]

SIZES = (128, 256, 512, 1024)


def measure_threads(settings: Settings) -> Result:
    """Microseconds a step of `run` with one thread and with all."""
    counts = own_threads(settings.threads)
    rows: list[list[Any]] = []
    records = []
    try:
        for n_cells in settings.sizes(SIZES):
            task = make_task(n_cells)
            works = {}
            for n_threads in counts:
                tell = partial(tell_own_threads, n_threads)
                tell()
                check_learning({f"run, {n_threads} threads": RunLearner}, task)
                works[str(n_threads)] = learning(RunLearner(task), task, settings, tell)
            timings = alternate(works, settings)
            one, most = timings["1"], timings[str(counts[-1])]
            row = [n_cells, task.n_weights, one.median, one.cores]
            rows.append(
                [*row, *([most.median, most.cores, one.ratio_to(most)] * (one is not most))]
            )
            for name, timing in timings.items():
                labels = {"n_cells": n_cells, "n_weights": task.n_weights, "threads": int(name)}
                records.append(timing.record(learner="pylstm run", **labels))
    finally:
        tell_own_threads(settings.threads)
    columns = ["cells", "weights", "1 thread, us", "cores in use"]
    notes = []
    if len(counts) > 1:
        columns += [f"{counts[-1]} threads, us", "cores in use", "times faster"]
    else:
        notes.append("One thread only: --threads 1, or this version of pylstm has no more.")
    return Result([Table("A step of `run` and its threads", columns, rows)], records, notes=notes)
