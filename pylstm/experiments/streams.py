"""Trials of continual tasks: how far a network comes before its first wrong output.

The protocol of Gers, Schmidhuber & Cummins (2000) and Gers, Schraudolph & Schmidhuber (2002): see
`Streams` in stop.py. Networks learn side by side, though each of their streams ends where its own
network is wrong: none waits for another, and where a trial is over the next one begins.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pylstm._core import BEGINS, ENDS, RESETS, Courses
from pylstm.experiments.row import Reading, Row
from pylstm.experiments.stop import Streams
from pylstm.experiments.trial import Curve, OnProgress, Progress, Result, generators
from pylstm.network import LSTM
from pylstm.population import Population
from pylstm.tasks import Continual

__all__ = ["run_streams"]

Array = npt.NDArray[np.int64]


def run_streams(
    row: Row,
    reading: Reading,
    trials: Sequence[int],
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Iterator[Result]:
    """Run trials of one reading of a row whose task is continual.

    Parameters and what is yielded are those of `run_trials`; of trials that are more than learn
    side by side the others begin as soon as there is room. A rate that falls starts anew with every
    training stream.

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
    assert isinstance(row.stop, Streams)
    assert isinstance(row.task, Continual)
    n_together = row.side_by_side(reading)
    waiting = [_Trial(row, seed, trial) for trial in trials[n_together:]]
    live = dict(enumerate(_Trial(row, seed, trial) for trial in trials[:n_together]))
    nets = row.group(reading, [trial.weights for trial in live.values()])
    assert isinstance(nets, Population)
    courses = Courses(
        nets, row.task.tolerance, row.stop.training, row.stop.test, 2 * row.stop.every
    )
    for k, trial in live.items():
        trial.begin(courses, k, nets.dtype)
    while live:
        start = time.perf_counter()
        ended = courses.run(list(live))
        over = [k for k, (lengths, diverged) in ended.items() if live[k].give(lengths, diverged)]
        seconds = (time.perf_counter() - start) / len(live)
        for trial in live.values():
            trial.seconds += seconds
        for k in over:
            yield live.pop(k).result(nets[k])
            if waiting:
                live[k] = waiting.pop(0)
                net = row.network(reading, seed=live[k].weights)
                assert isinstance(net, LSTM)
                nets[k] = net
                live[k].begin(courses, k, nets.dtype)
        if on_progress is not None:
            on_progress({trial.trial: trial.progress for trial in live.values()})


class _Trial:
    """One trial on its way."""

    def __init__(self, row: Row, seed: int, trial: int) -> None:
        assert isinstance(row.stop, Streams)
        assert isinstance(row.task, Continual)
        self.trial, self._rule, self._task, self._limit = trial, row.stop, row.task, row.limit
        self.weights, *self._drawn = generators(row.name, seed, trial)
        self.progress, self.seconds = Progress(0, 1.0), 0.0
        self._curve, self._lengths = Curve(row.stop.every), list[int]()
        self._n_streams = 0
        self._success: int | None = None
        self._score = 0.0
        self._protocol = self._streams()
        self._answering = False

    def begin(self, courses: Courses, k: int, dtype: npt.DTypeLike) -> None:
        """Begin as net k."""
        self._courses, self._k = courses, k
        courses.begin(k, *(_tape(self._task, rng, dtype) for rng in self._drawn))
        self._want(*next(self._protocol))

    def _want(self, answering: bool, n_streams: int) -> None:
        self._answering = answering
        self._courses.go_on(self._k, answering, n_streams)

    def _streams(self) -> Generator[tuple[bool, int], tuple[Array, Array], None]:
        """Ask for so many streams by turns, a test stream first or one to learn from; what comes
        back are the lengths of either that have ended."""
        rule, n_right, test_is_next = self._rule, 0, False
        while test_is_next or self._n_streams < self._limit:
            left = 2 * (self._limit - self._n_streams) + test_is_next
            learned, answered = yield test_is_next, min(left, 2 * rule.every)
            self._count(learned)
            is_right = rule.test in answered[-1:]
            n_right = 0 if not is_right else 1 if len(learned) else n_right + 1
            if n_right == rule.n_tests:
                self._success, self._score = self._n_streams, float(rule.test)
                return
            # by turns, but that a test stream without a wrong output is followed by another
            test_is_next = is_right or (len(learned) + len(answered)) % 2 != test_is_next
        scores: list[int] = []
        for _ in range(rule.n_tests):
            _, answered = yield True, 1
            scores += answered.tolist()
        self._score = float(np.mean(scores))

    def _count(self, learned: Array) -> None:
        """Put the lengths of training streams on the curve."""
        self._n_streams += len(learned)
        self._lengths += learned.tolist()
        while len(self._lengths) >= self._rule.every:
            self._curve.add(float(np.mean(self._lengths[: self._rule.every])), 0.0)
            del self._lengths[: self._rule.every]
            self.progress = Progress(self._n_streams, 1.0)

    def give(self, lengths: Array, diverged: bool) -> bool:
        """Hand over the lengths of the streams that have ended; say whether the trial is over."""
        by_turns = lengths[self._answering :: 2], lengths[not self._answering :: 2]
        if diverged:
            self._count(by_turns[0])
            return True
        try:
            self._want(*self._protocol.send(by_turns))
        except StopIteration:
            return True
        return False

    def result(self, net: LSTM) -> Result:
        """Give the result, of a trial that is over."""
        parameters = {name: view.tolist() for name, view in net.parameters.items()}
        return Result(
            trial=self.trial,
            success=self._success,
            n_sequences=self._n_streams,
            marks={"length": self._score},
            wrong=None,
            error=None,
            seconds=self.seconds,
            curve={"every": self._curve.every, "length": self._curve.error},
            weights=None if self._success is None else parameters,
        )


def _tape(
    task: Continual, rng: np.random.Generator, dtype: npt.DTypeLike
) -> Iterator[tuple[npt.NDArray[np.generic], npt.NDArray[np.generic], npt.NDArray[np.uint8]]]:
    """Parts of a task one behind the other, drawn many at a time.

    Every stream begins where a part does that no other has seen, and goes on as far as it goes.
    Most streams end after a few steps: to draw the parts of each by itself would take far longer
    than to learn them.
    """
    for piece in task.pieces(rng):
        marks = np.zeros(piece.n_steps, np.uint8)
        marks[task.beginnings(piece)] |= BEGINS
        marks[task.resets(piece)] |= RESETS
        marks[piece.ends] |= ENDS
        X = piece.X if task.tokens else piece.X.astype(dtype, copy=False)
        yield X, piece.targets.astype(dtype, copy=False), marks
