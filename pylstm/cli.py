"""The command line: ``pylstm stream``, ``demo``, ``reproduce`` and ``config``."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NoReturn

import pylstm
from pylstm.errors import InputError
from pylstm.experiments import LABELS, Reproduction, select
from pylstm.experiments.report import as_list, as_text
from pylstm.experiments.reproduce import need
from pylstm.files import check_writable
from pylstm.stream import demo
from pylstm.stream.errors import StreamError
from pylstm.stream.job import Outcome, forecast_writer, progress_bar, run_stream, silence
from pylstm.stream.plot import check_plot, save_plot
from pylstm.stream.reporting import report, worst_skill
from pylstm.stream.session import Session
from pylstm.stream.settings import Settings
from pylstm.stream.table import Table

__all__ = ["main"]

BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 2, 130, 141

STREAM_HELP = """\
One pass over a time-ordered table. At every row: score the forecast made for this row, learn from
it, forecast the target --horizon rows ahead. Inputs and target are standardised by what has been
seen so far, never by what comes later. At the end: MAE, RMSE and skill against two opponents on the
same rows, the last known value and, with --season, the value one season ago."""

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

the table:
  A line of column names, then rows in the order of time, comma-separated. A cell that is empty, NA,
  N/A, NaN, null or none is missing: as input the last known value stands in, as target the row is
  neither learned from nor scored. By default every column with a number (or nothing) in the first
  row is an input, the target among them. Columns such as the time of day help; they are yours to
  make: sine and cosine of the hour, a 1 on holidays.

what it costs:
  A row costs one learning step and one forward pass of the network, whatever the horizon; memory
  does not grow with the stream. The network learns at row t from what it saw at row t - horizon,
  because only then is the target known; its forecast uses everything up to row t.

sessions:
  A file of --save or --resume holds everything: network, scales, scores, settings. It is replaced
  whole; a process killed at any moment leaves the old file or the new one. A file that is damaged,
  or something else, is refused. No code in it is executed: it is a safetensors file.

exit code: 0; 2 for unusable input; 130 after Ctrl-C and 141 when the reader of --predictions - has
gone (in both cases the session is saved, if --save or --resume says so).
"""

REPRODUCE_HELP = """\
The LSTM rows of Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997:
every row of its tables trained from scratch, as often as there, until the paper's own criterion of
success. At the end a table: what came out beside the figures of the paper."""

REPRODUCE_EXAMPLES = """\
examples:
  pylstm reproduce --list
      the rows, and what they train
  pylstm reproduce 6a --trials 3
      temporal order, a few seconds
  pylstm reproduce 3a 4 --readings written
      all rows of experiments 3a and 4, as written in the paper and no other way
  pylstm reproduce
      everything, with all trials: hours

readings:
  written   the paper to the letter, where it says anything
  nearest   where that does not reach the paper's figure, the nearest reading that does; the table
            says what differs
  best      the same task and criterion with what learns in the fewest sequences known

what is written:
  Every trial as soon as it ends, in OUT/trials: after Ctrl-C the same command goes on with the
  others, and more --trials add to those that are there. At the end OUT/results.json and results.md,
  which cover all that is in the folder, lag.png (experiment 2c: sequences against lag), for every
  row curves-ROW.png and cells-ROW.png (cell states and gates over a sequence). The same --seed
  gives the same results whatever --jobs.

exit code: 0; 2 for unusable input; 130 after Ctrl-C, with the table of the trials that have ended.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} given, wanted a whole number of at least 1")
    return number


def _delimiter(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} given, wanted one character, or 'tab'")
    return text


def _add_stream(commands: Any) -> None:
    parser = commands.add_parser(
        "stream",
        help="predict a column of a table and learn, row by row",
        description=STREAM_HELP,
        epilog=STREAM_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.set_defaults(run=_stream)
    add = parser.add_argument
    add("file", metavar="FILE.csv", help="the table (.gz too), - for standard input")
    task = parser.add_argument_group("the task").add_argument
    task("--target", metavar="COLUMN", help="column to predict (a saved session knows it)")
    task("--inputs", metavar="A,B,...", type=_names, help="columns to see; default: all numbers")
    task("--horizon", metavar="ROWS", type=int, help="rows ahead to predict; default 1")
    task("--season", metavar="ROWS", type=int, help="rows in a season, for the second opponent")
    task(
        "--predict",
        choices=("change", "level"),
        help="what the network puts out: the change from the last known value (default: it starts "
        "as good as that) or the value itself",
    )
    model = parser.add_argument_group("the network").add_argument
    model("--cells", metavar="N", type=int, help="memory cells; default 32")
    model("--learning-rate", metavar="RATE", type=float, help="default 0.01")
    model("--momentum", metavar="M", type=float, help="default 0")
    model("--memory", metavar="ROWS", type=int, help="rows until scales forget; default 3000")
    model(
        "--mark-missing", action="store_true", help="also tell the network which cells are missing"
    )
    model("--dtype", choices=("float32", "float64"), help="default float32")
    model("--seed", metavar="N", type=int, help="of the starting weights; default 0")
    files = parser.add_argument_group("files").add_argument
    files("--delimiter", metavar="C", type=_delimiter, help="between cells; default ',', or 'tab'")
    files("--plot", metavar="OUT.png", help="picture of prediction against truth and running error")
    files(
        "--predictions",
        metavar="OUT.csv",
        help="write row,prediction for every row; to -: at once, on standard output; the report "
        "then goes to standard error",
    )
    files(
        "--save",
        metavar="OUT.safetensors",
        help="save the session at the end, to go on with --load",
    )
    files("--save-every", metavar="ROWS", type=_positive, help="save after every so many rows too")
    files("--load", metavar="IN.safetensors", help="go on with a saved session and its settings")
    files(
        "--resume",
        metavar="SESSION.safetensors",
        help="--load and --save in one: begin if there is no such file yet, otherwise go on with "
        "it, after as many rows of FILE.csv as it has taken in (of standard input, at once)",
    )
    files("--no-progress", action="store_true", help="no progress bar")


def _add_demo(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="pylstm stream on a year of measured weather",
        description=demo.ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=_demo)
    parser.add_argument("--plot", metavar="OUT.png", help="picture, see pylstm stream --help")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the starting weights")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def _add_reproduce(commands: Any) -> None:
    parser = commands.add_parser(
        "reproduce",
        help="the experiments of the paper of 1997, beside its figures",
        description=REPRODUCE_HELP,
        epilog=REPRODUCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=_reproduce)
    add = parser.add_argument
    add("rows", metavar="ROW", nargs="*", help="such as 6a, 2c-3, or 2c for all of 2c; default all")
    add("--list", action="store_true", help="show the rows and run nothing")
    add("--trials", metavar="N", type=int, help="trials of each reading; default: as in the paper")
    add("--jobs", metavar="J", type=int, default=-1, help="at once; default: as many as cores")
    add("--seed", metavar="S", type=int, default=0, help="default 0")
    add("--out", metavar="DIR", default="reproduction", help="default ./reproduction")
    add(
        "--readings",
        metavar="A,B,...",
        type=_names,
        default=LABELS,
        help="of written, nearest, best; default all",
    )
    add("--no-progress", action="store_true", help="no progress bars")
    add("--no-plots", action="store_true", help="no pictures")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pylstm",
        description="LSTM networks that learn while they predict, one pass, on the CPU.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pylstm {pylstm.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_stream(commands)
    _add_demo(commands)
    _add_reproduce(commands)
    config = commands.add_parser("config", help="print what this installation computes with")
    config.set_defaults(run=_config)
    return parser


def _columns(table: Table, settings: Settings) -> list[str]:
    """The input columns, after checking that inputs and target are there and hold numbers."""
    numbers = table.columns_of_numbers()
    for name in (*(settings.inputs or ()), settings.target):
        (index,) = table.indices([name])
        if name not in numbers:
            raise StreamError(
                f"column {name!r} of {table.name} begins with {table.first_row()[index]!r}, "
                "wanted numbers"
            )
    if settings.inputs is not None:
        return list(settings.inputs)
    left_out = [name for name in table.header if name not in numbers]
    if left_out:
        print(f"not used, no numbers in the first row: {', '.join(left_out)}", file=sys.stderr)
    return numbers


def _session(table: Table, given: dict[str, Any]) -> Session:
    """A new session with the given settings, or the saved one if they agree with it."""
    chosen = {f.name: given[f.name] for f in fields(Settings) if f.name in given}
    if "load" not in given:
        settings = Settings(**chosen)
        return Session(settings, _columns(table, settings))
    session = Session.load(given["load"])
    for name, value in chosen.items():
        saved = getattr(session.settings, name)
        if value != saved:
            raise StreamError(
                f"--{name.replace('_', '-')} is {value!r} and the session in {given['load']} has "
                f"{saved!r}: leave the option out, or start anew without --load"
            )
    table.indices([*session.columns, session.settings.target])
    return session


def _resumed(given: dict[str, Any]) -> dict[str, Any]:
    """Options with --resume told as --load, if its file is there, and --save."""
    if "resume" not in given:
        return given
    for other in ("load", "save"):
        if other in given:
            raise StreamError(f"--resume given with --{other}, wanted one of them")
    path = given["resume"]
    return given | {"save": path} | ({"load": path} if os.path.exists(path) else {})


def _check(given: dict[str, Any]) -> None:
    """Everything that can be known to be wrong before the first row is read."""
    if "target" not in given and "load" not in given:
        raise StreamError("no --target given, wanted the column to predict")
    if "save_every" in given and "save" not in given:
        raise StreamError(
            "--save-every given without --save or --resume, wanted the file to save in"
        )
    if "plot" in given:
        check_plot(given["plot"])
    if "save" in given:
        check_writable(given["save"])


def _stream(args: argparse.Namespace) -> int:
    given = _resumed(vars(args))
    _check(given)
    live = given.get("predictions") == "-"
    with Table(args.file, given.get("delimiter", ",")) as table:
        session = _session(table, given)
        with forecast_writer(given.get("predictions")) as on_forecast:
            outcome = run_stream(
                session,
                table,
                on_forecast=on_forecast,
                bar=progress_bar(table, "no_progress" not in given),
                save=given.get("save"),
                save_every=given.get("save_every"),
                skip=session.n_rows if "resume" in given and args.file != "-" else 0,
            )
    if outcome.stopped == "closed":
        raise BrokenPipeError
    return _finish(session, outcome, given, sys.stderr if live else sys.stdout)


def _finish(session: Session, outcome: Outcome, given: dict[str, Any], out: Any) -> int:
    print(report(session, outcome.n_rows, outcome.seconds), file=out)
    for option, what in (("plot", "picture"), ("save", "session")):
        if given.get(option):
            if option == "plot":
                save_plot(session, given[option])
            print(f"{what} in {given[option]}", file=out)
    return INTERRUPTED if outcome.stopped else 0


def _demo(args: argparse.Namespace) -> int:
    if args.plot:
        check_plot(args.plot)
    settings = demo.settings(args.seed)
    print(demo.ABOUT)
    print(f"The same as: pylstm stream {demo.DATA} --target {settings.target}", end=" ")
    print(f"--horizon {settings.horizon} --season {settings.season}\n", flush=True)
    with Table(str(demo.DATA)) as table:
        session = Session(settings, table.columns_of_numbers())
        outcome = run_stream(session, table, bar=progress_bar(table, not args.no_progress))
    code = _finish(session, outcome, vars(args), sys.stdout)
    if code == 0:
        below = f"{worst_skill(session.scores):.1%}, stated: at least {demo.STATED_SKILL:.0%}"
        print(f"\nafter the first tenth, MAE below that of the better opponent by {below}")
    return code


def _reproduce(args: argparse.Namespace) -> int:
    if args.list:
        print(as_list(select(args.rows)))
        return 0
    if not args.no_plots:
        need("matplotlib", "plotting", "--no-plots")
    reproduction = Reproduction(args.rows, args.trials, args.seed, args.out, args.readings)
    code = 0
    try:
        reproduction.run(args.jobs, progress=not args.no_progress)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here\n", file=sys.stderr)
        code = INTERRUPTED
    print(as_text(reproduction.summaries()), flush=True)
    written = reproduction.write(pictures=not args.no_plots)
    print(f"\nin {args.out}: {', '.join(path.name for path in written)}")
    return code


def _config(args: argparse.Namespace) -> int:
    pylstm.show_config()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; default: those of the process.

    Returns
    -------
    int
        Exit code: 0; 2 for unusable input, told in one sentence on standard error; 130 after
        Ctrl-C.
    """
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except (InputError, FloatingPointError) as error:
        print(f"pylstm: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return PIPE_CLOSED
    return code
