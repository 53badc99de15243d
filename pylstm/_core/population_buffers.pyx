# cython: language_level=3, cdivision=True, binding=True
"""A population as memory: built, taken for a call, its weights by name, saved and restored."""

import numpy as np

from pylstm._core.arrays import aligned_zeros
from pylstm._core.scaling import ROWS, RunningScale
from pylstm._core.shape import MOMENTS, N_MOMENTS, RULES


from pylstm._core cimport numpy_api as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from pylstm._core.engine cimport (
    borrow_team,
    current_engine,
    give,
    lay_out_population,
    lay_out_record,
    population_contradiction,
    refuse_contradiction,
    require,
    return_team,
    take,
)
from pylstm._core.headers cimport *
from pylstm._core.network_buffers cimport schedule_factors
from pylstm._core.network_progress cimport state_by_name
from pylstm._core.shape cimport fill_rule, fill_shape, too_large

cnp.import_array()

cdef double SCALE_LIMIT = RunningScale(1).limit

cdef enum:
    SHARED_LINES = 1 << 15  # cache lines of weights gone through from which waking a thread is worth it


cdef class PopulationBuffers:
    """Memory of many networks of one architecture, taken for one call at a time."""

    # ------------------------------------------------------------ building

    def _build(self, dict config, n_nets):
        """Everything anew; what cannot be built is as if it never had been."""
        take(&self.pop.busy, True, "Population")
        try:
            self.allocate(config, n_nets)
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            give(&self.pop.busy)

    cdef allocate(self, dict config, ptrdiff_t n_nets):
        cdef pylstm_population *p = &self.pop
        self.parameters_ = None  # until all is there: see take
        memset(p, 0, sizeof(pylstm_population))
        p.busy = 1
        self.config_ = config
        self.optimizers_ = ()
        fill_shape(&p.shape, config)
        p.shape.large_from = PY_SSIZE_T_MAX  # a population has a layout of its own
        p.n_nets = n_nets
        self.dtype_ = np.dtype(config["dtype"])
        self.typenum = cnp.NPY_FLOAT64 if self.dtype_ == np.float64 else cnp.NPY_FLOAT32
        self.table = current_engine(p.shape.precision).population
        self.net_table = current_engine(p.shape.precision).network
        if not lay_out_population(p):
            raise too_large(&p.shape, f"n_nets={n_nets} of ")
        parameters = self.zeros(p.parameter_lines)
        self.gradient_ = self.zeros(p.parameter_lines)
        self.traces_ = self.zeros(p.trace_lines)
        self.steps_ = self.zeros(p.step_lines)
        self.work_ = self.zeros(p.work_lines)
        self.rules_ = self.zeros(PYLSTM_RULE_LINES)
        self.regimes_ = aligned_zeros(3 * p.n_groups, np.uint32).reshape(3, p.n_groups)
        n_structs = pylstm_product(p.n_groups * p.lanes, sizeof(pylstm_optimizer))
        self.structs_ = aligned_zeros(n_structs, np.uint8)
        self.updates_ = self.zeros(1, np.int64)
        self.errors_ = self.zeros(1, np.float64)
        self.input_scale_ = self.target_scale_ = self.eligibility_ = None
        if config["scale_inputs"]:
            self.input_scale_ = self.zeros(pylstm_product(PYLSTM_STATISTICS, p.shape.n_inputs), np.float64)
            p.input_scale = <double *>cnp.PyArray_DATA(self.input_scale_)
        if config["scale_targets"]:
            self.target_scale_ = self.zeros(pylstm_product(PYLSTM_STATISTICS, p.shape.n_outputs), np.float64)
            p.target_scale = <double *>cnp.PyArray_DATA(self.target_scale_)
        p.scale_memory, p.scale_limit = config["scale_memory"], SCALE_LIMIT
        n_flags = sizeof(pylstm_group) // sizeof(uint32_t)
        self.groups_ = aligned_zeros(p.n_groups * n_flags, np.uint32).reshape(p.n_groups, n_flags)
        counts = aligned_zeros(2 * p.n_groups * p.lanes, np.int64)
        self.counts_ = counts.reshape(2, p.n_groups, p.lanes)
        everyone = aligned_zeros(p.n_groups * p.lanes, np.intp)
        everyone[:n_nets] = np.arange(n_nets)
        everyone[n_nets:] = -1
        self.everyone_ = everyone
        self.moments_, self.scheduled_, self.kind_, self.factors_ = [], [], None, {}
        self.record_ = None
        p.parameters = cnp.PyArray_DATA(parameters)
        p.gradient = cnp.PyArray_DATA(self.gradient_)
        p.traces = cnp.PyArray_DATA(self.traces_)
        p.steps = cnp.PyArray_DATA(self.steps_)
        p.work = cnp.PyArray_DATA(self.work_)
        p.rules = cnp.PyArray_DATA(self.rules_)
        p.plain = <uint32_t *>cnp.PyArray_DATA(self.regimes_)
        p.varying = p.plain + p.n_groups
        p.whole = p.varying + p.n_groups
        p.optimizers = <pylstm_optimizer *>cnp.PyArray_DATA(self.structs_)
        p.n_updates = <int64_t *>cnp.PyArray_DATA(self.updates_)
        p.errors = <double *>cnp.PyArray_DATA(self.errors_)
        p.groups = <pylstm_group *>cnp.PyArray_DATA(self.groups_)
        p.n_steps = <int64_t *>cnp.PyArray_DATA(self.counts_)
        p.n_collect = p.n_steps + p.n_groups * p.lanes
        self.parameters_ = parameters

    cdef object zeros(self, ptrdiff_t lines, dtype=None):
        cdef pylstm_population *p = &self.pop
        flat = aligned_zeros(pylstm_product(p.n_groups * p.lanes, lines), dtype or self.dtype_)
        return flat.reshape(p.n_groups, lines, p.lanes)

    def _set_optimizers(self, optimizers):
        """Other optimizers, one a net, all of one kind. Moments and counts of updates stay as long as
        that is the kind there was."""
        self.take()
        try:
            self.set_optimizers(optimizers)
        finally:
            self.release()

    cdef set_optimizers(self, tuple optimizers):
        cdef pylstm_population *p = &self.pop
        cdef pylstm_optimizer *o
        cdef ptrdiff_t k
        kind = type(optimizers[0]).__name__
        rule = max((one.rule for one in optimizers), key=N_MOMENTS.__getitem__)
        n_moments = N_MOMENTS[rule] if kind != self.kind_ else max(N_MOMENTS[rule], len(self.moments_))
        self._need_moments(n_moments)
        if kind != self.kind_:
            self.drop_moments(n_moments)
        lines = np.zeros((p.n_groups * p.lanes, PYLSTM_RULE_LINES))
        lines[:, PYLSTM_SMALLEST] = 1  # of lanes that are no networks: never 0 / 0
        regimes = np.zeros((3, p.n_groups * p.lanes), bool)
        for k, one in enumerate(optimizers):
            o = p.optimizers + k
            if k > 0 and one is optimizers[k - 1]:
                o[0] = p.optimizers[k - 1]
                lines[k], regimes[:, k] = lines[k - 1], regimes[:, k - 1]
                continue
            memset(o, 0, sizeof(pylstm_optimizer))
            fill_rule(o, one.rule, one.numbers())
            lines[k] = rule_lines(o)
            regimes[:, k] = regimes_of(o, callable(one.schedule))
        self.rules_[...] = lines.reshape(p.n_groups, p.lanes, -1).swapaxes(1, 2)
        bits = regimes.reshape(3, p.n_groups, p.lanes) << np.arange(p.lanes, dtype=np.uint32)
        self.regimes_[...] = bits.sum(axis=2)
        p.rule = RULES[rule]
        self.scheduled_ = [k for k in range(p.n_nets) if callable(optimizers[k].schedule)]
        self.kind_, self.optimizers_ = kind, optimizers

    cdef int plan_rates(self, object place, ptrdiff_t n_updates) except -1:
        """Ask the schedules of the nets that have a place for the factors of their next updates, each
        schedule once for nets with as many updates so far."""
        cdef pylstm_population *p = &self.pop
        cdef const cnp.npy_intp *places = <const cnp.npy_intp *>cnp.PyArray_DATA(place)
        cdef ptrdiff_t k
        self.factors_ = {}
        for k in self.scheduled_:
            if places[k] < 0:
                continue
            schedule = self.optimizers_[k].schedule
            asked = id(schedule), p.n_updates[k]
            if asked not in self.factors_:
                self.factors_[asked] = schedule_factors(schedule, p.n_updates[k], n_updates)
            p.optimizers[k].factors = <const double *>cnp.PyArray_DATA(self.factors_[asked])
            p.optimizers[k].first_factor = p.n_updates[k]
        return 0

    @property
    def _optimizers(self):
        return self.optimizers_

    def _config(self):
        """The arguments of the constructor."""
        if self.config_ is None:
            raise RuntimeError("this Population was never initialised: call Population.__init__ first")
        return self.config_

    def _need_moments(self, count):
        while len(self.moments_) < count:
            moment = self.zeros(self.pop.parameter_lines)
            self.pop.moments[len(self.moments_)] = cnp.PyArray_DATA(moment)
            self.moments_.append(moment)

    def _need_eligibility(self):
        if self.eligibility_ is None:
            self.eligibility_ = self.zeros(self.pop.parameter_lines)
            self.pop.eligibility = cnp.PyArray_DATA(self.eligibility_)

    cdef void adopt(self, PopulationBuffers other) noexcept:
        """Be what the other one is, of which nobody knows, while a call has this one."""
        self.pop = other.pop
        self.pop.busy = 1
        self.config_, self.optimizers_, self.kind_ = other.config_, other.optimizers_, other.kind_
        self.gradient_, self.traces_, self.steps_ = other.gradient_, other.traces_, other.steps_
        self.work_, self.rules_, self.groups_ = other.work_, other.rules_, other.groups_
        self.counts_, self.regimes_, self.structs_ = other.counts_, other.regimes_, other.structs_
        self.updates_, self.errors_, self.record_ = other.updates_, other.errors_, other.record_
        self.eligibility_, self.moments_ = other.eligibility_, other.moments_
        self.scheduled_ = other.scheduled_
        self.input_scale_, self.target_scale_ = other.input_scale_, other.target_scale_
        self.everyone_, self.parameters_ = other.everyone_, other.parameters_

    cdef drop_moments(self, ptrdiff_t count):
        """Keep so many of the moments, and nothing that is in them; no update has been made."""
        del self.moments_[count:]
        for k in range(count, 2):
            self.pop.moments[k] = NULL
        for moment in self.moments_:
            moment[...] = 0
        self.updates_[...] = 0

    cdef int need_record(self, bint tokens) except -1:
        cdef pylstm_record record
        if not lay_out_record(&self.pop, tokens, &record):
            raise too_large(&self.pop.shape, f"sequences of {self.pop.n_nets} nets of ")
        if self.record_ is None or self.record_.shape[1] < record.lines:
            self.record_ = self.zeros(record.lines)
            self.pop.record = cnp.PyArray_DATA(self.record_)
        return 0

    cdef int take(self) except -1:
        """Take the population for one call, before anything of it is looked at."""
        take(&self.pop.busy, self.parameters_ is not None, "Population")
        return 0

    cdef void release(self) noexcept:
        return_team(self.pop.team)
        self.pop.team = NULL
        if PYLSTM_DEBUG_BUILD:
            require(population_contradiction(&self.pop))
        give(&self.pop.busy)

    cdef void gather_helpers(self, ptrdiff_t n_steps) noexcept:
        """Before the work of a call: the threads that share it."""
        cdef pylstm_population *p = &self.pop
        if p.n_groups > 1 and n_steps * p.n_groups * p.parameter_lines >= SHARED_LINES:
            p.team = borrow_team(True)

    cdef object spread(self, bits):
        """Bits of the groups as a mask over all lanes."""
        return (bits[:, None] >> np.arange(self.pop.lanes, dtype=np.uint32) & 1).astype(bool).ravel()

    # ------------------------------------------------------------ views and copies

    cdef object views(self, buffer):
        """Weights, or their gradient, by name: views (n_groups, lanes, rows, sources)."""
        cdef pylstm_population *p = &self.pop
        cdef const pylstm_layout *layout = &p.layout

        def matrix(start, n_sources, n_rows):
            lines = buffer[:, start:start + n_sources * n_rows]
            return lines.reshape(-1, n_sources, n_rows, p.lanes).transpose(0, 3, 2, 1)

        W = matrix(0, layout.n_sources, layout.n_rows)
        views = {}
        if layout.row_i >= 0:
            views["input_gate"] = W[:, :, layout.row_i:layout.row_i + p.shape.n_blocks]
        if layout.row_f >= 0:
            views["forget_gate"] = W[:, :, layout.row_f:layout.row_f + p.shape.n_blocks]
        cell_sources = layout.n_sources - (p.shape.hidden_bias == PYLSTM_BIAS_GATES)
        views["cell_input"] = W[:, :, layout.row_g:layout.row_g + layout.n_cells, :cell_sources]
        if layout.row_o >= 0:
            views["output_gate"] = W[:, :, layout.row_o:layout.row_o + p.shape.n_blocks]
        for name, start in (("peephole_input", p.at_peephole_i), ("peephole_forget", p.at_peephole_f),
                            ("peephole_output", p.at_peephole_o)):
            if start >= 0:
                views[name] = matrix(start, p.shape.n_blocks, p.shape.block_size).swapaxes(2, 3)
        views["output"] = matrix(p.at_output, layout.n_out_sources, p.shape.n_outputs)
        return views

    def _count_parameters(self):
        self.take()
        try:
            return sum(view[0, 0].size for view in self.views(self.gradient_).values())
        finally:
            self.release()

    def _get_parameters(self):
        """Copies (n_nets, rows, sources) by name."""
        cdef ptrdiff_t n_nets = self.pop.n_nets
        self.take()
        try:
            return {
                name: view.reshape(-1, *view.shape[2:])[:n_nets].copy()
                for name, view in self.views(self.parameters_).items()
            }
        finally:
            self.release()

    def _put_parameters(self, nets, parameters):
        """Weights of `nets` (indices) by name, (len(nets), rows, sources) each."""
        self.take()
        try:
            views = self.views(self.parameters_)
            for name, values in parameters.items():
                views[name][nets // self.pop.lanes, nets % self.pop.lanes] = values
        finally:
            self.release()

    def _state(self):
        """Copies (n_nets, ...) of the state: cell state, cell output, gate activations."""
        cdef pylstm_population *p = &self.pop
        self.take()
        try:
            steps = self.steps_.transpose(0, 2, 1).reshape(-1, p.step_lines)[:p.n_nets]
            return state_by_name(&p.shape, &p.layout, steps, p.at_act, p.at_c, p.at_q)
        finally:
            self.release()

    def _scales(self, name):
        """The statistics of a scale as of so many networks, dictionaries; None with no scale."""
        self.take()
        try:
            lines = self._lines().get(name)
            if lines is None:
                return None
            nets = lines.transpose(0, 2, 1).reshape(self.pop.n_groups * self.pop.lanes, PYLSTM_STATISTICS, -1)
            return [statistics_by_name(rows) for rows in nets[:self.pop.n_nets]]
        finally:
            self.release()

    # ------------------------------------------------------------ persistence

    def _buffers(self):
        """Everything that decides how the streams go on, by name; not copied."""
        return {**self._lines(), "groups": self.groups_, "counts": self.counts_}

    def _lines(self):
        """What of it has a number for every net in a line, (n_groups, lines, lanes)."""
        optional = {"eligibility": self.eligibility_, "input_scale": self.input_scale_,
                    "target_scale": self.target_scale_}
        return {
            "parameters": self.parameters_, "gradient": self.gradient_, "traces": self.traces_,
            "steps": self.steps_, **dict(zip(MOMENTS, self.moments_)), "n_updates": self.updates_,
            "output_error": self.errors_,
            **{name: buffer for name, buffer in optional.items() if buffer is not None},
        }

    def _progress(self):
        """Copies of everything that decides how the streams go on."""
        self.take()
        try:
            return self.progress()
        finally:
            self.release()

    def _identity_and_progress(self):
        """What `_identity` says the population is, and its progress, of one moment."""
        self.take()
        try:
            return {**self._identity(), **self.progress()}
        finally:
            self.release()

    cdef object progress(self):
        return {name: buffer.copy() for name, buffer in self._buffers().items()}

    def _restore(self, progress):
        """Go on from what `_progress` returned, which has been checked, see pylstm/schemas/networks.py;
        where it contradicts itself all the same, it is as if never built."""
        self.take()
        try:
            for name, buffer in self._buffers().items():
                buffer[...] = progress[name]
            refuse_contradiction(population_contradiction(&self.pop), "Population")
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            give(&self.pop.busy)

    # ------------------------------------------------------------ what it is

    @property
    def diverged(self):
        """Which nets have diverged, (n_nets,) of bool: an output or a weight is not finite.

        From the step on whose output was not finite the outputs are NaN and no call changes the net
        any more; the others go on undisturbed. A net comes back when it is reset with finite weights,
        or replaced. Asking reads all weights.
        """
        self.take()
        try:
            left_alone = self.spread(self.groups_[:, 4])
            broken = ~np.isfinite(self.parameters_).all(axis=1).ravel()
            return (left_alone | broken)[:self.pop.n_nets]
        finally:
            self.release()

    @property
    def n_nets(self):
        """Number of nets."""
        return self.pop.n_nets

    @property
    def n_steps(self):
        """Number of steps each net has made, (n_nets,)."""
        self.take()
        try:
            return self.counts_[0].ravel()[:self.pop.n_nets].copy()
        finally:
            self.release()

    @property
    def n_cells(self):
        """Number of memory cells of a net, n_blocks * block_size."""
        return self.pop.layout.n_cells

    @property
    def dtype(self):
        """The NumPy dtype of weights, state and results."""
        return self.dtype_


cdef dict statistics_by_name(rows):
    """Copies of the statistics of columns, (PYLSTM_STATISTICS, n_columns)."""
    return {name: rows[at].copy() for name, at in ROWS.items()}


cdef tuple regimes_of(const pylstm_optimizer *o, bint scheduled):
    """Whether an optimizer descends and no more, differs from update to update, must see the whole
    gradient before it changes a weight: `plain`, `varying` and `whole` of a population."""
    whole = o.clip_norm > 0 or o.rule == PYLSTM_OBGD
    varying = whole or scheduled or o.decay != 1 or o.rule == PYLSTM_ADAM
    plain = o.rule == PYLSTM_SGD and not whole and o.clip_value == 0 and o.weight_decay == 0
    return plain, varying, whole


cdef object rule_lines(const pylstm_optimizer *o):
    """The numbers of a net in the lines of its rule."""
    cdef double gain = (1 - o.second) ** 0.5
    lines = np.zeros(PYLSTM_RULE_LINES)
    lines[PYLSTM_GAIN] = gain
    lines[PYLSTM_RATE] = o.learning_rate / gain if o.rule == PYLSTM_RMSPROP else o.learning_rate
    lines[PYLSTM_FIRST_PART], lines[PYLSTM_FIRST_GAIN] = o.first, (1 - o.first) / gain
    lines[PYLSTM_SECOND_PART] = o.second
    lines[PYLSTM_SMALLEST] = o.epsilon
    lines[PYLSTM_KEPT] = 1 - o.learning_rate * o.weight_decay
    lines[PYLSTM_ROOT] = lines[PYLSTM_SHRINK] = 1
    lines[PYLSTM_LIMIT] = o.clip_value if o.clip_value > 0 else np.inf
    return lines


def population_sizes(dict config, Py_ssize_t n_nets):
    """Groups, lanes, and the lines of each buffer of a population."""
    cdef pylstm_population p
    memset(&p, 0, sizeof(pylstm_population))
    fill_shape(&p.shape, config)
    p.shape.large_from = PY_SSIZE_T_MAX
    p.n_nets = n_nets
    if not lay_out_population(&p):
        raise too_large(&p.shape, f"{n_nets} networks of ")
    return {
        "groups": p.n_groups,
        "lanes": p.lanes,
        "flags": sizeof(pylstm_group) // sizeof(uint32_t),
        "parameters": p.parameter_lines,
        "traces": p.trace_lines,
        "steps": p.step_lines,
        "statistics": PYLSTM_STATISTICS,
    }
