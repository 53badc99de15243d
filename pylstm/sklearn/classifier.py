"""A label a row, or a sequence."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets

from pylstm import estimators
from pylstm.errors import brief
from pylstm.sklearn.adapter import (
    ATTRIBUTES,
    MORE_PARAMETERS,
    PARAMETERS,
    PUBLIC,
    SEQUENCES,
)
from pylstm.sklearn.rows import Array, Ids, Lengths, Rows, as_targets, placed, scored
from pylstm.sklearn.supervised import SupervisedAdapter

__all__ = ["LSTMClassifier"]


class LSTMClassifier(ClassifierMixin, SupervisedAdapter):  # type: ignore[misc]
    __doc__ = f"""Predict a label a row, or a sequence, from rows in time order.

    `pylstm.estimators.Classifier` as scikit-learn's. The features of a row may be NaN, which stands
    for the mean.

    Parameters
    ----------{PARAMETERS}
    feedback : bool, optional
        Whether the labels learned from are inputs of the rows after. `predict` knows no labels and
        takes its own probabilities for them. By default True, as in every adapter, but False
        where sequences are learned first, since each begins without.{SEQUENCES}{MORE_PARAMETERS}

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted.
    estimator_ : pylstm.estimators.Classifier
        The estimator behind this adapter, where the stream stands; its labels are
        places in `classes_`.{ATTRIBUTES}

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
    __metadata_request__predict_proba: ClassVar = {"sequence": True}

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
            A label a row, or one a sequence, in the order of their first rows, which belongs to
            its last row. NaN, None and the like where there is none: the state advances and
            nothing is learned.
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
        LSTMClassifier
            Itself.

        Raises
        ------
        ValueError
            For what does not fit together, and where y has no target at all.
        """
        data = self._data(X, lengths, sequence, reset=True)
        targets, known = self._checked_targets(y)
        check_classification_targets(targets)
        classes = _as_classes(targets)
        return self._learn_all(
            data, placed(np.searchsorted(classes, targets), known), sample_weight, classes
        )

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        classes: npt.ArrayLike | None = None,
        lengths: Lengths = None,
        sequence: Ids = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from the rows that come next, or from more sequences.

        Parameters
        ----------
        X, y, lengths, sequence, sample_weight
            As in `fit`; y None where no labels come: the stream goes on and nothing is learned.
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
        data = self._data(X, lengths, sequence, reset=first)
        known_classes = _as_classes(np.asarray(classes)) if first else self.classes_
        values: list[Any] = [None] * len(data.rows)
        if y is not None:
            targets, known = as_targets(y)
            if targets.size:
                check_classification_targets(targets)
            strange = np.setdiff1d(targets, known_classes) if targets.size else targets
            if strange.size:
                raise ValueError(
                    f"y contains {brief(strange.tolist()[0])}, wanted one of the classes "
                    f"{brief(known_classes.tolist())}"
                )
            values = placed(np.searchsorted(known_classes, targets), known)
        return self._learn_more(data, values, sample_weight, first, known_classes)

    def predict_proba(
        self, X: npt.ArrayLike, lengths: Lengths = None, sequence: Ids = None
    ) -> Array:
        """Return the probabilities of the classes, as `predict` sees them.

        Parameters
        ----------
        X, lengths, sequence
            As in `predict`.

        Returns
        -------
        ndarray, shape (n_rows, n_classes), or (n_sequences, n_classes) if so fitted, float64
            A column a class, in the order of `classes_`.
        """
        found = self._predictions(X, lengths, sequence)
        return np.array([list(row.values()) for row in found], float)

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
        ndarray, shape (n_rows,), or (n_sequences,) if so fitted
            Labels.
        """
        labels: Array = self.predict_proba(X, lengths, sequence).argmax(axis=1)
        return np.asarray(self.classes_[labels])

    def _predict_following(self, estimator: Any, rows: Rows) -> list[Any]:
        return list(estimator.predict_proba_following(rows))

    def score(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        lengths: Lengths = None,
        sequence: Ids = None,
    ) -> float:
        """Return the share of labels that `predict` gets right.

        Parameters
        ----------
        X, lengths, sequence
            As in `predict`.
        y : array_like, shape of what `predict` returns
            Entries without label are left out.
        sample_weight : array_like, optional
            Of the score.

        Returns
        -------
        float
        """
        return scored(accuracy_score, y, self.predict(X, lengths, sequence), sample_weight)


def _as_classes(labels: Array) -> Array:
    """The different labels in order, of a type that files hold."""
    classes = np.unique(labels)
    if classes.dtype.kind not in "biufUOMm" or classes.dtype.name in ("float96", "float128"):
        raise ValueError(
            f"y has labels of type {classes.dtype}, wanted numbers of at most 64 bits, strings or "
            "time stamps"
        )
    return classes
