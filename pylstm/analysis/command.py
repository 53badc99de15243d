"""``pylstm vanishing``: its options, the table it prints and the files it writes."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pylstm
from pylstm.analysis import pictures
from pylstm.analysis.sensitivity import Study, study
from pylstm.analysis.vanishing import largest_factor, products
from pylstm.errors import InputError
from pylstm.experiments.reproduce import need
from pylstm.files import written_whole

__all__ = ["add_vanishing"]

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
