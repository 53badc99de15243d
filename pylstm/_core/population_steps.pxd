from pylstm._core.headers cimport pylstm_population_call
from pylstm._core.population_buffers cimport PopulationBuffers

cdef void start(pylstm_population_call *call, object place) noexcept


cdef class PopulationSteps(PopulationBuffers):
    cdef object placing(self, object nets, Py_ssize_t *count)
    cdef object as_indices(self, object nets)
    cdef object as_array(self, object values, tuple shape, str what, bint scaled=*)
    cdef object are_numbers(self, object array, tuple shape, str what, str kind)
    cdef object inputs(self, object values, tuple shape)
    cdef object finite(self, object values, tuple shape, str what)
    cdef object as_targets(self, object values, tuple shape, bint *missing, object used=*)
    cdef int check_learnable(self, object places) except -1
    cdef int check_nothing_collected(self, object places) except -1
    cdef object advance(self, object place, ptrdiff_t count, ptrdiff_t n_steps, object X,
                        object targets, ptrdiff_t every, bint is_run, bint return_loss)
