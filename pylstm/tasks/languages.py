"""Context-free and context-sensitive languages (Gers & Schmidhuber 2001).

A string is read symbol by symbol between S and T, and at every step the symbols that may come next
are wanted. Strings have a size; those of one size are few, so that all of them can be asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.checks import check_whole
from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task

__all__ = ["AnBmBmAn", "AnBn", "AnBnCn", "Language"]

Array = npt.NDArray[Any]

LOW, HIGH = np.float32(0.25), np.float32(0.75)


class Language(Task):
    """What the languages have in common.

    Inputs are one a symbol, 1 for the symbol read and -1 for the others, outputs likewise one a
    symbol that may come: 0.75 is wanted where it may, 0.25 where it may not, 0.5 is the border.
    (The paper, as remembered, wants 1 and -1 of a logistic function stretched to [-2, 2], border 0:
    the same, the gradient of the squared error 16 times as large.) A string is wrong when at some
    step an output is on the wrong side of the border, or on it.

    Parameters
    ----------
    low, high : int
        Sizes of the strings that `sample` draws from, all strings equally often.

    Attributes
    ----------
    inputs, outputs : str
        The symbols in their order.

    Examples
    --------
    >>> from pylstm.tasks import AnBnCn
    >>> AnBnCn.inputs, AnBnCn.outputs, AnBnCn(1, 20).of_size(1, 1).targets[0].tolist()
    ('Sabc', 'abcT', [0.75, 0.25, 0.25, 0.25])
    """

    last: ClassVar[bool] = False
    inputs: ClassVar[str]
    outputs: ClassVar[str]
    smallest: ClassVar[int] = 1
    low: int
    high: int

    def __post_init__(self) -> None:
        check_whole("low", self.low, self.smallest)
        check_whole("high", self.high, self.low)

    @property
    def n_inputs(self) -> int:
        return len(self.inputs)

    @property
    def n_outputs(self) -> int:
        return len(self.outputs)

    def of_size(self, low: int, high: int) -> Sequences:
        """Give every string of these sizes, the small ones first.

        Parameters
        ----------
        low, high : int
            The least and the largest size; low <= high.

        Returns
        -------
        Sequences

        Examples
        --------
        >>> from pylstm.tasks import AnBn
        >>> [len(X) for X, _ in AnBn().of_size(1, 4)]
        [3, 5, 7, 9]
        """
        check_whole("low", low, self.smallest)
        check_whole("high", high, low)
        return _together(type(self), low, high)  # type: ignore[arg-type]  # a class has a hash

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        strings = self.of_size(self.low, self.high)
        return strings[rng.integers(len(strings), size=n_sequences)]

    @classmethod
    def _strings(cls, size: int) -> list[tuple[str, list[str]]]:
        """Every string of a size, T left out, and what may come after each symbol."""
        raise NotImplementedError

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        assert sequences.allowed is not None
        right = np.where(sequences.allowed, outputs > 0.5, outputs < 0.5).all(axis=1)
        return np.logical_or.reduceat(~right, sequences.starts)


def _counted(runs: Sequence[tuple[str, int, str]]) -> tuple[str, list[str]]:
    """S and runs of symbols: each (symbol, how often, what may come at its end)."""
    text, may = "S", [runs[0][0]]
    for symbol, n, after in runs:
        free = after[0] == symbol  # how long the run gets is free, so all along it may end
        text += n * symbol
        may += (n - 1) * [after if free else symbol] + [after]
    return text, may


@lru_cache(maxsize=64)
def _together(language: type[Language], low: int, high: int) -> Sequences:
    strings = [string for size in range(low, high + 1) for string in language._strings(size)]
    text = "".join(string for string, _ in strings)
    may = [symbols for _, each in strings for symbols in each]
    X = np.array([[2 * (s == name) - 1 for name in language.inputs] for s in text], np.float32)
    allowed = np.array([[name in symbols for name in language.outputs] for symbols in may])
    targets = np.where(allowed, HIGH, LOW)
    lengths = np.array([len(string) for string, _ in strings])
    for values in (X, targets, lengths, allowed):
        values.setflags(write=False)
    return Sequences(X, targets, lengths, allowed=allowed)


@dataclass(frozen=True)
class AnBn(Language):
    """a^n b^n: as many b as there were a; the size of a string is n.

    Parameters
    ----------
    low, high : int, default 1, 10
        The strings that are drawn have low <= n <= high.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import AnBn
    >>> strings = AnBn().of_size(2, 2)
    >>> "".join("Sab"[k] for k in strings.X.argmax(axis=1))
    'Saabb'
    >>> ["".join(np.array(list("abT"))[may]) for may in strings.allowed]
    ['a', 'ab', 'ab', 'b', 'T']
    """

    low: int = 1
    high: int = 10

    inputs: ClassVar[str] = "Sab"
    outputs: ClassVar[str] = "abT"

    @classmethod
    def _strings(cls, size: int) -> list[tuple[str, list[str]]]:
        return [_counted([("a", size, "ab"), ("b", size, "T")])]


@dataclass(frozen=True)
class AnBnCn(Language):
    """a^n b^n c^n: as many b and c as there were a; the size of a string is n.

    Parameters
    ----------
    low, high : int, default 1, 10
        The strings that are drawn have low <= n <= high.

    Examples
    --------
    >>> from pylstm.tasks import AnBnCn
    >>> strings = AnBnCn().of_size(2, 2)
    >>> "".join("Sabc"[k] for k in strings.X.argmax(axis=1))
    'Saabbcc'
    """

    low: int = 1
    high: int = 10

    inputs: ClassVar[str] = "Sabc"
    outputs: ClassVar[str] = "abcT"

    @classmethod
    def _strings(cls, size: int) -> list[tuple[str, list[str]]]:
        return [_counted([("a", size, "ab"), ("b", size, "c"), ("c", size, "T")])]


@dataclass(frozen=True)
class AnBmBmAn(Language):
    """a^n b^m B^m A^n: two counts, the inner one inside the outer; the size is n + m.

    Parameters
    ----------
    low, high : int, default 2, 12
        The strings that are drawn have low <= n + m <= high, n and m at least 1.

    Examples
    --------
    >>> from pylstm.tasks import AnBmBmAn
    >>> strings = AnBmBmAn().of_size(3, 3)
    >>> ["".join("SabBA"[k] for k in X.argmax(axis=1)) for X, _ in strings]
    ['SabbBBA', 'SaabBAA']
    """

    low: int = 2
    high: int = 12

    inputs: ClassVar[str] = "SabBA"
    outputs: ClassVar[str] = "abBAT"
    smallest: ClassVar[int] = 2

    @classmethod
    def _strings(cls, size: int) -> list[tuple[str, list[str]]]:
        return [
            _counted([("a", n, "ab"), ("b", size - n, "bB"), ("B", size - n, "A"), ("A", n, "T")])
            for n in range(1, size)
        ]
