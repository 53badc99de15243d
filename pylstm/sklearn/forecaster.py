"""A series, any number of rows ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from pylstm import estimators
from pylstm.estimators.defaults import N_CELLS
from pylstm.optimizers import Optimizer
from pylstm.sklearn.adapter import MORE_PARAMETERS, PARAMETERS, PUBLIC, Adapter
from pylstm.sklearn.rows import Array, Rows

__all__ = ["LSTMForecaster"]


class LSTMForecaster(RegressorMixin, Adapter):  # type: ignore[misc]
    __doc__ = f"""Forecast a series any number of rows ahead.

    `pylstm.estimators.Forecaster` as scikit-learn's.

    Parameters
    ----------{PARAMETERS}
    season : int or sequence of int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily one,
        ``(24, 168)`` for hours with a daily and a weekly one.
    horizon : int, optional
        A lead at which the forecast is learned directly, by networks of its own.{MORE_PARAMETERS}

    Attributes
    ----------
    estimator_ : pylstm.estimators.Forecaster
        Behind the dress, where the series stands.
    n_features_in_ : int
        Number of columns; 0 without features.

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
        optimizer: Optimizer | None = None,
        n_epochs: int | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
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
        self.seed = seed

    def fit(self, X: npt.ArrayLike | None, y: npt.ArrayLike) -> Self:
        """Learn from a series, beginning anew.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features), or None
            Features of the rows; NaN where there is no value.
        y : array_like, shape (n_rows,)
            Values of the series, in time order.

        Returns
        -------
        LSTMForecaster
            Itself.
        """
        rows, values = self._checked_series(X, y, reset=True)
        self._new_estimator()
        for epoch in range(self.n_epochs or 1):
            if epoch:
                self.estimator_.reset()
            self._learn_series(rows, values)
        return self

    def partial_fit(self, X: npt.ArrayLike | None, y: npt.ArrayLike) -> Self:
        """Learn from the values that come next.

        Parameters
        ----------
        X, y
            As in `fit`.

        Returns
        -------
        LSTMForecaster
            Itself.
        """
        first = not hasattr(self, "estimator_")
        rows, values = self._checked_series(X, y, reset=first)
        if first:
            self._new_estimator()
        self._learn_series(rows, values)
        return self

    def _checked_series(self, X: Any, y: Any, reset: bool) -> tuple[Rows, list[float]]:
        if X is None:
            if not reset and self.n_features_in_:
                raise ValueError(f"X is None, wanted the {self.n_features_in_} features of before")
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
            values = column_or_1d(y, warn=True)
            self.n_features_in_ = 0
            self.time_columns_ = []
            return [{}] * len(values), list(values.tolist())
        X = self._without_times(X, reset)
        X, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan"
        )
        return self._as_rows(X), list(np.asarray(y, float).tolist())

    def _learn_series(self, rows: Rows, values: list[float]) -> None:
        for x, value in zip(rows, values, strict=True):
            self.estimator_.learn_one(value, x)

    def forecast(self, horizon: int, X: npt.ArrayLike | None = None) -> Array:
        """Forecast the rows that follow those learned from; nothing changes.

        Parameters
        ----------
        horizon : int
            How many rows, at least 1.
        X : array_like, shape (horizon, n_features), optional
            Their features; without, the mean stands for them.

        Returns
        -------
        ndarray, shape (horizon,), float64
        """
        check_is_fitted(self)
        rows = None
        if X is not None:
            rows = self._as_rows(self._checked_features(X))
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
        rows = self._as_rows(self._checked_features(X))
        return np.array(self.estimator_.forecast(len(rows), rows))
