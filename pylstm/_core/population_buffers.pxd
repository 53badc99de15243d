from pylstm._core.headers cimport pylstm_population, pylstm_population_table, pylstm_table


cdef dict statistics_by_name(object rows)


cdef class PopulationBuffers:
    cdef pylstm_population pop
    cdef const pylstm_population_table *table
    cdef const pylstm_table *net_table
    cdef int typenum
    cdef object dtype_, everyone_
    cdef object parameters_, gradient_, traces_, steps_, work_, rules_, groups_, counts_
    cdef object regimes_, structs_, updates_, errors_, record_, config_, optimizers_
    cdef object eligibility_, input_scale_, target_scale_
    cdef list moments_, scheduled_  # the latter: nets with a schedule of the user's
    cdef str kind_
    cdef dict factors_  # those of the schedules asked for the call that goes on

    cdef allocate(self, dict config, ptrdiff_t n_nets)
    cdef object zeros(self, ptrdiff_t lines, object dtype=*)
    cdef set_optimizers(self, tuple optimizers)
    cdef void adopt(self, PopulationBuffers other) noexcept
    cdef drop_moments(self, ptrdiff_t count)
    cdef int plan_rates(self, object place, ptrdiff_t n_updates) except -1
    cdef int need_record(self, bint tokens) except -1
    cdef int take(self) except -1
    cdef void release(self) noexcept
    cdef void gather_helpers(self, ptrdiff_t n_steps) noexcept
    cdef object spread(self, object bits)
    cdef object views(self, object buffer)
    cdef object progress(self)
