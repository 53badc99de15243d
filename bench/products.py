"""``python -m bench.products SECONDS REPEATS LARGEST``: our matrix product and BLAS, as JSON.

A program of its own, because BLAS must be told about one thread before it is imported. The product
is that of csrc/simd/product.inc,

    G = [G +] A^T B      A: (depth, n_sources), B: (depth, n_rows), G: (n_sources, n_rows)

in the shapes, and with the strides, that a network of so many cells gives it: a panel of rows at a
time where the network is large. Both are called through ctypes; the time of a call that has nothing
to do is taken off. Both have one thread, so that the time of the processor counts: it is that of
the product also where other programs want the core.
"""

from __future__ import annotations

import ctypes
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import pylstm
from bench.kernels import INTEGER, POINTER, blas_product, kernel
from bench.reference import compare
from bench.settings import Settings
from bench.task import make_task
from pylstm import _core

__all__ = ["BLAS", "DTYPES", "OWN", "SIZES", "Product", "Shape", "measure_products", "shapes"]

DTYPES = ("float32", "float64")
SIZES = (32, 64, 128, 256, 512)
OWN, BLAS = "kernel", "BLAS"

Call = Callable[[], object]


@dataclass(frozen=True)
class Shape:
    """A product of the engine: whose it is, its sizes, how far apart steps and sources lie."""

    work: str
    n_cells: int
    dtype: str
    n_sources: int
    n_rows: int
    depth: int
    a_step: int
    a_source: int
    b_step: int
    adds: bool


def shapes(n_cells: int, dtype: str) -> Iterator[Shape]:
    """The products of a network of so many cells with half as many inputs."""
    lanes = 64 // np.dtype(dtype).itemsize
    n_inputs = make_task(n_cells, n_steps=1).n_inputs
    net = pylstm.LSTM(n_inputs, 2, n_cells, dtype=dtype)
    sources, wide = n_inputs + n_cells + 1, -(-4 * n_cells // lanes) * lanes
    large = 4 * n_cells * sources >= _core.choose_large_from()
    panel = -(-n_cells // lanes) * lanes if large else wide
    row = _core.network_sizes(net._config(), _core.choose_large_from())["record_row"]
    coefs = wide + lanes
    for depth in (16, 100, 400):
        name = f"gradient, {depth} steps"
        yield Shape(name, n_cells, dtype, sources, panel, depth, row, 1, row, True)
    name = "gradient of 16 streams"
    yield Shape(name, n_cells, dtype, sources, panel, 128, row, 1, coefs, True)
    for streams in (16, 64):
        name = f"net inputs of {streams} streams"
        yield Shape(name, n_cells, dtype, streams, panel, sources, 1, row, panel, False)
    back = 4 * lanes if large else -(-n_cells // lanes) * lanes
    name = "errors of 16 streams back"
    yield Shape(name, n_cells, dtype, 16, back, wide, 1, coefs, back, False)
    cells = -(-n_cells // lanes) * lanes
    name = "errors of 100 steps to a layer below"
    yield Shape(name, n_cells, dtype, 100, cells, wide, 1, row, cells, False)


class Product:
    """A, B and G of a shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        rng = np.random.default_rng(0)
        n_of_a = (shape.depth - 1) * shape.a_step + (shape.n_sources - 1) * shape.a_source + 1
        self.A = _core.aligned_zeros(n_of_a, shape.dtype)
        self.A[:] = rng.normal(size=n_of_a)
        self.B = _core.aligned_zeros(shape.depth * shape.b_step, shape.dtype)
        self.B[:] = rng.normal(size=len(self.B))
        self.G = _core.aligned_zeros(shape.n_sources * shape.n_rows, shape.dtype)

    def own(self, n_sources: int) -> Call:
        """The kernel, over so many of the sources."""
        s, n_rows = self.shape, self.shape.n_rows
        G, A, B = (array.ctypes.data for array in (self.G, self.A, self.B))
        old = G if s.adds else None
        sizes = [n_sources, n_rows if s.adds else 0, n_rows, s.depth]
        sizes += [n_rows, n_rows, s.a_step, s.a_source, s.b_step]
        function = kernel("product", s.dtype, *[POINTER] * 5, *[INTEGER] * len(sizes))
        return lambda: function(G, old, None, A, B, *sizes)

    def blas(self, n_sources: int) -> Call:
        """BLAS, whose matrices are columns: G^T [+]= B^T A."""
        s, at = self.shape, ctypes.byref
        function = blas_product(s.dtype)
        lda = s.a_source if s.a_step == 1 else s.a_step
        sizes = [s.n_rows, n_sources, s.depth, s.b_step, lda]
        rows, sources, depth, ldb, lda_ = (at(ctypes.c_int(size)) for size in sizes)
        number = ctypes.c_float if s.dtype == "float32" else ctypes.c_double
        one, beta = at(number(1)), at(number(s.adds))
        G, A, B = (array.ctypes.data for array in (self.G, self.A, self.B))
        op = b"N" if s.a_step == 1 else b"T"
        return lambda: function(b"N", op, rows, sources, depth, one, B, ldb, A, lda_, beta, G, rows)

    def check(self, name: str, call: Call) -> None:
        """Raise Mismatch unless the call makes the product, or adds it to G."""
        s = self.shape
        self.G[:] = 1
        call()
        steps, sources = np.ogrid[: s.depth, : s.n_sources]
        A = self.A[steps * s.a_step + sources * s.a_source]
        B = self.B.reshape(s.depth, s.b_step)[:, : s.n_rows]
        wanted = float(s.adds) + np.float64(A).T @ np.float64(B)
        compare(f"{name}, {s}", self.G.reshape(s.n_sources, s.n_rows), wanted)


def measure_products(settings: Settings) -> list[dict[str, Any]]:
    """Microseconds a product, by kernel and by BLAS, for every shape."""
    idle = Product(next(shapes(SIZES[0], DTYPES[0])))
    calls = {OWN: idle.own(0), BLAS: idle.blas(0)}
    empty = {name: statistics.median(us) for name, us in _turns(calls, settings).items()}
    records = []
    for dtype in DTYPES:
        for n_cells in settings.sizes(SIZES):
            for shape in shapes(n_cells, dtype):
                product = Product(shape)
                calls = {OWN: product.own(shape.n_sources), BLAS: product.blas(shape.n_sources)}
                for name, call in calls.items():
                    product.check(name, call)
                product.G[:] = 0
                for name, turns in _turns(calls, settings).items():
                    us = max(statistics.median(turns) - empty[name], 1e-3)
                    record = asdict(shape) | {"learner": name, "us": us, "us_turns": turns}
                    records.append(record | {"call_us": empty[name]})
    return records


def _turns(calls: dict[str, Call], settings: Settings) -> dict[str, list[float]]:
    """Microseconds of the processor a call, in short turns, one call after the other in each."""
    short = 10  # turns instead of one
    turns: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(short * settings.repeats):
        for name, call in calls.items():
            n_calls, start = 0, time.process_time()
            while (spent := time.process_time() - start) <= settings.seconds / short:
                call()
                n_calls += 1
            turns[name].append(1e6 * spent / n_calls)
    return turns


if __name__ == "__main__":
    seconds, repeats, largest = sys.argv[1:]
    given = Settings(seconds=float(seconds), repeats=int(repeats), largest=int(largest))
    print(json.dumps(measure_products(given)))
