cdef class Past:
    cdef readonly tuple seasons
    cdef public Py_ssize_t n_rows
    cdef public double last, error
    cdef readonly list profiles  # of every season, by row: how many values, and their mean; or None
    cdef object values_  # a ring, of which n are known, the last at `at`
    cdef Py_ssize_t n, at
    cdef readonly Py_ssize_t n_candidates, n_inputs

    cdef void count(self)
    cdef double before(self, Py_ssize_t back) noexcept
    cdef void learn_value(self, double value, double error) noexcept
    cdef void add_value(self, double value, double error) noexcept
    cdef void write_inputs(self, Py_ssize_t lead, double error, double *inputs) noexcept
    cdef void write_candidates(self, Py_ssize_t lead, double *found) noexcept
    cdef int become(self, Past other, bint profiles) except -1
    cdef Past copied(self)
    cdef Past aside(self)


cdef class Misses:
    cdef object counts_means_  # (2, n_candidates)
    cdef Py_ssize_t n_candidates

    cdef double start_of(self, const double *candidates, Py_ssize_t n_candidates) noexcept
    cdef void learn_from(self, const double *candidates, Py_ssize_t n_candidates,
                         double value) noexcept


cdef class Seen:
    cdef public Py_ssize_t n
    cdef public double mean, low, high

    cdef void learn_value(self, double value) noexcept
    cdef double within_bounds(self, double forecast) noexcept
