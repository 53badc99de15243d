# cython: language_level=3, cdivision=True, binding=True
"""What comes in, checked: numbers, targets, tokens, when weights change."""

import numpy as np

from pylstm.errors import brief, brief_text

from pylstm._core cimport numpy_api as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.math cimport fabs, isinf, isnan

from pylstm._core.headers cimport *

cnp.import_array()

cdef object numpy_integer = np.integer
cdef object dtypes = {cnp.NPY_FLOAT32: np.dtype(np.float32), cnp.NPY_FLOAT64: np.dtype(np.float64)}


# ---------------------------------------------------------------- numbers

cdef object real_numbers(object values, object dtype, str what):
    """`values` as an array that can be cast to the dtype, or a sentence why not."""
    array = np.asarray(values)
    if array.dtype == object or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(
            f"{what} has dtype {brief_text(array.dtype, 60)}, which cannot be cast safely: "
            f"wanted {dtype} or another real number type"
        )
    return array


cdef object as_rows(object values, object dtype, int ndim, Py_ssize_t width, str what):
    """`values`, a row or rows of so many numbers, as a C-contiguous array of the dtype."""
    array = real_numbers(values, dtype, what)
    if array.ndim != ndim or array.shape[ndim - 1] != width:
        wanted = f"({width},)" if ndim == 1 else f"(n_steps, {width})"
        raise ValueError(f"{what} has shape {brief(array.shape)}, wanted {wanted}")
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])


cdef object rows_of_type(object values, int typenum, int ndim, Py_ssize_t width, str what):
    """as_rows of float32 or float64, quick where there is nothing to do."""
    if are_rows(values, ndim, width) and cnp.PyArray_TYPE(values) == typenum:
        return values
    return as_rows(values, dtypes[typenum], ndim, width, what)


cdef object as_floats(object values, int ndim, Py_ssize_t width, str what):
    """as_rows of whichever of float32 and float64 it is, float64 for anything else."""
    if (are_rows(values, ndim, width)
            and (is_double(values) or cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT32)):
        return values
    return as_rows(values, dtypes[cnp.NPY_FLOAT64], ndim, width, what)


cdef bint has_infinite(object array) noexcept:
    cdef const void *data = cnp.PyArray_DATA(array)
    cdef bint doubles = is_double(array)
    cdef Py_ssize_t j
    cdef double value
    for j in range(cnp.PyArray_SIZE(array)):
        value = number_at(data, doubles, j)
        if isinf(value):
            return True
    return False


# ---------------------------------------------------------------- targets

cdef int head_problem(const void *data, bint doubles, Py_ssize_t start, Py_ssize_t n, int output, int loss,
                      double largest, bint *missing) noexcept nogil:
    """What is wrong with the target of n outputs of one kind that starts there: 0 nothing, else an
    index into TARGET_PROBLEMS of arrays.py."""
    cdef Py_ssize_t k, n_nan = 0
    cdef double value, total = 0
    for k in range(start, start + n):
        value = number_at(data, doubles, k)
        n_nan += isnan(value)
        total += value
    missing[0] = n_nan == n
    if missing[0]:
        return 0
    if n_nan > 0:
        return 1
    for k in range(start, start + n):
        value = number_at(data, doubles, k)
        if fabs(value) > largest:
            return 2
        if loss == PYLSTM_CROSS_ENTROPY and (value < 0 or value > 1):
            return 3
    if loss == PYLSTM_CROSS_ENTROPY and output == PYLSTM_SOFTMAX and fabs(total - 1) > 1e-4:
        return 4
    return 0


cdef int row_problem(const pylstm_shape *shape, const void *data, bint doubles, Py_ssize_t start,
                     double largest, bint *missing) noexcept nogil:
    """The same of the target row that starts there, of all heads."""
    cdef const pylstm_head *head
    cdef Py_ssize_t k
    cdef bint none
    cdef int problem
    if shape.n_heads == 0:
        return head_problem(
            data, doubles, start, shape.n_outputs, shape.output, shape.loss, largest, missing)
    missing[0] = True
    for k in range(shape.n_heads):
        head = shape.heads + k
        problem = head_problem(
            data, doubles, start + head.from_, head.n_outputs, head.output, head.loss, largest, &none)
        if problem:
            return 5 if problem == 1 else problem
        missing[0] &= none
    return 0


cdef int target_problem(const pylstm_shape *shape, object array, double largest, ptrdiff_t *row,
                        bint *missing) noexcept:
    """What is wrong with the first bad target from row[0] on, which becomes its row: 0 nothing, else an
    index into TARGET_PROBLEMS. largest: what a number may be; missing: whether the last row looked at
    is NaN, no target."""
    cdef const void *data = cnp.PyArray_DATA(array)
    cdef bint doubles = is_double(array)
    cdef ptrdiff_t n_rows = cnp.PyArray_SIZE(array) // shape.n_outputs
    cdef int problem
    missing[0] = False
    while row[0] < n_rows:
        problem = row_problem(shape, data, doubles, row[0] * shape.n_outputs, largest, missing)
        if problem:
            return problem
        row[0] += 1
    return 0


cdef bint takes_any_number(const pylstm_shape *shape) noexcept nogil:
    """Whether every target of finite numbers is one."""
    cdef Py_ssize_t k
    for k in range(shape.n_heads):
        if shape.heads[k].loss != PYLSTM_SQUARED:
            return False
    return shape.n_heads > 0 or shape.loss == PYLSTM_SQUARED


# ---------------------------------------------------------------- tokens, updates

cdef bint is_token(object x) except -1:
    """A single whole number."""
    if cnp.PyArray_Check(x):
        return cnp.PyArray_NDIM(x) == 0 and x.dtype.kind in "iu"
    if isinstance(x, int):
        return not isinstance(x, bool)
    return isinstance(x, numpy_integer)


cpdef ptrdiff_t update_interval(update) except -1:
    if update == "step":
        return 1
    if update == "sequence":
        return PYLSTM_UPDATE_AT_END
    if isinstance(update, (int, np.integer)) and not isinstance(update, bool) and update > 0:
        return min(update, PY_SSIZE_T_MAX)
    raise ValueError(f'update is {brief(update)}, wanted "step", "sequence" or a positive number of steps')
