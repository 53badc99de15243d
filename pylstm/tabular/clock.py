"""Times of rows: read, kept in order, and told to the network as places on circles.

With a the part of the day that is over, b the day of the week and c the day of the year, counted
from 0 and divided by their number, the inputs of a time are

    sin 2 pi a, cos 2 pi a, sin 2 pi b, cos 2 pi b, sin 2 pi c, cos 2 pi c
"""

from __future__ import annotations

import math
from calendar import isleap
from datetime import datetime, timedelta
from typing import TypeGuard

import numpy as np

from pylstm.errors import brief
from pylstm.tabular.errors import StreamError
from pylstm.tabular.table import Vector, label_in, number_in

__all__ = ["N_CALENDAR", "Clock"]

N_CALENDAR = 6
_EPOCH = datetime(1970, 1, 1)


def _parse_time(text: str) -> tuple[datetime, float]:
    """The time on the clock, and the seconds since 1970 with its time zone taken into account."""
    seconds = number_in(text)
    try:
        if seconds is None:
            clock = datetime.fromisoformat(text.strip())
        else:
            clock = _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise StreamError(
            f"time is {brief(text)}, wanted one such as 2013-01-31 06:00 (ISO 8601) or seconds "
            "since 1970-01-01"
        ) from None
    offset = clock.utcoffset() or timedelta()
    clock = clock.replace(tzinfo=None)
    return clock, (clock - _EPOCH - offset).total_seconds()


def _is_there(text: str | None) -> TypeGuard[str]:
    return text is not None and label_in(text) is not None


class Clock:
    """Reads the times of rows, which must not go back.

    Times are ISO 8601, a date and if need be a time of day and a time zone, or seconds since 1970.
    Hour and day are those of the clock of the time zone they are told in; what is told without one
    counts as UTC.

    Examples
    --------
    >>> from pylstm.tabular.clock import Clock
    >>> clock = Clock()
    >>> clock.calendar("2013-01-01 06:00").round(2).tolist()
    [1.0, 0.0, 0.78, 0.62, 0.0, 1.0]
    """

    def __init__(self) -> None:
        self._last_text: str | None = None
        self._last_seconds = -math.inf

    def calendar(self, text: str | None) -> Vector:
        """Return the inputs of a time, NaN where it is missing; nothing changes.

        Raises
        ------
        StreamError
            For something that is no time, or one before that of the last row.
        """
        if not _is_there(text):
            return np.full(N_CALENDAR, np.nan)
        clock, seconds = _parse_time(text)
        if seconds < self._last_seconds:
            raise StreamError(
                f"time is {brief(text)}, wanted none before {brief(self._last_text or '')}, that "
                "of an earlier row"
            )
        day = (clock - clock.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(days=1)
        year = (clock.timetuple().tm_yday - 1) / (366 if isleap(clock.year) else 365)
        angles = 2 * np.pi * np.array([day, clock.weekday() / 7, year])
        return np.column_stack([np.sin(angles), np.cos(angles)]).ravel()

    def advance(self, text: str | None) -> None:
        """Go on to a row of a time that `calendar` has accepted."""
        if _is_there(text):
            self._last_text, self._last_seconds = text, _parse_time(text)[1]

    def state(self) -> str | None:
        """Return the last time, None before the first."""
        return self._last_text

    def restore(self, state: str | None) -> None:
        """Go on from what `state` returned."""
        self.advance(state)
