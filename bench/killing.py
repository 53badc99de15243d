"""A stream killed over and over: ``pylstm stream --resume`` as a process, started again each time.

Whatever moment the kill falls into, starting, learning, writing a file, renaming it, the last run
must end with the file that a run nobody disturbed ends with, byte by byte.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pylstm.tabular import Session

__all__ = ["Outcome", "kill_and_resume", "write_table"]


@dataclass
class Outcome:
    """What the kills met.

    Parameters
    ----------
    same : list of bool
        For every time the table was gone through to its end: whether the session saved there is
        that of the undisturbed run, byte by byte.
    rows : list of int
        Rows the session had taken in after each kill, 0 where none was saved yet.
    left : list of int
        Half-written files beside the session after each kill.
    n_files : int
        Files in the folder at the end, the session among them.
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


def kill_and_resume(
    folder: Path, n_kills: int, n_rows: int, save_every: int = 1, seed: int = 0
) -> Outcome:
    """Kill a streaming process at random moments, and go on, n_kills times.

    Parameters
    ----------
    folder : Path
        Empty; the table and the sessions are written here.
    n_kills, n_rows, save_every, seed : int
        One kill in four falls into the start of the process, or soon after; the others come while
        rows are taken in, about n_rows / n_kills of them between two kills. A process that is
        faster than its kill has come to the end of the table: the next one begins anew.

    Returns
    -------
    Outcome
    """
    rng = np.random.default_rng(seed)
    table = folder / "table.csv"
    write_table(table, n_rows, seed)
    whole, killed = (folder / name / "session.safetensors" for name in ("whole", "killed"))
    for session in (whole, killed):
        session.parent.mkdir()
    start = time.perf_counter()
    process = _start(table, whole, save_every)
    _wait_for_a_save(process, whole)
    starting = time.perf_counter() - start
    _end(process)
    between = (time.perf_counter() - start - starting) / n_kills
    outcome = Outcome()
    while len(outcome.rows) < n_kills:
        process = _start(table, killed, save_every)
        if rng.random() < 0.25:
            time.sleep(1.2 * rng.random() * starting)
        else:
            _wait_for_a_save(process, killed)
            time.sleep(2 * rng.random() * between)
        process.kill()
        if _end(process):
            outcome.rows.append(Session.load(killed).n_rows if killed.exists() else 0)
            outcome.left.append(len(list(killed.parent.iterdir())) - killed.exists())
        else:
            outcome.same.append(killed.read_bytes() == whole.read_bytes())
            killed.unlink()
    _end(_start(table, killed, save_every))
    outcome.same.append(killed.read_bytes() == whole.read_bytes())
    outcome.n_files = len(list(killed.parent.iterdir()))
    return outcome


def _start(table: Path, session: Path, save_every: int) -> subprocess.Popen[str]:
    options = ["--target", "value", "--horizon", "2", "--cells", "8", "--no-progress"]
    options += ["--resume", str(session), "--save-every", str(save_every)]
    command = [sys.executable, "-m", "pylstm", "stream", str(table), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


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


def _when_written(session: Path) -> int:
    try:
        return session.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
