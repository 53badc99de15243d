from libc.stdint cimport int32_t

from pylstm._core.headers cimport pylstm_input, pylstm_network, pylstm_scale, pylstm_table


cdef class RunningScale:
    cdef pylstm_scale scale
    cdef object statistics_  # (3, n_columns): count, mean, variance
    cdef double *saved  # (3, n_columns), behind them: what they were, see keep

    cdef allocate(self)
    cdef RunningScale copy(self)
    cdef void go_on_from(self, RunningScale other) noexcept
    cdef object row(self, values)
    cdef void keep(self) noexcept nogil
    cdef void bring_back(self) noexcept nogil


cdef class Scaling:
    cdef pylstm_network *net
    cdef RunningScale inputs, targets  # None: these are not scaled
    cdef bint scales_x, scales_t
    cdef bint x_doubles, t_doubles  # of the values of the call
    cdef ptrdiff_t n_inputs
    cdef bint net_doubles
    cdef ptrdiff_t x_size, t_size, size  # bytes of a number of theirs, and of the network's
    cdef double weight  # of the gradient of the step, 1 but in `step_row`
    cdef bint partly  # whether a target may be NaN in part, only there
    cdef object memory_
    cdef Scaling leader  # None, or that of a network which has just standardised the same row
    cdef const unsigned char *seen  # (n_inputs): which inputs this one sees of them
    cdef char *z  # (SCALED_STEPS, n_inputs), standardised
    cdef char *t  # (SCALED_STEPS, n_outputs), standardised
    cdef char *row_y  # (n_outputs,), and row_t: of a single step, in the network's precision
    cdef char *row_t
    cdef double *before  # (SCALED_STEPS, 3, n_outputs): statistics the outputs are given back by
    cdef double *losses  # (n_outputs,): of at most so many heads
    cdef object plain_  # of several heads, (n_outputs,): which outputs are not scaled; or None
    cdef const unsigned char *plain  # its numbers, or NULL
    cdef char *row  # (n_outputs,): before it is scaled

    cdef set_up(self, dict config, pylstm_network *net)
    cdef allocate(self)
    cdef Scaling copy_for(self, pylstm_network *net)
    cdef object checked_inputs(self, object values, int ndim, str what)
    cdef object checked_targets(self, object values, int ndim, bint *missing)
    cdef const void *wanted(self, const double *target, bint *missing) except NULL nogil
    cdef void outputs(self, double *y) noexcept nogil
    cdef void expect(self, object x, object target) noexcept
    cdef void input(self, const void *x, char *z) noexcept nogil
    cdef void follow(self, char *z) noexcept nogil
    cdef void target(self, const void *target, char *t) noexcept nogil
    cdef void target_of_heads(self, const void *target, char *t) noexcept nogil
    cdef void in_units(self, const pylstm_scale *scale, const void *z, void *x) noexcept nogil
    cdef void output(self, void *y) noexcept nogil
    cdef int step(self, const pylstm_table *table, pylstm_input x, void *y) noexcept nogil
    cdef int predict(self, const pylstm_table *table, pylstm_input x, void *y) noexcept nogil
    cdef double learn(self, const pylstm_table *table, const void *target) noexcept nogil
    cdef double squares(self, const char *y, const void *target, ptrdiff_t first,
                        ptrdiff_t last) noexcept nogil
    cdef void draw_to_output(self, const char *y) noexcept nogil
    cdef int run(self, const pylstm_table *table, ptrdiff_t n_steps, const void *X,
                 const int32_t *tokens, const void *targets, void *Y, ptrdiff_t every,
                 ptrdiff_t *done) noexcept nogil
    cdef void give_back(self, ptrdiff_t n_steps, char *y) noexcept nogil
