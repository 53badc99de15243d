# cython: language_level=3, cdivision=True, binding=True
"""One network as memory: built, taken for a call, with room for its steps and an optimizer."""

import numpy as np

from pylstm._core.arrays import aligned_copy, aligned_zeros
from pylstm._core.shape import CHOICES, N_MOMENTS, layer_configs
from pylstm.errors import brief

from pylstm._core cimport numpy_api as cnp
from cpython.ref cimport Py_REFCNT
from libc.math cimport NAN
from libc.stdint cimport int32_t
from libc.string cimport memset

from pylstm._core.engine cimport (
    borrow_team,
    current_blas,
    current_engine,
    give,
    large_from,
    lay_out_network,
    network_contradiction,
    require,
    return_team,
    stack_table,
    take,
)
from pylstm._core.headers cimport *
from pylstm._core.scaling cimport Scaling
from pylstm._core.shape cimport fill_method, fill_place, fill_rule, fill_shape, too_large

cnp.import_array()


cdef ptrdiff_t rows_wanted(ptrdiff_t n_steps, ptrdiff_t rows, ptrdiff_t most) noexcept nogil:
    """Rows of a record, of which there are `rows`, with room for so many steps, at most so many;
    doubled, so that a step moves it a bounded number of times."""
    cdef ptrdiff_t wanted = min(n_steps, most)
    if wanted + 2 <= rows:
        return rows
    return min(max(wanted, 2 * (rows - 2)), most) + 2


cdef ptrdiff_t updates_in(ptrdiff_t n_steps, ptrdiff_t n_sequences, ptrdiff_t every) noexcept:
    """At most so many updates come in so many steps."""
    if every == PYLSTM_UPDATE_AT_END:
        return n_sequences
    return n_steps // every + 1


cdef object fill_heads(pylstm_shape *shape, heads):
    """The heads of a network from its configuration, in memory of their own, which is returned."""
    cdef pylstm_head *head
    cdef ptrdiff_t start = 0
    if heads is None:
        return None
    memory = aligned_zeros(len(heads) * sizeof(pylstm_head), np.uint8)
    shape.heads, shape.n_heads = <const pylstm_head *>cnp.PyArray_DATA(memory), len(heads)
    head = <pylstm_head *>cnp.PyArray_DATA(memory)
    for own in heads:
        head.from_, head.n_outputs = start, own["n_outputs"]
        head.output, head.loss = CHOICES["output"][own["output"]], CHOICES["loss"][own["loss"]]
        head.weight = own["weight"]
        start += head.n_outputs
        head += 1
    return memory


cdef class NetworkBuffers:
    """Memory and optimizer of one network, taken for one call at a time.

    A network of several layers is the top one and has the others in `below`.
    """

    # ------------------------------------------------------------ building

    cdef build(self, dict config, ptrdiff_t from_weights):
        """Everything anew; what cannot be built is as if it never had been."""
        take(&self.net.busy, True, "LSTM")
        try:
            self.allocate(config, from_weights)
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            give(&self.net.busy)

    cdef allocate(self, dict config, ptrdiff_t from_weights):
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        self.parameters_ = None  # until all is there: see take
        memset(n, 0, sizeof(pylstm_network))
        n.busy = 1
        self.eligibility_ = self.kind_ = self.schedule_ = self.factors_ = self.optimizer_ = None
        self.config_ = config
        *below, top = layer_configs(config)
        fill_shape(&n.shape, top)
        fill_method(&n.shape, top)
        fill_place(&n.shape, top)
        self.heads_ = fill_heads(&n.shape, top.get("heads"))
        self.dtype_ = np.dtype(config["dtype"])
        self.typenum = cnp.NPY_FLOAT64 if self.dtype_ == np.float64 else cnp.NPY_FLOAT32
        n.shape.large_from = from_weights
        n.blas = current_blas()
        self.table = current_engine(n.shape.precision).network
        if not lay_out_network(&n.shape, &n.layout):
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
        self.point_at(parameters)
        self.scaling = None
        self.scaled = config["scale_inputs"] or config["scale_targets"]
        if self.scaled:
            self.scaling = Scaling.__new__(Scaling)
            self.scaling.set_up(config, n)
        self.table.prepare(n)
        self.table.reset(n)
        self.below = tuple(self.new_layer() for _ in below)
        for layer, own in zip(self.below, below):
            (<NetworkBuffers>layer).build(own, from_weights)
        self.join_layers()
        self.parameters_ = parameters
        self.n_owners = self.n_references()

    cdef NetworkBuffers new_layer(self):
        return NetworkBuffers.__new__(NetworkBuffers)

    cdef void join_layers(self) noexcept:
        """Let the layers know each other; with several all calls go to all of them."""
        cdef pylstm_network *below = NULL
        cdef pylstm_network *mate = NULL
        cdef pylstm_network *n
        for layer in self.layers():
            n = &(<NetworkBuffers>layer).net
            n.below, n.above, n.mate = below, NULL, NULL
            if (<NetworkBuffers>layer).config_.get("backward", False):
                mate = n
                continue
            n.mate, mate = mate, NULL
            if below == NULL:
                self.lowest = n
            else:
                below.above = n
                if below.mate != NULL:
                    below.mate.above = n
            below = n
        if self.below:
            self.table = stack_table(self.table, self.net.shape.precision)

    cdef tuple layers(self):
        """All layers, the lowest first; of one layer itself."""
        return (*self.below, self)

    cdef void point_at(self, object parameters) noexcept:
        """The engine's pointers to the buffers there are, and to these parameters."""
        cdef pylstm_buffers *b = &self.net.buffers
        b.live = <int32_t *>cnp.PyArray_DATA(self.live_)
        b.listed = <int32_t *>cnp.PyArray_DATA(self.listed_)
        b.tokens = <int32_t *>cnp.PyArray_DATA(self.tokens_)
        b.parameters = cnp.PyArray_DATA(parameters)
        b.gradient = cnp.PyArray_DATA(self.gradient_)
        b.traces = cnp.PyArray_DATA(self.traces_)
        b.sensitivities = cnp.PyArray_DATA(self.sensitivities_)
        b.record = cnp.PyArray_DATA(self.record_)
        b.back = cnp.PyArray_DATA(self.back_)
        b.work = cnp.PyArray_DATA(self.work_)
        b.eligibility = NULL if self.eligibility_ is None else cnp.PyArray_DATA(self.eligibility_)

    def _become_copy_of(self, NetworkBuffers other):
        """Everything the other one is and has come to, in memory of its own."""
        cdef pylstm_network *n = &self.net
        other.take()
        try:
            n[0] = other.net  # and with it that a call goes on: nobody else knows this one yet
            self.table, self.typenum, self.dtype_ = other.table, other.typenum, other.dtype_
            self.config_, self.optimizer_, self.heads_ = other.config_, other.optimizer_, other.heads_
            self.kind_, self.schedule_, self.factors_ = other.kind_, other.schedule_, other.factors_
            self.gradient_ = aligned_copy(other.gradient_)
            self.traces_ = aligned_copy(other.traces_)
            self.sensitivities_ = aligned_copy(other.sensitivities_)
            self.record_ = aligned_copy(other.record_)
            self.back_ = aligned_copy(other.back_)
            self.work_ = aligned_copy(other.work_)
            self.live_, self.listed_ = aligned_copy(other.live_), aligned_copy(other.listed_)
            self.tokens_ = aligned_copy(other.tokens_)
            self.eligibility_ = None if other.eligibility_ is None else aligned_copy(other.eligibility_)
            self.moments_ = [aligned_copy(moment) for moment in other.moments_]
            parameters = aligned_copy(other.parameters_)
            self.point_at(parameters)
            for k, moment in enumerate(self.moments_):
                n.optimizer.moments[k] = cnp.PyArray_DATA(moment)
            n.team = NULL
            self.table.prepare(n)
            self.scaled = other.scaled
            self.scaling = other.scaling.copy_for(n) if other.scaled else None
            self.below = tuple(self.new_layer() for _ in other.below)
            for layer, theirs in zip(self.below, other.below):
                (<NetworkBuffers>layer)._become_copy_of(theirs)
            self.join_layers()
            self.parameters_ = parameters
            self.n_owners = self.n_references()
            give(&n.busy)
        finally:
            other.release()

    cdef int check_memory(self, limit) except -1:
        """Whether the sensitivities may be allocated."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        size = layout.sensitivity_size * self.dtype_.itemsize
        if size > limit:
            raise ValueError(
                f"gradient 'rtrl' needs {size:,} bytes here, for the derivatives of {layout.n_carried:,} "
                f"numbers by {layout.column_blocks * layout.block_columns:,} weights: wanted at most "
                f"memory_limit, {limit:,}"
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
        """Another optimizer: `numbers` by the fields of the C struct, `schedule` a callable or None. The
        moments and the count of updates stay as long as its kind does."""
        self.take()
        try:
            for layer in self.layers():
                (<NetworkBuffers>layer).set_rule(kind, rule, numbers)
            self.schedule_ = schedule
            self.optimizer_ = optimizer
        finally:
            self.release()

    cdef set_rule(self, kind, rule, numbers):
        cdef pylstm_optimizer *o = &self.net.optimizer
        if kind != self.kind_:
            self.moments_ = []
            o.moments[0] = o.moments[1] = NULL
            o.n_updates = 0
        self.kind_ = kind
        o.factors = NULL
        fill_rule(o, rule, numbers)
        self._need_moments(N_MOMENTS[rule])

    def _need_moments(self, count):
        for layer in self.below:
            layer._need_moments(count)
        while len(self.moments_) < count:
            moment = aligned_zeros(self.net.layout.parameter_size, self.dtype_)
            self.net.optimizer.moments[len(self.moments_)] = cnp.PyArray_DATA(moment)
            self.moments_.append(moment)

    def _need_eligibility(self):
        for layer in self.below:
            layer._need_eligibility()
        if self.eligibility_ is None:
            self.eligibility_ = aligned_zeros(self.net.layout.parameter_size, self.dtype_)
            self.net.buffers.eligibility = cnp.PyArray_DATA(self.eligibility_)

    cdef int plan_rates(self, ptrdiff_t n_updates) except -1 nogil:
        """Ask a schedule of the user's, where there is one, for the factors of the next updates."""
        if self.schedule_ is None:
            return 0
        with gil:
            return self.ask_schedule(n_updates)

    cdef int ask_schedule(self, ptrdiff_t n_updates) except -1:
        """Ask it, once for each update."""
        cdef pylstm_optimizer *o = &self.net.optimizer
        cdef pylstm_network *n
        self.factors_ = schedule_factors(self.schedule_, o.n_updates, n_updates)
        o.factors = <const double *>cnp.PyArray_DATA(self.factors_)
        o.first_factor = o.n_updates
        for layer in self.below:
            n = &(<NetworkBuffers>layer).net
            n.optimizer.factors, n.optimizer.first_factor = o.factors, o.first_factor
        return 0

    cdef Py_ssize_t n_references(self):
        """To the memory of the parameters: every view of them holds one."""
        return Py_REFCNT(self.parameters_.base)

    cdef int take(self) except -1 nogil:
        take(&self.net.busy, self.parameters_ is not None, "LSTM")
        return 0

    cdef void gather_helpers(self, bint wake) noexcept nogil:
        """Before the work of a call: the threads that share it, and whether somebody may read W."""
        if self.is_large():
            self.share_out(wake)

    # Apart: a function with a block that takes the GIL takes it at its end too, in every step.
    cdef void share_out(self, bint wake) noexcept with gil:
        cdef ptrdiff_t size = self.net.layout.parameter_size
        for layer in self.below:
            (<NetworkBuffers>layer).watch()
            size += (<NetworkBuffers>layer).net.layout.parameter_size
        self.watch()
        self.net.team = borrow_team(wake or size >= WAKING_SIZE)
        for layer in self.below:
            (<NetworkBuffers>layer).net.team = self.net.team

    cdef void lend_team(self, pylstm_team *team) noexcept nogil:
        """Work with the threads of another network, whose call this is a part of; or with none."""
        cdef pylstm_network *n = &self.net
        while n != NULL:
            n.team = team
            n = n.below

    cdef read_weights(self, NetworkBuffers learner):
        """Have the weights of the same layer of another network, in its memory; by a view, which tells
        that network that somebody reads them, see `watch`."""
        self.parameters_ = learner.parameters_[:]
        self.net.buffers.parameters = learner.net.buffers.parameters

    cdef void watch(self) noexcept:
        self.net.watched = self.n_references() > self.n_owners

    cdef void release(self) noexcept nogil:
        cdef pylstm_network *n = &self.net
        return_team(n.team)
        while n != NULL:
            n.team = NULL
            if PYLSTM_DEBUG_BUILD:
                require(network_contradiction(n))
            n = n.below if n.mate == NULL else n.mate
        give(&self.net.busy)

    cdef int make_room(self, ptrdiff_t n_steps) except -1 nogil:
        """Room in the record for so many steps more, as far as they are not settled before."""
        cdef pylstm_network *n = &self.net
        if n.below != NULL or n.mate != NULL:
            self.make_room_below(n_steps)
        cdef ptrdiff_t rows = rows_wanted(
            n.progress.n_pending + n_steps, n.buffers.record_rows, n.layout.most_pending)
        return 0 if rows == n.buffers.record_rows else self.lengthen_record(rows)

    cdef int make_room_below(self, ptrdiff_t n_steps) except -1 with gil:
        for layer in self.below:
            (<NetworkBuffers>layer).make_room(n_steps)
        return 0

    cdef int lengthen_record(self, ptrdiff_t rows) except -1 with gil:
        """Give the record so many rows."""
        cdef pylstm_network *n = &self.net
        record = aligned_zeros(pylstm_product(rows, n.buffers.record_stride), self.dtype_)
        tokens = aligned_zeros(rows + 1, np.int32)
        used = (n.progress.n_pending + 1) * n.buffers.record_stride
        record[:used] = self.record_[:used]
        tokens[:n.progress.n_pending + 1] = self.tokens_[:n.progress.n_pending + 1]
        tokens[rows] = self.tokens_[n.buffers.record_rows]
        self.record_, self.tokens_ = record, tokens
        n.buffers.record = cnp.PyArray_DATA(record)
        n.buffers.tokens = <int32_t *>cnp.PyArray_DATA(tokens)
        n.buffers.record_rows = rows
        return 0

    cdef bint is_large(self) noexcept nogil:
        """Worth sharing, and releasing the GIL for."""
        cdef pylstm_network *n = &self.net
        while n != NULL:
            if n.layout.large or n.layout.column_shares == PYLSTM_SHARES:
                return True
            n = n.below
        return False

    cdef bint scales_inputs(self) noexcept nogil:
        return self.scaling is not None and self.scaling.scales_x

    cdef bint scales_targets(self) noexcept nogil:
        return self.scaling is not None and self.scaling.scales_t

    cdef diverged(self):
        return diverged(&self.net, "network")

    # ------------------------------------------------------------ what it is

    @property
    def n_cells(self):
        """Number of memory cells, n_blocks * block_size, of all layers together."""
        return sum([(<NetworkBuffers>layer).net.layout.n_cells for layer in self.layers()])

    @property
    def n_steps(self):
        """Number of steps made since the network was built."""
        return self.net.progress.n_steps

    @property
    def dtype(self):
        """The NumPy dtype of weights, state and results."""
        return self.dtype_

    @property
    def _optimizer(self):
        return self.optimizer_


cdef object schedule_factors(schedule, ptrdiff_t first, ptrdiff_t count):
    """What a schedule says of so many updates from the first on."""
    factors = np.empty(count)
    for k in range(count):
        factor = schedule(first + k)
        try:
            factors[k] = factor
        except (TypeError, ValueError):
            factors[k] = NAN
        if not 0 <= factors[k] < np.inf:
            raise ValueError(
                f"schedule({first + k}) is {brief(factor)}, wanted a finite number >= 0"
            )
    return factors


cdef diverged(const pylstm_network *n, str what):
    return FloatingPointError(
        f"the {what} diverged at step {n.progress.n_steps}: a weight or a net input is no longer finite; a "
        f"smaller learning rate than {n.optimizer.learning_rate:g}, or smaller inputs, would keep it in "
        "range"
    )
