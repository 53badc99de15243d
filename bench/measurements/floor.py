"""What a learning step cannot go below on this machine, and how near it comes.

float32, forget gates, update at every step. W, 4 bytes a weight, and E, three traces for four
weights, 3 bytes a weight, must be read once: 7 bytes a weight, in whatever level of the caches they
fit. Multiply-adds a weight: 1 for the net input, 2 * 3/4 for the traces, 1 for the update: 3.5. The
floor is the longer of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.kernels import INTEGER, NUMBER, POINTER, kernel
from bench.reference import check_learning, compare
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import Array, RunLearner, make_task
from bench.threads import Crew, own_threads, tell_own_threads
from bench.timing import Work, alternate, learning, repeated
from pylstm import _core

__all__ = ["measure_floor"]

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
SHARED_FROM = 128  # cells from which on several threads are tried
READ_BYTES, MULTIPLY_ADDS = 7, 3.5
LINE = 64
SMALLEST = 4096  # a smaller footprint is read no faster: the loop itself would be measured
CHAINS = (3, 6, 12)  # of multiply_add_lines
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
USUAL_CACHES = {"L1": 32 << 10, "L2": 1 << 20, "L3": 32 << 20}


class Lines:
    """Whole cache lines of ones: at least so many bytes, divided among so many threads."""

    def __init__(self, n_bytes: int, n_threads: int, dtype: str = "float32") -> None:
        lanes = LINE // np.dtype(dtype).itemsize
        self.per_thread = -(-n_bytes // (LINE * n_threads))
        self.n_bytes = self.per_thread * n_threads * LINE
        numbers = _core.aligned_zeros(self.per_thread * n_threads * lanes, dtype)
        numbers[:] = 1
        self.parts: list[Array] = list(numbers.reshape(n_threads, self.per_thread, lanes))
        self.sums = [np.zeros(lanes, dtype) for _ in range(n_threads)]
        self.crew = Crew(n_threads)
        self.dtype = dtype

    def read(self, repeats: int) -> None:
        function = kernel("read_lines", self.dtype, POINTER, POINTER, INTEGER, INTEGER)
        self.crew(
            [
                partial(function, part.ctypes.data, total.ctypes.data, self.per_thread, repeats)
                for part, total in zip(self.parts, self.sums, strict=True)
            ]
        )

    def scale(self, repeats: int, factor: float = -1.0) -> None:
        function = kernel("scale_lines", self.dtype, POINTER, INTEGER, INTEGER, NUMBER)
        self.crew(
            [
                partial(function, part.ctypes.data, self.per_thread, repeats, factor)
                for part in self.parts
            ]
        )

    def multiply_add(self, repeats: int, factor: float = -1.0, addend: float = 0.5) -> None:
        function = kernel(
            "multiply_add_lines", self.dtype, POINTER, INTEGER, INTEGER, NUMBER, NUMBER
        )
        self.crew(
            [
                partial(function, part.ctypes.data, self.per_thread, repeats, factor, addend)
                for part in self.parts
            ]
        )


def measure_floor(settings: Settings) -> Result:
    """A learning step beside its floors, measured: reading its weights, and its arithmetic."""
    check_kernels()
    counts = sorted({1, settings.threads})
    try:
        peaks, peak_records = measure_peaks(counts, settings)
        levels, level_records = measure_levels(counts, settings)
        steps, step_records = measure_steps(peaks, settings)
    finally:
        tell_own_threads(settings.threads)
    columns = ["threads", "float32", "float64"]
    rows = [[n, *(peaks[dtype, n] / 1e3 for dtype in ("float32", "float64"))] for n in counts]
    peak_table = Table("Multiply-adds, in thousands of millions a second", columns, rows)
    records = peak_records + level_records + step_records
    return Result([levels, peak_table, steps], records, notes=_crowded(level_records))


def _crowded(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """A warning where the threads did not get a core each."""
    had, wanted = min((r["cores"] / r["threads"], r["threads"]) for r in records)
    if had > 0.8:
        return []
    return [
        f"The machine was busy with something else: {wanted} threads had {had * wanted:.2f} cores; "
        "these floors are too high."
    ]


def check_kernels() -> None:
    """The measuring loops do what they are said to: nothing is left out."""
    lines = Lines(3 * LINE * 6, 1)
    (numbers,) = lines.parts
    numbers[:] = np.random.default_rng(0).uniform(0.5, 1, numbers.shape)
    start = np.float64(numbers)
    lines.read(5)
    compare("read_lines", lines.sums[0], 5 * start.sum(0))
    lines.scale(3, -0.5)
    compare("scale_lines", numbers, -0.125 * start)
    for n_lines in CHAINS:
        chains = Lines(n_lines * LINE, 1)
        chains.multiply_add(3, 0.5, 2.0)
        compare("multiply_add_lines", chains.parts[0], np.full((n_lines, 16), 3.625))


def measure_peaks(
    counts: list[int], settings: Settings
) -> tuple[dict[tuple[str, int], float], list[dict[str, Any]]]:
    """Multiply-adds a microsecond by (dtype, threads), the best number of chains; and records."""
    peaks: dict[tuple[str, int], float] = {}
    records = []
    for dtype in ("float32", "float64"):
        for n_threads in counts:
            works = {}
            for chains in CHAINS:
                lines = Lines(chains * LINE * n_threads, n_threads, dtype)
                works[str(chains)] = repeated(lines.multiply_add, settings)
            for chains, timing in alternate(works, settings).items():
                work = int(chains) * LINE // np.dtype(dtype).itemsize * n_threads
                rate = work / timing.median
                peaks[dtype, n_threads] = max(rate, peaks.get((dtype, n_threads), 0.0))
                labels = {"what": "multiply-adds", "dtype": dtype, "chains": int(chains)}
                records.append(
                    timing.record(**labels, threads=n_threads, multiply_adds_per_us=rate)
                )
    return peaks, records


def measure_levels(counts: list[int], settings: Settings) -> tuple[Table, list[dict[str, Any]]]:
    """GB/s of reading, and of reading and writing, in every level of memory."""
    rows, records = [], []
    for level, n_bytes in footprints(settings).items():
        row: list[Any] = [level, n_bytes / 1024]
        for n_threads in counts:
            works = bandwidth(n_bytes, n_threads, settings)
            for what, timing in alternate(works, settings).items():
                rate = n_bytes / timing.median / 1e3
                row.append(rate)
                labels = {"what": what, "level": level, "n_bytes": n_bytes, "threads": n_threads}
                records.append(timing.record(**labels, gb_per_s=rate))
        rows.append(row)
    columns = ["level", "KiB"]
    for n_threads in counts:
        threads = "1 thread" if n_threads == 1 else f"{n_threads} threads"
        columns += [f"read, {threads}", f"changed, {threads}"]
    note = (
        "Read: summed. Changed: read and written, so many bytes each way. Footprints are half a "
        "cache, for memory four times the last one; several threads divide them."
    )
    return Table("Memory, GB/s", columns, rows, note), records


def measure_steps(
    peaks: Mapping[tuple[str, int], float], settings: Settings
) -> tuple[Table, list[dict[str, Any]]]:
    """`run` and reading as many bytes in turns, for every size."""
    rows, records = [], []
    for n_cells in settings.sizes(SIZES):
        task = make_task(n_cells)
        check_learning({"run": RunLearner}, task)
        n_bytes = READ_BYTES * task.n_weights
        for n_threads in own_threads(settings.threads):
            if n_threads > 1 and n_cells < SHARED_FROM:
                continue
            tell = partial(tell_own_threads, n_threads)
            tell()
            lines = Lines(max(n_bytes, SMALLEST), n_threads)
            works = {"run": learning(RunLearner(task), task, settings, tell)}
            works["read"] = repeated(lines.read, settings)
            timings = alternate(works, settings)
            run, read_us = timings["run"], timings["read"].median * n_bytes / lines.n_bytes
            arithmetic_us = MULTIPLY_ADDS * task.n_weights / peaks["float32", n_threads]
            floor_us = max(read_us, arithmetic_us)
            rows.append([n_cells, task.n_weights, n_threads, n_bytes / 1024, read_us])
            rows[-1] += [arithmetic_us, run.median, run.median / floor_us]
            rows[-1] += [f"{100 * floor_us / run.median:.0f} %"]
            labels = {"what": "step", "n_cells": n_cells, "n_weights": task.n_weights}
            labels |= {"threads": n_threads, "read_us": read_us, "arithmetic_us": arithmetic_us}
            records.append(run.record(**labels, floor_us=floor_us))
    columns = ["cells", "weights", "threads", "W and E, KiB", "reading them, us"]
    columns += ["multiply-adds, us", "run, us", "to the longer", "reached"]
    note = (
        f"Reading: {READ_BYTES} bytes a weight, W and E once, at the bandwidth of that footprint, "
        f"timed in turns with `run`; {MULTIPLY_ADDS} multiply-adds a weight at the peak above."
    )
    return Table("A learning step and its two floors", columns, rows, note), records


def bandwidth(n_bytes: int, n_threads: int, settings: Settings) -> dict[str, Work]:
    """Going over so many bytes, as `read` and as `changed`."""
    lines = Lines(n_bytes, n_threads)
    return {
        "read": repeated(lines.read, settings),
        "changed": repeated(lines.scale, settings),
    }


def footprints(settings: Settings) -> dict[str, int]:
    """Bytes that fit each level of memory."""
    caches = dict(USUAL_CACHES)
    for folder in sorted(CACHES.glob("index*")) if CACHES.exists() else ():
        level, kind, size = (
            (folder / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction" and size.endswith("K"):
            caches[f"L{level}"] = int(size[:-1]) << 10
    found = {name: size // 2 for name, size in caches.items()}
    if not settings.quick:
        found["memory"] = 4 * max(caches.values())
    return found
