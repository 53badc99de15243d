"""The Packing class: many sequences gone through side by side, for units that see only themselves.

Steps are put in the order of time, the longer sequences first: a block holds step t of all
sequences that have one, and the step before of its row k is row k of the block before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Packing"]

Array = npt.NDArray[Any]


class Packing:
    """Where the steps of sequences are when they are packed.

    Parameters
    ----------
    lengths : (n_sequences,) int
        Steps of each sequence, at least 1.

    Attributes
    ----------
    rows : (n_steps,) int
        ``packed = values[rows]`` packs an array that has one sequence behind the other,
        ``values[rows] = packed`` unpacks it.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.baselines.packing import Packing
    >>> packing = Packing([2, 3])
    >>> packing.rows.tolist()
    [2, 0, 3, 1, 4]
    >>> packing.before(np.array([3.0, 1, 4, 2, 5])[:, None]).ravel().tolist()
    [0.0, 0.0, 3.0, 1.0, 4.0]
    """

    def __init__(self, lengths: npt.ArrayLike) -> None:
        lengths = np.asarray(lengths, int)
        order = np.argsort(-lengths, kind="stable")
        starts = (np.cumsum(lengths) - lengths)[order]
        n_left = [int((lengths > t).sum()) for t in range(lengths.max(initial=0))]
        self.rows = np.concatenate(
            [np.zeros(0, int), *(starts[:n] + t for t, n in enumerate(n_left))]
        )
        ends = np.cumsum(n_left, dtype=int).tolist()
        self._blocks = [slice(end - n, end) for end, n in zip(ends, n_left, strict=True)]

    def _pairs(self) -> list[tuple[slice, slice]]:
        """Each block after the first, and the rows of the block before that go on there."""
        return [
            (slice(old.start, old.start + new.stop - new.start), new)
            for old, new in zip(self._blocks, self._blocks[1:], strict=False)
        ]

    def scan(self, net: Array, w: Array, squashing: Callable[[Array], Array]) -> Array:
        """``a(t) = squashing(net(t) + w a(t-1))``, a(-1) = 0, for packed net, (n_steps, n)."""
        a = np.empty_like(net)
        for block in self._blocks[:1]:
            a[block] = squashing(net[block])
        for old, new in self._pairs():
            a[new] = squashing(net[new] + w * a[old])
        return a

    def scan_back(self, error: Array, slope: Array, w: Array) -> Array:
        """Send dL/da back through `scan`: ``e(t) = slope(t) (error(t) + w e(t+1))``, dL/dnet.

        slope, (n_steps, n): the derivative of the squashing at every step.
        """
        e = error * slope
        for old, new in reversed(self._pairs()):
            e[old] += slope[old] * (w * e[new])
        return e

    def before(self, a: Array) -> Array:
        """Packed values of the step before, zero at the first step of a sequence."""
        shifted = np.zeros_like(a)
        for old, new in self._pairs():
            shifted[new] = a[old]
        return shifted
