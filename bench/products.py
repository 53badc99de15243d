"""``python -m bench.products SECONDS REPEATS LARGEST``: our matrix product and BLAS, as JSON.

A program of its own, because BLAS must be told about one thread before it is imported. The product
is that of csrc/network/learn.inc over a record of k steps,

    G += Z^T C      Z: (k, n_sources), C: (k, n_rows), rows of one record; G: (n_sources, n_rows)

with the sources and rows of a network of so many cells. Both are called through ctypes; the time of
a call that has nothing to do is taken off.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.kernels import INTEGER, POINTER, blas_product, has_kernel, kernel
from bench.reference import compare
from bench.settings import Settings
from bench.task import make_task
from bench.timing import Work, alternate, repeated
from pylstm import _core

__all__ = ["BLAS", "DEPTHS", "OWN", "SIZES", "measure_products"]

DEPTHS = (8, 16, 32, 64, 100, 400, 1600)
SIZES = (16, 32, 64, 128, 256, 512)
OWN, BLAS = "kernel", "BLAS"
LANES = 16

Call = Callable[[], object]


class Record:
    """Z and C side by side in the rows of a record, and G."""

    def __init__(self, n_cells: int, depth: int) -> None:
        task = make_task(n_cells, n_steps=1)
        self.depth, self.n_rows = depth, -(-4 * n_cells // LANES) * LANES
        self.n_sources = task.n_inputs + n_cells + 1
        at_c = -(-self.n_sources // LANES) * LANES
        self.stride = at_c + self.n_rows
        rng = np.random.default_rng(0)
        record = _core.aligned_zeros(depth * self.stride, "float32").reshape(depth, self.stride)
        record[:] = rng.normal(size=record.shape)
        self.Z, self.C = record[:, : self.n_sources], record[:, at_c:]
        self.G = _core.aligned_zeros(self.n_sources * self.n_rows, "float32")
        self.G = self.G.reshape(self.n_sources, self.n_rows)

    def own(self, n_sources: int) -> Call:
        """The kernel, over so many of the sources."""
        G, Z, C = (array.ctypes.data for array in (self.G, self.Z, self.C))
        sizes = [n_sources, self.n_rows, self.n_rows, self.depth]
        if has_kernel("product"):
            name, strides = "product", [self.n_rows, self.n_rows, self.stride, 1, self.stride]
        else:
            name, strides = "rank_update", [self.stride]
        types = [POINTER] * 5 + [INTEGER] * (len(sizes) + len(strides))
        function = kernel(name, "float32", *types)
        return lambda: function(G, G, None, Z, C, *sizes, *strides)

    def blas(self, n_sources: int) -> Call:
        """BLAS, whose matrices are columns: G^T += C^T Z."""
        function, at = blas_product(), ctypes.byref
        rows, sources, depth, stride = (
            at(ctypes.c_int(size)) for size in (self.n_rows, n_sources, self.depth, self.stride)
        )
        one = at(ctypes.c_float(1))
        G, Z, C = (array.ctypes.data for array in (self.G, self.Z, self.C))
        return lambda: function(
            b"N", b"T", rows, sources, depth, one, C, stride, Z, stride, one, G, rows
        )

    def check(self, name: str, call: Call) -> None:
        """Raise Mismatch unless the call adds the product to G."""
        self.G[:] = 1
        call()
        wanted = 1 + np.float64(self.Z).T @ np.float64(self.C)
        compare(f"{name}, {self.G.shape}, depth {self.depth}", self.G, wanted)


def measure_products(settings: Settings) -> list[dict[str, Any]]:
    """Microseconds a product, by kernel and by BLAS, for every shape."""
    idle = Record(SIZES[0], DEPTHS[0])
    calls = {OWN: idle.own(0), BLAS: idle.blas(0)}
    empty = alternate({name: _repeated(call, settings) for name, call in calls.items()}, settings)
    records = []
    for n_cells in settings.sizes(SIZES):
        for depth in DEPTHS:
            record = Record(n_cells, depth)
            calls = {OWN: record.own(record.n_sources), BLAS: record.blas(record.n_sources)}
            for name, call in calls.items():
                record.check(name, call)
            works = {name: _repeated(call, settings) for name, call in calls.items()}
            labels = {"n_cells": n_cells, "n_sources": record.n_sources, "n_rows": record.n_rows}
            labels |= {"depth": depth}
            for name, timing in alternate(works, settings).items():
                us = max(timing.median - empty[name].median, 1e-3)
                record_of = timing.record(learner=name, **labels, call_us=empty[name].median)
                records.append(record_of | {"us": us})
    return records


def _repeated(call: Call, settings: Settings) -> Work:
    def function(repeats: int) -> None:
        for _ in range(repeats):
            call()

    return repeated(function, settings)


if __name__ == "__main__":
    seconds, repeats, largest = sys.argv[1:]
    given = Settings(seconds=float(seconds), repeats=int(repeats), largest=int(largest))
    print(json.dumps(measure_products(given)))
