"""A stream stopped over and over, in every way: ``pylstm stream --resume``, started again.

Whatever moment a kill falls into, starting, learning, writing a file, renaming it, the last run
must end with the session and the predictions that a run nobody disturbed ends with, byte by byte.
So must a run that ends in any other way: by a signal, a bad row, a full disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pylstm.tabular import Session

__all__ = ["WAYS_OUT", "Outcome", "end_and_resume", "kill_and_resume", "write_table"]


@dataclass
class Outcome:
    """What the kills met.

    Parameters
    ----------
    same : list of bool
        For every time the table was gone through to its end: whether the session saved there, and
        the predictions, are those of the undisturbed run, byte by byte.
    rows : list of int
        Rows the session had taken in after each kill, 0 where none was saved yet.
    left : list of int
        Half-written files beside the session after each kill.
    n_files : int
        Files in the folder at the end, the session and the predictions among them.
    """

    same: list[bool] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    n_files: int = 0


def write_table(path: Path, n_rows: int, seed: int = 0) -> None:
    """A column with a rhythm and noise, and gaps."""
    rng = np.random.default_rng(seed)
    values = np.sin(np.arange(n_rows) / 5) + 0.1 * rng.normal(size=n_rows)
    lines = [repr(float(value)) if rng.random() > 0.05 else "NA" for value in values]
    path.write_text("\n".join(["value", *lines, ""]))


class _Run:
    """One way through a table: where its session and its predictions are."""

    def __init__(self, table: Path, folder: Path, save_every: int) -> None:
        folder.mkdir()
        self.table, self.folder, self.save_every = table, folder, save_every
        self.session = folder / "session.safetensors"
        self.predictions = folder / "predictions.csv"

    def start(
        self, predictions: str | None = None, limit: int | None = None
    ) -> subprocess.Popen[str]:
        """Start or go on; `limit`: no file may be larger, as on a disk that is full."""
        options = ["--target", "value", "--horizon", "2", "--cells", "2", "--no-progress"]
        options += ["--resume", str(self.session), "--save-every", str(self.save_every)]
        options += ["--interval", "0.9", "--predictions", predictions or str(self.predictions)]
        command = [sys.executable, "-m", "pylstm", "stream", str(self.table), *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, preexec_fn=_preparation(limit), **pipes)

    def parts(self) -> list[bytes]:
        """Return what is compared."""
        return [self.session.read_bytes(), self.predictions.read_bytes()]


def _preparation(limit: int | None) -> Callable[[], None]:
    def prepare() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # a background job ignores some
        if limit is not None:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return prepare


def kill_and_resume(
    folder: Path, n_kills: int, n_rows: int, save_every: int = 1, seed: int = 0
) -> Outcome:
    """Kill a streaming process at random moments, and go on, n_kills times.

    Parameters
    ----------
    folder : Path
        Empty; the table and the sessions are written here.
    n_kills, n_rows, save_every, seed : int
        One kill in four falls into the start of the process, or soon after; one in three into the
        middle of a save; the others come while rows are taken in, about n_rows / n_kills of them
        between two kills. A process that is faster than its kill has come to the end of the table:
        the next one begins anew.

    Returns
    -------
    Outcome
    """
    rng = np.random.default_rng(seed)
    table = folder / "table.csv"
    write_table(table, n_rows, seed)
    whole, killed = (_Run(table, folder / name, save_every) for name in ("whole", "killed"))
    start = time.perf_counter()
    process = whole.start()
    _wait_for_a_save(process, whole.session)
    starting = time.perf_counter() - start
    _end(process)
    between = (time.perf_counter() - start - starting) / n_kills
    outcome = Outcome()
    while len(outcome.rows) < n_kills:
        process, moment = killed.start(), rng.random()
        if moment < 0.25:
            time.sleep(1.2 * rng.random() * starting)
        else:
            _wait_for_a_save(process, killed.session)
            time.sleep(2 * rng.random() * between)
            if moment < 0.6:
                _wait_for_half_a_file(process, killed.folder)
        process.kill()
        if _end(process):
            there = killed.session.exists()
            outcome.rows.append(Session.load(killed.session).n_rows if there else 0)
            outcome.left.append(len(list(killed.folder.glob(".*.tmp"))))
        else:
            outcome.same.append(killed.parts() == whole.parts())
            killed.session.unlink()
    _end(killed.start())
    outcome.same.append(killed.parts() == whole.parts())
    outcome.n_files = len(list(killed.folder.iterdir()))
    return outcome


# ---------------------------------------------------------------- other ways out


def _by_signal(name: str) -> Callable[[_Run, np.random.Generator], tuple[int, int]]:
    def end(run: _Run, rng: np.random.Generator) -> tuple[int, int]:
        process = run.start()
        _wait_for_a_save(process, run.session)
        time.sleep(0.3 * rng.random())
        number = getattr(signal, name)
        process.send_signal(number)
        process.communicate()
        return process.returncode, 128 + number

    return end


def _by_bad_row(run: _Run, rng: np.random.Generator) -> tuple[int, int]:
    good = run.table.read_text()
    lines = good.splitlines(keepends=True)
    lines[rng.integers(5, len(lines))] = ["x\n", "1,2\n", '"1\n', "\0\0\n"][rng.integers(4)]
    run.table.write_text("".join(lines))
    process = run.start()
    process.communicate()
    run.table.write_text(good)
    return process.returncode, 2


def _by_full_disk(run: _Run, rng: np.random.Generator) -> tuple[int, int]:
    process = run.start(limit=int(rng.integers(44_000, 100_000)))
    process.communicate()
    return process.returncode, 2


def _by_closed_pipe(run: _Run, rng: np.random.Generator) -> tuple[int, int]:
    process = run.start(predictions="-")
    assert process.stdout is not None
    for _ in range(rng.integers(1, 200)):
        process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.read()
    process.stderr.close()
    return process.wait(), 141


WAYS_OUT: dict[str, Callable[[_Run, np.random.Generator], tuple[int, int]]] = {
    "SIGINT": _by_signal("SIGINT"),
    "SIGTERM": _by_signal("SIGTERM"),
    "SIGHUP": _by_signal("SIGHUP"),
    "bad row": _by_bad_row,
    "full disk": _by_full_disk,
    "closed pipe": _by_closed_pipe,
}


def end_and_resume(folder: Path, way: str, n_times: int, n_rows: int, seed: int = 0) -> list[str]:
    """End a stream in a way of `WAYS_OUT`, go on to the end of the table, n_times.

    Parameters
    ----------
    folder : Path
        Empty.
    way : str
    n_times, n_rows, seed : int

    Returns
    -------
    list of str
        What each time went wrong: nothing, where the code was the one of that way out (or 0, where
        the table ended before), and the files at the end are those of a run nobody disturbed.
    """
    rng = np.random.default_rng(seed)
    table = folder / "table.csv"
    write_table(table, n_rows, seed)
    whole = _Run(table, folder / "whole", 10**9)
    _end(whole.start())
    found = []
    for k in range(n_times):
        run = _Run(table, folder / f"run {k}", 50)
        code, wanted = WAYS_OUT[way](run, rng)
        if code not in (0, wanted):
            found.append(f"code {code}, wanted {wanted}")
            continue
        to_stdout = way == "closed pipe"
        process = run.start(predictions="-" if to_stdout else None)
        _, said = process.communicate()
        if process.returncode:
            found.append(f"going on ended with {process.returncode}: {said}")
        elif to_stdout:
            sessions = [Session.load(one.session) for one in (run, whole)]
            for session in sessions:
                session.output = None
            same = sessions[0].to_bytes() == sessions[1].to_bytes()
            found.append("" if same else "another session")
        else:
            pairs = zip(run.parts(), whole.parts(), ("session", "predictions"), strict=True)
            found.append(", ".join(f"other {what}" for one, two, what in pairs if one != two))
    return found


def _end(process: subprocess.Popen[str]) -> bool:
    """Wait for the end; whether it was killed."""
    _, said = process.communicate()
    if process.returncode > 0:
        raise RuntimeError(f"the stream ended with {process.returncode}: {said}")
    return process.returncode != 0


def _wait_for_a_save(process: subprocess.Popen[str], session: Path) -> None:
    """Wait until this process has written the session, or ended."""
    before = _when_written(session)
    while process.poll() is None and _when_written(session) == before:
        time.sleep(0.0005)


def _wait_for_half_a_file(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until this process is writing the session, or ended."""
    while process.poll() is None:
        if any(name.endswith(".tmp") for name in os.listdir(folder)):
            return


def _when_written(session: Path) -> int:
    try:
        return session.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
