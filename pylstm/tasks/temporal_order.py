"""Experiment 6: temporal order (HS97, section 5.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task

__all__ = ["TemporalOrder"]

Array = npt.NDArray[Any]

# Where the relevant symbols are: first and last possible step of each, both included, from 1.
POSITIONS = {
    2: ((10, 20), (50, 60)),
    3: ((10, 20), (33, 43), (66, 76)),
}
MIN_LENGTH, MAX_LENGTH = 100, 110
E, B, FILLERS, X_OR_Y = 0, 1, range(2, 6), 6


@dataclass(frozen=True)
class TemporalOrder(Task):
    """Experiment 6: which of X and Y came in which order (HS97, section 5.6).

    100 to 110 symbols: E, then a, b, c, d at random, then B, the trigger; but X or Y at steps 10-20
    and 50-60 (6a), or 10-20, 33-43 and 66-76 (6b). Wanted at the end is the class, one-hot: XX, XY,
    YX, YY, in the order of the outputs, or XXX, XXY, ..., YYY. Tokens: E, B, a, b, c, d, X, Y are 0
    to 7. A sequence is wrong when the error of an output is 0.3 or more.

    Not stated in the paper: whether steps are counted from 0 or 1 and whether the bounds are
    included. Here from 1 and included: only so are the lags of its table, 40 and 24, those of a
    sequence of 100 whose last relevant symbol is at step 60 or 76.

    Parameters
    ----------
    n_relevant : {2, 3}, default 2
        Relevant symbols: 2 in 6a, 3 in 6b.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import TemporalOrder
    >>> sequences = TemporalOrder(n_relevant=3).sample(1, np.random.default_rng(1))
    >>> symbols = "".join("EBabcdXY"[token] for token in sequences.X)
    >>> symbols[:16], symbols.translate(str.maketrans("", "", "abcd"))
    ('EddaaddabdbYdbbc', 'EYXXB')
    >>> sequences.classes.tolist(), sequences.targets[0].tolist()
    ([4], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    """

    n_relevant: int = 2

    tokens: ClassVar[bool] = True
    n_inputs: ClassVar[int] = 8
    tolerance: ClassVar[float] = 0.3

    def __post_init__(self) -> None:
        if self.n_relevant not in (2, 3):
            raise ValueError(f"n_relevant is {brief(self.n_relevant)}, wanted 2 or 3")

    @property
    def n_outputs(self) -> int:
        return int(2**self.n_relevant)

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        lengths = rng.integers(MIN_LENGTH, MAX_LENGTH, n_sequences, endpoint=True)
        X = rng.integers(FILLERS.start, FILLERS.stop, lengths.sum(), np.int32)
        classes = rng.integers(self.n_outputs, size=n_sequences)
        targets = np.eye(self.n_outputs, dtype=np.float32)[classes]
        sequences = Sequences(X, targets, lengths, classes)
        starts = sequences.starts
        X[starts] = E
        X[sequences.ends] = B
        for k, (low, high) in enumerate(reversed(POSITIONS[self.n_relevant])):
            steps = starts + rng.integers(low - 1, high, n_sequences)
            X[steps] = X_OR_Y + (classes >> k & 1)  # the last symbol is the last bit
        return sequences
