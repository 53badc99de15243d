"""Rows that have been read and not been asked for, whatever the format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Problem", "Reader", "Row"]

Row = Sequence[Any]


class Problem:
    """Why a row has no cells, such as ``holds NUL bytes``."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __len__(self) -> int:
        return 0


class Reader:
    """A queue of rows, filled by `more` of a format and emptied by `drop`.

    Attributes
    ----------
    header : list of str
        Names of the columns.
    head : bytes
        All of the file above the first row, for its checksum.
    place : str
        What a number of a row is called in messages, ``line`` or ``row``.
    notes : list of str
        What was recognised.
    """

    place = "line"

    def __init__(self) -> None:
        self.header: list[str] = []
        self.head = b""
        self.notes: list[str] = []
        self._items: list[Any] = []  # rows as the format has them
        self._lines: list[int] = []
        self._start = 0

    def more(self) -> bool:
        """Wait for at least one row and take in what is at hand; False at the end."""
        raise NotImplementedError

    def raws(self, first: int, end: int) -> list[bytes]:
        """Return rows of the queue as bytes, without their ends."""
        raise NotImplementedError

    def cells(self, first: int, end: int) -> list[Row | Problem]:
        """Return the cells of rows of the queue, or what is wrong with them."""
        raise NotImplementedError

    def _append(self, items: Sequence[Any], lines: Sequence[int]) -> None:
        del self._items[: self._start], self._lines[: self._start]
        self._start = 0
        self._items += items
        self._lines += lines

    def __len__(self) -> int:
        return len(self._items) - self._start

    def items(self, first: int, end: int) -> list[Any]:
        """Return rows of the queue as the format has them."""
        return self._items[self._start + first : self._start + end]

    def lines(self, first: int, end: int) -> list[int]:
        """Return the numbers of their first lines in the file, from 1."""
        return self._lines[self._start + first : self._start + end]

    def drop(self, n_rows: int) -> None:
        """Take rows from the beginning of the queue."""
        self._start += n_rows

    def show(self, index: int) -> str:
        """Return a row of the queue as it is written."""
        return self.raws(index, index + 1)[0].decode("utf-8", "backslashreplace")
