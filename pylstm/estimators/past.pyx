# cython: language_level=3, cdivision=True, binding=True
"""What is known of a series: its last values, and what a value some rows ahead may be like."""

from collections.abc import Sequence

import numpy as np

from pylstm.checks import check_size, within_memory
from pylstm.errors import brief
from pylstm.estimators.defaults import START_POWER

from pylstm._core cimport numpy_api as cnp
from libc.math cimport NAN, fabs, fmax, fmin, pow
from libc.string cimport memcpy

from pylstm.estimators.numbers cimport as_finite, numbers

cnp.import_array()

# How far the candidates were is remembered over so many rows, as scales are.
cdef double REMEMBERED = 3000
cdef double SMALLEST_MISS = 1e-30
cdef double SEASONS_REMEMBERED = 10
cdef double POWER = START_POWER


def as_seasons(season):
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


cdef class Past:
    """The last values of a series, a season and one more, and the last error.

    Parameters
    ----------
    seasons : sequence of int
    profiles : bool, default True
        Whether the mean of every row of a season, over the last ten seasons or so, is a candidate.
    """

    def __init__(self, seasons, profiles=True):
        self.seasons = tuple(seasons)
        self.n_rows = self.n = self.at = 0
        self.last = self.error = NAN
        with within_memory():
            self.profiles = [np.zeros((2, s)) for s in seasons] if profiles else None
            self.values_ = np.empty(max(2, *(s + 1 for s in self.seasons), 2))
        self.count()

    cdef void count(self):
        self.n_inputs = 3 + len(self.seasons)
        self.n_candidates = 1 + (2 + (self.profiles is not None)) * len(self.seasons)

    @property
    def n_remembered(self):
        """How many of the last values are remembered at most."""
        return cnp.PyArray_SIZE(self.values_)

    @property
    def values(self):
        """The values that are remembered, a list, the last one last."""
        return [self.before(back) for back in range(self.n, 0, -1)]

    cdef double before(self, Py_ssize_t back) noexcept:
        """The value `back` rows before the next, of those that are known: 1 is the last."""
        cdef Py_ssize_t size = cnp.PyArray_SIZE(self.values_), place = self.at - back
        return numbers(self.values_)[place + size if place < 0 else place]

    def learn(self, value, error):
        """The next value has come, NaN where there is none, and its forecast was so far off."""
        self.learn_value(value, error)

    cdef void learn_value(self, double value, double error) noexcept:
        cdef Py_ssize_t j, k, s
        cdef double *n
        cdef double *mean
        if value == value and self.profiles is not None:
            for j in range(len(self.seasons)):
                s = self.seasons[j]
                k = self.n_rows % s
                n = numbers(self.profiles[j]) + k
                mean = n + s
                n[0] = fmin(n[0] + 1, SEASONS_REMEMBERED)
                mean[0] += (value - mean[0]) / n[0]
        self.add_value(value, error)

    cdef void add_value(self, double value, double error) noexcept:
        """A value takes the place of the next, of which no mean learns."""
        cdef Py_ssize_t size = cnp.PyArray_SIZE(self.values_)
        self.n_rows += 1
        self.error = error
        numbers(self.values_)[self.at] = value
        self.at = self.at + 1 if self.at + 1 < size else 0
        self.n = min(self.n + 1, size)
        if value == value:
            self.last = value

    def inputs(self, lead, error):
        """What the networks see of it: last value, error, change; what came before the row `lead`
        rows ahead, a season or several, against the last value."""
        found = np.empty(self.n_inputs)
        self.write_inputs(lead, error, numbers(found))
        return found

    cdef void write_inputs(self, Py_ssize_t lead, double error, double *inputs) noexcept:
        cdef Py_ssize_t j, s
        inputs[0] = self.last
        inputs[1] = error
        inputs[2] = as_finite(self.before(1) - self.before(2)) if self.n > 1 else NAN
        for j in range(len(self.seasons)):
            s = self.seasons[j]
            inputs[3 + j] = NAN
            if self.n >= s:
                inputs[3 + j] = as_finite(self.before(s - (lead - 1) % s) - self.last)

    def candidates(self, lead=1):
        """What the value may be like: the last; for every season the one then, that one moved by
        what has changed since, and the mean of this row of the season."""
        found = np.empty(self.n_candidates)
        self.write_candidates(lead, numbers(found))
        return found

    cdef void write_candidates(self, Py_ssize_t lead, double *found) noexcept:
        cdef Py_ssize_t j, k, s
        cdef double then
        found[0] = self.last
        found += 1
        for j in range(len(self.seasons)):
            s = self.seasons[j]
            found[0] = found[1] = NAN
            if self.n > s:
                then = self.before(s - (lead - 1) % s)
                found[0], found[1] = then, as_finite(self.last + then - self.before(s + 1))
            found += 2
            if self.profiles is not None:
                k = (self.n_rows + lead - 1) % s
                profile = numbers(self.profiles[j])
                found[0] = profile[s + k] if profile[k] else NAN
                found += 1

    def forget(self):
        """There is no last value; the next row may be any of a season."""
        self.n_rows = self.n = self.at = 0
        for profile in self.profiles or ():
            profile.fill(0)
        self.last = self.error = NAN

    def copy(self):
        """Another one, of the same values."""
        return self.copied()

    cdef Past copied(self):
        copy = self.aside()
        if self.profiles is not None:
            copy.profiles = [profile.copy() for profile in self.profiles]
        return copy

    cdef Past aside(self):
        """Another one of the same values, which adds values and reads the means of this one."""
        cdef Past copy = Past.__new__(Past)
        copy.seasons, copy.profiles = self.seasons, self.profiles
        copy.n_rows, copy.n, copy.at = self.n_rows, self.n, self.at
        copy.last, copy.error = self.last, self.error
        copy.values_ = self.values_.copy()
        copy.n_inputs, copy.n_candidates = self.n_inputs, self.n_candidates
        return copy

    cdef int become(self, Past other, bint profiles) except -1:
        """Take over the values of another of the same seasons, and the means where wanted."""
        cdef Py_ssize_t j
        self.n_rows, self.n, self.at = other.n_rows, other.n, other.at
        self.last, self.error = other.last, other.error
        memcpy(numbers(self.values_), numbers(other.values_), 8 * cnp.PyArray_SIZE(self.values_))
        for j in range(len(self.seasons) if profiles and self.profiles is not None else 0):
            memcpy(numbers(self.profiles[j]), numbers(other.profiles[j]), 16 * <Py_ssize_t>self.seasons[j])
        return 0

    def memory(self, profiles=True):
        """Where all it knows is: addresses and sizes in bytes."""
        fields = (<size_t>&self.n_rows, <size_t>&self.n, <size_t>&self.at, <size_t>&self.last,
                  <size_t>&self.error)
        arrays = [self.values_, *((self.profiles or ()) if profiles else ())]
        return [*((field, 8) for field in fields),
                *((<size_t>numbers(array), array.nbytes) for array in arrays)]

    def state(self):
        """Return what `restore` goes on from."""
        profiles = self.profiles
        return {
            "past": np.array(self.values, float),
            "last": self.last,
            "error": self.error,
            "n_rows": self.n_rows,
            "profiles": None if profiles is None else [profile.copy() for profile in profiles],
        }

    def restore(self, state):
        """Go on from what `state` returned."""
        profiles = state["profiles"]
        self.profiles = None if profiles is None else [np.array(p, float) for p in profiles]
        self.count()
        self.n = self.at = 0
        for value in state["past"].tolist():
            self.add_value(value, NAN)
        self.n_rows, self.last, self.error = state["n_rows"], state["last"], state["error"]


cdef class Misses:
    """How far candidates have been from the values, and where a forecast starts among them.

    A file of 0.1.0 has errors of a season where there is none: then there are fewer candidates.
    """

    def __init__(self, n_candidates):
        self.restore(np.zeros((2, n_candidates)))

    def start(self, candidates):
        """The candidates, weighed by their errors so far; the first while there are none."""
        candidates = np.array(candidates, float)
        return self.start_of(numbers(candidates), candidates.size)

    cdef double start_of(self, const double *candidates, Py_ssize_t n_candidates) noexcept:
        cdef const double *n = numbers(self.counts_means_)
        cdef const double *mean = n + self.n_candidates
        cdef double weight, weights = 0, total = 0
        cdef Py_ssize_t k
        for k in range(min(n_candidates, self.n_candidates)):
            if n[k] and candidates[k] == candidates[k]:
                weight = pow(fmax(mean[k], SMALLEST_MISS), POWER)
                total += weight * candidates[k]
                weights += weight
        return as_finite(total / weights) if weights else candidates[0]

    def weights(self):
        """What the candidates weigh, 0 of one with no errors."""
        pairs = self.counts_means_.T.tolist()
        return [max(mean, SMALLEST_MISS) ** POWER if n else 0.0 for n, mean in pairs]

    def learn(self, candidates, value):
        """Learn how far the candidates were from the value that has come."""
        candidates = np.array(candidates, float)
        self.learn_from(numbers(candidates), candidates.size, value)

    cdef void learn_from(self, const double *candidates, Py_ssize_t n_candidates,
                         double value) noexcept:
        cdef double *n = numbers(self.counts_means_)
        cdef double *mean = n + self.n_candidates
        cdef double miss
        cdef Py_ssize_t k
        for k in range(min(n_candidates, self.n_candidates)):
            miss = fabs(value - candidates[k])
            if miss == miss:
                n[k] = fmin(n[k] + 1, REMEMBERED)
                mean[k] += (miss - mean[k]) / n[k]

    def memory(self):
        """Where all it knows is: addresses and sizes in bytes."""
        return [(<size_t>numbers(self.counts_means_), self.counts_means_.nbytes)]

    def copy(self):
        """Another of the same errors."""
        cdef Misses copy = Misses.__new__(Misses)
        copy.counts_means_, copy.n_candidates = self.counts_means_.copy(), self.n_candidates
        return copy

    def state(self):
        """Return what `restore` goes on from: how many, and their means."""
        return self.counts_means_.copy()

    def restore(self, state):
        """Go on from what `state` returned."""
        self.counts_means_ = np.array(state, float)
        self.n_candidates = self.counts_means_.shape[1]


cdef class Seen:
    """Range and running mean of the values so far."""

    def __init__(self):
        self.n = 0
        self.mean = self.low = self.high = NAN

    cdef void learn_value(self, double value) noexcept:
        """Take in a value; NaN is none."""
        if value != value:
            return
        self.n += 1
        if self.n == 1:
            self.mean = self.low = self.high = value
            return
        self.mean += (value - self.mean) / fmin(self.n, REMEMBERED)
        self.low, self.high = fmin(self.low, value), fmax(self.high, value)

    def bounded(self, forecast):
        """A forecast no further from the values seen than they are from each other."""
        return self.within_bounds(forecast)

    cdef double within_bounds(self, double forecast) noexcept:
        cdef double width = self.high - self.low
        if not self.n:
            return forecast
        return min(max(forecast, self.low - width), self.high + width)

    def bounds(self):
        """Between what `bounded` keeps a forecast, once there are values."""
        width = self.high - self.low
        return self.low - width, self.high + width

    def memory(self):
        """Where all it knows is: addresses and sizes in bytes."""
        fields = <size_t>&self.n, <size_t>&self.mean, <size_t>&self.low, <size_t>&self.high
        return [(field, 8) for field in fields]

    def copy(self):
        """Another of the same values."""
        cdef Seen copy = Seen.__new__(Seen)
        copy.n, copy.mean, copy.low, copy.high = self.n, self.mean, self.low, self.high
        return copy

    def state(self):
        """Return what `restore` goes on from."""
        return {"n": self.n, "mean": self.mean, "low": self.low, "high": self.high}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.n = state["n"]
        self.mean, self.low, self.high = state["mean"], state["low"], state["high"]
