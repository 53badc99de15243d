"""The Task class: what the tasks have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.checks import check_whole
from pylstm.errors import brief
from pylstm.tasks.sequences import Sequences

__all__ = ["Task", "check_whole", "draw_lengths"]

Array = npt.NDArray[Any]

_BLOCK = 32


def draw_lengths(min_length: int, n_sequences: int, rng: np.random.Generator) -> Array:
    """Draw uniformly from min_length, ..., min_length + min_length // 10."""
    return min_length + rng.integers(min_length // 10 + 1, size=n_sequences)


class Task:
    """A family of sequences, how to draw them, and when an answer to one is wrong.

    Attributes
    ----------
    n_inputs, n_outputs : int
    last : bool
        Only the output after the last step of a sequence is wanted.
    tokens : bool
        Inputs are one-hot vectors and given as ints.
    tolerance : float
        A sequence is right while the absolute error of every output stays below it; what is
        otherwise, each task says. Grammars have none.

    Examples
    --------
    >>> import numpy as np, pylstm
    >>> from pylstm.tasks import Adding
    >>> task = Adding()
    >>> net = pylstm.LSTM(task.n_inputs, task.n_outputs, n_blocks=2, block_size=2)
    >>> for (X, targets), _ in zip(task.sequences(np.random.default_rng(1)), range(3)):
    ...     outputs = net.run(X, targets, update="sequence")
    ...     net.reset()
    """

    tokens: ClassVar[bool] = False

    @property
    def last(self) -> bool:
        """Whether only the output after the last step of a sequence is wanted."""
        return True

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        raise NotImplementedError

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        raise NotImplementedError

    @property
    def tolerance(self) -> float:
        """Bound of the absolute error of every output."""
        raise NotImplementedError

    def sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        """Draw sequences at random, all at once.

        Parameters
        ----------
        n_sequences : int
            At least 1.
        rng : numpy Generator
            Goes on; in the same state it gives the same bits.

        Returns
        -------
        Sequences

        Raises
        ------
        ValueError, TypeError
            For a number below 1, or an rng that is no Generator.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.tasks import TemporalOrder
        >>> sequences = TemporalOrder().sample(100, np.random.default_rng(1))
        >>> sequences.X.dtype, sequences.targets.shape
        (dtype('int32'), (100, 4))
        """
        check_whole("n_sequences", n_sequences, 1)
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng is {brief(rng)}, wanted a numpy Generator")
        return self._sample(int(n_sequences), rng)

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        raise NotImplementedError

    def sequences(self, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
        """Draw sequences without end, one after another.

        Parameters
        ----------
        rng : numpy Generator
            Sequences are drawn from it 32 at a time, the same as ``sample(32, rng)``.

        Yields
        ------
        X : (n_steps, n_inputs) float32, or (n_steps,) int32 tokens
        targets : (n_steps, n_outputs) float32
            NaN where nothing is wanted; ready for ``net.run(X, targets, update="sequence")``.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.tasks import TwoSequence
        >>> X, targets = next(TwoSequence().sequences(np.random.default_rng(1)))
        >>> X.shape == targets.shape, bool(np.isnan(targets[:-1]).all())
        (True, True)
        """
        while True:
            yield from self.sample(_BLOCK, rng)

    def wrong(self, outputs: npt.ArrayLike, sequences: Sequences) -> Array:
        """Say which sequences were answered wrongly, by the criterion of the paper.

        Parameters
        ----------
        outputs : array of the shape of sequences.targets
            What the network gave; NaN is wrong.
        sequences : Sequences
            Of this task.

        Returns
        -------
        (n_sequences,) bool

        Raises
        ------
        ValueError
            If outputs have another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.tasks import Adding
        >>> sequences = Adding().sample(3, np.random.default_rng(1))
        >>> Adding().wrong(sequences.targets + [[0.0], [0.03], [0.05]], sequences).tolist()
        [False, False, True]
        """
        outputs = np.asarray(outputs)
        if outputs.shape != sequences.targets.shape:
            raise ValueError(
                f"outputs have shape {brief(outputs.shape)}, wanted "
                f"{brief(sequences.targets.shape)}, "
                "that of the targets"
            )
        return self._wrong(outputs, sequences)

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        return ~self._is_near(outputs, sequences.targets)

    def _is_near(self, outputs: Array, targets: Array) -> Array:
        """Say row by row whether every output is nearer than the tolerance; NaN is not."""
        return np.asarray((np.abs(outputs - targets) < self.tolerance).all(axis=1))
