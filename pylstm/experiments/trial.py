"""Trials: networks that learn a row of the table from scratch, some of them side by side.

Trials of one group learn in turns, or at once where their method can: LSTM networks, up to sixteen,
in a `Population`. Each has starting weights, training sequences
and test sequences of its own, drawn from generators that depend on the seed, the row and the
number of the trial alone; and what a net computes does not depend on its neighbours. So a trial
ends the same in whatever group it runs. Readings of a row share the generators: they start from the
same weights, where they have them, and see the same sequences.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from pylstm.experiments.methods import METHODS, Group
from pylstm.experiments.row import Reading, Row
from pylstm.experiments.stop import (
    Answers,
    Examine,
    Learned,
    Mark,
    Recite,
    Streams,
    Train,
    Watch,
)
from pylstm.tasks import EmbeddedReber, Language, Sequences, Task

__all__ = ["Curve", "OnProgress", "Progress", "Result", "generators", "mean_length", "run_trials"]

Array = npt.NDArray[Any]

# What the sequences learned in one call may occupy, inputs, targets and outputs of sixteen trials.
_BYTES = 4 << 20

_CURVE_POINTS = 200


@dataclass
class Curve:
    """A learning curve: means over intervals of training sequences, which double when it is full.

    Parameters
    ----------
    every : int
        Training sequences a point stands for.
    error, wrong : list of float
        Mean absolute error and share of wrong sequences, a value an interval.

    Examples
    --------
    >>> from pylstm.experiments.trial import Curve
    >>> curve = Curve(every=100, max_points=2)
    >>> for error in (0.5, 0.3, 0.2, 0.2, 0.1):
    ...     curve.add(error, wrong=1.0)
    >>> curve.every, curve.error
    (200, [0.4, 0.2])
    """

    every: int
    max_points: int = _CURVE_POINTS
    error: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    _waiting: list[tuple[float, float]] = field(default_factory=list)
    _width: int = 1

    def add(self, error: float, wrong: float) -> None:
        """Add the means over the next block of training sequences."""
        self._waiting.append((error, wrong))
        if len(self._waiting) < self._width:
            return
        if len(self.error) == self.max_points:
            self.error, self.wrong = _mean_of_pairs(self.error), _mean_of_pairs(self.wrong)
            self.every, self._width = 2 * self.every, 2 * self._width
            return
        mean_error, mean_wrong = np.mean(self._waiting, axis=0).tolist()
        self.error.append(mean_error)
        self.wrong.append(mean_wrong)
        self._waiting.clear()


def _mean_of_pairs(values: list[float]) -> list[float]:
    return [float(mean) for mean in np.reshape(values, (-1, 2)).mean(axis=1)]


@dataclass(frozen=True)
class Result:
    """How a trial ended.

    Parameters
    ----------
    trial : int
    success : int or None
        Training sequences until the stop rule was content; None: it never was.
    n_sequences : int
        Training sequences seen.
    marks : dict of str to number
        Training sequences until something on the way, such as ST1; of a language the largest size
        up to which it is known, "up to"; of a continual task the mean length of the last test
        streams, "length".
    wrong, error : int, float or None
        In the final test: wrong sequences and mean absolute error. None without such a test.
    seconds : float
        The trial's share of the time its group took.
    curve : dict
        "every": training sequences a point, "error", "wrong": see `Curve`; of a continual task
        "every" and "length", the mean length of training streams.
    weights : dict of str to list, or None
        The parameters at success, by name; None without it.
    """

    trial: int
    success: int | None
    n_sequences: int
    marks: dict[str, float]
    wrong: int | None
    error: float | None
    seconds: float
    curve: dict[str, Any]
    weights: dict[str, Any] | None


@dataclass(frozen=True)
class Progress:
    """Where a trial stands: training sequences seen, and the share of wrong ones of late."""

    n_sequences: int
    wrong: float


OnProgress = Callable[[dict[int, Progress]], None]


class _Generated:
    """Sequences generated on-line: "t2" and "t3" in table 11."""

    def __init__(self, task: Task, training: np.random.Generator, test: np.random.Generator):
        self._task, self._training, self._test = task, training, test

    def training(self, n: int) -> Sequences:
        return self._task.sample(n, self._training)

    def test(self, n: int) -> Sequences:
        return self._task.sample(n, self._test)


class _FixedSets:
    """Training sequences drawn from a fixed set, "t1"; tested are all of it and of a second one.

    in_order: the training set is not drawn from but presented from beginning to end, over and over.
    """

    def __init__(
        self, sets: tuple[Sequences, Sequences], rng: np.random.Generator, in_order: bool
    ) -> None:
        self._rng = None if in_order else rng
        self._n_training = len(sets[0])
        self._both = _one_after_another(*sets)
        self._n_presented = self._n_tested = 0

    def training(self, n: int) -> Sequences:
        if self._rng is not None:
            return self._both[self._rng.integers(self._n_training, size=n)]
        self._n_presented += n
        return self._both[np.arange(self._n_presented - n, self._n_presented) % self._n_training]

    def test(self, n: int) -> Sequences:
        self._n_tested += n
        return self._both[np.arange(self._n_tested - n, self._n_tested) % len(self._both)]


def _one_after_another(*parts: Sequences) -> Sequences:
    together: dict[str, Any] = {}
    for name in (one.name for one in fields(Sequences)):
        values = [getattr(part, name) for part in parts]
        together[name] = None if values[0] is None else np.concatenate(values)
    return Sequences(**together)


class _Trial:
    """One trial on its way: `wanted` is what it asks for next, None when it has ended."""

    def __init__(self, row: Row, seed: int, trial: int, in_sets: bool) -> None:
        self.trial = trial
        self.weights, training, test = generators(row.name, seed, trial)
        self._data: _Generated | _FixedSets
        if isinstance(row.task, EmbeddedReber):
            sets, *_ = generators(f"sets of {row.name}", seed, trial % row.n_sets)
            self._data = _FixedSets(row.task.training_and_test(sets), training, in_sets)
        else:
            self._data = _Generated(row.task, training, test)
        self._task, self._limit = row.task, row.limit
        self.n_sequences = 0
        self.success: int | None = None
        self.marks: dict[str, float] = {}
        self.test: Answers | None = None
        self.curve = Curve(row.stop.every)
        self.seconds = 0.0
        self.progress = Progress(0, 1.0)
        self._course = self._run(row)
        self.wanted: Train | Examine | Recite | None = None
        self._advance_course(None)

    def _run(self, row: Row) -> Watch:
        assert not isinstance(row.stop, Streams)
        yield from row.stop.watch()
        self.success = self.n_sequences
        if isinstance(row.stop, Learned):
            self.marks["up to"] = yield from row.stop.generalise()
        if row.test:
            self.test = yield Examine(row.test)

    def draw(self, n: int) -> Sequences:
        """Draw the next n of the sequences wanted."""
        if isinstance(self.wanted, Recite):
            assert isinstance(self._task, Language)
            return self._task.of_size(self.wanted.low, self.wanted.high)
        of_kind = self._data.training if isinstance(self.wanted, Train) else self._data.test
        return of_kind(n)

    def give(self, answers: Answers, diverged: bool) -> None:
        """Hand over the answers to what was wanted."""
        if diverged:
            self.wanted = None
            return
        if isinstance(self.wanted, Train):
            self.n_sequences += self.wanted.n
            error, wrong = float(answers.error.mean()), float(answers.wrong.mean())
            self.curve.add(error, wrong)
            self.progress = Progress(self.n_sequences, wrong)
        self._advance_course(answers)
        if isinstance(self.wanted, Train) and self.n_sequences >= self._limit:
            self.wanted = None

    def _advance_course(self, answers: Answers | None) -> None:
        """Let the course say what is wanted next."""
        try:
            request = next(self._course) if answers is None else self._course.send(answers)
        except StopIteration:
            self.wanted = None
            return
        if isinstance(request, Mark):
            self.marks[request.name] = self.n_sequences
            self._advance_course(None)
        else:
            self.wanted = request

    def result(self, weights: dict[str, Array]) -> Result:
        solved = self.success is not None
        return Result(
            trial=self.trial,
            success=self.success,
            n_sequences=self.n_sequences,
            marks=self.marks,
            wrong=None if self.test is None else int(self.test.wrong.sum()),
            error=None if self.test is None else float(self.test.error.mean()),
            seconds=self.seconds,
            curve={k: getattr(self.curve, k) for k in ("every", "error", "wrong")},
            weights={name: w.tolist() for name, w in weights.items()} if solved else None,
        )


def generators(name: str, seed: int, trial: int) -> list[np.random.Generator]:
    """Three generators that depend on nothing but the arguments."""
    streams = np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()), trial)).spawn(3)
    return [np.random.default_rng(stream) for stream in streams]


def run_trials(
    row: Row,
    reading: Reading,
    trials: Sequence[int],
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Iterator[Result]:
    """Run trials of one reading of a row side by side.

    Parameters
    ----------
    row : Row
    reading : Reading
        One of its readings.
    trials : sequence of int
        Their numbers, from 0. As many as `Method.side_by_side` cost about as much time as one; of a
        continual task more may be given, which begin where others have ended.
    seed : int, default 0
    on_progress : callable, optional
        Called after every block of training sequences with {trial: Progress} of those still on
        their way.

    Yields
    ------
    Result
        Of each trial as soon as it has ended: the stop rule was content, the limit of the row was
        reached, or the weights have diverged.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from pylstm.experiments import ROWS
    >>> from pylstm.experiments.trial import run_trials
    >>> row = replace(ROWS["3a-1"], max_sequences=500)              # stop long before success
    >>> [result] = run_trials(row, row.readings[0], trials=[0])
    >>> result.success, result.n_sequences
    (None, 500)
    """
    if isinstance(row.stop, Streams):
        from pylstm.experiments.streams import run_streams

        yield from run_streams(row, reading, trials, seed, on_progress)
        return
    row, in_sets = row.under(reading), METHODS[reading.method].in_sets
    group = [_Trial(row, seed, trial, in_sets) for trial in trials]
    nets = row.group(reading, [trial.weights for trial in group])
    n_together = _sequences_a_call(row.task)
    live = list(range(len(group)))
    while live:
        start = time.perf_counter()
        # Tests come first, so that those who go on training do so together.
        wishes = [wish for k in live if (wish := group[k].wanted)]
        wanted = min(wishes, key=lambda wish: isinstance(wish, Train))
        asking = [k for k in live if group[k].wanted == wanted]
        whole = (in_sets and isinstance(wanted, Train)) or isinstance(wanted, Recite)
        n_in_call = wanted.n if whole else n_together
        answers = _run_together(wanted, asking, group, nets, row.task, reading, n_in_call)
        for k, of_trial, diverged in zip(asking, answers, nets.diverged[asking], strict=True):
            # one that diverged in a sequence may be back since: its answers there were NaN
            group[k].give(of_trial, diverged or bool(np.isnan(of_trial.error).any()))
        seconds = (time.perf_counter() - start) / len(live)
        for k in live:
            group[k].seconds += seconds
        for k in [k for k in live if group[k].wanted is None]:
            live.remove(k)
            yield group[k].result(nets[k].parameters)
        if on_progress is not None:
            on_progress({group[k].trial: group[k].progress for k in live})


def _run_together(
    wanted: Train | Examine | Recite,
    asking: Sequence[int],
    group: Sequence[_Trial],
    nets: Group,
    task: Task,
    reading: Reading,
    n_together: int,
) -> list[Answers]:
    """Let the nets `asking`, which all want the same, learn or answer it."""
    learning = isinstance(wanted, Train)
    parts: list[list[Answers]] = []
    for start in range(0, wanted.n, n_together):
        n = min(n_together, wanted.n - start)
        sequences = [group[k].draw(n) for k in asking]
        Y = nets.run_sequences(
            _side_by_side([s.X for s in sequences]),
            _side_by_side([s.targets for s in sequences]) if learning else None,
            np.stack([s.lengths for s in sequences]),
            last=task.last,
            update=reading.update,
            nets=asking,
        )
        parts.append([_check_answers(task, y, s) for y, s in zip(Y, sequences, strict=True)])
    return [
        Answers(*map(np.concatenate, zip(*of_trial, strict=True)))
        for of_trial in zip(*parts, strict=True)
    ]


def _side_by_side(arrays: Sequence[Array]) -> Array:
    """Stack arrays of different lengths, zeros behind the shorter ones."""
    together = np.zeros((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), arrays[0].dtype)
    for row, values in zip(together, arrays, strict=True):
        row[: len(values)] = values
    return together


def _check_answers(task: Task, outputs: Array, sequences: Sequences) -> Answers:
    """Compare the outputs for some sequences with what was wanted, before any noise on it."""
    clean = sequences.targets if sequences.clean is None else sequences.clean
    outputs = outputs[: len(clean)]
    error = np.abs(outputs - clean).mean(axis=1, dtype=float)
    if not task.last:
        error = np.add.reduceat(error, sequences.starts) / sequences.lengths
    return Answers(task.wrong(outputs, sequences), error)


def _sequences_a_call(task: Task) -> int:
    """How many sequences each of a full group learns in one call.

    A number that depends on the task alone: a generator that is asked for sequences in other parts
    gives other sequences.
    """
    numbers = (1 if task.tokens else task.n_inputs) + (0 if task.last else 2 * task.n_outputs)
    return max(1, int(_BYTES / (16 * mean_length(task) * numbers * 4)))


def mean_length(task: Task) -> float:
    """Estimate the mean number of steps of a sequence, always the same.

    Examples
    --------
    >>> from pylstm.experiments.trial import mean_length
    >>> from pylstm.tasks import Adding
    >>> 100 < mean_length(Adding()) < 110
    True
    """
    return float(task.sample(32, np.random.default_rng(0)).lengths.mean())
