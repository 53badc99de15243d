"""``pylstm vanishing``, ``truncation``, ``drive``, ``framing``: what is asked, what is written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pylstm
from pylstm.analysis import pictures
from pylstm.analysis.drive import drive_along_learning
from pylstm.analysis.framing import KINDS, Framing, study_framings
from pylstm.analysis.sensitivity import study
from pylstm.analysis.tables import (
    drive_text,
    drive_tree,
    framing_text,
    framing_tree,
    truncation_text,
    truncation_tree,
    vanishing_text,
    vanishing_tree,
)
from pylstm.analysis.truncation import along_learning
from pylstm.commands import add_command
from pylstm.errors import InputError, brief
from pylstm.experiments import LABELS, Reading, Row, select
from pylstm.experiments.reproduce import need
from pylstm.files import written_whole

__all__ = ["add_drive", "add_framing", "add_truncation", "add_vanishing"]

VANISHING_HELP = """\
How far back a recurrent net feels its inputs, computed from exact derivatives: |dy(T)/dx(T-k)| of
plain recurrent nets and of LSTM, at the start and after learning, over sequences of the paper's
experiment 6a; and the product of the factors f'(net) w by which an error shrinks or grows on its
way back through one unit (Hochreiter & Schmidhuber 1997, section 3.1)."""

VANISHING_EXAMPLES = """\
what is written, into --out:
  lags.png       sensitivity of the outputs at the end to the input k steps before
  shading.png    sensitivity of every unit to one input, and the gates, over a sequence
  factors.png    one unit: products of factors against k, and one factor against w
  vanishing.json all the numbers

exit code: 0; 2 for unusable input.
"""

TRUNCATION_HELP = """\
What truncation costs: a row of the experiment table learned by the truncated gradient and by the
exact one, backpropagation through time, from the same weights and on the same sequences; and on the
way the angle between the two gradients and their norms, of the net that learns by the truncated
one."""

TRUNCATION_EXAMPLES = """\
examples:
  pylstm truncation 6a
      temporal order, 20,000 sequences, well under a minute
  pylstm truncation 4-1 --reading nearest --sequences 100000 --blocks 100
      the adding problem with the network that solves it

what is printed:
  Angle in degrees and norm (that of the exact gradient is 1), of the gradients of each parameter
  and of all "hidden" ones together, summed over a fixed set of sequences; beyond 90 degrees a step
  along the truncated gradient goes uphill. "-" where there is none, because a gradient is 0 or the
  net has diverged. Then the learning curves: means over the block of sequences before.

what is written, into --out:
  truncation-ROW.png   angles, norms and learning curves
  truncation-ROW.json  all the numbers

exit code: 0; 2 for unusable input; 130 after Ctrl-C, with nothing written.
"""


DRIVE_HELP = """\
The constant drive of cell inputs, while a row of the experiment table is learned: a bias of the
cell input, or gates among its sources, add the same to the state at every step, and the gain of the
loop from the error through those weights back to the output grows with the square of the length.
Above 2 a step overshoots, and the weights of a block end where none has a gradient."""

DRIVE_EXAMPLES = """\
examples:
  pylstm drive 4-2
      the adding problem over 500 steps as written, beside the reading that learns it
  pylstm drive 2c-1 --readings written,nearest --sequences 5000

what is printed, of every reading:
  error           mean absolute error over the training sequences before
  share of drive  of the cell states at the end of a sequence, mean over cells
  gain            of one step of the learning rate, over weights of cell inputs from bias and gates
                  (drive), all others of the hidden layer, and those of the outputs
  block           drive of its cells at the end of a sequence, norm of its weights to the outputs

what is written, into --out:
  drive-ROW.png   all of it, a row a reading
  drive-ROW.json  all the numbers

exit code: 0; 2 for unusable input; 130 after Ctrl-C, with nothing written.
"""

FRAMING_HELP = """\
How far back a trained net feels the samples of a signal, against how they were preprocessed:
several samples side by side a step, their mean (decimation behind a low-pass filter), or the last
of them (decimation alone). What is far in samples is near in steps then (Graves 2012, section 4.2).
A plain recurrent net and an LSTM learn the same signals, two classes told by their first samples;
then |dy(T)/du|, by the exact derivatives of the outputs at the end by every sample."""

FRAMING_EXAMPLES = """\
examples:
  pylstm framing
      100 samples, the first 10 tell, read one by one, by 5 and by 20; a few seconds
  pylstm framing --samples 500 --information 50 --sizes 1,10,50

what is printed, of every net and framing:
  learned after   training sequences after which 1000 in a row had been answered rightly
  wrong           share of the last 1000
  reach           within how many of the last samples 90 % of the sensitivity lies, and of the steps

what is written, into --out:
  framing.png     the sensitivity against how long ago a sample was
  framing.json    all the numbers

exit code: 0; 2 for unusable input; 130 after Ctrl-C, with nothing written.
"""


def add_vanishing(commands: Any) -> None:
    """Add ``pylstm vanishing`` to the commands of a parser."""
    parser = add_command(
        commands,
        "vanishing",
        _vanishing,
        help="how far back plain nets and LSTM feel their inputs, as pictures",
        description=VANISHING_HELP,
        epilog=VANISHING_EXAMPLES,
    )
    _add_common(parser, "vanishing")


def add_truncation(commands: Any) -> None:
    """Add ``pylstm truncation`` to the commands of a parser."""
    parser = add_command(
        commands,
        "truncation",
        _truncation,
        help="the truncated gradient beside the exact one, while a task is learned",
        description=TRUNCATION_HELP,
        epilog=TRUNCATION_EXAMPLES,
    )
    add = parser.add_argument
    add("row", metavar="ROW", help="such as 6a, see pylstm reproduce --list; 4 is the first of 4")
    add("--reading", choices=LABELS, default="written", help="of the row; default written")
    add(
        "--sequences", metavar="N", type=_whole_number_from(1), default=20_000, help="default 20000"
    )
    add(
        "--blocks",
        metavar="B",
        type=_whole_number_from(1),
        default=50,
        help="points of a curve; default 50",
    )
    add("--compared", metavar="C", type=_whole_number_from(1), default=100,
        help="sequences the compared gradients are summed over; default 100")  # fmt: skip
    add("--no-progress", action="store_true", help="no progress bar")
    _add_common(parser, "truncation")


def add_drive(commands: Any) -> None:
    """Add ``pylstm drive`` to the commands of a parser."""
    parser = add_command(
        commands,
        "drive",
        _drive,
        help="how a constant drive of cell inputs keeps a task from being learned",
        description=DRIVE_HELP,
        epilog=DRIVE_EXAMPLES,
    )
    add = parser.add_argument
    add("row", metavar="ROW", help="such as 4-2, see pylstm reproduce --list; 4 is the first of 4")
    add("--readings", metavar="A,B,...", default="written,nearest",
        help="of the row; default written,nearest")  # fmt: skip
    add("--sequences", metavar="N", type=_whole_number_from(1), default=2000, help="default 2000")
    add("--points", metavar="P", type=_whole_number_from(1), default=20,
        help="how often to look; default 20")  # fmt: skip
    add("--no-progress", action="store_true", help="no progress bar")
    _add_common(parser, "drive")


def add_framing(commands: Any) -> None:
    """Add ``pylstm framing`` to the commands of a parser."""
    parser = add_command(
        commands,
        "framing",
        _framing,
        help="how far back in samples nets feel, by how many of them a step reads",
        description=FRAMING_HELP,
        epilog=FRAMING_EXAMPLES,
    )
    add = parser.add_argument
    add("--samples", metavar="N", type=_whole_number_from(1), default=100,
        help="a sequence, to a tenth more; default 100")  # fmt: skip
    add("--information", metavar="N", type=_whole_number_from(1), default=10,
        help="first samples, which tell the class; default 10")  # fmt: skip
    add("--sizes", metavar="A,B,...", type=_sizes, default=(1, 5, 20),
        help="samples a step; default 1,5,20")  # fmt: skip
    add("--sequences", metavar="N", type=_whole_number_from(1000), default=20_000,
        help="to learn from at most; default 20000")  # fmt: skip
    _add_common(parser, "framing")


def _sizes(text: str) -> tuple[int, ...]:
    """Whole numbers from 1 on, parted by commas."""
    return tuple(_whole_number_from(1)(word) for word in text.split(","))


def _add_common(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument("--out", metavar="DIR", default=folder, help=f"default ./{folder}")
    parser.add_argument(
        "--seed", metavar="S", type=_whole_number_from(0), default=0, help="default 0"
    )
    parser.add_argument("--no-plots", action="store_true", help="no pictures")


def _whole_number_from(low: int) -> Any:
    """Reader of whole numbers from low on."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(
                f"{brief(text)} given, wanted a whole number of at least {low}"
            )
        return int(text)

    return read


def _make_folder(path: str, plots: bool) -> Path:
    """Make the folder; say now, not at the end, what will be in the way."""
    if plots:
        need("matplotlib", "plotting", "--no-plots")
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {path}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write into {path}: the folder is not writable")
    return folder


def _write_json(path: Path, tree: dict[str, Any]) -> Path:
    with written_whole(path) as temporary:
        text = json.dumps({"pylstm": pylstm.__version__, **tree}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


# ---------------------------------------------------------------- vanishing


def _vanishing(args: argparse.Namespace) -> int:
    folder = _make_folder(args.out, not args.no_plots)
    found = study(args.seed)
    print(vanishing_text(found))
    written = [_write_json(folder / "vanishing.json", vanishing_tree(found))]
    if not args.no_plots:
        written += [
            pictures.save(folder / "lags.png", pictures.draw_lags, found, size=(9, 6)),
            pictures.save(
                folder / "shading.png", pictures.draw_shading, found.shading, size=(10, 7)
            ),
            pictures.save(folder / "factors.png", pictures.draw_factors, size=(10, 7)),
        ]
    print(f"\nin {args.out}: {', '.join(path.name for path in written)}")
    return 0


# ---------------------------------------------------------------- truncation


def _reading_of(row: Row, label: str) -> Reading:
    reading = row.reading(label)
    if reading is None:
        labels = ", ".join(reading.label for reading in row.readings)
        raise InputError(f"reading {brief(label)} of row {row.name} given, wanted {labels}")
    return reading


def _truncation(args: argparse.Namespace) -> int:
    row, *_ = select([args.row])
    reading = _reading_of(row, args.reading)
    folder = _make_folder(args.out, not args.no_plots)
    print(f"{row.name} {reading.label}: {row.what}; seed {args.seed}\n", flush=True)
    with _progress_bar(args.sequences, not args.no_progress) as on_progress:
        course = along_learning(
            row, reading, args.sequences, args.blocks, args.compared, args.seed, on_progress
        )
    print(truncation_text(course))
    name = f"truncation-{row.name}"
    written = [_write_json(folder / f"{name}.json", truncation_tree(course))]
    if not args.no_plots:
        picture = folder / f"{name}.png"
        written.append(pictures.save(picture, pictures.draw_course, course, size=(9, 6)))
    print(f"\nin {args.out}: {', '.join(path.name for path in written)}")
    return 0


# ---------------------------------------------------------------- drive


def _drive(args: argparse.Namespace) -> int:
    row, *_ = select([args.row])
    readings = [_reading_of(row, label) for label in args.readings.split(",")]
    folder = _make_folder(args.out, not args.no_plots)
    courses = []
    for reading in readings:
        differs = f": {reading.differs}" if reading.differs else ""
        print(f"{row.name} {reading.label}{differs}; seed {args.seed}\n", flush=True)
        with _progress_bar(args.sequences, not args.no_progress) as on_progress:
            course = drive_along_learning(
                row, reading, args.sequences, args.points, seed=args.seed, on_progress=on_progress
            )
        print(f"{drive_text(course)}\n")
        courses.append(course)
    name = f"drive-{row.name}"
    written = [_write_json(folder / f"{name}.json", drive_tree(courses))]
    if not args.no_plots:
        size = (15, 3.2 * len(courses) + 0.4)
        written.append(
            pictures.save(folder / f"{name}.png", pictures.draw_drive, courses, size=size)
        )
    print(f"in {args.out}: {', '.join(path.name for path in written)}")
    return 0


# ---------------------------------------------------------------- framing


def _framing(args: argparse.Namespace) -> int:
    if args.information > args.samples:
        raise InputError(
            f"--information {args.information} given of --samples {args.samples}, wanted at most "
            "all of them"
        )
    folder = _make_folder(args.out, not args.no_plots)
    found = study_framings(
        [Framing(kind, n) for n in args.sizes for kind in (KINDS if n > 1 else KINDS[:1])],
        args.samples,
        args.information,
        args.seed,
        at_most=args.sequences,
    )
    print(framing_text(found))
    written = [_write_json(folder / "framing.json", framing_tree(found))]
    if not args.no_plots:
        picture = folder / "framing.png"
        written.append(pictures.save(picture, pictures.draw_framings, found, size=(11, 5)))
    print(f"\nin {args.out}: {', '.join(path.name for path in written)}")
    return 0


@contextmanager
def _progress_bar(total: int, wanted: bool) -> Iterator[Callable[[int], None] | None]:
    """Give a function to be told how far it is, where somebody is looking."""
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    need("tqdm", "the progress bar", "--no-progress")
    from tqdm import tqdm

    with tqdm(total=total, unit=" sequences", leave=False) as bar:
        yield lambda n: bar.update(n - bar.n)
