"""Predict, then learn, row by row, once: the scores of a contender on a stream.

Regression: mean absolute error. Classification: accuracy. Forecast of H rows: the mean over the H
of their mean absolute errors, the first rows not scored (deep-river's ForecastingTrack).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.resident import resident_kib
from bench.streams.data import Row

__all__ = ["GRACE", "LEVELS", "Intervals", "Run", "forecast", "intervals", "progressive"]

GRACE = 12
_PIECES = 10


@dataclass(frozen=True)
class Run:
    """How a contender did.

    Parameters
    ----------
    score : float
        Mean absolute error or accuracy; NaN when the contender overflowed.
    n_rows : int
    seconds : float
        Of predicting and learning alone.
    resident : list of int
        KiB resident after each tenth of the stream; empty where `n_rows` was not told before.
    late : float, optional
        Of a forecast: the score when every forecast is compared one row late, as published.
    """

    score: float
    n_rows: int
    seconds: float
    resident: list[int] = field(default_factory=list)
    late: float | None = None

    @property
    def microseconds(self) -> float:
        """A row, predicted and learned."""
        return 1e6 * self.seconds / max(1, self.n_rows)


def progressive(
    model: Any,
    rows: Iterable[Row],
    kind: str,
    expected: int | None = None,
    tell: Callable[[int], None] | None = None,
    skip: int = 0,
) -> Run:
    """Predict each row and learn it.

    Parameters
    ----------
    model
        With ``predict_one`` and ``learn_one``.
    rows : iterable of (x, y)
    kind : {"regression", "classification"}
    expected : int, optional
        Number of rows, to note resident memory by tenths.
    tell : callable, optional
        Told the number of rows done, every thousand.
    skip : int
        Rows at the start that do not count.
    """
    clock = time.perf_counter
    predict, learn = model.predict_one, model.learn_one
    is_class = kind == "classification"
    total, n, seconds, resident = 0.0, 0, 0.0, []
    piece = max(1, expected // _PIECES) if expected else 0
    for x, y in rows:
        start = clock()
        p = predict(x)
        learn(x, y)
        seconds += clock() - start
        if n >= skip:
            total += (p == y) if is_class else abs(p - y)
        n += 1
        if piece and n % piece == 0:
            resident.append(resident_kib())
        if tell is not None and n % 1000 == 0:
            tell(n)
    score = total / (n - skip) if np.isfinite(total) else float("nan")
    return Run(score, n, seconds, resident)


def forecast(model: Any, targets: Iterable[float], horizon: int) -> Run:
    """Learn each target and forecast the next ones.

    A forecast is made after row t was learned and is for rows t+1 to t+horizon. `late` compares it
    with rows t+2 to t+1+horizon instead, which is what river's ``evaluate`` and deep-river's track
    do: they ask before the row is learned.
    """
    values = list(targets)
    clock = time.perf_counter
    made, seconds = [], 0.0
    for t, y in enumerate(values):
        start = clock()
        model.learn_one(y)
        made.append(np.array(model.forecast(horizon), float) if t >= GRACE - 1 else None)
        seconds += clock() - start
    errors: dict[int, list[Any]] = {0: [], 1: []}
    for late, found in errors.items():
        for t in range(GRACE, len(values) - horizon):
            found.append(np.abs(made[t - late] - np.array(values[t + 1 : t + 1 + horizon])))
    score, late_score = (float(np.mean(found)) for found in errors.values())
    return Run(score, len(values), seconds, late=late_score)


LEVELS = (0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Intervals:
    """How the intervals of a regressor did after the first tenth, at `LEVELS`.

    Parameters
    ----------
    shares : list of float
        Of targets inside.
    widths : list of float
        Mean width over that of the last value's, by the same method.
    log_score : float
        Mean log density of the targets.
    """

    shares: list[float]
    widths: list[float]
    log_score: float


def intervals(model: Any, rows: Iterable[Row], n_rows: int) -> Intervals:
    """Predict the distribution of each row, and learn it; the last value beside it."""
    from pylstm.estimators.spread import Spread

    last, spread, inside, width, scores = float("nan"), Spread(), [], [], []
    for n, (x, y) in enumerate(rows):
        if n >= n_rows // 10:
            found, control = model.predict_one(x, with_dist=True), spread.around(last)
            spans = [found.interval(level) for level in LEVELS]
            controls = [control.interval(level) for level in LEVELS]
            inside.append([low <= y <= high for low, high in spans])
            width.append([[high - low for low, high in both] for both in (spans, controls)])
            scores.append(found.log_score(y))
        model.learn_one(x, y)
        spread.learn(y - last)
        last = y
    ours, theirs = np.mean(width, 0)
    shares = np.mean(inside, 0).tolist()
    return Intervals(shares, (ours / theirs).tolist(), float(np.mean(scores)))
