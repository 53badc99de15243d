"""Rows of an array as the estimators take them, cut into sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.estimators.calendar import seconds_of

__all__ = ["Array", "Lengths", "Rows", "as_rows", "cut", "sequence_ends", "times_as_seconds"]

Array = npt.NDArray[Any]
Lengths = npt.ArrayLike | None
Rows = list[dict[Any, Any]]


def as_rows(X: Array, times: Sequence[int] = ()) -> Rows:
    """Features by column number, the dicts that the estimator behind takes."""
    rows: Rows = [dict(enumerate(row)) for row in X.tolist()]
    for row in rows:
        for column in times:
            seconds = row[column]
            known = seconds == seconds
            row[column] = np.datetime64(round(seconds * 1e6), "us") if known else None
    return rows


def times_as_seconds(X: Any) -> tuple[Any, list[int]]:
    """X with seconds since 1970 in place of its time stamps, in UTC where their zone is known; and
    the numbers of their columns."""
    is_frame = hasattr(X, "iloc") and hasattr(X, "columns")
    table: Any = X if is_frame else np.asarray(X)
    if table.ndim != 2 or (not is_frame and table.dtype.kind not in "MO"):
        return X, []
    columns = [list(table.iloc[:, k] if is_frame else table[:, k]) for k in range(table.shape[1])]
    times = [k for k, column in enumerate(columns) if any(map(seconds_of, column))]
    if not times:
        return X, []
    numbers = table.copy() if is_frame else table.astype(object)
    for k in times:
        stamps = [seconds_of(value) for value in columns[k]]
        seconds = np.array([np.nan if stamp is None else stamp[1] for stamp in stamps])
        if is_frame:
            numbers.isetitem(k, seconds)
        else:
            numbers[:, k] = seconds
    return numbers, times


def sequence_ends(lengths: Lengths, n_rows: int) -> Array:
    """Where each sequence ends."""
    parts = np.asarray([n_rows] if lengths is None else lengths)
    if parts.ndim != 1 or parts.dtype.kind not in "iu" or (parts < 1).any():
        raise ValueError(f"lengths is {brief(lengths)}, wanted whole numbers of at least 1")
    if parts.sum() != n_rows:
        raise ValueError(f"lengths sum to {parts.sum()}, wanted the {n_rows} rows of X")
    return np.cumsum(parts)


def cut(rows: Rows, ends: Array) -> Iterator[Rows]:
    """The rows of each sequence."""
    start = 0
    for end in ends.tolist():
        yield rows[start:end]
        start = end
