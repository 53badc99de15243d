"""Resident memory after streams of growing length."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.machine import ROOT
from bench.reference import check_learning
from bench.report import Result, Table
from bench.resident import N_CELLS, PIECE
from bench.settings import Settings
from bench.task import RunLearner, make_task

__all__ = ["measure_memory"]


def measure_memory(settings: Settings) -> Result:
    """Resident memory after 10^3, 10^5 and 10^7 learning steps: it does not grow."""
    check_learning({"run": RunLearner}, make_task(N_CELLS))
    lengths = [10**3, 10**5, 10**6 if settings.quick else 10**7]
    command = [sys.executable, "-m", "bench.resident", *map(str, lengths)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = dict(zip(lengths, json.loads(done.stdout), strict=True))
    title = f"Resident memory of a process that learns, {N_CELLS} cells"
    columns = ["steps", "resident, KiB", "more than at first, KiB"]
    rows = [[n_steps, kib, kib - found[lengths[0]]] for n_steps, kib in found.items()]
    note = f"Python, NumPy and SciPy included; `run` in pieces of {PIECE:,} steps."
    records = [{"n_steps": n_steps, "kib": kib} for n_steps, kib in found.items()]
    return Result([Table(title, columns, rows, note)], records)
