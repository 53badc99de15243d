"""The loop of ``pylstm stream``: rows in, forecasts out, and whatever ends it, the work is kept."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from pylstm.errors import InputError
from pylstm.tabular.errors import StreamError
from pylstm.tabular.learners import Rows
from pylstm.tabular.outputs import GrowingFile, StandardOutput
from pylstm.tabular.session import Block, Records, Session
from pylstm.tabular.table import Table

__all__ = [
    "CLOSED",
    "Job",
    "Outcome",
    "choose_columns",
    "csv_lines",
    "progress_bar",
    "silence",
    "where",
]

CLOSED = 141
# What stops a stream and is no error, as far as the system has it.
_SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
# Seconds that a block takes: how long a signal may wait, and the progress bar.
_SECONDS_A_BLOCK = 0.1
_FIRST_BLOCK, _LONGEST_BLOCK = 32, 1 << 16
_ROWS_A_KEY, _LONGEST_OF_KEYS = (
    64,
    1 << 18,
)  # at once, where there are keys: less is mostly overhead

Output = GrowingFile | StandardOutput


@dataclass(frozen=True)
class Outcome:
    """How a run over a stream ended.

    Parameters
    ----------
    n_rows : int
        Rows taken in by this run.
    seconds : float
    code : int
        For the shell: 0 at the end of the table, 2 for an error, 128 and the number of the signal
        that has stopped it (130 of Ctrl-C), 141 where the reader of the forecasts has gone.
    error : Exception or None
        What went wrong, after everything before it was kept.
    """

    n_rows: int
    seconds: float
    code: int
    error: Exception | None = None


class _Stop(KeyboardInterrupt):
    """A signal came while the stream was waiting for rows."""


class _Signals:
    """Let signals stop a loop between two blocks, or while it waits for rows, and nowhere else."""

    def __init__(self, table: Table) -> None:
        self.number = 0
        self._table = table
        table.before_waiting(self._check)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.number = self.number or signum
        if self._table.is_waiting:
            raise _Stop

    def _check(self) -> None:
        if self.number:
            raise _Stop

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle signals, but for those that the process ignores, as under nohup."""
        before = {}
        try:
            for name in _SIGNALS:
                number = getattr(signal, name)
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, self._handle)
        except ValueError:  # not in the main thread, where no signal arrives
            pass
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def where(table: Table, session: Session) -> dict[str, Any]:
    """Return where a table stands, as a session keeps it."""
    return {
        "n_rows": table.n_rows,
        "checksum": table.checksum(),
        "order": table.order.state() if session.settings.time else None,
        "time_form": table.time_form,
        "dialect": dict(vars(table.dialect)),
    }


def choose_columns(session: Session, table: Table, **bad_rows: Any) -> None:
    """Say which columns of a table are read for a session.

    Raises
    ------
    StreamError
        For a column that is not there, or a table without rows.
    """
    settings = session.settings
    numbers = list(session.columns)
    if not settings.classify:
        numbers += settings.targets
    texts = [*session.texts, *settings.keys]
    if settings.classify:
        texts += settings.targets
    if settings.detect and settings.time:
        texts.append(settings.time)
    ordered = not settings.keys  # every key has a time of its own
    table.choose(numbers, texts, settings.time, **bad_rows, ordered=ordered)


class Job:
    """A run of a session over a table.

    Parameters
    ----------
    session : Session
    table : Table
        After `choose_columns`, and standing where the session goes on.
    output : GrowingFile or StandardOutput, optional
        Where what is made of every row is written.
    as_json : bool, default False
        Whether as lines of JSON.
    on_records : callable, optional
        Called with `Records`, and with the times of the rows as the table has them where the
        settings ask for scores.
    bad_rows : GrowingFile, optional
        Where rows that cannot be used are written, with the reason.
    bar : tqdm, optional
        Progress bar to move.
    save : str, optional
        File to save the session in at the end, whatever ends it but a network that has diverged.
    save_every : int, optional
        Save after every so many rows as well.
    reopen : callable, optional
        Opens the table again and passes over so many rows of it.
    """

    def __init__(
        self,
        session: Session,
        table: Table,
        *,
        output: Output | None = None,
        as_json: bool = False,
        on_records: Callable[[Records, Sequence[str | None]], None] | None = None,
        bad_rows: GrowingFile | None = None,
        bar: Any = None,
        save: str | None = None,
        save_every: int | None = None,
        reopen: Callable[[int], Table] | None = None,
    ) -> None:
        self.session, self.table = session, table
        self.output, self.as_json = output, as_json
        self.on_records, self.bad_rows = on_records, bad_rows
        self.bar, self.path, self.save_every = bar, save, save_every
        self.reopen = reopen
        self._found_bad: list[tuple[int, int, str, str]] = []

    def on_bad(self, row: int, line: int, reason: str, raw: str) -> None:
        """Take in a row that cannot be used and was left out."""
        self._found_bad.append((row, line, reason, raw))

    def run(self) -> Outcome:
        """Take in the table, block by block: score, learn, forecast; then save.

        Returns
        -------
        Outcome
        """
        signals, n_before = _Signals(self.table), self.session.n_rows
        start, code, error = time.perf_counter(), 0, None
        with signals.installed():
            try:
                self._loop(signals)
                code = 128 + signals.number if signals.number else 0
            except BrokenPipeError:
                code = CLOSED
            except FloatingPointError as diverged:
                self._close()
                return Outcome(self.session.n_rows - n_before, 0.0, 2, diverged)
            except (InputError, OSError) as failure:
                code, error = 2, self._in_words(failure)
            seconds = time.perf_counter() - start
            self._advance_bar(n_before, close=True)
            try:
                self._save()
            except (InputError, OSError) as failure:
                code, error = 2, error or self._in_words(failure)
            self._close()
        return Outcome(self.session.n_rows - n_before, seconds, code, error)

    def _loop(self, signals: _Signals) -> None:
        n_before, most = self.session.n_rows, _FIRST_BLOCK
        while not signals.number:
            start = time.perf_counter()
            try:
                block = self.table.read(self._most(most))
            except _Stop:
                return
            if block is None:
                self._take_in_bad_rows()
                self.session.position = where(self.table, self.session)
                return
            begun = time.perf_counter()
            self._take_in(block)
            if self.path and self.save_every and self.session.n_rows % self.save_every == 0:
                self._save()
            self._advance_bar(n_before)
            now = time.perf_counter()
            reading = begun - start if self.table.size is not None else 0.0
            per_row = (now - begun + reading) / max(1, len(block.rows))
            most = min(int(_SECONDS_A_BLOCK / per_row) + 1, 4 * most, _LONGEST_BLOCK)

    def _most(self, most: int) -> int:
        if self.session.settings.keys and not self.session.settings.shared:
            n_keys = len(self.session.series)
            most = max(most, min(_ROWS_A_KEY * n_keys, _LONGEST_OF_KEYS))
        if not self.save_every:
            return most
        return min(most, self.save_every - self.session.n_rows % self.save_every)

    def _take_in(self, block: Any) -> None:
        session = self.session
        rows, times = _as_rows(session, block)
        n_usable, error = session.usable(rows)
        if error is not None:
            line = int(block.lines[n_usable])
            error = StreamError(f"{self.table.name}, line {line}: {error}")
            rows = rows.head(n_usable)
            if self.reopen is not None:
                self.table.close()
                self.table = self.reopen(int(block.rows[n_usable]) - 1)
        if len(rows.rows):
            records = session.update_block(rows)
            self._take_in_bad_rows()
            session.position = where(self.table, session)
            if block.times is not None and len(block.times):
                session.last_time = _later(session.last_time, block.clocks)
            self._write(records)
            if self.on_records is not None:
                self.on_records(records, times)
        if error is not None:
            raise error

    def _take_in_bad_rows(self) -> None:
        found, self._found_bad = self._found_bad, []
        self.session.counts.n_bad += len(found)
        if self.bad_rows is not None and found:
            self.bad_rows.write(csv_lines(found))

    def _write(self, records: Records) -> None:
        if self.output is None:
            return
        if self.as_json:
            lines = (json.dumps(records.record(k)) for k in range(len(records)))
            self.output.write("".join(f"{line}\n" for line in lines))
        else:
            self.output.write(csv_lines(records.lines()))

    def _save(self) -> None:
        """Bring the files that grow to the disk, then the session that knows how far they are."""
        failure: OSError | None = None
        files = {"predictions": self.output, "bad_rows": self.bad_rows}
        for file in files.values():
            if file is not None:
                try:
                    file.sync()
                except OSError as error:
                    failure = failure or error
        states = {name: file and file.state() for name, file in files.items()}
        self.session.output = {name: state for name, state in states.items() if state} or None
        if self.path:
            self.session.save(self.path)
        if failure is not None:
            raise failure

    def _close(self) -> None:
        for file in (self.output, self.bad_rows):
            if file is not None:
                file.close()

    def _in_words(self, failure: Exception) -> Exception:
        if isinstance(failure, InputError):
            return failure
        files = (self.output, self.bad_rows)
        names = [f.path for f in files if isinstance(f, GrowingFile) and f.is_broken]
        name = names[0] if names else "standard output"
        assert isinstance(failure, OSError)
        return StreamError(f"cannot write {name}: {failure.strerror or failure}")

    def _advance_bar(self, n_before: int, close: bool = False) -> None:
        bar, table = self.bar, self.table
        if bar is not None:
            n_rows = self.session.n_rows - n_before
            bar.update((n_rows if table.size is None else table.position()) - bar.n)
            if close:
                bar.close()


def _later(last: float, clocks: Any) -> float:
    known = clocks[clocks == clocks]
    return max(last, float(known.max())) if known.size else last


def _as_rows(session: Session, block: Any) -> tuple[Block, Sequence[str | None]]:
    """The rows of a block for a session, and their times as the table has them."""
    settings = session.settings
    n_columns, n_texts = len(session.columns), len(session.texts)
    n_keys = len(settings.keys)
    keys = [[cell or "" for cell in column] for column in block.texts[n_texts : n_texts + n_keys]]
    rest = block.texts[n_texts + n_keys :]
    target: Any = block.numbers[:, n_columns:]
    if settings.classify:
        target = rest[0]
    elif not settings.detect:
        target = target[:, 0]
    times = rest[-1] if settings.detect and settings.time else []
    rows = Rows(block.numbers[:, :n_columns], block.texts[:n_texts], target, block.clocks)
    return Block(rows, list(zip(*keys, strict=True))), times


def csv_lines(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as comma-separated text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def progress_bar(table: Table, wanted: bool) -> Any:
    """Return a progress bar on standard error, or None without tqdm or without a terminal."""
    if not wanted or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    if table.size is None:
        return tqdm(unit=" rows")
    return tqdm(total=table.size, unit="B", unit_scale=True)


def silence(stream: Any) -> None:
    """Point a closed pipe nowhere, so that flushing it at exit says nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
