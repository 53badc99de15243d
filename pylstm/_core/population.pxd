from pylstm._core.population_steps cimport PopulationSteps


cdef class PopulationBase(PopulationSteps):
    cdef object as_tokens(self, object X, ptrdiff_t count)
    cdef int check_follows(self, PopulationBase learner) except -1
    cdef void forget(self)
