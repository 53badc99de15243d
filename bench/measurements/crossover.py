"""From which shape on BLAS multiplies matrices faster than the kernel of the library."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench.kernels import blas_product
from bench.machine import ROOT
from bench.products import BLAS, DEPTHS, OWN
from bench.report import Result, Table
from bench.settings import Settings
from bench.threads import THREAD_VARIABLES

__all__ = ["measure_crossover"]

#: A turn of each product is not below the 0.2 seconds of the timing rule; there are many shapes.
MOST_SECONDS, MOST_REPEATS = 0.2, 3


def measure_crossover(settings: Settings) -> Result:
    """The matrix product of the library and SciPy's BLAS, over depth and size."""
    try:
        blas_product()
    except LookupError as reason:
        return Result([], [], notes=[f"Nothing to compare: {reason}."])
    limits = min(settings.seconds, MOST_SECONDS), min(settings.repeats, MOST_REPEATS)
    command = [sys.executable, "-m", "bench.products", *map(str, [*limits, settings.largest])]
    one = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
    done = subprocess.run(command, cwd=ROOT, env=one, stdout=subprocess.PIPE, text=True, check=True)
    records = json.loads(done.stdout)
    us = {(r["learner"], r["n_cells"], r["depth"]): r["us"] for r in records}
    sizes = list(dict.fromkeys((r["n_cells"], r["n_sources"], r["n_rows"]) for r in records))
    rows = [
        [n_cells, f"{n_sources} x {n_rows}"]
        + [us[BLAS, n_cells, depth] / us[OWN, n_cells, depth] for depth in DEPTHS]
        for n_cells, n_sources, n_rows in sizes
    ]
    speeds = [
        [n_cells, f"{n_sources} x {n_rows}"]
        + [n_sources * n_rows * depth / us[OWN, n_cells, depth] / 1e3 for depth in DEPTHS]
        for n_cells, n_sources, n_rows in sizes
    ]
    columns = ["cells", "sources x rows", *(f"depth {depth}" for depth in DEPTHS)]
    note = (
        "float32, one thread each, the cost of calling through ctypes taken off. Above 1: the "
        "kernel is faster. Depth: recorded steps, or streams times steps."
    )
    return Result(
        [
            Table("A matrix product: time of BLAS to time of the kernel", columns, rows, note),
            Table(
                "The kernel, in thousands of millions of multiply-adds a second", columns, speeds
            ),
        ],
        records,
    )
