"""Trials of continual tasks: how far a network comes before its first wrong output.

The protocol of Gers, Schmidhuber & Cummins (2000) and Gers, Schraudolph & Schmidhuber (2002): see
`Streams` in stop.py. Where each stream ends depends on its network, so they do not learn side by
side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from pylstm.experiments.row import Reading, Row
from pylstm.experiments.stop import Streams
from pylstm.experiments.trial import Curve, OnProgress, Progress, Result, generators
from pylstm.network import LSTM
from pylstm.optimizers import RMSprop
from pylstm.tasks import Continual

__all__ = ["run_streams"]


def run_streams(
    row: Row,
    reading: Reading,
    trials: Sequence[int],
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Iterator[Result]:
    """Run trials of one reading of a row whose task is continual.

    Parameters and what is yielded are those of `run_trials`. A rate that falls starts anew with
    every training stream.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from pylstm.experiments import ROWS
    >>> from pylstm.experiments.streams import run_streams
    >>> row = replace(ROWS["2000-cerg-forget"], max_sequences=20)   # stop long before success
    >>> [result] = run_streams(row, row.readings[0], trials=[0])
    >>> result.success, result.n_sequences, 0 < result.marks["length"] < 1000
    (None, 20, True)
    """
    row = row.under(reading)
    for trial in trials:
        yield from _run_trial(row, reading, trial, seed, on_progress)
        if on_progress is not None:
            on_progress({})


def _run_trial(
    row: Row, reading: Reading, trial: int, seed: int, on_progress: OnProgress | None
) -> Iterator[Result]:
    start = time.perf_counter()
    rule, task = row.stop, row.task
    assert isinstance(rule, Streams)
    assert isinstance(task, Continual)
    weights, training, test = generators(row.name, seed, trial)
    net = row.network(reading, seed=weights)
    assert isinstance(net, LSTM)
    optimizer = net.optimizer
    curve, success, n_streams = Curve(rule.every), None, 0
    lengths: list[int] = []
    try:
        while n_streams < row.limit and success is None:
            if optimizer.schedule is not None:
                net.optimizer = RMSprop()  # another class: the updates are counted anew
                net.optimizer = optimizer
            lengths.append(_length(net, task, training, rule.training, learning=True))
            n_streams += 1
            if len(lengths) == rule.every:
                curve.add(float(np.mean(lengths)), 0.0)
                lengths.clear()
                if on_progress is not None:
                    on_progress({trial: Progress(n_streams, 1.0)})
            if all(
                _length(net, task, test, rule.test, learning=False) == rule.test
                for _ in range(rule.n_tests)
            ):
                success = n_streams
        score = float(rule.test)
        if success is None:
            tests = [_length(net, task, test, rule.test, False) for _ in range(rule.n_tests)]
            score = float(np.mean(tests))
    except FloatingPointError:
        score = 0.0
    parameters = {name: view.tolist() for name, view in net.parameters.items()}
    yield Result(
        trial=trial,
        success=success,
        n_sequences=n_streams,
        marks={"length": score},
        wrong=None,
        error=None,
        seconds=time.perf_counter() - start,
        curve={"every": curve.every, "length": curve.error},
        weights=None if success is None else parameters,
    )


def _length(net: LSTM, task: Continual, rng: np.random.Generator, most: int, learning: bool) -> int:
    """How much of a fresh stream, in what the task counts, is right before the first wrong."""
    net.reset()
    n_counted = 0
    for piece in task.pieces(rng):
        if n_counted + len(piece) > most:
            piece = piece[: most - n_counted]
        parts = [0, *task.resets(piece).tolist(), piece.n_steps]
        for begin, end in pairwise(parts):
            if begin > 0:
                net.reset()
            steps = slice(begin, end)
            n_right = net._run_until_wrong(
                piece.X[steps], piece.targets[steps], task.tolerance, learning
            )
            if begin + n_right < end:
                return n_counted + int((np.cumsum(piece.lengths) <= begin + n_right).sum())
        n_counted += len(piece)
        if n_counted == most:
            break
    return most
