"""One file: loaded or refused, used, and what is wrong with either."""

from __future__ import annotations

import re
import time
import tracemalloc
import warnings
from dataclasses import dataclass
from pathlib import Path

import pylstm
from bench.fuzz.exercise import exercise
from bench.fuzz.mutations import Parts
from pylstm.checkpoint import CheckpointError

__all__ = ["Seed", "Verdict", "measured_load", "try_file"]

LONGEST = 300  # characters of a message
LONGEST_LOAD = 2.0  # seconds
# Bytes an error and a description of the file may take beside what the honest file needs.
SLACK = 1 << 17


@dataclass
class Seed:
    """An honest file, and what loading it takes."""

    name: str
    content: bytes
    peak: int
    parts: Parts


@dataclass
class Verdict:
    """What became of a file; `wrong`: a violation, in words, or nothing."""

    outcome: str
    length: int = 0
    ratio: float = 0.0
    wrong: str = ""


def measured_load(path: Path) -> tuple[object, int]:
    """Load a file; what came of it, an object or an exception, and the most memory it took."""
    tracemalloc.start(1)
    try:
        return pylstm.load(path), tracemalloc.get_traced_memory()[1]
    except Exception as error:
        error.__traceback__ = None
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def try_file(content: bytes, seed: Seed, path: Path) -> Verdict:
    """Load what once was the file of `seed`, and use what comes of it.

    Parameters
    ----------
    content : bytes
    seed : Seed
    path : Path
        Written to.

    Returns
    -------
    Verdict
    """
    path.write_bytes(content)
    start = time.perf_counter()
    result, peak = measured_load(path)
    seconds = time.perf_counter() - start
    longer = max(0, len(content) - len(seed.content))
    allowed = 2 * seed.peak + 10 * longer + SLACK
    verdict = Verdict("loaded", ratio=max(0, peak - SLACK - 10 * longer) / seed.peak)
    if isinstance(result, Exception):
        verdict.outcome, verdict.length = _kind(result), len(str(result))
        if not isinstance(result, CheckpointError):
            verdict.wrong = f"{type(result).__name__}: {result}"
        elif verdict.length > LONGEST or not str(result).isprintable():
            verdict.wrong = f"a message of {verdict.length} characters: {result!s:.400}"
    if peak > allowed:
        verdict.wrong = f"{peak:,} bytes to load it, honest {seed.peak:,}: {result!s:.200}"
    if seconds > LONGEST_LOAD:
        verdict.wrong = f"{seconds:.1f} s to load it"
    if verdict.outcome != "loaded" or verdict.wrong:
        return verdict
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exercise(result, path)
    except Exception as error:
        where = error.__traceback__
        while where and where.tb_next:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else ""
        verdict.wrong = f"used, {type(error).__name__}: {error} ({place})"
    return verdict


def _kind(error: Exception) -> str:
    """A message without what differs from file to file."""
    said = str(error).partition(": ")[2] or str(error)
    said = re.sub(r"'[^']*'|\"[^\"]*\"|`\$[^`]*`|\$\.\S*", "*", said)
    return re.sub(r"-?\d[\d,.e+-]*", "0", said)[:90]
