"""Tables changed by lot, through the command: ``python -m bench tables --files 100000``.

Every file is a small table of known numbers with changes of the kinds that real ones have: other
delimiters and decimal signs, marks of missing values, torn rows, bytes lost, times that go back,
repeated headers, blank lines. The command must read it as it was meant or say in one sentence, with
code 2, what is wrong; never anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

__all__ = ["main", "trouble_with"]

Rng = np.random.Generator


def _table(rng: Rng) -> tuple[list[list[str]], list[str]]:
    """Rows of cells, the header first, and options that fit."""
    n = int(rng.integers(0, 40))
    target = ["1.5", "x"][int(rng.random() < 0.2)]
    rows = [["when", "load", "wind", "flag"]]
    for t in range(n):
        load = f"{rng.normal():.{rng.integers(0, 4)}f}" if target != "x" else "abc"[rng.integers(3)]
        flag = ["true", "false"][rng.integers(2)]
        rows.append([f"2026-01-{1 + t // 24:02} {t % 24:02}:00", load, f"{rng.normal():.3f}", flag])
    options = ["--target", "load", "--cells", "2", "--optimizer", "sgd"]
    if rng.random() < 0.3:
        options += ["--time", "when"]
    if rng.random() < 0.2:
        options += ["--bad-rows", "skip"]
    if rng.random() < 0.1:
        options += ["--key", "flag"]
    if rng.random() < 0.1:
        options += ["--horizon", str(rng.integers(0, 4))]
    if rng.random() < 0.1:
        options += ["--missing", "?,-,-200"]
    return rows, options


def _place(rows: list[list[str]], rng: Rng) -> tuple[int, int]:
    row = int(rng.integers(len(rows)))
    return row, int(rng.integers(max(1, len(rows[row]))))


def _change_cell(rows: list[list[str]], rng: Rng) -> None:
    row, column = _place(rows, rng)
    cells = ["", "?", "-", "NA", "None", "inf", "1e400", "-200", "1,5", "1.234,5", "12,345", "\x00"]
    cells += ['"', "0x1f", "1_000", "٣", "Deg C", "2062-01-01", "24:00", "TRUE", " 7 ", "é" * 50]
    if rows[row]:
        rows[row][column] = str(rng.choice(cells))


def _tear_row(rows: list[list[str]], rng: Rng) -> None:
    row, column = _place(rows, rng)
    del rows[row][column:]


def _lengthen_row(rows: list[list[str]], rng: Rng) -> None:
    rows[_place(rows, rng)[0]].append("9")


def _repeat_row(rows: list[list[str]], rng: Rng) -> None:
    rows.insert(int(rng.integers(len(rows) + 1)), list(rows[_place(rows, rng)[0]]))


def _insert_row(rows: list[list[str]], rng: Rng) -> None:
    more = [["ts", "kW", "m/s", ""], [""], ["# note"], ["datetime", "float", "float", "bool"]]
    rows.insert(int(rng.integers(len(rows) + 1)), list(more[rng.integers(len(more))]))


def _swap_rows(rows: list[list[str]], rng: Rng) -> None:
    one, two = _place(rows, rng)[0], _place(rows, rng)[0]
    rows[one], rows[two] = rows[two], rows[one]


_CHANGES: list[Callable[[list[list[str]], Rng], None]] = [
    _change_cell,
    _change_cell,
    _tear_row,
    _lengthen_row,
    _repeat_row,
    _insert_row,
    _swap_rows,
]


def _written(rows: list[list[str]], rng: Rng) -> bytes:
    sign = str(rng.choice([",", ",", ",", ";", "\t", "|"]))
    end = str(rng.choice(["\n", "\n", "\r\n"]))
    if rng.random() < 0.15:
        rows = [[cell.replace(".", ",") for cell in row] for row in rows]
    lines = [sign.join(row) for row in rows]
    data = (end.join(lines) + (end if rng.random() < 0.9 else "")).encode()
    if rng.random() < 0.1:
        data = b"\xef\xbb\xbf" + data
    if rng.random() < 0.1 and data:
        at = int(rng.integers(len(data)))
        data = data[:at] + bytes(rng.integers(0, 256, 3, np.uint8)) + data[at + 1 :]
    if rng.random() < 0.05:
        data = data[: int(rng.integers(len(data) + 1))]
    return data


def trouble_with(seed: int, folder: Path) -> str:
    """Run the command on the table of a seed; return what is wrong with what it did, or nothing."""
    from pylstm.cli import main as pylstm

    rng = np.random.default_rng(seed)
    rows, options = _table(rng)
    for _ in range(rng.integers(0, 4)):
        _CHANGES[rng.integers(len(_CHANGES))](rows, rng)
    path = folder / "table.csv"
    path.write_bytes(_written(rows, rng))
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("error")
            code = pylstm(["stream", str(path), *options, "--no-progress"])
    except SystemExit as stop:
        code = stop.code
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    told = [line for line in err.getvalue().splitlines() if line.startswith("pylstm: ")]
    if code == 2:
        return "" if len(told) == 1 and not out.getvalue() else f"code 2 and {told}"
    if code != 0:
        return f"code {code}"
    if told:
        return f"code 0 and {told}"
    return "" if " after " in out.getvalue() else "no report"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try tables; 0, or 1 where one was met by anything but a report or a sentence."""
    parser = argparse.ArgumentParser(prog="python -m bench tables", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, metavar="N", help="%(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    args = parser.parse_args(arguments)
    start, n_wrong, n_files = time.perf_counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seed, args.seed + args.files):
            trouble = trouble_with(seed, Path(folder))
            n_files += 1
            if trouble:
                n_wrong += 1
                print(f"--seed {seed} --files 1: {trouble}", flush=True)
            if time.perf_counter() - start > args.seconds:
                break
    seconds = time.perf_counter() - start
    print(f"{n_files:,} tables in {seconds:.0f} s, {n_wrong:,} met by something else")
    return min(1, n_wrong)


if __name__ == "__main__":
    sys.exit(main())
