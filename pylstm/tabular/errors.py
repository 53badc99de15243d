"""The errors of tables: sentences for the person who gave them."""

from pylstm.errors import InputError

__all__ = ["BadRow", "StreamError"]


class StreamError(InputError):
    """What was given and what was wanted."""


class BadRow(StreamError):
    """A row that cannot be used, after all rows before it have been.

    Parameters
    ----------
    name : str
        What the table is called.
    place : str
        Where the row is, such as ``line 7``.
    row : int
        Its number in the table, from 1.
    line : int
        Number of its first line in the file, from 1; of files without lines the same as `row`.
    reason : str
        What is wrong with it, such as ``has 1 cell, wanted 2``.
    """

    def __init__(self, name: str, place: str, row: int, line: int, reason: str) -> None:
        super().__init__(f"{name}, {place} {reason}")
        self.row = row
        self.line = line
        self.reason = reason
