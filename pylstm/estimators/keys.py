"""Keys of rows: what may be one, and which rows belong to each.

A key is a string, a whole number, or a tuple of these where there are several columns of them.
Numbers of Python and NumPy that are equal are one key. All keys of a bank are of the same types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.estimators.table import Table, column_of

__all__ = ["Groups", "Key", "Kind", "as_key", "as_keys", "kind_of"]

Key = str | int | tuple[str | int, ...]
#: The types of a key's parts; of a key that is no tuple its own type.
Kind = type | tuple[type, ...]

_WANTED = "wanted a string, a whole number, or a tuple of these"


def as_key(value: Any) -> Key:
    """Return a key as it is kept, or raise the sentence why it is none.

    Examples
    --------
    >>> import numpy as np
    >>> as_key((np.int32(3), np.str_("north")))
    (3, 'north')
    >>> as_key(None)
    Traceback (most recent call last):
    TypeError: key is None, wanted a string, a whole number, or a tuple of these
    """
    key = _plain(value)
    if key is None:
        raise TypeError(f"key is {brief(value)}, {_WANTED}")
    return key


def _plain(value: Any) -> Key | None:
    """The value as a key, None where it is none."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple) and value:
        parts = tuple(map(_plain, value))
        if all(isinstance(part, str | int) for part in parts):
            return parts  # type: ignore[return-value]
    return None


def kind_of(key: Key) -> Kind:
    """The types of a key, the same for all keys of a bank."""
    return tuple(map(type, key)) if isinstance(key, tuple) else type(key)


def as_keys(keys: Any, kind: Kind | None) -> list[Key]:
    """Return the key of every row, all of one kind: that of the first, unless one is given.

    Parameters
    ----------
    keys : array_like of shape (n_rows,) or (n_rows, n_columns), list of tuples, column, data frame
    kind : type or tuple of types, or None
        Of the keys there are.

    Raises
    ------
    TypeError, ValueError
        For what is no key, or a key of another kind: the sentence names the row.
    """
    values = _values(keys)
    types = set(map(type, values))
    if types == {str} or types == {int}:
        (found,) = types
        if kind is None or kind is found:
            return values
    made: list[Key] = []
    for row, value in enumerate(values):
        key = _plain(value)
        if key is None:
            raise TypeError(f"key at row {row} is {brief(value)}, {_WANTED}")
        if kind is None:
            kind = kind_of(key)
        if kind_of(key) != kind:
            raise TypeError(
                f"key at row {row} is {brief(value)}, wanted {_name(kind)} as the keys before"
            )
        made.append(key)
    return made


def _name(kind: Kind) -> str:
    if isinstance(kind, tuple):
        return f"a tuple of {', '.join(part.__name__ for part in kind)}"
    return {str: "a string", int: "a whole number"}[kind]


def _values(keys: Any) -> list[Any]:
    """What stands for a key in every row, a list."""
    if isinstance(keys, list) and (not keys or not isinstance(keys[0], list)):
        return keys
    if isinstance(keys, str | bytes) or not (hasattr(keys, "__len__") or hasattr(keys, "__iter__")):
        raise TypeError(f"keys is {brief(keys)}, wanted one key a row")
    if isinstance(keys, Mapping) or hasattr(keys, "columns") or hasattr(keys, "column_names"):
        columns = Table(keys, "keys").columns()
    else:
        array = column_of(keys)
        if array.ndim == 1:
            return _as_list(array)
        if array.ndim != 2:
            raise ValueError(
                f"keys has shape {array.shape}, wanted (n_rows,) or (n_rows, n_columns)"
            )
        columns = list(array.T)
    if len(columns) == 1:
        return _as_list(columns[0])
    return list(zip(*map(_as_list, columns), strict=True))


def _as_list(column: npt.NDArray[Any]) -> list[Any]:
    values: list[Any] = column.tolist()
    return values


class Groups:
    """Which rows belong to which key.

    Parameters
    ----------
    keys : list
        One a row.

    Attributes
    ----------
    keys : list
        Each once, in the order in which they first appear.
    order : ndarray of intp, shape (n_rows,)
        The rows, those of one key after those of another, in their order.
    starts : list of int
        Where in `order` the rows of each key start, and behind them the number of rows.
    """

    def __init__(self, keys: list[Key]) -> None:
        self.keys = list(dict.fromkeys(keys))
        numbers = {key: k for k, key in enumerate(self.keys)}
        codes = np.fromiter(map(numbers.__getitem__, keys), np.intp, len(keys))
        self.order = np.argsort(codes, kind="stable")
        self.starts = [0, *np.cumsum(np.bincount(codes, minlength=len(self.keys))).tolist()]

    def parts(self) -> list[tuple[Key, slice]]:
        """Every key, and where its rows are in `order`."""
        ends = zip(self.keys, self.starts, self.starts[1:], strict=False)
        return [(key, slice(start, end)) for key, start, end in ends]
