from pylstm._core.headers cimport pylstm_network, pylstm_table, pylstm_team
from pylstm._core.scaling cimport Scaling

cdef enum:
    WAKING_SIZE = 1 << 20  # weights from which a single step is long enough to wake a thread for


cdef ptrdiff_t rows_wanted(ptrdiff_t n_steps, ptrdiff_t rows, ptrdiff_t most) noexcept nogil
cdef ptrdiff_t updates_in(ptrdiff_t n_steps, ptrdiff_t n_sequences, ptrdiff_t every) noexcept
cdef object schedule_factors(object schedule, ptrdiff_t first, ptrdiff_t count)
cdef diverged(const pylstm_network *n, str what)


cdef class NetworkBuffers:
    cdef pylstm_network net
    cdef const pylstm_table *table
    cdef int typenum
    cdef object dtype_
    cdef object parameters_, gradient_, traces_, sensitivities_, record_, back_, work_
    cdef object moments_, eligibility_, kind_, schedule_, factors_
    cdef object config_, optimizer_
    cdef object heads_  # memory of the heads, which no call changes; None where there are none
    cdef object live_, listed_, tokens_
    cdef bint scaled
    cdef Scaling scaling  # None where values come and go in the network's own units
    cdef tuple below  # the layers under it, each a network in memory, the lowest first
    cdef pylstm_network *lowest
    cdef Py_ssize_t n_owners  # references to the memory of the parameters that are the network's own

    cdef build(self, dict config, ptrdiff_t from_weights)
    cdef allocate(self, dict config, ptrdiff_t from_weights)
    cdef NetworkBuffers new_layer(self)
    cdef void join_layers(self) noexcept
    cdef tuple layers(self)
    cdef set_rule(self, kind, rule, numbers)
    cdef void point_at(self, object parameters) noexcept
    cdef int check_memory(self, limit) except -1
    cdef int plan_rates(self, ptrdiff_t n_updates) except -1 nogil
    cdef int ask_schedule(self, ptrdiff_t n_updates) except -1
    cdef Py_ssize_t n_references(self)
    cdef int take(self) except -1 nogil
    cdef void gather_helpers(self, bint wake) noexcept nogil
    cdef void share_out(self, bint wake) noexcept with gil
    cdef void lend_team(self, pylstm_team *team) noexcept nogil
    cdef read_weights(self, NetworkBuffers learner)
    cdef void watch(self) noexcept
    cdef void release(self) noexcept nogil
    cdef int make_room(self, ptrdiff_t n_steps) except -1 nogil
    cdef int make_room_below(self, ptrdiff_t n_steps) except -1 with gil
    cdef int lengthen_record(self, ptrdiff_t rows) except -1 with gil
    cdef bint is_large(self) noexcept nogil
    cdef bint scales_inputs(self) noexcept nogil
    cdef bint scales_targets(self) noexcept nogil
    cdef diverged(self)
