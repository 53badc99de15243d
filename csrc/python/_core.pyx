# cython: language_level=3, cdivision=True, binding=True
"""The seam between Python and the C engine: check, convert, call once.

No arithmetic happens here. A `Network` owns its buffers as NumPy arrays, shows them to the C struct,
and hands out views. `pylstm.LSTM` adds names, defaults and documentation.
"""

import os

import numpy as np

from pylstm.checks import check_real, check_size
from pylstm.errors import brief, brief_text

cimport numpy as cnp
from cpython.ref cimport Py_REFCNT
from libc.float cimport DBL_EPSILON, DBL_MAX, FLT_MAX
from libc.math cimport INFINITY, NAN, fabs, isfinite, isinf, isnan
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport int32_t, int64_t, uint32_t, uintptr_t
from libc.string cimport memcpy, memmove, memset

cnp.import_array()

cdef extern from "network/shape.h":
    enum:
        PYLSTM_TANH, PYLSTM_LOGISTIC, PYLSTM_IDENTITY, PYLSTM_TANH_HALF, PYLSTM_TWO_TANH_HALF
        PYLSTM_SOFTMAX
        PYLSTM_SQUARED, PYLSTM_CROSS_ENTROPY
        PYLSTM_BIAS_NONE, PYLSTM_BIAS_GATES, PYLSTM_BIAS_ALL
        PYLSTM_FLOAT32, PYLSTM_FLOAT64
        PYLSTM_TRUNCATED, PYLSTM_BPTT, PYLSTM_RTRL
        PYLSTM_SIZE, PYLSTM_FLAG, PYLSTM_NUMBER

    ctypedef struct pylstm_shape:  # what is read here; all of it is filled in by the table
        ptrdiff_t n_inputs, n_outputs, n_blocks, block_size
        int input_gate, forget_gate, output_gate, shortcut, hidden_bias, output, loss, precision, method
        ptrdiff_t window, large_from

    ctypedef struct pylstm_field:
        const char *name
        size_t offset
        int kind

    const pylstm_field pylstm_fields[]

cdef extern from "network/layout.h":
    enum:
        PYLSTM_ALIGNMENT
        PYLSTM_LAZY_TIMES
        PYLSTM_SHARES

    ctypedef struct pylstm_layout:
        int large, lazy
        ptrdiff_t n_cells, n_sources, n_out_sources, n_rows, n_traced
        ptrdiff_t row_i, row_f, row_g, row_o
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

    int pylstm_network_layout(const pylstm_shape *, pylstm_layout *)

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
        pylstm_team *team
        int watched
        int busy

    ctypedef struct pylstm_table:
        void (*prepare)(pylstm_network *) noexcept nogil
        void (*reset)(pylstm_network *) noexcept nogil
        int (*step)(pylstm_network *, pylstm_input, void *) noexcept nogil
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
        ptrdiff_t (*first_not_finite)(const void *, ptrdiff_t, ptrdiff_t) noexcept nogil
        void (*settle)(pylstm_network *) noexcept nogil

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

    int pylstm_streams_layout(pylstm_streams *, const pylstm_shape *)

cdef extern from "network/sizes.h":
    const ptrdiff_t PYLSTM_TOO_LARGE
    ptrdiff_t pylstm_sum(ptrdiff_t, ptrdiff_t) noexcept nogil
    ptrdiff_t pylstm_product(ptrdiff_t, ptrdiff_t) noexcept nogil

cdef extern from "simd/isa.h":
    ctypedef void (*pylstm_function)()
    ctypedef struct pylstm_kernel:
        const char *name
        pylstm_function function
    ctypedef struct pylstm_population_table
    ctypedef struct pylstm_recurrent_table
    ctypedef struct pylstm_engine:
        const pylstm_table *network
        const pylstm_streams_table *streams
        const pylstm_population_table *population
        const pylstm_recurrent_table *recurrent
        const pylstm_kernel *kernels

    ctypedef struct pylstm_isa:
        const char *name
        int (*supported)()
        const pylstm_engine *engine[2]

    const pylstm_isa pylstm_isas[]
    const int pylstm_n_isas

cdef extern from "threads/team.h":
    ctypedef struct pylstm_team:
        pass
    int pylstm_team_size(const pylstm_team *) noexcept nogil
    void pylstm_team_resize(pylstm_team *, int) noexcept nogil
    int pylstm_team_awake(const pylstm_team *) noexcept nogil
    int pylstm_team_acquire(pylstm_team *) noexcept nogil
    void pylstm_team_release(pylstm_team *) noexcept nogil
    void pylstm_help(pylstm_team *, int64_t) noexcept nogil

cdef extern from "network/network.h":
    int pylstm_acquire(pylstm_network *) noexcept nogil
    void pylstm_release(pylstm_network *) noexcept nogil

cdef extern from "threads/lock.h":
    int pylstm_take(int *) noexcept nogil
    void pylstm_give(int *) noexcept nogil

cdef extern from "network/progress.h":
    enum:
        PYLSTM_DEBUG_BUILD
    const char *pylstm_network_contradiction(const pylstm_network *) noexcept nogil
    const char *pylstm_streams_contradiction(const pylstm_streams *) noexcept nogil

cdef extern from "Python.h":
    void Py_FatalError(const char *) noexcept
    Py_ssize_t PyNumber_AsSsize_t(object, void *) except? -1


cdef void require(const char *contradiction) noexcept:
    """In a debug build, after every call: progress that contradicts itself is a fault of ours."""
    if contradiction != NULL:
        Py_FatalError(contradiction)


cdef int refuse_contradiction(const char *contradiction, str what) except -1:
    """Of what was saved."""
    if contradiction != NULL:
        raise ValueError(f"the saved {what} contradicts itself: {contradiction.decode()}")
    return 0


IN_USE = (
    "this {} is in use, by another thread or by the call that asks for its schedule or its arguments "
    "at this moment: give every thread its own, see {}.copy"
)


cdef class Exclusive:
    """Held by one call at a time, as ``with exclusive:``; a second call is refused, not kept waiting.

    For objects in Python that several calls change; networks have the same in C.
    """

    cdef int busy
    cdef str name

    def __init__(self, str name):
        self.name = name

    def __enter__(self):
        if not pylstm_take(&self.busy):
            raise RuntimeError(IN_USE.format(self.name, self.name))

    def __exit__(self, *error):
        pylstm_give(&self.busy)


# ---------------------------------------------------------------- instruction sets, sizes, threads

def available_isas():
    """Names of the instruction sets compiled in that this machine has, best last."""
    return [pylstm_isas[k].name.decode() for k in range(pylstm_n_isas) if pylstm_isas[k].supported()]


cdef const pylstm_isa *find_isa(str name) except NULL:
    for k in range(pylstm_n_isas):
        if pylstm_isas[k].name.decode() == name and pylstm_isas[k].supported():
            return &pylstm_isas[k]
    raise ValueError(
        f"instruction set {brief(name)} is not available here, choose one of "
        f"{', '.join(available_isas())}"
    )


cdef const pylstm_isa *current_isa = find_isa(os.environ.get("PYLSTM_ISA") or available_isas()[-1])


def choose_isa(name=None):
    """Use the named instruction set for networks built from now on; return the name of the one before."""
    global current_isa
    before = current_isa.name.decode()
    if name is not None:
        current_isa = find_isa(name)
    return before


cdef ptrdiff_t large_from = 1 << 15


def choose_large_from(n_weights=None):
    """Treat as large, from now on, networks of so many hidden weights; return the number before."""
    global large_from
    before = large_from
    if n_weights is not None:
        large_from = n_weights
    return before


def kernel_address(isa, dtype, name):
    """Address of a C kernel, for tests against its twin in `pylstm.reference`."""
    cdef const pylstm_kernel *kernel = find_isa(isa).engine[np.dtype(dtype) == np.float64].kernels
    while kernel.name != NULL:
        if kernel.name.decode() == name:
            return <uintptr_t>kernel.function
        kernel += 1
    raise ValueError(f"there is no kernel {brief(name)}")


include "_team.pxi"


# ---------------------------------------------------------------- names of the switches

SQUASHINGS = {
    "tanh": PYLSTM_TANH,
    "logistic": PYLSTM_LOGISTIC,
    "identity": PYLSTM_IDENTITY,
    "tanh_half": PYLSTM_TANH_HALF,
    "two_tanh_half": PYLSTM_TWO_TANH_HALF,
}
OUTPUTS = {
    "identity": PYLSTM_IDENTITY,
    "logistic": PYLSTM_LOGISTIC,
    "softmax": PYLSTM_SOFTMAX,
}
LOSSES = {"squared": PYLSTM_SQUARED, "cross_entropy": PYLSTM_CROSS_ENTROPY}
GRADIENTS = {"truncated": PYLSTM_TRUNCATED, "bptt": PYLSTM_BPTT, "rtrl": PYLSTM_RTRL}
HIDDEN_BIASES = {"all": PYLSTM_BIAS_ALL, "gates": PYLSTM_BIAS_GATES, "none": PYLSTM_BIAS_NONE}
CHOICES = {  # those of the shape
    "hidden_bias": HIDDEN_BIASES,
    "cell_input": SQUASHINGS,
    "cell_output": SQUASHINGS,
    "output": OUTPUTS,
    "loss": LOSSES,
}
RULES = {
    "sgd": PYLSTM_SGD,
    "momentum": PYLSTM_MOMENTUM,
    "rmsprop": PYLSTM_RMSPROP,
    "adam": PYLSTM_ADAM,
    "obgd": PYLSTM_OBGD,
}
N_MOMENTS = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2, "obgd": 0}
MOMENTS = ("first_moment", "second_moment")  # names of what is saved of them
UPDATE_AT_END = PYLSTM_UPDATE_AT_END  # what update_interval makes of "sequence"


TARGET_PROBLEMS = (
    "",
    "partly NaN, wanted all numbers, or NaN everywhere for no target",
    "wanted finite numbers",
    "wanted numbers from 0 to 1, the domain of the cross-entropy",
    "wanted numbers that sum to 1, the domain of the cross-entropy of a softmax",
)


def aligned_zeros(count, dtype):
    """A zeroed vector that starts on a cache line; ValueError where there is no memory for it."""
    dtype = np.dtype(dtype)
    size = count * dtype.itemsize
    try:
        if count >= PYLSTM_TOO_LARGE:
            raise MemoryError
        raw = np.zeros(size + PYLSTM_ALIGNMENT, np.uint8)
    except MemoryError:
        least = "at least " if count >= PYLSTM_TOO_LARGE else ""
        raise ValueError(
            f"these sizes need {least}{size:,} bytes in one piece, and there are not so many: wanted "
            "smaller sizes"
        ) from None
    start = -raw.ctypes.data % PYLSTM_ALIGNMENT
    return raw[start:start + size].view(dtype)


cdef object too_large(const pylstm_shape *shape, str more=""):
    """The error of sizes that no memory holds, or below 1; more: what is wanted of such a network."""
    return ValueError(
        f"{more}n_inputs={shape.n_inputs}, n_outputs={shape.n_outputs}, n_blocks={shape.n_blocks}, "
        f"block_size={shape.block_size} do not fit in any memory: wanted sizes from 1 on that do"
    )


cdef fill_shape(pylstm_shape *shape, dict config):
    """Sizes and switches of a network from the arguments of its constructor, by the table of
    csrc/network/shape.c."""
    cdef const pylstm_field *field = pylstm_fields
    cdef char *at
    while field.name != NULL:
        name = field.name.decode()
        value = CHOICES[name][config[name]] if name in CHOICES else config[name]
        at = <char *>shape + field.offset
        if field.kind == PYLSTM_SIZE:
            (<ptrdiff_t *>at)[0] = value
        elif field.kind == PYLSTM_FLAG:
            (<int *>at)[0] = value
        else:
            (<double *>at)[0] = value
        field += 1
    shape.precision = PYLSTM_FLOAT64 if np.dtype(config["dtype"]) == np.float64 else PYLSTM_FLOAT32


cdef double number(const pylstm_shape *shape, const void *data, Py_ssize_t j) noexcept nogil:
    if shape.precision == PYLSTM_FLOAT64:
        return (<const double *>data)[j]
    return (<const float *>data)[j]


cdef int target_problem(const pylstm_shape *shape, const void *data, bint *missing) noexcept nogil:
    """What is wrong with one target row: 0 nothing, else an index into TARGET_PROBLEMS."""
    cdef Py_ssize_t k, n_nan = 0
    cdef double value, total = 0
    for k in range(shape.n_outputs):
        value = number(shape, data, k)
        n_nan += isnan(value)
        total += value
    missing[0] = n_nan == shape.n_outputs
    if missing[0]:
        return 0
    if n_nan > 0:
        return 1
    for k in range(shape.n_outputs):
        value = number(shape, data, k)
        if not isfinite(value):
            return 2
        if shape.loss == PYLSTM_CROSS_ENTROPY and (value < 0 or value > 1):
            return 3
    if shape.loss == PYLSTM_CROSS_ENTROPY and shape.output == PYLSTM_SOFTMAX and fabs(total - 1) > 1e-4:
        return 4
    return 0


cpdef object checked_tokens(array, ptrdiff_t n_inputs):
    """An array of whole numbers as int32 tokens: a copy, which nobody can change after the check."""
    array = array.copy()
    if array.size and not 0 <= array.min() <= array.max() < n_inputs:
        bad = np.argwhere((array < 0) | (array >= n_inputs))[0]
        where = f"row {bad[0]}" if array.ndim == 1 else ", ".join(map(str, bad))
        raise ValueError(
            f"tokens has value {array[tuple(bad)]} at {where}: wanted 0 .. {n_inputs - 1}"
        )
    return np.require(array, np.int32, ["C_CONTIGUOUS", "ALIGNED"])


cpdef object checked_lengths(lengths, ptrdiff_t n_steps, ptrdiff_t count=-1):
    """Lengths of sequences, (n_sequences,) that sum to n_steps; None for one sequence. With a count
    of nets (count, n_sequences) too, each row summing to at most n_steps."""
    if lengths is None:
        lengths = [n_steps] if n_steps else []
    array = np.asarray(lengths)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.intp)
    shapes = "(n_sequences,)" if count < 0 else f"({count}, n_sequences), or (n_sequences,) shared by all"
    if array.dtype.kind not in "iu" or not (
            array.ndim == 1 or (array.ndim == 2 and array.shape[0] == count)):
        raise ValueError(
            f"lengths has dtype {brief_text(array.dtype, 60)} and shape {brief(array.shape)}, "
            f"wanted whole numbers {shapes}"
        )
    array = np.array(array, np.intp, order="C")  # a copy, which nobody can change after the check
    if array.size and array.min() < 1:
        raise ValueError(f"lengths contains {array.min()}, wanted at least 1 step a sequence")
    if array.size and array.max() > n_steps:
        raise ValueError(f"lengths contains {array.max()}, wanted at most the {n_steps} steps of X")
    sums = np.atleast_1d(array.sum(axis=-1))
    if count < 0 and sums[0] != n_steps:
        raise ValueError(f"lengths sum to {sums[0]}, wanted the {n_steps} steps of X")
    if (sums > n_steps).any():
        raise ValueError(f"lengths sum to {sums.max()}, wanted at most the {n_steps} steps of X")
    return array


cpdef ptrdiff_t update_interval(update) except -1:
    if update == "step":
        return 1
    if update == "sequence":
        return PYLSTM_UPDATE_AT_END
    if isinstance(update, (int, np.integer)) and not isinstance(update, bool) and update > 0:
        return min(update, PY_SSIZE_T_MAX)
    raise ValueError(f'update is {brief(update)}, wanted "step", "sequence" or a positive number of steps')


include "_scale.pxi"


# ---------------------------------------------------------------- the network

cdef ptrdiff_t rows_wanted(const pylstm_network *n, ptrdiff_t n_steps, ptrdiff_t rows) noexcept:
    """Rows of a record, of which there are `rows`, with room for so many steps more; doubled, so that
    a step moves it a bounded number of times."""
    cdef ptrdiff_t wanted
    if n.shape.method != PYLSTM_BPTT:
        return rows
    wanted = min(n.progress.n_pending + n_steps, n.layout.most_pending)
    if wanted + 2 <= rows:
        return rows
    return min(max(wanted, 2 * (rows - 2)), n.layout.most_pending) + 2


cdef enum:
    WAKING_SIZE = 1 << 20  # weights from which a single step is long enough to wake a thread for
    LONG_STRETCH = 64  # steps of a sequence whose outputs nobody wants, at once


cdef object numpy_integer = np.integer
cdef ptrdiff_t longest_window = 1 << 40  # steps: more than any memory holds


cdef class Network:
    """Buffers and calls of one network. Use `pylstm.LSTM`."""

    cdef pylstm_network net
    cdef const pylstm_table *table
    cdef int typenum
    cdef object dtype_
    cdef object parameters_, gradient_, traces_, sensitivities_, record_, back_, work_
    cdef object moments_, eligibility_, kind_, schedule_, factors_
    cdef object config_, optimizer_
    cdef object live_, listed_, tokens_
    cdef bint scaled
    cdef Scaling scaling  # None where values come and go in the network's own units
    cdef Py_ssize_t n_owners  # references to the memory of the parameters that are the network's own

    # ------------------------------------------------------------ building

    cdef build(self, dict config, ptrdiff_t from_weights):
        """Everything anew; what cannot be built is as if it never had been."""
        if not pylstm_acquire(&self.net):
            raise RuntimeError(IN_USE.format("LSTM", "LSTM"))
        try:
            self.allocate(config, from_weights)
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            pylstm_release(&self.net)

    cdef allocate(self, dict config, ptrdiff_t from_weights):
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        self.parameters_ = None  # until all is there: see take
        memset(n, 0, sizeof(pylstm_network))
        n.busy = 1
        self.eligibility_ = self.kind_ = self.schedule_ = self.factors_ = self.optimizer_ = None
        self.config_ = config
        fill_shape(&n.shape, config)
        n.shape.method = GRADIENTS[config["gradient"]]
        n.shape.window = min(config["window"] or 0, longest_window)
        self.dtype_ = np.dtype(config["dtype"])
        self.typenum = cnp.NPY_FLOAT64 if self.dtype_ == np.float64 else cnp.NPY_FLOAT32
        n.shape.large_from = from_weights
        self.table = current_isa.engine[n.shape.precision].network
        if not pylstm_network_layout(&n.shape, &n.layout):
            raise too_large(&n.shape)
        self.check_memory(config["memory_limit"])
        parameters = aligned_zeros(layout.parameter_size, self.dtype_)
        self.gradient_ = aligned_zeros(layout.parameter_size, self.dtype_)
        self.traces_ = aligned_zeros(layout.trace_size, self.dtype_)
        self.sensitivities_ = aligned_zeros(layout.sensitivity_size, self.dtype_)
        self.record_ = aligned_zeros(pylstm_product(layout.record_rows, layout.record_width), self.dtype_)
        self.back_ = aligned_zeros(layout.back_size, self.dtype_)
        self.work_ = aligned_zeros(layout.work_size, self.dtype_)
        self.moments_ = []
        self.live_ = aligned_zeros(n.shape.n_inputs, np.int32)
        self.listed_ = aligned_zeros(n.shape.n_inputs, np.int32)
        n.buffers.record_rows = layout.record_rows
        self.tokens_ = aligned_zeros(n.buffers.record_rows + 1, np.int32)
        n.buffers.live = <int32_t *>cnp.PyArray_DATA(self.live_)
        n.buffers.listed = <int32_t *>cnp.PyArray_DATA(self.listed_)
        n.buffers.tokens = <int32_t *>cnp.PyArray_DATA(self.tokens_)
        n.buffers.parameters = cnp.PyArray_DATA(parameters)
        n.buffers.gradient = cnp.PyArray_DATA(self.gradient_)
        n.buffers.traces = cnp.PyArray_DATA(self.traces_)
        n.buffers.sensitivities = cnp.PyArray_DATA(self.sensitivities_)
        n.buffers.record = cnp.PyArray_DATA(self.record_)
        n.buffers.back = cnp.PyArray_DATA(self.back_)
        n.buffers.work = cnp.PyArray_DATA(self.work_)
        self.scaling = None
        self.scaled = config["scale_inputs"] or config["scale_targets"]
        if self.scaled:
            self.scaling = Scaling.__new__(Scaling)
            self.scaling.set_up(config, n)
        self.table.prepare(n)
        self.table.reset(n)
        self.parameters_ = parameters
        self.n_owners = self.n_references()

    cdef int check_memory(self, limit) except -1:
        """Whether the sensitivities may be allocated."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        size = layout.sensitivity_size * self.dtype_.itemsize
        if size > limit:
            raise ValueError(
                f"gradient 'rtrl' needs {size:,} bytes here, for the derivatives of {layout.n_carried:,} numbers "
                f"by {layout.column_blocks * layout.block_columns:,} weights: wanted at most memory_limit, {limit:,}"
            )
        return 0

    def _build(self, config, from_weights=None):
        self.build(config, large_from if from_weights is None else from_weights)

    def _config(self):
        """The arguments of the constructor."""
        if self.config_ is None:
            raise RuntimeError("this LSTM was never initialised: call LSTM.__init__ first")
        return self.config_

    def _set_rule(self, optimizer, kind, rule, numbers, schedule):
        """Another optimiser: `numbers` by the fields of the C struct, `schedule` a callable or None. The
        moments and the count of updates stay as long as its kind does."""
        cdef pylstm_optimizer *o = &self.net.optimizer
        self.take()
        try:
            if kind != self.kind_:
                self.moments_ = []
                o.moments[0] = o.moments[1] = NULL
                o.n_updates = 0
            self.kind_ = kind
            o.rule = RULES[rule]
            o.learning_rate = numbers["learning_rate"]
            o.first = numbers["first"]
            o.second = numbers["second"]
            o.epsilon = numbers["epsilon"]
            o.weight_decay = numbers["weight_decay"]
            o.kappa = numbers["kappa"]
            o.decay = numbers["decay"]
            o.clip_value = numbers["clip_value"]
            o.clip_norm = numbers["clip_norm"]
            self.schedule_ = schedule
            self.optimizer_ = optimizer
            self._need_moments(N_MOMENTS[rule])
        finally:
            self.release()

    def _need_moments(self, count):
        while len(self.moments_) < count:
            moment = aligned_zeros(self.net.layout.parameter_size, self.dtype_)
            self.net.optimizer.moments[len(self.moments_)] = cnp.PyArray_DATA(moment)
            self.moments_.append(moment)

    def _need_eligibility(self):
        if self.eligibility_ is None:
            self.eligibility_ = aligned_zeros(self.net.layout.parameter_size, self.dtype_)
            self.net.buffers.eligibility = cnp.PyArray_DATA(self.eligibility_)

    cdef int plan_rates(self, ptrdiff_t n_updates) except -1:
        """Ask a schedule of the user's for the factors of the next updates, one for each."""
        cdef pylstm_optimizer *o = &self.net.optimizer
        if self.schedule_ is None:
            o.factors = NULL
            return 0
        factors = np.empty(n_updates)
        for k in range(n_updates):
            factor = self.schedule_(o.n_updates + k)
            try:
                factors[k] = factor
            except (TypeError, ValueError):
                factors[k] = NAN
            if not 0 <= factors[k] < np.inf:
                raise ValueError(
                    f"schedule({o.n_updates + k}) is {brief(factor)}, wanted a finite number >= 0"
                )
        self.factors_ = factors
        o.factors = <const double *>cnp.PyArray_DATA(factors)
        o.first_factor = o.n_updates
        return 0

    cdef ptrdiff_t updates_in(self, ptrdiff_t n_steps, ptrdiff_t n_sequences, ptrdiff_t every):
        """At most so many updates come in so many steps."""
        if every == PYLSTM_UPDATE_AT_END:
            return n_sequences
        return n_steps // every + 1

    cdef Py_ssize_t n_references(self):
        """To the memory of the parameters: every view of them holds one."""
        return Py_REFCNT(self.parameters_.base)

    cdef int take(self) except -1:
        """Take the network for one call, before anything of it is looked at: what Python code runs
        from here to `release`, in a schedule or in the conversion of an argument, finds it in use."""
        if not pylstm_acquire(&self.net):
            raise RuntimeError(IN_USE.format("LSTM", "LSTM"))
        if self.parameters_ is None:
            pylstm_release(&self.net)
            raise RuntimeError("this LSTM was never initialised: call LSTM.__init__ first")
        return 0

    cdef void gather_helpers(self, bint wake) noexcept:
        """Before the work of a call: the threads that share it, and whether somebody may read W."""
        if self.is_large():
            self.net.watched = self.n_references() > self.n_owners
            self.net.team = borrow_team(wake or self.net.layout.parameter_size >= WAKING_SIZE)

    cdef void release(self) noexcept:
        return_team(self.net.team)
        self.net.team = NULL
        if PYLSTM_DEBUG_BUILD:
            require(pylstm_network_contradiction(&self.net))
        pylstm_release(&self.net)

    cdef int make_room(self, ptrdiff_t n_steps) except -1:
        """Room in the record for so many steps more, where errors go back through all of them."""
        cdef pylstm_network *n = &self.net
        cdef ptrdiff_t rows = rows_wanted(n, n_steps, n.buffers.record_rows)
        if rows == n.buffers.record_rows:
            return 0
        record = aligned_zeros(pylstm_product(rows, n.buffers.record_stride), self.dtype_)
        tokens = aligned_zeros(rows + 1, np.int32)
        used = (n.progress.n_pending + 1) * n.buffers.record_stride
        record[:used] = self.record_[:used]
        tokens[:n.progress.n_pending + 1] = self.tokens_[:n.progress.n_pending + 1]
        self.record_, self.tokens_ = record, tokens
        n.buffers.record = cnp.PyArray_DATA(record)
        n.buffers.tokens = <int32_t *>cnp.PyArray_DATA(tokens)
        n.buffers.record_rows = rows
        return 0

    cdef bint is_large(self) noexcept nogil:
        """Worth sharing, and releasing the GIL for."""
        return self.net.layout.large or self.net.layout.column_shares == PYLSTM_SHARES

    cdef diverged(self):
        return FloatingPointError(
            f"the network diverged at step {self.net.progress.n_steps}: a weight or a net input is no longer "
            f"finite; a smaller learning rate than {self.net.optimizer.learning_rate:g}, or smaller inputs, "
            "would keep it in range"
        )

    # ------------------------------------------------------------ checking what comes in

    cdef object as_array(self, object values, int ndim, Py_ssize_t width, str what):
        """`values` as a C-contiguous array of the network's dtype, or a sentence why not."""
        array = np.asarray(values)
        if array.dtype == object or not np.can_cast(array.dtype, self.dtype_, "same_kind"):
            raise TypeError(
                f"{what} has dtype {brief_text(array.dtype, 60)}, which cannot be cast safely: "
                f"wanted {self.dtype_} or "
                "another real number type"
            )
        if array.ndim != ndim or array.shape[ndim - 1] != width:
            wanted = f"({width},)" if ndim == 1 else f"(n_steps, {width})"
            raise ValueError(f"{what} has shape {brief(array.shape)}, wanted {wanted}")
        return np.require(array, self.dtype_, ["C_CONTIGUOUS", "ALIGNED"])

    cdef object checked(self, object values, int ndim, Py_ssize_t width, str what):
        """as_array, quick where there is nothing to do."""
        cdef cnp.ndarray array
        if isinstance(values, cnp.ndarray):
            array = <cnp.ndarray>values
            if (cnp.PyArray_TYPE(array) == self.typenum and cnp.PyArray_NDIM(array) == ndim
                    and cnp.PyArray_DIM(array, ndim - 1) == width and cnp.PyArray_ISCARRAY_RO(array)):
                return values
        return self.as_array(values, ndim, width, what)

    cdef bint is_token(self, object x):
        """A single whole number."""
        if isinstance(x, cnp.ndarray):
            return cnp.PyArray_NDIM(x) == 0 and x.dtype.kind in "iu"
        if isinstance(x, int):
            return not isinstance(x, bool)
        return isinstance(x, numpy_integer)

    cdef object as_input(self, object x, pylstm_input *given):
        """The inputs of one step, checked; what is returned keeps their memory."""
        given.x = NULL
        if self.scales_inputs():
            if self.is_token(x):
                raise ValueError(
                    f"x is the token {x}, but scale_inputs is True: wanted a vector of "
                    f"{self.net.shape.n_inputs} numbers"
                )
            x = self.scaling.checked_inputs(x, 1, "x")
            given.x = cnp.PyArray_DATA(x)
            return x
        if self.is_token(x):
            given.token = PyNumber_AsSsize_t(x, NULL)  # the nearest there is
            if not 0 <= given.token < self.net.shape.n_inputs:
                raise ValueError(f"token is {brief(x)}, wanted 0 .. {self.net.shape.n_inputs - 1}")
            return x
        x = self.checked(x, 1, self.net.shape.n_inputs, "x")
        self.check_finite(x, "x")
        given.x = cnp.PyArray_DATA(x)
        return x

    cdef bint scales_inputs(self):
        return self.scaling is not None and self.scaling.scales_x

    cdef bint scales_targets(self):
        return self.scaling is not None and self.scaling.scales_t

    cdef object as_target(self, object target, bint *missing):
        """The target of one step, checked."""
        if self.scales_targets():
            return self.scaling.checked_targets(target, 1, missing)
        target = self.checked(target, 1, self.net.shape.n_outputs, "target")
        self.check_targets(target, missing)
        return target

    cdef object as_rows(self, object X):
        """The inputs of many steps, checked."""
        if self.scales_inputs():
            return self.scaling.checked_inputs(X, 2, "X")
        X = self.checked(X, 2, self.net.shape.n_inputs, "X")
        self.check_finite(X, "X")
        return X

    cdef object as_target_rows(self, object targets):
        if self.scales_targets():
            return as_floats(targets, 2, self.net.shape.n_outputs, "targets")
        return self.checked(targets, 2, self.net.shape.n_outputs, "targets")

    cdef int check_target_rows(self, object targets) except -1:
        cdef bint missing
        if self.scales_targets():
            self.scaling.checked_targets(targets, 2, &missing)
            return 0
        return self.check_targets(targets, &missing)

    cdef object as_tokens(self, object X):
        """A vector of whole numbers as int32 tokens, checked; None for anything else."""
        if isinstance(X, cnp.ndarray) and cnp.PyArray_NDIM(X) == 2:
            return None
        array = np.asarray(X)
        if array.ndim != 1 or array.dtype == object:
            return None
        if array.dtype.kind not in "iu":
            raise ValueError(
                f"X has shape {brief(array.shape)} and dtype {brief_text(array.dtype, 60)}: wanted "
                f"(n_steps, {self.net.shape.n_inputs}), or (n_steps,) of an integer dtype for tokens"
            )
        if self.scales_inputs():
            raise ValueError(
                f"X has shape {brief(array.shape)}: tokens, but scale_inputs is True: wanted (n_steps, "
                f"{self.net.shape.n_inputs}) numbers"
            )
        return checked_tokens(array, self.net.shape.n_inputs)

    cdef int check_finite(self, object array, str what) except -1:
        cdef Py_ssize_t width = cnp.PyArray_DIM(array, cnp.PyArray_NDIM(array) - 1)
        cdef Py_ssize_t n = 1 if cnp.PyArray_NDIM(array) == 1 else cnp.PyArray_DIM(array, 0)
        cdef ptrdiff_t row = self.table.first_not_finite(cnp.PyArray_DATA(array), n, width)
        if row >= 0:
            bad = array if cnp.PyArray_NDIM(array) == 1 else array[row]
            where = "" if cnp.PyArray_NDIM(array) == 1 else f" at row {row}"
            raise ValueError(f"{what} contains {bad[~np.isfinite(bad)][0]}{where}: wanted finite numbers")
        return 0

    cdef int check_targets(self, object array, bint *missing) except -1:
        cdef const char *data = <const char *>cnp.PyArray_DATA(array)
        cdef Py_ssize_t n = 1 if cnp.PyArray_NDIM(array) == 1 else cnp.PyArray_DIM(array, 0)
        cdef Py_ssize_t row, size = self.net.shape.n_outputs * cnp.PyArray_ITEMSIZE(array)
        cdef int problem
        if (self.net.shape.loss == PYLSTM_SQUARED
                and self.table.first_not_finite(data, n, self.net.shape.n_outputs) < 0):
            missing[0] = False
            return 0
        for row in range(n):
            problem = target_problem(&self.net.shape, data + row * size, missing)
            if problem:
                bad = array if cnp.PyArray_NDIM(array) == 1 else array[row]
                where = "target" if cnp.PyArray_NDIM(array) == 1 else f"targets row {row}"
                raise ValueError(f"{where} is {brief(bad.tolist())}: {TARGET_PROBLEMS[problem]}")
        return 0

    # ------------------------------------------------------------ steps

    cdef object empty_outputs(self):
        cdef cnp.npy_intp size = self.net.shape.n_outputs
        return cnp.PyArray_SimpleNew(1, &size, self.typenum)

    cdef int advance(self, pylstm_input x, void *y, const void *target) noexcept nogil:
        cdef int status
        if self.scaled:
            status = self.scaling.step(self.table, x, y)
        else:
            status = self.table.step(&self.net, x, y)
        if status == PYLSTM_OK and target != NULL:
            self.correct(target, NULL, True)
        return status

    def step(self, x, target=None):
        """Advance one step and, given a target, learn from it at once.

        Forward pass of HS97 appendix A.1 (with Gers 2000, 2002 where switched on), then the gradient, the
        truncated one by default, and one optimiser step. `y` is the prediction made before the weights changed.

        Parameters
        ----------
        x : array_like, shape (n_inputs,), or int
            Inputs of this step; finite. A whole number k from 0 to n_inputs - 1 is a token: it stands
            for the inputs that are 0 but for x[k] = 1. With `scale_inputs` a vector in which NaN
            stands for a missing value, which counts as the mean.
        target : array_like, shape (n_outputs,), optional
            Wanted outputs, in the domain of the loss. All NaN means no target.

        Returns
        -------
        ndarray, shape (n_outputs,), of the network's dtype

        Raises
        ------
        ValueError, TypeError
            For an unusable `x` or `target`; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.

        Notes
        -----
        Changes the state, the traces and, with a target, the weights. O(1) per weight, whatever the
        length of the stream; with another gradient than the truncated one see `LSTM`. A token gives the
        same bits as its vector, but costs only its own weights in the forward pass, and in learning
        those of the live inputs: the tokens whose traces the forget gates have not yet brought to zero.
        With moments no token is forgotten; a step with a vector makes every input live until the next
        `reset`.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=2, n_outputs=1, n_blocks=4, seed=0)
        >>> net.step([0.5, -0.5], target=[1.0]).shape
        (1,)
        >>> bool(net.predict(1) == net.predict([0, 1]))
        True
        """
        cdef bint missing = True
        cdef int status
        cdef pylstm_input given
        cdef const void *target_data = NULL
        cdef void *y_data
        self.take()
        try:
            x = self.as_input(x, &given)
            if target is not None:
                target = self.as_target(target, &missing)
            y = self.empty_outputs()
            y_data = cnp.PyArray_DATA(y)
            if not missing:
                target_data = cnp.PyArray_DATA(target)
                self.plan_rates(1)
            self.make_room(1)
            self.gather_helpers(False)
            if self.scaled:
                self.scaling.expect(x, target)
            if self.is_large():
                with nogil:
                    status = self.advance(given, y_data, target_data)
            else:
                status = self.advance(given, y_data, target_data)
            if status != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return y

    def predict(self, x):
        """Return what `step(x)` would return; change nothing.

        Parameters
        ----------
        x : array_like, shape (n_inputs,), or int
            Inputs; finite. Or a token, see `step`.

        Returns
        -------
        ndarray, shape (n_outputs,), of the network's dtype

        Raises
        ------
        ValueError, TypeError
            For an unusable `x`.
        FloatingPointError
            When the weights have diverged.

        Notes
        -----
        One forward pass, O(1) per weight.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> bool(net.predict([1.0]) == net.step([1.0]))
        True
        """
        cdef pylstm_input given
        cdef int status
        self.take()
        try:
            x = self.as_input(x, &given)
            y = self.empty_outputs()
            self.gather_helpers(False)
            if self.scaled:
                self.scaling.expect(x, None)
                status = self.scaling.predict(self.table, given, cnp.PyArray_DATA(y))
            else:
                status = self.table.predict(&self.net, given, cnp.PyArray_DATA(y))
            if status != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return y

    # ------------------------------------------------------------ learning

    cdef int check_learnable(self) except -1:
        if not self.net.progress.learnable:
            raise RuntimeError(
                "there is no step to learn from: wanted a step since the last reset or update"
            )
        return 0

    cdef double correct(self, const void *target, const void *dy, bint update) noexcept nogil:
        cdef double loss = NAN
        if target != NULL and self.scaled:
            loss = self.scaling.learn(self.table, target)
        elif target != NULL:
            loss = self.table.learn(&self.net, target)
        if dy != NULL:
            self.table.learn_from(&self.net, dy)
        if update:
            self.table.update(&self.net)
        return loss

    cdef double correct_step(self, object given, bint missing, const void *dy,
                             bint update) except? -1:
        """The last step learns from a target or from dy, checked; the network is taken."""
        cdef double loss
        cdef const void *target = NULL
        if given is not None and not missing:
            target = cnp.PyArray_DATA(given)
        self.check_learnable()
        if update:
            self.plan_rates(1)
        self.gather_helpers(False)
        if self.scaled:
            self.scaling.expect(None, given)
        if not self.is_large():
            return self.correct(target, dy, update)
        with nogil:
            loss = self.correct(target, dy, update)
        return loss

    def learn(self, target, update=True):
        """Learn from the step just made; return its loss.

        Half the sum of squares, or the cross-entropy, of the outputs of the last step; its gradient, the
        truncated one (HS97 appendix A.1, eqs 19-28) by default, is added to what has been collected.

        Parameters
        ----------
        target : array_like, shape (n_outputs,)
            Wanted outputs, in the domain of the loss. All NaN means no target.
        update : bool, default True
            Change the weights now, by everything collected; False collects only, see `update`.

        Returns
        -------
        float
            The loss of the step, in the units of the target; NaN without one.

        Raises
        ------
        ValueError, TypeError
            For an unusable `target`; nothing has changed then.
        RuntimeError
            Without a step to learn from: before the first, after a reset, or when the weights have
            changed since.

        Notes
        -----
        May come any time before the next step. Errors of several calls on one step add up.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> y = net.step([1.0])
        >>> bool(net.learn([0.5]) == 0.5 * (y[0] - 0.5) ** 2)
        True
        """
        cdef bint missing = True
        self.take()
        try:
            target = self.as_target(target, &missing)
            return self.correct_step(target, missing, NULL, update)
        finally:
            self.release()

    def learn_from(self, dy, update=True, *, trace=None):
        """Learn from an outside error of the step just made, or remember what its outputs hung on.

        The same as `learn` with dL/dy of a loss of your own: reinforcement learning, a network on top.
        With `trace` nothing is learned yet: ``Z = trace * Z + sum_k dy_k dy_k/dw``, an eligibility trace
        of the outputs that `reinforce` turns into a change of the weights. With one output, ``dy=[1]``
        and ``trace = gamma * lambda`` that is TD(lambda) (Sutton 1988).

        Parameters
        ----------
        dy : array_like, shape (n_outputs,)
            Derivative of the loss by the outputs of the last step; finite. It goes back through the
            derivative of the output squashing. With `trace`: the weight of each output in Z.
        update : bool, default True
            Change the weights now, by everything collected; False collects only.
        trace : float, 0 <= trace <= 1, optional
            What is kept of Z from before. The weights stay as they are, whatever `update` says. Only
            of a network with the truncated gradient.

        Raises
        ------
        ValueError, TypeError
            For an unusable `dy` or `trace`, or with `scale_targets`: the scale of the outputs is that
            of targets, and an outside error brings none. Nothing has changed then.
        RuntimeError
            Without a step to learn from, as in `learn`; with `trace` while gradients are collected that
            are not yet applied.

        Notes
        -----
        With `trace` every weight takes part, tokens' too: the step's gradient and Z, O(1) per weight and
        step. Z takes the memory of the weights from its first use on; `reset` clears it.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> y = net.step([1.0])
        >>> net.learn_from(y - 0.5)          # what learn([0.5]) would do
        """
        self.take()
        try:
            if self.scales_targets():
                raise ValueError(
                    "scale_targets is True, and an outside error brings no target to know the scale of "
                    "the outputs from: wanted learn, or a network without scale_targets"
                )
            dy = self.checked(dy, 1, self.net.shape.n_outputs, "dy")
            self.check_finite(dy, "dy")
            if trace is None:
                self.correct_step(None, True, cnp.PyArray_DATA(dy), update)
                return
            trace = check_real("trace", trace, 0.0, 1.0 + DBL_EPSILON, "a number from 0 to 1")
            self.check_truncated("an eligibility trace of the outputs")
            self.check_learnable()
            self.check_nothing_collected()
            self._need_eligibility()
            self.gather_helpers(False)
            self.table.trace_from(&self.net, cnp.PyArray_DATA(dy), trace)
        finally:
            self.release()

    cdef int check_truncated(self, str what) except -1:
        """What belongs to the truncated gradient alone."""
        if self.net.shape.method != PYLSTM_TRUNCATED:
            name = {number: name for name, number in GRADIENTS.items()}[self.net.shape.method]
            raise ValueError(
                f"gradient is {brief(name)}, which does not know {what}: wanted a network with "
                "gradient='truncated'"
            )
        return 0

    cdef int check_nothing_collected(self) except -1:
        if self.net.progress.has_errors or self.net.progress.collected:
            raise RuntimeError(
                "gradients are collected that are not yet applied: wanted update() before an eligibility "
                "trace is used"
            )
        return 0

    def reinforce(self, error):
        """Change the weights by an error times the eligibility trace of the outputs.

        ``w += learning_rate * error * Z`` with SGD; other optimisers take -error Z as their gradient. With
        the error of temporal differences, ``r + gamma v(t) - v(t-1)``, this is TD(lambda) (Sutton 1988).

        Parameters
        ----------
        error : float
            Finite; positive where the outputs should have been larger.

        Raises
        ------
        ValueError
            For an error that is not a finite number; nothing has changed then.
        RuntimeError
            Before the first `learn_from` with a trace, or while gradients are collected that are not yet
            applied.
        FloatingPointError
            When a weight is no longer finite; names the step.

        Notes
        -----
        Z stays. The last step may be learned from afterwards: its activations are those from before the
        change, the readout its error goes back through is the new one. O(1) per weight.

        Examples
        --------
        Two states in turn, a reward of 1 after the second, discounted by half; in the order a stream
        allows:

        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=2, n_outputs=1, n_blocks=4, optimizer=pylstm.SGD(0.1))
        >>> before = 0.0
        >>> for t in range(4000):
        ...     value = net.step(t % 2)[0]
        ...     if t > 0:
        ...         net.reinforce((t % 2 == 0) + 0.5 * value - before)
        ...     net.learn_from([1.0], trace=0.5 * 0.8)
        ...     before = value
        >>> abs(float(net.predict(0)[0]) - 2 / 3) < 0.1
        True
        """
        self.take()
        try:
            error = check_real("error", error, -INFINITY, INFINITY, "a finite number")
            self.check_truncated("an eligibility trace of the outputs")
            if self.eligibility_ is None:
                raise RuntimeError(
                    "there is no eligibility trace yet: wanted learn_from(dy, trace=...) first"
                )
            self.check_nothing_collected()
            self.plan_rates(1)
            self.gather_helpers(False)
            self.table.reinforce(&self.net, error)
            if self.table.check_weights(&self.net) != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()

    def update(self):
        """Change the weights once by all gradients collected since the last update.

        Does nothing when nothing has been collected.

        Raises
        ------
        FloatingPointError
            When a weight is no longer finite; names the step.

        Notes
        -----
        k steps collected cost two matrix products of rank k, O(1) per weight and step.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> for value in (0.1, 0.2, 0.3):
        ...     y = net.step([value])
        ...     loss = net.learn([value], update=False)
        >>> net.update()
        """
        self.take()
        try:
            self.plan_rates(1)
            self.gather_helpers(False)
            self.table.update(&self.net)
            if self.table.check_weights(&self.net) != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()

    def run(self, X, targets=None, update="step"):
        """Run over a whole sequence in one call, learning where there are targets.

        Equals the loop of `step` bit for bit; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs), optional
            Wanted outputs; a row of NaN is a step without target.
        update : "step", "sequence" or int, default "step"
            When the weights change: after every step that has a target (1 is the same); once, at the
            end of this call; or every so many steps, counted from the last update, whichever calls
            made them. Without targets nothing changes them.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), of the network's dtype
            The outputs, each from before the weights changed at its step.

        Raises
        ------
        ValueError, TypeError
            For unusable `X`, `targets` or `update`; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.

        Notes
        -----
        O(1) per weight and step; with tokens per weight visited, see `step`. Memory does not depend on
        n_steps, but for the result; with "bptt" and no window it grows with them, see `LSTM`.

        Examples
        --------
        >>> import numpy as np, pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> X = np.sin(np.arange(100.0))[:, None]
        >>> net.run(X[:-1], targets=X[1:]).shape
        (99, 1)
        """
        cdef int status = PYLSTM_OK
        cdef ptrdiff_t n_steps, done = 0, every = update_interval(update)
        cdef const void *x_data = NULL
        cdef const int32_t *token_data = NULL
        cdef const void *target_data = NULL
        cdef void *y_data
        self.take()
        try:
            X = self.as_steps(X, &n_steps, &x_data, &token_data)
            if targets is not None:
                targets = self.as_target_rows(targets)
                if cnp.PyArray_DIM(targets, 0) != n_steps:
                    raise ValueError(
                        f"targets has {len(targets)} rows and X has {n_steps}: wanted one row of targets "
                        "a step, NaN where there is none"
                    )
                self.check_target_rows(targets)
                target_data = cnp.PyArray_DATA(targets)
            Y = np.empty((n_steps, self.net.shape.n_outputs), self.dtype_)
            y_data = cnp.PyArray_DATA(Y)
            if target_data != NULL:
                self.plan_rates(self.updates_in(n_steps + self.net.progress.n_collect, 1, every))
            self.make_room(n_steps)
            self.gather_helpers(True)
            if self.scaled:
                self.scaling.expect(None if token_data != NULL else X, targets)
            with nogil:
                status = self.run_steps(n_steps, x_data, token_data, target_data, y_data, every, &done)
            if status != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return Y

    cdef object as_steps(self, object X, ptrdiff_t *n_steps, const void **x_data,
                         const int32_t **token_data):
        """The inputs of many steps, or their tokens, checked; what is returned keeps their memory."""
        tokens = self.as_tokens(X)
        if tokens is None:
            X = self.as_rows(X)
            x_data[0] = cnp.PyArray_DATA(X)
            n_steps[0] = cnp.PyArray_DIM(X, 0)
            return X
        token_data[0] = <const int32_t *>cnp.PyArray_DATA(tokens)
        n_steps[0] = cnp.PyArray_DIM(tokens, 0)
        return tokens

    def run_sequences(self, X, targets=None, lengths=None, *, last=False, update="sequence"):
        """Run over many sequences in one call, each from a fresh state.

        Equals, bit for bit, for each sequence ``net.reset()`` and ``net.run(x, t, update=update)``,
        and a ``net.reset()`` at the end; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs of all sequences, one behind the other; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            Wanted outputs; a row of NaN is no target. Without targets nothing is learned.
        lengths : array_like of int, shape (n_sequences,), optional
            Steps of each sequence, at least 1; they sum to n_steps. Without: X is one sequence.
        last : bool, default False
            Targets and outputs are those of the last step of each sequence only.
        update : "sequence", "step" or int, default "sequence"
            When the weights change: once at the end of each sequence; else as in `run`.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            The outputs, each from before the weights changed at its step.

        Raises
        ------
        ValueError, TypeError
            For unusable arguments; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.

        Notes
        -----
        Gradients collected before the call are applied with the first update, as by `run`. O(1) per
        weight and step; memory does not depend on n_steps, but for the result; with "bptt" and no
        window it grows with the longest sequence.

        Examples
        --------
        The sum of three numbers, wanted when all have been seen:

        >>> import numpy as np, pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> X = np.random.default_rng(0).uniform(-1, 1, (500, 3))
        >>> Y = net.run_sequences(X.reshape(-1, 1), X.sum(axis=1)[:, None], [3] * 500, last=True)
        >>> Y.shape
        (500, 1)
        """
        cdef pylstm_network *n = &self.net
        cdef int status = PYLSTM_OK
        cdef bint only_last = last
        cdef ptrdiff_t n_steps, n_sequences, n_rows, every = update_interval(update)
        cdef const void *x_data = NULL
        cdef const int32_t *token_data = NULL
        cdef const void *target_data = NULL
        cdef void *y_data
        cdef void *aside_data
        cdef void *nothing_data
        cdef const ptrdiff_t *length_data
        self.take()
        try:
            X = self.as_steps(X, &n_steps, &x_data, &token_data)
            lengths = checked_lengths(lengths, n_steps)
            length_data = <const ptrdiff_t *>cnp.PyArray_DATA(lengths)
            n_sequences = cnp.PyArray_DIM(lengths, 0)
            n_rows = n_sequences if only_last else n_steps
            if targets is not None:
                targets = self.as_target_rows(targets)
                if cnp.PyArray_DIM(targets, 0) != n_rows:
                    raise ValueError(
                        f"targets has {len(targets)} rows, wanted {n_rows}: one a "
                        f"{'sequence' if only_last else 'step'}, NaN where there is no target"
                    )
                self.check_target_rows(targets)
                target_data = cnp.PyArray_DATA(targets)
            Y = np.empty((n_rows, n.shape.n_outputs), self.dtype_)
            y_data = cnp.PyArray_DATA(Y)
            aside = np.empty(LONG_STRETCH * n.shape.n_outputs, self.dtype_)
            aside_data = cnp.PyArray_DATA(aside)
            nothing = np.full(
                LONG_STRETCH * n.shape.n_outputs, NAN, self.dtype_ if targets is None else targets.dtype)
            nothing_data = cnp.PyArray_DATA(nothing)
            if target_data != NULL:
                self.plan_rates(self.updates_in(n_steps + n.progress.n_collect, n_sequences, every))
            self.make_room(lengths.max() if n_sequences else 0)
            self.gather_helpers(True)
            if self.scaled:
                self.scaling.expect(None if token_data != NULL else X, targets)
            with nogil:
                status = self.go_through(n_sequences, length_data, x_data, token_data, target_data,
                                         y_data, aside_data, nothing_data, only_last, every)
            if status != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return Y

    cdef int run_steps(self, ptrdiff_t n_steps, const void *X, const int32_t *tokens,
                       const void *targets, void *Y, ptrdiff_t every,
                       ptrdiff_t *done) noexcept nogil:
        if self.scaled:
            return self.scaling.run(self.table, n_steps, X, tokens, targets, Y, every, done)
        return self.table.run(&self.net, n_steps, X, tokens, targets, Y, every, done)

    cdef int go_through(self, ptrdiff_t n_sequences, const ptrdiff_t *lengths, const void *X,
                        const int32_t *tokens, const void *targets, void *Y, void *aside,
                        void *nothing, bint last, ptrdiff_t every) noexcept nogil:
        """A reset and a run for each sequence, and a reset. aside: where outputs go that are not
        wanted; nothing: as many targets of NaN."""
        cdef pylstm_network *n = &self.net
        cdef ptrdiff_t size = 8 if n.shape.precision == PYLSTM_FLOAT64 else 4
        cdef ptrdiff_t x_size = self.scaling.x_size if self.scaled else size
        cdef ptrdiff_t t_size = self.scaling.t_size if self.scaled else size
        cdef ptrdiff_t s, left, part, done = 0
        cdef char *x = <char *>X
        cdef char *t = <char *>targets
        cdef char *y = <char *>Y
        cdef int status
        # only steps that count for an update every so many must know that one may come
        if t == NULL or every == 1 or every == PYLSTM_UPDATE_AT_END:
            nothing = NULL
        for s in range(n_sequences):
            self.table.reset(n)
            left = lengths[s]
            while left > 0:
                part = left if not last or left == 1 else min(left - 1, LONG_STRETCH)
                status = self.run_steps(
                    part, x, tokens, t if part == left else <char *>nothing,
                    y if part == left else <char *>aside, every, &done)
                if status != PYLSTM_OK:
                    return status
                if tokens != NULL:
                    tokens += part
                else:
                    x += part * n.shape.n_inputs * x_size
                left -= part
            part = 1 if last else lengths[s]
            y += part * n.shape.n_outputs * size
            if t != NULL:
                t += part * n.shape.n_outputs * t_size
        self.table.reset(n)
        return PYLSTM_OK

    def gradient(self, X, targets, gradient=None, window=None):
        """Gradient of the summed loss of a sequence, from a fresh state; changes nothing.

        Which gradient is the network's own choice, or that of this call: "truncated", exact after
        cutting every path through the recurrent sources and through the peepholes, so that only
        c(t-1) -> c(t) carries error back (HS97 appendix A.1); or with nothing cut, "bptt" and "rtrl".

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs)
            Wanted outputs; a row of NaN is a step without target.
        gradient : {"truncated", "bptt", "rtrl"}, optional
            As in `LSTM`; the network's own, with its window, by default.
        window : int, optional
            With "bptt": as in `LSTM`.

        Returns
        -------
        dict of str to ndarray
            dL/dw under the names and in the shapes of `parameters`.

        Raises
        ------
        ValueError, TypeError
            For unusable `X` or `targets`, a `gradient` or `window` that makes no sense, or "rtrl" where
            it needs more than the network's `memory_limit`.

        Notes
        -----
        Works on a copy with the same weights.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> sorted(net.gradient([[1.0], [2.0]], [[0.0], [0.5]]))
        ['cell_input', 'forget_gate', 'input_gate', 'output', 'output_gate']
        """
        cdef Network fresh = type(self).__new__(type(self))
        cdef Network whole
        if targets is None:
            raise ValueError("targets is None, wanted one row of targets a step")
        self.take()
        try:
            fresh.build(self._with_gradient(gradient, window), self.net.shape.large_from)
            fresh.table = self.table
            if self.net.progress.n_absorbed > 0:  # up to date without changing when this one writes its weights
                whole = type(self).__new__(type(self))
                whole.build(self.config_, self.net.shape.large_from)
                progress = self.progress()
                progress.pop("eligibility", None)
                whole._restore(progress)
                fresh.parameters_[:] = whole._flat_parameters()
            else:
                fresh.parameters_[:] = self.parameters_
            fresh._restore_scales(self._scales())
        finally:
            self.release()
        fresh.run(X, targets, update=max(1, len(X)) + 1)
        fresh.table.collect(&fresh.net)
        return {name: view.copy() for name, view in fresh._views(fresh.gradient_).items()}

    def reset(self):
        """Set state and traces to zero: a new sequence begins.

        Gradients collected and not yet applied stay, so that several sequences can share one update.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> first = net.step([1.0])
        >>> net.reset()
        >>> bool(net.step([1.0]) == first)
        True
        """
        self.take()
        self.gather_helpers(False)
        self.table.reset(&self.net)
        self.release()

    # ------------------------------------------------------------ a second state of the same weights

    def _follow(self, Network learner):
        """Use the weights of `learner`, whose copy this is, from now on, and its scale of targets."""
        cdef pylstm_network *n = &self.net
        self.take()
        try:
            self.gather_helpers(False)
            self.table.write_back(n)
            self.forget()
            self.parameters_ = learner._flat_parameters()
            n.buffers.parameters = learner.net.buffers.parameters
            if self.scales_targets():
                self.scaling.targets = learner.scaling.targets
        finally:
            self.release()

    cdef void forget(self) noexcept nogil:
        """Keep the state and nothing to learn from: the record and the traces start anew."""
        cdef pylstm_network *n = &self.net
        cdef ptrdiff_t size = 8 if n.shape.precision == PYLSTM_FLOAT64 else 4
        memmove(n.buffers.record,
                <char *>n.buffers.record + n.progress.n_pending * n.buffers.record_stride * size,
                n.layout.state_size * size)
        n.progress.n_pending = n.progress.n_collect = 0
        n.progress.closed = n.progress.learnable = n.progress.has_errors = n.progress.collected = 0
        n.progress.traces_zero = 1

    def _predict_with(self, Network learner, x):
        """`predict` with the weights of `learner`."""
        learner.take()
        try:
            return self.predict(x)
        finally:
            learner.release()

    def _step_with(self, Network learner, x, follow):
        """A step with the weights of `learner`, which `_follow` was given; nothing to learn from. And,
        with the inputs `follow` unless they are None, a step of `learner`."""
        cdef pylstm_input given, behind
        cdef int status
        cdef void *y_data
        cdef void *aside_data
        self.take()
        try:
            learner.take()
            try:
                if self.net.buffers.parameters != learner.net.buffers.parameters:
                    raise RuntimeError("the network has grown by itself: wanted Delayed.grow")
                x = self.as_input(x, &given)
                y, aside = self.empty_outputs(), self.empty_outputs()
                y_data, aside_data = cnp.PyArray_DATA(y), cnp.PyArray_DATA(aside)
                if follow is not None:
                    follow = learner.as_input(follow, &behind)
                learner.gather_helpers(False)
                self.net.team = learner.net.team
                if self.scaled:
                    self.scaling.expect(x, None)
                    learner.scaling.expect(follow, None)
                with nogil:
                    status = self.advance(given, y_data, NULL)
                    if status == PYLSTM_OK:
                        self.forget()
                        if follow is not None:
                            status = learner.advance(behind, aside_data, NULL)
                self.net.team = NULL
                if status != PYLSTM_OK:
                    raise self.diverged()
            finally:
                learner.release()
        finally:
            self.release()
        return y

    # ------------------------------------------------------------ views

    def _views(self, flat):
        """The flat parameters, or their gradient, as named arrays (rows, sources)."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        W = flat[:layout.n_sources * layout.row_stride].reshape(
            layout.n_panels, layout.n_sources, layout.panel_rows)
        cell_sources = layout.n_sources - (n.shape.hidden_bias == PYLSTM_BIAS_GATES)
        views = {}
        for name, row, count in (("input_gate", layout.row_i, n.shape.n_blocks),
                                 ("forget_gate", layout.row_f, n.shape.n_blocks),
                                 ("cell_input", layout.row_g, layout.n_cells),
                                 ("output_gate", layout.row_o, n.shape.n_blocks)):
            if row >= 0:
                first = row % layout.panel_rows
                views[name] = W[row // layout.panel_rows, :, first:first + count].T
        views["cell_input"] = views["cell_input"][:, :cell_sources]
        for name, start in (("peephole_input", layout.at_peephole_i), ("peephole_forget", layout.at_peephole_f),
                            ("peephole_output", layout.at_peephole_o)):
            if start >= 0:
                views[name] = flat[start:start + layout.n_cells].reshape(n.shape.n_blocks, n.shape.block_size)
        V = flat[layout.at_output:layout.at_output + n.shape.n_outputs * layout.out_stride]
        views["output"] = V.reshape(n.shape.n_outputs, layout.out_stride)[:, :layout.n_out_sources]
        return views

    cdef trace_segment(self, flat, ptrdiff_t row):
        """The traces of one gate, (n_sources, n_cells), in a buffer of traces; row: where it starts."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        E = flat[:layout.n_sources * layout.trace_stride].reshape(-1, layout.n_sources, layout.panel_traced)
        first = row % layout.panel_traced
        return E[row // layout.panel_traced, :, first:first + layout.n_cells]

    def _live_inputs(self):
        """The inputs whose weights a learning step visits, sorted."""
        cdef pylstm_network *n = &self.net
        self.take()
        try:
            return np.arange(n.shape.n_inputs) if n.progress.all_live else np.sort(self.live_[:n.progress.n_live])
        finally:
            self.release()

    def _count_parameters(self):
        """Those of `_views`, without looking at any."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        cdef ptrdiff_t n_peepholes = (
            (layout.at_peephole_i >= 0) + (layout.at_peephole_f >= 0) + (layout.at_peephole_o >= 0))
        cdef ptrdiff_t n_gates = (layout.row_i >= 0) + (layout.row_f >= 0) + (layout.row_o >= 0)
        return (layout.n_sources * (n_gates * n.shape.n_blocks + layout.n_cells)
                - (layout.n_cells if n.shape.hidden_bias == PYLSTM_BIAS_GATES else 0)
                + n_peepholes * layout.n_cells + n.shape.n_outputs * layout.n_out_sources)

    def _flat_parameters(self):
        """All parameters in one vector, up to date as long as somebody holds it."""
        self.take()
        try:
            return self.flat_parameters()
        finally:
            self.release()

    cdef object flat_parameters(self):
        self.gather_helpers(False)
        self.table.write_back(&self.net)
        return self.parameters_[:]

    def _named_parameters(self):
        """The same as named views."""
        self.take()
        try:
            return self._views(self.flat_parameters())
        finally:
            self.release()

    def _state(self):
        """Copies of the state: cell state, cell output, gate activations."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        self.take()
        try:
            start = n.progress.n_pending * n.buffers.record_stride
            row = self.record_[start:start + n.buffers.record_stride]
            state = {
                "cell_state": row[layout.at_c:layout.at_c + layout.n_cells].copy(),
                "cell_output": row[layout.at_q:layout.at_q + layout.n_cells].copy(),
            }
            for name, gate in (("input_gate", layout.row_i), ("forget_gate", layout.row_f),
                               ("output_gate", layout.row_o)):
                if gate >= 0:
                    state[name] = row[layout.at_act + gate:layout.at_act + gate + n.shape.n_blocks].copy()
        finally:
            self.release()
        return state

    # ------------------------------------------------------------ persistence

    def _progress(self):
        """Everything that decides how the stream goes on, as plain numbers and arrays."""
        self.take()
        try:
            return self.progress()
        finally:
            self.release()

    def _identity_and_progress(self):
        """What `_identity` says the network is, and its progress, of one moment."""
        self.take()
        try:
            return {**self._identity(), **self.progress()}
        finally:
            self.release()

    @property
    def _optimizer(self):
        return self.optimizer_

    cdef object progress(self):
        cdef pylstm_network *n = &self.net
        progress = {
            "n_pending": n.progress.n_pending,
            "n_waiting": n.progress.n_waiting,
            "n_absorbed": n.progress.n_absorbed,
            "large_from": n.shape.large_from,
            "n_collect": n.progress.n_collect,
            "closed": n.progress.closed,
            "learnable": n.progress.learnable,
            "has_errors": n.progress.has_errors,
            "collected": n.progress.collected,
            "traces_zero": n.progress.traces_zero,
            "n_steps": n.progress.n_steps,
            "all_live": n.progress.all_live,
            "live": self.live_[:n.progress.n_live].copy(),
            "tokens": self.tokens_[:n.progress.n_pending + 1].copy(),
            "parameters": self.parameters_.copy(),
            "record": self.recorded(),
        }
        if not n.progress.traces_zero:
            progress["traces"] = self.traces_.copy()
        if self.sensitivities_.any():
            progress["sensitivities"] = self.sensitivities_.copy()
        if n.progress.collected:
            progress["gradient"] = self.gradient_.copy()
        progress |= self._scales()
        progress["n_updates"] = n.optimizer.n_updates
        progress["output_error"] = n.optimizer.error
        for name, moment in zip(MOMENTS, self.moments_):
            progress[name] = moment.copy()
        if self.eligibility_ is not None:
            progress["eligibility"] = self.eligibility_.copy()
        return progress

    cdef object recorded(self):
        """A copy of the rows of the record in use, zero where a row holds what older steps have left:
        errors without an error, coefficients that are computed anew before they are read."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        record = self.record_[:(n.progress.n_pending + 1) * n.buffers.record_stride].copy()
        rows = record.reshape(n.progress.n_pending + 1, n.buffers.record_stride)
        rows[rows[:, layout.at_has_error] == 0, layout.at_delta:layout.at_coef] = 0
        # In use are those of steps absorbed, or of the one step that may be learned from eagerly.
        if n.progress.n_absorbed > 0:
            rows[n.progress.n_absorbed + 1:, layout.at_coef:] = 0
        elif n.progress.n_pending != 1:
            rows[:, layout.at_coef:] = 0
        return record

    def _scales(self):
        """The statistics of inputs and targets, of those that are scaled."""
        scales = {}
        if self.scales_inputs():
            scales["input_scale"] = self.scaling.inputs.state()
        if self.scales_targets():
            scales["target_scale"] = self.scaling.targets.state()
        return scales

    def _restore_scales(self, progress):
        if self.scales_inputs():
            self.scaling.inputs.restore(progress["input_scale"])
        if self.scales_targets():
            self.scaling.targets.restore(progress["target_scale"])

    def _restore(self, progress):
        """Go on from what `_progress` returned, which has been checked, see pylstm/schemas/networks.py;
        where it contradicts itself all the same, the network is as if never built."""
        self.take()
        try:
            self.restore(progress)
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            pylstm_release(&self.net)

    cdef restore(self, progress):
        cdef pylstm_network *n = &self.net
        buffers = {"parameters": self.parameters_, "traces": self.traces_,
                   "sensitivities": self.sensitivities_, "gradient": self.gradient_, "eligibility": self.eligibility_,
                   **dict(zip(MOMENTS, self.moments_))}
        for name, buffer in buffers.items():
            if name in progress:
                buffer[:] = progress[name]
        record = progress["record"]
        self.make_room(progress["n_pending"])
        self._restore_scales(progress)
        self.record_[:record.size] = record
        self.tokens_[:progress["tokens"].size] = progress["tokens"]
        n.progress.n_live = progress["live"].size
        self.live_[:n.progress.n_live] = progress["live"]
        self.listed_[progress["live"]] = 1
        n.progress.all_live = progress["all_live"]
        n.progress.n_pending = progress["n_pending"]
        n.progress.n_waiting = progress["n_waiting"]
        n.progress.n_absorbed = progress["n_absorbed"]
        n.progress.n_collect = progress["n_collect"]
        n.progress.closed = progress["closed"]
        n.progress.learnable = progress["learnable"]
        n.progress.has_errors = progress["has_errors"]
        n.progress.collected = progress["collected"]
        n.progress.traces_zero = progress["traces_zero"]
        n.progress.n_steps = progress["n_steps"]
        n.optimizer.n_updates = progress["n_updates"]
        n.optimizer.error = progress["output_error"]
        refuse_contradiction(pylstm_network_contradiction(n), "network")

    # ------------------------------------------------------------ what it is

    @property
    def n_cells(self):
        """Number of memory cells, n_blocks * block_size."""
        return self.net.layout.n_cells

    @property
    def n_steps(self):
        """Number of steps made since the network was built."""
        return self.net.progress.n_steps

    @property
    def dtype(self):
        """The NumPy dtype of weights, state and results."""
        return self.dtype_


include "_grow.pxi"
include "_population.pxi"
include "_streams.pxi"
include "_recurrent.pxi"
include "_layouts.pxi"
