from pylstm._core.headers cimport pylstm_population, pylstm_population_table, pylstm_table


cdef class PopulationBuffers:
    cdef pylstm_population pop
    cdef const pylstm_population_table *table
    cdef const pylstm_table *net_table
    cdef int typenum
    cdef object dtype_, everyone_
    cdef object parameters_, gradient_, velocity_, traces_, steps_, work_, rates_, groups_, counts_
    cdef object record_, config_, optimizers_

    cdef allocate(self, dict config, ptrdiff_t n_nets)
    cdef object zeros(self, ptrdiff_t lines)
    cdef set_rates(self, object optimizers, object rates, object momenta)
    cdef int need_record(self, bint tokens) except -1
    cdef int take(self) except -1
    cdef void release(self) noexcept
    cdef void gather_helpers(self, ptrdiff_t n_steps) noexcept
    cdef object spread(self, object bits)
    cdef object views(self, object buffer)
    cdef object progress(self)
