"""A label a row, or a sequence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets

from pylstm import estimators
from pylstm.errors import brief
from pylstm.sklearn.adapter import MORE_PARAMETERS, PARAMETERS, PUBLIC, SHUFFLE
from pylstm.sklearn.rows import Array, Lengths, Rows, sequence_ends
from pylstm.sklearn.supervised import SupervisedAdapter

__all__ = ["LSTMClassifier"]


class LSTMClassifier(ClassifierMixin, SupervisedAdapter):  # type: ignore[misc]
    __doc__ = f"""Predict a label a row, or a sequence, from rows in time order.

    `pylstm.estimators.Classifier` as scikit-learn's. The features of a row may be NaN, which stands
    for the mean.

    Parameters
    ----------{PARAMETERS}
    feedback : bool, default False
        Whether the labels learned from are inputs of the rows after. `predict` knows no labels and
        takes its own probabilities for them.{SHUFFLE}{MORE_PARAMETERS}

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted.
    estimator_ : pylstm.estimators.Classifier
        Behind the dress, where the stream stands; its labels are places in `classes_`.
    n_features_in_ : int
        Number of columns.

    Examples
    --------
    Whether the first number of a sequence was positive:

    >>> import numpy as np
    >>> from pylstm.sklearn import LSTMClassifier
    >>> X = np.random.default_rng(0).normal(size=(2000, 3))
    >>> y = np.where(X[:, 0] > 0, "yes", "no")
    >>> model = LSTMClassifier(n_cells=8, n_epochs=5)
    >>> model = model.fit(X[:1500].reshape(-1, 1), y[:1500], [3] * 1500)
    >>> model.score(X[1500:].reshape(-1, 1), y[1500:], lengths=[3] * 500) > 0.9
    True
    """

    __module__ = PUBLIC
    _estimator_class = estimators.Classifier

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, lengths: Lengths = None) -> Self:
        """Learn from rows in time order, or from sequences, beginning anew.

        Parameters
        ----------
        X : array_like, shape (n_rows, n_features)
            Rows of all sequences, one behind the other; NaN where there is no value.
        y : array_like, shape (n_rows,), or with `lengths` (n_sequences,)
            A label a row, or one a sequence, which belongs to its last row.
        lengths : array_like of int, shape (n_sequences,), optional
            Rows of each sequence; each is learned from a fresh state. Without: one sequence.

        Returns
        -------
        LSTMClassifier
            Itself.
        """
        X, y = self._checked_data(X, y, lengths, reset=True)
        check_classification_targets(y)
        sequence_ends(lengths, len(X))
        self._begin_with_classes(np.unique(y))
        self._learn_all(X, self._targets(y), lengths)
        return self

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        lengths: Lengths = None,
    ) -> Self:
        """Learn from the rows that come next, or from more sequences.

        Parameters
        ----------
        X, y, lengths
            As in `fit`.
        classes : array_like, shape (n_classes,), optional
            All labels that will ever come; wanted at the first call.

        Returns
        -------
        LSTMClassifier
            Itself.
        """
        first = not hasattr(self, "estimator_")
        if first and classes is None:
            raise ValueError("classes is None, wanted all labels at the first call of partial_fit")
        if (
            not first
            and classes is not None
            and not np.array_equal(self.classes_, np.unique(np.asarray(classes)))
        ):
            raise ValueError(
                f"classes is {brief(classes)}, wanted those of the first call, "
                f"{brief(self.classes_.tolist())}"
            )
        X, y = self._checked_data(X, y, lengths, reset=first)
        check_classification_targets(y)
        sequence_ends(lengths, len(X))
        known = np.unique(np.asarray(classes)) if first else self.classes_
        strange = np.setdiff1d(y, known)
        if strange.size:
            raise ValueError(
                f"y contains {brief(strange.tolist()[0])}, wanted one of the classes "
                f"{brief(known.tolist())}"
            )
        if first:
            self._begin_with_classes(known)
        self._learn_once(X, self._targets(y), lengths)
        return self

    def _begin_with_classes(self, classes: Array) -> None:
        self._new_estimator()
        self.classes_ = classes
        self.estimator_.expect(range(len(classes)))

    def _targets(self, y: Array) -> list[Any]:
        return list(np.searchsorted(self.classes_, y).tolist())

    def predict_proba(self, X: npt.ArrayLike, lengths: Lengths = None) -> Array:
        """Return the probabilities of the classes, as `predict` sees them.

        Parameters
        ----------
        X, lengths
            As in `predict`.

        Returns
        -------
        ndarray, shape (n_rows, n_classes), or (n_sequences, n_classes) if so fitted, float64
        """
        return np.array([list(row.values()) for row in self._predictions(X, lengths)], float)

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
        ndarray, shape (n_rows,), or (n_sequences,) if so fitted
            Labels.
        """
        labels: Array = self.predict_proba(X, lengths).argmax(axis=1)
        return np.asarray(self.classes_[labels])

    def _predict_following(self, estimator: Any, rows: Rows) -> list[Any]:
        return list(estimator.predict_proba_following(rows))

    def score(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        lengths: Lengths = None,
    ) -> float:
        """Return the share of labels that `predict` gets right.

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
        return float(accuracy_score(y, self.predict(X, lengths), sample_weight=sample_weight))
