"""Experiment 1: predict the next symbol of strings of a Reber grammar (HS97, section 5.1).

The grammar is an automaton, here a table: for each state the symbols that may come next and the
state each leads to, all with the same probability. None is the end of the string.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task, check_whole

__all__ = ["EmbeddedReber", "Reber"]

Array = npt.NDArray[Any]
Table = Mapping[Hashable, Mapping[str, Hashable]]

SYMBOLS = "BTPSXVE"

INNER: Table = {
    0: {"B": 1},
    1: {"T": 2, "P": 3},
    2: {"S": 2, "X": 4},
    3: {"T": 3, "V": 5},
    4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6},
    6: {"E": None},
}


def _embed(inner: Table) -> Table:
    """B, then T or P, a string of the inner grammar, the same T or P, E; the start comes first."""
    table: dict[Hashable, Mapping[str, Hashable]] = {
        "first": {"B": "second"},
        "second": {outer: (outer, 0) for outer in "TP"},
        "last": {"E": None},
    }
    for outer in "TP":
        for state, choices in inner.items():
            table[outer, state] = {symbol: (outer, to) for symbol, to in choices.items()}
        table[outer, None] = {outer: "last"}
    return table


class _Automaton:
    """A table as arrays, to go along many strings at once, a word of eight symbols at a time.

    States are numbered in the order of the table, and the end after them: there the symbol is -1,
    for none, and the state stays.

    allowed : (n_states, n_symbols) bool
        Symbols that may come next; none at the end.
    symbols, states : (n_states * 256, 8) int8
        From each state, for each word of eight coin flips: the symbols, and the state after each.
    """

    def __init__(self, table: Table) -> None:
        self.end = len(table)
        number = {state: k for k, state in enumerate([*table, None])}
        symbol = np.full((self.end + 1, 2), -1, np.int8)
        to = np.full((self.end + 1, 2), self.end, np.int8)
        self.allowed = np.zeros((self.end + 1, len(SYMBOLS)), bool)
        for state, choices in table.items():
            k = number[state]
            symbol[k] = [SYMBOLS.index(name) for name in choices]  # one choice counts twice
            to[k] = [number[name] for name in choices.values()]
            self.allowed[k, symbol[k]] = True
        n_words = 256 * len(self.allowed)
        self.symbols, self.states = np.empty((2, n_words, 8), np.int8)
        current, flips = np.divmod(np.arange(n_words), 256)
        for k in range(8):
            flip = flips >> k & 1
            self.symbols[:, k] = symbol[current, flip]
            self.states[:, k] = current = to[current, flip]

    def sample(self, n_strings: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Symbols, -1 for none, and the states after them, both (n_strings, longest)."""
        state = np.zeros(n_strings, int)
        symbols, states = [], []
        while (state != self.end).any():
            words = 256 * state + rng.integers(256, size=n_strings, dtype=np.uint8)
            symbols.append(self.symbols.take(words, axis=0))
            states.append(self.states.take(words, axis=0))
            state = states[-1][:, -1].astype(int)
        return np.concatenate(symbols, axis=1), np.concatenate(states, axis=1)


class _Grammar(Task):
    """What grammars have in common; a string of L symbols is a sequence of L - 1 steps."""

    last: ClassVar[bool] = False
    tokens: ClassVar[bool] = True
    n_inputs: ClassVar[int] = len(SYMBOLS)
    n_outputs: ClassVar[int] = len(SYMBOLS)
    _automaton: ClassVar[_Automaton]

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        symbols, states = self._automaton.sample(n_sequences, rng)
        following = symbols[:, 1:]
        is_step = following >= 0
        return Sequences(
            X=symbols[:, :-1][is_step].astype(np.int32),
            targets=np.eye(len(SYMBOLS), dtype=np.float32).take(following[is_step], axis=0),
            lengths=is_step.sum(axis=1),
            allowed=self._automaton.allowed.take(states[:, :-1][is_step], axis=0),
        )

    def training_and_test(
        self, rng: np.random.Generator, n_training: int = 256, n_test: int = 256
    ) -> tuple[Sequences, Sequences]:
        """Draw a training set, and a test set of strings that are not in it.

        Within a set a string may occur several times: the paper excludes training strings from the
        test set and nothing else.

        Parameters
        ----------
        rng : numpy Generator
        n_training, n_test : int
            Numbers of strings, at least 1.

        Returns
        -------
        training, test : Sequences

        Raises
        ------
        ValueError, TypeError
            For a number below 1, or an rng that is no Generator.

        Examples
        --------
        Present 1000 strings drawn at random from the training set:

        >>> import numpy as np
        >>> from pylstm.tasks import EmbeddedReber
        >>> rng = np.random.default_rng(1)
        >>> training, test = EmbeddedReber().training_and_test(rng)
        >>> presented = training[rng.integers(len(training), size=1000)]
        >>> len(training), len(test), len(presented)
        (256, 256, 1000)
        """
        check_whole("n_training", n_training, 1)
        check_whole("n_test", n_test, 1)
        training = self.sample(n_training, rng)
        known = {X.tobytes() for X, _ in training}
        n_drawn = n_test
        while True:
            drawn = self.sample(n_drawn, rng)
            test = drawn[[X.tobytes() not in known for X, _ in drawn]]
            if len(test) >= n_test:
                return training, test[:n_test]
            n_drawn *= 2

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        assert sequences.allowed is not None
        # A row a symbol in memory, so that the reductions run along the steps.
        allowed, outputs = map(np.ascontiguousarray, (sequences.allowed.T, outputs.T))
        lowest = np.where(allowed, outputs, np.inf).min(axis=0)
        highest = np.where(allowed, -np.inf, outputs).max(axis=0)
        return np.logical_or.reduceat(~(lowest > highest), sequences.starts)


@dataclass(frozen=True)
class EmbeddedReber(_Grammar):
    """Experiment 1: the embedded Reber grammar (HS97, section 5.1).

    B, then T or P, a string of the Reber grammar, the same T or P, E, over the symbols B, T, P, S,
    X, V, E (tokens 0 to 6 in this order). Read one symbol, predict the next, at every step; the
    symbol before last is the second one. Strings have 9 symbols or more, 12 in the mean. A string
    is wrong when at some step the symbols that may come next are not the most active outputs.

    Not stated in the paper; here the target is the symbol that does come next.

    Notes
    -----
    `sample` goes along all strings of a call at once, eight symbols at a time, as often as the
    longest of them wants: many in one call cost less than in several.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import EmbeddedReber
    >>> strings = EmbeddedReber().sample(1, np.random.default_rng(5))
    >>> "".join("BTPSXVE"[k] for k in strings.X)
    'BTBPTVPSET'
    >>> ["".join(np.array(list("BTPSXVE"))[may]) for may in strings.allowed]
    ['TP', 'B', 'TP', 'TV', 'TV', 'PV', 'SX', 'E', 'T', 'E']
    """

    _automaton: ClassVar[_Automaton] = _Automaton(_embed(INNER))


@dataclass(frozen=True)
class Reber(_Grammar):
    """The Reber grammar itself, without the embedding and so without a long lag.

    B, then T or P, ..., E: strings of 5 symbols or more, 8 in the mean. Symbols, targets and
    criterion as in `EmbeddedReber`.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import Reber
    >>> strings = Reber().sample(1, np.random.default_rng(5))
    >>> "".join("BTPSXVE"[k] for k in strings.X)
    'BTSXXVPS'
    """

    _automaton: ClassVar[_Automaton] = _Automaton(INNER)
