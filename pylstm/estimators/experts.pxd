from pylstm.estimators.mixture cimport Mixture


cdef class Experts:
    cdef readonly list experts, nets, ahead
    cdef readonly Mixture mixture
    cdef readonly Py_ssize_t n_inputs, n_outputs
    cdef object seen_, views_, memory_, outputs_
    cdef bint all_seen

    cdef const double *view(self, Py_ssize_t k, const double *row) noexcept
    cdef int allocate(self) except -1
    cdef double *outputs_of(self, Py_ssize_t k) noexcept
    cdef int check_target(self, const double *target) except -1
    cdef int step_row(self, const double *row, const double *target, double weight, double *mixed) except -1
    cdef int predict_row(self, const double *row, double *mixed) except -1
    cdef int see_row(self, const double *row, double *mixed) except -1
