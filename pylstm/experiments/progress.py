"""Progress of jobs that run in other processes, told by small files in a folder all can reach.

Every job keeps one file there up to date, at most once a second; the process that waits for them
reads the files and moves bars. That works with whatever joblib runs the jobs on. When the folder
has gone nobody waits any longer, and the job ends: so Ctrl-C reaches jobs wherever they are.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pylstm.experiments.trial import Progress

__all__ = ["Abandoned", "Reporter", "bars", "board"]

_WRITE_EVERY = 1.0
_LOOK_EVERY = 0.5
_LONG = 3.0  # seconds after which a trial gets a bar


class Abandoned(Exception):
    """Nobody waits for this job any longer."""


@contextmanager
def board(folder: Path) -> Iterator[Path]:
    """Give a folder inside `folder` for the files of running jobs, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix=".running-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Reporter:
    """Keeps the file of one job up to date.

    Parameters
    ----------
    board : Path
        Folder of the files.
    file : str
        Name of this one, of its own for every job.
    name : str
        Of the job.
    limit : int
        Training sequences after which its trials end.
    """

    def __init__(self, board: Path, file: str, name: str, limit: int) -> None:
        self._path = board / f"{file}.json"
        self._name, self._limit = name, limit
        self._finished = 0
        self._next = time.monotonic()

    def finished(self) -> None:
        """Count a trial that has ended."""
        self._finished += 1

    def __call__(self, running: Mapping[int, Progress]) -> None:
        """Tell how far the running trials are.

        Raises
        ------
        Abandoned
        """
        if running and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _WRITE_EVERY
        tree = {
            "name": self._name,
            "limit": self._limit,
            "finished": self._finished,
            "running": {trial: (p.n_sequences, p.wrong) for trial, p in running.items()},
        }
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(tree))
            os.replace(temporary, self._path)
        except FileNotFoundError:
            raise Abandoned from None


@contextmanager
def bars(board: Path, n_trials: int) -> Iterator[None]:
    """Show bars on standard error meanwhile: one for all trials, one for each that takes long."""
    done = threading.Event()
    thread = threading.Thread(target=_draw_bars, args=(board, n_trials, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _draw_bars(board: Path, n_trials: int, done: threading.Event) -> None:
    from tqdm import tqdm

    total = tqdm(total=n_trials, desc="trials", unit="")
    bars_by_job: dict[str, Any] = {}
    since: dict[str, float] = {}
    last = False
    while not last:
        last = done.wait(_LOOK_EVERY)
        jobs = _read_jobs(board)
        total.update(sum(job["finished"] for job in jobs) - total.n)
        running = {
            f"{job['name']} trial {trial}": (job["limit"], *progress)
            for job in jobs
            for trial, progress in job["running"].items()
        }
        for name in bars_by_job.keys() - running.keys():
            bars_by_job.pop(name).close()
        for name, (limit, n_sequences, wrong) in running.items():
            if time.monotonic() - since.setdefault(name, time.monotonic()) < _LONG:
                continue
            if name not in bars_by_job:
                bars_by_job[name] = tqdm(
                    total=limit, initial=n_sequences, desc=name, unit=" sequences", leave=False
                )
            bars_by_job[name].set_postfix_str(f"{wrong:.0%} wrong", refresh=False)
            bars_by_job[name].update(n_sequences - bars_by_job[name].n)
    for bar in (*bars_by_job.values(), total):
        bar.close()


def _read_jobs(board: Path) -> list[dict[str, Any]]:
    jobs = []
    for path in sorted(board.glob("*.json")):
        try:
            jobs.append(json.loads(path.read_text()))
        except FileNotFoundError:  # the folder has just been removed
            continue
    return jobs
