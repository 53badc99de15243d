"""The command line: ``python -m bench fuzz``.

Changed files are tried in child processes, a batch in each: one that dies tells which file it was.
Every file follows from --seed and its number, so that ``--seed S --only N`` is it again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pylstm
from bench.fuzz.files import take_apart
from bench.fuzz.mutations import mutate
from bench.fuzz.seeds import honest_objects
from bench.fuzz.trial import Seed, measured_load, try_file

__all__ = ["main"]

BATCH = 500
LONGEST_TRIAL = 20  # seconds
MEMORY = 1 << 30  # bytes that using an object may take beside what the process has


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=3000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default %(default)s")
    parser.add_argument("--only", type=int, metavar="N", help="file number N alone, and what it is")
    parser.add_argument("--match", default="", help="honest files whose name has this in it")
    parser.add_argument(
        "--guided",
        action="store_true",
        help="guided by coverage, which needs atheris; --files is how many",
    )
    return parser


def honest_files(folder: Path, match: str = "") -> list[Seed]:
    """Return the files that are changed, and what loading each takes."""
    seeds = []
    for name, thing in honest_objects():
        if match not in name:
            continue
        path = folder / "honest.safetensors"
        pylstm.save(thing, path)
        for _ in range(2):  # the first time imports what it needs
            result, peak = measured_load(path)
        if isinstance(result, Exception):
            raise result
        content = path.read_bytes()
        seeds.append(Seed(name, content, peak, take_apart(content)))
    return seeds


def changed(seeds: Sequence[Seed], seed: int, number: int) -> tuple[Seed, bytes, str]:
    """Return file `number`: of which honest file, its bytes, how it differs."""
    rng = random.Random(f"{seed}-{number}")
    honest = seeds[number % len(seeds)]
    content, said = mutate(honest.content, rng, honest.parts)
    return honest, content, f"{honest.name}; {said}"


def _try_batch(seeds: Sequence[Seed], seed: int, numbers: range, folder: Path, out: int) -> None:
    """In a child: a line of JSON before and after each file."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    path = folder / f"{os.getpid()}.safetensors"
    with os.fdopen(out, "w", buffering=1) as pipe:
        for number in numbers:
            print(number, file=pipe)
            signal.alarm(LONGEST_TRIAL)
            honest, content, said = changed(seeds, seed, number)
            verdict = try_file(content, honest, path)
            print(json.dumps([number, said, vars(verdict)]), file=pipe)
    path.unlink()


def _in_a_child(
    seeds: Sequence[Seed], seed: int, numbers: range, folder: Path
) -> tuple[list[list[object]], int | None, int]:
    """Verdicts of a batch; the number of the file the child died of, and of what."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            _try_batch(seeds, seed, numbers, folder, write)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        lines = [json.loads(line) for line in pipe]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    verdicts = [line for line in lines if isinstance(line, list)]
    last = lines[-1] if lines else numbers.start
    return verdicts, (last if isinstance(last, int) else last[0]) if status else None, status


def main(arguments: Sequence[str] | None = None) -> int:
    """Try changed files; 0, or 1 when one of them was a violation."""
    args = _parser().parse_args(arguments)
    in_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=in_memory) as name:
        folder = Path(name)
        seeds = honest_files(folder, args.match)
        print(f"{len(seeds)} honest files, {sum(len(s.content) for s in seeds):,} bytes")
        if args.guided:
            from bench.fuzz.guided import run_guided

            return run_guided(seeds, args.files, args.seed, folder)
        if args.only is not None:
            honest, content, said = changed(seeds, args.seed, args.only)
            print(said.encode("ascii", "backslashreplace").decode(), flush=True)
            verdict = try_file(content, honest, folder / "changed.safetensors")
            print(verdict)
            return bool(verdict.wrong)
        return _run(seeds, args.seed, args.files, folder)


def _run(seeds: Sequence[Seed], seed: int, n_files: int, folder: Path) -> int:
    start, outcomes, n_wrong = time.perf_counter(), Counter[str](), 0
    longest, highest, next_number = 0, 0.0, 0

    def tell(number: int, problem: str, said: str) -> None:
        line = f"WRONG --seed {seed} --only {number}: {problem} <- {said}"
        print(line.encode("ascii", "backslashreplace").decode()[:600], flush=True)

    while next_number < n_files:
        numbers = range(next_number, min(next_number + BATCH, n_files))
        verdicts, died_of, status = _in_a_child(seeds, seed, numbers, folder)
        next_number = numbers.stop
        for number, said, verdict in verdicts:
            outcomes[verdict["outcome"]] += 1
            longest = max(longest, verdict["length"])
            highest = max(highest, verdict["ratio"])
            if verdict["wrong"]:
                n_wrong += 1
                tell(number, verdict["wrong"], said)
        if died_of is not None:
            *_, said = changed(seeds, seed, died_of)
            killed = "hung" if status == -signal.SIGALRM else f"ended with {status}"
            n_wrong += 1
            tell(died_of, f"the process {killed}", said)
            next_number = died_of + 1
        if next_number // 10_000 > numbers.start // 10_000:
            said = f"{next_number:,} files: {outcomes['loaded']:,} loaded, {n_wrong} violations"
            print(said, file=sys.stderr, flush=True)
    n_tried = sum(outcomes.values())
    print(f"{n_tried:,} changed files in {time.perf_counter() - start:.0f} s, seed {seed}")
    print(f"{outcomes['loaded']:>8,} loaded, and used")
    print(f"{n_tried - outcomes.pop('loaded', 0):>8,} refused; most often:")
    for kind, count in outcomes.most_common(25):
        print(f"{count:>8,} {kind}")
    print(f"longest message {longest}, memory at most {highest:.2f} of the honest file's")
    print(f"{n_wrong} violations")
    return bool(n_wrong)


if __name__ == "__main__":
    sys.exit(main())
