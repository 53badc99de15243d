"""Streams without resets: what the tasks of the papers of 2000 and 2002 have in common.

A stream goes on for ever: parts one behind the other, and nothing tells a network where one ends.
In those papers it is learned from until the first wrong output, and what counts is how far a
network comes: in symbols, sequences, spikes or periods, each of which is a part here.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from pylstm.checks import check_switch, check_whole
from pylstm.errors import brief
from pylstm.tasks.reber import SYMBOLS, EmbeddedReber
from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task
from pylstm.tasks.temporal_order import TemporalOrder

__all__ = ["Continual", "ContinualReber", "ContinualTemporalOrder"]

Array = npt.NDArray[Any]

# Parts of the first piece of a stream and of the longest: most streams end after a few.
_FEWEST, _MOST = 4, 1024


class Continual(Task):
    """Streams without resets, of parts that are counted.

    Attributes
    ----------
    counted : str
        What a part is: "symbols", "sequences", "spikes" or "periods".
    tolerance : float
        An output is wrong when its absolute error is this or more. Where a row of targets is NaN
        nothing is wanted and nothing is wrong.

    Notes
    -----
    `sample` gives streams of `n_parts` parts as sequences, for `run_sequences`; `pieces` one stream
    without end, piece after piece.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import ContinualReber, PeriodicFunction
    >>> ContinualReber().counted, PeriodicFunction().counted
    ('symbols', 'periods')
    >>> len(PeriodicFunction(F=10, n_parts=5).sample(2, np.random.default_rng(1)).X)
    100
    """

    last: ClassVar[bool] = False
    counted: ClassVar[str]
    n_parts: int

    def __post_init__(self) -> None:
        check_whole("n_parts", self.n_parts, 1)

    def of_parts(self, n_parts: int) -> Self:
        """Give the same task with streams of so many parts."""
        other = copy(self)
        object.__setattr__(other, "n_parts", n_parts)
        other.__post_init__()
        return other

    def beginnings(self, piece: Sequences) -> Array:
        """Give the steps of a piece at which a stream may begin: where a part does."""
        return piece.starts

    def resets(self, piece: Sequences) -> Array:
        """Give the steps of a piece before which the network is reset from outside: none."""
        return np.empty(0, np.int64)

    def pieces(self, rng: np.random.Generator) -> Iterator[Sequences]:
        """Draw one stream without end, the first pieces short.

        Parameters
        ----------
        rng : numpy Generator
            Goes on with every piece.

        Yields
        ------
        Sequences
            The next of its parts; `lengths` are theirs. No reset belongs between them.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.tasks import ContinualReber
        >>> pieces = ContinualReber().pieces(np.random.default_rng(5))
        >>> ["".join("BTPSXVE"[k] for k in next(pieces).X)[-3:] for _ in range(3)]
        ['EPE', 'EPE', 'ETE']
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng is {brief(rng)}, wanted a numpy Generator")
        n_parts = _FEWEST
        while True:
            yield self._parts(n_parts, rng)
            n_parts = min(2 * n_parts, _MOST)

    def _parts(self, n_parts: int, rng: np.random.Generator) -> Sequences:
        """Draw the next parts of a stream."""
        raise NotImplementedError

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        streams = []
        for _ in range(n_sequences):
            parts = self._parts(self.n_parts, rng)
            streams.append(replace(parts, lengths=np.array([parts.n_steps])))
        together = {
            name: np.concatenate([getattr(stream, name) for stream in streams])
            for name, values in vars(streams[0]).items()
            if values is not None
        }
        return Sequences(**together)

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        wanted = ~np.isnan(sequences.targets).all(axis=1)
        far = wanted & ~self._is_near(outputs, sequences.targets)
        return np.logical_or.reduceat(far, sequences.starts)


@dataclass(frozen=True)
class ContinualReber(Continual):
    """Strings of the embedded Reber grammar, one behind the other (Gers et al. 2000).

    After the E of a string comes the B of the next, and nothing else tells where it ends. Read one
    symbol, predict the next, at every step; symbols as in `EmbeddedReber`. A prediction is wrong
    when the squared error of an output is 0.49 or more: so 0.5 for each of two symbols that may
    come next is right. So is 0.5 for every symbol, which a network says that has learned nothing.

    Not stated in the paper: the targets, here the symbol that does come next, one-hot; or, with
    `possible`, all that may. Then 0.5 must not do, and so it is the error itself, not its square,
    that makes a prediction wrong at 0.49.

    Parameters
    ----------
    possible : bool, default False
        Whether every symbol that may come next is wanted, 1 for each of them.
    external_reset : bool, default False
        Whether `resets` names the beginning of every string: what networks without forget gates
        are given in the paper. Streams themselves are the same.
    n_parts : int, default 100
        Strings a stream of `sample` has; of `pieces` what is counted are the symbols.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import ContinualReber
    >>> stream = ContinualReber(n_parts=2).sample(1, np.random.default_rng(5))
    >>> "".join("BTPSXVE"[k] for k in stream.X)
    'BTBPTVPSETEBTBTSXSETE'
    >>> ContinualReber(external_reset=True).resets(stream).tolist()
    [0, 11]
    """

    possible: bool = False
    external_reset: bool = False
    n_parts: int = 100

    tokens: ClassVar[bool] = True
    n_inputs: ClassVar[int] = len(SYMBOLS)
    n_outputs: ClassVar[int] = len(SYMBOLS)
    counted: ClassVar[str] = "symbols"

    @property
    def tolerance(self) -> float:
        return 0.49 if self.possible else 0.7

    def __post_init__(self) -> None:
        check_switch("possible", self.possible)
        check_switch("external_reset", self.external_reset)
        super().__post_init__()

    def beginnings(self, piece: Sequences) -> Array:
        # where a string does: only there does a B follow an E
        before, after = piece.X[:-1], piece.X[1:]
        begins = (before == SYMBOLS.index("E")) & (after == SYMBOLS.index("B"))
        return np.append(0, np.flatnonzero(begins) + 1)

    def resets(self, piece: Sequences) -> Array:
        return self.beginnings(piece) if self.external_reset else super().resets(piece)

    def _parts(self, n_parts: int, rng: np.random.Generator) -> Sequences:
        automaton = EmbeddedReber._automaton
        symbols, states = automaton.sample(n_parts, rng)
        is_symbol = symbols >= 0
        X = symbols[is_symbol].astype(np.int32)
        following = np.append(X[1:], SYMBOLS.index("B"))
        may_follow = automaton.allowed.copy()
        may_follow[automaton.end, SYMBOLS.index("B")] = True
        allowed = may_follow.take(states[is_symbol], axis=0)
        targets = allowed.astype(np.float32)
        if not self.possible:
            targets = np.eye(len(SYMBOLS), dtype=np.float32).take(following, axis=0)
        return Sequences(X, targets, np.ones(len(X), np.int64), allowed=allowed)


@dataclass(frozen=True)
class ContinualTemporalOrder(Continual):
    """Sequences of `TemporalOrder` one behind the other (Gers et al. 2000, "CNTO").

    At the last symbol of each the class of the sequence is wanted, before it nothing; an answer is
    wrong when the error of an output is 0.3 or more.

    Not stated in the sources: what is wanted before the last symbol. Here nothing.

    Parameters
    ----------
    n_relevant : {2, 3}, default 3
        Relevant symbols of a sequence.
    n_parts : int, default 100
        Sequences a stream of `sample` has.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import ContinualTemporalOrder
    >>> stream = ContinualTemporalOrder(n_parts=3).sample(1, np.random.default_rng(1))
    >>> "".join("EBabcdXY"[k] for k in stream.X).translate(str.maketrans("", "", "abcd"))
    'EXYYBEYYYBEYYYB'
    >>> bool((np.isfinite(stream.targets).all(axis=1).sum() == 3))
    True
    """

    n_relevant: int = 3
    n_parts: int = 100

    tokens: ClassVar[bool] = True
    n_inputs: ClassVar[int] = TemporalOrder.n_inputs
    tolerance: ClassVar[float] = TemporalOrder.tolerance
    counted: ClassVar[str] = "sequences"

    def __post_init__(self) -> None:
        TemporalOrder(self.n_relevant)
        super().__post_init__()

    @property
    def n_outputs(self) -> int:
        return TemporalOrder(self.n_relevant).n_outputs

    def _parts(self, n_parts: int, rng: np.random.Generator) -> Sequences:
        parts = TemporalOrder(self.n_relevant).sample(n_parts, rng)
        targets = np.full((parts.n_steps, self.n_outputs), np.nan, np.float32)
        targets[parts.ends] = parts.targets
        return replace(parts, targets=targets, classes=None)
