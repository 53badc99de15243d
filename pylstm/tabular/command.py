"""``pylstm stream``: its options, what can be known to be wrong before the first row, its run."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from dataclasses import fields
from typing import Any

from pylstm.commands import add_command
from pylstm.errors import brief
from pylstm.files import check_writable
from pylstm.tabular.errors import StreamError
from pylstm.tabular.job import Outcome, forecast_writer, progress_bar, run_stream
from pylstm.tabular.plot import check_plot, save_plot
from pylstm.tabular.reporting import report
from pylstm.tabular.session import Session
from pylstm.tabular.settings import RATES, Settings
from pylstm.tabular.table import Table, number_in

__all__ = ["INTERRUPTED", "add_stream", "delimiter_in", "names_in", "report_outcome"]

INTERRUPTED = 130

STREAM_HELP = """\
One pass over a time-ordered table. At every row: score the forecast made for this row, learn from
it, forecast the target --horizon rows ahead. Inputs and target are standardised by what has been
seen so far, never by what comes later. At the end: MAE, RMSE and skill against two opponents on the
same rows, the last known value and, with --season, the value one season ago; for a target of labels
accuracy and log loss against the last label and the most frequent one."""

STREAM_EXAMPLES = """\
examples:
  pylstm stream load.csv --target load --season 24
      hourly rows: predict the next hour, compare with the hour before and the day before
  pylstm stream load.csv --target load --horizon 24 --season 168 --plot load.png
      a day ahead, compared with the week before, with a picture
  pylstm stream january.csv --target load --save load.safetensors
  pylstm stream february.csv --load load.safetensors --save load.safetensors
      the same as one pass over both files
  pylstm stream load.csv --target load --resume load.safetensors --save-every 1000
      whatever stops it, a power failure too: the same command goes on from the last rows saved, and
      ends as if nothing had stopped it
  sensor | pylstm stream - --target value --predictions -
      row by row as they arrive; Ctrl-C ends with the report
  pylstm stream traffic.csv --target cars --time when --optimizer rmsprop
      the hour, the weekday and the day of the year as inputs; another rule of learning
  pylstm stream mail.csv --target kind
      labels: the kind of every row from its other columns, compared with the kind of the row before
      and the most frequent one
  pylstm stream machine.csv --target state --classify --horizon 10
      labels that are written as numbers; those ten rows ahead, from everything up to now
  sensor | pylstm stream - --target value --json | jq -c '.last | select(.) | .target - .prediction'
      each error as soon as it is known

the table:
  A line of column names, then rows in the order of time, comma-separated. A cell that is empty, NA,
  N/A, NaN, null or none is missing: as input the last known value stands in, as target the row is
  neither learned from nor scored. By default every column with a number (or nothing) in the first
  row is an input, the target among them. The calendar helps where people have a part in it: --time
  gives sine and cosine of the time of day, the day of the week and the day of the year. Times are
  ISO 8601 (2013-01-31 06:00, with or without a time zone) or seconds since 1970, and may not go
  back. Other columns, such as a 1 on holidays, are yours to make.

labels:
  A target whose first cell is text is labels, with --classify any target. They come when they come,
  up to 1,000 different ones. The network gives every label a probability; the report tells its
  accuracy and its log loss, the mean of -log(probability of the label that came), beside those of
  the last label and of the most frequent one so far. By default the label is the row's own,
  --horizon 0: predicted from the row's other cells and all rows before, then learned.

optimisers:
  sgd        a step of --learning-rate down the gradient; the default for numbers
  momentum   with --momentum, 0.9 by default, of the steps before
  rmsprop    steps of a length of their own for every weight, which shrinks as the stream goes on;
             the default for labels
  adam       rmsprop that forgets, with momentum
  obgd       steps no longer than the error allows

lines of JSON:
  {"row": 8, "prediction": 3.1, "last": {"row": 7, "prediction": 2.9, "target": 3.0}}
  One forecast a line, written at once: the row predicted, counted from 1, the prediction (null
  while there is none), of labels also "probabilities". "last" is what became of the forecast for
  the row just read; where the forecast is for that row itself, its label is "target".

what it costs:
  A row costs one learning step and one forward pass of the network, whatever the horizon; of labels
  a forward pass a row of the horizon, and from 2 on a copy of the network, some 0.3 ms. Memory does
  not grow with the stream. The network learns at row t from what it saw at row t - horizon,
  because only then is the target known; its forecast uses everything up to row t.

sessions:
  A file of --save or --resume holds everything: network, scales, scores, settings. It is replaced
  whole; a process killed at any moment leaves the old file or the new one. A file that is damaged,
  or something else, is refused. No code in it is executed: it is a safetensors file.

exit code: 0; 2 for unusable input; 130 after Ctrl-C and 141 when the reader of standard output has
gone (in both cases the session is saved, if --save or --resume says so).
"""


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas, quoted where they have some themselves."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))


def _positive_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} given, wanted a whole number of at least 1")
    return number


def delimiter_in(text: str) -> str:
    """Return a character between cells."""
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(f"{brief(text)} given, wanted one character, or 'tab'")
    return text


def add_stream(commands: Any) -> None:
    """Add the command and its options."""
    parser = add_command(
        commands,
        "stream",
        _run_command,
        help="predict a column of a table and learn, row by row",
        description=STREAM_HELP,
        epilog=STREAM_EXAMPLES,
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("file", metavar="FILE.csv", help="the table (.gz too), - for standard input")
    task = parser.add_argument_group("the task").add_argument
    task("--target", metavar="COLUMN", help="column to predict (a saved session knows it)")
    task("--inputs", metavar="A,B,...", type=names_in, help="columns to see; default: all numbers")
    task("--classify", action="store_true", help="the target is labels, even if they are numbers")
    task(
        "--horizon",
        metavar="ROWS",
        type=int,
        help="rows ahead to predict; default 1, of labels 0: the row's own",
    )
    task("--season", metavar="ROWS", type=int, help="rows in a season, for one more opponent")
    task("--time", metavar="COLUMN", help="column of times, whose calendar becomes inputs")
    task(
        "--predict",
        choices=("change", "level"),
        help="what the network puts out: the change from the last known value (default: it starts "
        "as good as that) or the value itself",
    )
    model = parser.add_argument_group("the network").add_argument
    model("--cells", metavar="N", type=int, help="memory cells; default 32")
    model("--optimizer", choices=tuple(RATES), help="default sgd, for labels rmsprop")
    rates = ", ".join(f"{rate:g} ({name})" for name, rate in RATES.items())
    model("--learning-rate", metavar="RATE", type=float, help=f"default {rates}")
    model("--momentum", metavar="M", type=float, help="default 0, with --optimizer momentum 0.9")
    model("--memory", metavar="ROWS", type=int, help="rows until scales forget; default 3000")
    model(
        "--mark-missing", action="store_true", help="also tell the network which cells are missing"
    )
    model("--dtype", choices=("float32", "float64"), help="default float32")
    model("--seed", metavar="N", type=int, help="of the starting weights; default 0")
    files = parser.add_argument_group("files").add_argument
    files(
        "--delimiter", metavar="C", type=delimiter_in, help="between cells; default ',', or 'tab'"
    )
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
        "it, after as many rows of FILE.csv as it has taken in (of standard input, at once)",
    )
    files("--no-progress", action="store_true", help="no progress bar")


def _begins_with_text(table: Table, column: str) -> bool:
    (index,) = table.indices([column])
    return number_in(table.first_row()[index]) is None


def _input_columns(table: Table, settings: Settings) -> list[str]:
    """The input columns of numbers, after checking that all columns named are there."""
    numbers = table.columns_of_numbers()
    labels = [settings.target] if settings.classify else []
    for name in (*(settings.inputs or ()), settings.target):
        (index,) = table.indices([name])
        if name not in numbers and name not in labels:
            raise StreamError(
                f"column {brief(name)} of {table.name} begins with "
                f"{brief(table.first_row()[index])}, "
                "wanted numbers"
            )
    if settings.time:
        table.indices([settings.time])
    if settings.inputs is not None:
        return [name for name in settings.inputs if name not in labels]
    used = [*labels, settings.time]
    left_out = [name for name in table.header if name not in numbers and name not in used]
    if left_out:
        print(f"not used, no numbers in the first row: {', '.join(left_out)}", file=sys.stderr)
    return [name for name in numbers if name not in used]


def _check_predict(settings: Settings, options: dict[str, Any]) -> None:
    if settings.classify and "predict" in options:
        raise StreamError(
            f"--predict is {brief(options['predict'])}, and the target {brief(settings.target)} is "
            "labels, "
            "which have no change and no level: leave it out"
        )


def _open_session(table: Table, options: dict[str, Any]) -> Session:
    """A new session with the given settings, or the saved one if they agree with it."""
    chosen = {f.name: options[f.name] for f in fields(Settings) if f.name in options}
    if "load" not in options:
        if _begins_with_text(table, chosen["target"]):
            chosen["classify"] = True
        settings = Settings(**chosen)
        _check_predict(settings, options)
        return Session(settings, _input_columns(table, settings))
    session = Session.load(options["load"])
    for name, value in chosen.items():
        saved = getattr(session.settings, name)
        if value != saved:
            raise StreamError(
                f"--{name.replace('_', '-')} is {brief(value)} and the session in "
                f"{options['load']} has {brief(saved)}: leave the option out, or start anew "
                "without --load"
            )
    _check_predict(session.settings, options)
    time = session.settings.time
    table.indices([*session.columns, session.settings.target, *([time] if time else [])])
    return session


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
        raise StreamError("no --target given, wanted the column to predict")
    if "save_every" in options and "save" not in options:
        raise StreamError(
            "--save-every given without --save or --resume, wanted the file to save in"
        )
    if "plot" in options:
        check_plot(options["plot"])
    if "save" in options:
        check_writable(options["save"])


def _run_command(args: argparse.Namespace) -> int:
    options = _with_resume(vars(args))
    _check_options(options)
    as_json = "json" in options
    predictions = options.get("predictions", "-" if as_json else None)
    with Table(args.file, options.get("delimiter", ",")) as table:
        session = _open_session(table, options)
        with forecast_writer(predictions, as_json) as on_forecast:
            outcome = run_stream(
                session,
                table,
                on_forecast=on_forecast,
                bar=progress_bar(table, "no_progress" not in options),
                save=options.get("save"),
                save_every=options.get("save_every"),
                skip=session.n_rows if "resume" in options and args.file != "-" else 0,
            )
    if outcome.stopped == "closed":
        raise BrokenPipeError
    return report_outcome(
        session, outcome, options, sys.stderr if predictions == "-" else sys.stdout
    )


def report_outcome(session: Session, outcome: Outcome, options: dict[str, Any], out: Any) -> int:
    """Print the report, draw and name the files; return the exit code."""
    print(report(session, outcome.n_rows, outcome.seconds), file=out)
    for option, what in (("plot", "picture"), ("save", "session")):
        if options.get(option):
            if option == "plot":
                save_plot(session, options[option])
            print(f"{what} in {options[option]}", file=out)
    return INTERRUPTED if outcome.stopped else 0
