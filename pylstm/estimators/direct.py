"""The forecast a fixed number of rows ahead, helped by networks that learn it directly.

Symbols: h the horizon, v(t) what is known of the series after row t as inputs, `Past.inputs`; x(t)
features; start(t) the candidates for row t + h, weighed by their errors at this horizon; c_0 what
is forecast without these networks, c_j what network j says.

    c_j(t+h) = start(t) + net_j([v(t), x(t+h), x(t+h) - x(t+h-1)])     its target: y(t+h) - start(t)
    d(t+h) = sum_j w_j c_j(t+h)       w_j = f_j (m_j / m_0)^(-16 n / (n + 32)) / the sum of these
    f_0 = 1,  f_j = 100^(-32 / (n + 32))

with m_j the mean absolute error of c_j, and n how many errors are known, of which the last 1,000
or so count.

A step is made when the row comes that it is about, with v as it was h rows before, and learned at
once: state and traces are those of the step. So h rows of v wait, and a forecast is made by
another state of the same weights, which runs through what waits.

The error of that step is not the error of a forecast: the networks have learned by then from the
h - 1 rows between, which are like the one they are asked for. So m_j, and the quantiles of
intervals, are of forecasts that were made h rows before: after a row weights and states are frozen,
they go on through the h rows that come, and what they say of the last is compared with its value.
This begins anew every h + 1 rows: each time at another hour where h is 6, 12 or 24.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.estimators.ahead import Ahead, Walk
from pylstm.estimators.distribution import Distribution
from pylstm.estimators.experts import Experts
from pylstm.estimators.past import Misses, Past
from pylstm.estimators.series import Series
from pylstm.estimators.spread import Spread
from pylstm.estimators.values import as_finite, finite_or_none

__all__ = ["Direct"]

Array = npt.NDArray[Any]

POWER = -16  # of a mean absolute error
PRIOR = 100  # times as much c_0 is believed as a network whose errors are not known
PRIOR_ERRORS = 32
REMEMBERED = 1000  # errors
OUTLIER = 20  # times the mean error: no larger one is believed at once
LEAST = 1e-30


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
        self.errors = np.zeros(1)  # m_j
        self.spread = Spread()
        self._error = math.nan
        self._waiting: deque[tuple[Array, Array, float]] = deque(maxlen=horizon)
        self._ahead: Ahead | None = None
        # What is compared with the row that is `horizon` rows after the one where it began: c_0
        # on its way there, and the networks.
        self._followed: tuple[Walk, Ahead] | None = None
        self._frozen: tuple[Ahead, Ahead] | None = None

    def take(self, experts: Experts) -> None:
        """Learn with these networks, which are new."""
        self.experts, self.errors = experts, np.zeros(1 + len(experts.nets))

    # ------------------------------------------------------------ learning

    def learn(self, features: Array, value: float, weight: float) -> None:
        """Learn from the row that has come.

        Parameters
        ----------
        features : ndarray, shape (n_inputs,)
            A row that holds its features.
        value : float
        weight : float
            Of the gradient.
        """
        self._error = math.nan
        if len(self._waiting) < self.horizon:
            return
        assert self.experts is not None
        inputs, candidates, start = self._waiting[0]
        target, nets = np.array([as_finite(value - start)]), list(self.experts.nets)
        output = self.experts.step(_with_inputs(features, inputs), target, weight).item()
        if len(self.experts.nets) < len(nets):  # some have diverged
            self.errors = self.errors[[True, *(net in self.experts.nets for net in nets)]]
        self._error = finite_or_none(value - start - output)
        self.misses.learn(candidates, value)

    def wait(self, past: Past) -> None:
        """Keep what is known now for the row that is `horizon` rows ahead."""
        candidates = past.candidates(self.horizon)
        inputs = past.inputs(self.horizon, self._error)
        self._waiting.append((inputs, candidates, self.misses.start(candidates)))

    # ------------------------------------------------------------ forecasts that are followed

    def begin_to_follow(self, series: Series, experts: Experts) -> None:
        """Freeze what would be said now of the row `horizon` rows ahead, unless one is followed.

        Parameters
        ----------
        series : Series
        experts : Experts
            Its networks.
        """
        if self._followed or len(self._waiting) < self.horizon or not series.is_known:
            return
        assert self.experts is not None
        if self._frozen is None or not self._fit(self._frozen, experts):
            self._frozen = Ahead(experts, frozen=True), Ahead(self.experts, frozen=True)
        other, ahead = self._frozen
        ahead.begin()
        self._followed = series.begin(other), ahead

    def _fit(self, frozen: tuple[Ahead, Ahead], experts: Experts) -> bool:
        other, ahead = frozen
        return other.fits(experts) and ahead.fits(self.experts)

    def follow(self, series: Series, experts: Experts, features: Array, value: float) -> None:
        """Go on to the row that has come, before these networks learn from it.

        Parameters
        ----------
        series : Series
        experts : Experts
            Its networks.
        features : ndarray, shape (n_inputs,)
            A row that holds its features.
        value : float
            NaN where there is none to learn from.
        """
        if self._followed is None:
            return
        (walk, ahead), self._followed = self._followed, None
        if walk.lead == self.horizon or not self._fit((walk.ahead, ahead), experts):
            return
        other = series.go_on_to(walk, features)
        inputs, _, start = self._waiting[0]
        if not math.isfinite(ahead.step(_with_inputs(features, inputs))):
            return  # they have diverged
        self._followed = walk, ahead
        if walk.lead == self.horizon:
            self._compare(self._candidates(series, other, start, ahead), value)

    def _candidates(self, series: Series, other: float, start: float, ahead: Ahead) -> Array:
        said = [series.seen.bounded(start + output) for output in ahead.outputs.tolist()]
        return np.array([other, *said])

    def _compare(self, candidates: Array, value: float) -> None:
        errors = abs(value - candidates)
        if not np.isfinite(errors).all():
            return
        if self.spread.n > 3:
            errors = np.minimum(errors, OUTLIER * self.errors, where=self.errors > 0, out=errors)
        self.spread.learn(value - self._mixed(candidates))
        self.errors += (errors - self.errors) / min(self.spread.n, REMEMBERED)

    def _mixed(self, candidates: Array) -> float:
        """What comes of c_j."""
        trust = self.spread.n / (self.spread.n + PRIOR_ERRORS)
        errors = np.maximum(self.errors, LEAST)
        powers = POWER * trust * np.log(errors / errors[0])
        powers[1:] -= (1 - trust) * math.log(PRIOR)
        weights = np.exp(powers - powers.max())
        return float(weights @ candidates / weights.sum())

    # ------------------------------------------------------------ forecasts

    @property
    def ready(self) -> bool:
        """Whether an error is known, and something of the row `horizon` rows ahead."""
        return len(self._waiting) == self.horizon and self.spread.n > 0

    def forecast(self, series: Series, rows: Sequence[Array] | Array, other: float) -> float:
        """Forecast the row `horizon` rows ahead.

        Parameters
        ----------
        series : Series
        rows : sequence of ndarray
            The features of these rows.
        other : float
            What is forecast without these networks.
        """
        if not self.ready:
            return other
        assert self.experts is not None
        if self._ahead is None or not self._ahead.fits(self.experts):
            self._ahead = Ahead(self.experts)
        self._ahead.begin()
        output = math.nan
        for (inputs, _, _), features in zip(self._waiting, rows, strict=False):
            output = self._ahead.step(_with_inputs(features, inputs))
        if not math.isfinite(output):
            return other
        _, _, start = self._waiting[-1]
        return self._mixed(self._candidates(series, other, start, self._ahead))

    def around(self, forecast: float) -> Distribution:
        """The distribution of the value this forecast is for."""
        return self.spread.around(forecast)

    # ------------------------------------------------------------ state

    def forget(self) -> None:
        """A new sequence begins."""
        self._waiting.clear()
        self._error = math.nan
        self._followed = None
        if self.experts is not None:
            self.experts.reset()

    def copy(self, others: Experts | None) -> Direct:
        """An independent one that goes on as this one would, beside copies of `others`."""
        copy = Direct(self.horizon, 0)
        copy.experts = None if self.experts is None else self.experts.copy()
        copy.misses, copy.spread = self.misses.copy(), self.spread.copy()
        copy.errors, copy._error = self.errors.copy(), self._error
        copy._waiting.extend(self._waiting)
        if self._followed is not None:
            assert others is not None
            assert copy.experts is not None
            walk, ahead = self._followed
            copy._followed = walk.copy(others), ahead.copy(copy.experts)
        return copy

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        waiting = [[*inputs, *candidates, start] for inputs, candidates, start in self._waiting]
        width = len(waiting[0]) if waiting else 0
        followed = None
        if self._followed is not None:
            walk, ahead = self._followed
            followed = {"walk": walk.state(), "nets": ahead.state()}
        return {
            "experts": None if self.experts is None else self.experts.state(),
            "misses": self.misses.state(),
            "errors": self.errors.copy(),
            "spread": self.spread.state(),
            "error": self._error,
            "waiting": np.array(waiting, float).reshape(len(waiting), width),
            "followed": followed,
        }

    def restore(
        self,
        state: Mapping[str, Any],
        experts: Experts | None,
        others: Experts | None,
        seasons: Sequence[int],
    ) -> None:
        """Go on from what `state` returned, with experts that have been restored.

        Parameters
        ----------
        state : mapping
        experts : Experts
        others : Experts
            The networks of the series.
        seasons : sequence of int
        """
        self.experts, self._ahead, self._frozen = experts, None, None
        self.misses.restore(state["misses"])
        self.errors = np.array(state["errors"], float)
        self.spread.restore(state["spread"])
        self._error = float(state["error"])
        n_candidates = state["misses"].shape[1]
        self._waiting.clear()
        for row in np.array(state["waiting"], float):
            split = len(row) - 1 - n_candidates
            self._waiting.append((row[:split], row[split:-1], row[-1].item()))
        self._followed, followed = None, state["followed"]
        if followed is not None:
            assert experts is not None
            assert others is not None
            walk = Walk.restored(followed["walk"], others, seasons, frozen=True)
            self._followed = walk, Ahead.restored(followed["nets"], experts, frozen=True)


def _with_inputs(features: Array, inputs: Array) -> Array:
    """A row that holds its features, with inputs before them."""
    row = features.copy()
    row[: len(inputs)] = inputs
    return row
