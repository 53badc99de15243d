"""The error that the command line tells in one sentence, and values as sentences show them."""

from __future__ import annotations

import reprlib
from typing import Any

__all__ = ["InputError", "brief", "brief_text"]

_CUT = reprlib.Repr()
_CUT.maxstring = _CUT.maxother = 60
_CUT.maxlong = 40
_CUT.maxlevel = 2
_LONGEST = 90


class InputError(ValueError):
    """What was given and what was wanted; the command line prints it and exits with code 2."""


def brief(value: Any) -> str:
    """Return `repr(value)`, cut in its middle where it is long, so that a sentence stays one.

    Examples
    --------
    >>> brief("a" * 1000)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    >>> brief(list(range(1000)))
    '[0, 1, 2, 3, 4, 5, ...]'
    """
    try:
        return brief_text(_CUT.repr(value), _LONGEST)
    except Exception:  # a repr that fails, a number with more digits than Python prints
        return f"a {type(value).__name__}"


def brief_text(text: object, longest: int = 150) -> str:
    """Return a text on one line, cut in its middle where it is longer than `longest` characters.

    Examples
    --------
    >>> brief_text("a  b\\nc"), len(brief_text("a" * 1000))
    ('a b c', 150)
    """
    line = " ".join(str(text).split())
    if len(line) <= longest:
        return line
    kept = longest - 3
    return f"{line[: kept - kept // 2]}...{line[len(line) - kept // 2 :]}"
