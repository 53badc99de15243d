# cython: language_level=3, cdivision=True, binding=True
"""Whom to believe how far ahead: a forecast is mixed of what several say, by their errors so far.

Symbols: l the lead, in rows; c_0 what the networks say when they go on from their own forecasts,
c_1, c_2, ... the baselines: the mean, the last value, a season repeated. Leads are told
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

import math

import numpy as np

from pylstm.estimators.distribution import Distribution

from pylstm._core cimport numpy_api as cnp
from libc.math cimport INFINITY, exp, fabs, fmax, log, log2, pow

from pylstm.estimators.numbers cimport numbers
from pylstm.estimators.spread cimport N_LEVELS, Spread, interval_of

cnp.import_array()

LONGEST = 1024

cdef double POWER = -16  # of a mean absolute error
cdef double PRIOR = 100
cdef double PRIOR_BUCKET = 4
cdef double PRIOR_ROWS = 32
cdef double REMEMBERED = 1000  # errors, or four forecasts where those are more
cdef double OUTLIER = 20  # times the mean error: no larger one is believed at once
cdef double LEAST = 1e-30


cdef Py_ssize_t bucket(Py_ssize_t lead) noexcept:
    """`bucket_of`."""
    cdef Py_ssize_t k = 0
    while (<Py_ssize_t>1 << k) < lead:
        k += 1
    return k


def bucket_of(lead):
    """Which bucket a lead is in: 0 for 1, 1 for 2, 2 for 3 and 4, 3 for 5 to 8."""
    return bucket(lead)


def longest_lead(seasons):
    """The longest lead at which forecasts are followed: a power of 2, two seasons at least."""
    return max(LONGEST, 1 << (2 * max(seasons, default=1) - 1).bit_length())


def middle(k):
    """Mean of log2 l over bucket k, by Stirling's formula where the bucket is long."""
    first, last = (1 << k >> 1) + 1 if k else 1, 1 << k
    total = (math.lgamma(last + 1) - math.lgamma(first)) / math.log(2)
    return total / (last - first + 1)


cdef class Leads:
    """Errors by lead of all that a forecast is mixed of, and of the mixture.

    Parameters
    ----------
    n_simple : int
        What there is to mix beside the networks.
    longest : int
        The longest lead told apart.
    """

    def __init__(self, n_simple, longest):
        n = bucket_of(longest) + 1
        self.n_buckets, self.n_candidates = n, 1 + n_simple
        self.counts_, self.errors_ = np.zeros((2, n, self.n_candidates))
        self.spreads = [Spread() for _ in range(n)]
        self.walks_ = np.zeros(n)
        self.middles_ = np.array([middle(k) for k in range(n)])
        # What the errors count that a forecast has in a bucket.
        self.together_ = np.array([math.sqrt(max(1, 1 << k >> 1)) for k in range(n)])

    cdef void learn_from(self, Py_ssize_t lead, const double *candidates, double mixed, double value):
        """Take in how far the candidates and their mixture were from the value that has come."""
        cdef Py_ssize_t j, k = bucket(lead)
        cdef double *counts = numbers(self.counts_) + k * self.n_candidates
        cdef double *errors = numbers(self.errors_) + k * self.n_candidates
        cdef double error, most = fmax(REMEMBERED, <double>(<Py_ssize_t>2 << k))
        cdef Spread spread = <Spread>self.spreads[k]
        if lead == ((<Py_ssize_t>1 << k) >> 1) + 1:
            numbers(self.walks_)[k] += 1
        for j in range(self.n_candidates):
            error = fabs(value - candidates[j])
            if not error < INFINITY:
                continue
            if counts[j] > 3 and error > OUTLIER * errors[j] > 0:
                error = OUTLIER * errors[j]
            if counts[j] < most:
                counts[j] += 1
            errors[j] += (error - errors[j]) / counts[j]
        if k and not spread.n:  # of the shape there is a lead before, if of another scale
            spread.q = (<Spread>self.spreads[k - 1]).q
        spread.learn_error(value - mixed, 1 / numbers(self.together_)[k])

    def shares(self, longest=None):
        """The shares of the candidates by bucket, and in one beyond the last.

        With `longest` as many as forecasts up to this lead ask for: an array, (n, n_candidates).
        """
        n = self.n_buckets if longest is None else min(self.n_buckets, bucket_of(longest) + 1)
        found = np.empty((1 + n, self.n_candidates))
        self.write_shares(1 + n, numbers(found))
        return found

    cdef int write_shares(self, Py_ssize_t n_wanted, double *shares) except -1:
        cdef double *logs
        cdef double n, trust, least, total
        cdef Py_ssize_t j, k
        blended = np.full(self.n_candidates, INFINITY)
        logs = numbers(blended)
        for k in range(n_wanted):
            n = numbers(self.walks_)[k] * numbers(self.together_)[k] if k < self.n_buckets else 0
            trust = n / (n + PRIOR_ROWS)
            if trust or not k:
                self.blend(k, trust if k else 1, logs)
            least = INFINITY
            for j in range(self.n_candidates):
                least = min(least, logs[j])
            total = 0
            for j in range(self.n_candidates):
                shares[j] = exp(POWER * (logs[j] - least)) if logs[j] < INFINITY else 0
            shares[0] *= pow(PRIOR, (1 - k / PRIOR_BUCKET) * (1 - trust))
            for j in range(self.n_candidates):
                total += shares[j]
            for j in range(self.n_candidates):
                shares[j] /= total if total else 1
            shares += self.n_candidates
        return 0

    cdef void blend(self, Py_ssize_t k, double trust, double *logs) noexcept:
        """s_kj of the candidates, from that of the bucket before; infinite where none is known."""
        cdef const double *counts = numbers(self.counts_) + k * self.n_candidates
        cdef const double *errors = numbers(self.errors_) + k * self.n_candidates
        cdef double own, reference = log(fmax(errors[2], LEAST))
        cdef Py_ssize_t j
        for j in range(self.n_candidates):
            if counts[j]:
                own = log(fmax(errors[j], LEAST)) - reference
                logs[j] = own if logs[j] == INFINITY else trust * own + (1 - trust) * logs[j]

    cdef double between(self, Py_ssize_t lead, Py_ssize_t *at) noexcept:
        """The bucket before a lead, and how far it is on the way to the next, from 0 to 1."""
        cdef const double *middles = numbers(self.middles_)
        cdef double low, high, place = log2(<double>lead)
        cdef Py_ssize_t k = bucket(lead)
        if k >= self.n_buckets:
            k = self.n_buckets - 1
        elif place < middles[k]:
            k -= 1
        low = middles[k]
        high = middles[k + 1] if k + 1 < self.n_buckets else low + 1
        at[0] = k
        return min(1.0, (place - low) / (high - low))

    cdef double mix_of(self, const double *shares, Py_ssize_t lead, const double *candidates) noexcept:
        """What the candidates say together of the row `lead` rows ahead, NaN saying nothing, by shares
        that reach to the bucket behind that of the lead."""
        cdef double share, way, total = 0, mixed = 0
        cdef Py_ssize_t j, k, n = self.n_candidates
        if lead == 1:
            return candidates[0]
        way = self.between(lead, &k)
        for j in range(n):
            share = shares[k * n + j] + way * (shares[(k + 1) * n + j] - shares[k * n + j])
            if share and candidates[j] == candidates[j]:
                total += share
                mixed += share * candidates[j]
        return mixed / total if total else candidates[0]

    def by_lead(self):
        """The shares of the candidates at leads 1, 2, ..., up to one beyond which they stay."""
        cdef Py_ssize_t k
        shares, last = self.shares(), math.ceil(2 ** (self.middles_[-1] + 1))
        found = [np.eye(1, self.n_candidates)[0]]
        for lead in range(2, last + 1):
            way = self.between(lead, &k)
            found.append(shares[k] + way * (shares[k + 1] - shares[k]))
        return np.array(found)

    cdef void quantiles_around(self, Py_ssize_t lead, double forecast, double *q) noexcept:
        """Of the value a forecast is for; NaN as long as no error is known."""
        cdef double after[N_LEVELS]
        cdef Py_ssize_t j, k
        cdef double way = self.between(lead, &k)
        (<Spread>self.spreads[self.nearest(k)]).quantiles_around(forecast, q)
        (<Spread>self.spreads[self.nearest(k + 1)]).quantiles_around(forecast, after)
        for j in range(N_LEVELS):
            q[j] += way * (after[j] - q[j])

    cdef Py_ssize_t nearest(self, Py_ssize_t k) noexcept:
        """The last bucket up to k with errors, as there are none of a lead whose values were missing;
        the first one with errors where there is none before."""
        cdef Py_ssize_t j
        for j in range(min(k, self.n_buckets - 1), -1, -1):
            if (<Spread>self.spreads[j]).n:
                return j
        for j in range(self.n_buckets):
            if (<Spread>self.spreads[j]).n:
                return j
        return 0

    def around(self, lead, forecast):
        """The distribution of the value a forecast is for."""
        quantiles = np.empty(N_LEVELS)
        self.quantiles_around(lead, forecast, numbers(quantiles))
        return Distribution(forecast, quantiles)

    def interval(self, lead, forecast, level):
        """The interval around a forecast in which the value is with probability `level`."""
        cdef double q[N_LEVELS]
        self.quantiles_around(lead, forecast, q)
        return interval_of(q, level)

    @property
    def walks(self):
        """How many forecasts have been followed as far as each bucket."""
        return [int(n) for n in self.walks_]

    def memory(self):
        """Where all it knows is: addresses and sizes in bytes."""
        arrays = (self.counts_, self.errors_, self.walks_)
        found = [(<size_t>numbers(array), array.nbytes) for array in arrays]
        return found + [part for spread in self.spreads for part in spread.memory()]

    def copy(self):
        """Another of the same errors."""
        cdef Leads copy = Leads.__new__(Leads)
        copy.n_buckets, copy.n_candidates = self.n_buckets, self.n_candidates
        copy.counts_, copy.errors_ = self.counts_.copy(), self.errors_.copy()
        copy.spreads, copy.walks_ = [spread.copy() for spread in self.spreads], self.walks_.copy()
        copy.middles_, copy.together_ = self.middles_, self.together_
        return copy

    def state(self):
        """Return what `restore` goes on from."""
        return {
            "counts": self.counts_.copy(),
            "errors": self.errors_.copy(),
            "walks": self.walks,
            "spreads": [spread.state() for spread in self.spreads],
        }

    def restore(self, state):
        """Go on from what `state` returned."""
        self.counts_, self.errors_ = np.array(state["counts"]), np.array(state["errors"])
        for spread, saved in zip(self.spreads, state["spreads"], strict=True):
            spread.restore(saved)
        self.walks_ = np.array(state["walks"], float)
