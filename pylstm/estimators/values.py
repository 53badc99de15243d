"""One value of a row: a number, an instant, a label, a weight, or missing.

Missing everywhere: None, NaN of any width or of decimal, NaT, pandas.NA, numpy.ma.masked.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Iterable
from datetime import timedelta
from typing import Any

import numpy as np

from pylstm.errors import brief
from pylstm.estimators.calendar import seconds_of

__all__ = [
    "as_finite",
    "as_number",
    "as_rows",
    "as_weight",
    "check_row",
    "finite_or_none",
    "is_missing",
]

_SECOND = np.timedelta64(1, "s")


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none.

    Examples
    --------
    >>> import decimal, numpy as np
    >>> values = None, np.float32("nan"), decimal.Decimal("nan"), np.datetime64("NaT"), np.ma.masked
    >>> all(map(is_missing, values)), is_missing(0), is_missing("")
    (True, False, False)
    """
    if value is None:
        return True
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and bool(getattr(value, "mask", False) or value != value)
    try:
        return bool(value != value)
    except ArithmeticError:  # a signalling NaN
        return True
    except (TypeError, ValueError):  # no truth value
        return type(value).__name__ == "NAType"


def as_number(what: str, value: Any, *name: Hashable) -> float:
    """Return a number as float, a missing one as NaN, an instant or a duration in seconds.

    Instants are seconds since 1970 in UTC, where their zone is known. What the value is called in
    the sentence why not: `what`, and the `name` behind it, if there is one.

    Raises
    ------
    TypeError, ValueError
        For anything else, and for an infinite number.
    """
    if isinstance(value, float):
        number = float(value)
    elif is_missing(value):
        return math.nan
    elif isinstance(value, str | bytes):
        hint = " as before" if what == "feature" else ""
        raise TypeError(f"{_called(what, *name)} is {brief(value)}, wanted a number{hint}")
    else:
        try:
            number = _number_of(value)
        except (TypeError, ValueError, OverflowError):
            raise TypeError(
                f"{_called(what, *name)} is {brief(value)}, wanted a number, or None or NaN for "
                "none"
            ) from None
    if math.isinf(number):
        raise ValueError(
            f"{_called(what, *name)} is {number}, wanted a finite number, or NaN for none"
        )
    return number


def _number_of(value: Any) -> float:
    instant = seconds_of(value)
    if instant is not None:
        return instant[1]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, np.timedelta64):
        return float(value / _SECOND)
    if isinstance(value, np.complexfloating):  # which float() would cut
        raise TypeError
    return float(value)


def check_row(x: Any) -> None:
    """Refuse features or variables that have no names; a pandas.Series has some, as a dict."""
    if not hasattr(x, "items"):
        raise TypeError(f"x is {brief(x)}, wanted a dict of names to values")


def as_rows(xs: Iterable[Any]) -> list[Any]:
    """Rows one behind the other as a list; a frame, or a row alone, is refused."""
    if hasattr(xs, "items"):
        raise TypeError(f"xs is {brief(xs)}, wanted a list of dicts, one a row")
    return list(xs)


def as_weight(value: Any) -> float:
    """Return the weight of a row as float, or raise the sentence why not."""
    try:
        weight = float(value)
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise ValueError(f"w is {brief(value)}, wanted a finite number of at least 0")
    return weight


def as_finite(value: float) -> float:
    """The largest number there is in place of one that has overflowed; NaN stays."""
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else value


def finite_or_none(value: float) -> float:
    """Return a number, NaN where it has overflowed: as an input it would be refused for ever."""
    return value if math.isfinite(value) else math.nan


def _called(what: str, *name: Hashable) -> str:
    return " ".join([what, *map(brief, name)])
