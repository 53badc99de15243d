"""Errors of several forecasters on the same rows, in memory that does not grow with the stream.

The stream is cut into at most 4,096 segments of equal length; per segment are kept the number
of scored rows and, for every forecaster, the sums of two losses: |e| and e^2 of numbers; of labels,
whether it was wrong, and -log p with the probability p that it gave to the label that came. When
the segments are full, neighbours are merged and the segments become twice as long. Hence any part
of the stream ("after the first tenth") can be told from the rest at the end, although its length
was not known at the beginning: exactly up to 4,096 rows, to a thousandth of the stream
beyond.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.tabular.blocks import Segments, inside

__all__ = [
    "LEAST_PROBABILITY",
    "Coverage",
    "LabelScores",
    "LabelTotal",
    "Scores",
    "Total",
    "most_probable",
]

Array = npt.NDArray[Any]

# Of the label that came, as the log loss sees it: a label never seen before has a finite loss.
LEAST_PROBABILITY = 1e-6


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
    SKILL: ClassVar[str] = "skill = 1 - MAE of pylstm / MAE of the baseline, on the same rows"

    def columns(self) -> list[tuple[str, str, dict[str, float]]]:
        """Return the columns of the report: title, format, values by forecaster."""
        return [("MAE", ".4g", self.mae), ("RMSE", ".4g", self.rmse)]

    def skill(self, model: str, baseline: str) -> float:
        """Return ``1 - MAE(model) / MAE(baseline)``: 1 is perfect, 0 as good, below 0 worse."""
        return _skill(self.mae[model], self.mae[baseline])


@dataclass(frozen=True)
class LabelTotal:
    """Losses of forecasts of labels over a part of the stream.

    Parameters
    ----------
    n_scored : int
        Rows on which all forecasters were compared.
    errors : dict of str to float
        Share of the rows whose most probable label was not the one that came, by forecaster.
    log_loss : dict of str to float
        Mean of -log p, p the probability of the label that came, at least `LEAST_PROBABILITY`.
    """

    n_scored: int
    errors: dict[str, float]
    log_loss: dict[str, float]
    SKILL: ClassVar[str] = "skill = 1 - errors of pylstm / errors of the baseline, on the same rows"

    def columns(self) -> list[tuple[str, str, dict[str, float]]]:
        """Return the columns of the report: title, format, values by forecaster."""
        return [("accuracy", ".2%", self.accuracy), ("log loss", ".4g", self.log_loss)]

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of the rows whose most probable label came, by forecaster."""
        return {name: 1 - share for name, share in self.errors.items()}

    def skill(self, model: str, baseline: str) -> float:
        """Return ``1 - errors(model) / errors(baseline)``: 1 is perfect, 0 as good."""
        return _skill(self.errors[model], self.errors[baseline])


def _skill(own: float, other: float) -> float:
    if other == 0:
        return 0.0 if own == 0 else -np.inf
    return 1 - own / other


class Coverage(Segments):
    """How many targets were in their intervals along a stream, and how wide these were.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tabular.scores import Coverage
    >>> found = Coverage()
    >>> found.add_block(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([2.0, 4.0]))
    >>> found.total()
    (2, 0.5, 3.0)
    """

    def __init__(self) -> None:
        super().__init__(2)

    def add_block(self, truth: Array, low: Array, high: Array) -> None:
        """Take in rows; one counts when the truth and both ends exist."""
        self.add_rows(inside(truth, low, high))

    def total(self, after: float = 0.0) -> tuple[int, float, float]:
        """Return rows counted after the first part, share inside, mean width."""
        n, n_inside, width = self.sum_after(after).tolist()
        return int(n), n_inside / (n or np.nan), width / (n or np.nan)


class _Losses(Segments):
    """Two losses of named forecasters along a stream.

    The columns are the first losses, then the second ones.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        super().__init__(2 * len(names))

    def _mean_losses(self, after: float) -> tuple[int, npt.NDArray[Any], npt.NDArray[Any]]:
        """Scored rows after the first part of the stream, and the means of both losses there."""
        sums, k = self.sum_after(after), len(self.names)
        n = sums[0] or np.nan
        return int(sums[0]), sums[1 : 1 + k] / n, sums[1 + k :] / n

    def _by_name(self, values: npt.NDArray[Any]) -> dict[str, float]:
        return dict(zip(self.names, values.tolist(), strict=True))

    def running_error(self, n_points: int = 100) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Return the mean of the first loss along the stream.

        Parameters
        ----------
        n_points : int, default 100
            At most so many stretches of equal length.

        Returns
        -------
        rows : ndarray
            Last row of each stretch.
        error : dict of str to ndarray
            By forecaster; NaN in a stretch without scored rows.
        """
        used = -(-self.n_rows // self.rows_per_segment)
        width = max(1, -(-used // n_points))
        starts = np.arange(0, used, width)
        sums = np.add.reduceat(self.sums[:used], starts, axis=0) if used else self.sums[:0]
        rows = np.minimum((starts + width) * self.rows_per_segment, self.n_rows)
        n_scored = np.where(sums[:, 0] > 0, sums[:, 0], np.nan)
        first = sums[:, 1 : 1 + len(self.names)] / n_scored[:, None]
        return rows, dict(zip(self.names, first.T, strict=True))


class Scores(_Losses):
    """Absolute and squared errors of named forecasters along a stream.

    Parameters
    ----------
    names : sequence of str
        The forecasters.

    Examples
    --------
    >>> from pylstm.tabular import Scores
    >>> scores = Scores(["model", "last value"])
    >>> for row in range(100):
    ...     scores.add(truth=row, forecasts=[row + 1.0, row - 2.0])
    >>> total = scores.total(after=0.1)
    >>> total.n_scored, total.mae["model"], total.skill("model", "last value")
    (90, 1.0, 0.5)
    """

    def add(self, truth: float, forecasts: Sequence[float]) -> None:
        """Take in one row; it is scored when the truth and every forecast exist.

        Parameters
        ----------
        truth : float
            NaN where missing.
        forecasts : sequence of float
            One per name, in their order; NaN where there is none.
        """
        self.add_block(np.array([truth]), np.array([forecasts], float))

    def add_block(self, truth: Array, forecasts: Array) -> None:
        """Take in rows: as `add` of each, to the last bit.

        Parameters
        ----------
        truth : ndarray, shape (n,), float64
        forecasts : ndarray, shape (n, n_names), float64
        """
        self.add_rows(self.losses(truth, forecasts))

    @staticmethod
    def losses(truth: Array, forecasts: Array) -> Array:
        """Return |e| and e^2 of every forecaster, shape (n, 2 n_names)."""
        errors = forecasts - truth[:, None]
        return np.concatenate([np.abs(errors), errors**2], axis=1)

    def total(self, after: float = 0.0) -> Total:
        """Return the errors of the stream after its first part.

        Parameters
        ----------
        after : float, default 0
            Part of the rows left out at the beginning: 0.1 is the first tenth.
        """
        n_scored, absolute, squared = self._mean_losses(after)
        return Total(n_scored, self._by_name(absolute), self._by_name(np.sqrt(squared)))


class LabelScores(_Losses):
    """Errors and log loss of named forecasters of labels along a stream.

    Parameters
    ----------
    names : sequence of str
        The forecasters.

    Examples
    --------
    >>> from pylstm.tabular import LabelScores
    >>> scores = LabelScores(["model", "always a"])
    >>> for truth in "abab":
    ...     scores.add(truth, [{"a": 0.5, "b": 0.5}, {"a": 1.0}])
    >>> total = scores.total()
    >>> total.accuracy["always a"], round(total.log_loss["model"], 3)
    (0.5, 0.693)
    """

    def add(self, truth: str | None, forecasts: Sequence[Mapping[str, float]]) -> None:
        """Take in one row; it is scored when the truth and every forecast exist.

        Parameters
        ----------
        truth : str, optional
            None where missing.
        forecasts : list of dict of str to float
            Probabilities by label, one dict per name, in their order; empty where there is none.
        """
        self.add_rows(np.array([self.losses(truth, forecasts)], float))

    @staticmethod
    def losses(truth: str | None, forecasts: Sequence[Mapping[str, float]]) -> list[float]:
        """Return whether each is wrong, then -log p of each; NaN where the row is not scored."""
        if truth is None or not all(forecasts):
            return [math.nan] * (2 * len(forecasts))
        wrong = [float(most_probable(forecast) != truth) for forecast in forecasts]
        given = [max(forecast.get(truth, 0.0), LEAST_PROBABILITY) for forecast in forecasts]
        return [*wrong, *(-math.log(p) for p in given)]

    def total(self, after: float = 0.0) -> LabelTotal:
        """Return the losses of the stream after its first part.

        Parameters
        ----------
        after : float, default 0
            Part of the rows left out at the beginning: 0.1 is the first tenth.
        """
        n_scored, errors, log_loss = self._mean_losses(after)
        return LabelTotal(n_scored, self._by_name(errors), self._by_name(log_loss))


def most_probable(probabilities: Mapping[str, float]) -> str | None:
    """Return the most probable label, the first of equals; None where there is none."""
    return max(probabilities, key=probabilities.__getitem__) if probabilities else None
