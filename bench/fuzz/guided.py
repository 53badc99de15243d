"""The same, guided by coverage: atheris keeps what reaches lines of the loader not reached before.

``pip install atheris``. Its corpus begins with the honest files and is thrown away afterwards.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from bench.fuzz.mutations import mutate
from bench.fuzz.trial import Seed, try_file

__all__ = ["run_guided"]

# Whose lines count as reached.
MODULES = [
    "checks", "copies", "delayed", "network", "optimizers", "population", "registry", "streams",
    *(f"checkpoint.{name}" for name in ("file", "refusing", "states")),
    *(f"estimators.{name}" for name in ("estimator", "features", "classifier", "forecaster")),
    *(f"schemas.{name}" for name in ("networks", "estimators", "adapters", "tabular", "baselines",
                                     "generators", "state")),
    *(f"tabular.{name}" for name in ("session", "kinds", "scores", "clock", "learners", "baselines",
                                     "earlier")),
    *(f"baselines.{name}" for name in ("learner", "method", "recurrent", "guessing")),
]  # fmt: skip


def run_guided(seeds: Sequence[Seed], n_files: int, seed: int, folder: Path) -> int:
    """Try `n_files` files in a child process; 0, or 1 when one of them was a violation."""
    try:
        import atheris
    except ModuleNotFoundError:
        print("--guided needs atheris: pip install atheris", file=sys.stderr)
        return 2
    corpus = folder / "corpus"
    corpus.mkdir()
    for k, honest in enumerate(seeds):
        (corpus / f"{k:03}").write_bytes(honest.content)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _fuzz(atheris, seeds, n_files, seed, folder)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kept = len(list(corpus.iterdir())) - len(seeds)
    for found in folder.glob("wrong-*"):
        kept_at = Path(found.name)
        kept_at.write_bytes(found.read_bytes())
        print(f"the file is {kept_at}")
    print(f"{n_files:,} files, {kept} of them reached something new; ended with {status}")
    return bool(status)


def _fuzz(atheris: Any, seeds: Sequence[Seed], n_files: int, seed: int, folder: Path) -> None:
    """In the child: does not return."""
    for function in _functions():
        atheris.instrument_func(function)
    peak, path = max(honest.peak for honest in seeds), folder / "tried.safetensors"

    def one(content: bytes) -> None:
        honest = Seed("guided", b"", peak, ({}, {}))
        verdict = try_file(content, honest, path)
        if verdict.wrong:
            raise AssertionError(verdict.wrong)

    def changed(content: bytes, most: int, number: int) -> bytes:
        try:
            content, _ = mutate(content, random.Random(f"{seed}-{number}"))
        except Exception:  # it is no checkpoint any more
            content = atheris.Mutate(content, most)
        return content[:most]

    longest = 2 * max(len(honest.content) for honest in seeds)
    options = [f"-runs={n_files}", f"-seed={seed + 1}", f"-max_len={longest}", "-timeout=20"]
    options += [f"-artifact_prefix={folder}/wrong-", "-rss_limit_mb=4096", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], one, custom_mutator=changed)
    atheris.Fuzz()


def _functions() -> Iterator[FunctionType]:
    """Every function and method of `MODULES`."""
    for name in MODULES:
        module = importlib.import_module(f"pylstm.{name}")
        for thing in list(vars(module).values()):
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if isinstance(thing, FunctionType):
                yield thing
            elif isinstance(thing, type):
                yield from (one for one in vars(thing).values() if isinstance(one, FunctionType))
