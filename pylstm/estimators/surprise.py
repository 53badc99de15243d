"""How surprising errors of forecasts are: the tails of past errors, as one number a row.

Symbols: e(t) the error of a forecast, U_w(t) = |e(t) + e(t-1) + ... of w rows|, n how many have
been seen before, x_k the k-th largest of them, P the probability to be at least as large.

    P(U) = (k + 1) / (n + 2) (U / x_k)^(-1 / a)    a = mean log(x_j / x_k), j < k      U > x_k
    P(U) = (number above U + 1) / (n + 2)                                             else
    S(t) = mean over windows and forecasts of -log10 P  -  log10(n / 1000) / 2

The tail is that of Pareto, its index Hill's (A simple general approach to inference about the tail
of a distribution, Annals of Statistics 3, 1975). One row is a surprise by an outlier, several by
errors of one sign that each could be chance: so there are sums. In ten thousand rows something
rare will come by chance; half of the logarithm of their number is taken off.

An event is reported once: S counts only where it exceeds everything in the last hundred rows by a
tenth, `Rest`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Rest", "Surprise", "Tail"]

WINDOWS = (1, 24)  # rows
TOP = 20  # k
N_BINS, _BINS_A_DOUBLING = 1024, 8
RESTING = 100  # rows
_EXCESS = 1.1
_FIRST = 50  # nothing is rare among fewer
_FLATTEST = 100.0  # 1 / a: no tail falls faster
_USUAL_ROWS = 1000
_OUT_OF_NOTHING = 2.0  # -log10 P of an error where there has been none


class Tail:
    """Which part of the past was as large: exact for the largest, by a histogram for the rest."""

    def __init__(self) -> None:
        self.n = 0
        self.top: list[float] = []  # the largest, in rising order
        self.counts = np.zeros(N_BINS, np.int64)

    @staticmethod
    def _bin(size: float) -> int:
        """Where a size is in the histogram, 0 for none at all."""
        if size <= 0:
            return 0
        place = N_BINS // 2 + math.floor(_BINS_A_DOUBLING * math.log2(size))
        return min(max(place, 0), N_BINS - 1)

    def rarity(self, size: float) -> float:
        """Return -log10 of the probability to be at least as large, 0 as long as few are known."""
        n = self.n
        if n < _FIRST or size != size:
            return 0.0
        k = min(TOP, n // 4)
        least = self.top[-k - 1]
        if size > least > 0:
            log = math.log
            a = sum(log(x / least) for x in self.top[-k:]) / k
            beyond = log(size / least) / max(a, 1 / _FLATTEST)
            return (beyond - log((k + 1) / (n + 2))) / log(10)
        if size > least:
            return _OUT_OF_NOTHING
        return max(0.0, -math.log10((self._above(size) + 1) / (n + 2)))

    def _above(self, size: float) -> int:
        """How many were at least as large, but for those of its bin."""
        if size > self.top[0]:
            return len(self.top) - bisect_left(self.top, size)
        return int(self.counts[self._bin(size) :].sum())

    def learn(self, size: float) -> None:
        """Take in one more; NaN is none."""
        if size != size:
            return
        self.n += 1
        self.counts[self._bin(size)] += 1
        if len(self.top) <= TOP:
            insort(self.top, size)
        elif size > self.top[0]:
            insort(self.top, size)
            del self.top[0]

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {"n": self.n, "top": np.array(self.top, float), "counts": self.counts.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.n, self.top = state["n"], state["top"].tolist()
        self.counts = state["counts"].copy()


class Surprise:
    """Evidence of an anomaly in the errors of one or several forecasts of one variable.

    Parameters
    ----------
    n_forecasts : int
        How many errors a row has.
    """

    def __init__(self, n_forecasts: int) -> None:
        self.tails = [[Tail() for _ in WINDOWS] for _ in range(n_forecasts)]
        self.forget()

    def forget(self) -> None:
        """The errors before are those of another sequence."""
        self._last: list[deque[float]] = [deque(maxlen=max(WINDOWS) - 1) for _ in self.tails]

    def _sizes(self, k: int, error: float) -> list[float]:
        """U of every window that ends with this error."""
        if error != error:
            return [math.nan] * len(WINDOWS)
        before = list(self._last[k])
        sizes = []
        for w in WINDOWS:
            start = max(0, len(before) - w + 1)
            sizes.append(abs(error + sum(before[start:])))
        return sizes

    def evidence(self, errors: Sequence[float]) -> float:
        """Return S of a row with these errors, NaN where there is none; nothing changes."""
        total, count, n = 0.0, 0, 0
        for k, error in enumerate(errors):
            if error != error:
                continue
            for tail, size in zip(self.tails[k], self._sizes(k, error), strict=True):
                total += tail.rarity(size)
                n = max(n, tail.n)
                count += 1
        if not count or n < _FIRST:
            return 0.0
        return max(0.0, total / count - math.log10(n / _USUAL_ROWS) / 2)

    def learn(self, errors: Sequence[float]) -> None:
        """Take in the errors of a row."""
        for k, error in enumerate(errors):
            for tail, size in zip(self.tails[k], self._sizes(k, error), strict=True):
                tail.learn(size)
            self._last[k].append(0.0 if error != error else error)

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {
            "tails": [[tail.state() for tail in tails] for tails in self.tails],
            "last": [np.array(last, float) for last in self._last],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        for tails, saved in zip(self.tails, state["tails"], strict=True):
            for tail, one in zip(tails, saved, strict=True):
                tail.restore(one)
        for last, array in zip(self._last, state["last"], strict=True):
            last.extend(array.tolist())


class Rest:
    """Lets evidence through where it is more than anything just before."""

    def __init__(self) -> None:
        self.last: deque[float] = deque(maxlen=RESTING)

    def fresh(self, evidence: float) -> float:
        """Return the evidence, or 0 where it is no more than an event already reported."""
        most = max(self.last, default=0.0)
        return evidence if evidence > _EXCESS * most else 0.0

    def learn(self, evidence: float) -> None:
        """Take in the evidence of a row."""
        self.last.append(evidence)
