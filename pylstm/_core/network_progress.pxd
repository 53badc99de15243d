from pylstm._core.headers cimport pylstm_network
from pylstm._core.network_buffers cimport NetworkBuffers

cdef dict state_by_name(const pylstm_network *n, object rows, ptrdiff_t at_act, ptrdiff_t at_c,
                        ptrdiff_t at_q)
cdef dict counts(const pylstm_network *n)
cdef restore_counts(pylstm_network *n, object progress)


cdef class NetworkProgress(NetworkBuffers):
    cdef trace_segment(self, object flat, ptrdiff_t row)
    cdef object flat_parameters(self)
    cdef object progress(self)
    cdef object recorded(self)
    cdef restore(self, object progress)
    cdef void forget(self) noexcept nogil
