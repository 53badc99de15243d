from pylstm.estimators.experts cimport Experts


cdef class Columns:
    cdef readonly Py_ssize_t n_rows
    cdef object features, places_, X_
    cdef const double *X
    cdef const Py_ssize_t *places
    cdef Py_ssize_t n_columns, size
    cdef double *row
    cdef double *before
    cdef bint all_given

    cdef int fill(self, Py_ssize_t t) except -1 nogil
    cdef void advance(self) noexcept nogil


cdef class Learner:
    cdef Experts experts
    cdef const double *W
    cdef double *said
    cdef Py_ssize_t width

    cdef int run(self, Columns columns, Py_ssize_t start, Py_ssize_t end) except -1 nogil
    cdef int look_ahead(self, Columns columns, Py_ssize_t start, Py_ssize_t end) except -1 nogil
    cdef int learn_row(self, double *row, Py_ssize_t t) except -1 nogil
    cdef int predict_row(self, double *row, double *said) except -1 nogil
