"""The forecast a fixed number of rows ahead, by networks that learn it directly.

Symbols: h the horizon, v(t) what is known of the series after row t as inputs, `Past.inputs`; x(t)
features; start(t) the candidates for row t + h, weighed by their errors at this horizon.

    d(t+h) = start(t) + net([v(t), x(t+h), x(t+h) - x(t+h-1)])     its target: y(t+h) - start(t)

A step is made when the row comes that it is about, with v as it was h rows before, and learned at
once: state and traces are those of the step. So h rows of v wait, and a forecast is made by
another state of the same weights, which runs through what waits.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.estimators.ahead import Ahead
from pylstm.estimators.distribution import Distribution
from pylstm.estimators.experts import Experts
from pylstm.estimators.past import Misses, Past
from pylstm.estimators.spread import Spread
from pylstm.estimators.values import as_finite, finite_or_none

__all__ = ["Direct"]

Array = npt.NDArray[Any]


class Direct:
    """Networks beside those of a forecaster, with a horizon of their own.

    Parameters
    ----------
    horizon : int
    n_candidates : int
        Of `Past.candidates`.
    """

    def __init__(self, horizon: int, n_candidates: int) -> None:
        self.horizon = horizon
        self.experts: Experts | None = None
        self.misses = Misses(n_candidates)
        self.spread = Spread()
        self._error = math.nan
        self._waiting: deque[tuple[Array, Array, float]] = deque(maxlen=horizon)
        self._ahead: Ahead | None = None

    def learn(
        self, features: Array, value: float, bounds: tuple[float, float], weight: float
    ) -> None:
        """Learn from the row that has come.

        Parameters
        ----------
        features : ndarray, shape (n_inputs,)
            A row that holds its features.
        value : float
        bounds : tuple of two floats
            Between which forecasts are kept, see `Seen.bounds`.
        weight : float
            Of the gradient.
        """
        self._error = math.nan
        if len(self._waiting) < self.horizon:
            return
        assert self.experts is not None
        inputs, candidates, start = self._waiting[0]
        row, target = features.copy(), np.array([as_finite(value - start)])
        row[: len(inputs)] = inputs
        output = self.experts.step(row, target, weight).item()
        self._error = finite_or_none(value - start - output)
        self.misses.learn(candidates, value)
        low, high = bounds
        said = min(max(start + output, low), high)
        self.spread.learn(finite_or_none(value - said))

    def wait(self, past: Past) -> None:
        """Keep what is known now for the row that is `horizon` rows ahead."""
        candidates = past.candidates(self.horizon)
        inputs = past.inputs(self.horizon, self._error)
        self._waiting.append((inputs, candidates, self.misses.start(candidates)))

    @property
    def ready(self) -> bool:
        """Whether something is known of the row `horizon` rows ahead, and has been learned."""
        return len(self._waiting) == self.horizon and self.spread.n > 0

    def forecast(self, rows: Iterable[Array]) -> float:
        """What is said of the row `horizon` rows ahead, NaN if nothing yet.

        Parameters
        ----------
        rows : iterable of ndarray
            The features of these rows.
        """
        if not self.ready:
            return math.nan
        assert self.experts is not None
        if self._ahead is None or not self._ahead.fits(self.experts):
            self._ahead = Ahead(self.experts)
        self._ahead.begin()
        said = math.nan
        for (inputs, _, start), features in zip(self._waiting, rows, strict=False):
            row = features.copy()
            row[: len(inputs)] = inputs
            said = start + self._ahead.step(row)
        return said

    def around(self, forecast: float) -> Distribution:
        """The distribution of the value this forecast is for."""
        return self.spread.around(forecast)

    def forget(self) -> None:
        """A new sequence begins."""
        self._waiting.clear()
        self._error = math.nan
        if self.experts is not None:
            self.experts.reset()

    def copy(self) -> Direct:
        """An independent one that goes on as this one would."""
        copy = Direct(self.horizon, 0)
        copy.experts = None if self.experts is None else self.experts.copy()
        copy.misses, copy.spread = self.misses.copy(), self.spread.copy()
        copy._error = self._error
        copy._waiting.extend(self._waiting)
        return copy

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        waiting = [[*inputs, *candidates, start] for inputs, candidates, start in self._waiting]
        width = len(waiting[0]) if waiting else 0
        return {
            "experts": None if self.experts is None else self.experts.state(),
            "misses": self.misses.state(),
            "spread": self.spread.state(),
            "error": self._error,
            "waiting": np.array(waiting, float).reshape(len(waiting), width),
        }

    def restore(self, state: Mapping[str, Any], experts: Experts | None) -> None:
        """Go on from what `state` returned, with experts that have been restored."""
        self.experts, self._ahead = experts, None
        self.misses.restore(state["misses"])
        self.spread.restore(state["spread"])
        self._error = float(state["error"])
        n_candidates = state["misses"].shape[1]
        self._waiting.clear()
        for row in np.array(state["waiting"], float):
            split = len(row) - 1 - n_candidates
            self._waiting.append((row[:split], row[split:-1], row[-1].item()))
