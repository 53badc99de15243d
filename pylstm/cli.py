"""The command line: ``pylstm stream``, ``detect``, ``demo``, ``reproduce``, ``config`` and more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import pylstm
from pylstm.analysis.command import add_drive, add_framing, add_truncation, add_vanishing
from pylstm.commands import add_command
from pylstm.errors import InputError
from pylstm.experiments import LABELS, Reproduction, select
from pylstm.experiments.methods import METHODS
from pylstm.experiments.report import as_list, as_text
from pylstm.experiments.reproduce import need
from pylstm.tabular import demo
from pylstm.tabular.command import (
    INTERRUPTED,
    add_detect,
    add_stream,
    names_in,
    open_session,
    report_outcome,
)
from pylstm.tabular.job import CLOSED, Job, choose_columns, progress_bar, silence
from pylstm.tabular.plot import check_plot
from pylstm.tabular.reporting import worst_skill
from pylstm.tabular.table import Table

__all__ = ["main"]

BAD_INPUT = 2

REPRODUCE_HELP = """\
The rows of Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997: LSTM
and the methods it was measured against, every row of its tables trained from scratch, as often as
there, until the paper's own criterion of success; and those of the papers of Gers and others after
it: 2000, learning to forget; 2001, languages; 2002, precise timing. At the end a table: what came
out beside the figures of the paper."""

_METHODS = "\n".join(f"  {name:<16}{method.what}" for name, method in METHODS.items())

REPRODUCE_EXAMPLES = f"""\
examples:
  pylstm reproduce --list
      the rows, their methods, and what they train
  pylstm reproduce 6a --trials 3
      temporal order, a few seconds
  pylstm reproduce 3a-1 4 --readings written
      a row of experiment 3a and all of 4, as written in the paper and no other way
  pylstm reproduce lstm
      all rows of LSTM, with all trials: some twenty minutes on two cores
  pylstm reproduce competitors
      those of all other methods: less than an hour on two cores
  pylstm reproduce 2a
      LSTM and the others on the same task, side by side
  pylstm reproduce 2000-cerg --readings nearest --trials 10
      endless strings of a grammar, with and without forget gates
  pylstm reproduce 2001
      a^n b^n, a^n b^n c^n and their like: some minutes

rows:
  By name, by what several begin with (3a, 3, 2a-rtrl, 2000-cerg), by paper (1997, 2000, 2001,
  2002); of 1997 by method, or competitors: all but lstm. Without any: all of 1997.

methods:
{_METHODS}

readings:
  written   the paper to the letter, where it says anything
  nearest   where that does not reach the paper's figure, the nearest reading that does; the table
            says what differs
  best      the same task and criterion with what learns in the fewest sequences known
  chosen    settings chosen here, where the paper has no figures

figures:
  With a question mark they are from memory, and no verdict is based on them: all of 2001 and most
  of 2002.

what is written:
  Every trial as soon as it ends, in OUT/trials: after Ctrl-C the same command goes on with the
  others, and more --trials add to those that are there. At the end OUT/results.json and results.md,
  which cover all that is in the folder, lag.png (experiment 2c: sequences against lag), for every
  row curves-ROW.png and, of LSTM, cells-ROW.png (cell states and gates over a sequence). The same
  --seed gives the same results whatever --jobs.

exit code: 0; 2 for unusable input; 130 after Ctrl-C, with the table of the trials that have ended.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _add_demo(commands: Any) -> None:
    parser = add_command(
        commands,
        "demo",
        _demo,
        help="pylstm stream on a year of measured weather",
        description=demo.ABOUT,
    )
    parser.add_argument("--plot", metavar="OUT.png", help="picture, see pylstm stream --help")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the starting weights")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def _add_reproduce(commands: Any) -> None:
    parser = add_command(
        commands,
        "reproduce",
        _reproduce,
        help="the experiments of the papers of 1997 to 2002, beside their figures",
        description=REPRODUCE_HELP,
        epilog=REPRODUCE_EXAMPLES,
    )
    add = parser.add_argument
    add(
        "rows",
        metavar="ROW",
        nargs="*",
        help="such as 6a, 2c for all of 2c, rtrl, or 2001; default 1997",
    )
    add("--list", action="store_true", help="show the rows and run nothing")
    add("--trials", metavar="N", type=int, help="trials of each reading; default: as in the paper")
    add("--jobs", metavar="J", type=int, default=-1, help="at once; default: as many as cores")
    add("--seed", metavar="S", type=int, default=0, help="default 0")
    add("--out", metavar="DIR", default="reproduction", help="default ./reproduction")
    add(
        "--readings",
        metavar="A,B,...",
        type=names_in,
        default=LABELS,
        help="of written, nearest, best, chosen; default all",
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
    add_stream(commands)
    add_detect(commands)
    _add_demo(commands)
    _add_reproduce(commands)
    add_truncation(commands)
    add_vanishing(commands)
    add_drive(commands)
    add_framing(commands)
    config = commands.add_parser("config", help="print what this installation computes with")
    config.set_defaults(run=_config)
    return parser


def _demo(args: argparse.Namespace) -> int:
    if args.plot:
        check_plot(args.plot)
    settings = demo.settings(args.seed)
    print(demo.ABOUT)
    print(f"The same as: pylstm stream {demo.DATA} --target {settings.target}", end=" ")
    season = ",".join(map(str, settings.season))
    print(f"--horizon {settings.horizon} --season {season}\n", flush=True)
    with Table(str(demo.DATA)) as table:
        session = open_session(table, asdict(settings))
        choose_columns(session, table)
        outcome = Job(session, table, bar=progress_bar(table, not args.no_progress)).run()
    code = report_outcome(session, outcome, vars(args), sys.stdout)
    if code == 0:
        below = f"{worst_skill(session):.1%}, stated: at least {demo.STATED_SKILL:.0%}"
        print(f"\nafter the first tenth, MAE below that of the better baseline by {below}")
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
        Exit code: 0; 2 for unusable input, with one sentence on standard error; 130 after
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
        return CLOSED
    return code
