from pylstm._core.headers cimport pylstm_layout, pylstm_progress, pylstm_shape
from pylstm._core.network_buffers cimport NetworkBuffers

cdef dict state_by_name(const pylstm_shape *shape, const pylstm_layout *layout, object rows,
                        ptrdiff_t at_act, ptrdiff_t at_c, ptrdiff_t at_q)
cdef dict counts(const pylstm_progress *made)
cdef restore_counts(pylstm_progress *made, object progress)


cdef class NetworkProgress(NetworkBuffers):
    cdef trace_segment(self, object flat, ptrdiff_t row)
    cdef object flat_parameters(self)
    cdef dict named(self, str what)
    cdef object state(self)
    cdef object progress(self)
    cdef object recorded(self)
    cdef restore(self, object progress)
    cdef void forget(self) noexcept nogil
