"""A number a row, or a sequence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags

from pylstm import estimators
from pylstm.sklearn.adapter import (
    ATTRIBUTES,
    MORE_PARAMETERS,
    PARAMETERS,
    PUBLIC,
    SEQUENCES,
)
from pylstm.sklearn.rows import (
    Array,
    Ids,
    Lengths,
    Rows,
    as_numbers,
    as_table,
    as_targets,
    placed,
    scored,
)
from pylstm.sklearn.supervised import SupervisedAdapter

__all__ = ["LSTMRegressor"]


class LSTMRegressor(RegressorMixin, SupervisedAdapter):  # type: ignore[misc]
    __doc__ = f"""Predict a number a row, or a sequence, from rows in time order.

    `pylstm.estimators.Regressor` as scikit-learn's. The features of a row may be NaN, which stands
    for the mean.

    Parameters
    ----------{PARAMETERS}
    feedback : bool, optional
        Whether the targets learned from are inputs of the rows after. `predict` knows no targets
        and takes its own predictions for them. By default True, as in every adapter, but False
        where sequences are learned first, since each begins without.{SEQUENCES}{MORE_PARAMETERS}

    Attributes
    ----------
    estimator_ : pylstm.estimators.Regressor
        The estimator behind this adapter, where the stream stands.{ATTRIBUTES}

    Examples
    --------
    A sum of the last two numbers:

    >>> import numpy as np
    >>> from pylstm.sklearn import LSTMRegressor
    >>> X = np.random.default_rng(0).uniform(0, 1, (2000, 1))
    >>> y = X[:, 0] + np.roll(X[:, 0], 1)
    >>> LSTMRegressor(n_cells=8).fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.9
    True

    Text beside numbers, and two targets, of which the second comes every other row:

    >>> colour = np.random.default_rng(1).choice(["red", "blue"], 2000)
    >>> X = np.column_stack([X.astype(object), colour])
    >>> y = np.column_stack([y, np.where(colour == "red", 5.0, y)])
    >>> y[::2, 1] = np.nan
    >>> model = LSTMRegressor(n_cells=8).fit(X[:1500], y[:1500])
    >>> model.predict(X[1500:]).shape, model.score(X[1500:], y[1500:]) > 0.8
    ((500, 2), True)
    """

    __module__ = PUBLIC
    _estimator_class = estimators.Regressor

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        lengths: Lengths = None,
        sequence: Ids = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from rows in time order, or from sequences, beginning anew.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features)
            Rows of all sequences; NaN where there is no value. A column of text is a category.
        y : array_like, shape (n_rows,), or of sequences (n_sequences,)
            A target a row, or one a sequence, in the order of their first rows, which belongs to
            its last row. NaN, None and the like where there is none: the state advances and
            nothing is learned. Several targets are columns, (n_rows, n_targets).
        lengths : array_like of int, shape (n_sequences,), optional
            Rows of each sequence; each is learned from a fresh state.
        sequence : array_like, shape (n_rows,), optional
            An id a row: rows with the same are a sequence, wherever they are. Metadata that are
            asked for where they are routed; `sequence_column` reaches every method without.
            Without any of the three: one stream.
        sample_weight : array_like, shape of y, optional
            By which the gradient of a target is multiplied; with 0 the row is seen, and nothing is
            learned. Optimizers that divide by the size of the gradients, as the default does, heed
            how weights differ, not a factor common to all.

        Returns
        -------
        LSTMRegressor
            Itself.

        Raises
        ------
        ValueError
            For what does not fit together, and where y has no target at all.
        """
        data = self._data(X, lengths, sequence, reset=True)
        table = as_table(y)
        if table is None:
            targets, known = self._checked_targets(y)
            return self._learn_all(data, placed(as_numbers(targets), known), sample_weight)
        if np.isnan(table).all():
            raise ValueError("y has no target, wanted at least one")
        return self._learn_all(data, _by_row(table), sample_weight)

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        lengths: Lengths = None,
        sequence: Ids = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from the rows that come next, or from more sequences.

        Parameters
        ----------
        X, y, lengths, sequence, sample_weight
            As in `fit`; y None where no targets come: the stream goes on and nothing is learned.

        Returns
        -------
        LSTMRegressor
            Itself.
        """
        first = not hasattr(self, "estimator_")
        data = self._data(X, lengths, sequence, reset=first)
        values: list[Any] = [None] * len(data.rows)
        if y is not None:
            table = as_table(y)
            if table is None:
                targets, known = as_targets(y)
                values = placed(as_numbers(targets), known)
            else:
                values = _by_row(table)
        if not first:
            self.estimator_._targets.check(next((v for v in values if v is not None), None))
        return self._learn_more(data, values, sample_weight, first)

    def predict(self, X: npt.ArrayLike, lengths: Lengths = None, sequence: Ids = None) -> Array:
        """Predict the rows that follow those learned from, or sequences; nothing changes.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features)
            In time order.
        lengths, sequence
            As in `fit`; each sequence begins from a fresh state. Without, after a fit of
            sequences: X is one.

        Returns
        -------
        ndarray, shape (n_rows,), or (n_sequences,) if so fitted, float64
            Of several targets (n_rows, n_targets), or (n_sequences, n_targets).
        """
        return np.array(self._predictions(X, lengths, sequence), float)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _predict_following(self, estimator: Any, rows: Rows) -> list[Any]:
        return list(estimator.predict_following(rows))

    def score(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        lengths: Lengths = None,
        sequence: Ids = None,
    ) -> float:
        """Return the share of the variance of y that `predict` explains, R^2; of several the mean.

        Parameters
        ----------
        X, lengths, sequence
            As in `predict`.
        y : array_like, shape of what `predict` returns
            Entries without target are left out.
        sample_weight : array_like, optional
            Of the score.

        Returns
        -------
        float
        """
        return scored(r2_score, y, self.predict(X, lengths, sequence), sample_weight)


def _by_row(table: Array) -> list[Any]:
    """The targets of every row, None where all are missing."""
    return [None if np.isnan(row).all() else row.tolist() for row in table]
