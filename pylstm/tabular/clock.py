"""Times of rows: what they mean, the order they must be in, their places in the calendar."""

from __future__ import annotations

import re
import statistics
from calendar import isleap
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.tabular.errors import StreamError

__all__ = ["Clock", "Order", "Stamps", "Verdict"]

_EPOCH = datetime(1970, 1, 1)
_DAY = 86400.0
_DECADE = 3652 * _DAY
# Seconds that are a time of datetime's.
_LEAST, _MOST = ((end - _EPOCH).total_seconds() for end in (datetime.min, datetime.max))

_WANTED = "wanted one such as 2013-01-31 06:00 (ISO 8601) or seconds since 1970-01-01"
# A date may be followed by a blank before its zone.
_ZONE_APART = re.compile(r"(?<=[\d.]) (Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$")
_MIDNIGHT = re.compile(r"[T ]24(?::?00(?::?00(?:[.,]0+)?)?)?(?=$|[Z+-])")
# datetime.fromisoformat takes any character between date and time.
_DATE = re.compile(r"(?:\d{8}|\d{4}-\d\d-\d\d|\d{4}-?W\d\d(?:-?\d)?)(?:$|[T ])", re.ASCII)
_PLAIN = {"--", "--T", "-- "}  # what is at places 4, 7 and 10 of extended dates
_MONTH = re.compile(r"\d{4}-\d\d")
_DAY_OF_YEAR = re.compile(r"(\d{4})-(\d{3})(?=$|[T ])")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_YEARS = range(1900, 2101)
# What a number of seconds since 1970 is written in where it has so many digits.
_FRACTIONS = {13: ("milliseconds", 10**3), 16: ("microseconds", 10**6), 19: ("nanoseconds", 10**9)}


def _from_digits(text: str) -> datetime | None:
    """A time written as yyyymmdd, with hours and minutes, with seconds too."""
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(text))
    if form is None or not text.isdecimal():
        return None
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _ambiguity(text: str, value: float) -> str | None:
    """What else a number could be than seconds since 1970."""
    if text.isdecimal():
        if len(text) == 4 and int(text) in _YEARS:
            return "a year"
        if len(text) == 10 and _from_digits(text + "00") is not None:
            return "a date and an hour"
    if 25_000 <= value <= 75_000:
        return "days of a spreadsheet"
    return None


def _from_iso(text: str) -> datetime:
    """A time in ISO 8601, basic or extended."""
    text = _ZONE_APART.sub(lambda m: "Z" if m[1].isalpha() else m[1], text)
    days = timedelta()
    if (match := _MIDNIGHT.search(text)) is not None:
        days = timedelta(days=1)
        text = text[: match.start()] + "T00:00" + text[match.end() :]
    if (match := _DAY_OF_YEAR.match(text)) is not None:
        days += timedelta(days=int(match[2]) - 1)
        if not 1 <= int(match[2]) <= 365 + isleap(int(match[1])):
            raise ValueError("no such day")
        text = f"{match[1]}-01-01{text[match.end() :]}"
    if _MONTH.fullmatch(text):
        text += "-01"
    if not _DATE.match(text):
        raise ValueError("no date")
    return datetime.fromisoformat(text) + days


def _seconds(shown: datetime) -> tuple[float, float]:
    """The moment and what the clock shows, in seconds since 1970."""
    offset = shown.utcoffset()
    clock = (shown.replace(tzinfo=None) - _EPOCH).total_seconds()
    return clock - (offset.total_seconds() if offset is not None else 0.0), clock


class Stamps:
    """Reads time stamps, all of them in one form: that of the first, once a second one has it too.

    Until then another form that two of them have takes its place.

    Parameters
    ----------
    form : str, optional
        The form, where it is known.
    note : callable, optional
        Called with a sentence about what was recognised.

    Attributes
    ----------
    form : str or None
        "dates", "seconds", "milliseconds", "microseconds" or "nanoseconds"; None before the first.

    Examples
    --------
    >>> stamps = Stamps()
    >>> stamps.read("20230623T0600"), stamps.form
    ((1687500000.0, 1687500000.0), 'dates')
    """

    def __init__(self, form: str | None = None, note: Callable[[str], None] | None = None) -> None:
        self.form = form
        self._n_read = 0 if form is None else 2
        self._other_form: str | None = None
        self._note = note or (lambda sentence: None)

    @property
    def is_settled(self) -> bool:
        """Whether the form stays as it is."""
        return self._n_read >= 2

    def copy(self) -> Stamps:
        """Return stamps that go on from here and note nothing."""
        other = Stamps(self.form)
        other._n_read, other._other_form = self._n_read, self._other_form
        return other

    def read(self, cell: Any) -> tuple[float, float]:
        """Return the moment and what the clock of its zone shows, in seconds since 1970.

        Raises
        ------
        ValueError
            For something that is no time, saying what it is and what was wanted.
        """
        try:
            seconds = self._read(cell)
        except ValueError:
            if self.is_settled:
                raise
            other = Stamps()
            with suppress(ValueError):
                seconds = other._read(cell)
            if other.form is None or other.form != self._other_form:
                self._other_form = other.form
                raise
            self.form, self._n_read = other.form, 1
        self._n_read += 1
        return seconds

    def _read(self, cell: Any) -> tuple[float, float]:
        if isinstance(cell, date):  # of formats that know times
            shown = (
                cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day)
            )
            return _seconds(shown)
        text = cell.strip() if isinstance(cell, str) else str(cell)
        if text.isascii() and _NUMBER.fullmatch(text):
            return self._read_number(text)
        try:
            if self.form not in (None, "dates"):
                raise ValueError
            seconds = _seconds(_from_iso(text))
        except (ValueError, OverflowError):
            raise ValueError(f"{brief(text)}, {self._wanted()}") from None
        self.form = "dates"
        return seconds

    def _wanted(self) -> str:
        if self.form in (None, "dates"):
            return _WANTED
        return f"wanted {self.form} since 1970-01-01, as in the rows before"

    def _read_number(self, text: str) -> tuple[float, float]:
        if self.form in (None, "dates"):
            shown = _from_digits(text)
            if shown is not None and (self.form == "dates" or shown.year in _YEARS):
                if self.form is None:
                    self._note(f"{text} taken for a date, {shown}")
                self.form = "dates"
                return _seconds(shown)
            if self.form == "dates":
                raise ValueError(f"{brief(text)}, {_WANTED}")
        value = float(text)
        form, per_second = "seconds", 1
        if self.form is None:
            other = _ambiguity(text, value)
            if other is not None:
                raise ValueError(
                    f"{brief(text)}, which may be {other} or seconds since 1970: {_WANTED}"
                )
            if text.isdecimal():
                form, per_second = _FRACTIONS.get(len(text), (form, per_second))
        else:
            form = self.form
            per_second = {name: per for name, per in _FRACTIONS.values()}.get(form, 1)
        value = int(text) / per_second if text.isdecimal() else value / per_second
        try:
            _EPOCH + timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise ValueError(f"{brief(text)}, {self._wanted()}") from None
        if self.form is None and form != "seconds":
            self._note(f"{form} since 1970 recognised, first in {text}")
        self.form = form
        return value, value

    def read_column(self, column: Sequence[Any]) -> tuple[list[float], list[float]] | None:
        """Return moments and clocks of many, None where not all are plain; nothing changes."""
        try:
            if self.form == "dates":
                if not {cell[4:8:3] + cell[10:11] for cell in column} <= _PLAIN:
                    return None
                shown = [datetime.fromisoformat(cell) for cell in column]
                if any(one.tzinfo is not None for one in shown):
                    pairs = [*map(_seconds, shown)]
                    return [moment for moment, _ in pairs], [clock for _, clock in pairs]
                clocks = [(one - _EPOCH).total_seconds() for one in shown]
                return clocks, [*clocks]
            if self.form == "seconds":
                text = "".join(column)
                clocks = [*map(float, column)]
                if text.isascii() and "_" not in text and all(_LEAST < t < _MOST for t in clocks):
                    return clocks, [*clocks]
        except (TypeError, ValueError):
            pass
        return None


class Verdict(NamedTuple):
    """What is known about the order of rows.

    Attributes
    ----------
    bad : dict of int to str
        Rows that do not fit, and why.
    far : set of int
        Those of them that come too late, not too early.
    end : int
        Rows that are decided; those from here on need more rows behind them.
    notes : dict of int to str
        Rows that set the clock anew.
    """

    bad: dict[int, str]
    far: set[int]
    end: int
    notes: dict[int, str]


class Order:
    """Keeps times in order: none goes back, none is far from its neighbours.

    Far is a step of more than a day and of more than a thousand usual ones, the median of the last
    64; while none is known, of ten years. Whether such a row is wrong, or really comes so much
    later, is told by the three rows that follow: where none of them goes back, it is right. Where
    nothing follows, as in a pipe of one row, three such rows are left out before the next is right.

    Examples
    --------
    >>> order = Order()
    >>> order.advance([0.0, 600.0, 1200.0, 1800.0])
    >>> later = [4e8, 2400.0, 3000.0, 3600.0, 4200.0]
    >>> verdict = order.check(later, ended=False)
    >>> list(verdict.bad), verdict.end
    ([0], 5)
    """

    FAR = 1000
    N_WITNESSES = 3
    _N_STEPS = 64

    def __init__(self) -> None:
        self.last: float | None = None
        self.n_times = 0
        self._steps: deque[float] = deque(maxlen=self._N_STEPS)
        self._doubtful: list[float] = []  # far from the last one, near one another

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from: plain numbers."""
        return {
            "last": self.last,
            "n_times": self.n_times,
            "steps": [*self._steps],
            "doubtful": [*self._doubtful],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.last = state["last"]
        self.n_times = int(state["n_times"])
        self._steps = deque(state["steps"], maxlen=self._N_STEPS)
        self._doubtful = [*state["doubtful"]]

    def _limit(self) -> float:
        """The longest step that is not far."""
        if not self._steps:
            return _DECADE
        return max(_DAY, self.FAR * statistics.median(self._steps))

    def advance(self, times: Sequence[float]) -> None:
        """Go on to rows with these times, which `check` has let through."""
        known = times[-self._N_STEPS - 1 :]
        if len(known) == len(times) and self.last is not None:
            known = [self.last, *known]
        self._steps.extend(step for a, b in pairwise(known) if (step := b - a) > 0)
        if times:
            self.last = times[-1]
            self.n_times += len(times)
            self._doubtful.clear()

    def doubt(self, time: float) -> None:
        """Remember a time that was too far away, in case that those to come are near it."""
        if self._doubtful and not self._is_near(self._doubtful[-1], time):
            self._doubtful.clear()
        self._doubtful = [*self._doubtful, time][-self.N_WITNESSES :]

    def _is_near(self, before: float, time: float) -> bool:
        return 0 <= time - before <= self._limit()

    def check(self, times: Sequence[float], ended: bool) -> Verdict:
        """Judge the times of rows, NaN where a row has none; nothing changes.

        Parameters
        ----------
        times : sequence of float
            Seconds since 1970.
        ended : bool
            Whether there are no rows behind these.
        """
        last = self.last
        for time in times:
            if time == time:
                if last is not None and not 0 <= time - last <= _DAY:
                    known = [k for k, one in enumerate(times) if one == one]
                    return self._check_each(times, known, ended)
                last = time
        return Verdict({}, set(), len(times), {})

    def _check_each(self, times: Sequence[float], known: list[int], ended: bool) -> Verdict:
        self = self._copy()
        bad: dict[int, str] = {}
        far: set[int] = set()
        notes: dict[int, str] = {}
        for k, index in enumerate(known):
            time = times[index]
            step = 0.0 if self.last is None else time - self.last
            is_young = self.n_times <= self.N_WITNESSES
            if step > self._limit() or (step < -_DAY and is_young):
                after = [times[later] for later in known[k + 1 : k + 1 + self.N_WITNESSES]]
                if len(after) < self.N_WITNESSES and not ended:
                    return Verdict(bad, far, index, notes)
                if not self._is_confirmed(time, after):
                    bad[index] = self._far(time) if step > 0 else self._back(time)
                    if step > 0:
                        far.add(index)
                        self.doubt(time)
                    continue
                if step < 0:
                    notes[index] = (
                        f"the clock was set back to {_shown(time)} from {_shown(self.last)}"
                    )
                    self.last = None
            elif step < 0:
                bad[index] = self._back(time)
                continue
            self.advance([time])
        return Verdict(bad, far, len(times), notes)

    def _copy(self) -> Order:
        other = Order()
        other.restore(self.state())
        return other

    def _is_confirmed(self, time: float, after: list[float]) -> bool:
        """Whether the rows that follow go on from this time and not from the last one."""
        if len(self._doubtful) == self.N_WITNESSES and self._is_near(self._doubtful[-1], time):
            return True
        if not after or any(b < a for a, b in pairwise([time, *after])):
            return False
        return self.last is None or time > self.last or after[-1] < self.last

    def _far(self, time: float) -> str:
        return (
            f"{_shown(time)}, wanted a time near {_shown(self.last)}, that of the row before: the "
            "rows that follow do not go on from it"
        )

    def _back(self, time: float) -> str:
        return f"{_shown(time)}, wanted none before {_shown(self.last)}, that of an earlier row"


def _shown(seconds: float | None) -> str:
    return str(_EPOCH + timedelta(seconds=seconds or 0.0))


class Clock:
    """Reads times one by one and places them on circles.

    With a the part of the day that is over, b the day of the week and c the day of the year,
    counted from 0 and divided by their number, the places of a time are

        sin 2 pi a, cos 2 pi a, sin 2 pi b, cos 2 pi b, sin 2 pi c, cos 2 pi c

    Hour and day are those of the clock of the time zone a time is told in.

    Examples
    --------
    >>> Clock().calendar("2013-01-01 06:00").round(2).tolist()
    [1.0, 0.0, 0.78, 0.62, 0.0, 1.0]
    """

    def __init__(self) -> None:
        self._stamps = Stamps()

    def calendar(self, cell: Any) -> npt.NDArray[np.float64]:
        """Return the places of a time.

        Returns
        -------
        ndarray, shape (6,), float64

        Raises
        ------
        StreamError
            For something that is no time.
        """
        try:
            _, seconds = self._stamps.read(cell)
        except ValueError as error:
            raise StreamError(f"time is {error}") from None
        clock = _EPOCH + timedelta(seconds=seconds)
        year = (clock.timetuple().tm_yday - 1) / (365 + isleap(clock.year))
        angles = 2 * np.pi * np.array([seconds % _DAY / _DAY, clock.weekday() / 7, year])
        return np.column_stack([np.sin(angles), np.cos(angles)]).ravel()
