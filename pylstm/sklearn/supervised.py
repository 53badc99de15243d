"""Regressor and classifier: rows with a target each, or sequences with one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from pylstm.checks import check_switch
from pylstm.estimators.defaults import N_CELLS
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.sklearn.adapter import Adapter
from pylstm.sklearn.rows import (
    Array,
    Ids,
    Lengths,
    Rows,
    as_weights,
    check_some_weight,
    ids_as_numbers,
    parts_by_id,
    parts_by_length,
)

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


@dataclass
class _Data:
    """Rows to learn from or to predict.

    Parameters
    ----------
    X : ndarray
        As it was checked.
    rows : list of dict
        As the estimator behind takes them.
    parts : list of ndarray
        Numbers of the rows of each sequence; of all rows where nothing tells sequences apart.
    told : bool
        Whether something tells them apart.
    """

    X: Array
    rows: Rows
    parts: list[Array]
    told: bool


@answers_keywords
class SupervisedAdapter(Adapter):
    """What regressor and classifier have in common."""

    # Where metadata are routed, `sequence` goes to every method that takes it.
    __metadata_request__fit: ClassVar = {"sequence": True}
    __metadata_request__partial_fit: ClassVar = {"sequence": True}
    __metadata_request__predict: ClassVar = {"sequence": True}
    __metadata_request__score: ClassVar = {"sequence": True}

    sequence_column_: int
    one_a_sequence_: bool
    in_sequences_: bool

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | str | None = None,
        feedback: bool | None = None,
        ordered: bool = True,
        calendar: bool | str | Sequence[str] | None = None,
        sequence_column: int | str | None = None,
        shuffle: bool = True,
        n_epochs: int | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        random_state: Any = 0,
    ) -> None:
        self.n_cells = n_cells
        self.block_size = block_size
        self.optimizer = optimizer
        self.feedback = feedback
        self.ordered = ordered
        self.calendar = calendar
        self.sequence_column = sequence_column
        self.shuffle = shuffle
        self.n_epochs = n_epochs
        self.network = network
        self.dtype = dtype
        self.random_state = random_state

    def _begin(self, told: bool, classes: Array | None) -> None:
        """Put a new estimator behind."""
        self._new_estimator(feedback=not told if self.feedback is None else self.feedback)
        if classes is not None:
            self.classes_ = classes
            self.estimator_.expect(range(len(classes)))

    def _data(self, X: Any, lengths: Lengths, sequence: Ids, reset: bool = False) -> _Data:
        ways = {"lengths": lengths, "sequence": sequence, "sequence_column": self.sequence_column}
        given = [name for name, way in ways.items() if way is not None]
        if len(given) > 1:
            raise ValueError(
                f"{given[0]} and {given[1]} are given, wanted one of them: either tells sequences "
                "apart"
            )
        column, ids = None, sequence
        if self.sequence_column is not None and (reset or self._has_columns_of_fit(X)):
            wanted = self.sequence_column if reset else self.sequence_column_
            X, column, ids = ids_as_numbers(X, wanted)
        X, rows = self._checked_rows(X, reset, column)
        if column is not None and reset:
            self.sequence_column_ = column
        if lengths is not None:
            parts = parts_by_length(lengths, len(rows))
        elif ids is not None:
            parts = parts_by_id(ids, len(rows))
        else:
            parts = [np.arange(len(rows))]
        return _Data(X, rows, parts, bool(given))

    def _has_columns_of_fit(self, X: Any) -> bool:
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
        return bool(shape[1:] == (self.n_features_in_,))

    def _learn_all(
        self,
        data: _Data,
        values: list[Any],
        sample_weight: npt.ArrayLike | None,
        classes: Array | None = None,
    ) -> Self:
        """What `fit` does: every pass begins from a fresh state, sequences are shuffled."""
        check_switch("shuffle", self.shuffle)
        targets = self._targets_of_rows(data, values, sample_weight)
        check_some_weight(targets)
        self._check_kinds(data.rows, True)
        n_epochs = self.n_epochs
        if n_epochs is None:
            n_epochs = SEQUENCE_EPOCHS if data.told else 1
        self._begin(data.told, classes)
        self._note(data, values)
        rng = np.random.default_rng(self.estimator_.seed) if self.shuffle else None
        for _ in range(n_epochs):
            self.estimator_.reset()
            self._learn_once(data, targets, rng)
        return self

    def _learn_more(
        self,
        data: _Data,
        values: list[Any],
        sample_weight: npt.ArrayLike | None,
        first: bool,
        classes: Array | None = None,
    ) -> Self:
        """What `partial_fit` does."""
        targets = self._targets_of_rows(data, values, sample_weight)
        self._check_kinds(data.rows, first)
        if first:
            self._begin(data.told, classes)
        self._note(data, values)
        self._learn_once(data, targets)
        return self

    def _note(self, data: _Data, values: list[Any]) -> None:
        """Keep in mind what was learned: `predict` is asked about the same."""
        self.in_sequences_ = data.told
        self.one_a_sequence_ = len(values) != len(data.rows)

    def _targets_of_rows(
        self, data: _Data, values: list[Any], sample_weight: npt.ArrayLike | None
    ) -> list[tuple[Any, float]]:
        """A target and its weight a row: as they came, or where they are one a sequence at its last
        row."""
        n_rows, n_sequences = len(data.rows), len(data.parts)
        given = list(zip(values, as_weights(sample_weight, len(values)), strict=True))
        if len(given) == n_rows:
            return given
        if not data.told or len(given) != n_sequences:
            sequences = f" or of the {n_sequences} sequences" if data.told else ""
            raise ValueError(
                f"y has {len(given)} entries, wanted one for each of the {n_rows} rows of X"
                f"{sequences}"
            )
        if self.feedback:
            raise ValueError(
                "feedback is True and y has one target a sequence, wanted feedback=False: no "
                "target is known before the last row"
            )
        targets: list[tuple[Any, float]] = [(None, 1.0)] * n_rows
        for part, target in zip(data.parts, given, strict=True):
            targets[part[-1]] = target
        return targets

    def _learn_once(
        self,
        data: _Data,
        targets: list[tuple[Any, float]],
        rng: np.random.Generator | None = None,
    ) -> None:
        estimator, rows = self.estimator_, data.rows
        for k in rng.permutation(len(data.parts)) if rng else range(len(data.parts)):
            if data.told:
                estimator.reset()
            for row in data.parts[k].tolist():
                estimator.learn_one(rows[row], *targets[row])
        if data.told:
            estimator.reset()

    def _predictions(self, X: Any, lengths: Lengths, sequence: Ids) -> list[Any]:
        check_is_fitted(self)
        data = self._data(X, lengths, sequence)
        if not data.told and not self.in_sequences_:
            if self.ordered:
                self._notice_rows_alone(data.X)
            return self._predict_following(self.estimator_, data.rows)
        fresh = self.estimator_.copy()
        fresh.reset()
        found: list[Any] = [None] * len(data.rows)
        for part in data.parts:
            rows = part.tolist()
            following = self._predict_following(fresh, [data.rows[k] for k in rows])
            for k, prediction in zip(rows, following, strict=True):
                found[k] = prediction
        if self.one_a_sequence_:
            return [found[part[-1]] for part in data.parts]
        return found

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
