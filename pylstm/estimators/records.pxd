from cpython.ref cimport PyObject

from pylstm.estimators.experts cimport Experts
from pylstm.estimators.rows cimport Learner


cdef class Frame:
    cdef readonly object model
    cdef readonly Learner learner
    cdef readonly Py_ssize_t size  # bytes of a record
    cdef readonly object error  # FloatingPointError of the key at which `run` stopped
    cdef Experts experts
    cdef object features, pointers_, lengths_, seen_
    cdef Py_ssize_t n_nets, n_all, n_inputs, n_parts
    cdef PyObject **net  # those that learn, and behind them those that run ahead of them
    cdef object nets_, memory_
    cdef const unsigned char *memory  # whether each has a state
    cdef bint shared  # whether all networks have the same statistics
    cdef readonly bint leads  # and the first standardises the rows for all
    cdef void **part  # memory of fixed places
    cdef const Py_ssize_t *length

    cdef Py_ssize_t state_size(self, Py_ssize_t k) noexcept nogil
    cdef int put(self, PyObject *record, double *before) except -1 nogil
    cdef void take(self, PyObject *record, double *before) noexcept nogil
    cdef void carry(self, char *at, double *before, bint out) noexcept nogil
    cdef char *carry_network(self, Py_ssize_t k, char *at, bint out) noexcept nogil
    cdef char *carry_steps(self, Py_ssize_t k, char *at, bint out) noexcept nogil
    cdef Py_ssize_t settle(self) noexcept nogil
    cdef void share_statistics(self, bint of_inputs) noexcept nogil
