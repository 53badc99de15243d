"""The Sequences class: whole sequences one after another, as `run_sequences` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief

__all__ = ["Sequences"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of any lengths, one after another, with what they want of a network.

    ``net.run_sequences(s.X, s.targets, s.lengths, last=task.last)`` learns them all; iterating
    gives them one by one; indexing picks some of them, in any order and as often as wanted.

    Parameters
    ----------
    X : (n_steps, n_inputs) float32, or (n_steps,) int32 tokens
    targets : (n_steps, n_outputs) float32, or (n_sequences, n_outputs)
        Wanted after every step, or after the last step of each sequence.
    lengths : (n_sequences,) int64
        Steps of each sequence, at least 1; they sum to n_steps.
    classes : (n_sequences,) int64, optional
        Class of each sequence, counted from 0 in the order of the paper, where there are classes.
    clean : (n_sequences, n_outputs) float32, optional
        Targets without noise, where the task may have noise on them.
    allowed : (n_steps, n_outputs) bool, optional
        Symbols that may come next, where several may.

    Notes
    -----
    Nothing is checked or copied here. Picking costs one copy of what is picked.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import Adding
    >>> rng = np.random.default_rng(1)
    >>> sequences = Adding().sample(5, rng)
    >>> len(sequences), bool(sequences.n_steps == sequences.lengths.sum())
    (5, True)
    >>> len(sequences[rng.integers(len(sequences), size=1000)])      # 1000 drawn from these five
    1000
    >>> X, targets = next(iter(sequences))                           # ready for net.run
    >>> X.shape == (sequences.lengths[0], 2), int(np.isfinite(targets).sum())
    (True, 1)
    """

    X: Array
    targets: Array
    lengths: Array
    classes: Array | None = None
    clean: Array | None = None
    allowed: Array | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def n_steps(self) -> int:
        """Steps of all sequences together."""
        return len(self.X)

    @property
    def starts(self) -> Array:
        """First step of each sequence, (n_sequences,)."""
        return np.asarray(self.ends - self.lengths + 1)

    @property
    def ends(self) -> Array:
        """Last step of each sequence, (n_sequences,)."""
        return np.cumsum(self.lengths) - 1

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        """Give (X, targets) of one after another, targets NaN where nothing is wanted."""
        for k, (start, length) in enumerate(
            zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        ):
            steps = slice(start, start + length)
            if self._is_by_step(self.targets):
                targets = self.targets[steps]
            else:
                targets = np.full((length, self.targets.shape[1]), np.nan, self.targets.dtype)
                targets[-1] = self.targets[k]
            yield self.X[steps], targets

    def __getitem__(self, index: slice | Array | list[int] | list[bool]) -> Sequences:
        """Pick sequences by a slice, a mask or their numbers."""
        chosen = np.arange(len(self))[index]
        if chosen.ndim != 1:
            raise TypeError(
                f"index is {brief(index)}, wanted a slice, a mask or an array of numbers"
            )
        lengths = self.lengths[chosen]
        starts = np.cumsum(lengths) - lengths
        steps = np.repeat(self.starts[chosen] - starts, lengths) + np.arange(lengths.sum())
        picked = {
            name: values.take(steps if self._is_by_step(values) else chosen, axis=0)
            for name, values in vars(self).items()
            if values is not None
        }
        return Sequences(**picked)

    def _is_by_step(self, values: Array) -> bool:
        """Whether values has a row a step; where sequences have one step each it has both."""
        return len(values) == self.n_steps
