"""Rows of Parquet and Arrow files, by pyarrow (``pip install "pylstm[tables]"``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pylstm.tabular.errors import StreamError
from pylstm.tabular.reader import Problem, Reader, Row
from pylstm.tabular.source import Source

__all__ = ["MARKS", "ColumnReader"]

#: How the files begin.
MARKS = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow stream",
}
_ROWS_AT_ONCE = 4096


class ColumnReader(Reader):
    """Rows of a file that stores columns with their types.

    Numbers, truth values, times and texts come as Python's, of everything else the text.

    Parameters
    ----------
    source : Source
    form : str
        One of the values of `MARKS`.

    Raises
    ------
    StreamError
        Without pyarrow, for a pipe, and for a damaged file.
    """

    place = "row"

    def __init__(self, source: Source, form: str) -> None:
        super().__init__()
        try:
            import pyarrow
        except ImportError:
            raise StreamError(
                f'cannot read {source.name}: {form} needs pyarrow, pip install "pylstm[tables]"'
            ) from None
        self._pyarrow = pyarrow
        # What damaged files are answered by: sizes without sense, names that are no text.
        self._errors = (
            pyarrow.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError
        )  # fmt: skip
        self._name = source.name
        file = source.rewound()
        if file is None:
            raise StreamError(f"{form} comes in files, and {self._name} is none")
        self._file, self._form = file, form
        self._n_read = 0
        self._parts = self._cut(self._open())
        self.head = repr(self.header).encode()

    def _open(self) -> Iterator[Any]:
        try:
            if self._form == "Parquet":
                from pyarrow import parquet

                opened = parquet.ParquetFile(self._file)
                self.header = opened.schema_arrow.names
                return opened.iter_batches(_ROWS_AT_ONCE)  # type: ignore[no-any-return]
            ipc = self._pyarrow.ipc
            if self._form == "Arrow":
                opened = ipc.open_file(self._file)
                self.header = opened.schema.names
                return map(opened.get_batch, range(opened.num_record_batches))
            opened = ipc.open_stream(self._file)
            self.header = opened.schema.names
            return iter(opened)
        except self._errors as error:
            raise self._unreadable(error) from None

    def _cut(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            batch.validate(full=True)  # or else a damaged file is read out of bounds
            for k in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(k, _ROWS_AT_ONCE)

    def _unreadable(self, error: Exception) -> StreamError:
        reason = " ".join(str(error).split())
        return StreamError(f"cannot read {self._name} as {self._form}: {reason}")

    def _values(self, column: Any) -> list[Any]:
        """A column as Python's values."""
        types = self._pyarrow.types
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = column.type
        if types.is_timestamp(kind):  # Python's have microseconds
            column = column.cast(self._pyarrow.timestamp("us", kind.tz), safe=False)
        known = (
            types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
            or types.is_boolean(kind) or types.is_timestamp(kind) or types.is_date(kind)
        )  # fmt: skip
        values: list[Any] = column.to_pylist()
        if known or types.is_string(kind) or types.is_large_string(kind):
            return values
        return [None if value is None else str(value) for value in values]

    def more(self) -> bool:
        """Take in the next rows; False at the end."""
        try:
            part = next(self._parts, None)
            rows = [] if part is None else [*zip(*map(self._values, part.columns), strict=True)]
        except self._errors as error:
            raise self._unreadable(error) from None
        self._append(rows, range(self._n_read + 1, self._n_read + 1 + len(rows)))
        self._n_read += len(rows)
        return bool(rows)

    def raws(self, first: int, end: int) -> list[bytes]:
        """Return rows of the queue as bytes."""
        return [repr(row).encode() for row in self.items(first, end)]

    def cells(self, first: int, end: int) -> list[Row | Problem]:
        """Return the cells of rows of the queue."""
        return self.items(first, end)
