"""What a cell means: a number, a label, nothing.

The decimal sign and that of thousands are what the dialect says, or what the first cell says that
can be read in one way only; from there on they stay.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pylstm.errors import brief
from pylstm.tabular.dialect import Dialect

__all__ = ["LARGEST", "MISSING", "Cells", "Unclear"]

# Cells that mean "no value", in any capitals and with any blanks around them.
MISSING = ("na", "n/a", "nan", "null", "none")
# Squares of larger numbers would leave the range of a double.
LARGEST = 1e100
_BOOLEANS = {"true": 1.0, "false": 0.0}

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_ONE_COMMA = re.compile(rf"[+-]?(\d*),(\d+){_EXPONENT}")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,}\.?)")
_POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,},?)")


class Unclear(Exception):
    """A cell that can be read in more than one way."""


def _plain(text: str) -> float | None:
    # Python's float also takes underscores and digits of all scripts; a table does not.
    if not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def has_decimal_comma(cell: str) -> bool:
    """Tell whether a cell is a number if its comma is a decimal sign."""
    return _ONE_COMMA.fullmatch(cell.strip()) is not None


class Cells:
    """Reads the cells of a table.

    Parameters
    ----------
    dialect : Dialect

    Attributes
    ----------
    dialect : Dialect
        What was said, and what cells have settled since.
    notes : list of str
        What was recognised.

    Examples
    --------
    >>> cells = Cells(Dialect(delimiter=";", missing=("-200",)))
    >>> cells.number("2,6"), cells.number("-200,0"), cells.number("x"), cells.notes
    (2.6, nan, None, ["decimal comma recognised, first in '2,6'"])
    """

    def __init__(self, dialect: Dialect, notes: list[str] | None = None) -> None:
        self.dialect = dialect
        self.notes: list[str] = [] if notes is None else notes
        marks = MISSING if dialect.missing is None else dialect.missing
        self._marks = frozenset(mark.strip().lower() for mark in ("", *marks))
        numbers = (_plain(mark.replace(",", ".")) for mark in self._marks)
        self._numeric_marks = frozenset(
            number for number in numbers if number is not None and math.isfinite(number)
        )
        self._groups = self._groups_of(dialect)

    @property
    def is_settled(self) -> bool:
        """Whether the decimal sign is known."""
        return self.dialect.decimal is not None

    @staticmethod
    def _groups_of(dialect: Dialect) -> re.Pattern[str] | None:
        if dialect.thousands is None:
            return None
        sign, point = re.escape(dialect.thousands), re.escape(dialect.decimal or ".")
        return re.compile(rf"[+-]?\d{{1,3}}(?:{sign}\d{{3}})+(?:{point}\d*)?{_EXPONENT}", re.ASCII)

    def is_missing(self, cell: Any) -> bool:
        """Tell whether a cell means no value."""
        if isinstance(cell, str):
            if cell.strip().lower() in self._marks:
                return True
            return bool(self._numeric_marks) and self._parsed(cell) in self._numeric_marks
        return cell is None or (isinstance(cell, float) and cell != cell)

    def label(self, cell: Any) -> str | None:
        """Return the text of a cell without blanks around it, None where missing."""
        if self.is_missing(cell):
            return None
        return cell.strip() if isinstance(cell, str) else str(cell)

    def number(self, cell: Any) -> float | None:
        """Return the number in a cell, NaN where missing, None for anything else.

        Raises
        ------
        Unclear
            For a cell that can be read in two ways.
        """
        if not isinstance(cell, str):
            return self._number_of_value(cell)
        text = cell.strip()
        if text.lower() in self._marks:
            return math.nan
        value = self._parsed(text)
        if value is None:
            value = self._recognised(text)
        if value is None:
            return _BOOLEANS.get(text.lower())
        if value in self._numeric_marks:
            return math.nan
        if not abs(value) <= LARGEST:
            return None
        if "." in text and not self.is_settled:
            self._settle(decimal=".")
        return value

    def _number_of_value(self, cell: Any) -> float | None:
        if cell is None:
            return math.nan
        try:
            value = float(cell)
        except (TypeError, ValueError, OverflowError):
            return None
        if value in self._numeric_marks:
            return math.nan
        return None if abs(value) > LARGEST else value

    def _parsed(self, text: str) -> float | None:
        """The number as the dialect has it, whatever its size."""
        text = text.strip()
        if self._groups is not None and self._groups.fullmatch(text):
            text = text.replace(self.dialect.thousands or "", "")
        if self.dialect.decimal == ",":
            return None if "." in text else _plain(text.replace(",", "."))
        return _plain(text)

    def _recognised(self, text: str) -> float | None:
        """The number in a cell that settles how numbers are written."""
        dialect = self.dialect
        if not text.isascii():
            return None
        if dialect.thousands is None:
            for pattern, sign, point in ((_COMMA_GROUPS, ",", "."), (_POINT_GROUPS, ".", ",")):
                if dialect.decimal in (None, point) and pattern.fullmatch(text):
                    name = {",": "commas", ".": "points"}[sign]
                    self.notes.append(f"{name} between thousands recognised, first in {text!r}")
                    if point == "," and dialect.decimal is None:
                        self.notes.append(f"decimal comma recognised, first in {text!r}")
                    self._settle(decimal=point, thousands=sign)
                    return self._parsed(text)
        if dialect.decimal is None and dialect.thousands is None and dialect.delimiter != ",":
            match = _ONE_COMMA.fullmatch(text)
            if match is None:
                return None
            whole, part = match.groups()
            if len(part) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0":
                raise Unclear(
                    f"{brief(text)}, which is {whole}.{part} with a decimal comma and "
                    f"{whole}{part} with commas between thousands: say which by --decimal , or "
                    "--thousands ,"
                )
            self.notes.append(f"decimal comma recognised, first in {text!r}")
            self._settle(decimal=",")
            return self._parsed(text)
        return None

    def _settle(self, **signs: str) -> None:
        self.dialect = replace(self.dialect, **signs)  # type: ignore[arg-type]
        self._groups = self._groups_of(self.dialect)

    def settle_point(self, column: Sequence[Any]) -> None:
        """Take the decimal sign for a point if a cell of numbers has one."""
        if not self.is_settled and any(isinstance(cell, str) and "." in cell for cell in column):
            self._settle(decimal=".")

    def numbers(self, column: Sequence[Any]) -> list[float] | None:
        """Return a column in which every cell is a plain number, None where one may not be.

        What it returns is what `number` returns for every cell; nothing is settled.
        """
        try:
            text = "\n".join(column)
        except TypeError:
            if any(isinstance(cell, str) for cell in column):
                return None
        else:
            if not text.isascii() or "_" in text:
                return None
            if self.dialect.decimal == ",":
                if "." in text:
                    return None
                column = text.replace(",", ".").split("\n")
        try:
            values = [*map(float, column)]
        except (TypeError, ValueError, OverflowError):
            return None
        # A sum of what is within the limits is no number only where one of them, "nan", is none.
        if not (min(values) >= -LARGEST and max(values) <= LARGEST and sum(values) == sum(values)):
            return None
        if self._numeric_marks and not self._numeric_marks.isdisjoint(values):
            return [math.nan if value in self._numeric_marks else value for value in values]
        return values
