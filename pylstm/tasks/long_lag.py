"""Experiment 2: long time lags without noise (HS97, section 5.2).

Sequences begin with x or y and end with the same symbol; between are other symbols, the same in
every sequence (2a), drawn at random (2b), or very many of them (2c).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task, check_whole

__all__ = ["LongLag", "NoLocalRegularities", "NoiseFree"]

Array = npt.NDArray[Any]


class _NextSymbol(Task):
    """Predict the next of p+1 symbols at every step: a_1..a_{p-1} are 0..p-2, x is p-1, y is p."""

    tokens: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.25
    p: int

    @property
    def last(self) -> bool:
        return False

    def __post_init__(self) -> None:
        check_whole("p", self.p, 2)

    @property
    def n_inputs(self) -> int:
        return self.p + 1

    @property
    def n_outputs(self) -> int:
        return self.p + 1

    def _between(self, classes: Array, middle: Array) -> Sequences:
        """Sequences of middle, (n_sequences, p-1), between x (class 0) or y (class 1)."""
        symbols = np.empty((len(classes), self.p + 1), np.int32)
        symbols[:, 0] = symbols[:, -1] = self.p - 1 + classes
        symbols[:, 1:-1] = middle
        return Sequences(
            X=symbols[:, :-1].ravel(),
            targets=np.eye(self.p + 1, dtype=np.float32).take(symbols[:, 1:].ravel(), axis=0),
            lengths=np.full(len(classes), self.p),
            classes=classes,
        )


@dataclass(frozen=True)
class NoiseFree(_NextSymbol):
    """Experiment 2a: noise-free sequences with long time lags (HS97, section 5.2).

    Two sequences of p+1 symbols, each with probability 1/2: (x, a_1, ..., a_{p-1}, x), class 0, and
    (y, a_1, ..., a_{p-1}, y), class 1. Read one symbol, predict the next, at every step. Tokens:
    a_1 to a_{p-1} are 0 to p-2, x is p-1, y is p. A sequence is wrong when at any step the error of
    any output is 0.25 or more.

    Parameters
    ----------
    p : int, default 100
        Steps of a sequence, and its lag; at least 2.

    Notes
    -----
    Targets have p+1 numbers a step; writing them is what sampling costs.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import NoiseFree
    >>> both = NoiseFree(p=4).both()
    >>> both.X.tolist(), both.targets.argmax(axis=1).tolist()
    ([3, 0, 1, 2, 4, 0, 1, 2], [0, 1, 2, 3, 0, 1, 2, 4])
    >>> NoiseFree(p=4).sample(6, np.random.default_rng(1)).classes.tolist()
    [0, 1, 1, 1, 0, 0]
    """

    p: int = 100

    def both(self) -> Sequences:
        """Give the two possible sequences, that of x first.

        Examples
        --------
        >>> from pylstm.tasks import NoiseFree
        >>> len(NoiseFree().both())
        2
        """
        return self._between(np.arange(2), np.arange(self.p - 1))

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        return self.both()[rng.integers(2, size=n_sequences)]

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        is_near = self._is_near(outputs, sequences.targets)
        return np.logical_or.reduceat(~is_near, sequences.starts)


@dataclass(frozen=True)
class NoLocalRegularities(_NextSymbol):
    """Experiment 2b: no local regularities (HS97, section 5.2).

    As `NoiseFree`, but the p-1 symbols between are drawn independently from a_1, ..., a_{p-1}, so
    that only the last is predictable. Every step has its target; a sequence is wrong when at its
    end the error of any output is 0.25 or more.

    Parameters
    ----------
    p : int, default 100
        Steps of a sequence, and its lag; at least 2.
    error_at_end : bool, default False
        Only the last step has a target. In the paper all have.

    Notes
    -----
    Targets have p+1 numbers a step; writing them is what sampling costs.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import NoLocalRegularities
    >>> sequences = NoLocalRegularities(p=4).sample(2, np.random.default_rng(1))
    >>> sequences.X.tolist(), sequences.targets.argmax(axis=1).tolist()
    ([3, 2, 2, 0, 4, 0, 2, 2], [2, 2, 0, 3, 0, 2, 2, 4])
    """

    p: int = 100
    error_at_end: bool = False

    @property
    def last(self) -> bool:
        return self.error_at_end

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        classes = rng.integers(2, size=n_sequences)
        middle = rng.integers(self.p - 1, size=(n_sequences, self.p - 1), dtype=np.int32)
        sequences = self._between(classes, middle)
        if self.last:
            return replace(sequences, targets=sequences.targets[sequences.ends])
        return sequences

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        ends = slice(None) if self.last else sequences.ends
        return ~self._is_near(outputs[ends], sequences.targets[ends])


@dataclass(frozen=True)
class LongLag(Task):
    """Experiment 2c: very long time lags, no local regularities (HS97, section 5.2).

    b, then x or y, then q distractors drawn from a_1, ..., a_p, then one more with probability
    9/10 each time or else e, the trigger; x (output 0) or y (output 1), whichever it was, is to be
    predicted after e and nowhere else. Tokens: a_1 to a_p are 0 to p-1, e is p, b is p+1, x is p+2,
    y is p+3. A sequence is wrong when the error of an output is 0.2 or more.

    With k distractors more than q, 9 in the mean, a sequence has q+k+3 steps: the last of the
    q+k+4 symbols the paper counts is only a target.

    Parameters
    ----------
    p : int, default 50
        Number of distractors to choose from, at least 1.
    q : int, default 50
        Number of distractors a sequence has at least; at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import LongLag
    >>> sequences = LongLag(p=10, q=3).sample(1, np.random.default_rng(5))
    >>> sequences.X.tolist(), sequences.targets.tolist()
    ([11, 13, 5, 6, 2, 9, 0, 2, 3, 5, 4, 1, 10], [[0.0, 1.0]])
    """

    p: int = 50
    q: int = 50

    tokens: ClassVar[bool] = True
    n_outputs: ClassVar[int] = 2
    tolerance: ClassVar[float] = 0.2

    def __post_init__(self) -> None:
        check_whole("p", self.p, 1)
        check_whole("q", self.q, 1)

    @property
    def n_inputs(self) -> int:
        return self.p + 4

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        e, b, x = self.p, self.p + 1, self.p + 2
        classes = rng.integers(2, size=n_sequences)
        lengths = self.q + 2 + rng.geometric(0.1, n_sequences)
        X = rng.integers(self.p, size=lengths.sum(), dtype=np.int32)
        targets = np.eye(2, dtype=np.float32)[classes]
        sequences = Sequences(X, targets, lengths, classes)
        starts = sequences.starts
        X[starts] = b
        X[starts + 1] = x + classes
        X[sequences.ends] = e
        return sequences
