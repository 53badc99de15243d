"""Whom to believe how far ahead: a forecast is mixed of what several say, by their errors so far.

Symbols: l the lead, in rows; c_0 what the networks say when they go on from their own forecasts,
c_1, c_2, ... what is simple: the mean, the last value, a season repeated. Leads are told
apart in buckets, bucket k those above 2^(k-1) up to 2^k; m_kj is the mean absolute error of c_j in
bucket k, n_k how many errors it is of, where m errors of one forecast count as sqrt(m).

    r_kj = log(m_kj / m_k2)           against the last value
    s_kj = (n_k r_kj + 32 s_(k-1)j) / (n_k + 32)        s_0j = r_0j
    p(l) = sum_j w_j c_j              w_j = f_kj exp(-16 s_kj) / the sum of these
    f_k0 = 100^((1 - k / 4) 32 / (n_k + 32)),  f_kj = 1 for what is simple

So errors of few forecasts count together with those at shorter leads, and as long as there are
few, networks are believed in the first 16 rows and not far beyond. In the end, where c_j is best
and c_0 worse than it by a share of x, the mixture is worse by x / (1 + (1 + x)^16) at most of these
two, less than 2 %. Between the middles of two buckets shares go over evenly in log l, and so do the
quantiles of the errors, which every bucket keeps for itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pylstm.estimators.spread import Distribution, Spread

__all__ = ["LONGEST", "Leads", "Shares", "bucket_of", "longest_lead"]

Shares = list[list[float]]

LONGEST = 1024
_POWER = -16  # of a mean absolute error
_PRIOR, _PRIOR_BUCKET, _PRIOR_ROWS = 100.0, 4, 32
_REMEMBERED = 1000  # errors, or four forecasts where those are more
_WILD = 20.0  # times the mean error: no larger one is believed at once
_LEAST = 1e-30


def bucket_of(lead: int) -> int:
    """Which bucket a lead is in: 0 for 1, 1 for 2, 2 for 3 and 4, 3 for 5 to 8."""
    return (lead - 1).bit_length()


def longest_lead(seasons: Sequence[int]) -> int:
    """The longest lead at which forecasts are followed: a power of 2, two seasons at least."""
    return max(LONGEST, 1 << (2 * max(seasons, default=1) - 1).bit_length())


def _middle(k: int) -> float:
    """Mean of log2 l over bucket k, by Stirling's formula where the bucket is long."""
    first, last = (1 << k >> 1) + 1 if k else 1, 1 << k
    total = (math.lgamma(last + 1) - math.lgamma(first)) / math.log(2)
    return total / (last - first + 1)


class Leads:
    """Errors by lead of all that a forecast is mixed of, and of the mixture.

    Parameters
    ----------
    n_simple : int
        What there is to mix beside the networks.
    longest : int
        The longest lead told apart.
    """

    def __init__(self, n_simple: int, longest: int) -> None:
        n_buckets = bucket_of(longest) + 1
        self.counts = [[0.0] * (1 + n_simple) for _ in range(n_buckets)]
        self.errors = [[0.0] * (1 + n_simple) for _ in range(n_buckets)]
        self.spreads = [Spread() for _ in range(n_buckets)]
        self._middles = [_middle(k) for k in range(n_buckets)]
        self.walks = [0] * n_buckets
        # What the errors count that a forecast has in a bucket.
        self._together = [math.sqrt(max(1, 1 << k >> 1)) for k in range(n_buckets)]

    def learn(self, lead: int, candidates: Sequence[float], mixed: float, value: float) -> None:
        """Take in how far the candidates and their mixture were from the value that has come."""
        k = bucket_of(lead)
        self.walks[k] += lead == (1 << k >> 1) + 1
        most = max(_REMEMBERED, 2 << k)
        counts, errors = self.counts[k], self.errors[k]
        for j, candidate in enumerate(candidates):
            error = abs(value - candidate)
            if not error < math.inf:
                continue
            n, mean = counts[j], errors[j]
            if n > 3 and error > _WILD * mean > 0:
                error = _WILD * mean
            if n < most:
                counts[j] = n = n + 1
            errors[j] = mean + (error - mean) / n
        if k and not self.spreads[k].n:  # of the shape there is a lead before, if of another scale
            self.spreads[k].quantiles = self.spreads[k - 1].quantiles.copy()
        self.spreads[k].learn(value - mixed, 1 / self._together[k])

    def shares(self, longest: int | None = None) -> Shares:
        """The shares of the candidates by bucket, and in one beyond the last.

        With `longest` as many as forecasts up to this lead ask for.
        """
        found, logs = [], [math.inf] * len(self.counts[0])
        last = len(self.counts)
        for k in range(1 + (last if longest is None else min(last, bucket_of(longest) + 1))):
            n = self.walks[k] * self._together[k] if k < len(self.walks) else 0.0
            trust = n / (n + _PRIOR_ROWS)
            if trust or not k:
                logs = self._blend(k, trust if k else 1.0, logs)
            least = min(logs)
            shares = [math.exp(_POWER * (log - least)) if log < math.inf else 0.0 for log in logs]
            shares[0] *= _PRIOR ** ((1 - k / _PRIOR_BUCKET) * (1 - trust))
            total = sum(shares)
            found.append([share / total for share in shares] if total else shares)
        return found

    def _blend(self, k: int, trust: float, before: list[float]) -> list[float]:
        """s_kj of the candidates, from that of the bucket before; infinite where none is known."""
        reference = math.log(max(self.errors[k][2], _LEAST))
        found = []
        for count, error, log in zip(self.counts[k], self.errors[k], before, strict=True):
            if count:
                own = math.log(max(error, _LEAST)) - reference
                log = own if log == math.inf else trust * own + (1 - trust) * log
            found.append(log)
        return found

    def _between(self, lead: int) -> tuple[int, float]:
        """The bucket before a lead, and how far it is on the way to the next, from 0 to 1."""
        place = math.log2(lead)
        k = bucket_of(lead)
        if k >= len(self._middles):
            k = len(self._middles) - 1
        elif place < self._middles[k]:
            k -= 1
        low = self._middles[k]
        high = self._middles[k + 1] if k + 1 < len(self._middles) else low + 1
        return k, min(1.0, (place - low) / (high - low))

    def mix(self, shares: Shares, lead: int, candidates: Sequence[float]) -> float:
        """What the candidates say together of the row `lead` rows ahead; NaN says nothing."""
        if lead == 1:
            return candidates[0]
        total = mixed = 0.0
        for candidate, share in zip(candidates, self._shares_at(shares, lead), strict=True):
            if share and candidate == candidate:
                total += share
                mixed += share * candidate
        return mixed / total if total else candidates[0]

    def _shares_at(self, shares: Shares, lead: int) -> list[float]:
        k, way = self._between(lead)
        pairs = zip(shares[k], shares[k + 1], strict=True)
        return [one + way * (other - one) for one, other in pairs]

    def by_lead(self) -> Shares:
        """The shares of the candidates at leads 1, 2, ..., up to one beyond which they stay."""
        shares, last = self.shares(), math.ceil(2 ** (self._middles[-1] + 1))
        first = [1.0] + [0.0] * (len(shares[0]) - 1)
        return [first, *(self._shares_at(shares, lead) for lead in range(2, last + 1))]

    def around(self, lead: int, forecast: float) -> Distribution:
        """The distribution of the value a forecast is for."""
        k, way = self._between(lead)
        last = max((j for j, spread in enumerate(self.spreads) if spread.n), default=0)
        low, high = (self.spreads[min(j, last)].around(forecast) for j in (k, k + 1))
        return low.towards(high, way)

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {
            "counts": np.array(self.counts),
            "errors": np.array(self.errors),
            "walks": list(self.walks),
            "spreads": [spread.state() for spread in self.spreads],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.counts, self.errors = state["counts"].tolist(), state["errors"].tolist()
        for spread, saved in zip(self.spreads, state["spreads"], strict=True):
            spread.restore(saved)
        self.walks = list(state["walks"])
