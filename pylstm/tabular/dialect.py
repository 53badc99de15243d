"""How a table is written down: what is said about it, and what its first lines settle."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pylstm.tabular.errors import StreamError

__all__ = ["DELIMITERS", "Dialect", "find_delimiter", "is_units_row"]

DELIMITERS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Dialect:
    """What is known about how a table is written.

    Parameters
    ----------
    delimiter : str, optional
        One character between cells. None: a comma, or the one of ``; tab |`` that the header and
        the first row have equally often.
    decimal : {".", ","}, optional
        None: a point, or a comma where cells can be read in no other way.
    thousands : str, optional
        One character between groups of three digits. None: none, or the one that cells such as
        1,234,567 or 1.234,5 settle.
    skip_rows : int, default 0
        Lines above the header to leave out.
    skip_below : int, optional
        Rows below the header to leave out, such as units. None: none, or those that have words
        where the row below them has numbers and times.
    missing : tuple of str, optional
        Cells that are no values; numbers among them in any spelling, and empty cells always are
        none. None: NA, N/A, NaN, null, none, in any capitals.
    encoding : str, default "utf-8"

    Examples
    --------
    >>> Dialect(delimiter=";", missing=("?", "-200")).missing
    ('?', '-200')
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    skip_rows: int = 0
    skip_below: int | None = None
    missing: tuple[str, ...] | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise StreamError(f"decimal is {self.decimal!r}, wanted '.' or ','")
        signs = {"delimiter": self.delimiter, "thousands": self.thousands}
        for name, sign in signs.items():
            if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
                raise StreamError(f"{name} is {sign!r}, wanted one character")
        if self.thousands is not None and (self.thousands.isalnum() or self.thousands in "+-"):
            raise StreamError(f"thousands is {self.thousands!r}, wanted a sign between digits")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            other = "" if self.decimal else ": say which sign is the decimal one too"
            raise StreamError(f"thousands and decimal are both {self.thousands!r}{other}")
        for name, number in (("skip_rows", self.skip_rows), ("skip_below", self.skip_below)):
            if number is not None and number < 0:
                raise StreamError(f"{name} is {number}, wanted a whole number of at least 0")
        try:
            "".encode(self.encoding)
        except LookupError:
            raise StreamError(
                f"encoding is {self.encoding!r}, wanted one such as latin-1"
            ) from None


def find_delimiter(name: str, header: str, first: str) -> str:
    """Return the one delimiter that fits a header and the row below it.

    Raises
    ------
    StreamError
        Where more than one fits.
    """
    header, first = _QUOTED.sub("", header), _QUOTED.sub("", first)
    there = [sign for sign in DELIMITERS if sign in header]
    if there in ([], [","]):
        return ","
    fitting = [sign for sign in there if header.count(sign) == first.count(sign)]
    if len(fitting) > 1:
        raise StreamError(
            f"the cells of {name} could be parted by {' or by '.join(map(DELIMITERS.get, fitting))}"  # type: ignore[arg-type]
            ": say which with --delimiter"
        )
    return fitting[0] if fitting else ","


def is_units_row(kinds: list[str], below: list[str]) -> bool:
    """Tell whether a row of words stands over numbers and times, and over nothing else.

    Parameters
    ----------
    kinds, below : list of str
        Of its cells and of those below them: "missing", "number", "time", "word" or "other".
    """
    pairs = [(kind, under) for kind, under in zip(kinds, below, strict=True) if kind != "missing"]
    return bool(pairs) and all(
        kind == "word" and under in ("number", "time") for kind, under in pairs
    )
