"""Tables and runs of the command line for the tests of the stream."""

import csv
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np

from pylstm.cli import main
from pylstm.tabular import Session


def wavy_table(n_rows, seed=0, missing=0.0):
    """Columns load and wind: two rhythms and noise; cells missing at random, told as "" or NA."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_rows)
    wind = np.sin(t / 7) + 0.2 * rng.normal(size=n_rows)
    load = 50 + 10 * np.sin(2 * np.pi * t / 24) + 3 * wind + rng.normal(size=n_rows)
    table = np.stack([load, wind], axis=1)
    table[rng.random(table.shape) < missing] = np.nan
    return table


def write_csv(path, header, rows):
    """Write numbers so that they are read back exactly, NaN as a missing cell."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for k, row in enumerate(rows):
            gap = ("", "NA")[k % 2]
            writer.writerow([gap if np.isnan(cell) else repr(float(cell)) for cell in row])
    return str(path)


def read_predictions(path):
    """Rows predicted and predictions, NaN where there is none."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["row", "prediction"]
    numbers = [float(row["prediction"] or "nan") for row in rows]
    return np.array([int(row["row"]) for row in rows]), np.array(numbers)


def stream(*args):
    """Run ``pylstm stream`` in this process; return its exit code."""
    try:
        return main(["stream", "--no-progress", *map(str, args)])
    except SystemExit as stop:
        return stop.code


@contextmanager
def interruptible():
    """Processes started here are interrupted by SIGINT, even where it arrives ignored.

    A script's background job ignores it, and so would its children; a handler of Python's they do
    not inherit.
    """
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def running_pylstm(*args):
    """``pylstm`` as a process with pipes, killed after a minute so that no test can hang."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-m", "pylstm", *map(str, args)]
    buffered = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}
    with interruptible(), subprocess.Popen(command, text=True, env=buffered, **pipes) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def forecasts_of(session, table, target=0):
    """Feed a session a whole table; return its forecast at every row."""
    inputs = [k for k in range(table.shape[1]) if k != target]
    return np.array([session.update(row[inputs], row[target]) for row in table])


def same_but_for_the_file(one, other):
    """Whether two saved sessions are the same, but for the table that rows came from last."""
    sessions = [Session.load(path) for path in (one, other)]
    for session in sessions:
        session.position = session.output = None
    return sessions[0].to_bytes() == sessions[1].to_bytes()
