"""A series some rows ahead, from its past and named features."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pylstm.checks import check_size
from pylstm.estimators.defaults import FORECASTER_EXPERTS, N_CELLS, START_POWER
from pylstm.estimators.estimator import Row, WithLastTarget
from pylstm.estimators.features import as_number, finite_or_none
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Forecaster"]

# How far the candidates were is remembered over so many rows, as scales are.
_MISSES_REMEMBERED, _SMALLEST_MISS = 3000, 1e-30


class Forecaster(WithLastTarget):
    """Forecast a series any number of rows ahead, and learn from every value.

    The network learns the change to the next value from where it starts, from the last value, the
    last error, the last change, the features of the next row and, with a season of s rows, how the
    value one season before the next stood to the last one:

        u(t) = [y(t-1), y(t-1) - p(t-1), y(t-1) - y(t-2), y(t-s) - y(t-1), x(t), x(t) - x(t-1)]
        p(t) = start(t) + net(u(t))
        start(t) = sum_j c_j / m_j^4 / sum_j 1 / m_j^4
        c_1 = y(t-1),  c_2 = y(t-s),  c_3 = y(t-1) + y(t-s) - y(t-s-1)

    with m_j the mean absolute error c_j has had so far. Without a season it starts from y(t-1).

    Further ahead a copy of the network goes on from its own forecasts, so that there are forecasts
    at any horizon from the second row on, by one network that learns from every row.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    season : int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily one.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        Of a single network; by default there are several, with those of
        `pylstm.estimators.defaults`, made for streams of any kind and length.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features and values are float64.
    seed : int, default 0
        Of the starting weights.

    Raises
    ------
    ValueError, TypeError
        For a parameter that makes no sense.

    Notes
    -----
    A forecast costs a copy of the network and a step forward a row. Memory: the network and the
    last season.

    Examples
    --------
    >>> import math
    >>> from pylstm.estimators import Forecaster
    >>> wave = [20 + 5 * math.sin(t * math.pi / 12) for t in range(2012)]
    >>> model = Forecaster(n_cells=8)
    >>> for value in wave[:2000]:
    ...     model.learn_one(value)
    >>> forecast = model.forecast(12)
    >>> max(abs(p - y) for p, y in zip(forecast, wave[2000:])) < 2
    True
    """

    _schema = "estimators.Forecaster"
    _experts_wanted = FORECASTER_EXPERTS

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        season: int | None = None,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        if season is not None:
            check_size("season", season)
        self._n_own = 3 if season is None else 4
        self.season: int | None
        self._begin()
        self._past: deque[float] = deque(maxlen=2 if season is None else max(2, season + 1))
        self._misses = np.zeros((2, 3))
        self._set_up(
            n_cells=n_cells,
            season=season,
            block_size=block_size,
            optimizer=optimizer,
            network=network,
            dtype=dtype,
            seed=seed,
        )

    def _forget(self) -> None:
        super()._forget()
        self._past.clear()

    def learn_one(self, y: float | None, x: Row | None = None) -> None:
        """Learn from the next value of the series.

        Parameters
        ----------
        y : float, optional
            None or NaN where there is none: the state advances and nothing is learned.
        x : mapping of names to numbers, optional
            Features of its row.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        with self._exclusive:
            try:
                self._learn(as_number("y", y), x)
            except Exception:
                self._take_back()
                raise
            self._before = None

    def _learn(self, value: float, x: Row | None) -> None:
        self._fill(x or {})
        self._write_own()
        change = self._target[0] = value - self._start()
        error = change - self._step(x or {}, self._target).item()
        self._judge(value)
        self._advance_row(value, error)

    def _write_own(self) -> None:
        cells, past = self._features.cells, self._past
        cells[0] = self._last
        cells[1] = self._error
        cells[2] = past[-1] - past[-2] if len(past) > 1 else math.nan
        if self.season:
            full = len(past) >= self.season
            cells[3] = past[-self.season] - self._last if full else math.nan

    def _candidates(self) -> list[float]:
        """What the next value may be like: the last, that of a season ago, and the latter moved."""
        last, past = self._last, self._past
        if self.season is None or len(past) <= self.season:
            return [last]
        return [last, past[-self.season], last + past[-self.season] - past[-self.season - 1]]

    def _start(self) -> float:
        """The candidates, weighed by their errors so far; the last value while there are none."""
        n, mean = self._misses.tolist()
        total = weight = 0.0
        for k, candidate in enumerate(self._candidates()):
            if n[k] and candidate == candidate:
                w = max(mean[k], _SMALLEST_MISS) ** START_POWER
                total += w * candidate
                weight += w
        return total / weight if weight else self._last

    def _judge(self, value: float) -> None:
        """Learn how far the candidates were from the value that has come."""
        n, mean = self._misses
        for k, candidate in enumerate(self._candidates()):
            miss = abs(value - candidate)
            if miss == miss:
                n[k] = min(n[k] + 1, _MISSES_REMEMBERED)
                mean[k] += (miss - mean[k]) / n[k]

    def _advance_row(self, value: float, error: float) -> None:
        """The row just filled is over, its value known."""
        self._features.advance()
        self._error = finite_or_none(error)
        self._past.append(value)
        if value == value:
            self._last = value

    def forecast(self, horizon: int, xs: Sequence[Row] | None = None) -> list[float]:
        """Return what is predicted for the next rows; nothing changes.

        Parameters
        ----------
        horizon : int
            How many rows, at least 1.
        xs : sequence of mappings, optional
            Features of these rows, as many as `horizon`; without, the mean stands for them.

        Returns
        -------
        list of float, of length `horizon`
            0 before the first value.

        Raises
        ------
        TypeError, ValueError
            For a horizon or features that make no sense.
        """
        check_size("horizon", horizon)
        rows = [{}] * horizon if xs is None else list(xs)
        if len(rows) != horizon:
            raise ValueError(f"xs has {len(rows)} rows, wanted the {horizon} of the horizon")
        with self._exclusive:
            for x in rows:
                self._features.check(x)
            if self._experts is None or self._last != self._last:
                return [0.0] * horizon
        ahead = self.copy()
        ahead._target[0] = math.nan
        forecasts = []
        for x in rows:
            ahead._features.fill(x)
            ahead._write_own()
            value = ahead._start() + ahead._step(x, ahead._target).item()
            ahead._advance_row(value, math.nan)
            forecasts.append(value)
        return forecasts

    def _state(self) -> dict[str, Any]:
        own = {"past": np.array(self._past, float), "misses": self._misses.copy()}
        return {**super()._state(), **own}

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self._past.extend(state["past"].tolist())
        self._misses[:] = state["misses"]


register(Forecaster, "estimators.Forecaster")
