"""``pylstm detect``: rows of a table that are unlike what was to be expected, as they come."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pylstm.commands import add_command
from pylstm.errors import brief
from pylstm.estimators import Detector
from pylstm.files import check_writable, written_whole
from pylstm.tabular.clock import Clock
from pylstm.tabular.command import INTERRUPTED, delimiter_in, names_in
from pylstm.tabular.errors import StreamError
from pylstm.tabular.job import progress_bar
from pylstm.tabular.plot import check_plot, save_detections
from pylstm.tabular.table import Table

__all__ = ["Detection", "Detections", "add_detect", "detect"]

THRESHOLD = 0.99
_CALENDAR = ("day sin", "day cos", "week sin", "week cos", "year sin", "year cos")
_RECENT = 20_000  # rows in the picture
_BAR_EVERY = 200

DETECT_HELP = """\
One pass over a time-ordered table. Every row gets a score from 0 to 1 by how unlike its targets are
to what was forecast of them, then is learned from. What has a score of --threshold or more is
printed at once. A score is about 1 minus the probability of errors as large, judged by all rows
before: 0.99 comes once in a hundred rows, 0.999 once in a thousand. An event is told once: in the
hundred rows after it only what exceeds it."""

DETECT_EXAMPLES = """\
examples:
  pylstm detect load.csv --target load --season 24 --time when
      hourly rows with a daily rhythm: the hour, the weekday and the day of the year are known
  pylstm detect load.csv --target load --plot load.png
      with a picture: the series, its detections, the scores
  pylstm detect machine.csv --target pressure,heat --inputs speed --threshold 0.999
      two variables watched together, a third one that explains them and is not watched itself
  sensor | pylstm detect - --target value --json | jq .row
      row by row as they arrive; Ctrl-C ends with the report

lines of JSON:
  {"row": 8, "time": "2013-01-31 06:00", "score": 0.9993, "values": {"load": 3.1}}
  One detection a line, rows counted from 1; "time" with --time.

exit code: 0, whether there are detections or not; 2 for unusable input; 130 after Ctrl-C.
"""


@dataclass(frozen=True)
class Detection:
    """A row with a score of at least the threshold.

    Parameters
    ----------
    row : int
        From 1.
    time : str or None
        As the table tells it.
    score : float
    values : dict of str to float
        Of the targets.
    """

    row: int
    time: str | None
    score: float
    values: dict[str, float]

    def as_record(self) -> dict[str, Any]:
        """Return it in plain values, a missing one as None."""
        values = {name: None if v != v else v for name, v in self.values.items()}
        at = {} if self.time is None else {"time": self.time}
        return {"row": self.row, **at, "score": self.score, "values": values}

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value:g}" for name, value in self.values.items())
        at = "" if self.time is None else f"{self.time}  "
        return f"row {self.row:>8,}  {at}score {self.score:.6f}  {values}"


@dataclass
class Detections:
    """What has become of a table so far.

    Parameters
    ----------
    targets : list of str
    threshold : float
    """

    targets: list[str]
    threshold: float
    n_rows: int = 0
    n_known: int = 0
    n_found: int = 0
    highest: tuple[float, int] = (0.0, 0)
    #: Row, score and the values of the targets, of the last rows.
    recent: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def add(self, values: list[float], score: float) -> bool:
        """Take in a row; tell whether it is a detection."""
        self.n_rows += 1
        self.n_known += any(value == value for value in values)
        self.highest = max(self.highest, (score, -self.n_rows))
        self.recent.append((self.n_rows, score, *values))
        found = score > 0 and score >= self.threshold
        self.n_found += found
        return found

    def report(self, seconds: float) -> str:
        """Return what is said at the end."""
        score, row = self.highest
        s = "" if self.n_found == 1 else "s"
        lines = [
            f"{', '.join(self.targets)}, after {self.n_rows:,} rows: {self.n_found:,} detection{s} "
            f"at a threshold of {self.threshold:g}"
        ]
        if score > 0:
            lines.append(f"highest score {score:.6f}, row {-row:,}")
        rate = self.n_rows / seconds if seconds > 0 else math.nan
        lines.append(f"{self.n_rows:,} rows in {seconds:.2f} s, {rate:,.0f} rows per second")
        return "\n".join(lines)


def detect(
    table: Table,
    model: Detector,
    found: Detections,
    *,
    inputs: tuple[str, ...] = (),
    time: str | None = None,
) -> Iterator[tuple[int, float, Detection | None]]:
    """Score and learn every row of a table: yield its number, its score, and what is detected.

    Parameters
    ----------
    table : Table
    model : Detector
    found : Detections
        Counts up.
    inputs : tuple of str, optional
        Columns that are features.
    time : str, optional
        Column of times, whose calendar becomes features.

    Raises
    ------
    StreamError
        For an unusable row.
    """
    clock, n_targets = Clock(), len(found.targets)
    for numbers, texts in table.records([*found.targets, *inputs], [time] if time else []):
        cells = numbers.tolist()
        values = cells[:n_targets]
        features: dict[Hashable, float] = dict(zip(inputs, cells[n_targets:], strict=True))
        at = texts[0] if time else None
        if time:
            try:
                features |= zip(_CALENDAR, clock.calendar(at).tolist(), strict=True)
            except StreamError as error:
                raise StreamError(f"{table.name}, line {table.line}: {error}") from None
            clock.advance(at)
        row: dict[Hashable, float] = dict(zip(found.targets, values, strict=True))
        score = model.score_one(features, row)
        model.learn_one(features, row)
        if found.add(values, score):
            named = dict(zip(found.targets, values, strict=True))
            yield found.n_rows, score, Detection(found.n_rows, at, score, named)
        else:
            yield found.n_rows, score, None


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} given, wanted a number from 0 to 1")
    return value


def add_detect(commands: Any) -> None:
    """Add the command and its options."""
    parser = add_command(
        commands,
        "detect",
        _run_command,
        help="score the rows of a table by how unexpected they are",
        description=DETECT_HELP,
        epilog=DETECT_EXAMPLES,
    )
    add = parser.add_argument
    add("file", metavar="FILE.csv", help="the table (.gz too), - for standard input")
    task = parser.add_argument_group("the task").add_argument
    task("--target", metavar="A,B,...", type=names_in, required=True, help="columns to watch")
    task("--inputs", metavar="A,B,...", type=names_in, default=(), help="columns that explain them")
    task("--time", metavar="COLUMN", help="column of times, whose calendar becomes inputs")
    task("--season", metavar="ROWS", type=int, help="rows in a season, such as a day")
    task(
        "--threshold",
        metavar="S",
        type=_threshold,
        default=THRESHOLD,
        help="score of a detection, from 0 to 1; default %(default)s",
    )
    model = parser.add_argument_group("the network").add_argument
    model("--cells", metavar="N", type=int, default=32, help="memory cells; default %(default)s")
    model("--seed", metavar="N", type=int, default=0, help="of the starting weights; default 0")
    files = parser.add_argument_group("files").add_argument
    files("--delimiter", metavar="C", type=delimiter_in, default=",", help="',', or 'tab'")
    files("--plot", metavar="OUT.png", help="picture of the series, its detections and the scores")
    files("--scores", metavar="OUT", help="write row,score for every row")
    files(
        "--json", action="store_true", help="detections as lines of JSON; the report then goes to "
        "standard error",
    )  # fmt: skip
    files("--no-progress", action="store_true", help="no progress bar")


def _check_columns(table: Table, args: argparse.Namespace) -> None:
    numbers = table.columns_of_numbers()
    named = [*args.target, *args.inputs]
    if not args.target:
        raise StreamError("no column in --target, wanted those to watch")
    for name in named:
        (index,) = table.indices([name])
        if named.count(name) > 1:
            raise StreamError(f"column {brief(name)} is named twice, wanted every column once")
        if name not in numbers:
            raise StreamError(
                f"column {brief(name)} of {table.name} begins with "
                f"{brief(table.first_row()[index])}, wanted numbers"
            )
    if args.time:
        table.indices([args.time])


def _new_model(args: argparse.Namespace) -> Detector:
    try:
        return Detector(args.cells, season=args.season, seed=args.seed)
    except ValueError as error:
        raise StreamError(str(error).replace("n_cells", "cells")) from None


@contextmanager
def _scores_to(path: str | None) -> Iterator[Any]:
    """Give a function that writes row and score, to a file that appears whole at the end."""
    if path is None:
        yield lambda row, score: None
        return
    check_writable(path)
    with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        print("row,score", file=file)
        yield lambda row, score: print(f"{row},{score!r}", file=file)


def _run_command(args: argparse.Namespace) -> int:
    if args.plot:
        check_plot(args.plot)
    model, code, start = _new_model(args), 0, time.perf_counter()
    found = Detections(list(args.target), args.threshold)
    with Table(args.file, args.delimiter, hint="") as table, _scores_to(args.scores) as write:
        _check_columns(table, args)
        bar = progress_bar(table, not args.no_progress)
        try:
            for row, score, one in detect(table, model, found, inputs=args.inputs, time=args.time):
                write(row, score)
                if one is not None:
                    shown = json.dumps(one.as_record()) if args.json else str(one)
                    print(shown, flush=True)
                if bar is not None and row % _BAR_EVERY == 0:
                    bar.update((row if table.size is None else table.position()) - bar.n)
        except KeyboardInterrupt:
            code = INTERRUPTED
        finally:
            if bar is not None:
                bar.close()
    if found.n_rows and not found.n_known:
        raise StreamError(
            f"{table.name} has no number in {', '.join(map(brief, args.target))}, wanted some"
        )
    out = sys.stderr if args.json else sys.stdout
    print(found.report(time.perf_counter() - start), file=out)
    if args.plot:
        save_detections(found, args.plot)
        print(f"picture in {args.plot}", file=out)
    if args.scores:
        print(f"scores in {args.scores}", file=out)
    return code
