cdef class Mixture:
    cdef readonly Py_ssize_t n_experts, n_targets

    cdef void mix_row(self, const double *outputs, double *mixed) noexcept
    cdef void learn_row(self, const double *outputs, const double *target, double *mixed) noexcept
    cdef Mixture copied(self)


cdef class ByError(Mixture):
    cdef object errors_, shares_, n_rows_  # (n_targets, n_experts) twice, (n_targets,)

    cdef void learn_target(self, Py_ssize_t j, double wanted, const double *outputs) noexcept
    cdef void weigh(self, Py_ssize_t j) noexcept


cdef class ByLikelihood(Mixture):
    cdef object weights_, logs_  # (n_experts,), (n_experts, n_targets)

    cdef void pool(self, const double *outputs, double *mixed) noexcept
