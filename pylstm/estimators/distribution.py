"""Predictive distributions: quantiles around a prediction, see `pylstm.estimators.spread`."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief

__all__ = ["LEVELS", "Distribution", "check_level"]

Array = npt.NDArray[np.float64]

_TAIL = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4]
LEVELS = np.array([*_TAIL, 0.5, *(1 - level for level in reversed(_TAIL))])


def check_level(level: float) -> None:
    """Raise the sentence about what is no probability."""
    if not 0 < level < 1:
        raise ValueError(f"level is {brief(level)}, wanted a number between 0 and 1")


class Distribution:
    """Predictive distribution of a target: quantiles around a prediction, by past errors.

    Between the quantiles at `LEVELS` probability is spread evenly, beyond them it falls
    exponentially. River's distributions have the same methods.

    Parameters
    ----------
    mu : float
        The prediction.
    quantiles : ndarray, shape of `LEVELS`
        In rising order; NaN as long as no error is known: then nothing is excluded.

    Examples
    --------
    >>> from pylstm.estimators import Regressor
    >>> model = Regressor(n_cells=4)
    >>> for t in range(500):
    ...     model.learn_one({"hour": t % 24}, t % 24 + (t * 7919 % 100) / 100)
    >>> found = model.predict_one({"hour": 500 % 24}, with_dist=True)
    >>> low, high = found.interval(0.9)
    >>> low < found.mu < high, found.quantile(0.05) == low, found.cdf(low) < 0.051
    (True, True, True)
    """

    def __init__(self, mu: float, quantiles: Array) -> None:
        self.mu = mu
        self._quantiles = quantiles

    @property
    def sigma(self) -> float:
        """Half the central 68 % interval; of a normal distribution the standard deviation."""
        low, high = self.interval(0.6826894921370859)
        return (high - low) / 2

    def quantile(self, level: float) -> float:
        """Return the quantile: the target is below it with probability `level`.

        Parameters
        ----------
        level : float
            Between 0 and 1.

        Raises
        ------
        ValueError
            For a level that is not.
        """
        check_level(level)
        q = self._quantiles
        if q[0] != q[0]:
            return math.copysign(math.inf, level - 0.5)
        if level < LEVELS[0]:
            return float(q[0] + (q[1] - q[0]) * math.log(level / LEVELS[0]))
        if level > LEVELS[-1]:
            return float(q[-1] - (q[-1] - q[-2]) * math.log((1 - level) / LEVELS[0]))
        return float(np.interp(level, LEVELS, q))

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central interval in which the target is with probability `level`.

        Parameters
        ----------
        level : float
            Between 0 and 1.

        Raises
        ------
        ValueError
            For a level that is not.
        """
        check_level(level)
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def cdf(self, y: float) -> float:
        """Return the probability of a target of at most `y`; NaN as long as no error is known."""
        q = self._quantiles
        if q[0] != q[0]:
            return math.nan
        if y < q[0]:
            return float(LEVELS[0] * math.exp((y - q[0]) / (q[1] - q[0])))
        if y > q[-1]:
            return float(1 - LEVELS[0] * math.exp((q[-1] - y) / (q[-1] - q[-2])))
        return float(np.interp(y, q, LEVELS))

    def log_score(self, y: float) -> float:
        """Return the log of the density at `y`, the higher the better; NaN without errors."""
        q = self._quantiles
        if q[0] != q[0]:
            return math.nan
        k = int(np.clip(np.searchsorted(q, y), 1, q.size - 1))
        density = math.log((LEVELS[k] - LEVELS[k - 1]) / (q[k] - q[k - 1]))
        beyond = max(q[0] - y, y - q[-1], 0.0)
        return float(density - beyond / (q[k] - q[k - 1]))

    def __call__(self, y: float) -> float:
        """Return the density at `y`."""
        return math.exp(self.log_score(y))

    def __repr__(self) -> str:
        low, high = self.interval(0.9)
        return f"<Distribution mu={self.mu:g}, 90 % from {low:g} to {high:g}>"
