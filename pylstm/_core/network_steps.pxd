from pylstm._core.headers cimport pylstm_input
from pylstm._core.network_progress cimport NetworkProgress


cdef class NetworkSteps(NetworkProgress):
    cdef object rows(self, object values, int ndim, Py_ssize_t width, str what)
    cdef bint is_row(self, object values, Py_ssize_t width) noexcept
    cdef int check_finite(self, object array, str what) except -1
    cdef int check_targets(self, object array, bint *missing) except -1
    cdef object spread(self, object targets, int ndim, str what)
    cdef object as_input(self, object x, pylstm_input *given)
    cdef object as_target(self, object target, bint *missing)
    cdef object empty_outputs(self)
    cdef int advance(self, pylstm_input x, void *y, const void *target) noexcept nogil
    cdef int check_single_steps(self, str what) except -1
    cdef object make_step(self, x, target)
    cdef int step_row(self, const double *x, const double *target, double weight, double *y) except -1 nogil
    cdef int predict_row(self, const double *x, double *y) except -1 nogil
    cdef int step_row_with(self, NetworkSteps learner, const double *x, double *y) except -1 nogil
    cdef int check_follows(self, NetworkSteps learner) except -1 nogil
    cdef int forget_sequence(self) except -1 nogil
    cdef int check_learnable(self) except -1
    cdef double correct(self, const void *target, const void *dy, bint update) noexcept nogil
    cdef double correct_step(self, object given, bint missing, const void *dy, bint update) except? -1
    cdef int check_truncated(self, str what) except -1
    cdef int check_nothing_collected(self) except -1
