"""Many rows at once: arrays, columns by name, or a data frame.

What needs no more than numbers is learned without a return to Python between rows; anything else
goes row by row as `learn_one` takes it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.estimators.values import as_weight

__all__ = ["Table", "as_weights", "check_length", "column_of"]

Floats = npt.NDArray[np.float64]


class Table:
    """Columns of equal length, by name.

    Parameters
    ----------
    values : array_like of shape (n_rows, n_columns), mapping of names to columns, or data frame
        The columns of an array are called 0, 1, 2, ... Of a frame (pandas, polars, pyarrow, or
        another that has ``columns`` and gives a column by its name) the columns, no index. A table
        stays as it is.
    what : str
        What it is called in messages.
    one_column : bool, default False
        Whether an array of one dimension is a column, whose name is None.

    Attributes
    ----------
    names : list of hashable
    n_rows : int
    numbers : ndarray of shape (n_rows, n_columns), float64, or None
        Where all columns are of numbers or truth values: these, NaN where there is none.

    Raises
    ------
    ValueError
        For columns of different length or of one name, or an infinite number.
    """

    def __init__(self, values: Any, what: str, *, one_column: bool = False) -> None:
        self.is_array = False
        if isinstance(values, Table):
            vars(self).update(vars(values))
            return
        if isinstance(values, Mapping):
            self.names, columns = list(values), list(values.values())
        elif hasattr(values, "column_names"):  # pyarrow's
            self.names = list(values.column_names)
            columns = [values.column(k) for k in range(len(self.names))]
        elif hasattr(values, "columns"):
            self.names = list(values.columns)
            self._check_names(what)
            columns = [values[name] for name in self.names]
        else:
            array = values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
            if one_column and array.ndim == 1:
                self.names, columns = [None], [array]
            elif array.ndim == 2:
                self.is_array = True
                self.names, columns = list(range(array.shape[1])), list(array.T)
            else:
                wanted = "(n_rows,) or (n_rows, n_targets)" if one_column else "(n_rows, n_columns)"
                raise ValueError(f"{what} has shape {array.shape}, wanted {wanted}")
            self.n_rows = len(array)
        self._check_names(what)
        self._columns = [column_of(column) for column in columns]
        if self._columns:
            self.n_rows = len(self._columns[0])
        elif not hasattr(self, "n_rows"):
            self.n_rows = 0
        for name, column in zip(self.names, self._columns, strict=True):
            if column.shape != (self.n_rows,):
                raise ValueError(
                    f"column {brief(name)} of {what} has shape {column.shape}, wanted "
                    f"({self.n_rows},) as the first"
                )
        self.numbers = self._as_numbers(what)

    @classmethod
    def of_numbers(cls, names: Sequence[Hashable], numbers: Floats) -> Table:
        """Columns of an array by name: finite numbers, NaN where there is none."""
        table = cls.__new__(cls)
        table.is_array, table.names, table.n_rows = False, list(names), len(numbers)
        table.numbers, table._columns = np.ascontiguousarray(numbers), list(numbers.T)
        return table

    def _check_names(self, what: str) -> None:
        if len(set(self.names)) < len(self.names):
            name = next(name for name in self.names if self.names.count(name) > 1)
            raise ValueError(f"{what} has more than one column {brief(name)}, wanted one of a name")

    def _as_numbers(self, what: str) -> Floats | None:
        if any(column.dtype.kind not in "bfiu" for column in self._columns):
            return None
        numbers = np.empty((self.n_rows, len(self._columns)))
        for k, column in enumerate(self._columns):
            numbers[:, k] = column
        wrong = np.argwhere(np.isinf(numbers))
        if wrong.size:
            row, k = wrong[0]
            name = "" if self.names[k] is None else f" in column {brief(self.names[k])}"
            raise ValueError(
                f"{what} has {numbers[row, k]}{name} at row {row}, wanted finite numbers, or NaN "
                "for none"
            )
        return numbers

    def as_given(self, row: dict[Hashable, Any]) -> Any:
        """A row in the form of what it was made of."""
        if self.names == [None]:
            return row[None]
        return list(row.values()) if self.is_array else row

    def columns(self) -> list[npt.NDArray[Any]]:
        """The columns in their order."""
        return list(self._columns)

    def part(self, rows: slice | npt.NDArray[np.intp]) -> Table:
        """Some of the rows."""
        part = copy(self)
        if self.numbers is not None:
            part.numbers = self.numbers[rows]
            part._columns = list(part.numbers.T)
        else:
            part._columns = [column[rows] for column in self._columns]
        part.n_rows = len(range(self.n_rows)[rows]) if isinstance(rows, slice) else len(rows)
        return part

    def row(self, k: int) -> dict[Hashable, Any]:
        """One row."""
        return {
            n: column[k : k + 1].tolist()[0]
            for n, column in zip(self.names, self._columns, strict=True)
        }

    def rows(self) -> Iterator[dict[Hashable, Any]]:
        """Rows as `learn_one` takes them."""
        if not self._columns:
            return ({} for _ in range(self.n_rows))
        columns = [list(column.tolist()) for column in self._columns]
        return (dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True))


def column_of(column: Any) -> npt.NDArray[Any]:
    """A column of numbers as numbers, NaN where there is none; of anything else its values."""
    if isinstance(column, np.ma.MaskedArray):
        return _as_objects([None if value is np.ma.masked else value for value in column])
    array: npt.NDArray[Any] = np.asarray(column)
    if array.dtype.kind in "bfiu" or array.ndim != 1:
        return array
    for as_list in ("to_list", "to_pylist"):  # as the frame has them, with its own NA
        if hasattr(column, as_list):
            return _as_objects(getattr(column, as_list)())
    return _as_objects(list(column))


def _as_objects(values: list[Any]) -> npt.NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def check_length(what: str, n: int, n_rows: int) -> None:
    """Raise the sentence about a column that is not as long as X."""
    if n != n_rows:
        raise ValueError(f"{what} has {n} rows and X {n_rows}, wanted as many")


def as_weights(w: Any, n_rows: int) -> Floats:
    """Weights of rows, or of each the same one, as float64."""
    weights = np.asarray(w)
    if weights.ndim == 0:
        return np.full(n_rows, as_weight(w))
    if weights.ndim != 1:
        raise ValueError(f"w has shape {weights.shape}, wanted a number, or one a row")
    check_length("w", len(weights), n_rows)
    return np.array([as_weight(weight) for weight in weights.tolist()])
