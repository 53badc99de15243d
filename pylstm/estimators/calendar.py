"""Time stamps as features: where a row stands in the day, the week, the year.

Symbols: T a period in seconds, s(t) the clock of the time stamp of row t in seconds.

    sin(2 pi k s(t) / T),  cos(2 pi k s(t) / T)     k = 1, 2, 3, for every period T

The clock is the one the time stamp shows, in its own time zone; weeks begin on Mondays, years are
365.2425 days long. Whether time goes on or back is seen in UTC, where a zone is known.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np

from pylstm.errors import brief

__all__ = ["PERIODS", "Calendar", "as_periods", "seconds_of"]

_DAY = 86400.0
_EPOCH = datetime(1970, 1, 1)
_MONDAY = 4 * _DAY  # from the first Monday of 1970 on
_N_HARMONICS = 3
_DIGITS = 9  # so that what is the same stays the same when columns are standardised

#: Seconds in a period, and in the one that begins at 0 in 1970.
PERIODS = {"hour": _DAY / 24, "day": _DAY, "week": 7 * _DAY, "year": 365.2425 * _DAY}
_ALL = ("day", "week", "year")


def as_periods(calendar: Any) -> tuple[str, ...]:
    """Return the names of the periods an argument asks for, or raise ValueError."""
    if calendar is None or calendar is False:
        return ()
    if calendar is True:
        return _ALL
    names = (calendar,) if isinstance(calendar, str) else calendar
    if (
        isinstance(names, Sequence)
        and names
        and all(isinstance(name, str) and name in PERIODS for name in names)
        and len({*names}) == len(names)
    ):
        return tuple(names)
    raise ValueError(
        f"calendar is {brief(calendar)}, wanted True, or some of {', '.join(map(repr, PERIODS))}"
    )


def seconds_of(value: Any) -> tuple[float, float] | None:
    """The clock of a time stamp and its moment, in seconds since 1970; None of anything else."""
    if isinstance(value, datetime):
        shown = value.replace(tzinfo=None)
        clock = (shown - _EPOCH).total_seconds()
        offset = value.utcoffset() if clock == clock else None
        return clock, clock - (offset.total_seconds() if offset is not None else 0.0)
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            return math.nan, math.nan
        clock = value.astype("datetime64[us]").astype(np.int64).item() / 1e6
        return clock, clock
    if isinstance(value, date):
        clock = (value - _EPOCH.date()).total_seconds()
        return clock, clock
    return None


class Calendar:
    """The periods of the time stamps of a stream, and where these stand.

    Parameters
    ----------
    periods : sequence of str
        Of `PERIODS`.
    """

    def __init__(self, periods: Sequence[str]) -> None:
        self._periods = [(name, PERIODS[name], _MONDAY * (name == "week")) for name in periods]
        # By feature: clock and moment of the last time stamp, seconds since the one before.
        self.last: dict[Hashable, tuple[float, float, float]] = {}

    def expanded(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """The row with numbers in place of its time stamps."""
        stamps = [(n, seconds[0]) for n, v in x.items() if (seconds := seconds_of(v)) is not None]
        if not stamps:
            return x
        row = dict(x)
        for name, clock in stamps:
            del row[name]
            for period, length, start in self._periods:
                part = math.fmod(clock - start, length) / length
                for k in range(1, _N_HARMONICS + 1):
                    angle = 2 * math.pi * k * part
                    row[f"{name}: {period}, sin {k}"] = round(math.sin(angle), _DIGITS)
                    row[f"{name}: {period}, cos {k}"] = round(math.cos(angle), _DIGITS)
        return row

    def check(self, x: Mapping[Hashable, Any]) -> None:
        """Refuse a row whose time is before that of the last one."""
        for name in self.last.keys() & x.keys():
            seconds = seconds_of(x[name])
            if seconds is not None and seconds[1] < self.last[name][1]:
                before = _EPOCH + timedelta(seconds=self.last[name][0])
                raise ValueError(
                    f"feature {brief(name)} goes back in time, from {before} to {x[name]}: wanted "
                    "rows in the order of time, or reset() between two sequences"
                )

    def advance(self, x: Mapping[Hashable, Any]) -> None:
        """The row is over."""
        for name, value in x.items():
            seconds = seconds_of(value)
            if seconds is None or seconds[0] != seconds[0]:
                continue
            clock, moment = seconds
            spacing = math.nan
            if name in self.last:
                _, before, spacing = self.last[name]
                spacing = moment - before if moment > before else spacing
            self.last[name] = clock, moment, spacing

    def following(self, n_rows: int) -> list[dict[Hashable, Any]]:
        """The time stamps of the next rows, at the last spacing, by the clock of the last."""
        rows: list[dict[Hashable, Any]] = [{} for _ in range(n_rows)]
        for name, (clock, moment, spacing) in self.last.items():
            if spacing == spacing:
                zone = timezone(timedelta(seconds=clock - moment))
                for k, row in enumerate(rows, 1):
                    shown = _EPOCH + timedelta(seconds=clock + k * spacing)
                    row[name] = shown.replace(tzinfo=zone)
        return rows

    def forget(self) -> None:
        """There is no last row."""
        self.last.clear()

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {
            "names": list(self.last),
            "last": np.array(list(self.last.values()), float).reshape(len(self.last), 3),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        rows = [(row[0], row[1], row[2]) for row in state["last"].tolist()]
        self.last = dict(zip(state["names"], rows, strict=True))
