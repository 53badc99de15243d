"""``python -m bench.resident N ...``: resident memory in KiB after N, ... learning steps, as JSON.

A program of its own, so that nothing but learning has happened in its process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.task import RunLearner, make_task

__all__ = ["N_CELLS", "PIECE", "resident_kib"]

N_CELLS, PIECE = 4, 1000


def resident_kib() -> int:
    """Resident memory of this process; where /proc is missing, the most it ever was."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most // 1024 if sys.platform == "darwin" else most
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _after(lengths: Iterable[int]) -> Iterator[int]:
    """Learn in pieces up to each length, and weigh."""
    task = make_task(N_CELLS, n_steps=PIECE)
    learner = RunLearner(task)
    n_done = 0
    for length in lengths:
        while n_done < length:
            learner.learn((task.X, task.targets))
            n_done += PIECE
        yield resident_kib()


if __name__ == "__main__":
    print(json.dumps(list(_after(map(int, sys.argv[1:])))))
