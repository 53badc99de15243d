"""Experiments 4 and 5: sums and products of two marked numbers (HS97, sections 5.4 and 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task, check_whole, draw_lengths

__all__ = ["Adding", "Multiplication"]

Array = npt.NDArray[Any]

_FIRST_PAIRS = 10


class _MarkedPairs(Task):
    """Pairs (value, marker), two of them marked, both in the first half."""

    n_inputs: ClassVar[int] = 2
    n_outputs: ClassVar[int] = 1
    tolerance: ClassVar[float] = 0.04
    min_length: int
    _neutral: ClassVar[float]

    def __post_init__(self) -> None:
        check_whole("min_length", self.min_length, 2 * _FIRST_PAIRS)

    def _values(self, uniform: Array) -> Array:
        """Values of pairs from numbers uniform in [0, 1)."""
        raise NotImplementedError

    def _result(self, x1: Array, x2: Array) -> Array:
        raise NotImplementedError

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        lengths = draw_lengths(self.min_length, n_sequences, rng)
        X = np.zeros((lengths.sum(), 2), np.float32)
        values, markers = X.T
        values[:] = self._values(rng.random(len(X), np.float32))
        starts = np.cumsum(lengths) - lengths
        first = rng.integers(_FIRST_PAIRS, size=n_sequences)
        second = rng.integers(self.min_length // 2 - 1, size=n_sequences)
        second += second >= first  # the first is marked already
        marked = starts + np.stack([first, second])
        markers[marked] = 1
        markers[starts] = -1
        markers[starts + lengths - 1] = -1
        values[starts[(first == 0) | (second == 0)]] = self._neutral
        return Sequences(X, self._result(*values[marked])[:, None], lengths)


@dataclass(frozen=True)
class Adding(_MarkedPairs):
    """Experiment 4: the adding problem (HS97, section 5.4).

    Elements are pairs (value, marker) with values uniform in [-1, 1). One of the first ten pairs is
    marked by 1, then one of the first T/2 - 1 pairs still unmarked; both are in the first half, in
    either order. Other markers are 0, but -1 for the first and the last pair. Wanted at the end is
    0.5 + (X1 + X2) / 4 for the marked values X1 and X2. A sequence is wrong when the error is 0.04
    or more.

    If the first pair is drawn its value becomes 0. Not stated in the paper: what its marker is
    then, here still -1; and whether this holds for X2 as well, here it does.

    Parameters
    ----------
    min_length : int, default 100
        T in the paper: lengths are uniform in T, ..., T + T // 10, both included; at least 20.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import Adding
    >>> X, targets = next(iter(Adding().sample(1, np.random.default_rng(1))))
    >>> x1, x2 = X[X[:, 1] == 1, 0]
    >>> bool(abs(targets[-1, 0] - (0.5 + (x1 + x2) / 4)) < 1e-6)
    True
    """

    min_length: int = 100

    _neutral: ClassVar[float] = 0.0

    def _values(self, uniform: Array) -> Array:
        uniform *= 2
        uniform -= 1
        return uniform

    def _result(self, x1: Array, x2: Array) -> Array:
        return 0.5 + (x1 + x2) / 4


@dataclass(frozen=True)
class Multiplication(_MarkedPairs):
    """Experiment 5: the multiplication problem (HS97, section 5.5).

    As `Adding`, but values are uniform in [0, 1), that of a drawn first pair becomes 1, and wanted
    at the end is X1 * X2.

    Parameters
    ----------
    min_length : int, default 100
        T in the paper: lengths are uniform in T, ..., T + T // 10, both included; at least 20.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import Multiplication
    >>> X, targets = next(iter(Multiplication().sample(1, np.random.default_rng(1))))
    >>> x1, x2 = X[X[:, 1] == 1, 0]
    >>> bool(abs(targets[-1, 0] - x1 * x2) < 1e-6)
    True
    """

    min_length: int = 100

    _neutral: ClassVar[float] = 1.0

    def _values(self, uniform: Array) -> Array:
        return uniform

    def _result(self, x1: Array, x2: Array) -> Array:
        return np.asarray(x1 * x2)
