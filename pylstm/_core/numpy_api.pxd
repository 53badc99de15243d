"""What the modules here use of NumPy's C API, with no check of what they know to be arrays.

NumPy's own declarations check every argument, and bring all its types into every module.
"""

cdef extern from "numpy/arrayobject.h":
    ctypedef Py_ssize_t npy_intp
    ctypedef struct PyArrayObject:
        pass

    enum:
        NPY_FLOAT32, NPY_FLOAT64, NPY_INTP

    int import_array "_import_array"() except -1
    bint PyArray_Check(object)
    object PyArray_SimpleNew(int ndim, npy_intp *dims, int typenum)
    void *data_of "PyArray_DATA"(PyArrayObject *) noexcept
    npy_intp dim_of "PyArray_DIM"(PyArrayObject *, int) noexcept
    int ndim_of "PyArray_NDIM"(PyArrayObject *) noexcept
    int type_of "PyArray_TYPE"(PyArrayObject *) noexcept
    npy_intp size_of "PyArray_SIZE"(PyArrayObject *) noexcept
    bint is_carray "PyArray_ISCARRAY_RO"(PyArrayObject *) noexcept


cdef inline int check_array(object values) except -1:
    """For what nothing is known of."""
    if not PyArray_Check(values):
        raise TypeError(f"an array is wanted here, not {type(values).__name__}")
    return 0


cdef inline void *PyArray_DATA(object array) noexcept:
    return data_of(<PyArrayObject *>array)


cdef inline npy_intp PyArray_DIM(object array, int axis) noexcept:
    return dim_of(<PyArrayObject *>array, axis)


cdef inline int PyArray_NDIM(object array) noexcept:
    return ndim_of(<PyArrayObject *>array)


cdef inline int PyArray_TYPE(object array) noexcept:
    return type_of(<PyArrayObject *>array)


cdef inline npy_intp PyArray_SIZE(object array) noexcept:
    return size_of(<PyArrayObject *>array)


cdef inline bint PyArray_ISCARRAY_RO(object array) noexcept:
    return is_carray(<PyArrayObject *>array)
