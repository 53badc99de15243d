"""Trials of continual tasks: how far a network comes before its first wrong output.

The protocol of Gers, Schmidhuber & Cummins (2000) and Gers, Schraudolph & Schmidhuber (2002): see
`Streams` in stop.py. Where each stream ends depends on its network, so they do not learn side by
side.
"""

from __future__ import annotations

import time
from bisect import bisect, bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pylstm.experiments.row import Reading, Row
from pylstm.experiments.stop import Streams
from pylstm.experiments.trial import Curve, OnProgress, Progress, Result, generators
from pylstm.network import LSTM
from pylstm.optimizers import RMSprop
from pylstm.tasks import Continual

__all__ = ["run_streams"]

# Parts looked ahead at first: networks are prepared for as many steps as they are given.
_REACH = 4


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
    weights, *drawn = generators(row.name, seed, trial)
    net = row.network(reading, seed=weights)
    assert isinstance(net, LSTM)
    training, test = (_Tape(task, rng, net.dtype) for rng in drawn)
    optimizer = net.optimizer
    curve, success, n_streams = Curve(rule.every), None, 0
    lengths: list[int] = []
    try:
        while n_streams < row.limit and success is None:
            if optimizer.schedule is not None:
                net.optimizer = RMSprop()  # another class: the updates are counted anew
                net.optimizer = optimizer
            lengths.append(training.run(net, rule.training, learning=True))
            n_streams += 1
            if len(lengths) == rule.every:
                curve.add(float(np.mean(lengths)), 0.0)
                lengths.clear()
                if on_progress is not None:
                    on_progress({trial: Progress(n_streams, 1.0)})
            if all(test.run(net, rule.test, False) == rule.test for _ in range(rule.n_tests)):
                success = n_streams
        score = float(rule.test)
        if success is None:
            tests = [test.run(net, rule.test, False) for _ in range(rule.n_tests)]
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


class _Tape:
    """Parts of a task one behind the other, drawn many at a time.

    Every stream begins where a part does that no other has seen, and goes on as far as it goes.
    Most streams end after a few steps: to draw the parts of each by itself would take far longer
    than to learn them.
    """

    def __init__(self, task: Continual, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        self._task, self._pieces, self._dtype = task, task.pieces(rng), dtype
        self._draw()

    def _draw(self) -> None:
        piece = next(self._pieces)
        self._X = piece.X if self._task.tokens else piece.X.astype(self._dtype)
        self._targets = piece.targets.astype(self._dtype)
        self._begins = [*self._task.beginnings(piece).tolist(), piece.n_steps]
        self._resets = [*self._task.resets(piece).tolist(), piece.n_steps]
        self._ends = np.cumsum(piece.lengths).tolist()
        self._at = 0

    def run(self, net: LSTM, most: int, learning: bool) -> int:
        """How many parts of a fresh stream are right before the first wrong output."""
        net.reset()
        n_parts, reach = 0, _REACH
        while n_parts < most:
            if self._at == self._ends[-1]:
                self._draw()
            part = bisect(self._ends, self._at)
            last = min(part + min(reach, most - n_parts), len(self._ends))
            if self._go_on(net, self._ends[last - 1], learning):
                return n_parts + bisect(self._ends, self._wrong_at) - part
            n_parts, reach = n_parts + last - part, 2 * reach
        self._leave(self._at)
        return most

    def _go_on(self, net: LSTM, end: int, learning: bool) -> bool:
        """Go on to a step, or to the first wrong output, `_wrong_at`; then leave the stream."""
        while self._at < end:
            k = bisect_left(self._resets, self._at)
            if self._resets[k] == self._at:
                net.reset()
                k += 1
            stop = min(self._resets[k], end)
            steps = slice(self._at, stop)
            n_right = net._run_until_wrong(
                self._X[steps], self._targets[steps], self._task.tolerance, learning
            )
            if self._at + n_right < stop:
                self._wrong_at = self._at + n_right
                self._leave(self._wrong_at + 1)
                return True
            self._at = stop
        return False

    def _leave(self, at: int) -> None:
        """Go to where the next stream may begin, from step `at` on."""
        self._at = self._begins[bisect_left(self._begins, at)]
