"""What the three have in common: the estimator behind, parameters, tags, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from pylstm.checks import check_whole
from pylstm.copies import Savable
from pylstm.errors import brief
from pylstm.registry import as_today, check_state
from pylstm.sklearn.rows import Array, Rows, as_rows, times_as_seconds

__all__ = ["MORE_PARAMETERS", "PARAMETERS", "PUBLIC", "SHUFFLE", "Adapter"]

#: The module of the three, as imports and pickles have it.
PUBLIC: Final = "pylstm.sklearn"

#: Arrays that may hold strings: they are saved as lists.
_LABEL_ARRAYS = {"classes_", "feature_names_in_"}

#: Parameters that are not those of the estimator behind.
_OWN_PARAMETERS = ("n_epochs", "shuffle")

#: Of the docstrings of the three.
PARAMETERS = """
    n_cells : int, default 32
        Memory cells.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        Of a single network; by default there are several, with those of
        `pylstm.estimators.defaults`, made for streams of any kind and length."""
SHUFFLE = """
    ordered : bool, default True
        Whether the order of the rows means anything. If not, every row stands alone, as the lags
        that a recursive forecaster makes of a series, and `predict` takes them in any order.
    shuffle : bool, default True
        Whether `fit` learns from sequences, which `lengths` has told apart, in an order drawn anew
        at every pass, by `seed`; the rows of a sequence stay in theirs."""
MORE_PARAMETERS = """
    calendar : bool, str or sequence of str, optional
        Makes columns of time stamps the place of the row in these periods, of "hour", "day",
        "week", "year"; True for the last three. Time stamps with a zone are taken in UTC.
    n_epochs : int, optional
        Passes of `fit` over the rows, each from a fresh state. By default 1, and 20 where there are
        sequences, by `lengths`.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features and targets are float64.
    seed : int, default 0
        Of the starting weights."""


class Adapter(Savable, BaseEstimator):  # type: ignore[misc]
    """What the three have in common: the estimator behind, tags, files."""

    _estimator_class: ClassVar[type[Any]]
    calendar: Any
    time_columns_: list[int]
    n_epochs: int | None
    n_features_in_: int

    def _new_estimator(self) -> None:
        """Put a new estimator behind, of the parameters of this one."""
        if self.n_epochs is not None:
            check_whole("n_epochs", self.n_epochs)
        parameters = self.get_params(deep=False)
        for name in _OWN_PARAMETERS:
            parameters.pop(name, None)
        self.estimator_ = self._estimator_class(**parameters)

    def _without_times(self, X: Any, reset: bool) -> Any:
        """X with seconds in place of time stamps, where there is a calendar."""
        if self.calendar is None:
            return X
        X, columns = times_as_seconds(X)
        if reset:
            self.time_columns_ = columns
        elif columns != self.time_columns_:
            raise ValueError(
                f"X has time stamps in columns {brief(columns)}, wanted {brief(self.time_columns_)}"
            )
        return X

    def _as_rows(self, X: Array) -> Rows:
        return as_rows(X, [] if self.calendar is None else self.time_columns_)

    def _checked_features(self, X: Any, reset: bool = False) -> Array:
        X = self._without_times(X, reset)
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

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        for name in _LABEL_ARRAYS & state.keys():
            state[name] = {"values": state[name].tolist(), "dtype": state[name].dtype.str}
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
