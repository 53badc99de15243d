"""A series, any number of rows ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from pylstm import estimators
from pylstm.estimators.defaults import N_CELLS
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.sklearn.adapter import ATTRIBUTES, MORE_PARAMETERS, PARAMETERS, PUBLIC, Adapter
from pylstm.sklearn.rows import (
    Array,
    Rows,
    as_numbers,
    as_targets,
    as_weights,
    check_some_weight,
    placed,
    scored,
)

__all__ = ["LSTMForecaster"]


@answers_keywords
class LSTMForecaster(RegressorMixin, Adapter):  # type: ignore[misc]
    __doc__ = f"""Forecast a series any number of rows ahead.

    `pylstm.estimators.Forecaster` as scikit-learn's. Features are what is known of a row before its
    value, of rows to come too: not what is measured at the same moment.

    Parameters
    ----------{PARAMETERS}
    season : int or sequence of int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily one,
        ``(24, 168)`` for hours with a daily and a weekly one.
    horizon : int, optional
        A lead that is learned directly too, by networks of its own, and mixed there with the
        forecast without them by the errors of both.{MORE_PARAMETERS}

    Attributes
    ----------
    estimator_ : pylstm.estimators.Forecaster
        The estimator behind this adapter, where the series stands.{ATTRIBUTES}

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.sklearn import LSTMForecaster
    >>> wave = 20 + 5 * np.sin(np.arange(2012) * np.pi / 12)
    >>> forecast = LSTMForecaster(n_cells=8).fit(None, wave[:2000]).forecast(12)
    >>> float(abs(forecast - wave[2000:]).max()) < 2
    True
    """

    __module__ = PUBLIC
    _estimator_class = estimators.Forecaster

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        season: int | Sequence[int] | None = None,
        horizon: int | None = None,
        calendar: bool | str | Sequence[str] | None = None,
        block_size: int = 1,
        optimizer: Optimizer | str | None = None,
        n_epochs: int | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        random_state: Any = 0,
    ) -> None:
        self.n_cells = n_cells
        self.season = season
        self.horizon = horizon
        self.calendar = calendar
        self.block_size = block_size
        self.optimizer = optimizer
        self.n_epochs = n_epochs
        self.network = network
        self.dtype = dtype
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from a series, beginning anew.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features), or None
            Features of the rows; NaN where there is no value. A column of text is a category.
        y : array_like, shape (n_rows,)
            Values of the series, in time order; NaN, None and the like where there is none.
        sample_weight : array_like, shape (n_rows,), optional
            By which the gradient of a row is multiplied; with 0 the row is seen, and nothing is
            learned.

        Returns
        -------
        LSTMForecaster
            Itself.
        """
        targets, known = self._checked_targets(y)
        rows = self._rows_of(X, known.size, reset=True)
        values = self._values(len(rows), targets, known)
        weights = as_weights(sample_weight, len(rows))
        check_some_weight(zip(values, weights, strict=True))
        self._check_kinds(rows, True)
        self._new_estimator()
        for epoch in range(self.n_epochs or 1):
            if epoch:
                self.estimator_.reset()
            self._learn_series(rows, values, weights)
        return self

    def partial_fit(
        self,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from the values that come next.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; y None where only features come.

        Returns
        -------
        LSTMForecaster
            Itself.
        """
        first = not hasattr(self, "estimator_")
        if y is None:
            y = np.full(0 if X is None else len(X), np.nan)  # type: ignore[arg-type]
        targets, known = as_targets(y)
        rows = self._rows_of(X, known.size, reset=first)
        values = self._values(len(rows), targets, known)
        weights = as_weights(sample_weight, len(rows))
        self._check_kinds(rows, first)
        if first:
            self._new_estimator()
        self._learn_series(rows, values, weights)
        return self

    def _rows_of(self, X: Any, n_rows: int, reset: bool) -> Rows:
        if X is not None:
            return self._checked_rows(X, reset)[1]
        if not reset and self.n_features_in_:
            raise ValueError(f"X is None, wanted the {self.n_features_in_} features of before")
        self.n_features_in_ = 0
        self.time_columns_ = []
        return [{} for _ in range(n_rows)]

    def _values(self, n_rows: int, targets: Array, known: Array) -> list[Any]:
        if known.size != n_rows:
            raise ValueError(f"y has {known.size} entries, wanted one for each of {n_rows} rows")
        return placed(as_numbers(targets), known)

    def _learn_series(self, rows: Rows, values: list[Any], weights: list[float]) -> None:
        for x, value, weight in zip(rows, values, weights, strict=True):
            self.estimator_.learn_one(value, x, weight)

    def forecast(self, horizon: int, X: npt.ArrayLike | None = None) -> Array:
        """Forecast the rows that follow those learned from; nothing changes.

        Parameters
        ----------
        horizon : int
            How many rows, at least 1.
        X : array_like, shape (horizon, n_features), optional
            Their features; without, the mean stands for them, with a warning.

        Returns
        -------
        ndarray, shape (horizon,), float64
        """
        check_is_fitted(self)
        rows = None
        if X is not None:
            rows = self._checked_rows(X)[1]
        return np.array(self.estimator_.forecast(horizon, rows))

    def predict(self, X: npt.ArrayLike) -> Array:
        """Forecast as many rows as X has, which are their features.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features)
            Features of the rows that follow those learned from.

        Returns
        -------
        ndarray, shape (n_rows,), float64
        """
        check_is_fitted(self)
        rows = self._checked_rows(X)[1]
        return np.array(self.estimator_.forecast(len(rows), rows))

    def score(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        """Return the share of the variance of y that `predict` explains, R^2.

        Parameters
        ----------
        X
            As in `predict`.
        y : array_like, shape (n_rows,)
            Entries without value are left out.
        sample_weight : array_like, optional
            Of the score.

        Returns
        -------
        float
        """
        return scored(r2_score, y, self.predict(X), sample_weight)
