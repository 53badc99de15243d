"""The command line: ``python -m bench [NAME ...]``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from bench.threads import THREAD_VARIABLES, available_threads

__all__ = ["main"]

#: What has options of its own.
APART = {
    "streams": "bench.streams.__main__",
    "anomalies": "bench.anomalies.__main__",
    "bank": "bench.bank",
    "chapter": "bench.chapter.__main__",
    "programs": "bench.programs",
    "endless": "bench.endless",
    "kills": "bench.kills",
    "tables": "bench.tables",
    "fuzz": "bench.fuzz.__main__",
    "race": "bench.racing",
    "versions": "bench.versions",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure pylstm and its peers; tables on the screen, everything into files.",
        epilog=f"With options of their own: python -m bench {', '.join(APART)}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="measurements, default all")
    parser.add_argument("--list", action="store_true", help="name the measurements and stop")
    parser.add_argument(
        "--targets", action="store_true", help="measure what the targets need, and judge them"
    )
    parser.add_argument("--quick", action="store_true", help="short repeats, up to 256 cells")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/bench"),
        metavar="DIR",
        help="folder for NAME.json, NAME.md, pictures as .png and .svg, default %(default)s",
    )
    parser.add_argument(
        "--yardsticks", type=Path, metavar="DIR", help="folder with source_major.c, a C prototype"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=available_threads(),
        help="of pylstm, BLAS and the peers, default the cores there are, %(default)s",
    )
    parser.add_argument("--largest", type=int, metavar="CELLS", help="sizes up to this one")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements named; 0, or 1 when one of them computes something wrong."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given and given[0] in APART:
        return int(import_module(APART[given[0]]).main(given[1:]))
    parser = _parser()
    args = parser.parse_args(given)
    if args.threads < 1:
        parser.error(f"--threads is {args.threads}, wanted at least 1")
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(args.threads)
    from bench.machine import header
    from bench.measurements import MEASUREMENTS
    from bench.reference import Mismatch
    from bench.report import Result, save, text
    from bench.settings import Settings
    from bench.targets import judge, needed
    from bench.threads import tell_threads

    if args.list:
        for name, measure in MEASUREMENTS.items():
            print(f"{name:12}{(measure.__doc__ or '').splitlines()[0]}")
        return 0
    unknown = [name for name in args.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {unknown[0]!r}, choose from {', '.join(MEASUREMENTS)}")
    changes = {"threads": args.threads, "yardsticks": args.yardsticks}
    if args.largest or args.quick:
        changes["largest"] = args.largest or 256
    settings = Settings.short(**changes) if args.quick else Settings(**changes)
    names = args.names or [name for name in MEASUREMENTS if not args.targets or name in needed()]
    head = header(settings, given)
    print("\n".join(f"{key:16} {value}" for key, value in head.items()))
    tell_threads(settings.threads)
    start = time.perf_counter()

    def report(name: str, result: Result) -> None:
        paths = save(name, result, head, args.out)
        print(f"\n## {name}\n\n{text(result)}\n", flush=True)
        written = ", ".join(map(str, paths))
        print(f"{written}: after {time.perf_counter() - start:.0f} s", file=sys.stderr)

    records = {}
    for name in names:
        try:
            result = MEASUREMENTS[name](settings)
        except Mismatch as mismatch:
            print(f"{name}: {mismatch}; nothing was timed", file=sys.stderr)
            return 1
        records[name] = result.records
        report(name, result)
    if args.targets or not args.names:
        report("targets", judge(records))
    return 0


if __name__ == "__main__":
    sys.exit(main())
