cdef enum:
    N_LEVELS = 19


cdef class Spread:
    cdef public Py_ssize_t n
    cdef public double scale
    cdef double q[N_LEVELS]

    cdef void learn_error(self, double error, double weight) noexcept
    cdef void quantiles_around(self, double prediction, double *q) noexcept
    cdef void interval_around(self, double prediction, double level, double *low, double *high) noexcept


cdef class Target:
    cdef public double last, error
    cdef public Spread spread

    cdef void take_in(self, double value, double error, bint learns) noexcept


cdef double quantile_of(const double *q, double level) noexcept
cdef (double, double) interval_of(const double *q, double level) noexcept
