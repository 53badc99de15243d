"""What is refused, in one sentence on one line: the file, what is wrong, what was wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pylstm.errors import InputError, brief_text

__all__ = ["CheckpointError", "damaged", "one_sentence", "refused"]

#: Characters of a message, and of a path in it.
_LONGEST, _LONGEST_PATH = 300, 120


class CheckpointError(InputError):
    """What is wrong with a file that was to be loaded, and what was wanted."""

    __module__ = "pylstm.checkpoint"  # where it is public, and what its pickles say


def refused(source: str, problem: object) -> CheckpointError:
    """The error, on one line, cut where it is long; source: what the file is called."""
    start = f"cannot load {brief_text(source, _LONGEST_PATH)}: "
    line = start + brief_text(problem, _LONGEST - len(start))
    return CheckpointError("".join(c if c.isprintable() else "?" for c in line))


def damaged(source: str, problem: object) -> CheckpointError:
    said = brief_text(problem, 100) or type(problem).__name__
    return refused(source, f"wanted an undamaged file written by pylstm.save ({said})")


@contextmanager
def one_sentence(source: str) -> Iterator[None]:
    """Whatever making an object of a wrong state raises, as one sentence."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        said = f"({type(error).__name__}: {error or 'no more is known'})"
        raise refused(source, f"its parts do not fit together {said}") from None
