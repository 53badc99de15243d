"""Regressor and classifier: rows with a target each, or sequences with one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from pylstm.checks import check_switch
from pylstm.estimators.defaults import N_CELLS
from pylstm.optimizers import Optimizer
from pylstm.sklearn.adapter import Adapter
from pylstm.sklearn.rows import Array, Lengths, Rows, cut, sequence_ends

__all__ = ["SupervisedAdapter"]

#: Passes over sequences, of which there are never so many as there are rows in a stream.
SEQUENCE_EPOCHS = 20


#: Calls of `predict` with other rows, and none learned, from which on something seems wrong.
_MANY_PREDICTIONS = 4


@dataclass
class _Predicted:
    """What `predict` has been asked since the last row was learned."""

    estimator: Any = None
    n_steps: int = -1
    rows: set[bytes] = field(default_factory=set)


#: Beside the estimators, which `predict` may not change.
_PREDICTED: WeakKeyDictionary[Any, _Predicted] = WeakKeyDictionary()


class SupervisedAdapter(Adapter):
    """What regressor and classifier have in common."""

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        feedback: bool = False,
        ordered: bool = True,
        calendar: bool | str | Sequence[str] | None = None,
        shuffle: bool = True,
        n_epochs: int | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        self.n_cells = n_cells
        self.block_size = block_size
        self.optimizer = optimizer
        self.feedback = feedback
        self.ordered = ordered
        self.calendar = calendar
        self.shuffle = shuffle
        self.n_epochs = n_epochs
        self.network = network
        self.dtype = dtype
        self.seed = seed

    def _targets(self, y: Array) -> list[Any]:
        """Checked targets as the estimator behind takes them."""
        raise NotImplementedError

    def _checked_data(self, X: Any, y: Any, lengths: Lengths, reset: bool) -> tuple[Array, Array]:
        one_a_row = lengths is None or y is None or np.shape(y)[:1] != np.shape(lengths)
        if one_a_row:
            X = self._without_times(X, reset)
            X, y = validate_data(
                self, X, y, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
            )
        else:
            X = self._checked_features(X, reset)
            y = column_or_1d(check_array(y, ensure_2d=False, dtype=None), warn=True)
        return X, y

    def _learn_all(self, X: Array, y: list[Any], lengths: Lengths) -> None:
        """What `fit` does: every pass begins from a fresh state, sequences are shuffled."""
        check_switch("shuffle", self.shuffle)
        n_epochs = self.n_epochs
        if n_epochs is None:
            n_epochs = 1 if lengths is None else SEQUENCE_EPOCHS
        rng = np.random.default_rng(self.seed) if self.shuffle else None
        for _ in range(n_epochs):
            self.estimator_.reset()
            self._learn_once(X, y, lengths, rng)

    def _learn_once(
        self, X: Array, y: list[Any], lengths: Lengths, rng: np.random.Generator | None = None
    ) -> None:
        ends = sequence_ends(lengths, len(X))
        self.one_a_sequence_ = len(y) != len(X)
        wanted: list[Any] = [None] * len(X)
        if self.one_a_sequence_:
            for end, value in zip(ends.tolist(), y, strict=True):
                wanted[end - 1] = value
        else:
            wanted = y
        sequences = list(zip(cut(self._as_rows(X), ends), cut(wanted, ends), strict=True))
        for k in rng.permutation(len(sequences)) if rng else range(len(sequences)):
            if lengths is not None:
                self.estimator_.reset()
            for x, value in zip(*sequences[k], strict=True):
                self.estimator_.learn_one(x, value)

    def _predictions(self, X: Any, lengths: Lengths) -> list[Any]:
        check_is_fitted(self)
        X = self._checked_features(X)
        if lengths is None:
            if self.ordered:
                self._notice_rows_alone(X)
            return self._predict_following(self.estimator_, self._as_rows(X))
        fresh = self.estimator_.copy()
        fresh.reset()
        parts = (
            self._predict_following(fresh, rows)
            for rows in cut(self._as_rows(X), sequence_ends(lengths, len(X)))
        )
        if self.one_a_sequence_:
            return [part[-1] for part in parts]
        return [prediction for part in parts for prediction in part]

    def _notice_rows_alone(self, X: Array) -> None:
        """Say once that other rows are predicted again and again, and none of them learned."""
        where, seen = self.estimator_, _PREDICTED.setdefault(self, _Predicted())
        if seen.estimator is not where or seen.n_steps != where.n_steps:
            seen.estimator, seen.n_steps, seen.rows = where, where.n_steps, set()
        if len(seen.rows) > _MANY_PREDICTIONS:
            return
        seen.rows.add(X.tobytes())
        if len(seen.rows) == _MANY_PREDICTIONS:
            warnings.warn(
                f"predict has been given {_MANY_PREDICTIONS} different X, and no row was learned "
                "in between: each X is taken for the rows that follow those of fit. Where rows "
                "stand alone, as inside a recursive forecaster, give ordered=False",
                UserWarning,
                stacklevel=4,
            )

    def _predict_following(self, estimator: Any, rows: Rows) -> list[Any]:
        raise NotImplementedError
