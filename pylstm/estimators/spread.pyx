# cython: language_level=3, cdivision=True, binding=True
"""How far off a prediction may be: quantiles of the error that follow the stream.

Symbols: e(t) = y(t) - p(t) the error of a prediction, s(t) its scale, z = e / s, q_a the quantile
of z at level a, of the levels in `LEVELS`.

    z      = e(t) / s(t-1)
    q_a   += g (a - [z < q_a])                    g = max(1 / sqrt(n), 1 / 20), n errors so far
    s(t)   = s(t-1) + r (|e(t)| - s(t-1))         r = max(2 / (n + 1), 1 / 100)

The quantiles are tracked as in adaptive conformal inference (Gibbs & Candes 2021; with steps that
decay, Angelopoulos, Barber & Bates 2024): whatever the stream does, the share of errors below q_a
differs from a after T rows by no more than the way q_a has gone, divided by g T. So coverage is
held under drift, by a model that is wrong as by one that is right. A single outlier moves q_a by
g at most, and s by no more than ten times itself.
"""

import numpy as np

from pylstm.estimators.distribution import LEVELS, Distribution

from pylstm._core cimport numpy_api as cnp
from libc.float cimport DBL_MIN
from libc.math cimport INFINITY, NAN, fabs, fmax, log, sqrt

from pylstm.estimators.numbers cimport finite_or_none, numbers

cnp.import_array()

cdef double STEP = 0.05
cdef double FORGETTING = 0.01
cdef double OUTLIER = 10  # times the scale
cdef double CLOSE = 1e-3  # scales: quantiles are at least so far apart
cdef double LEAST = 1e-12  # of the prediction: no scale is smaller

cdef double levels[N_LEVELS]
cdef double first[N_LEVELS]  # of a Laplace distribution whose mean absolute deviation is 1
cdef Py_ssize_t j
for j in range(N_LEVELS):
    levels[j] = LEVELS[j]
    first[j] = np.sign(levels[j] - 0.5) * -log(2 * min(levels[j], 1 - levels[j]))


cdef double quantile_of(const double *q, double level) noexcept nogil:
    """What is below with a probability, of the quantiles at `LEVELS`: see `Distribution`."""
    cdef Py_ssize_t j = 0
    if level < levels[0]:
        return q[0] + (q[1] - q[0]) * log(level / levels[0])
    if level > levels[N_LEVELS - 1]:
        return q[N_LEVELS - 1] - (q[N_LEVELS - 1] - q[N_LEVELS - 2]) * log((1 - level) / levels[0])
    while j < N_LEVELS - 1 and level >= levels[j + 1]:
        j += 1
    if level == levels[j]:
        return q[j]
    return (q[j + 1] - q[j]) / (levels[j + 1] - levels[j]) * (level - levels[j]) + q[j]


cdef (double, double) interval_of(const double *q, double level) noexcept nogil:
    """`Distribution.interval`."""
    if q[0] != q[0]:
        return -INFINITY, INFINITY
    return quantile_of(q, (1 - level) / 2), quantile_of(q, (1 + level) / 2)


cdef class Spread:
    """Scale and quantiles of the errors so far."""

    def __init__(self):
        self.n, self.scale = 0, 0
        for j in range(N_LEVELS):
            self.q[j] = first[j]

    @property
    def quantiles(self):
        """Of z, at `LEVELS`: a list."""
        return [self.q[j] for j in range(N_LEVELS)]

    @quantiles.setter
    def quantiles(self, values):
        for j in range(N_LEVELS):
            self.q[j] = values[j]

    def learn(self, error, weight=1.0):
        """Take in the error of a prediction, target minus prediction; NaN is none.

        Of errors that go together each has a smaller `weight`, by which g and the least r shrink.
        """
        self.learn_error(error, weight)

    cdef void learn_error(self, double error, double weight) noexcept nogil:
        cdef double size = fabs(error), step, z
        cdef Py_ssize_t j
        if error != error:
            return
        if self.scale > 0:
            step = fmax(1 / sqrt(self.n), STEP) * weight
            z = error / self.scale
            for j in range(N_LEVELS):
                self.q[j] += step * (levels[j] - (z < self.q[j]))
            if self.n > 3:
                size = min(size, OUTLIER * self.scale)
        self.n += 1
        self.scale += (size - self.scale) * fmax(2.0 / (self.n + 1), FORGETTING * weight)

    cdef void quantiles_around(self, double prediction, double *q) noexcept nogil:
        """Of a target that is predicted, in rising order; NaN as long as no error is known."""
        cdef double scale = fmax(fmax(self.scale, LEAST * fabs(prediction)), DBL_MIN * 1e6)
        cdef double value
        cdef Py_ssize_t j, k
        for j in range(N_LEVELS):  # they are in order nearly always
            value = self.q[j] if self.n else NAN
            k = j
            while k > 0 and q[k - 1] > value:
                q[k] = q[k - 1]
                k -= 1
            q[k] = value
        for j in range(N_LEVELS):
            q[j] *= scale
            if j > 0:
                q[j] = fmax(q[j], q[j - 1] + CLOSE * scale)
        for j in range(N_LEVELS):
            q[j] += prediction

    cdef void interval_around(self, double prediction, double level, double *low, double *high) noexcept nogil:
        """`Distribution.interval` of a target that is predicted."""
        cdef double q[N_LEVELS]
        self.quantiles_around(prediction, q)
        low[0], high[0] = interval_of(q, level)

    def memory(self):
        """Where all it knows is: addresses and sizes in bytes."""
        return [(<size_t>&self.n, 8), (<size_t>&self.scale, 8), (<size_t>&self.q, 8 * N_LEVELS)]

    def around(self, prediction):
        """The distribution of a target that is predicted."""
        quantiles = np.empty(N_LEVELS)
        self.quantiles_around(prediction, numbers(quantiles))
        return Distribution(prediction, quantiles)

    def copy(self):
        """Another of the same errors."""
        cdef Spread copy = Spread.__new__(Spread)
        copy.n, copy.scale, copy.q = self.n, self.scale, self.q
        return copy

    def state(self):
        """Return what `restore` goes on from."""
        return {"n": self.n, "scale": self.scale, "quantiles": np.array(self.quantiles)}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.n, self.scale, self.quantiles = state["n"], state["scale"], state["quantiles"]


cdef class Target:
    """What is known of one target: its last value, the last error, the spread of the errors."""

    def __init__(self):
        self.last = self.error = NAN
        self.spread = Spread()

    def come(self, value, error, learns):
        """It has come, NaN where it has not, and with it how far off its prediction was."""
        self.take_in(value, error, learns)

    cdef void take_in(self, double value, double error, bint learns) noexcept nogil:
        self.error = finite_or_none(error)
        if learns:
            self.spread.learn_error(self.error, 1)
        if value == value:
            self.last = value

    def memory(self):
        """Where all that is known of it is: addresses and sizes in bytes."""
        return [(<size_t>&self.last, 8), (<size_t>&self.error, 8), *self.spread.memory()]

    def copy(self):
        """Another of which the same is known."""
        cdef Target copy = Target.__new__(Target)
        copy.last, copy.error, copy.spread = self.last, self.error, self.spread.copy()
        return copy
