"""What the three have in common: the estimator behind, parameters, tags, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from inspect import signature
from numbers import Integral
from typing import Any, ClassVar, Final, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from pylstm.checks import check_whole
from pylstm.copies import Savable
from pylstm.errors import brief
from pylstm.estimators.defaults import OPTIMIZERS, as_optimizer, default_optimizer
from pylstm.estimators.features import Features
from pylstm.network import LSTM
from pylstm.optimizers import Optimizer
from pylstm.registry import as_today, check_state
from pylstm.sklearn.rows import (
    Array,
    Rows,
    as_rows,
    as_targets,
    texts_as_numbers,
    times_as_seconds,
)

__all__ = ["ATTRIBUTES", "MORE_PARAMETERS", "PARAMETERS", "PUBLIC", "SEQUENCES", "Adapter"]

#: The module of the three, as imports and pickles have it.
PUBLIC: Final = "pylstm.sklearn"

#: Arrays that may hold strings: they are saved as lists.
_LABEL_ARRAYS = {"classes_", "feature_names_in_"}

#: How `set_params` and grids name what belongs to the optimizer.
_OF_OPTIMIZER = "optimizer__"

#: Of the docstrings of the three.
PARAMETERS = """
    n_cells : int, default 32
        Memory cells.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer or {"sgd", "momentum", "rmsprop", "adam", "obgd"}, optional
        Of a single network; by default there are several, with those of
        `pylstm.estimators.defaults`, made for streams of any kind and length. In `set_params` and
        in grids ``optimizer__learning_rate`` is its rate, and its other fields likewise; where
        there is none, those of "rmsprop"."""
SEQUENCES = """
    ordered : bool, default True
        Whether the order of the rows means anything. If not, every row stands alone, as the lags
        that a recursive forecaster makes of a series, and `predict` takes them in any order.
    sequence_column : int or str, optional
        The column of X, counted from either end or by its name in a data frame, whose values are
        ids of sequences and no feature. Rows with one id are a sequence, in their order, wherever
        they are in X. An id is a number, or in a data frame or an array of objects anything; a
        scaler may scale it. So splitters, searches and pipelines take sequences along.
    shuffle : bool, default True
        Whether `fit` learns from sequences in an order drawn anew at every pass, by
        `random_state`; the rows of a sequence stay in theirs."""
MORE_PARAMETERS = """
    calendar : bool, str or sequence of str, optional
        Makes columns of time stamps the place of the row in these periods, of "hour", "day",
        "week", "year"; True for the last three. Without, time stamps are seconds. Those with a zone
        are taken in UTC.
    n_epochs : int, optional
        Passes of `fit` over the rows, each from a fresh state. By default 1, and 20 where there are
        sequences.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features and targets are float64.
    random_state : int, RandomState or None, default 0
        Of the starting weights, and of the order of sequences: a whole number, the `seed` of the
        estimator behind, or what one is drawn from, at every `fit`. A file holds a number or
        None."""
ATTRIBUTES = """
    net, nets : LSTM, list of LSTM
        Of `estimator_`, see there: the network that counts most, and all of them.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, in their order, where X was a data frame. In `estimator_` a feature is the
        number of its column, or of text the pair of it and a value, and
        ``estimator_.feature_names`` has these in the order of the inputs of the networks."""


class Adapter(Savable, BaseEstimator):  # type: ignore[misc]
    """What the three have in common: the estimator behind, tags, files."""

    _estimator_class: ClassVar[type[Any]]
    calendar: Any
    estimator_: Any
    time_columns_: list[int]
    n_epochs: int | None
    n_features_in_: int
    optimizer: Any
    random_state: Any

    def _new_estimator(self, **more: Any) -> None:
        """Put a new estimator behind, of the parameters of this one and `more`."""
        if self.n_epochs is not None:
            check_whole("n_epochs", self.n_epochs)
        own = {**self.get_params(deep=False), **more}
        names = signature(self._estimator_class).parameters.keys() & own.keys()
        parameters = {name: own[name] for name in names}
        parameters |= {"optimizer": as_optimizer(self.optimizer), "seed": self._seed()}
        self.estimator_ = self._estimator_class(**parameters)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return check_whole("random_state", self.random_state, 0)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, those of an optimizer as ``optimizer__learning_rate``.

        Parameters
        ----------
        deep : bool, default True
            Whether to return those of the optimizer too, where there is one.

        Returns
        -------
        dict
        """
        parameters: dict[str, Any] = super().get_params(deep)
        optimizer = self.optimizer
        if isinstance(optimizer, str):
            optimizer = OPTIMIZERS.get(optimizer)  # nothing is refused before `fit`
        if deep and isinstance(optimizer, Optimizer):
            for entry in fields(optimizer):
                parameters[_OF_OPTIMIZER + entry.name] = getattr(optimizer, entry.name)
        return parameters

    def set_params(self, **params: Any) -> Self:
        """Change parameters, those of the optimizer by names as ``optimizer__learning_rate``.

        Returns
        -------
        estimator
            Itself.

        Examples
        --------
        >>> from pylstm.sklearn import LSTMRegressor
        >>> LSTMRegressor().set_params(optimizer="adam", optimizer__learning_rate=0.01).optimizer
        Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08)
        """
        own = {k: value for k, value in params.items() if not k.startswith(_OF_OPTIMIZER)}
        super().set_params(**own)
        changes = {k.removeprefix(_OF_OPTIMIZER): v for k, v in params.items() if k not in own}
        if changes:
            optimizer = as_optimizer(self.optimizer)
            optimizer = default_optimizer() if optimizer is None else optimizer
            strange = changes.keys() - {entry.name for entry in fields(optimizer)}
            if strange:
                raise ValueError(
                    f"{_OF_OPTIMIZER}{min(strange)} is set, wanted a field of {brief(optimizer)}"
                )
            self.optimizer = replace(optimizer, **changes)
        return self

    @property
    def net(self) -> LSTM | None:
        """The network with the largest weight in the mixture, that of `estimator_`; or None."""
        check_is_fitted(self)
        net: LSTM | None = self.estimator_.net
        return net

    @property
    def nets(self) -> list[LSTM]:
        """The networks, `nets` of `estimator_`."""
        check_is_fitted(self)
        return list(self.estimator_.nets)

    def _without_times(self, X: Any, reset: bool) -> Any:
        """X with seconds in place of time stamps, which with a calendar are those of the fit."""
        X, columns = times_as_seconds(X)
        if self.calendar is None:
            return X
        if reset:
            self.time_columns_ = columns
        elif columns != self.time_columns_:
            raise ValueError(
                f"X has time stamps in columns {brief(columns)}, wanted {brief(self.time_columns_)}"
            )
        return X

    def _time_columns(self) -> list[int]:
        return [] if self.calendar is None else self.time_columns_

    def _checked_rows(
        self, X: Any, reset: bool = False, left_out: int | None = None
    ) -> tuple[Array, Rows]:
        """The features as one array, with numbers for text, and as rows of the estimator behind."""
        if getattr(X, "ndim", 2) == 3:
            raise ValueError(
                "Found array with dim 3, wanted the rows of all sequences one behind the other, "
                "X.reshape(-1, n_features), and what tells them apart: lengths, or an id a row"
            )
        X = self._without_times(X, reset)
        X, texts = texts_as_numbers(X)
        if isinstance(X, np.ma.MaskedArray):
            X = np.ma.filled(X.astype(float), np.nan)
        table: Array = validate_data(
            self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
        )
        return table, as_rows(table, self._time_columns(), texts, left_out)

    def _check_kinds(self, rows: Rows, first: bool) -> None:
        """Refuse rows to learn from before any is learned, where text and numbers are mixed up."""
        known = Features(0) if first else self.estimator_._features
        if known.has_text or any(isinstance(v, str) for row in rows for v in row.values()):
            known.check_rows(rows)

    def _checked_targets(self, y: Any) -> tuple[Array, Array]:
        """The targets of `fit`, of which there is at least one, and in which rows they are."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        targets, known = as_targets(y)
        if not targets.size:
            raise ValueError("y has no target, wanted at least one")
        return targets, known

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        for name in _LABEL_ARRAYS & state.keys():
            labels = state[name]
            values = labels.astype(np.int64) if labels.dtype.kind in "Mm" else labels
            state[name] = {"values": values.tolist(), "dtype": labels.dtype.str}
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # A class over one of these may have more attributes, and checks them itself.
        if type(self).__module__ == PUBLIC:
            own = f"sklearn.{type(self).__name__}"
            state = as_today(own, state)
            check_state(own, state)
        state = dict(state)
        for name in _LABEL_ARRAYS & state.keys():
            state[name] = check_state("array of labels", state[name]).array()
        super().__setstate__(state)
