"""A time-ordered table, read once, in blocks of the rows that are at hand.

Every problem is told in one sentence with the place it is in: `StreamError`, or `BadRow` for a row
that may be left out.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.tabular.arff import ArffReader
from pylstm.tabular.cells import Cells, Unclear
from pylstm.tabular.clock import Order, Stamps
from pylstm.tabular.columnar import MARKS, ColumnReader
from pylstm.tabular.dialect import DELIMITERS, Dialect, is_units_row
from pylstm.tabular.errors import BadRow, StreamError
from pylstm.tabular.reader import Problem, Reader, Row
from pylstm.tabular.source import Source
from pylstm.tabular.text import TextReader

__all__ = ["Block", "ColumnKind", "Table"]

Vector = npt.NDArray[np.float64]
Kind = Literal["numbers", "text", "booleans", "unknown"]
OnBad = Callable[[int, int, str, str], None]

# What helps where a cell is text.
HINT = " (--inputs chooses the columns, --classify makes the target labels)"
_ROWS_OF_A_KIND = 100
_MOST_UNITS_ROWS = 3
_ROWS_TO_SEARCH = 20  # for the header
_SKIPPED_AT_ONCE = 1 << 14
_ROWS_AT_ONCE = 1 << 11  # so that cells stay in the caches
_COMMA = re.compile(r"[+-]?[\d.]*,[\d,.]+")
_POINT = re.compile(r"[+-]?[\d,]*\.[\d,.]+")


class Block(NamedTuple):
    """Rows that follow one another, bad ones left out.

    Attributes
    ----------
    first : int
        Number of the first of them in the table, from 1, bad ones counted.
    rows : ndarray, shape (n_rows,), int64
        Numbers of all of them.
    lines : ndarray, shape (n_rows,), int64
        Numbers of their first lines in the file, from 1; of files without lines the same as `rows`.
    numbers : ndarray, shape (n_rows, n_numbers), float64
        NaN where missing.
    texts : list of list
        By column; None where missing.
    times : ndarray, shape (n_rows,), float64, or None
        Seconds since 1970 in UTC, NaN where a row has none.
    clocks : ndarray, shape (n_rows,), float64, or None
        The same as shown by the clock of the zone that the times are told in.
    """

    first: int
    rows: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    numbers: Vector
    texts: list[list[str | None]]
    times: Vector | None
    clocks: Vector | None


class ColumnKind(NamedTuple):
    """What the first rows of a column hold.

    Attributes
    ----------
    kind : {"numbers", "booleans", "text", "unknown"}
        Numbers where one cell at least is a number; booleans where all are true or false; unknown
        where all are missing.
    cell : str or None
        The first cell that is neither a number nor missing, ...
    line : int or None
        ... and its line.
    """

    kind: Kind
    cell: str | None
    line: int | None


class _Chosen(NamedTuple):
    """What `read` returns of a row."""

    numbers: list[int]
    texts: list[int]
    time: int | None
    skips: bool
    on_bad: OnBad | None
    is_ordered: bool


class _Judged(NamedTuple):
    """Rows at the beginning of the queue, all that is known about them, and what is behind them."""

    n_rows: int
    bad: dict[int, str]
    good: list[int]
    numbers: Vector
    texts: list[list[str | None]]
    times: list[float] | None
    clocks: list[float] | None
    far: dict[int, float]  # times of bad rows that come too late
    notes: dict[int, str]
    obstacle: str | None  # why the row behind them cannot be used
    is_bad_row: bool  # whether that is a fault of the row


class Table:
    """A table with a header, read once from a file or from standard input.

    Parameters
    ----------
    source : str
        Path of a file, or ``-`` for standard input. Delimited text or ARFF, also packed by gzip,
        bzip2, xz or (Python 3.14) zstd; files of Parquet and Arrow, by pyarrow. Which of them it
        is, its first bytes tell.
    dialect : Dialect, optional
        What is known about how it is written.
    hint : str
        What helps where a cell is text, as the end of that sentence.
    final : bool, default True
        Whether the table ends where the file ends. False where it may still grow and is to be read
        on later: a last line without its end is not taken in then, nor are last rows whose times
        are far from those before.

    Attributes
    ----------
    name : str
        What the source is called in messages.
    header : list of str
        Names of the columns.
    size : int or None
        Bytes of the file, None of a pipe.
    notes : list of str
        One line for everything that was recognised; it grows while rows are read.
    n_rows, n_bad : int
        Rows taken in so far, bad ones counted; bad ones among them.
    order : Order
        The times so far. Its state belongs into a session: `order.restore` before the first `read`.
    time_form : str or None
        How times are written, once known: belongs into a session as well.

    Raises
    ------
    StreamError
        When there is no such file, no header, or something else than a table.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("time;load\\n2026-01-01;3,5\\n2026-01-02;\\n")
    >>> with Table(str(path)) as table:
    ...     table.choose(["load"], [], "time")
    ...     block = table.read(1000)
    >>> block.numbers.ravel().tolist(), block.times.tolist(), block.lines.tolist()
    ([3.5, nan], [1767225600.0, 1767312000.0], [2, 3])
    >>> table.notes
    ["';' between cells recognised", "decimal comma recognised, first in '3,5'"]
    """

    def __init__(
        self,
        source: str,
        dialect: Dialect = Dialect(),  # noqa: B008
        *,
        hint: str = HINT,
        final: bool = True,
    ) -> None:
        self._hint = hint
        self._final = final
        self._source = Source(source, dialect.encoding)
        self.name = self._source.name
        self.size = self._source.size
        self.n_rows = self.n_bad = 0
        self.order = Order()
        self._failure: StreamError | None = None
        self._ended = self._is_held_noted = False
        self._chosen: _Chosen | None = None
        try:
            self._reader, dialect = self._new_reader(dialect)
            self.header = self._reader.header
            self.notes = self._reader.notes
            self.notes[:0] = self._source.notes
            self._cells = Cells(dialect, self.notes)
            self._stamps = Stamps(note=self.notes.append)
            self._check_header()
            self._leave_out_units()
        except BaseException:
            self.close()
            raise
        self._hash = hashlib.blake2b(self._reader.head, digest_size=16)

    def _new_reader(self, dialect: Dialect) -> tuple[Reader, Dialect]:
        for mark, form in MARKS.items():
            if self._source.begins_with(mark):
                typed = replace(dialect, decimal=".", skip_below=dialect.skip_below or 0)
                return ColumnReader(self._source, form), typed
        first = self._source.first_line(comment=b"%")
        is_arff = first[:9].lower() == b"@relation"
        reader = (ArffReader if is_arff else TextReader)(self._source, dialect, self._final)
        return reader, reader.dialect

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._source.close()

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def is_waiting(self) -> bool:
        """Whether a pipe is being waited for. An exception then, and only then, loses no row."""
        return self._source.is_waiting

    def before_waiting(self, call: Callable[[], None]) -> None:
        """Have something called each time before a pipe is waited for, where it may raise.

        A signal whose handler raises while `is_waiting` and is remembered otherwise, and a `call`
        that raises where one is remembered, stop `read` at once and nowhere else.
        """
        self._source.before_waiting = call

    def position(self) -> int:
        """Bytes of the file read so far, of `size`."""
        return self._source.position()

    @property
    def dialect(self) -> Dialect:
        """What is known by now about how the table is written: belongs into a session."""
        return self._cells.dialect

    @property
    def time_form(self) -> str | None:
        return self._stamps.form

    @time_form.setter
    def time_form(self, form: str | None) -> None:
        self._stamps = Stamps(form, self.notes.append)

    # ------------------------------------------------------------ the first rows

    def _check_header(self) -> None:
        cells = Cells(Dialect())
        try:
            numbers = [cells.number(cell) for cell in self.header]
        except Unclear:  # a number in any case
            numbers = [0.0]
        if None not in numbers and not all(map(math.isnan, filter(None, numbers))):
            raise StreamError(
                f"{self.name}, line 1 is {brief(','.join(self.header))}, wanted the column names"
            )
        for name in self.header:
            if name and self.header.count(name) > 1:
                raise StreamError(f"{self.name} has more than one column {brief(name)}, wanted one")

    def _leave_out_units(self) -> None:
        below = self._cells.dialect.skip_below
        n_units = self._n_units() if below is None else below
        self._fill(n_units)
        n_units = min(n_units, len(self._reader))
        if n_units:
            raws, lines = self._reader.raws(0, n_units), self._reader.lines(0, n_units)
            self._reader.head += b"\n".join(raws) + b"\n"
            if below is None:
                self.notes.append(
                    f"{self._reader.place} {lines[-1]} taken for units, no row: "
                    f"{self._reader.show(n_units - 1)}"
                )
            self._reader.drop(n_units)

    def _n_units(self) -> int:
        """Rows of words over rows of numbers."""
        leading: list[list[str]] = []
        for k in range(_MOST_UNITS_ROWS + 1):
            self._fill(k + 1)
            if len(self._reader) <= k:
                return 0
            cells: Any = self._reader.cells(k, k + 1)[0]
            if isinstance(cells, Problem) or len(cells) != len(self.header):
                return 0
            kinds = [self._kind_of_cell(cell) for cell in cells]
            if not {*kinds} <= {"word", "missing"}:
                return k if all(is_units_row(above, kinds) for above in leading) else 0
            leading.append(kinds)
        return 0

    def _kind_of_cell(self, cell: Any) -> str:
        if not isinstance(cell, str):
            return "other"
        cells = Cells(self._cells.dialect)
        if cells.is_missing(cell):
            return "missing"
        try:
            if cells.number(cell) is not None:
                return "number"
        except Unclear:
            return "number"
        text = cell.strip()
        if text[0].isdigit():
            return "time" if any(sign in text for sign in ":-/.") else "other"
        return "word" if any(sign.isalpha() or sign in "%°" for sign in text) else "other"

    def first_rows(self, n_rows: int) -> list[Sequence[Any]]:
        """Return the cells of up to `n_rows` rows without using them up, bad ones left out.

        Of a pipe, those that are at hand: the first is waited for, no other.
        """
        self._fill(1 if self._source.is_live else n_rows)
        rows: list[Any] = self._reader.cells(0, min(n_rows, len(self._reader)))
        width = len(self.header)
        return [row for row in rows if not isinstance(row, Problem) and len(row) == width]

    def kind_of(self, column: str, *, wait: bool = False) -> ColumnKind:
        """Tell what a column holds, by its first hundred rows.

        Parameters
        ----------
        column : str
        wait : bool, default False
            Of a pipe, wait for a hundred rows (or the end) as long as no number has come; otherwise
            those at hand are looked at.
        """
        (index,) = self.indices([column])
        seen_numbers = seen_booleans = False
        first: tuple[str | None, int | None] = None, None
        cells = Cells(self._cells.dialect)
        for k in range(_ROWS_OF_A_KIND):
            if len(self._reader) <= k:
                if self._source.is_live and k and not (wait and not seen_numbers):
                    break
                self._fill(k + 1)
                if len(self._reader) <= k:
                    break
            row: Any = self._reader.cells(k, k + 1)[0]
            if isinstance(row, Problem) or len(row) != len(self.header):
                continue
            cell = row[index]
            try:
                value = cells.number(cell)
            except Unclear:
                value = 0.0
            if value is None:
                if first[0] is None:
                    first = str(cell).strip(), self._reader.lines(k, k + 1)[0]
            elif value == value and not cells.is_missing(cell):
                is_boolean = isinstance(cell, bool) or str(cell).strip().lower() in (
                    "true",
                    "false",
                )
                seen_booleans |= is_boolean
                seen_numbers |= not is_boolean
        if seen_numbers:
            return ColumnKind("numbers", *first)
        if first[0] is not None:
            return ColumnKind("text", *first)
        return ColumnKind("booleans" if seen_booleans else "unknown", None, None)

    def indices(self, columns: Sequence[str]) -> list[int]:
        """Return where the named columns are in a row."""
        for name in columns:
            if not name or name not in self.header:
                hint = self._where_else(name)
                raise StreamError(
                    f"{self.name} has no column {brief(name)}, wanted one of "
                    f"{', '.join(map(repr, filter(None, self.header)))}{hint}"
                )
        return [self.header.index(name) for name in columns]

    def _where_else(self, name: str) -> str:
        """What helps where a column is not in the header."""
        self._fill(1)
        n_rows = min(_ROWS_TO_SEARCH, len(self._reader))
        lines, rows = self._reader.lines(0, n_rows), self._reader.cells(0, n_rows)
        for line, row in zip(lines, rows, strict=True):
            if (
                name
                and not isinstance(row, Problem)
                and name in [str(cell).strip() for cell in row]
            ):
                return f" (it is in line {line}: --skip-rows {line - 1} if that is the header)"
        if len(self.header) == 1 and any(sign in self.header[0] for sign in DELIMITERS):
            return " (is another --delimiter needed?)"
        return ""

    # ------------------------------------------------------------ rows in

    def _fill(self, n_rows: int) -> None:
        """Have so many rows in the queue, waiting for them, if there are so many."""
        while len(self._reader) < n_rows and not self._ended:
            try:
                self._ended = not self._reader.more()
            except StreamError as error:
                self._failure, self._ended = error, True

    def choose(
        self,
        numbers: Sequence[str],
        texts: Sequence[str],
        time: str | None,
        bad_rows: Literal["stop", "skip"] = "stop",
        on_bad: OnBad | None = None,
        *,
        ordered: bool = True,
    ) -> None:
        """Say what `read` returns of every row.

        Parameters
        ----------
        numbers, texts : sequence of str
            Columns of numbers, and of labels.
        time : str or None
            Column of times.
        bad_rows : {"stop", "skip"}
            Whether a bad row is raised as `BadRow`, or left out and counted.
        on_bad : callable, optional
            Called with ``row, line, reason, raw_text`` of every row that is left out.
        ordered : bool, default True
            Whether a time that goes back, or is far from its neighbours, makes a row bad.

        Raises
        ------
        StreamError
            For a column that is not there, or a table without rows.
        """
        self._chosen = _Chosen(
            self.indices(numbers),
            self.indices(texts),
            self.indices([time])[0] if time is not None else None,
            bad_rows == "skip",
            on_bad,
            ordered,
        )
        self._fill(1)
        if not len(self._reader) and self._final:
            if self._failure is not None:
                raise self._failure
            raise StreamError(
                f"{self.name} has a header line and nothing else, wanted rows below it"
            )

    def skip(self, n_rows: int, checksum: str | None = None) -> None:
        """Pass over rows that were taken in before.

        Parameters
        ----------
        n_rows : int
        checksum : str, optional
            What `checksum` returned after them.

        Raises
        ------
        StreamError
            For a table with fewer rows, or with others.
        """
        left = n_rows
        while left:
            self._fill(min(left, _SKIPPED_AT_ONCE))
            n_here = min(left, len(self._reader))
            if not n_here:
                if self._failure is not None:
                    raise self._failure
                raise StreamError(
                    f"{self.name} has {n_rows - left:,} rows, and {n_rows:,} were taken in before: "
                    "wanted the table they came from"
                )
            self._take_in(n_here)
            left -= n_here
        if checksum is not None and checksum != self.checksum():
            raise StreamError(
                f"the first {n_rows:,} rows of {self.name} are not those that were taken in "
                "before: wanted the table they came from"
            )

    def checksum(self) -> str:
        """Return a checksum of the header and all rows taken in so far."""
        return self._hash.hexdigest()

    def _take_in(self, n_rows: int) -> None:
        self._hash.update(b"\n".join(self._reader.raws(0, n_rows)) + b"\n")
        self._reader.drop(n_rows)
        self.n_rows += n_rows

    def read(self, most: int) -> Block | None:
        """Return the next rows, None at the end.

        Parameters
        ----------
        most : int
            How many at most. Of a file there are fewer only at its end or before a bad row; of a
            pipe there are those at hand, at least one.

        Raises
        ------
        BadRow
            For a bad row, where these are not left out and after all before it have been returned.
        StreamError
            For what cannot be read any further.
        """
        if self._chosen is None:
            raise RuntimeError("choose() the columns first")
        blocks: list[Block] = []
        n_good = 0
        while n_good < most:
            block = self._next_block(min(most - n_good, _ROWS_AT_ONCE), wait=not blocks)
            if block is None:
                break
            if len(block.rows):
                blocks.append(block)
                n_good += len(block.rows)
        return _joined(blocks)

    def _next_block(self, most: int, wait: bool) -> Block | None:
        """Up to `most` rows, bad ones counted; None where none is to be had.

        Without `wait`, nothing is waited for and no error is raised.
        """
        needed = 1 if self._source.is_live else most
        while True:
            if wait or not self._source.is_live:
                self._fill(needed)
            n_here = min(max(most, needed), len(self._reader))
            if not n_here:
                if wait and self._failure is not None:
                    raise self._failure
                return None
            judged = self._judge(n_here)
            if judged.n_rows:
                return self._take_block(judged, min(judged.n_rows, most))
            if judged.obstacle is not None:
                if wait:
                    if self._source.is_live and 0 in judged.far:
                        self.order.doubt(judged.far[0])
                    self._stop(judged.obstacle, judged.is_bad_row)
                return None
            if n_here == len(self._reader) and (self._ended or not wait):
                self._note_held(n_here)
                return None
            needed = n_here + 1

    def _stop(self, reason: str, is_bad_row: bool) -> NoReturn:
        (line,) = self._reader.lines(0, 1)
        place = f"{self._reader.place} {line}"
        if is_bad_row:
            raise BadRow(self.name, place, self.n_rows + 1, line, reason)
        raise StreamError(f"{self.name}, {place} {reason}")

    def _note_held(self, n_rows: int) -> None:
        if self._ended and not self._is_held_noted:
            self._is_held_noted = True
            (line,) = self._reader.lines(0, 1)
            self.notes.append(
                f"{self._reader.place} {line} has a time far from those before, and no rows behind "
                "it tell yet whether it is right: not taken in from there on"
            )

    def _take_block(self, judged: _Judged, n_rows: int) -> Block:
        chosen = self._chosen
        assert chosen is not None
        for k, reason in sorted(judged.bad.items()):
            if k < n_rows:
                self.n_bad += 1
                if chosen.on_bad is not None:
                    (line,) = self._reader.lines(k, k + 1)
                    chosen.on_bad(self.n_rows + k + 1, line, reason, self._reader.show(k))
        n_good = bisect_left(judged.good, n_rows)
        good, lines = judged.good[:n_good], self._reader.lines(0, n_rows)
        if n_good < n_rows:
            lines = [lines[k] for k in good]
        if judged.times is not None:
            known = {k: time for k, time in zip(good, judged.times, strict=False) if time == time}
            if chosen.is_ordered:
                self._advance(known, {k: time for k, time in judged.far.items() if k < n_rows})
        rows = np.array(good, np.int64) + (self.n_rows + 1)
        self.notes += [note for k, note in sorted(judged.notes.items()) if k < n_rows]
        self._settle(n_rows)
        self._take_in(n_rows)
        return Block(
            int(rows[0]) if n_good else self.n_rows,
            rows,
            np.array(lines, np.int64),
            judged.numbers[:n_good],
            [texts[:n_good] for texts in judged.texts],
            None if judged.times is None else np.array(judged.times[:n_good]),
            None if judged.clocks is None else np.array(judged.clocks[:n_good]),
        )

    def _settle(self, n_rows: int) -> None:
        """Take from rows how numbers and times are written, where that is open."""
        chosen = self._chosen
        assert chosen is not None
        is_open = chosen.time is not None and not self._stamps.is_settled
        if self._cells.is_settled and not is_open:
            return
        row: Any
        for row in self._reader.cells(0, n_rows):
            if len(row) != len(self.header):
                continue
            self._cells.settle_point([row[c] for c in chosen.numbers])
            if is_open and not self._cells.is_missing(row[chosen.time]):
                with suppress(ValueError):
                    self._stamps.read(row[chosen.time])

    def _advance(self, times: dict[int, float], far: dict[int, float]) -> None:
        """Go on to rows with these times, and past rows whose times are far from theirs."""
        for k, doubtful in sorted(far.items()):
            self.order.advance([time for at, time in times.items() if at < k])
            times = {at: time for at, time in times.items() if at > k}
            self.order.doubt(doubtful)
        self.order.advance([*times.values()])

    # ------------------------------------------------------------ what rows mean

    def _judge(self, n_rows: int) -> _Judged:
        """Read the first rows of the queue, as far as they can be used; nothing is taken in."""
        chosen, width = self._chosen, len(self.header)
        assert chosen is not None
        rows: list[Any] = self._reader.cells(0, n_rows)
        bad: dict[int, str] = {}
        unclear: str | None = None
        good = list(range(n_rows))
        if {*map(len, rows)} != {width}:
            bad = {k: self._misfit(row) for k, row in enumerate(rows) if len(row) != width}
            if not chosen.skips:
                n_rows = min(bad)
            good = [k for k in range(n_rows) if k not in bad]
            rows = [rows[k] for k in good]
        numbers, reasons, unclear = self._numbers(rows, good)
        if unclear is not None:
            n_rows = good[len(numbers)]
            good = good[: len(numbers)]
            rows = rows[: len(numbers)]
        bad |= {good[i]: reason for i, reason in reasons.items()}
        times, clocks, reasons = self._times(rows)
        for i, reason in reasons.items():
            bad.setdefault(good[i], reason)
        notes: dict[int, str] = {}
        far: dict[int, float] = {}
        if times is not None and chosen.is_ordered:
            for i, k in enumerate(good if bad else ()):
                if k in bad:
                    times[i] = math.nan
            may_grow = not self._final and not self._source.is_live
            ended = self._ended and n_rows == len(self._reader) and not may_grow
            ended |= unclear is not None or bool(bad and not chosen.skips)  # nothing is read behind
            verdict = self.order.check(times, ended)
            bad |= {good[i]: f"has time {reason}" for i, reason in verdict.bad.items()}
            far = {good[i]: times[i] for i in verdict.far}
            notes = {good[i]: note for i, note in verdict.notes.items()}
            if verdict.end < len(good):
                n_rows, unclear = good[verdict.end], None
        obstacle, is_bad_row = unclear, False
        if not chosen.skips and bad and min(bad) <= n_rows:
            n_rows = min(bad)
            obstacle, is_bad_row = bad[n_rows], True
        if bad or not good or n_rows <= good[-1]:
            kept = [i for i, k in enumerate(good) if k < n_rows and k not in bad]
            numbers = numbers[kept]
            good, rows = [good[i] for i in kept], [rows[i] for i in kept]
            times = None if times is None else [times[i] for i in kept]
            clocks = None if clocks is None else [clocks[i] for i in kept]
        texts = [[*map(self._cells.label, [row[c] for row in rows])] for c in chosen.texts]
        return _Judged(
            n_rows, bad, good, numbers, texts, times, clocks, far, notes, obstacle, is_bad_row
        )

    def _misfit(self, row: Row | Problem) -> str:
        if isinstance(row, Problem):
            return row.reason
        s, n_wanted = "" if len(row) == 1 else "s", len(self.header)
        hint = ""
        if n_wanted == 1:
            hint = " (--skip-rows leaves out lines above the header)"
        return f"has {len(row)} cell{s}, wanted {n_wanted} as in the header{hint}"

    def _numbers(
        self, rows: list[Row], places: list[int]
    ) -> tuple[Vector, dict[int, str], str | None]:
        """Numbers of rows, what is wrong with some, and why the first row without is unclear."""
        assert self._chosen is not None
        where, skips = self._chosen.numbers, self._chosen.skips
        bad: dict[int, str] = {}
        if not rows or not where:
            return np.empty((len(rows), len(where))), bad, None
        columns = [self._cells.numbers([row[c] for row in rows]) for c in where]
        careful = [j for j, column in enumerate(columns) if column is None]
        blank = [math.nan] * len(rows)
        values = np.array([blank if column is None else column for column in columns])
        values = np.ascontiguousarray(values.T)
        if not careful:
            return values, bad, None
        if not self._cells.is_settled:  # by the first cell of all that settles it
            careful = list(range(len(where)))
        for i, row in enumerate(rows):
            for j in careful:
                cell = row[where[j]]
                try:
                    value = self._cells.number(cell)
                except Unclear as error:
                    name = brief(self.header[where[j]])
                    return values[:i], bad, f"has in column {name} {error}"
                if value is None:
                    bad[i] = self._no_number(cell, self.header[where[j]], self.n_rows + places[i])
                    break
                values[i, j] = value
            if bad and not skips:
                break
        return values, bad, None

    def _no_number(self, cell: Any, column: str, row: int) -> str:
        text = str(cell).strip()
        hint = self._hint
        if not any(sign.isalnum() for sign in text):
            hint = f' (--missing "{text}" if it means that there is no value)'
        elif self._cells.dialect.decimal != "," and _COMMA.fullmatch(text):
            hint = " (--decimal , if it is a decimal comma, --thousands , if not)"
        elif self._cells.dialect.decimal == "," and _POINT.fullmatch(text):
            hint = " (--decimal . if it is a decimal point, --thousands . if not)"
        elif row < _MOST_UNITS_ROWS and text[0].isalpha():
            hint = f" (--skip-below {row + 1} if it is a row of units){hint}"
        return (
            f"has {brief(cell)} in column {brief(column)}, wanted a number between -1e100 and "
            f"1e100, or an empty cell{hint}"
        )

    def _times(
        self, rows: list[Row]
    ) -> tuple[list[float] | None, list[float] | None, dict[int, str]]:
        """Times of rows, what their clocks show, and what is wrong with some."""
        assert self._chosen is not None
        index = self._chosen.time
        bad: dict[int, str] = {}
        if index is None:
            return None, None, bad
        column = [row[index] for row in rows]
        stamps = self._stamps if self._stamps.is_settled else self._stamps.copy()
        plain = stamps.read_column(column)
        if plain is not None:
            return *plain, bad
        times, clocks = [math.nan] * len(rows), [math.nan] * len(rows)
        for i, cell in enumerate(column):
            if not self._cells.is_missing(cell):
                try:
                    times[i], clocks[i] = stamps.read(cell)
                except ValueError as error:
                    bad[i] = f"has time {error}"
        return times, clocks, bad


def _joined(blocks: list[Block]) -> Block | None:
    """Blocks that follow one another as one."""
    if len(blocks) < 2:
        return blocks[0] if blocks else None
    first = blocks[0]
    is_timed = first.times is not None
    return Block(
        first.first,
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.lines for block in blocks]),
        np.concatenate([block.numbers for block in blocks]),
        [[*chain.from_iterable(texts)] for texts in zip(*(b.texts for b in blocks), strict=True)],
        np.concatenate([b.times for b in blocks]) if is_timed else None,
        np.concatenate([b.clocks for b in blocks]) if is_timed else None,
    )
