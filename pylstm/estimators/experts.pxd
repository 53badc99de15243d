from cpython.ref cimport PyObject

from pylstm.estimators.mixture cimport Mixture


cdef class Experts:
    cdef readonly list experts, nets, ahead
    cdef readonly Mixture mixture
    cdef readonly Py_ssize_t n_inputs, n_outputs
    cdef object seen_, views_, memory_, outputs_, pointers_
    cdef bint all_seen
    cdef Py_ssize_t n
    cdef PyObject **net  # of `nets`, and of `ahead` behind them
    cdef const unsigned char *seen  # (n, n_inputs)
    cdef const unsigned char *memory
    cdef double *views  # (n, n_inputs)
    cdef double *outputs  # (n, n_outputs)

    cdef const double *view(self, Py_ssize_t k, const double *row) noexcept nogil
    cdef int allocate(self) except -1
    cdef int point(self) except -1
    cdef int check_target(self, const double *target) except -1 nogil
    cdef int step_row(self, const double *row, const double *target, double weight, double *mixed) except -1 nogil
    cdef int step_expert(self, Py_ssize_t k, const double *row, const double *target, double weight) except -1 nogil
    cdef int predict_row(self, const double *row, double *mixed) except -1 nogil
    cdef int see_row(self, const double *row, double *mixed) except -1 nogil
