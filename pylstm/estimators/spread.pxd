cdef enum:
    N_LEVELS = 19


cdef class Spread:
    cdef public Py_ssize_t n
    cdef public double scale
    cdef double q[N_LEVELS]

    cdef void learn_error(self, double error, double weight) noexcept nogil
    cdef void quantiles_around(self, double prediction, double *q) noexcept nogil
    cdef void interval_around(self, double prediction, double level, double *low, double *high) noexcept nogil


cdef class Target:
    cdef public double last, error
    cdef public Spread spread

    cdef void take_in(self, double value, double error, bint learns) noexcept nogil


cdef double quantile_of(const double *q, double level) noexcept nogil
cdef (double, double) interval_of(const double *q, double level) noexcept nogil
