"""What a step moves and computes, against what the machine can move.

float32, forget gates, update at every step. Every weight (4 bytes) and three traces for four
weights (3 bytes a weight) must be read: 7 bytes a weight. A step that also writes both moves 14.
Multiply-adds a weight: 1 for the net input, 2 * 3/4 for the traces, 1 for the update: 3.5.
"""

from __future__ import annotations

import numpy as np

from bench.reference import check_learning
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import RunLearner, make_task
from bench.timing import Work, alternate, learning

__all__ = ["measure_floor"]

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
READ_BYTES, MOVED_BYTES, MULTIPLY_ADDS = 7, 14, 3.5
SMALLEST_READ = 128 * 1024  # below, the call of the function is most of it


def measure_floor(settings: Settings) -> Result:
    """Bytes, multiply-adds and achieved GB/s a step, beside the read bandwidth NumPy reaches."""
    rows, records = [], []
    for n_cells in settings.sizes(SIZES):
        task = make_task(n_cells)
        check_learning({"run": RunLearner}, task)
        n_bytes = READ_BYTES * task.n_weights
        works = {"run": learning(RunLearner(task), task, settings)}
        if n_bytes >= SMALLEST_READ:
            works |= _reads(n_bytes)
        timings = alternate(works, settings)
        records += [timing.record(what=name, n_cells=n_cells) for name, timing in timings.items()]
        us = timings.pop("run").median
        read_us = min((timing.median for timing in timings.values()), default=None)
        rates = [scale * task.n_weights / us / 1e3 for scale in (READ_BYTES, MOVED_BYTES)]
        work = MULTIPLY_ADDS * task.n_weights
        row = [n_cells, n_bytes / 1024, round(work), us, work / us / 1e3, *rates]
        rows.append([*row, read_us and n_bytes / read_us / 1e3, read_us and us / read_us])
    columns = ["cells", "read a step, KiB", "multiply-adds", "us a step", "G multiply-adds/s"]
    columns += ["GB/s at 7 B a weight", "GB/s at 14 B", "NumPy reads, GB/s", "step to read"]
    note = (
        "The last two: the faster of a dot product and a maximum over as many bytes, one thread if "
        "BLAS obeys; a lower bound of what the machine can read, and so no lower bound of a step."
    )
    return Result([Table("Bytes and arithmetic of a learning step", columns, rows, note)], records)


def _reads(n_bytes: int) -> dict[str, Work]:
    """Two ways of reading so many bytes once."""
    numbers = np.ones(n_bytes // 4, np.float32)
    halves = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :][: len(numbers) // 2]
    return {"dot": Work(lambda: np.dot(*halves)), "maximum": Work(numbers.max)}
