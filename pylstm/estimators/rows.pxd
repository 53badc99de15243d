cdef class Columns:
    cdef readonly Py_ssize_t n_rows
    cdef object features, places_, X_
    cdef double *row
    cdef double *before
    cdef bint all_given

    cdef int fill(self, Py_ssize_t t) except -1
    cdef void advance(self) noexcept
