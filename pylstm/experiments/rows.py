"""All rows by name, and how they are chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pylstm.errors import InputError, brief
from pylstm.experiments.competitors import COMPETITORS
from pylstm.experiments.later_rows import LATER_ROWS
from pylstm.experiments.lstm_rows import LSTM_ROWS
from pylstm.experiments.methods import METHODS
from pylstm.experiments.row import Row

__all__ = ["ROWS", "select"]

#: The rows by name: those of LSTM in the order of the paper of 1997, those of its competitors, then
#: those of the papers of 2000 to 2002.
ROWS: dict[str, Row] = {row.name: row for row in (*LSTM_ROWS, *COMPETITORS, *LATER_ROWS)}


def select(names: Sequence[str]) -> list[Row]:
    """Give rows by their names or by the name of a group.

    Parameters
    ----------
    names : sequence of str
        Rows, such as "3a-1"; what several begin with, such as "3a", "3" or "2a-rtrl"; a paper, by
        its year, such as "2000"; of the paper of 1997 a method, such as "lstm", or "competitors",
        all other methods. Without any: all rows of the paper of 1997.

    Returns
    -------
    list of Row
        Each once, in the order of `ROWS`.

    Raises
    ------
    InputError
        For a name that is no row and no group.

    Examples
    --------
    >>> from pylstm.experiments import select
    >>> [row.name for row in select(["6", "2a-chunker"])]
    ['6a', '6b', '2a-chunker-100-1']
    """
    chosen: set[str] = set()
    for name in names:
        of_name = {row.name for row in ROWS.values() if name in _names(row)}
        if not of_name:
            raise InputError(
                f"row {brief(name)} given, wanted one of {', '.join(ROWS)}, the beginning of "
                "some, such "
                f"as 2c, a paper of {', '.join(map(str, _years()))}, a method of "
                f"{', '.join(METHODS)}, or competitors"
            )
        chosen |= of_name
    return [row for name, row in ROWS.items() if name in chosen or (not names and row.year == 1997)]


def _years() -> list[int]:
    return sorted({row.year for row in ROWS.values()})


def _names(row: Row) -> Iterator[str]:
    """What a row is called, alone or with others: "3a-1" is in 3a, in 3, in lstm and in 1997."""
    parts = row.name.split("-")
    for k in range(len(parts)):
        yield "-".join(parts[: k + 1])
    yield str(row.year)
    if row.year > 1997:
        return
    if parts[0][0].isdigit():
        yield parts[0][0]
    yield row.method
    if row.method != "lstm":
        yield "competitors"
