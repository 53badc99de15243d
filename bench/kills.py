"""Streams killed and ended in every way, and gone on with: ``python -m bench kills``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.killing import WAYS_OUT, end_and_resume, kill_and_resume

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill and end streams; 0, or 1 where something of what was learned or predicted is lost."""
    parser = argparse.ArgumentParser(prog="python -m bench kills", description=__doc__)
    add = parser.add_argument
    add("--kills", type=int, default=300, metavar="N", help="kill -9, default %(default)s")
    add("--others", type=int, default=100, metavar="N", help="of each other way, default 100")
    add("--rows", type=int, default=3000, metavar="N", help="rows of the table, default 3000")
    add("--seed", type=int, default=0, metavar="S", help="default 0")
    args = parser.parse_args(arguments)
    n_wrong, start = 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        kills = Path(folder, "kills")
        kills.mkdir()
        if args.kills:
            outcome = kill_and_resume(kills, args.kills, args.rows, seed=args.seed)
            n_wrong += outcome.same.count(False)
            print(
                f"kill -9: {len(outcome.rows)} times, {sum(left > 0 for left in outcome.left)} in "
                f"the middle of a save; {len(outcome.same)} ends, {sum(outcome.same)} with the "
                f"same bits; after {time.perf_counter() - start:.0f} s",
                flush=True,
            )
        for way in WAYS_OUT:
            if not args.others:
                break
            place = Path(folder, way)
            place.mkdir()
            found = end_and_resume(place, way, args.others, args.rows, args.seed)
            wrong = [one for one in found if one]
            n_wrong += len(wrong)
            print(
                f"{way}: {len(found)} times, {len(found) - len(wrong)} with the same bits; after "
                f"{time.perf_counter() - start:.0f} s",
                flush=True,
            )
            for one in wrong[:3]:
                print(f"  {one}")
    return min(1, n_wrong)


if __name__ == "__main__":
    sys.exit(main())
