"""Stop rules: when a trial has learned its task.

A rule watches one trial by asking for things and looking at what comes back: `Train(n)`, learn the
next n training sequences; `Examine(n)`, answer n test sequences, weights fixed; `Mark`, note the
number of training sequences so far under a name. The watch ends when the rule is content.
Written as a generator it reads like the sentence in the paper, its state is its local variables,
and whoever runs many trials at once can answer the same wish of several of them together.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "Answers",
    "Exam",
    "Examine",
    "Learned",
    "Mark",
    "Perfect",
    "Recent",
    "Recite",
    "Request",
    "Streams",
    "Train",
    "Watch",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Train:
    """Learn the next n training sequences."""

    n: int


@dataclass(frozen=True)
class Examine:
    """Examine n test sequences, weights fixed."""

    n: int


@dataclass(frozen=True)
class Recite:
    """Answer every string of these sizes, weights fixed; of a language."""

    low: int
    high: int

    @property
    def n(self) -> int:
        """Number of sizes."""
        return self.high - self.low + 1


@dataclass(frozen=True)
class Mark:
    """Note the number of training sequences so far."""

    name: str


class Answers(NamedTuple):
    """How a number of sequences were answered.

    Parameters
    ----------
    wrong : (n,) bool
        By the criterion of the task.
    error : (n,) float
        Mean absolute error over the outputs, and over the steps that have a target.
    """

    wrong: Array
    error: Array


Request = Train | Examine | Recite | Mark
Watch = Generator[Request, Answers, None]


@dataclass(frozen=True)
class Recent:
    """Of the n most recent training sequences few are wrong, and their mean error is low.

    ``Recent(error=0.01)`` is ST3(0.01) of the paper, "average training error below 0.01 and the
    2000 most recent sequences were processed correctly". Norm and window of that average are not
    stated; here it is the mean absolute error of the same n sequences.

    Parameters
    ----------
    wrong : int, default 0
        At most so many of the n.
    error : float, default infinity
        The mean absolute error stays below it.
    n : int, default 2000
    every : int, default 100
        Training sequences from one look to the next: success is known to within so many.

    Examples
    --------
    Two sequences at a time, three in a row right:

    >>> import numpy as np
    >>> from pylstm.experiments.stop import Answers, Recent
    >>> watch = Recent(n=3, every=2).watch()
    >>> next(watch)
    Train(n=2)
    >>> watch.send(Answers(wrong=np.array([True, False]), error=np.zeros(2)))
    Train(n=2)
    >>> watch.send(Answers(wrong=np.array([False, False]), error=np.zeros(2)))
    Traceback (most recent call last):
    StopIteration
    """

    wrong: int = 0
    error: float = np.inf
    n: int = 2000
    every: int = 100

    def watch(self) -> Watch:
        """Watch one trial."""
        wrong, error = np.empty(0, bool), np.empty(0)
        while True:
            answers = yield Train(self.every)
            wrong = np.append(wrong, answers.wrong)[-self.n :]
            error = np.append(error, answers.error)[-self.n :]
            if len(wrong) == self.n and wrong.sum() <= self.wrong and error.mean() < self.error:
                return


@dataclass(frozen=True)
class Exam:
    """Of n test sequences few are wrong, and their mean error is low.

    The rule of experiments 1 and 3. In experiment 3 that few are wrong is ST1, marked when it first
    holds; both together are ST2. How often the test is run, and on which sequences, is not
    stated in the paper; here every 500 training sequences, in experiment 3 on fresh ones.

    Parameters
    ----------
    wrong : int, default 0
        At most so many of the n.
    error : float, default infinity
        The mean absolute error stays below it.
    n : int, default 256
    every : int, default 500
        Training sequences from one test to the next.

    Examples
    --------
    >>> from pylstm.experiments.stop import Exam
    >>> watch = Exam(wrong=5, error=0.04).watch()
    >>> next(watch), watch.send(None)
    (Train(n=500), Examine(n=256))
    """

    wrong: int = 0
    error: float = np.inf
    n: int = 256
    every: int = 500

    def watch(self) -> Watch:
        """Watch one trial."""
        marked = self.error == np.inf  # a rule of one part has nothing to mark on the way
        while True:
            yield Train(self.every)
            answers = yield Examine(self.n)
            if answers.wrong.sum() > self.wrong:
                continue
            if not marked:
                yield Mark("ST1")
                marked = True
            if answers.error.mean() < self.error:
                return


@dataclass(frozen=True)
class Perfect:
    """Not one of n successive test sequences is wrong.

    The rule of experiment 2. The test is tried when the most recent training sequences were all
    right, given up at the first wrong answers, and tried again `again` training sequences later.

    Parameters
    ----------
    n : int, default 10,000
    recent : int, default 100
        Training sequences that must have been right in a row.
    again : int, default 500
    every : int, default 100
        Training sequences from one look to the next: success is known to within so many.
    part : int, default 500
        Test sequences answered together; n is a multiple.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.experiments.stop import Answers, Perfect
    >>> watch = Perfect().watch()
    >>> next(watch), watch.send(Answers(wrong=np.zeros(100, bool), error=np.zeros(100)))
    (Train(n=100), Examine(n=500))
    """

    n: int = 10_000
    recent: int = 100
    again: int = 500
    every: int = 100
    part: int = 500

    def watch(self) -> Watch:
        """Watch one trial."""
        n_seen = n_right = next_try = 0
        while True:
            wrong = (yield Train(self.every)).wrong
            n_seen += len(wrong)
            n_right = int(wrong[::-1].argmax()) if wrong.any() else n_right + len(wrong)
            if n_right < self.recent or n_seen < next_try:
                continue
            next_try = n_seen + self.again
            for _ in range(self.n // self.part):
                if (yield Examine(self.part)).wrong.any():
                    break
            else:
                return


@dataclass(frozen=True)
class Learned:
    """Every string of the training set is right; then, how far that holds beyond it.

    The rule of the languages (Gers & Schmidhuber 2001). After success, and so many more training
    strings, the sizes behind those of the training set are asked for, until a string is wrong: the
    generalisation set. Whoever goes on and forgets the training set knows nothing, size 0.

    Parameters
    ----------
    low, high : int
        The sizes of the training set.
    most : int, default 1000
        The largest size that is asked for.
    more : int, default 0
        Training strings between success and the generalisation set.
    every : int, default 500
        Training strings from one look to the next: success is known to within so many.

    Examples
    --------
    >>> from pylstm.experiments.stop import Learned
    >>> watch = Learned(1, 10).watch()
    >>> next(watch), watch.send(None)
    (Train(n=500), Recite(low=1, high=10))
    """

    low: int
    high: int
    most: int = 1000
    more: int = 0
    every: int = 500

    def watch(self) -> Watch:
        """Watch one trial."""
        while True:
            yield Train(self.every)
            if not (yield Recite(self.low, self.high)).wrong.any():
                return

    def generalise(self) -> Generator[Request, Answers, int]:
        """Find the largest size up to which all strings are right, `most` at most."""
        for _ in range(self.more // self.every):
            yield Train(self.every)
        if self.more and (yield Recite(self.low, self.high)).wrong.any():
            return 0
        size = self.high
        while size < self.most and not (yield Recite(size + 1, size + 1)).wrong.any():
            size += 1
        return size


@dataclass(frozen=True)
class Streams:
    """How far a network comes on streams that never reset it: the rule of 2000 and 2002.

    A training stream is learned from until the first wrong output, or to its end; then the weights
    are fixed for test streams, each until the first wrong output. A network is perfect, and has
    succeeded, when all test streams are right to their end. One that never is comes to a score in
    the end: the mean length of its test streams, up to the first wrong output.

    Parameters
    ----------
    training, test : int
        Longest streams, in what the task counts.
    n_tests : int, default 10
    good : int, optional
        A network whose score is larger is good, others are the rest.
    every : int, default 100
        Training streams a point of the learning curve stands for.

    Examples
    --------
    >>> from pylstm.experiments.stop import Streams
    >>> Streams(training=100_000, test=100_000, good=1000).n_tests
    10
    """

    training: int
    test: int
    n_tests: int = 10
    good: int | None = None
    every: int = 100
