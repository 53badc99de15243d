from pylstm.estimators.experts cimport Experts
from pylstm.estimators.past cimport Past


cdef class Ahead:
    cdef Experts experts
    cdef readonly list nets
    cdef list learners
    cdef bint follows, frozen
    cdef Py_ssize_t n_inputs
    cdef object outputs_

    cdef bint is_of(self, Experts experts)
    cdef int start(self) except -1
    cdef double step_row(self, const double *row) except? -1


cdef class Walk:
    cdef readonly Ahead ahead
    cdef readonly object shares
    cdef readonly Py_ssize_t lead
    cdef readonly Past past, origin
    cdef readonly double mean

    cdef int begin(self, Past origin, double mean) except -1
    cdef int say(self, double *row, double start, double *said) except -1
