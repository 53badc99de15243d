"""Reading a time-ordered table of comma-separated values, row by row as it arrives.

Every problem is told in one sentence with the line it is in (`StreamError`).
"""

from __future__ import annotations

import csv
import gzip
import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.tabular.errors import StreamError

__all__ = ["MISSING", "Table", "label_in", "number_in"]

Vector = npt.NDArray[np.float64]

# Cells that mean "no value", in any capitals and with any blanks around them.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
# What helps where a cell is text.
HINT = " (--inputs chooses the columns, --classify makes the target labels)"
# Squares of larger numbers would leave the range of a double.
_LARGEST = 1e100


def number_in(cell: str) -> float | None:
    """Return the number in a cell, NaN for a missing one, None for anything else."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in MISSING else None
    # Python's float also takes underscores and "inf"; a table does not.
    return None if abs(value) > _LARGEST or "_" in cell else value


def label_in(cell: str) -> str | None:
    """Return the label in a cell, the text without blanks around it; None for a missing one."""
    label = cell.strip()
    return None if label.lower() in MISSING else label


class Table:
    """A table with a header line, read once from a file or from standard input.

    Parameters
    ----------
    source : str
        Path of a file, plain or gzip-compressed (``.gz``), or ``-`` for standard input.
    delimiter : str, default ","
        One character between cells.
    hint : str
        What helps where a cell is text, as the end of that sentence.

    Attributes
    ----------
    name : str
        What the source is called in messages.
    header : list of str
        Names of the columns.

    Raises
    ------
    StreamError
        When there is no such file, no header, or something else than a table.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("time,load\\n00:00,3\\n01:00,\\n")
    >>> with Table(str(path)) as table:
    ...     columns = table.columns_of_numbers()
    ...     rows = list(table.rows(columns))
    >>> columns, rows
    (['load'], [array([3.]), array([nan])])
    """

    def __init__(self, source: str, delimiter: str = ",", *, hint: str = HINT) -> None:
        self.name = "standard input" if source == "-" else source
        self.delimiter = delimiter
        self._hint = hint
        self._bytes = self._open(source)
        self._file: IO[bytes] = (
            gzip.GzipFile(fileobj=self._bytes) if source.endswith(".gz") else self._bytes  # type: ignore
        )
        self.size = None if source == "-" else Path(source).stat().st_size
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self._has_one_column = False
        try:
            self.header = self._read_header()
            self._has_one_column = len(self.header) == 1
            self._first_cells = self._next_cells()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _open(source: str) -> IO[bytes]:
        if source == "-":
            return sys.stdin.buffer
        try:
            return open(source, "rb")
        except OSError as error:
            raise StreamError(f"cannot read {source}: {error.strerror}") from None

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.size is not None:
            self._file.close()
            self._bytes.close()

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def line(self) -> int:
        """Number of the last line read, from 1."""
        return self._reader.line_num

    def position(self) -> int:
        """Bytes of the file read so far, of `size`."""
        return self._bytes.tell()

    def _lines(self) -> Iterator[str]:
        encoding = "utf-8-sig"
        for line in self._file:
            yield line.decode(encoding)
            encoding = "utf-8"

    def _next_cells(self) -> list[str] | None:
        """The next line that is not blank, None at the end."""
        try:
            for cells in self._reader:
                if cells:
                    return cells
                if self._has_one_column:  # there a blank line is a missing cell
                    return [""]
        except UnicodeDecodeError:
            raise self._error(self.line + 1, "holds bytes that are not UTF-8 text") from None
        except (OSError, EOFError, zlib.error) as error:
            raise StreamError(f"cannot read {self.name}: {error}") from None
        except csv.Error as error:
            raise self._error(self.line, f"is not comma-separated text ({error})") from None
        return None

    def _error(self, line: int, problem: str) -> StreamError:
        return StreamError(f"{self.name}, line {line} {problem}")

    def _read_header(self) -> list[str]:
        cells = self._next_cells()
        if cells is None:
            raise StreamError(f"{self.name} is empty, wanted a header line and rows of numbers")
        header = [cell.strip() for cell in cells]
        numbers = [number_in(cell) for cell in header]
        if None not in numbers and not all(map(math.isnan, filter(None, numbers))):
            raise self._error(self.line, f"is {brief(','.join(cells))}, wanted the column names")
        for name in header:
            if header.count(name) > 1:
                raise StreamError(f"{self.name} has more than one column {brief(name)}, wanted one")
        return header

    def first_row(self) -> list[str]:
        """Return the cells of the first row without using it up."""
        if self._first_cells is None:
            raise StreamError(
                f"{self.name} has a header line and nothing else, wanted rows below it"
            )
        return self._check_width(self._first_cells)

    def columns_of_numbers(self) -> list[str]:
        """Return the columns whose first cell is a number or missing."""
        pairs = zip(self.header, self.first_row(), strict=True)
        return [name for name, cell in pairs if number_in(cell) is not None]

    def indices(self, columns: Sequence[str]) -> list[int]:
        """Return where the named columns are in a row."""
        for name in columns:
            if name not in self.header:
                hint = ""
                if len(self.header) == 1 and any(mark in self.header[0] for mark in ";,\t|"):
                    hint = " (is another --delimiter needed?)"
                raise StreamError(
                    f"{self.name} has no column {brief(name)}, wanted one of "
                    f"{', '.join(map(repr, self.header))}{hint}"
                )
        return [self.header.index(name) for name in columns]

    def rows(self, columns: Sequence[str]) -> Iterator[Vector]:
        """Yield the named columns of each row as numbers, NaN where missing, as soon as it arrives.

        Raises
        ------
        StreamError
            For a row with another number of cells than the header, or text where a number belongs.
        """
        for numbers, _ in self.records(columns):
            yield numbers

    def records(
        self, columns: Sequence[str], texts: Sequence[str] = ()
    ) -> Iterator[tuple[Vector, list[str]]]:
        """Yield as `rows` does, and beside the numbers the cells of other columns as they are.

        Raises
        ------
        StreamError
            As `rows` does.
        """
        where, where_texts = self.indices(columns), self.indices(texts)
        cells: list[str] | None = self.first_row()
        self._first_cells = None
        while cells is not None:
            numbers = self._parse_numbers(self._check_width(cells), columns, where)
            yield numbers, [cells[index] for index in where_texts]
            cells = self._next_cells()

    def _check_width(self, cells: list[str]) -> list[str]:
        if len(cells) != len(self.header):
            s = "" if len(cells) == 1 else "s"
            raise self._error(
                self.line, f"has {len(cells)} cell{s}, wanted {len(self.header)} as in the header"
            )
        return cells

    def _parse_numbers(self, cells: list[str], columns: Sequence[str], where: list[int]) -> Vector:
        numbers = np.empty(len(where))
        for k, index in enumerate(where):
            value = number_in(cells[index])
            if value is None:
                raise self._error(
                    self.line,
                    f"has {brief(cells[index])} in column {brief(columns[k])}, wanted a number "
                    f"between -1e100 and 1e100, or an empty cell{self._hint}",
                )
            numbers[k] = value
        return numbers
