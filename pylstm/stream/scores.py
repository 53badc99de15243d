"""Errors of several forecasters on the same rows, in memory that does not grow with the stream.

The stream is cut into at most `_CAPACITY` segments of equal length; per segment are kept the number
of scored rows and, for every forecaster, the sums of |e| and of e^2. When the segments are full,
neighbours are merged and the segments become twice as long. Hence any part of the stream ("after
the first tenth") can be told from the rest at the end, although its length was not known at the
beginning: exactly up to `_CAPACITY` rows, to a thousandth of the stream beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Scores", "Total"]

_CAPACITY = 4096


@dataclass(frozen=True)
class Total:
    """Errors over a part of the stream.

    Parameters
    ----------
    n_scored : int
        Rows on which all forecasters were compared.
    mae, rmse : dict of str to float
        Mean absolute and root mean squared error by forecaster, in units of the target.
    """

    n_scored: int
    mae: dict[str, float]
    rmse: dict[str, float]

    def skill(self, model: str, opponent: str) -> float:
        """Return ``1 - MAE(model) / MAE(opponent)``: 1 is perfect, 0 as good, below 0 worse."""
        own, other = self.mae[model], self.mae[opponent]
        if other == 0:
            return 0.0 if own == 0 else -np.inf
        return 1 - own / other


class Scores:
    """Absolute and squared errors of named forecasters along a stream.

    Parameters
    ----------
    names : sequence of str
        The forecasters.

    Examples
    --------
    >>> from pylstm.stream import Scores
    >>> scores = Scores(["model", "last value"])
    >>> for row in range(100):
    ...     scores.add(truth=row, forecasts=[row + 1.0, row - 2.0])
    >>> total = scores.total(after=0.1)
    >>> total.n_scored, total.mae["model"], total.skill("model", "last value")
    (90, 1.0, 0.5)
    """

    def __init__(self, names: list[str]) -> None:
        self.names = list(names)
        self.n_rows = 0
        self.rows_per_segment = 1
        # Columns: scored rows, then sums of |e|, then sums of e^2.
        self._sums = np.zeros((_CAPACITY, 1 + 2 * len(names)))

    def add(self, truth: float, forecasts: list[float]) -> None:
        """Take in one row; it is scored when the truth and every forecast exist.

        Parameters
        ----------
        truth : float
            NaN where missing.
        forecasts : list of float
            One per name, in their order; NaN where there is none.
        """
        segment = self.n_rows // self.rows_per_segment
        if segment == _CAPACITY:
            self._merge()
            segment = self.n_rows // self.rows_per_segment
        self.n_rows += 1
        errors = np.array(forecasts) - truth
        if not np.isnan(errors).any():
            self._sums[segment] += np.concatenate([[1.0], np.abs(errors), errors**2])

    def _merge(self) -> None:
        half = self._sums[0::2] + self._sums[1::2]
        self._sums[:] = 0
        self._sums[: len(half)] = half
        self.rows_per_segment *= 2

    def total(self, after: float = 0.0) -> Total:
        """Return the errors of the stream after its first part.

        Parameters
        ----------
        after : float, default 0
            Part of the rows left out at the beginning: 0.1 is the first tenth.
        """
        start = int(np.ceil(round(after * self.n_rows / self.rows_per_segment, 9)))
        n_scored, absolute, squared = self._split(self._sums[start:].sum(axis=0))
        n = n_scored or np.nan
        return Total(
            int(n_scored),
            dict(zip(self.names, (absolute / n).tolist(), strict=True)),
            dict(zip(self.names, np.sqrt(squared / n).tolist(), strict=True)),
        )

    def running_mae(self, n_points: int = 100) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Return the mean absolute error along the stream.

        Parameters
        ----------
        n_points : int, default 100
            At most so many stretches of equal length.

        Returns
        -------
        rows : ndarray
            Last row of each stretch.
        mae : dict of str to ndarray
            By forecaster; NaN in a stretch without scored rows.
        """
        used = -(-self.n_rows // self.rows_per_segment)
        width = max(1, -(-used // n_points))
        starts = np.arange(0, used, width)
        sums = np.add.reduceat(self._sums[:used], starts, axis=0) if used else self._sums[:0]
        rows = np.minimum((starts + width) * self.rows_per_segment, self.n_rows)
        n_scored = np.where(sums[:, 0] > 0, sums[:, 0], np.nan)
        absolute = sums[:, 1 : 1 + len(self.names)] / n_scored[:, None]
        return rows, dict(zip(self.names, absolute.T, strict=True))

    def _split(self, sums: npt.NDArray[Any]) -> tuple[float, npt.NDArray[Any], npt.NDArray[Any]]:
        k = len(self.names)
        return float(sums[0]), sums[1 : 1 + k], sums[1 + k :]

    def state(self) -> dict[str, Any]:
        """Return the scores so far, as plain numbers and arrays."""
        used = -(-self.n_rows // self.rows_per_segment)
        return {
            "n_rows": self.n_rows,
            "rows_per_segment": self.rows_per_segment,
            "sums": self._sums[:used],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        n_rows, width, sums = state["n_rows"], state["rows_per_segment"], state["sums"]
        if width < 1 or not len(sums) == -(-n_rows // width) <= _CAPACITY:
            raise ValueError("the numbers of rows in the saved scores do not fit together")
        self.n_rows, self.rows_per_segment = n_rows, width
        self._sums[:] = 0
        self._sums[: len(sums)] = sums
