"""``pylstm vanishing`` and ``pylstm truncation``: options, tables printed, files written."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pylstm
from pylstm.analysis import pictures
from pylstm.analysis.sensitivity import Study, study
from pylstm.analysis.truncation import Comparison, Course, along_learning
from pylstm.analysis.vanishing import largest_factor, products
from pylstm.errors import InputError
from pylstm.experiments import LABELS, select
from pylstm.experiments.reproduce import need
from pylstm.files import written_whole

__all__ = ["add_truncation", "add_vanishing"]

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
  Angle in degrees and norm (that of the exact gradient is 1), of the gradients of each parameter and
  of all "hidden" ones together, summed over a fixed set of sequences; beyond 90 degrees a step along
  the truncated gradient goes uphill. "-" where there is none, because a gradient is 0 or the net has
  diverged. Then the learning curves: means over the block of sequences before.

what is written, into --out:
  truncation-ROW.png   angles, norms and learning curves
  truncation-ROW.json  all the numbers

exit code: 0; 2 for unusable input; 130 after Ctrl-C, with nothing written.
"""

_LAGS = (1, 5, 10, 20, 50, 90)


def add_vanishing(commands: Any) -> None:
    """Add ``pylstm vanishing`` to the commands of a parser."""
    parser = commands.add_parser(
        "vanishing",
        help="how far back plain nets and LSTM feel their inputs, as pictures",
        description=VANISHING_HELP,
        epilog=VANISHING_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=_vanishing)
    _add_common(parser, "vanishing")


def add_truncation(commands: Any) -> None:
    """Add ``pylstm truncation`` to the commands of a parser."""
    parser = commands.add_parser(
        "truncation",
        help="the truncated gradient beside the exact one, while a task is learned",
        description=TRUNCATION_HELP,
        epilog=TRUNCATION_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=_truncation)
    add = parser.add_argument
    add("row", metavar="ROW", help="such as 6a, see pylstm reproduce --list; 4 is the first of 4")
    add("--reading", choices=LABELS, default="written", help="of the row; default written")
    add("--sequences", metavar="N", type=_whole(1), default=20_000, help="default 20000")
    add("--blocks", metavar="B", type=_whole(1), default=50, help="points of a curve; default 50")
    add("--compared", metavar="C", type=_whole(1), default=100,
        help="sequences the compared gradients are summed over; default 100")  # fmt: skip
    add("--no-progress", action="store_true", help="no progress bar")
    _add_common(parser, "truncation")


def _add_common(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument("--out", metavar="DIR", default=folder, help=f"default ./{folder}")
    parser.add_argument("--seed", metavar="S", type=_whole(0), default=0, help="default 0")
    parser.add_argument("--no-plots", action="store_true", help="no pictures")


def _whole(low: int) -> Any:
    """Reader of whole numbers from low on."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(
                f"{text!r} given, wanted a whole number of at least {low}"
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


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """A table: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        f"{first:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        for first, *cells in lines
    )


# ---------------------------------------------------------------- vanishing


def _vanishing(args: argparse.Namespace) -> int:
    folder = _make_folder(args.out, not args.no_plots)
    found = study(args.seed)
    print(_vanishing_text(found))
    written = [_write_json(folder / "vanishing.json", _vanishing_tree(found))]
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


def _vanishing_text(found: Study) -> str:
    lines = [["|dy(T)/dx(T-k)| relative to k = 0", *(f"k = {k}" for k in _LAGS)]]
    for name, of_net in found.by_lag.items():
        lines.append(
            [pictures.label(name, found), *(f"{of_net[k] / of_net[0]:.1e}" for k in _LAGS)]
        )
    of_unit = [["one unit: the error left after k steps", *(f"k = {k}" for k in _LAGS)]]
    for kind, weights in pictures.WEIGHTS.items():
        for w in weights:
            left = products(w, kind, pictures.N_STEPS)
            of_unit.append([f"{kind}, w = {w}", *(f"{left[k]:.1e}" for k in _LAGS)])
    return f"{_aligned(lines)}\n\n{_aligned(of_unit)}"


def _vanishing_tree(found: Study) -> dict[str, Any]:
    shading = found.shading
    return {
        "seed": found.seed,
        "n_learned": found.n_learned,
        "sensitivity_by_lag": {name: of_net.tolist() for name, of_net in found.by_lag.items()},
        "shading": {
            "symbols": shading.symbols,
            "step": shading.step,
            **{
                name: {part: rows.tolist() for part, rows in getattr(shading, name).items()}
                for name in ("plain", "lstm", "gates")
            },
        },
        "products": {
            kind: {f"{w:g}": products(w, kind, pictures.N_STEPS).tolist() for w in weights}
            for kind, weights in pictures.WEIGHTS.items()
        },
        "largest_factor": {
            kind: dict(zip(("w", "factor"), largest_factor(1.0, kind), strict=True))
            for kind in ("logistic", "tanh")
        },
    }


# ---------------------------------------------------------------- truncation


def _truncation(args: argparse.Namespace) -> int:
    row, *_ = select([args.row])
    reading = row.reading(args.reading)
    if reading is None:
        labels = ", ".join(reading.label for reading in row.readings)
        raise InputError(f"reading {args.reading!r} of row {row.name} given, wanted {labels}")
    folder = _make_folder(args.out, not args.no_plots)
    with _bar(args.sequences, not args.no_progress) as on_progress:
        course = along_learning(
            row, reading, args.sequences, args.blocks, args.compared, args.seed, on_progress
        )
    print(_truncation_text(course))
    name = f"truncation-{row.name}"
    written = [_write_json(folder / f"{name}.json", _truncation_tree(course))]
    if not args.no_plots:
        picture = folder / f"{name}.png"
        written.append(pictures.save(picture, pictures.draw_course, course, size=(10, 6.5)))
    print(f"\nin {args.out}: {', '.join(path.name for path in written)}")
    return 0


@contextmanager
def _bar(total: int, wanted: bool) -> Iterator[Callable[[int], None] | None]:
    """Give a function to be told how far it is, where somebody is looking."""
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    need("tqdm", "the progress bar", "--no-progress")
    from tqdm import tqdm

    with tqdm(total=total, unit=" sequences", leave=False) as bar:
        yield lambda n: bar.update(n - bar.n)


def _truncation_text(course: Course) -> str:
    """Some ten lines of each table."""
    last = len(course.seen) - 1
    shown = sorted({round(k * last / 10) for k in range(11)})
    groups = list(course.comparisons[0])
    angles = [["sequences", *groups]]
    curves = [["sequences", "error, truncated", "exact", "wrong, truncated", "exact"]]
    for k in shown:
        seen = f"{course.seen[k]:,}"
        of_groups = course.comparisons[k] if k < len(course.comparisons) else {}
        angles.append([seen, *(_angle_and_norm(of_groups.get(group)) for group in groups)])
        if k > 0:
            of_curves = [
                f"{curve[k - 1]:.3f}" if k <= len(curve) else "-"
                for curves_of in (course.error, course.wrong)
                for curve in curves_of.values()
            ]
            curves.append([seen, *of_curves])
    head = "angle between truncated and exact gradient, norm of the truncated one (exact = 1)"
    return f"{head}\n{_aligned(angles)}\n\nlearning curves\n{_aligned(curves)}"


def _angle_and_norm(of_group: Comparison | None) -> str:
    if of_group is None:
        return "-"
    angle, ratio = of_group
    return " ".join(
        "-" if math.isnan(value) else text
        for value, text in ((angle, f"{angle:.1f}"), (ratio, f"{ratio:.2f}"))
    )


def _truncation_tree(course: Course) -> dict[str, Any]:
    def by_group(field: str) -> dict[str, list[float | None]]:
        return {
            group: [_number(getattr(at[group], field)) for at in course.comparisons]
            for group in course.comparisons[0]
        }

    return {
        "row": course.row,
        "reading": course.reading,
        "seed": course.seed,
        "n_compared": course.n_compared,
        "sequences": course.seen,
        "angle": by_group("angle"),
        "ratio": by_group("ratio"),
        "error": course.error,
        "wrong": course.wrong,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
