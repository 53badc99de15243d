"""Who scores rows: pylstm's detector, and the same one with other forecasts in its place."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from itertools import pairwise

from bench.anomalies.data import Series
from pylstm.estimators import Detector
from pylstm.estimators.surprise import Rest, Surprise
from pylstm.tabular.clock import Clock

__all__ = ["CONTENDERS", "OURS", "season_of"]

OURS = "pylstm"
_DAY = 86_400
_ROWS_OF_A_MEAN = 100
_CALENDAR = ("day sin", "day cos", "week sin", "week cos", "year sin", "year cos")


def _step(series: Series) -> float:
    """Seconds from row to row, as the first of them tell."""
    seconds = series.seconds[:200]
    return statistics.median(b - a for a, b in pairwise(seconds))


def season_of(series: Series) -> int:
    """Rows in a day."""
    return max(2, round(_DAY / _step(series)))


def ours(series: Series, seed: int) -> list[float]:
    """The detector, told the calendar and how many rows a day has."""
    season, step, clock = season_of(series), _step(series), Clock()
    model, scores, before = Detector(season=season, seed=seed), [], math.nan
    for time, seconds, value in zip(series.times, series.seconds, series.values, strict=True):
        calendar = dict(zip(_CALENDAR, clock.calendar(time).tolist(), strict=True))
        if seconds - before > step:  # rows that are not there
            for _ in range(min(season, round((seconds - before) / step) - 1)):
                model.learn_one({}, {None: None})
        before = seconds
        scores.append(model.score_one(calendar, value))
        model.learn_one(calendar, value)
    return scores


def _by(errors: Iterator[list[float]], n_forecasts: int = 1) -> list[float]:
    """What the detector makes of errors that are not its own."""
    surprise, rest, scores = Surprise(n_forecasts), Rest(), []
    for row in errors:
        evidence = surprise.evidence(row)
        scores.append(rest.fresh(evidence))
        surprise.learn(row)
        rest.learn(evidence)
    return scores


def _last(values: list[float]) -> Iterator[float]:
    before = math.nan
    for value in values:
        yield value - before
        before = value


def _mean(values: list[float]) -> Iterator[float]:
    mean = math.nan
    for n, value in enumerate(values):
        yield value - mean
        mean = value if n == 0 else mean + (value - mean) / min(n + 1, _ROWS_OF_A_MEAN)


def _day_before(values: list[float], season: int) -> Iterator[float]:
    for n, value in enumerate(values):
        yield value - values[n - season] if n >= season else math.nan


def last_value(series: Series, seed: int) -> list[float]:
    """Forecast: the last value."""
    return _by([error] for error in _last(series.values))


def running_mean(series: Series, seed: int) -> list[float]:
    """Forecast: the mean, of some hundred rows."""
    return _by([error] for error in _mean(series.values))


def with_day_before(series: Series, seed: int) -> list[float]:
    """Two forecasts: the last value, and the one of the day before."""
    day = _day_before(series.values, season_of(series))
    return _by((list(pair) for pair in zip(_last(series.values), day, strict=True)), 2)


CONTENDERS: dict[str, Callable[[Series, int], list[float]]] = {
    OURS: ours,
    "last value": last_value,
    "running mean": running_mean,
    "last value and a day before": with_day_before,
}
