"""The estimators as scikit-learn's: rows in time order, or sequences with `lengths`.

    from pylstm.sklearn import LSTMRegressor
    model = LSTMRegressor().fit(X[:1000], y[:1000])     # one pass over the rows, in their order
    model.predict(X[1000:])                             # the rows that follow

What the library asks of `fit` and `predict` is kept: `fit` begins anew, `predict` changes nothing
and gives the same every time. Its rows are those that follow the fitted ones, so their order
matters; with `lengths` every sequence begins from a fresh state instead. `partial_fit` goes on
where the stream stands. Needs the extra ``pylstm[sklearn]``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from pylstm import checkpoint, estimators
from pylstm.checks import check_whole
from pylstm.errors import brief
from pylstm.estimators.defaults import N_CELLS
from pylstm.optimizers import Optimizer

__all__ = ["LSTMClassifier", "LSTMForecaster", "LSTMRegressor"]

Array = npt.NDArray[Any]
Lengths = npt.ArrayLike | None
Rows = list[dict[Any, float]]


def _rows(X: Array) -> Rows:
    """Features by column number, the dicts that the estimator behind takes."""
    return [dict(enumerate(row)) for row in X.tolist()]


def _ends(lengths: Lengths, n_rows: int) -> Array:
    """Where each sequence ends."""
    parts = np.asarray([n_rows] if lengths is None else lengths)
    if parts.ndim != 1 or parts.dtype.kind not in "iu" or (parts < 1).any():
        raise ValueError(f"lengths is {brief(lengths)}, wanted whole numbers of at least 1")
    if parts.sum() != n_rows:
        raise ValueError(f"lengths sum to {parts.sum()}, wanted the {n_rows} rows of X")
    return np.cumsum(parts)


def _sequences(rows: Rows, ends: Array) -> Iterator[Rows]:
    start = 0
    for end in ends.tolist():
        yield rows[start:end]
        start = end


class _Dressed(BaseEstimator):  # type: ignore[misc]
    """What the three have in common: the estimator behind, tags, files."""

    _behind: ClassVar[type[Any]]
    n_epochs: int
    n_features_in_: int

    def _begin(self) -> None:
        """Put a new estimator behind, of the parameters of this one."""
        check_whole("n_epochs", self.n_epochs)
        parameters = self.get_params(deep=False)
        del parameters["n_epochs"]
        self.estimator_ = self._behind(**parameters)

    def _checked_rows(self, X: Any, reset: bool = False) -> Array:
        rows: Array = validate_data(
            self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
        )
        return rows

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a file, from which `load` goes on with the same bits.

        Parameters
        ----------
        path : str or path
            Replaced whole at the end, or left as it is.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        checkpoint.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Make the one that `save` wrote to a file.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        CheckpointError
            When the file is missing, damaged, something else, or of another class.
        """
        loaded: Self = checkpoint.load_as(cls, path)
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        for name in _LABELS & state.keys():
            state[name] = {"values": state[name].tolist(), "dtype": state[name].dtype.str}
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        from pylstm import schemas

        # A class over one of these may have more attributes, and checks them itself.
        own = f"sklearn.{type(self).__name__}"
        if type(self).__module__ == __name__:
            schemas.check(own, state)
        state = dict(state)
        for name in _LABELS & state.keys():
            state[name] = schemas.converted(schemas.LabelArray, state[name]).array()
        super().__setstate__(state)


# Arrays that may hold strings: they are saved as lists.
_LABELS = {"classes_", "feature_names_in_"}


class _Supervised(_Dressed):
    """Regressor and classifier: rows with a target each, or sequences with one."""

    def _targets(self, y: Array) -> list[Any]:
        """Checked targets as the estimator behind takes them."""
        raise NotImplementedError

    def _checked(self, X: Any, y: Any, lengths: Lengths, reset: bool) -> tuple[Array, Array]:
        one_a_row = lengths is None or y is None or np.shape(y)[:1] != np.shape(lengths)
        if one_a_row:
            X, y = validate_data(
                self, X, y, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
            )
        else:
            X = self._checked_rows(X, reset)
            y = column_or_1d(check_array(y, ensure_2d=False, dtype=None), warn=True)
        return X, y

    def _go_through(self, X: Array, y: list[Any], lengths: Lengths, n_epochs: int) -> None:
        ends = _ends(lengths, len(X))
        self.one_a_sequence_ = len(y) != len(X)
        wanted: list[Any] = [None] * len(X)
        if self.one_a_sequence_:
            for end, value in zip(ends.tolist(), y, strict=True):
                wanted[end - 1] = value
        else:
            wanted = y
        rows = _rows(X)
        for _ in range(n_epochs):
            start = 0
            for sequence in _sequences(rows, ends):
                if lengths is not None or n_epochs > 1:
                    self.estimator_.reset()
                for x in sequence:
                    self.estimator_.learn_one(x, wanted[start])
                    start += 1

    def _predictions(self, X: Any, lengths: Lengths) -> list[Any]:
        check_is_fitted(self)
        X = self._checked_rows(X)
        if lengths is None:
            return self._following(self.estimator_, _rows(X))
        fresh = self.estimator_.copy()
        fresh.reset()
        parts = (
            self._following(fresh, rows) for rows in _sequences(_rows(X), _ends(lengths, len(X)))
        )
        if self.one_a_sequence_:
            return [part[-1] for part in parts]
        return [prediction for part in parts for prediction in part]

    def _following(self, estimator: Any, rows: Rows) -> list[Any]:
        raise NotImplementedError


_PARAMETERS = """
    n_cells : int, default 32
        Memory cells.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        By default the one of `pylstm.estimators.defaults`, made for streams of any length."""
_MORE_PARAMETERS = """
    n_epochs : int, default 1
        Passes of `fit` over the rows, each from a fresh state.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features and targets are float64.
    seed : int, default 0
        Of the starting weights."""


class LSTMRegressor(RegressorMixin, _Supervised):  # type: ignore[misc]
    __doc__ = f"""Predict a number a row, or a sequence, from rows in time order.

    `pylstm.estimators.Regressor` as scikit-learn's. The features of a row may be NaN, which stands
    for the mean.

    Parameters
    ----------{_PARAMETERS}
    feedback : bool, default False
        Whether the targets learned from are inputs of the rows after. `predict` knows no targets
        and takes its own predictions for them; good where `predict` of a row or a few is followed
        by `partial_fit` of the same, as their targets come.{_MORE_PARAMETERS}

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

    _behind = estimators.Regressor

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        feedback: bool = False,
        n_epochs: int = 1,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        self.n_cells = n_cells
        self.block_size = block_size
        self.optimizer = optimizer
        self.feedback = feedback
        self.n_epochs = n_epochs
        self.network = network
        self.dtype = dtype
        self.seed = seed

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
        X, y = self._checked(X, y, lengths, reset=True)
        _ends(lengths, len(X))
        self._begin()
        self._go_through(X, self._targets(y), lengths, self.n_epochs)
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
        X, y = self._checked(X, y, lengths, reset=first)
        _ends(lengths, len(X))
        if first:
            self._begin()
        self._go_through(X, self._targets(y), lengths, 1)
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

    def _following(self, estimator: Any, rows: Rows) -> list[Any]:
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


class LSTMClassifier(ClassifierMixin, _Supervised):  # type: ignore[misc]
    __doc__ = f"""Predict a label a row, or a sequence, from rows in time order.

    `pylstm.estimators.Classifier` as scikit-learn's. The features of a row may be NaN, which stands
    for the mean.

    Parameters
    ----------{_PARAMETERS}{_MORE_PARAMETERS}

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

    _behind = estimators.Classifier

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        n_epochs: int = 1,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        self.n_cells = n_cells
        self.block_size = block_size
        self.optimizer = optimizer
        self.n_epochs = n_epochs
        self.network = network
        self.dtype = dtype
        self.seed = seed

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
        X, y = self._checked(X, y, lengths, reset=True)
        check_classification_targets(y)
        _ends(lengths, len(X))
        self._begin_with(np.unique(y))
        self._go_through(X, self._targets(y), lengths, self.n_epochs)
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
        X, y = self._checked(X, y, lengths, reset=first)
        check_classification_targets(y)
        _ends(lengths, len(X))
        known = np.unique(np.asarray(classes)) if first else self.classes_
        strange = np.setdiff1d(y, known)
        if strange.size:
            raise ValueError(
                f"y contains {brief(strange.tolist()[0])}, wanted one of the classes "
                f"{brief(known.tolist())}"
            )
        if first:
            self._begin_with(known)
        self._go_through(X, self._targets(y), lengths, 1)
        return self

    def _begin_with(self, classes: Array) -> None:
        self._begin()
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

    def _following(self, estimator: Any, rows: Rows) -> list[Any]:
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


class LSTMForecaster(RegressorMixin, _Dressed):  # type: ignore[misc]
    __doc__ = f"""Forecast a series any number of rows ahead.

    `pylstm.estimators.Forecaster` as scikit-learn's.

    Parameters
    ----------{_PARAMETERS}
    season : int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily
        one.{_MORE_PARAMETERS}

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

    _behind = estimators.Forecaster

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        season: int | None = None,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        n_epochs: int = 1,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        self.n_cells = n_cells
        self.season = season
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
        rows, values = self._checked(X, y, reset=True)
        self._begin()
        for epoch in range(self.n_epochs):
            if epoch:
                self.estimator_.reset()
            self._learn(rows, values)
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
        rows, values = self._checked(X, y, reset=first)
        if first:
            self._begin()
        self._learn(rows, values)
        return self

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Rows, list[float]]:
        if X is None:
            if not reset and self.n_features_in_:
                raise ValueError(f"X is None, wanted the {self.n_features_in_} features of before")
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
            values = column_or_1d(y, warn=True)
            self.n_features_in_ = 0
            return [{}] * len(values), list(values.tolist())
        X, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan"
        )
        return _rows(X), list(np.asarray(y, float).tolist())

    def _learn(self, rows: Rows, values: list[float]) -> None:
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
            rows = _rows(self._checked_rows(X))
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
        rows = _rows(self._checked_rows(X))
        return np.array(self.estimator_.forecast(len(rows), rows))


for _class in (LSTMRegressor, LSTMClassifier, LSTMForecaster):
    checkpoint.register(_class, f"sklearn.{_class.__name__}")
