"""Delimited text as rows of cells.

A row is a line, or several where a quoted cell has line ends inside. A quote that is never closed
takes no other rows with it: where a row of several lines is none, its first line alone is bad.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace

from pylstm.errors import brief_text
from pylstm.tabular.dialect import DELIMITERS, Dialect, find_delimiter
from pylstm.tabular.errors import StreamError
from pylstm.tabular.reader import Problem, Reader, Row
from pylstm.tabular.source import Source

__all__ = ["TextReader"]

# Lines a row may have, bytes a line may have.
_MOST_LINES = 100
_LONGEST_LINE = 1 << 24
_UNCLOSED = "unexpected end of data"


class TextReader(Reader):
    """Rows of delimited text.

    Parameters
    ----------
    source : Source
    dialect : Dialect
    final : bool
        Whether a last line without its end is a row.
    """

    def __init__(self, source: Source, dialect: Dialect, final: bool) -> None:
        super().__init__()
        self._source = source
        self._final = final
        self._rest = b""  # of a line that has not ended
        self._held: list[bytes] = []  # lines of a row that has not ended
        self._next_line_number = 1
        self._ended = False
        self.dialect = dialect
        self._n_columns = 0
        for _ in range(dialect.skip_rows):
            self._next_line()
        self._read_header()

    # ------------------------------------------------------------ the header

    def _has_line(self) -> bool:
        """Wait for a whole line."""
        while b"\n" not in self._rest:
            chunk = self._source.read()
            if not chunk:
                return False
            self._rest += chunk
            self._check_length()
        return True

    def _next_line(self) -> bytes | None:
        if not self._has_line() and not self._rest:
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        self._next_line_number += 1
        line = line.removesuffix(b"\r")
        self.head += line + b"\n"
        return line

    def _peek_line(self) -> bytes:
        """The next line with anything in it, which stays."""
        while True:
            text = self._rest.lstrip(b"\r\n")
            if b"\n" in text or not (chunk := self._source.read()):
                return text.partition(b"\n")[0].removesuffix(b"\r")
            self._rest += chunk
            self._check_length()

    def _read_header(self) -> None:
        name = self._source.name
        line: bytes | None = b""
        while line == b"":
            line = self._next_line()
        if line is None:
            raise StreamError(f"{name} is empty, wanted a header line and rows of numbers")
        number = self._next_line_number - 1
        if self.dialect.delimiter is None:
            try:
                header, first = line.decode(), self._peek_line().decode("utf-8", "replace")
            except UnicodeDecodeError:
                raise StreamError(f"{name}, line {number} {self._not_text()}") from None
            sign = find_delimiter(name, header, first)
            self.dialect = replace(self.dialect, delimiter=sign)
            if sign != ",":
                self.notes.append(f"{DELIMITERS[sign]} between cells recognised")
        lines = [line]
        while self._is_open(b"\n".join(lines)) and len(lines) < _MOST_LINES:
            following = self._next_line()
            if following is None:
                break
            lines.append(following)
        (cells,) = self.split([b"\n".join(lines)])
        if isinstance(cells, Problem):
            raise StreamError(f"{name}, line {number} {cells.reason}")
        self.header = [cell.strip() for cell in cells]
        self._n_columns = len(self.header)

    # ------------------------------------------------------------ rows

    def _check_length(self) -> None:
        if len(self._rest) > _LONGEST_LINE and b"\n" not in self._rest[-_LONGEST_LINE:]:
            raise StreamError(
                f"{self._source.name}, line {self._next_line_number + len(self._held)} has no end "
                f"within {_LONGEST_LINE >> 20} MiB, wanted lines of text"
            )

    def more(self) -> bool:
        """Wait for at least one row and take in what is at hand; False at the end."""
        n_before = len(self)
        while len(self) == n_before:
            if b"\n" not in self._rest:
                chunk = b"" if self._ended else self._source.read()
                if not chunk:
                    return self._end(n_before)
                self._rest += chunk
                self._check_length()
                if b"\n" not in chunk:
                    continue
            whole, _, self._rest = self._rest.rpartition(b"\n")
            self._take(whole)
        return True

    def _end(self, n_before: int) -> bool:
        if not self._ended:
            self._ended = True
            rest, self._rest = self._rest.removesuffix(b"\r"), b""
            if rest and not self._final:
                shown = brief_text(rest.decode("utf-8", "backslashreplace"), 60)
                self.notes.append(f"the last line has no end yet and was not taken in: {shown}")
                if self._held:
                    self._held = []
                    return False
            lines = [*self._held, *([rest] if rest and self._final else [])]
            self._held = []
            self._assemble(lines, ended=True)
        return len(self) > n_before

    def _take(self, whole: bytes) -> None:
        lines = whole.split(b"\n")
        if b"\r" in whole:
            lines = [line.removesuffix(b"\r") for line in lines]
        if self._held or (b'"' in whole and not self._is_a_row_each(lines)):
            held, self._held = self._held, []
            self._assemble(held + lines, ended=False)
            return
        first = self._next_line_number
        numbers: Sequence[int] = range(first, first + len(lines))
        self._next_line_number += len(lines)
        if b"" in lines and self._n_columns > 1:
            numbers = [number for number, line in zip(numbers, lines, strict=True) if line]
            lines = [line for line in lines if line]
        self._append(lines, numbers)

    def _is_a_row_each(self, lines: list[bytes]) -> bool:
        """Whether all lines are rows, as far as quotes are concerned."""
        try:
            rows = self._parsed([line.decode() for line in lines])
        except (UnicodeDecodeError, csv.Error):
            return False
        return len(rows) == len(lines)

    def _assemble(self, lines: list[bytes], ended: bool) -> None:
        raws, numbers, k = [], [], 0
        while k < len(lines):
            n_lines = 1 if b'"' not in lines[k] else self._n_lines(lines, k, ended)
            if n_lines == 0:
                break
            if self._is_row(lines[k]):
                raws.append(b"\n".join(lines[k : k + n_lines]))
                numbers.append(self._next_line_number)
            k += n_lines
            self._next_line_number += n_lines
        self._held = lines[k:]
        self._append(raws, numbers)

    def _is_row(self, line: bytes) -> bool:
        return bool(line) or self._n_columns == 1  # there a blank line is a missing cell

    def _n_lines(self, lines: list[bytes], k: int, ended: bool) -> int:
        """Lines of the row that begins at line `k`; 0 where that is not known yet."""
        for n_lines in range(1, _MOST_LINES + 1):
            if k + n_lines > len(lines):
                return 1 if ended else 0
            if b'"' in lines[k + n_lines - 1]:
                raw = b"\n".join(lines[k : k + n_lines])
                if not self._is_open(raw):
                    return n_lines if self._is_one_row(raw, lines[k + 1 : k + n_lines]) else 1
        return 1

    def _is_one_row(self, raw: bytes, following: list[bytes]) -> bool:
        """Whether lines are a row together, and those after the first are none by themselves."""
        (cells,) = self.split([raw])
        if len(cells) == self._n_columns:
            return True
        apart = self._n_columns in map(len, self.split(following)) if following else False
        return not isinstance(cells, Problem) and not apart

    # ------------------------------------------------------------ cells

    def _parsed(self, texts: list[str]) -> list[list[str]]:
        delimiter = self.dialect.delimiter or ","
        return list(csv.reader(texts, delimiter=delimiter, strict=True))

    def _is_open(self, raw: bytes) -> bool:
        if b'"' not in raw:
            return False
        try:
            self._parsed([raw.decode()])
        except UnicodeDecodeError:
            return False
        except csv.Error as error:
            return _UNCLOSED in str(error)
        return False

    def raws(self, first: int, end: int) -> list[bytes]:
        """Return rows of the queue as bytes, without their ends."""
        return self.items(first, end)

    def cells(self, first: int, end: int) -> list[Row | Problem]:
        """Return the cells of rows of the queue, or what is wrong with them."""
        raws = self.items(first, end)
        return self.split(raws) if raws else []

    def split(self, raws: list[bytes]) -> list[Row | Problem]:
        """The cells of rows, or what is wrong with them."""
        whole = b"\n".join(raws)
        if b"\0" not in whole:
            try:
                if b'"' not in whole:
                    delimiter = self.dialect.delimiter
                    return [line.split(delimiter) for line in whole.decode().split("\n")]
                rows = self._parsed([raw.decode() for raw in raws])
                if len(rows) == len(raws) and all(rows):
                    return [*rows]
            except (UnicodeDecodeError, csv.Error):
                pass
            if len(raws) == 1:
                return [self._problem(raws[0])]
        elif len(raws) == 1:
            return [Problem("holds NUL bytes, wanted text")]
        return [self.split([raw])[0] for raw in raws]

    def _not_text(self) -> str:
        if self.dialect.encoding != "utf-8":
            return f"holds bytes that are no {self.dialect.encoding} text"
        return "holds bytes that are not UTF-8 text (--encoding names another one)"

    def _problem(self, raw: bytes) -> Problem:
        try:
            self._parsed([raw.decode()])
        except UnicodeDecodeError:
            return Problem(self._not_text())
        except csv.Error as error:
            if _UNCLOSED in str(error):
                return Problem("has a quoted cell that does not end")
            return Problem(f"is not delimited text ({error})")
        return Problem("is not delimited text")
