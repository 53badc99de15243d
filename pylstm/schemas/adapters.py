"""States of the estimators of `pylstm.sklearn`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from msgspec import UNSET, UnsetType

from pylstm.checks import check_switch, check_whole
from pylstm.errors import brief
from pylstm.schemas.state import Array, SizeOr0, State, is_there, must

__all__ = ["AdapterClassifier", "AdapterForecaster", "AdapterRegressor", "LabelArray"]


class LabelArray(State):
    """An array that may hold strings, as a list; instants and durations are whole numbers in it."""

    values: list[str | int | float | bool]
    dtype: str

    def array(self) -> Array:
        """The array, no longer than its values are."""
        try:
            dtype = np.dtype(self.dtype)
        except TypeError:
            raise ValueError(f"dtype is {brief(self.dtype)}, wanted one of NumPy's") from None
        must(dtype.kind in "biufUOMm" and not dtype.names, "labels that are numbers or strings")
        longest = max((len(value) for value in self.values if isinstance(value, str)), default=0)
        must(dtype.kind != "U" or dtype.itemsize <= 4 * max(longest, 1000), "strings as long")
        try:
            array: Array = np.array(self.values, dtype)
        except OverflowError:
            raise ValueError("labels are too large for their dtype") from None
        values = array.astype(np.int64) if dtype.kind in "Mm" else array
        must(values.tolist() == self.values, "labels as their dtype has them")
        return array


class _AdapterState(State, kw_only=True):
    """An estimator of `pylstm.sklearn`: parameters are checked as `fit` checks them."""

    WHAT = "estimator"
    n_cells: Any
    block_size: Any
    optimizer: Any
    network: Any
    dtype: Any
    random_state: Any
    n_epochs: Any
    calendar: Any
    time_columns_: list[int] | UnsetType = UNSET
    n_features_in_: SizeOr0 | UnsetType = UNSET
    feature_names_in_: LabelArray | UnsetType = UNSET
    estimator_: Any = UNSET

    PARAMETERS: ClassVar[tuple[str, ...]] = ("n_cells", "block_size", "network", "dtype",
                                             "calendar")  # fmt: skip
    BEHIND: ClassVar[str] = ""
    FITTED: ClassVar[tuple[str, ...]] = ("n_features_in_",)

    def __post_init__(self) -> None:
        from pylstm import estimators

        behind = getattr(estimators, self.BEHIND)
        if self.n_epochs is not None:
            check_whole("n_epochs", self.n_epochs)
        behind(**self._parameters_behind())
        if self.feature_names_in_ is not UNSET:
            must(self.n_features_in_ is not UNSET, "n_features_in_ with their names")
            n_names = self.feature_names_in_.array().shape
            must(n_names == (self.n_features_in_,), "a name for each feature")
        if self.estimator_ is UNSET:
            return
        must(type(self.estimator_) is behind, f"a {self.BEHIND} behind")
        for name in self.FITTED:
            is_there(name, getattr(self, name), True)
        columns = range(self.n_features_in_ or 0)
        if self.calendar is not None:
            is_there("time_columns_", self.time_columns_, True)
            must(all(k in columns for k in self.time_columns_ or ()), "columns there are")
            return
        if self.estimator_.net is not None:
            names = self.estimator_.feature_names  # a pair of text
            found = {name[0] if isinstance(name, tuple) else name for name in names}
            wanted = set(columns) - self._columns_left_out()
            must(found == wanted, "features by number, as it was fitted to")

    def _parameters_behind(self) -> dict[str, Any]:
        """The parameters of the estimator behind."""
        from pylstm.estimators.defaults import as_optimizer

        drawn = self.random_state is None or isinstance(self.random_state, np.random.RandomState)
        return {
            **{name: getattr(self, name) for name in self.PARAMETERS},
            "optimizer": as_optimizer(self.optimizer),
            "seed": 0 if drawn else self.random_state,
        }

    def _columns_left_out(self) -> set[int]:
        """Numbers of the columns that are no features."""
        return set()


def _with_random_state(state: Mapping[str, Any], **added: Any) -> Mapping[str, Any]:
    """What 0.1.0 called seed; and what was not there."""
    state = {**added, **state}
    if "seed" in state and "random_state" not in state:
        state["random_state"] = state.pop("seed")
    return state


class _SupervisedState(_AdapterState, kw_only=True):
    feedback: Any
    ordered: Any
    shuffle: Any
    sequence_column: Any
    sequence_column_: SizeOr0 | UnsetType = UNSET
    one_a_sequence_: bool | UnsetType = UNSET
    in_sequences_: bool | UnsetType = UNSET
    FITTED: ClassVar[tuple[str, ...]] = ("n_features_in_", "one_a_sequence_", "in_sequences_")
    PARAMETERS = (*_AdapterState.PARAMETERS, "ordered")

    def __post_init__(self) -> None:
        _AdapterState.__post_init__(self)
        check_switch("shuffle", self.shuffle)
        column = self.sequence_column
        must(column is None or isinstance(column, str | Integral), "a column's number or its name")
        if self.estimator_ is UNSET:
            return
        must(self.in_sequences_ or not self.one_a_sequence_, "sequences with one target each")
        is_there("sequence_column_", self.sequence_column_, self.sequence_column is not None)
        columns = range(self.n_features_in_ or 0)
        must(all(k in columns for k in self._columns_left_out()), "a column of ids there is")

    def _parameters_behind(self) -> dict[str, Any]:
        feedback = True if self.feedback is None else self.feedback
        return {**_AdapterState._parameters_behind(self), "feedback": feedback}

    def _columns_left_out(self) -> set[int]:
        return set() if isinstance(self.sequence_column_, UnsetType) else {self.sequence_column_}

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """0.1.0 took sequences in their order, and no label was an input."""
        added = {
            "feedback": False,
            "ordered": True,
            "shuffle": False,
            "calendar": None,
            "sequence_column": None,
        }
        if "estimator_" in state:
            added["in_sequences_"] = state.get("one_a_sequence_", False)
        return _with_random_state(state, **added)


class AdapterRegressor(_SupervisedState, kw_only=True):
    """`sklearn.LSTMRegressor`."""

    BEHIND = "Regressor"


class AdapterClassifier(_SupervisedState, kw_only=True):
    """`sklearn.LSTMClassifier`."""

    classes_: LabelArray | UnsetType = UNSET
    BEHIND = "Classifier"
    FITTED = (*_SupervisedState.FITTED, "classes_")

    def __post_init__(self) -> None:
        _SupervisedState.__post_init__(self)
        if self.classes_ is not UNSET:
            classes = self.classes_.array()
            must(self.estimator_ is not UNSET, "classes of a fitted estimator")
            must(self.estimator_.classes == list(range(len(classes))), "a class an output")
            must((classes[:-1] < classes[1:]).all(), "classes in order, every one once")


class AdapterForecaster(_AdapterState, kw_only=True):
    """`sklearn.LSTMForecaster`."""

    season: Any
    horizon: Any
    PARAMETERS = (*_AdapterState.PARAMETERS, "season", "horizon")
    BEHIND = "Forecaster"

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In 0.1.0 there was no horizon to learn directly."""
        return _with_random_state(state, horizon=None, calendar=None)
