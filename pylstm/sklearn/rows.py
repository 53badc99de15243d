"""Rows of an array as the estimators take them, their targets, and what tells sequences apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array, column_or_1d

from pylstm.errors import brief
from pylstm.estimators.calendar import seconds_of
from pylstm.estimators.values import is_missing

__all__ = [
    "Array",
    "Ids",
    "Lengths",
    "Rows",
    "as_numbers",
    "as_rows",
    "as_table",
    "as_targets",
    "as_weights",
    "check_some_weight",
    "ids_as_numbers",
    "parts_by_id",
    "parts_by_length",
    "placed",
    "scored",
    "texts_as_numbers",
    "times_as_seconds",
]

Array = npt.NDArray[Any]
Lengths = npt.ArrayLike | None
Ids = npt.ArrayLike | None
Rows = list[dict[Any, Any]]


def as_rows(
    X: Array,
    times: Sequence[int],
    texts: Mapping[int, Sequence[str | None]],
    left_out: int | None = None,
) -> Rows:
    """Features by column number, the dicts that the estimator behind takes."""
    rows: Rows = [dict(enumerate(row)) for row in X.tolist()]
    for row in rows:
        row.pop(left_out, None)
        for column in times:
            seconds = row[column]
            known = seconds == seconds
            row[column] = np.datetime64(round(seconds * 1e6), "us") if known else None
    for column, values in texts.items():
        for row, value in zip(rows, values, strict=True):
            if column in row and value is not None:
                row[column] = value
    return rows


# ---------------------------------------------------------------- columns that are no numbers


def times_as_seconds(X: Any) -> tuple[Any, list[int]]:
    """X with seconds since 1970 in place of its time stamps, in UTC where their zone is known; and
    the numbers of their columns."""
    seconds = {}
    for k, column in _columns_but_numbers(X):
        stamps = list(map(seconds_of, column))
        if any(stamps):
            seconds[k] = [np.nan if stamp is None else stamp[1] for stamp in stamps]
    return _with_columns(X, seconds), list(seconds)


def texts_as_numbers(X: Any) -> tuple[Any, dict[int, list[str | None]]]:
    """X with numbers in place of text; and the text of every column that has some, by row.

    Text that reads as numbers in all of a column is numbers, as elsewhere in scikit-learn.
    """
    numbers, texts = {}, {}
    for k, column in _columns_but_numbers(X):
        if any(isinstance(value, str) for value in column) and not _reads_as_numbers(column):
            texts[k] = [value if isinstance(value, str) else None for value in column]
            codes = {value: float(code) for code, value in enumerate(dict.fromkeys(texts[k]))}
            numbers[k] = [
                codes[value] if isinstance(value, str) else np.nan if is_missing(value) else value
                for value in column
            ]
    return _with_columns(X, numbers), texts


def _reads_as_numbers(column: list[Any]) -> bool:
    try:
        np.asarray(column, float)
    except (TypeError, ValueError):
        return False
    return True


def ids_as_numbers(X: Any, column: Any) -> tuple[Any, int | None, list[Any] | None]:
    """X with numbers in place of the ids of a column; the number of that column, and the ids.

    Parameters
    ----------
    column : int or str
        Counted from either end, or a name in a data frame.
    """
    columns = _columns(X)
    if not columns:
        return X, None, None
    k = _column_number(column, list(getattr(X, "columns", ())), len(columns))
    numbers = np.empty(len(columns[k]))
    for place, rows in enumerate(parts_by_id(columns[k], len(numbers))):
        numbers[rows] = place
    return _with_columns(X, {k: numbers.tolist()}), k, columns[k]


def _column_number(column: Any, names: list[Any], n_columns: int) -> int:
    if isinstance(column, str) and column in names:
        return names.index(column)
    is_whole = isinstance(column, int | np.integer) and not isinstance(column, bool)
    if is_whole and -n_columns <= column < n_columns:
        return int(column) % n_columns
    raise ValueError(
        f"sequence_column is {brief(column)}, wanted the number of one of the {n_columns} columns "
        "of X, or its name in a data frame"
    )


def _is_frame(X: Any) -> bool:
    return hasattr(X, "iloc") and hasattr(X, "columns")


def _columns(X: Any) -> list[list[Any]]:
    if _is_frame(X):
        return [list(X.iloc[:, k]) for k in range(X.shape[1])]
    table = np.asarray(X)
    return [list(column) for column in table.T] if table.ndim == 2 else []


def _columns_but_numbers(X: Any) -> list[tuple[int, list[Any]]]:
    """Numbers and values of the columns that may be something else than numbers, by their type."""
    if _is_frame(X):
        kinds = [getattr(dtype, "kind", "O") for dtype in X.dtypes]
        return [(k, list(X.iloc[:, k])) for k, kind in enumerate(kinds) if kind not in "biuf"]
    return [] if np.asarray(X).dtype.kind in "biufc" else list(enumerate(_columns(X)))


def _with_columns(X: Any, new: Mapping[int, list[Any]]) -> Any:
    """X, or a copy with other values in some columns."""
    if not new:
        return X
    is_frame = _is_frame(X)
    table: Any = X.copy() if is_frame else np.array(X, object)
    for k, values in new.items():
        if is_frame:
            table.isetitem(k, np.array(values))
        else:
            table[:, k] = values
    return table


# ---------------------------------------------------------------- targets


def as_targets(y: Any) -> tuple[Array, Array]:
    """The targets there are, and in which rows: those of the others are missing.

    Raises
    ------
    ValueError
        For more than one column, or an infinite or complex number.
    """
    as_objects = isinstance(y, np.ma.MaskedArray)
    if as_objects:
        y = np.array(y.tolist(), object)
    elif hasattr(y, "astype") and not isinstance(getattr(y, "dtype", None), np.dtype | None):
        y = y.astype(object)  # a nullable column: NumPy would make its whole numbers floats
        as_objects = True
    values = column_or_1d(np.asarray(y), warn=True)
    if values.dtype.kind == "T":
        values = values.astype(object)
    if values.dtype.kind == "O":
        known = np.array([not is_missing(value) for value in values], bool)
    else:
        known = values == values
    targets = values[known]
    if targets.dtype.kind == "O" and (as_objects or not known.all()):
        # Numbers that were objects only because of what is missing beside them, or might be.
        numbers = np.array(targets.tolist())
        targets = numbers if numbers.dtype.kind in "biuf" else targets
    if targets.size:
        check_array(targets, ensure_2d=False, dtype=None, input_name="y")
    return targets, known


def as_table(y: Any) -> Array | None:
    """Several targets a row as float64, NaN where missing; None where there is one a row.

    Raises
    ------
    ValueError
        For an infinite or complex number, or none at all.
    """
    table = np.asarray(
        np.ma.filled(y.astype(float), np.nan) if isinstance(y, np.ma.MaskedArray) else y
    )
    if table.ndim != 2 or table.shape[1] < 2:
        return None
    if table.dtype.kind == "O":
        table = np.array([[np.nan if is_missing(v) else v for v in row] for row in table], object)
    return np.asarray(
        check_array(table, dtype=np.float64, ensure_all_finite="allow-nan", input_name="y")
    )


def as_numbers(targets: Array) -> Array:
    """Targets as float64, or ValueError."""
    if not targets.size:
        return np.empty(0)
    return np.asarray(check_array(targets, ensure_2d=False, dtype=np.float64, input_name="y"))


def placed(targets: Array, known: Array) -> list[Any]:
    """An entry for every row: its target, or None."""
    entries: list[Any] = [None] * known.size
    for k, target in zip(np.flatnonzero(known).tolist(), targets.tolist(), strict=True):
        entries[k] = target
    return entries


def as_weights(sample_weight: npt.ArrayLike | None, n_targets: int) -> list[float]:
    """A weight a target, 1 where there are none given."""
    if sample_weight is None:
        return [1.0] * n_targets
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n_targets,) or (weights < 0).any():
        raise ValueError(
            f"sample_weight is {brief(sample_weight)}, wanted a number of at least 0 for each of "
            f"the {n_targets} entries of y"
        )
    return list(weights.tolist())


def check_some_weight(targets: Iterable[tuple[Any, float]]) -> None:
    """Refuse pairs of target and weight of which nothing can be learned."""
    if not any(weight for value, weight in targets if value is not None):
        raise ValueError("sample_weight is zero for every target, wanted one above zero")


def scored(
    metric: Callable[..., float], y: Any, found: Array, sample_weight: npt.ArrayLike | None
) -> float:
    """What a metric says of predictions, where there are targets; the mean of several columns."""
    if found.ndim == 2:
        table = as_table(y)
        if table is None or table.shape != found.shape:
            raise ValueError(f"y has shape {np.shape(y)}, wanted {found.shape}, as predicted")
        columns = zip(table.T, found.T, strict=True)
        return float(np.mean([scored(metric, *pair, sample_weight) for pair in columns]))
    targets, known = as_targets(y)
    if known.shape != found.shape:
        raise ValueError(f"y has {len(known)} entries, wanted {len(found)}, one a prediction")
    weight = None if sample_weight is None else np.asarray(sample_weight)[known]
    return float(metric(targets, found[known], sample_weight=weight))


# ---------------------------------------------------------------- sequences


def parts_by_length(lengths: npt.ArrayLike, n_rows: int) -> list[Array]:
    """Numbers of the rows of each sequence, which are one behind the other."""
    counts = np.asarray(lengths)
    if counts.ndim != 1 or counts.dtype.kind not in "iu" or (counts < 1).any():
        raise ValueError(f"lengths is {brief(lengths)}, wanted whole numbers of at least 1")
    if counts.sum() != n_rows:
        raise ValueError(f"lengths sum to {counts.sum()}, wanted the {n_rows} rows of X")
    return np.split(np.arange(n_rows), np.cumsum(counts)[:-1])


def parts_by_id(ids: Any, n_rows: int) -> list[Array]:
    """Numbers of the rows of each sequence, wherever they are, in the order of their first."""
    shape = np.shape(ids)
    if shape != (n_rows,):
        raise ValueError(f"sequence has shape {shape}, wanted an id for each of {n_rows} rows")
    places: dict[Any, list[int]] = {}
    for k, name in enumerate(ids):
        if is_missing(name) or not isinstance(name, Hashable):
            raise ValueError(
                f"the sequence of row {k} is {brief(name)}, wanted an id, a number or a string"
            )
        places.setdefault(name, []).append(k)
    return [np.array(rows) for rows in places.values()]
