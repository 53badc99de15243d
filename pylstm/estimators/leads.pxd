cdef class Leads:
    cdef readonly list spreads
    cdef readonly Py_ssize_t n_buckets, n_candidates
    cdef object counts_, errors_, middles_, together_  # (n_buckets, n_candidates) twice, (n_buckets,) twice
    cdef object walks_  # (n_buckets,)

    cdef void learn_from(self, Py_ssize_t lead, const double *candidates, double mixed, double value)
    cdef int write_shares(self, Py_ssize_t n, double *shares) except -1
    cdef void blend(self, Py_ssize_t k, double trust, double *logs) noexcept
    cdef void quantiles_around(self, Py_ssize_t lead, double forecast, double *q) noexcept
    cdef Py_ssize_t nearest(self, Py_ssize_t k) noexcept
    cdef double between(self, Py_ssize_t lead, Py_ssize_t *k) noexcept
    cdef double mix_of(self, const double *shares, Py_ssize_t lead, const double *candidates) noexcept


cdef Py_ssize_t bucket(Py_ssize_t lead) noexcept
