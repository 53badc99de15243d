"""``pylstm stream`` and ``detect``: options, what can be known to be wrong before the first row."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pylstm.commands import add_command
from pylstm.errors import InputError, brief
from pylstm.files import check_writable
from pylstm.tabular.cells import has_decimal_comma
from pylstm.tabular.dialect import Dialect
from pylstm.tabular.errors import StreamError
from pylstm.tabular.job import (
    CLOSED,
    Job,
    Outcome,
    choose_columns,
    csv_lines,
    progress_bar,
)
from pylstm.tabular.outputs import GrowingFile, StandardOutput
from pylstm.tabular.plot import check_plot, save_plot
from pylstm.tabular.reporting import key_report, report
from pylstm.tabular.session import Records, Session
from pylstm.tabular.settings import RATES, Settings
from pylstm.tabular.table import Table

__all__ = ["INTERRUPTED", "add_detect", "add_stream", "names_in", "open_session", "report_outcome"]

INTERRUPTED = 130
_FIRST_ROWS = 100  # that tell what a column holds

STREAM_HELP = """\
One pass over a time-ordered table. At every row: score the forecast made for this row, learn from
it, forecast the target --horizon rows ahead. Inputs and target are standardised by what has been
seen so far, never by what comes later. At the end: MAE, RMSE and skill against baselines on the
same rows, the last known value and, with --season, the value one season ago, and how many targets
were in the intervals around the forecasts; for a target of labels accuracy and log loss against the
last label and the most frequent one."""

STREAM_EXAMPLES = """\
examples:
  pylstm stream load.csv --target load --season 24,168
      hourly rows with a daily and a weekly rhythm: predict the next hour, compare with the hour
      before, the day before, the week before
  pylstm stream load.csv --target load --horizon 24 --season 168 --plot load.png
      a day ahead, compared with the week before, with a picture
  pylstm stream shops.csv --target sales --season 7 --key shop,article
      many series in one table: a model each; --shared: one set of weights for all of them
  pylstm stream load.csv --target load --resume load.safetensors --save-every 1000 \\
      --predictions load.predictions.csv --interval 0.9
      whatever stops it, a power failure too: the same command goes on from the last rows saved, and
      ends with the same files as if nothing had stopped it
  pylstm stream january.csv --target load --save load.safetensors
  pylstm stream february.csv --load load.safetensors --save load.safetensors
      the same as one pass over both files
  sensor | pylstm stream - --target value --predictions -
      row by row as they arrive; Ctrl-C ends with the report
  pylstm stream logger.csv --target temp --skip-rows 3 --missing "?,-,-200" --bad-rows skip \\
      --bad-rows-to bad.csv
      a logger's file: lines above the header, marks of missing values, rows that are torn
  pylstm stream mail.csv --target kind
      labels: the kind of every row from its other columns, compared with the kind of the row before
      and the most frequent one
  pylstm stream machine.csv --target state --classify --horizon 10
      labels that are written as numbers; those ten rows ahead, from everything up to now
  sensor | pylstm stream - --target value --json | jq -c '.last | select(.) | .target - .prediction'
      each error as soon as it is known

the table:
  A line of column names, then rows in the order of time: delimited text, packed or not. How it is
  written is recognised where that is certain, and reported; else an option has to say it. As input
  the last known value stands in for a missing number; a row without a target is neither learned
  from nor scored, and counted in the report. By default every column of numbers, and of true and
  false, is an input, as far as the first hundred rows tell; --inputs can name columns of text too,
  whose values become an input each (the first 50 of a column). The past of the target is always
  known. What the other columns will be is not: a row that is forecast is given what they were
  --horizon rows before. The calendar is known: --time gives the place of the row that is forecast
  in the day, the week and the year. Times are ISO 8601 or seconds since 1970, and may not go back.

labels:
  A target is labels with --classify, or where none of its first hundred cells is a number: on live
  input say --classify to be answered from the first row on. They come when they come, up to 1,000
  different ones. The network gives every label a probability; the report gives its accuracy and its
  log loss, the mean of -log(probability of the label that came), beside those of the last label and
  of the most frequent one so far. By default the label is the row's own, --horizon 0: predicted
  from the row's other cells and all rows before, then learned; with --delay D learned D rows later.
  Numbers can be predicted so too.

keys:
  With --key every combination of the cells of these columns has a model, baselines and scores of
  its own, whichever rows it has; rows are numbered within it. It is a single small network then,
  --optimizer rmsprop of 8 cells, some 120 kB a key. With --shared all keys learn one set of weights
  (16 cells), each with a state, scales and a spread of its own: a new key knows what the others
  have taught. --report-by-key writes the losses of each to a file.

optimizers:
  By default several networks of different rates are mixed by their losses. With --optimizer there
  is a single one:
  sgd        a step of --learning-rate down the gradient
  momentum   with --momentum, 0.9 by default, of the steps before
  rmsprop    steps of a length of their own for every weight, which shrinks as the stream goes on
  adam       rmsprop that forgets, with momentum
  obgd       steps no longer than the error allows

lines of JSON:
  {"row": 8, "prediction": 3.1, "last": {"row": 7, "prediction": 2.9, "target": 3.0}}
  One forecast a line, written at once: the row predicted, counted from 1, the prediction (null
  while there is none), with --interval "low" and "high", with --key "key", of labels
  "probabilities". "last" is what became of the forecast for the row just read; where the forecast
  is for that row itself, its target is "target".

what it costs:
  A row costs a learning step of every network, and --horizon steps forward of each: what is further
  ahead is forecast from forecasts. Memory does not grow with the stream.

sessions:
  A file of --save or --resume holds everything: networks, scales, scores, settings, where the table
  stood and how far the predictions were written. It is replaced whole; a process killed at any
  moment leaves the old file or the new one. A file that is damaged, or something else, is refused.
  No code in it is executed: it is a safetensors file. --resume goes on only with the table whose
  rows the session has taken in: one that is shorter, edited or rotated is refused, or taken from
  its start with --resume-new-file. A last line without its end is not taken in before it is whole.

what ends it:
  The end of the table, a bad row (--bad-rows stop), Ctrl-C, SIGTERM, SIGHUP, a reader of standard
  output that has gone, a full disk: in each case the session is saved, if --save or --resume says
  so, and the predictions are whole up to the last row it has taken in. What a full disk had no room
  for is kept in the session and written first when it is resumed. Only a network whose weights have
  diverged is not saved.

exit code:
  0; 2 for unusable input, a bad row or a file that cannot be written; 130 after Ctrl-C, 143 after
  SIGTERM, 129 after SIGHUP, 141 when the reader of standard output has gone.
"""

DETECT_HELP = """\
One pass over a time-ordered table. Every row gets a score from 0 to 1 by how unlike its targets are
to what was forecast of them, then is learned from. What has a score of --threshold or more is
printed at once. A score is about 1 minus the probability of errors as large, judged by all rows
before: 0.99 comes once in a hundred rows, 0.999 once in a thousand. An event is reported
once: in the hundred rows after it only what exceeds it. The same as pylstm stream --detect."""

DETECT_EXAMPLES = """\
examples:
  pylstm detect load.csv --target load --season 24 --time when
      hourly rows with a daily rhythm: the hour, the weekday and the day of the year are known
  pylstm detect load.csv --target load --plot load.png
      with a picture: the series, its detections, the scores
  pylstm detect machine.csv --target pressure,heat --inputs speed --threshold 0.999
      two variables watched together, a third one that explains them and is not watched itself
  pylstm detect fleet.csv --target heat --key machine --resume fleet.safetensors --scores scores.csv
      every machine by itself, going on where it stopped
  sensor | pylstm detect - --target value --json | jq .row
      row by row as they arrive; Ctrl-C ends with the report

lines of JSON:
  {"row": 8, "time": "2013-01-31 06:00", "score": 0.9993, "values": {"load": 3.1}}
  One detection a line, rows counted from 1; "time" with --time, "key" with --key.

exit code: 0, whether there are detections or not; otherwise as of pylstm stream.
"""


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas, quoted where they have some themselves."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))


def _positive_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} given, wanted a whole number of at least 1")
    return number


def _delimiter_in(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(f"{brief(text)} given, wanted one character, or 'tab'")
    return text


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{brief(text)} given, wanted a whole number, or several with commas between"
        ) from None


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} given, wanted a number from 0 to 1")
    return value


def add_stream(commands: Any) -> None:
    """Add ``pylstm stream`` and its options."""
    parser = add_command(
        commands,
        "stream",
        _run_command,
        help="predict a column of a table and learn, row by row",
        description=STREAM_HELP,
        epilog=STREAM_EXAMPLES,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("file", metavar="FILE", help="the table, - for standard input")
    task = parser.add_argument_group("the task").add_argument
    task("--target", metavar="COLUMN", help="column to predict (a saved session knows it)")
    task("--inputs", metavar="A,B,...", type=names_in, help="columns to see; default: all numbers")
    task("--classify", action="store_true", help="the target is labels, even if they are numbers")
    task(
        "--detect",
        action="store_true",
        help="score every row by how unexpected its targets (A,B,...) are: pylstm detect",
    )
    task(
        "--horizon",
        metavar="ROWS",
        type=int,
        help="rows ahead to predict; default 1, of labels 0: the row's own",
    )
    task(
        "--delay",
        metavar="ROWS",
        type=int,
        help="with --horizon 0: rows until a target is known; default 0",
    )
    task(
        "--interval",
        metavar="LEVEL",
        type=float,
        help="share of targets, such as 0.9, for intervals beside the predictions",
    )
    task("--threshold", metavar="S", type=_threshold, help=argparse.SUPPRESS)
    _add_common(parser, task)
    files = parser.add_argument_group("files").add_argument
    files("--plot", metavar="OUT.png", help="picture of prediction against truth and running error")
    files(
        "--predictions",
        metavar="OUT",
        help="write row,prediction for every row; to -: at once, on standard output; the report "
        "then goes to standard error",
    )
    files(
        "--json",
        action="store_true",
        help="write forecasts as lines of JSON instead: to OUT, or else standard output",
    )
    _add_files(files)


def add_detect(commands: Any) -> None:
    """Add ``pylstm detect`` and its options."""
    parser = add_command(
        commands,
        "detect",
        _run_command,
        help="score the rows of a table by how unexpected they are",
        description=DETECT_HELP,
        epilog=DETECT_EXAMPLES,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(detect=True)
    parser.add_argument("file", metavar="FILE", help="the table, - for standard input")
    task = parser.add_argument_group("the task").add_argument
    task("--target", metavar="A,B,...", help="columns to watch (a saved session knows them)")
    task("--inputs", metavar="A,B,...", type=names_in, help="columns that explain them")
    task(
        "--threshold",
        metavar="S",
        type=_threshold,
        help="score of a detection, from 0 to 1; default 0.99",
    )
    _add_common(parser, task)
    files = parser.add_argument_group("files").add_argument
    files("--plot", metavar="OUT.png", help="picture of the series, its detections and the scores")
    files("--scores", metavar="OUT", dest="predictions", help="write row,score for every row")
    files(
        "--json", action="store_true", help="detections as lines of JSON; the report then goes to "
        "standard error",
    )  # fmt: skip
    _add_files(files)


def _add_common(parser: argparse.ArgumentParser, task: Any) -> None:
    """Add what both commands have: seasons, keys, networks, how the table is written."""
    task(
        "--season",
        metavar="ROWS,...",
        type=_whole_numbers,
        help="rows in a season, or in several: further baselines, and what forecasts start from",
    )
    task("--time", metavar="COLUMN", help="column of times, whose calendar becomes inputs")
    task(
        "--key",
        metavar="A,B,...",
        dest="keys",
        type=names_in,
        help="columns that tell series apart: a model each",
    )
    task("--shared", action="store_true", help="with --key: one set of weights for all of them")
    model = parser.add_argument_group("the networks").add_argument
    model(
        "--cells",
        metavar="N",
        type=int,
        help="memory cells; default 32, with --key 8, --shared 16",
    )
    model(
        "--optimizer",
        choices=tuple(RATES),
        help="of a single network; default: several, with --key rmsprop",
    )
    rates = ", ".join(f"{rate:g} ({name})" for name, rate in RATES.items())
    model("--learning-rate", metavar="RATE", type=float, help=f"default {rates}")
    model("--momentum", metavar="M", type=float, help="default 0, with --optimizer momentum 0.9")
    model("--memory", metavar="ROWS", type=int, help="rows until scales forget; default 3000")
    model(
        "--mark-missing", action="store_true", help="also tell the network which cells are missing"
    )
    model("--dtype", choices=("float32", "float64"), help="default float32")
    model("--seed", metavar="N", type=int, help="of the starting weights; default 0")
    table = parser.add_argument_group("how the table is written").add_argument
    table("--delimiter", metavar="C", type=_delimiter_in, help="between cells: a character, 'tab'")
    table("--decimal", metavar="C", choices=(".", ","), help="decimal sign: a point or a comma")
    table("--thousands", metavar="C", help="sign between groups of three digits")
    table("--skip-rows", metavar="N", type=int, help="lines above the header to leave out")
    table("--skip-below", metavar="N", type=int, help="rows below the header to leave out")
    table(
        "--missing",
        metavar="A,B,...",
        type=names_in,
        help="cells that are no values; default NA, N/A, NaN, null, none",
    )
    table("--encoding", metavar="NAME", help="of the text; default utf-8")
    table(
        "--bad-rows",
        choices=("stop", "skip"),
        help="what to do at a row that cannot be used; default stop",
    )
    table("--bad-rows-to", metavar="OUT", help="write skipped rows there, with what is wrong")


def _add_files(files: Any) -> None:
    files("--report-by-key", metavar="OUT", help="with --key: write the losses of every key")
    files(
        "--save",
        metavar="OUT.safetensors",
        help="save the session at the end, to go on with --load",
    )
    files(
        "--save-every",
        metavar="ROWS",
        type=_positive_number,
        help="save after every so many rows too",
    )
    files("--load", metavar="IN.safetensors", help="go on with a saved session and its settings")
    files(
        "--resume",
        metavar="SESSION.safetensors",
        help="--load and --save in one: begin if there is no such file yet, otherwise go on with "
        "it, after the rows of FILE that it has taken in (of standard input, at once)",
    )
    files(
        "--resume-new-file",
        action="store_true",
        help="take FILE from its start where it is not the one the session has taken in",
    )
    files("--no-progress", action="store_true", help="no progress bar")


# ---------------------------------------------------------------- what is given, and the table


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _input_columns(table: Table, settings: Settings) -> tuple[list[str], list[str]]:
    """The input columns of numbers and of text, all columns that are named being there."""
    used = [*settings.targets, *settings.keys, *([settings.time] if settings.time else [])]
    table.indices([*(settings.inputs or ()), *used])
    if settings.inputs is not None:
        named = [name for name in settings.inputs if name not in settings.targets]
        texts = [name for name in named if table.kind_of(name).kind == "text"]
        return [name for name in named if name not in texts], texts
    if settings.detect:
        return [], []
    # A column without a value so far may yet have some, where little of it is known.
    is_short = len(table.first_rows(_FIRST_ROWS)) < _FIRST_ROWS
    numbers: list[str] = []
    left_out: list[str] = []
    for name in table.header:
        if not name or name in used:
            continue
        kind = table.kind_of(name).kind
        is_one = kind in ("numbers", "booleans") or (kind == "unknown" and is_short)
        (numbers if is_one else left_out).append(name)
    if left_out:
        _tell(f"not used, no numbers in the first rows: {', '.join(left_out)}")
    return numbers, []


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """The settings among the options, as they are kept."""
    chosen = {f.name: options[f.name] for f in fields(Settings) if f.name in options}
    if options.get("detect") and "target" in chosen:
        chosen["target"] = names_in(chosen["target"])
    return chosen


def open_session(table: Table, options: dict[str, Any]) -> Session:
    """Return a new session with the given settings, or the saved one if they agree with it."""
    chosen = _chosen(options)
    if "load" not in options:
        settings = Settings(**chosen)
        if not settings.classify and not settings.detect:
            kind = table.kind_of(settings.targets[0])
            if kind.kind in ("text", "booleans"):  # live, a number may still come
                kind = table.kind_of(settings.targets[0], wait=True)
            if kind.cell is not None and kind.kind == "text" and has_decimal_comma(kind.cell):
                raise StreamError(
                    f"{table.name}, line {kind.line} has {brief(kind.cell)} in column "
                    f"{brief(settings.targets[0])}, which may be a number with a decimal comma or "
                    "a label: say which by --decimal , or --classify"
                )
            if kind.kind in ("text", "booleans"):
                shown = "" if kind.cell is None else f", the first one {brief(kind.cell)}"
                _tell(
                    f"{settings.target} taken for labels, no cell of its first rows is a number"
                    f"{shown}"
                )
                settings = Settings(**chosen, classify=True)
        if settings.detect:
            for name in settings.targets:
                _check_is_numbers(table, name)
        session = Session(settings, *_input_columns(table, settings))
    else:
        session = Session.load(options["load"])
        for name, value in chosen.items():
            saved = getattr(session.settings, name)
            if value != saved:
                option = {"keys": "key"}.get(name, name).replace("_", "-")
                raise StreamError(
                    f"--{option} is {brief(value)} and the session in {options['load']} has "
                    f"{brief(saved)}: leave the option out, or start anew without --load"
                )
    if "threshold" in options:
        session.threshold = options["threshold"]
    return session


def _check_is_numbers(table: Table, name: str) -> None:
    kind = table.kind_of(name)
    if kind.kind == "text":
        raise StreamError(
            f"column {brief(name)} of {table.name} begins with {brief(kind.cell)}, wanted numbers"
        )


def _with_resume(options: dict[str, Any]) -> dict[str, Any]:
    """Options with --resume told as --load, if its file is there, and --save."""
    if "resume" not in options:
        return options
    for other in ("load", "save"):
        if other in options:
            raise StreamError(f"--resume given with --{other}, wanted one of them")
    path = options["resume"]
    return options | {"save": path} | ({"load": path} if os.path.exists(path) else {})


def _check_options(options: dict[str, Any]) -> None:
    """Everything that can be known to be wrong before the first row is read."""
    if "target" not in options and "load" not in options:
        what = "columns to watch" if options.get("detect") else "column to predict"
        raise StreamError(f"no --target given, wanted the {what}")
    if options.get("detect") and "target" in options and not names_in(options["target"]):
        raise StreamError("no column in --target, wanted those to watch")
    wanted = {
        "save_every": ("save", "--save or --resume, wanted the file to save in"),
        "resume_new_file": ("resume", "--resume, wanted the session to go on with"),
        "bad_rows_to": ("bad_rows", "--bad-rows skip, wanted both"),
    }
    for name, (other, said) in wanted.items():
        if name in options and other not in options:
            raise StreamError(f"--{name.replace('_', '-')} given without {said}")
    if "target" in options:
        Settings(**_chosen(options))
        if "report_by_key" in options and "load" not in options and "keys" not in options:
            raise StreamError("--report-by-key given without --key, wanted both")
    if "plot" in options:
        check_plot(options["plot"])
    for name in ("save", "report_by_key"):
        if name in options:
            check_writable(options[name])


def _dialect(options: dict[str, Any], saved: dict[str, Any] | None) -> Dialect:
    """How the table is written: as given, otherwise as the session has found it."""
    given = {f.name: options[f.name] for f in fields(Dialect) if f.name in options}
    known = {name: value for name, value in (saved or {}).items() if value is not None}
    if "missing" in known:
        known["missing"] = tuple(known["missing"])
    return Dialect(**(known | given))


# ---------------------------------------------------------------- the run


class _Run:
    """A run of the command: the table and the session, opened and made fit for each other."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.file: str = options["file"]
        self.is_resumed = "resume" in options and "load" in options
        self.session: Session | None = None
        self._on_bad: Any = None

    def open(self) -> tuple[Session, Table]:
        """Return the session, and the table where it goes on."""
        options = self.options
        if "load" in options:
            self.session = Session.load(options["load"])
        table = self._table()
        try:
            self.session = session = open_session(table, options)
            self._choose(table)
            position = session.position
            if self.is_resumed and position is not None and self.file != "-":
                try:
                    table.skip(position["n_rows"], position["checksum"])
                except StreamError as error:
                    table.close()
                    if "resume_new_file" not in options:
                        raise StreamError(
                            f"{error}; --resume-new-file takes it from its start"
                        ) from None
                    _tell(f"{error}: taken from its start")
                    table = self._table(is_new=True)
                    self._choose(table, is_new=True)
        except BaseException:
            table.close()
            raise
        return session, table

    def _table(self, is_new: bool = False) -> Table:
        options, session = self.options, self.session
        position = None if session is None or is_new else session.position
        saved = None if position is None else position["dialect"]
        hint = "" if options.get("detect") else None
        said = {} if hint is None else {"hint": hint}
        final = "resume" not in options
        return Table(self.file, _dialect(options, saved), final=final, **said)

    def _choose(self, table: Table, is_new: bool = False) -> None:
        session = self.session
        assert session is not None
        choose_columns(
            session, table, bad_rows=self.options.get("bad_rows", "stop"), on_bad=self._tell_bad
        )
        if session.position is not None and not is_new:
            table.time_form = session.position["time_form"]
            if session.position["order"] is not None:
                table.order.restore(session.position["order"])

    def reopen(self, n_rows: int) -> Table:
        """Return the table once more, after so many rows."""
        table = self._table()
        self._choose(table)
        if n_rows:
            table.skip(n_rows)
        return table

    def on_bad(self, take: Any) -> None:
        """Say who is told of rows that are left out."""
        self._on_bad = take

    def _tell_bad(self, row: int, line: int, reason: str, raw: str) -> None:
        self._on_bad(row, line, reason, raw)


def _outputs(session: Session, options: dict[str, Any], is_resumed: bool) -> dict[str, Any]:
    """The files that are written on the way."""
    saved = (session.output or {}) if is_resumed else {}
    settings, as_json = session.settings, "json" in options
    path = options.get("predictions", "-" if as_json and not settings.detect else None)
    head = "" if as_json and not settings.detect else csv_lines([Records.header(settings)])
    found: dict[str, Any] = {}
    if path == "-":
        found["output"] = StandardOutput(head)
    elif path is not None:
        found["output"] = GrowingFile(path, head, saved.get("predictions"), not is_resumed)
    if "bad_rows_to" in options:
        found["bad_rows"] = GrowingFile(
            options["bad_rows_to"], "row,line,reason,cells\n", saved.get("bad_rows"), not is_resumed
        )
    return found


def _run_command(args: argparse.Namespace) -> int:
    options = _with_resume(vars(args))
    _check_options(options)
    run = _Run(options)
    session, table = run.open()
    n_told = len(table.notes)
    for note in table.notes:
        _tell(note)
    to_stdout = options.get("predictions") == "-" or (
        "json" in options and (session.settings.detect or "predictions" not in options)
    )
    job = None
    try:
        outputs = _outputs(session, options, run.is_resumed)
        job = Job(
            session,
            table,
            as_json="json" in options and not session.settings.detect,
            on_records=_show_detections(session, options) if session.settings.detect else None,
            bar=progress_bar(table, "no_progress" not in options),
            save=options.get("save"),
            save_every=options.get("save_every"),
            reopen=None if run.file == "-" else run.reopen,
            **outputs,
        )
        run.on_bad(job.on_bad)
        outcome = job.run()
    finally:
        (table if job is None else job.table).close()
    for note in table.notes[n_told:]:
        _tell(note)
    if outcome.code == CLOSED:
        raise BrokenPipeError
    return report_outcome(session, outcome, options, sys.stderr if to_stdout else sys.stdout)


def _show_detections(session: Session, options: dict[str, Any]) -> Any:
    """A function that prints the rows of a block whose score is high enough."""

    def show(records: Records, times: Sequence[str | None]) -> None:
        for k, score in enumerate(records.made.values):
            if not (score > 0 and score >= session.threshold):
                continue
            record = records.record(k)
            if times:
                at = {"time": times[k]}
                row, rest = record.pop("row"), record
                key = {"key": rest.pop("key")} if "key" in rest else {}
                record = {**key, "row": row, **at, **rest}
            print(json.dumps(record) if "json" in options else _as_line(record), flush=True)

    return show


def _as_line(record: dict[str, Any]) -> str:
    key = "".join(f"{value}  " for value in record.get("key", {}).values())
    at = f"{record['time']}  " if record.get("time") else ""
    values = ", ".join(
        f"{name} {math.nan if value is None else value:g}"
        for name, value in record["values"].items()
    )
    return f"row {record['row']:>8,}  {key}{at}score {record['score']:.6f}  {values}"


def report_outcome(session: Session, outcome: Outcome, options: dict[str, Any], out: Any) -> int:
    """Print the report, draw and name the files; return the exit code."""
    if outcome.error is not None:
        kept = ""
        if outcome.n_rows and options.get("save") and not _is_lost(outcome):
            kept = f" ({session.n_rows:,} rows taken in, session in {options['save']})"
        if isinstance(outcome.error, FloatingPointError):
            raise outcome.error
        raise InputError(f"{outcome.error}{kept}")
    settings = session.settings
    if settings.detect and session.n_rows and session.counts.n_missing == session.n_rows:
        raise StreamError(
            f"{options['file']} has no number in {', '.join(map(brief, settings.targets))}, "
            "wanted some"
        )
    print(report(session, outcome.n_rows, outcome.seconds), file=out)
    named: dict[str, tuple[str, Any]] = {
        "plot": ("picture", save_plot),
        "report_by_key": ("losses by key", key_report),
        "save": ("session", None),
    }
    if settings.detect:
        named["predictions"] = "scores", None
    for option, (what, write) in named.items():
        path = options.get(option)
        if path and path != "-":
            if write is not None:
                write(session, path)
            print(f"{what} in {path}", file=out)
    return outcome.code


def _is_lost(outcome: Outcome) -> bool:
    return isinstance(outcome.error, FloatingPointError)
