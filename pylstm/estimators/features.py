"""Rows of named numbers as inputs of a network, each beside its change since the row before.

A name has two inputs from the row in which it first appears: the number, and its difference to the
number of the row before. NaN stands where there is none, which the network takes for the mean.
Time stamps and text are numbers by other names first: `pylstm.estimators.calendar`, `categories`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.checkpoint import check_plain
from pylstm.estimators.calendar import Calendar
from pylstm.estimators.categories import Categories
from pylstm.estimators.rows import fill
from pylstm.estimators.values import as_number, check_row

__all__ = ["Features"]


class Features:
    """The names seen so far and the row of inputs made of them.

    Parameters
    ----------
    n_own : int
        Inputs before the first name, which the estimator fills in itself; more may come.
    calendar : Calendar, optional
        What time stamps are; without, they are seconds.

    Notes
    -----
    `row` is the vector given to the network; the row before is kept in a second one, and `advance`
    changes their places. `own` holds the places of the estimator's own inputs, `places` those of
    the features.
    """

    def __init__(self, n_own: int, calendar: Calendar | None = None) -> None:
        self.calendar = calendar
        self.categories = Categories()
        self._expands = calendar is not None  # whether rows are other than they are given
        self._filled: Mapping[Hashable, Any] = {}
        self.own = list(range(n_own))
        self.places: dict[Hashable, int] = {}
        self._allocate(max(1, n_own))

    def _allocate(self, size: int) -> None:
        self.row, self.before = np.full((2, size), np.nan)

    @property
    def size(self) -> int:
        """Number of inputs."""
        return self.row.size

    def fill(self, x: Mapping[Hashable, Any]) -> bool:
        """Write a row into `row`; tell whether all its names are known. Others are left out.

        Raises
        ------
        TypeError, ValueError
            For what is no number or text, or an infinite number.
        """
        if self._expands:
            self._filled, x = x, self._expanded(x)
        try:
            if len(x) != len(self.places):
                self.row.fill(np.nan)
            if fill(self.places, x, self.row, self.before):
                return True
        except (AttributeError, TypeError):  # text, of which none has come yet
            check_row(x)
            if self._expands:
                raise
            x = self.categories.expanded(x, self.places)
        self.row.fill(np.nan)  # where a name is unknown, one that is known may not be given
        return fill(self.places, x, self.row, self.before)

    def _expanded(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """The row with numbers in place of time stamps and text."""
        check_row(x)
        if self.calendar is not None:
            x = self.calendar.expanded(x)
        return self.categories.expanded(x, self.places)

    def takes_numbers(self, names: Iterable[Hashable]) -> bool:
        """Whether numbers under these names need nothing but a place."""
        has_values = self.categories.indicators.get
        return self.calendar is None and not any(map(has_values, names))

    def knows_numbers(self, names: Iterable[Hashable]) -> bool:
        """Whether all names have a place and none of any may be text."""
        return not self._expands and all(name in self.places for name in names)

    def settle(self, x: Mapping[Hashable, Any]) -> None:
        """Names without a value so far that have a number here are numbers."""
        self.categories.advance(x)
        self._note_kinds()

    def check(self, x: Mapping[Hashable, Any]) -> None:
        """Raise the sentence about the first value that is not a finite number, text or NaN."""
        check_row(x)
        for name, value in self.categories.expanded(x, self.places).items():
            as_number("feature", value, name)

    def check_rows(self, rows: Iterable[Mapping[Hashable, Any]]) -> None:
        """Raise the sentence about the first of rows to come that would be refused."""
        ahead = Features(0)
        ahead.restore(self.state())
        for x in rows:
            ahead.check(x)
            ahead.add(x)
            ahead.categories.advance(x)

    @property
    def has_text(self) -> bool:
        """Whether text has come, or something that may be text."""
        return bool(self.categories.indicators)

    def check_time(self, x: Mapping[Hashable, Any]) -> None:
        """Raise the sentence about a time stamp before that of the last row."""
        if self.calendar is not None:
            check_row(x)
            self.calendar.check(x)

    def following(self, n_rows: int) -> list[dict[Hashable, Any]]:
        """What is known beforehand of the next rows: their time."""
        if self.calendar is None:
            return [{} for _ in range(n_rows)]
        return self.calendar.following(n_rows)

    def knows_any(self, x: Mapping[Hashable, Any]) -> bool:
        """Whether a name in the row has been learned from, as a number, text or time."""
        times = () if self.calendar is None else self.calendar.last
        known = self.places, self.categories.indicators, times
        return any(name in names for name in x for names in known)

    def not_following(self) -> list[Hashable]:
        """The names of features of which nothing is known beforehand: all but times, sorted."""
        times = () if self.calendar is None else tuple(f"{name}: " for name in self.calendar.last)
        named = {name[0] if isinstance(name, tuple) else name for name in self.places}
        return sorted((name for name in named if not str(name).startswith(times)), key=str)

    def add(self, x: Mapping[Hashable, Any]) -> None:
        """Make room for names not yet known, in an order that is not that of the row."""
        x = x if self.calendar is None else self.calendar.expanded(x)
        for name in x:
            check_plain("the name of a feature", name)
        named = self.categories.add(x, self.places)
        self.places = {named.get(name, name): k for name, k in self.places.items()}
        self._note_kinds()
        names = self.categories.expanded(x, self.places)
        new = [name for name in names if name not in self.places]
        start = self._used
        for name in sorted(new, key=lambda name: (str(name), type(name).__name__)):
            self.places[name] = start
            start += 2
        self._make_room(start)

    def add_own(self, count: int) -> None:
        """Make room for so many more inputs of the estimator's own."""
        start = self._used
        self.own.extend(range(start, start + count))
        self._make_room(start + count)

    @property
    def _used(self) -> int:
        return len(self.own) + 2 * len(self.places)

    def _make_room(self, size: int) -> None:
        row, before = self.row, self.before
        self._allocate(max(size, self.size))
        self.row[: row.size] = row
        self.before[: before.size] = before

    def sees(self, own: bool, changes: bool) -> npt.NDArray[np.bool_]:
        """Which inputs those are that are no past targets, or no changes."""
        seen = np.ones(self.size, bool)
        seen[self.own] = own
        seen[np.array(list(self.places.values()), int) + 1] = changes
        return seen

    def advance(self) -> None:
        """The row just filled becomes the row before."""
        if self._expands:
            self._advance_kinds()
        self.row, self.before = self.before, self.row

    def _advance_kinds(self) -> None:
        if self.calendar is not None:
            self.calendar.advance(self._filled)
        self.categories.advance(self._filled)
        self._note_kinds()

    def _note_kinds(self) -> None:
        self._expands = self.calendar is not None or self.has_text

    def forget(self) -> None:
        """There is no row before."""
        self.before.fill(np.nan)
        if self.calendar is not None:
            self.calendar.forget()

    def state(self) -> dict[str, Any]:
        """Return names and the row before, as plain values and arrays."""
        return {
            "own": list(self.own),
            "names": list(self.places),
            "places": list(self.places.values()),
            "before": self.before.copy(),
            "calendar": None if self.calendar is None else self.calendar.state(),
            "categories": self.categories.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        before: npt.NDArray[np.float64] = state["before"]
        self.own = list(state.get("own", self.own))
        self.places = dict(zip(state["names"], state["places"], strict=True))
        self._allocate(before.size)
        self.before[:] = before
        if self.calendar is not None:
            self.calendar.restore(state["calendar"])
        self.categories.restore(state.get("categories"))
        self._note_kinds()
