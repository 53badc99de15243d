"""Where BLAS multiplies matrices faster than the kernel of the library, and where not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench.kernels import blas_product
from bench.machine import ROOT
from bench.products import BLAS, DTYPES, OWN
from bench.report import Result, Table
from bench.settings import Settings
from bench.threads import THREAD_VARIABLES
from pylstm import _core

__all__ = ["measure_products"]

#: A turn of each product is not below the 0.2 seconds of the timing rule; there are many shapes.
MOST_SECONDS, MOST_REPEATS = 0.2, 3
#: The kernels that BLAS would choose on a machine with no more than our instruction set.
OPENBLAS_KERNELS = {"avx2": "Haswell"}


def measure_products(settings: Settings) -> Result:
    """The matrix products of the engine and SciPy's BLAS, by shape and precision."""
    try:
        blas_product("float32")
    except LookupError as reason:
        return Result([], [], notes=[f"Nothing to compare: {reason}."])
    limits = min(settings.seconds, MOST_SECONDS), min(settings.repeats, MOST_REPEATS)
    command = [sys.executable, "-m", "bench.products", *map(str, [*limits, settings.largest])]
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
    if _core.choose_isa() in OPENBLAS_KERNELS:
        environment["OPENBLAS_CORETYPE"] = OPENBLAS_KERNELS[_core.choose_isa()]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    records = json.loads(done.stdout)
    return Result([_table(records, dtype) for dtype in DTYPES], records)


def _table(records: list[dict[str, object]], dtype: str) -> Table:
    us = {(r["learner"], r["work"], r["n_cells"]): r["us"] for r in records if r["dtype"] == dtype}
    works, sizes = ({key[k]: None for key in us} for k in (1, 2))
    rows = [
        [work, *(us[BLAS, work, n_cells] / us[OWN, work, n_cells] for n_cells in sizes)]
        for work in works
    ]
    note = (
        "Processor time, one thread each, the cost of calling through ctypes and of the clock "
        "taken off; with AVX2 the kernels of OpenBLAS for it. Above 1: the kernel is faster."
    )
    columns = ["product", *(f"{n_cells} cells" for n_cells in sizes)]
    return Table(f"{dtype}: time of BLAS to time of the kernel", columns, rows, note)
