"""What is known of a series: its last values, and what a value some rows ahead may be like."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.checks import check_size, within_memory
from pylstm.errors import brief
from pylstm.estimators.defaults import START_POWER

__all__ = ["Misses", "Past", "Seen", "as_seasons"]

# How far the candidates were is remembered over so many rows, as scales are.
_REMEMBERED, _SMALLEST_MISS = 3000, 1e-30
_SEASONS_REMEMBERED = 10


def as_seasons(season: Any) -> tuple[int, ...]:
    """Return the seasons that an argument names, none for None, or raise ValueError."""
    if season is None:
        return ()
    if not isinstance(season, Sequence) or isinstance(season, str | bytes):
        return (check_size("season", season),)
    seasons = tuple(check_size("season", s) for s in season)
    if not seasons or len({*seasons}) < len(seasons):
        raise ValueError(
            f"season is {brief(season)}, wanted a whole number, or different ones of at least 1"
        )
    return seasons


class Past:
    """The last values of a series, a season and one more, and the last error.

    Parameters
    ----------
    seasons : sequence of int
    profiles : bool, default True
        Whether the mean of every row of a season, over the last ten seasons or so, is a candidate.
    """

    def __init__(self, seasons: Sequence[int], profiles: bool = True) -> None:
        self.seasons = tuple(seasons)
        self.n_rows = 0
        # Of every season, by row: how many values, and their mean.
        with within_memory():
            self.profiles = [np.zeros((2, s)) for s in seasons] if profiles else None
        self.values: deque[float] = deque(maxlen=max((2, *(s + 1 for s in seasons))))
        self.last = self.error = math.nan

    @property
    def n_candidates(self) -> int:
        """How many `candidates` there are."""
        return 1 + (2 + (self.profiles is not None)) * len(self.seasons)

    def learn(self, value: float, error: float) -> None:
        """The next value has come, NaN where there is none, and its forecast was so far off."""
        if value == value and self.profiles is not None:
            for s, profile in zip(self.seasons, self.profiles, strict=True):
                k = self.n_rows % s
                n, mean = min(profile.item(0, k) + 1, _SEASONS_REMEMBERED), profile.item(1, k)
                profile[0, k] = n
                profile[1, k] = mean + (value - mean) / n
        self.add(value, error)

    def add(self, value: float, error: float) -> None:
        """A value takes the place of the next, of which no mean learns."""
        self.n_rows += 1
        self.error = error
        self.values.append(value)
        if value == value:
            self.last = value

    def inputs(self, lead: int, error: float) -> list[float]:
        """What the networks see of it: last value, error, change; what came before the row `lead`
        rows ahead, a season or several, against the last value."""
        values, last = self.values, self.last
        change = values[-1] - values[-2] if len(values) > 1 else math.nan
        found = [last, error, change]
        for s in self.seasons:
            found.append(values[(lead - 1) % s - s] - last if len(values) >= s else math.nan)
        return found

    def candidates(self, lead: int = 1) -> list[float]:
        """What the value may be like: the last; for every season the one then, that one moved by
        what has changed since, and the mean of this row of the season."""
        values, last = self.values, self.last
        found = [last]
        for j, s in enumerate(self.seasons):
            if len(values) > s:
                then = values[(lead - 1) % s - s]
                found += [then, last + then - values[-s - 1]]
            else:
                found += [math.nan, math.nan]
            if self.profiles is not None:
                k = (self.n_rows + lead - 1) % s
                profile = self.profiles[j]
                found.append(profile.item(1, k) if profile.item(0, k) else math.nan)
        return found

    def forget(self) -> None:
        """There is no last value; the next row may be any of a season."""
        self.n_rows = 0
        if self.profiles is not None:
            for profile in self.profiles:
                profile.fill(0)
        self.values.clear()
        self.last = self.error = math.nan

    def copy(self) -> Past:
        """Another one, of the same values."""
        other = Past(self.seasons, False)
        other.n_rows = self.n_rows
        if self.profiles is not None:
            other.profiles = [profile.copy() for profile in self.profiles]
        other.values.extend(self.values)
        other.last, other.error = self.last, self.error
        return other

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        profiles = self.profiles
        return {
            "past": np.array(self.values, float),
            "last": self.last,
            "error": self.error,
            "n_rows": self.n_rows,
            "profiles": None if profiles is None else [profile.copy() for profile in profiles],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        profiles = state["profiles"]
        self.n_rows = state["n_rows"]
        self.profiles = None if profiles is None else [profile.copy() for profile in profiles]
        self.values.extend(state["past"].tolist())
        self.last, self.error = float(state["last"]), float(state["error"])


class Misses:
    """How far candidates have been from the values, and where a forecast starts among them."""

    def __init__(self, n_candidates: int) -> None:
        self._counts = [0.0] * n_candidates
        self._means = [0.0] * n_candidates

    def start(self, candidates: Sequence[float]) -> float:
        """The candidates, weighed by their errors so far; the first while there are none."""
        total = weight = 0.0
        # a file of 0.1.0 has errors of a season where there is none
        for w, candidate in zip(self.weights(), candidates, strict=False):
            if w and candidate == candidate:
                total += w * candidate
                weight += w
        return total / weight if weight else candidates[0]

    def weights(self) -> list[float]:
        """What the candidates weigh, 0 of one with no errors."""
        pairs = zip(self._counts, self._means, strict=True)
        return [max(mean, _SMALLEST_MISS) ** START_POWER if n else 0.0 for n, mean in pairs]

    def learn(self, candidates: Sequence[float], value: float) -> None:
        """Learn how far the candidates were from the value that has come."""
        n, mean = self._counts, self._means
        for k, candidate in enumerate(candidates):
            miss = abs(value - candidate)
            if miss == miss:
                if n[k] < _REMEMBERED:
                    n[k] += 1
                mean[k] += (miss - mean[k]) / n[k]

    def state(self) -> npt.NDArray[np.float64]:
        """Return what `restore` goes on from: how many, and their means."""
        return np.array([self._counts, self._means])

    def restore(self, state: npt.NDArray[np.float64]) -> None:
        """Go on from what `state` returned."""
        self._counts, self._means = state.tolist()


class Seen:
    """Range and running mean of the values so far."""

    def __init__(self) -> None:
        self.n = 0
        self.mean = self.low = self.high = math.nan

    def learn(self, value: float) -> None:
        """Take in a value; NaN is none."""
        if value != value:
            return
        self.n += 1
        if self.n == 1:
            self.mean = self.low = self.high = value
            return
        self.mean += (value - self.mean) / min(self.n, _REMEMBERED)
        self.low, self.high = min(self.low, value), max(self.high, value)

    def bounded(self, forecast: float) -> float:
        """A forecast no further from the values seen than they are from each other."""
        if not self.n:
            return forecast
        low, high = self.bounds()
        return min(max(forecast, low), high)

    def bounds(self) -> tuple[float, float]:
        """Between what `bounded` keeps a forecast, once there are values."""
        width = self.high - self.low
        return self.low - width, self.high + width

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {"n": self.n, "mean": self.mean, "low": self.low, "high": self.high}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.n = state["n"]
        self.mean, self.low, self.high = (float(state[name]) for name in ("mean", "low", "high"))
