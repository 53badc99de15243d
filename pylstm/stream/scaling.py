"""Running standardisation: every column brought to mean 0 and deviation 1 by what is known so far.

Symbols: n values seen, m mean, v variance, limit L, memory N rows; all per column.

    rate = 1 / min(n, N)                                   Welford's recursion up to N rows, then
    d    = clip(x - m, -L sqrt(v), L sqrt(v))              exponentially forgetting
    m   += rate d
    v    = (1 - rate) (v + rate d^2)

A wild value counts as L deviations at most (the first eight values of a column count as they are).
A lasting shift is followed within a few per cent of the rows remembered, because every further
value widens the scale again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["RunningScale"]

Vector = npt.NDArray[np.float64]
# So many values must have been seen before one of them can be called wild.
_SETTLED = 8


class RunningScale:
    """Mean and deviation of each column of a stream, from the rows seen so far only.

    Parameters
    ----------
    n_columns : int
        Number of columns.
    memory : int, default 3000
        Rows over which old values are forgotten; the first so many rows count alike.
    limit : float, default 5
        Standardised values are clipped to [-limit, limit], and so is the weight of one wild value.
    centre : bool, default True
        False keeps the mean at 0, so that a value of 0 stays 0 (the deviation is then a root mean
        square).

    Notes ----- A column that has not varied yet has deviation 0 and is standardised to 0. Some ten
    operations on short arrays a row.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.stream import RunningScale
    >>> scale = RunningScale(2)
    >>> for row in ([1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]):
    ...     scale.update(np.array(row))
    >>> scale.mean, scale.deviation
    (array([2., 5.]), array([1., 0.]))
    >>> scale.standardise(np.array([2.5, 5.0]))
    array([0.5, 0. ])
    """

    def __init__(
        self, n_columns: int, memory: int = 3000, limit: float = 5.0, centre: bool = True
    ) -> None:
        self.memory, self.limit, self.centre = memory, limit, centre
        self.count = np.zeros(n_columns)
        self.mean = np.zeros(n_columns)
        self.variance = np.zeros(n_columns)

    @property
    def deviation(self) -> Vector:
        """Standard deviation of each column, 0 where it has not varied."""
        return np.sqrt(self.variance)

    def update(self, values: Vector) -> None:
        """Take in one row; NaN leaves its column as it is."""
        known = values == values
        self.count += known
        rate = known / np.minimum(np.maximum(self.count, 1.0), self.memory)
        bound = self.limit * self.deviation
        bound[(self.count <= _SETTLED) | (bound == 0.0)] = np.inf
        distance = np.where(known, values - self.mean, 0.0)
        distance = np.minimum(np.maximum(distance, -bound), bound)
        if self.centre:
            self.mean += rate * distance
            self.variance[:] = (1.0 - rate) * (self.variance + rate * distance**2)
        else:
            self.variance += rate * (distance**2 - self.variance)

    def standardise(self, values: Vector) -> Vector:
        """Return ``(values - mean) / deviation`` within the limit; NaN stays NaN."""
        deviation = self.deviation
        deviation[deviation == 0.0] = np.inf
        z: Vector = (values - self.mean) / deviation
        return np.minimum(np.maximum(z, -self.limit), self.limit)

    def state(self) -> dict[str, Vector]:
        """Return what has been learned about the columns, as arrays."""
        return {"count": self.count, "mean": self.mean, "variance": self.variance}

    def restore(self, state: dict[str, Vector]) -> None:
        """Go on from what `state` returned."""
        for name, column in self.state().items():
            column[:] = state[name]
