"""Experiment 3: noise and signal on the same line (HS97, section 5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task, check_whole, draw_lengths

__all__ = ["TwoSequence"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TwoSequence(Task):
    """Experiment 3: the two-sequence problem of Bengio et al., with noise (HS97, section 5.3).

    Two classes, each with probability 1/2, told apart by the first elements alone: +1 (class 1 of
    the paper, 0 in `classes`) or -1 (class 2, here 1). What follows is Gaussian noise of mean 0 and
    variance 0.2. One input; wanted at the end is 1 for the first class and 0 for the second.

    3a is the default. In 3b the first elements carry the noise as well. In 3c wanted is 0.2 for the
    first class and 0.8 for the second, plus Gaussian noise of mean 0 and variance 0.1. A sequence
    is wrong when the output is further than 0.2 (3c: 0.1) from the target without noise.

    Parameters
    ----------
    n_information : int, default 3
        First elements that tell the class, N in the paper; at least 1.
    noise_on_information : bool, default False
        True in 3b.
    noise_on_targets : bool, default False
        True in 3c.
    min_length : int, default 100
        T in the paper: lengths are uniform in T, ..., T + T // 10, both included; at least
        n_information.

    Notes
    -----
    ``sequences.clean`` are the targets without noise.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import TwoSequence
    >>> sequences = TwoSequence(noise_on_targets=True).sample(4, np.random.default_rng(1))
    >>> sequences.classes.tolist(), sequences.X[sequences.starts, 0].tolist()
    ([0, 1, 1, 1], [1.0, -1.0, -1.0, -1.0])
    >>> sequences.clean.ravel()
    array([0.2, 0.8, 0.8, 0.8], dtype=float32)
    >>> sequences.targets.ravel().round(2)
    array([-0.08,  0.5 ,  0.83,  0.8 ], dtype=float32)
    """

    n_information: int = 3
    noise_on_information: bool = False
    noise_on_targets: bool = False
    min_length: int = 100

    n_inputs: ClassVar[int] = 1
    n_outputs: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_whole("n_information", self.n_information, 1)
        for name in ("noise_on_information", "noise_on_targets"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise ValueError(f"{name} is {brief(getattr(self, name))}, wanted True or False")
        check_whole("min_length", self.min_length, self.n_information)

    @property
    def tolerance(self) -> float:
        return 0.1 if self.noise_on_targets else 0.2

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        classes = rng.integers(2, size=n_sequences)
        lengths = draw_lengths(self.min_length, n_sequences, rng)
        X = rng.standard_normal((lengths.sum(), 1), np.float32)
        X *= np.float32(np.sqrt(0.2))
        wanted = np.array([0.2, 0.8] if self.noise_on_targets else [1, 0], np.float32)
        clean = wanted[classes][:, None]
        targets = clean
        if self.noise_on_targets:
            noise = rng.standard_normal((n_sequences, 1), np.float32)
            targets = clean + np.float32(np.sqrt(0.1)) * noise
        sequences = Sequences(X, targets, lengths, classes, clean)
        first = sequences.starts[:, None] + np.arange(self.n_information)
        sign = 1 - 2 * classes[:, None, None]
        X[first] = X[first] + sign if self.noise_on_information else sign
        return sequences

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        return np.asarray(~(np.abs(outputs - sequences.clean) <= self.tolerance)[:, 0])
