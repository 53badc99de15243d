"""A number a row, or a sequence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array

from pylstm import estimators
from pylstm.sklearn.adapter import MORE_PARAMETERS, PARAMETERS, PUBLIC, SHUFFLE
from pylstm.sklearn.rows import Array, Lengths, Rows, sequence_ends
from pylstm.sklearn.supervised import SupervisedAdapter

__all__ = ["LSTMRegressor"]


class LSTMRegressor(RegressorMixin, SupervisedAdapter):  # type: ignore[misc]
    __doc__ = f"""Predict a number a row, or a sequence, from rows in time order.

    `pylstm.estimators.Regressor` as scikit-learn's. The features of a row may be NaN, which stands
    for the mean.

    Parameters
    ----------{PARAMETERS}
    feedback : bool, default False
        Whether the targets learned from are inputs of the rows after. `predict` knows no targets
        and takes its own predictions for them; good where `predict` of a row or a few is followed
        by `partial_fit` of the same, as their targets come.{SHUFFLE}{MORE_PARAMETERS}

    Attributes
    ----------
    estimator_ : pylstm.estimators.Regressor
        Behind the dress, where the stream stands.
    n_features_in_ : int
        Number of columns.

    Examples
    --------
    A sum of the last two numbers:

    >>> import numpy as np
    >>> from pylstm.sklearn import LSTMRegressor
    >>> X = np.random.default_rng(0).uniform(0, 1, (2000, 1))
    >>> y = X[:, 0] + np.roll(X[:, 0], 1)
    >>> LSTMRegressor(n_cells=8).fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.9
    True
    """

    __module__ = PUBLIC
    _estimator_class = estimators.Regressor

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, lengths: Lengths = None) -> Self:
        """Learn from rows in time order, or from sequences, beginning anew.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features)
            Rows of all sequences, one behind the other; NaN where there is no value.
        y : array_like, shape (n_rows,), or with `lengths` (n_sequences,)
            A target a row, or one a sequence, which belongs to its last row.
        lengths : array_like of int, shape (n_sequences,), optional
            Rows of each sequence; each is learned from a fresh state. Without: one sequence.

        Returns
        -------
        LSTMRegressor
            Itself.
        """
        X, y = self._checked_data(X, y, lengths, reset=True)
        sequence_ends(lengths, len(X))
        self._new_estimator()
        self._learn_all(X, self._targets(y), lengths)
        return self

    def partial_fit(self, X: npt.ArrayLike, y: npt.ArrayLike, lengths: Lengths = None) -> Self:
        """Learn from the rows that come next, or from more sequences.

        Parameters
        ----------
        X, y, lengths
            As in `fit`.

        Returns
        -------
        LSTMRegressor
            Itself.
        """
        first = not hasattr(self, "estimator_")
        X, y = self._checked_data(X, y, lengths, reset=first)
        sequence_ends(lengths, len(X))
        if first:
            self._new_estimator()
        self._learn_once(X, self._targets(y), lengths)
        return self

    def _targets(self, y: Array) -> list[Any]:
        numbers = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return list(numbers.tolist())

    def predict(self, X: npt.ArrayLike, lengths: Lengths = None) -> Array:
        """Predict the rows that follow those learned from, or sequences; nothing changes.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features)
            In time order.
        lengths : array_like of int, shape (n_sequences,), optional
            Rows of each sequence; each begins from a fresh state.

        Returns
        -------
        ndarray, shape (n_rows,), or (n_sequences,) if so fitted, float64
        """
        return np.array(self._predictions(X, lengths), float)

    def _predict_following(self, estimator: Any, rows: Rows) -> list[Any]:
        return list(estimator.predict_following(rows))

    def score(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        lengths: Lengths = None,
    ) -> float:
        """Return the share of the variance of y that `predict` explains, R^2.

        Parameters
        ----------
        X, lengths
            As in `predict`.
        y : array_like, shape of what `predict` returns
        sample_weight : array_like, optional
            Of the score.

        Returns
        -------
        float
        """
        return float(r2_score(y, self.predict(X, lengths), sample_weight=sample_weight))
