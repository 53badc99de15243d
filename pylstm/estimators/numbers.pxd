"""Numbers of a row, float64."""

from pylstm._core cimport numpy_api as cnp
from libc.float cimport DBL_MAX
from libc.math cimport NAN, fabs


cdef inline double *numbers(object array) noexcept:
    """Of an array that is known to be of them, one after another."""
    return <double *>cnp.PyArray_DATA(array)


cdef inline double as_finite(double value) noexcept nogil:
    """The largest number there is in place of one that has overflowed; NaN stays."""
    if value > DBL_MAX:
        return DBL_MAX
    return -DBL_MAX if value < -DBL_MAX else value


cdef inline double finite_or_none(double value) noexcept nogil:
    """A number, NaN where it has overflowed."""
    return value if fabs(value) <= DBL_MAX else NAN
