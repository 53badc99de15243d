from pylstm._core cimport numpy_api as cnp

from pylstm._core.headers cimport pylstm_shape, pylstm_table

# Rows of either precision.

cdef inline bint is_double(object array) noexcept:
    return cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64


cdef inline double number_at(const void *data, bint doubles, Py_ssize_t j) noexcept nogil:
    return (<const double *>data)[j] if doubles else (<const float *>data)[j]


cdef inline bint are_rows(object values, int ndim, Py_ssize_t width) noexcept:
    """Whether they are an array that needs no conversion but perhaps that of its type."""
    return (cnp.PyArray_Check(values) and cnp.PyArray_NDIM(values) == ndim
            and cnp.PyArray_DIM(values, ndim - 1) == width and cnp.PyArray_ISCARRAY_RO(values))


cdef inline ptrdiff_t row_not_finite(const pylstm_table *table, object array) noexcept:
    """The first row with a number that is not finite, or -1; the last axis is along a row."""
    cdef ptrdiff_t at = table.first_not_finite(cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array))
    return at if at < 0 else at // cnp.PyArray_DIM(array, cnp.PyArray_NDIM(array) - 1)


cdef object real_numbers(object values, object dtype, str what)
cdef object rows_of_type(object values, int typenum, int ndim, Py_ssize_t width, str what)
cdef object as_floats(object values, int ndim, Py_ssize_t width, str what)
cdef bint has_infinite(object array) noexcept

cdef int target_problem(const pylstm_shape *shape, object array, double largest, ptrdiff_t *row,
                        bint *missing) noexcept
cdef bint takes_any_number(const pylstm_shape *shape) noexcept nogil

cdef bint is_token(object x) except -1
cpdef ptrdiff_t update_interval(object update) except -1
