"""Random programs of every verb in every order: ``python -m bench programs``.

The machines of tests/machines go through programs of some forty calls each, in child processes of
some hundred programs, so that a crash and a hang are seen and their program named. A program is its
machine and its seed; one that fails is cut down to the calls it needs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.threads import available_threads

__all__ = ["main"]

CHUNK = 200  # programs a child
PATIENCE = 2.0  # seconds a program may take on the average of its child before it counts as hung
TESTS = str(Path(__file__).parents[1] / "tests")


def _parser(machines: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench programs",
        description="Random programs of calls; exits with 1 when one of them finds a fault.",
    )
    parser.add_argument(
        "--programs", type=int, default=1000, metavar="N", help="default %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first program of each machine")
    parser.add_argument("--machine", choices=machines, help="only this one, default all")
    parser.add_argument("--jobs", type=int, default=available_threads(), help="default %(default)s")
    parser.add_argument(
        "--calls", help="of one program, JSON: [[rule, seed], ...]; for repeating it"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser


# ---------------------------------------------------------------- in the child


def _play_all(name: str, seeds: range) -> None:
    """Play programs; a line of JSON each before it starts, for a fault, and at the end."""
    from machines import machine
    from machines.kit import Tally, cut_down, fails_alike, play, program_of

    kind, tally = machine(name), Tally()
    for seed in seeds:
        _tell({"seed": seed})
        violation, told = play(kind, seed)
        tally.add(told)
        if seed % 20 == 19:  # not all is lost when this process is
            _tell_tally(tally)
            tally = Tally()
        if violation is not None:
            fails = fails_alike(kind, seed, violation)
            calls = cut_down(program_of(kind, seed), fails)
            problem = play(kind, seed, calls)[0]
            _tell(_fault(name, seed, calls, f"{type(problem).__name__}: {problem}"))
    _tell_tally(tally)


def _repeat(name: str, seed: int, calls: list[Any]) -> int:
    """Play one program, whose calls are given, and show where it fails."""
    import traceback

    from machines import machine
    from machines.kit import play

    violation, _ = play(machine(name), seed, calls)
    if violation is not None:
        traceback.print_exception(violation)
    return int(violation is not None)


def _tell(record: dict[str, Any]) -> None:
    print(json.dumps(record), flush=True)


def _tell_tally(tally: Any) -> None:
    _tell({"tally": {kind: dict(counter) for kind, counter in vars(tally).items()}})


def _fault(name: str, seed: int, calls: list[Any], problem: str) -> dict[str, Any]:
    return {"machine": name, "seed": seed, "calls": calls, "problem": problem[:2000]}


# ---------------------------------------------------------------- the parent


def _child(*options: str, seconds: float) -> tuple[int, list[dict[str, Any]]]:
    """A child's exit code, minus the signal that ended it, and what it told."""
    command = [sys.executable, "-m", "bench", "programs", "--child", *options]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        code, told, errors = ran.returncode, ran.stdout, ran.stderr
    except subprocess.TimeoutExpired as late:
        code, told, errors = -9, (late.stdout or b"").decode(), "it hangs"
    records = [json.loads(line) for line in told.splitlines() if line.endswith("}")]
    if code:
        records.append({"errors": errors[-2000:]})
    return code, records


def _chunk(name: str, seeds: range) -> list[dict[str, Any]]:
    """What a child told of its programs; one that ended it is cut down, and the others follow."""
    told: list[dict[str, Any]] = []
    while seeds:
        options = ["--machine", name, "--seed", str(seeds.start), "--programs", str(len(seeds))]
        code, records = _child(*options, seconds=60 + PATIENCE * len(seeds))
        told += records
        if not code:
            break
        at = max((record["seed"] for record in records if set(record) == {"seed"}), default=None)
        if at is None:  # it never began
            told.append(_fault(name, seeds.start, [], records[-1]["errors"]))
            break
        told.append(_crash(name, at, code))
        seeds = range(at + 1, seeds.stop)
    return told


def _crash(name: str, seed: int, code: int) -> dict[str, Any]:
    from machines import machine
    from machines.kit import cut_down, program_of

    def fails(calls: list[Any]) -> bool:
        options = ["--machine", name, "--seed", str(seed), "--calls", json.dumps(calls)]
        return _child(*options, seconds=60)[0] < 0

    calls = program_of(machine(name), seed)
    return _fault(name, seed, cut_down(calls, fails), f"the process ended with {code}")


def _chunks(names: Sequence[str], n_programs: int, seed: int) -> Iterator[tuple[str, range]]:
    """The programs, shared equally among machines."""
    each = -(-n_programs // len(names))
    for start in range(0, each, CHUNK):
        for name in names:
            yield name, range(seed + start, seed + min(start + CHUNK, each))


def _show(told: list[dict[str, Any]], seconds: float, say: Callable[[str], None]) -> int:
    """Print what was done and found; 1 if something was."""
    from machines.kit import Tally

    tally = Tally()
    for record in told:
        for kind, counts in record.get("tally", {}).items():
            getattr(tally, kind).update(counts)
    for kind, counts in vars(tally).items():
        say(f"\n{kind}, {sum(counts.values()):,}:")
        for name, count in sorted(counts.items()):
            say(f"  {name:40} {count:10,}")
    faults = [record for record in told if "problem" in record]
    n_programs = sum(tally.programs.values())
    say(f"\n{n_programs:,} programs in {seconds:.0f} s, {len(faults)} of them failed")
    for fault in faults:
        say(f"\n{fault['machine']}, seed {fault['seed']}: {fault['problem']}\n  repeat by")
        say(
            f"  python -m bench programs --machine {fault['machine']} --seed {fault['seed']} "
            f"--calls '{json.dumps(fault['calls'])}'"
        )
    return int(bool(faults))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the programs asked for; 0, or 1 when one of them finds a fault."""
    sys.path.insert(0, TESTS)
    from machines import MACHINES

    args = _parser(list(MACHINES)).parse_args(arguments)
    if args.calls:
        return _repeat(args.machine, args.seed, json.loads(args.calls))
    if args.child:
        _play_all(args.machine, range(args.seed, args.seed + args.programs))
        return 0
    names = [args.machine] if args.machine else list(MACHINES)
    start = time.perf_counter()
    told: list[dict[str, Any]] = []
    with ThreadPoolExecutor(args.jobs) as pool:
        chunks = list(_chunks(names, args.programs, args.seed))
        for done, records in enumerate(pool.map(lambda chunk: _chunk(*chunk), chunks), start=1):
            told += records
            faults = sum("problem" in record for record in told)
            print(f"\r{done} of {len(chunks)} chunks, {faults} faults", end="", file=sys.stderr)
    print(file=sys.stderr)
    return _show(told, time.perf_counter() - start, print)
