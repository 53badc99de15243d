from libc.stdint cimport int32_t

from pylstm._core.network_steps cimport NetworkSteps


cdef class Network(NetworkSteps):
    cdef object as_rows(self, object X)
    cdef object as_target_rows(self, object targets, ptrdiff_t n_rows, str each)
    cdef object as_tokens(self, object X)
    cdef object as_steps(self, object X, ptrdiff_t *n_steps, const void **x_data,
                         const int32_t **token_data)
    cdef int run_steps(self, ptrdiff_t n_steps, const void *X, const int32_t *tokens,
                       const void *targets, void *Y, ptrdiff_t every,
                       ptrdiff_t *done) noexcept nogil
    cdef int go_through(self, ptrdiff_t n_sequences, const ptrdiff_t *lengths, const void *X,
                        const int32_t *tokens, const void *targets, void *Y, void *aside,
                        void *nothing, bint last, ptrdiff_t every) noexcept nogil
    cdef int run_for_last(self, ptrdiff_t n_steps, const void *X, const int32_t *tokens, const char *target,
                          char *y, void *aside, void *wanted, ptrdiff_t every) noexcept nogil
    cdef int stand_where(self, Network learner) except -1
    cdef int freeze_where(self, Network learner) except -1
