cdef class Mixture:
    cdef readonly Py_ssize_t n_experts, n_targets

    cdef void mix_row(self, const double *outputs, double *mixed) noexcept nogil
    cdef void learn_row(self, const double *outputs, const double *target, double *mixed) noexcept nogil
    cdef Mixture copied(self)


cdef class ByError(Mixture):
    cdef object errors_, shares_, n_rows_  # (n_targets, n_experts) twice, (n_targets,)
    cdef double *errors
    cdef double *shares
    cdef double *n_rows

    cdef void point(self)
    cdef void learn_target(self, Py_ssize_t j, double wanted, const double *outputs) noexcept nogil
    cdef void weigh(self, Py_ssize_t j) noexcept nogil


cdef class ByLikelihood(Mixture):
    cdef object weights_, logs_  # (n_experts,), (n_experts, n_targets)
    cdef double *shares
    cdef double *logs

    cdef void point(self)
    cdef void pool(self, const double *outputs, double *mixed) noexcept nogil
