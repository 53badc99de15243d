"""The loop of ``pylstm stream``: rows in, forecasts out, with a progress bar, stopped cleanly."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import FrameType
from typing import Any

from pylstm.files import check_writable, written_whole
from pylstm.tabular.errors import StreamError
from pylstm.tabular.session import Session
from pylstm.tabular.table import Table, Vector, label_in

__all__ = ["Outcome", "forecast_writer", "progress_bar", "run_stream", "silence"]

OnForecast = Callable[[dict[str, Any]], None]
# Inputs, target (a number or a label) and time.
Row = tuple[Vector, float | str | None, str | None]
_BAR_EVERY = 200


@dataclass(frozen=True)
class Outcome:
    """How a run over a stream ended.

    Parameters
    ----------
    n_rows : int
        Rows taken in by this run.
    seconds : float
    stopped : {"", "interrupted", "closed"}
        Nothing at the end of the table; otherwise Ctrl-C, or the reader of the forecasts has gone.
    """

    n_rows: int
    seconds: float
    stopped: str


class _Interrupt:
    """Lets Ctrl-C stop a loop between two rows, never in the middle of one."""

    def __init__(self) -> None:
        self.in_a_row = self.wanted = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.wanted = True
        if not self.in_a_row:  # waiting for input: do not wait any longer
            raise KeyboardInterrupt

    @contextmanager
    def installed(self) -> Iterator[None]:
        try:
            before = signal.signal(signal.SIGINT, self._handle)
        except ValueError:  # not in the main thread, where no signal arrives
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def run_stream(
    session: Session,
    table: Table,
    *,
    on_forecast: OnForecast | None = None,
    bar: Any = None,
    save: str | None = None,
    save_every: int | None = None,
    skip: int = 0,
) -> Outcome:
    """Take in a table row by row: score, learn, forecast; then save.

    Parameters
    ----------
    session : Session
    table : Table
        With all columns of the session.
    on_forecast : callable, optional
        Called at every row with what `Session.as_record` returns.
    bar : tqdm, optional
        Progress bar to move.
    save : str, optional
        File to save the session in at the end, also after Ctrl-C.
    save_every : int, optional
        Save after every so many rows as well.
    skip : int, default 0
        Rows to leave out at the beginning, which the session has taken in before.

    Returns
    -------
    Outcome

    Raises
    ------
    StreamError
        For an unusable row, or fewer than `skip`; nothing is saved then but what `save_every` has
        saved before.
    FloatingPointError
        When the network has diverged.
    """
    interrupt, stopped, n_before = _Interrupt(), "", session.n_rows
    start = time.perf_counter()
    with interrupt.installed():
        try:
            for row in _rows(session, table, skip):
                interrupt.in_a_row = True
                _update_session(session, table, row, on_forecast)
                if save and save_every and session.n_rows % save_every == 0:
                    session.save(save)
                if bar is not None and session.n_rows % _BAR_EVERY == 0:
                    _advance_bar(bar, table, session.n_rows - n_before)
                interrupt.in_a_row = False
                if interrupt.wanted:
                    break
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:
            stopped = "closed"
        if interrupt.wanted:
            stopped = "interrupted"
        interrupt.in_a_row = True
        seconds = time.perf_counter() - start
        if bar is not None:
            _advance_bar(bar, table, session.n_rows - n_before)
            bar.close()
        if save:
            session.save(save)
    return Outcome(session.n_rows - n_before, seconds, stopped)


def _rows(session: Session, table: Table, skip: int) -> Iterator[Row]:
    """Inputs, target and time of the rows that the session has not taken in."""
    settings = session.settings
    target, time = [settings.target], [settings.time] if settings.time else []
    if settings.classify:
        rows = table.records(session.columns, target + time)
    else:
        rows = table.records(session.columns + target, time)
    skipped = sum(1 for _ in islice(rows, skip))
    if skipped < skip:
        raise StreamError(
            f"{table.name} has {skipped} rows and the session has taken in {skip}, wanted the "
            "table it began with"
        )
    for values, cells in rows:
        at = cells[-1] if time else None
        if settings.classify:
            yield values, label_in(cells[0]), at
        else:
            yield values[:-1], float(values[-1]), at


def _update_session(
    session: Session, table: Table, row: Row, on_forecast: OnForecast | None
) -> None:
    try:
        forecast = session.update(*row)
    except StreamError as error:
        raise StreamError(f"{table.name}, line {table.line}: {error}") from None
    if on_forecast is not None:
        on_forecast(session.as_record(forecast))


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


def _advance_bar(bar: Any, table: Table, n_rows: int) -> None:
    bar.update((n_rows if table.size is None else table.position()) - bar.n)


@contextmanager
def forecast_writer(path: str | None, as_json: bool = False) -> Iterator[OnForecast | None]:
    """Give a function that writes forecasts as lines ``row,prediction``, or of JSON.

    Parameters
    ----------
    path : str, optional
        None: no function. ``-``: standard output, every line at once. Otherwise a file, which
        appears whole at the end.
    as_json : bool, default False
        Every line is an object, all that `Session.as_record` returns.
    """
    writer_to = _json_writer if as_json else _csv_writer
    if path is None:
        yield None
    elif path == "-":
        yield writer_to(sys.stdout, flush=True)
        sys.stdout.flush()
    else:
        check_writable(path)
        with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            yield writer_to(file, flush=False)


def _csv_writer(file: Any, flush: bool) -> OnForecast:
    writer = csv.writer(file, lineterminator="\n")

    def write(*cells: Any) -> None:
        writer.writerow(cells)
        if flush:
            file.flush()

    write("row", "prediction")
    return lambda record: write(record["row"], record["prediction"])


def _json_writer(file: Any, flush: bool) -> OnForecast:
    return lambda record: print(json.dumps(record), file=file, flush=flush)


def silence(stream: Any) -> None:
    """Point a closed pipe nowhere, so that flushing it at exit says nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
