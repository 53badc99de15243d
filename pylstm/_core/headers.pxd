"""What the modules here touch of the headers of csrc/: constants, structs, tables of calls.

The tables are C's; every other function of C is called through `pylstm._core.engine`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef extern from "threads/team.h":
    ctypedef struct pylstm_team:
        pass

cdef extern from "simd/blas.h":
    ctypedef struct pylstm_blas:
        void (*gemm[2])() noexcept nogil
        double from_ "from"

cdef extern from "network/shape.h":
    enum:
        PYLSTM_TANH, PYLSTM_LOGISTIC, PYLSTM_IDENTITY, PYLSTM_TANH_HALF, PYLSTM_TWO_TANH_HALF
        PYLSTM_SOFTMAX
        PYLSTM_SQUARED, PYLSTM_CROSS_ENTROPY
        PYLSTM_BIAS_NONE, PYLSTM_BIAS_GATES, PYLSTM_BIAS_ALL
        PYLSTM_FLOAT32, PYLSTM_FLOAT64
        PYLSTM_TRUNCATED, PYLSTM_BPTT, PYLSTM_RTRL
        PYLSTM_SIZE, PYLSTM_FLAG, PYLSTM_NUMBER

    ctypedef struct pylstm_head:
        ptrdiff_t from_ "from", n_outputs
        int output, loss
        double weight

    ctypedef struct pylstm_shape:  # what is read here; all of it is filled in by the table
        ptrdiff_t n_inputs, n_outputs, n_blocks, block_size, n_units
        int input_gate, forget_gate, output_gate, shortcut, hidden_bias, output, loss, precision, method
        const pylstm_head *heads
        ptrdiff_t n_heads, window, large_from
        ptrdiff_t n_below
        int has_above, bidirectional, cut

    ctypedef struct pylstm_field:
        const char *name
        size_t offset
        int kind

cdef extern from "network/layout.h":
    enum:
        PYLSTM_ALIGNMENT
        PYLSTM_LAZY_BELOW
        PYLSTM_LAZY_FROM
        PYLSTM_SHARES

    ctypedef struct pylstm_layout:
        int large, lazy
        ptrdiff_t n_cells, n_hidden, n_sources, n_out_sources, n_rows, n_traced
        ptrdiff_t row_i, row_f, row_g, row_o, row_u
        ptrdiff_t trace_i, trace_f, trace_g
        ptrdiff_t n_panels, panel_rows, panel_traced
        ptrdiff_t row_stride, trace_stride, out_stride, cell_stride
        ptrdiff_t at_output, at_peephole_i, at_peephole_f, at_peephole_o
        ptrdiff_t trace_peephole_i, trace_peephole_f
        ptrdiff_t back_size
        ptrdiff_t record_rows, record_width, most_pending, at_act, at_c, at_q, at_z, at_gates, at_hc
        ptrdiff_t at_net_out, at_y, at_has_error, at_delta, at_e, at_eo, at_coef, at_trace_coef
        ptrdiff_t state_size, parameter_size, trace_size, work_size, sensitivity_size
        ptrdiff_t n_carried, column_blocks, block_columns, column_shares

cdef extern from "network/network.h":
    enum:
        PYLSTM_SGD, PYLSTM_MOMENTUM, PYLSTM_RMSPROP, PYLSTM_ADAM, PYLSTM_OBGD
        PYLSTM_LAZY_STEPS
        PYLSTM_UPDATE_AT_END
        PYLSTM_OK, PYLSTM_DIVERGED

    ctypedef struct pylstm_input:
        const void *x
        ptrdiff_t token

    ctypedef struct pylstm_optimizer:
        int rule
        double learning_rate, first, second, epsilon, weight_decay, kappa, clip_value, clip_norm, decay
        const double *factors
        int64_t first_factor, n_updates
        double error
        void *moments[2]

    ctypedef struct pylstm_progress:
        ptrdiff_t n_pending, n_waiting, n_absorbed, n_collect
        int closed, learnable, has_errors, collected, traces_zero
        int64_t n_steps
        ptrdiff_t n_live
        int all_live

    ctypedef struct pylstm_buffers:
        int32_t *live
        int32_t *listed
        int32_t *tokens
        void *parameters
        void *gradient
        void *eligibility
        void *traces
        void *sensitivities
        void *record
        ptrdiff_t record_rows, record_stride
        void *back
        void *work

    ctypedef struct pylstm_network:
        pylstm_shape shape
        pylstm_layout layout
        pylstm_optimizer optimizer
        pylstm_progress progress
        pylstm_buffers buffers
        const pylstm_blas *blas
        pylstm_team *team
        int watched
        int busy
        pylstm_network *below
        pylstm_network *above
        pylstm_network *mate

    ctypedef struct pylstm_table:
        void (*prepare)(pylstm_network *) noexcept nogil
        void (*reset)(pylstm_network *) noexcept nogil
        int (*step)(pylstm_network *, pylstm_input, const void *, void *) noexcept nogil
        int (*predict)(pylstm_network *, pylstm_input, void *) noexcept nogil
        double (*learn)(pylstm_network *, const void *) noexcept nogil
        void (*learn_from)(pylstm_network *, const void *) noexcept nogil
        void (*trace_from)(pylstm_network *, const void *, double) noexcept nogil
        void (*reinforce)(pylstm_network *, double) noexcept nogil
        void (*update)(pylstm_network *) noexcept nogil
        int (*check_weights)(const pylstm_network *) noexcept nogil
        void (*collect)(pylstm_network *) noexcept nogil
        void (*write_back)(pylstm_network *) noexcept nogil
        int (*run)(pylstm_network *, ptrdiff_t, const void *, const int32_t *, const void *, void *,
                   ptrdiff_t, ptrdiff_t *) noexcept nogil
        ptrdiff_t (*first_not_finite)(const void *, ptrdiff_t) noexcept nogil
        void (*settle)(pylstm_network *) noexcept nogil
        void (*head_losses)(const pylstm_network *, const void *, double *) noexcept nogil

cdef extern from "streams/streams.h":
    ctypedef struct pylstm_streams:
        pylstm_network net
        ptrdiff_t n_streams
        ptrdiff_t record_steps, most_steps, record_size, traces_size, work_size, nets_size, coefs_size
        ptrdiff_t last_error
        pylstm_network *stream
        ptrdiff_t *n_made
        int *has_error
        void *nets
        void *coefs
        pylstm_team *team
        pylstm_streams *below
        pylstm_streams *above

    ctypedef struct pylstm_streams_table:
        void (*prepare)(pylstm_streams *) noexcept nogil
        void (*reset)(pylstm_streams *, const unsigned char *) noexcept nogil
        int (*step)(pylstm_streams *, const void *, void *) noexcept nogil
        int (*predict)(pylstm_streams *, const void *, void *) noexcept nogil
        void (*learn)(pylstm_streams *, const void *, double *) noexcept nogil
        void (*learn_from)(pylstm_streams *, const void *) noexcept nogil
        void (*update)(pylstm_streams *) noexcept nogil
        int (*check_weights)(const pylstm_streams *) noexcept nogil
        int (*run)(pylstm_streams *, ptrdiff_t, const void *, const void *, void *, ptrdiff_t,
                   ptrdiff_t *) noexcept nogil

cdef extern from "population/population.h":
    enum:
        PYLSTM_GAIN, PYLSTM_RATE, PYLSTM_FIRST_PART, PYLSTM_FIRST_GAIN, PYLSTM_SECOND_PART
        PYLSTM_ROOT, PYLSTM_SMALLEST, PYLSTM_KEPT, PYLSTM_SHRINK, PYLSTM_LIMIT, PYLSTM_RULE_LINES

    ctypedef struct pylstm_group:
        uint32_t pending, learnable, has_error, collected, diverged

    ctypedef struct pylstm_population:
        pylstm_shape shape
        pylstm_layout layout
        pylstm_team *team
        int busy
        ptrdiff_t n_nets
        double scale_memory, scale_limit
        int rule
        ptrdiff_t lanes, n_groups
        ptrdiff_t at_output, at_peephole_i, at_peephole_f, at_peephole_o, parameter_lines
        ptrdiff_t trace_peephole_i, trace_peephole_f, trace_lines
        ptrdiff_t at_act, at_c, at_q, at_z, at_hc, at_net_out, at_y, at_d, at_delta, step_lines, work_lines
        void *parameters
        void *gradient
        void *moments[2]
        void *eligibility
        void *traces
        void *steps
        void *work
        void *rules
        void *record
        pylstm_group *groups
        uint32_t *plain
        uint32_t *varying
        uint32_t *whole
        pylstm_optimizer *optimizers
        int64_t *n_steps
        int64_t *n_collect
        int64_t *n_updates
        double *errors
        double *input_scale
        double *target_scale

    enum:
        PYLSTM_BEGINS, PYLSTM_RESETS, PYLSTM_ENDS

    ctypedef struct pylstm_tape:
        const int32_t *tokens
        const void *X
        const void *targets
        const uint8_t *marks
        ptrdiff_t n_steps, at

    ctypedef struct pylstm_course:
        pylstm_tape tapes[2]
        ptrdiff_t most[2]
        int answering, begun
        ptrdiff_t n_parts
        int64_t *lengths
        ptrdiff_t n_ended, room
        int done

    ctypedef struct pylstm_population_call:
        const ptrdiff_t *place
        ptrdiff_t n_steps
        const void *X
        const void *targets
        ptrdiff_t x_stride, t_stride
        int all_targets
        ptrdiff_t every
        void *Y
        double *losses
        double decay
        const double *errors
        const int32_t *tokens
        ptrdiff_t n_sequences
        const ptrdiff_t *lengths
        ptrdiff_t l_stride
        int last
        pylstm_course *courses
        double tolerance

    ctypedef struct pylstm_population_table:
        void (*run)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*predict)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*learn)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*learn_from)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*trace_from)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*reinforce)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*update)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*reset)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*settle)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*run_sequences)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*run_courses)(pylstm_population *, const pylstm_population_call *) noexcept nogil

    ctypedef struct pylstm_record:
        ptrdiff_t lines

cdef extern from "recurrent/recurrent.h":
    ctypedef struct pylstm_recurrent:
        ptrdiff_t n_inputs, n_outputs, n_units
        int rtrl, readout, shortcut, hidden_bias, output_bias
        int squashing, output, loss
        ptrdiff_t window
        double learning_rate, momentum
        ptrdiff_t n_sources, n_out_sources, n_weights, at_output, parameter_size
        ptrdiff_t sensitivity_size
        ptrdiff_t at_a, row_size, work_size
        ptrdiff_t capacity, n_recorded, n_waiting, n_collect
        int64_t n_steps
        int learnable, has_error, has_errors, collected, p_zero, now, busy
        double *parameters
        double *gradient
        double *velocity
        double *tau
        double *record
        int32_t *tokens
        double *sensitivity
        double *net_out
        double *y
        double *delta
        double *work

    ctypedef struct pylstm_guesses:
        ptrdiff_t n_sequences
        const ptrdiff_t *lengths
        const double *X
        const int32_t *tokens
        const double *targets
        double *Y
        int last
        double tolerance
        const double *pool
        ptrdiff_t n_pool, n_taken

    ctypedef struct pylstm_recurrent_table:
        void (*reset)(pylstm_recurrent *) noexcept nogil
        int (*predict)(pylstm_recurrent *, pylstm_input) noexcept nogil
        double (*learn)(pylstm_recurrent *, const double *) noexcept nogil
        void (*update)(pylstm_recurrent *) noexcept nogil
        void (*collect)(pylstm_recurrent *) noexcept nogil
        int (*run)(pylstm_recurrent *, ptrdiff_t, const double *, const int32_t *, const double *,
                   double *, ptrdiff_t, int) noexcept nogil
        int (*run_sequences)(pylstm_recurrent *, ptrdiff_t, const ptrdiff_t *, const double *,
                             const int32_t *, const double *, double *, ptrdiff_t, int) noexcept nogil
        ptrdiff_t (*guess)(pylstm_recurrent *, pylstm_guesses *) noexcept nogil

cdef extern from "network/scale.h":
    ctypedef struct pylstm_scale:
        ptrdiff_t n_columns
        double memory, limit
        int centre
        double *count
        double *mean
        double *variance
        double *n_first
        double *first
        double *weight
    enum:
        PYLSTM_FIRST
        PYLSTM_STATISTICS

cdef extern from "simd/isa.h":
    ctypedef void (*pylstm_function)()
    ctypedef struct pylstm_kernel:
        const char *name
        pylstm_function function

    ctypedef struct pylstm_engine:
        const pylstm_table *network
        const pylstm_table *stack
        const pylstm_streams_table *streams
        const pylstm_population_table *population
        const pylstm_recurrent_table *recurrent
        const pylstm_kernel *kernels

    ctypedef struct pylstm_isa:
        const char *name
        int (*supported)()
        const pylstm_engine *engine[2]

cdef extern from "network/progress.h":
    enum:
        PYLSTM_DEBUG_BUILD

# Inline in the header: nothing to link.
cdef extern from "network/sizes.h":
    const ptrdiff_t PYLSTM_TOO_LARGE
    ptrdiff_t pylstm_sum(ptrdiff_t, ptrdiff_t) noexcept nogil
    ptrdiff_t pylstm_product(ptrdiff_t, ptrdiff_t) noexcept nogil
