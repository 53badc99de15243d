# The seam of a population: check, convert, call once; and the exchange with single networks.

cdef extern from "population/population.h":
    ctypedef struct pylstm_group:
        uint32_t pending, learnable, has_error, collected, diverged

    ctypedef struct pylstm_population:
        pylstm_shape shape
        pylstm_layout layout
        pylstm_team *team
        int busy
        ptrdiff_t n_nets
        int rule
        ptrdiff_t lanes, n_groups
        ptrdiff_t at_output, at_peephole_i, at_peephole_f, at_peephole_o, parameter_lines
        ptrdiff_t trace_peephole_i, trace_peephole_f, trace_lines
        ptrdiff_t at_act, at_c, at_q, step_lines, work_lines
        void *parameters
        void *gradient
        void *velocity
        void *traces
        void *steps
        void *work
        void *rates
        void *record
        pylstm_group *groups
        int64_t *n_steps
        int64_t *n_collect

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
        const int32_t *tokens
        ptrdiff_t n_sequences
        const ptrdiff_t *lengths
        ptrdiff_t l_stride
        int last

    ctypedef struct pylstm_population_table:
        void (*run)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*predict)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*learn)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*learn_from)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*update)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*reset)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*settle)(pylstm_population *, const pylstm_population_call *) noexcept nogil
        void (*run_sequences)(pylstm_population *, const pylstm_population_call *) noexcept nogil

    ctypedef struct pylstm_record:
        ptrdiff_t lines

    int pylstm_population_layout(pylstm_population *)
    int pylstm_record_layout(const pylstm_population *, int tokens, pylstm_record *)


cdef extern from "network/progress.h":
    const char *pylstm_population_contradiction(const pylstm_population *) noexcept nogil


cdef enum:
    SHARED_LINES = 1 << 15  # cache lines of weights gone through from which waking a thread is worth it


cdef class PopulationBase:
    """Buffers and calls of a population. Use `pylstm.Population`."""

    cdef pylstm_population pop
    cdef const pylstm_population_table *table
    cdef const pylstm_table *net_table
    cdef int typenum
    cdef object dtype_, everyone_
    cdef object parameters_, gradient_, velocity_, traces_, steps_, work_, rates_, groups_, counts_
    cdef object record_, config_, optimizers_

    # ------------------------------------------------------------ building

    def _build(self, dict config, n_nets):
        """Everything anew; what cannot be built is as if it never had been."""
        if not pylstm_take(&self.pop.busy):
            raise RuntimeError(IN_USE.format("Population", "Population"))
        try:
            self.allocate(config, n_nets)
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            pylstm_give(&self.pop.busy)

    cdef allocate(self, dict config, ptrdiff_t n_nets):
        cdef pylstm_population *p = &self.pop
        if config["scale_inputs"] or config["scale_targets"]:
            raise ValueError(
                "the networks have scale_inputs or scale_targets, which a Population does not know: "
                "wanted networks without, and standardised values"
            )
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
        self.table = current_isa.engine[p.shape.precision].population
        self.net_table = current_isa.engine[p.shape.precision].network
        if not pylstm_population_layout(p):
            raise too_large(&p.shape, f"n_nets={n_nets} of ")
        parameters = self.zeros(p.parameter_lines)
        self.gradient_ = self.zeros(p.parameter_lines)
        self.traces_ = self.zeros(p.trace_lines)
        self.steps_ = self.zeros(p.step_lines)
        self.work_ = self.zeros(p.work_lines)
        self.rates_ = self.zeros(2)
        n_flags = sizeof(pylstm_group) // sizeof(uint32_t)
        self.groups_ = aligned_zeros(p.n_groups * n_flags, np.uint32).reshape(p.n_groups, n_flags)
        counts = aligned_zeros(2 * p.n_groups * p.lanes, np.int64)
        self.counts_ = counts.reshape(2, p.n_groups, p.lanes)
        everyone = aligned_zeros(p.n_groups * p.lanes, np.intp)
        everyone[:n_nets] = np.arange(n_nets)
        everyone[n_nets:] = -1
        self.everyone_ = everyone
        self.velocity_ = None
        self.record_ = None
        p.parameters = cnp.PyArray_DATA(parameters)
        p.gradient = cnp.PyArray_DATA(self.gradient_)
        p.traces = cnp.PyArray_DATA(self.traces_)
        p.steps = cnp.PyArray_DATA(self.steps_)
        p.work = cnp.PyArray_DATA(self.work_)
        p.rates = cnp.PyArray_DATA(self.rates_)
        p.groups = <pylstm_group *>cnp.PyArray_DATA(self.groups_)
        p.n_steps = <int64_t *>cnp.PyArray_DATA(self.counts_)
        p.n_collect = p.n_steps + p.n_groups * p.lanes
        self.parameters_ = parameters

    cdef object zeros(self, ptrdiff_t lines):
        cdef pylstm_population *p = &self.pop
        flat = aligned_zeros(pylstm_product(p.n_groups * p.lanes, lines), self.dtype_)
        return flat.reshape(p.n_groups, lines, p.lanes)

    def _set_rates(self, optimizers, rates, momenta):
        """Other optimisers: learning rate and momentum of every net, (n_nets,) each."""
        self.take()
        try:
            self.set_rates(optimizers, rates, momenta)
        finally:
            self.release()

    cdef set_rates(self, optimizers, rates, momenta):
        cdef pylstm_population *p = &self.pop
        if any(momenta):
            self._need_velocity()
        for j, values in enumerate((rates, momenta)):
            line = np.zeros(p.n_groups * p.lanes, self.dtype_)
            line[:p.n_nets] = values
            self.rates_[:, j] = line.reshape(p.n_groups, p.lanes)
        p.rule = PYLSTM_MOMENTUM if any(momenta) else PYLSTM_SGD
        self.optimizers_ = optimizers

    @property
    def _optimizers(self):
        return self.optimizers_

    def _config(self):
        """The arguments of the constructor."""
        if self.config_ is None:
            raise RuntimeError("this Population was never initialised: call Population.__init__ first")
        return self.config_

    def _need_velocity(self):
        if self.velocity_ is None:
            self.velocity_ = self.zeros(self.pop.parameter_lines)
            self.pop.velocity = cnp.PyArray_DATA(self.velocity_)

    cdef int need_record(self, bint tokens) except -1:
        cdef pylstm_record record
        if not pylstm_record_layout(&self.pop, tokens, &record):
            raise too_large(&self.pop.shape, f"sequences of {self.pop.n_nets} nets of ")
        if self.record_ is None or self.record_.shape[1] < record.lines:
            self.record_ = self.zeros(record.lines)
            self.pop.record = cnp.PyArray_DATA(self.record_)
        return 0

    cdef int take(self) except -1:
        """Take the population for one call, before anything of it is looked at; see Network.take."""
        if not pylstm_take(&self.pop.busy):
            raise RuntimeError(IN_USE.format("Population", "Population"))
        if self.parameters_ is None:
            pylstm_give(&self.pop.busy)
            raise RuntimeError("this Population was never initialised: call Population.__init__ first")
        return 0

    cdef void release(self) noexcept:
        return_team(self.pop.team)
        self.pop.team = NULL
        if PYLSTM_DEBUG_BUILD:
            require(pylstm_population_contradiction(&self.pop))
        pylstm_give(&self.pop.busy)

    # ------------------------------------------------------------ checking what comes in

    cdef object placing(self, nets, Py_ssize_t *count):
        """(n_groups * lanes,): which row of a call's arrays is for which net, -1 for none; how many."""
        cdef Py_ssize_t j, k, n_nets = self.pop.n_nets
        cdef cnp.npy_intp size = self.pop.n_groups * self.pop.lanes
        cdef const cnp.npy_intp *chosen
        cdef cnp.npy_intp *place
        count[0] = n_nets
        if nets is None:
            return self.everyone_
        indices = self.as_indices(nets)
        count[0] = cnp.PyArray_DIM(indices, 0)
        chosen = <const cnp.npy_intp *>cnp.PyArray_DATA(indices)
        places = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_INTP)
        place = <cnp.npy_intp *>cnp.PyArray_DATA(places)
        memset(place, 0xff, size * sizeof(cnp.npy_intp))  # -1
        for j in range(count[0]):
            k = chosen[j] + (n_nets if chosen[j] < 0 else 0)
            if k < 0 or k >= n_nets:
                raise IndexError(f"nets contains {chosen[j]}, wanted indices of {n_nets} nets")
            if place[k] >= 0:
                raise ValueError(f"nets contains {k} twice, wanted every net once")
            place[k] = j
        return places

    cdef object as_indices(self, nets):
        """`nets`, indices or a mask, as a row of indices, not yet checked."""
        array = np.asarray(nets)
        if array.dtype == bool:
            if array.shape != (self.pop.n_nets,):
                raise ValueError(f"nets is a mask of shape {brief(array.shape)}, wanted ({self.pop.n_nets},)")
            return np.flatnonzero(array)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise TypeError(
                f"nets has dtype {brief_text(array.dtype, 60)} and shape {brief(array.shape)}, "
                "wanted a row of indices or a "
                f"mask of shape ({self.pop.n_nets},)"
            )
        return np.ascontiguousarray(array, np.intp)

    def _chosen(self, nets):
        """`nets`, indices or a mask, as indices."""
        cdef Py_ssize_t count
        self.take()
        try:
            place = self.placing(nets, &count)
        finally:
            self.release()
        chosen = np.flatnonzero(place >= 0)
        return chosen[np.argsort(place[chosen])]

    cdef object as_array(self, object values, tuple shape, str what):
        """`values` as a C-contiguous array of the dtype, of `shape` or shared by all: shape[1:]. A
        None in the shape is any number."""
        cdef int k, start, n = len(shape)
        if isinstance(values, cnp.ndarray):  # quick where there is nothing to do
            start = n - cnp.PyArray_NDIM(values)
            if (0 <= start <= 1 and cnp.PyArray_TYPE(values) == self.typenum
                    and cnp.PyArray_ISCARRAY_RO(values)):
                for k in range(start, n):
                    if shape[k] is not None and cnp.PyArray_DIM(values, k - start) != shape[k]:
                        break
                else:
                    return values
        array = np.asarray(values)
        if array.dtype == object or not np.can_cast(array.dtype, self.dtype_, "same_kind"):
            raise TypeError(
                f"{what} has dtype {brief_text(array.dtype, 60)}, which cannot be cast safely: "
                f"wanted {self.dtype_} or "
                "another real number type"
            )
        wanted = shape if array.ndim == len(shape) else shape[1:]
        if array.ndim != len(wanted) or any(
                w is not None and w != s for w, s in zip(wanted, array.shape)):
            own, shared = (
                str(s).replace("None", "n_steps") for s in (shape, shape[1:])
            )
            raise ValueError(f"{what} has shape {brief(array.shape)}, wanted {own}, or {shared} shared by all")
        return np.require(array, self.dtype_, ["C_CONTIGUOUS", "ALIGNED"])

    cdef object inputs(self, object values, tuple shape, str what):
        array = self.as_array(values, shape, what)
        cdef ptrdiff_t width = cnp.PyArray_DIM(array, cnp.PyArray_NDIM(array) - 1)
        cdef ptrdiff_t row = self.net_table.first_not_finite(
            cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array) // width, width)
        if row >= 0:
            bad = array.reshape(-1, width)[row]
            where = place_of(array, row)
            raise ValueError(f"{what} contains {bad[~np.isfinite(bad)][0]}{where}: wanted finite numbers")
        return array

    cdef object as_targets(self, object values, tuple shape, bint *missing, used=None):
        """missing: whether there are rows of NaN. used: which rows count, when not all do."""
        cdef pylstm_population *p = &self.pop
        cdef ptrdiff_t row, n_rows
        cdef size_t size
        cdef const char *data
        cdef bint none
        cdef int problem
        array = self.as_array(values, shape, "targets")
        data = <const char *>cnp.PyArray_DATA(array)
        n_rows = cnp.PyArray_SIZE(array) // p.shape.n_outputs
        size = p.shape.n_outputs * cnp.PyArray_ITEMSIZE(array)
        missing[0] = self.net_table.first_not_finite(data, n_rows, p.shape.n_outputs) >= 0
        if not missing[0] and p.shape.loss == PYLSTM_SQUARED:
            return array
        for row in range(n_rows):
            problem = target_problem(&p.shape, data + row * size, &none)
            if problem and (used is None or used(np.unravel_index(row, array.shape[:array.ndim - 1]))):
                bad = array.reshape(-1, p.shape.n_outputs)[row].tolist()
                raise ValueError(f"targets{place_of(array, row)} is {brief(bad)}: {TARGET_PROBLEMS[problem]}")
        return array

    cdef int check_learnable(self, object places) except -1:
        cdef pylstm_population *p = &self.pop
        cdef const cnp.npy_intp *place = <const cnp.npy_intp *>cnp.PyArray_DATA(places)
        cdef ptrdiff_t k
        cdef list unable = []
        for k in range(p.n_nets):
            if place[k] >= 0 and not (
                    p.groups[k // p.lanes].learnable | p.groups[k // p.lanes].diverged
                    ) >> (k % p.lanes) & 1:
                unable.append(k)
        if unable:
            raise RuntimeError(
                f"nets {brief(unable)} have no step to learn from: wanted a step since the last "
                "reset or update"
            )
        return 0

    cdef object spread(self, bits):
        """Bits of the groups as a mask over all lanes."""
        return (bits[:, None] >> np.arange(self.pop.lanes, dtype=np.uint32) & 1).astype(bool).ravel()

    # ------------------------------------------------------------ steps

    def step(self, X, targets=None, nets=None):
        """Advance one step and, given targets, learn from it at once.

        `LSTM.step` for every net.

        Parameters
        ----------
        X : array_like, shape (n_nets, n_inputs), or (n_inputs,) shared by all
            Inputs of this step; finite.
        targets : array_like, shape (n_nets, n_outputs), or (n_outputs,) shared by all, optional
            Wanted outputs; a row of NaN is no target for that net.
        nets : indices or mask of shape (n_nets,), optional
            Only these take part; X, targets and the result then have a row for each of them, in their
            order, and the others keep every bit.

        Returns
        -------
        ndarray, shape (n_nets, n_outputs)
            NaN for a net that has diverged, see `diverged`.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.

        Notes
        -----
        O(1) per weight.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(20, n_inputs=2, n_outputs=1, n_blocks=4)
        >>> pop.step([0.5, -0.5], targets=[1.0]).shape
        (20, 1)
        >>> pop.step([[0.5, -0.5], [0.1, 0.2]], nets=[3, 7]).shape
        (2, 1)
        """
        cdef Py_ssize_t count
        cdef pylstm_population *p = &self.pop
        self.take()
        try:
            place = self.placing(nets, &count)
            X = self.inputs(X, (count, p.shape.n_inputs), "X")
            return self.advance(place, count, 1, X, targets, 1, False).reshape(count, p.shape.n_outputs)
        finally:
            self.release()

    def predict(self, X, nets=None):
        """Return what `step(X)` would return; change nothing.

        Parameters
        ----------
        X : array_like, shape (n_nets, n_inputs), or (n_inputs,) shared by all
        nets : indices or mask of shape (n_nets,), optional
            Only these.

        Returns
        -------
        ndarray, shape (n_nets, n_outputs)

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> bool((pop.predict([1.0]) == pop.step([1.0])).all())
        True
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        cdef pylstm_population *p = &self.pop
        self.take()
        try:
            place = self.placing(nets, &count)
            X = self.inputs(X, (count, p.shape.n_inputs), "X")
            Y = np.empty((count, p.shape.n_outputs), self.dtype_)
            self.start(&call, place)
            call.X = cnp.PyArray_DATA(X)
            call.x_stride = 0 if X.ndim == 1 else p.shape.n_inputs
            call.Y = cnp.PyArray_DATA(Y)
            with nogil:
                self.table.predict(&self.pop, &call)
        finally:
            self.release()
        return Y

    def run(self, X, targets=None, update="step", nets=None):
        """Run over whole sequences in one call, learning where there are targets.

        Equals the loop of `step` bit for bit; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_nets, n_steps, n_inputs), or (n_steps, n_inputs) shared by all
        targets : array_like, shape (n_nets, n_steps, n_outputs) or shared, optional
            A row of NaN is no target for that net at that step.
        update : "step", "sequence" or int, default "step"
            When the weights change, as in `LSTM.run`.
        nets : indices or mask of shape (n_nets,), optional
            Only these take part.

        Returns
        -------
        ndarray, shape (n_nets, n_steps, n_outputs)
            NaN from the step on at which a net diverged, see `diverged`.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.

        Notes
        -----
        O(1) per weight and step. A group of nets (16 in float32, 8 in float64) goes through all steps
        before the next one.

        Examples
        --------
        Two sequences, sixteen nets for each:

        >>> import numpy as np, pylstm
        >>> waves = np.sin(np.arange(100.0) * np.array([[0.1], [0.2]]))[:, :, None]
        >>> X = np.repeat(waves, 16, axis=0)
        >>> pop = pylstm.Population(32, n_inputs=1, n_outputs=1, n_blocks=4)
        >>> pop.run(X[:, :-1], targets=X[:, 1:]).shape
        (32, 99, 1)
        """
        cdef Py_ssize_t count
        cdef pylstm_population *p = &self.pop
        every = update_interval(update)
        self.take()
        try:
            place = self.placing(nets, &count)
            X = self.inputs(X, (count, None, p.shape.n_inputs), "X")
            return self.advance(place, count, X.shape[X.ndim - 2], X, targets, every, True)
        finally:
            self.release()

    cdef object advance(self, place, ptrdiff_t count, ptrdiff_t n_steps, X, targets, ptrdiff_t every,
                        bint is_run):
        cdef pylstm_population_call call
        cdef pylstm_population *p = &self.pop
        cdef bint missing = False
        self.start(&call, place)
        call.n_steps = n_steps
        call.X = cnp.PyArray_DATA(X)
        call.x_stride = 0 if X.ndim == 1 + is_run else n_steps * p.shape.n_inputs
        call.every = every
        if targets is not None:
            shape = (count, *([n_steps] if is_run else []), p.shape.n_outputs)
            targets = self.as_targets(targets, shape, &missing)
            call.targets = cnp.PyArray_DATA(targets)
            call.t_stride = 0 if targets.ndim == 1 + is_run else n_steps * p.shape.n_outputs
            call.all_targets = not missing
        Y = np.empty((count, n_steps, p.shape.n_outputs), self.dtype_)
        call.Y = cnp.PyArray_DATA(Y)
        self.gather_helpers(n_steps)
        with nogil:
            self.table.run(&self.pop, &call)
        return Y

    cdef void gather_helpers(self, ptrdiff_t n_steps) noexcept:
        """Before the work of a call: the threads that share it."""
        cdef pylstm_population *p = &self.pop
        if p.n_groups > 1 and n_steps * p.n_groups * p.parameter_lines >= SHARED_LINES:
            p.team = borrow_team(True)

    def run_sequences(self, X, targets=None, lengths=None, *, last=False, update="sequence", nets=None):
        """Run over many sequences in one call, each from a fresh state.

        `LSTM.run_sequences` for every net: equals, up to rounding, a reset and a `run` for each
        sequence, and a reset at the end.

        Parameters
        ----------
        X : array_like, shape (n_nets, n_steps, n_inputs), or (n_steps, n_inputs) shared by all
            Inputs of the sequences of each net, one behind the other; finite. Or tokens of an integer
            dtype, (n_nets, n_steps) or (n_steps,) shared: whole numbers from 0 to n_inputs - 1, each
            standing for an input of 1 among zeros. A matrix of integers is tokens.
        targets : array_like, shape (n_nets, n_steps, n_outputs) or shared, optional
            Wanted outputs; a row of NaN is no target. With `last` (n_nets, n_sequences, n_outputs)
            or shared. Without targets nothing is learned.
        lengths : array_like of int, shape (n_nets, n_sequences), or (n_sequences,) shared, optional
            Steps of each sequence, at least 1. They sum to at most n_steps for each net; what is
            behind is padding, which may be anything finite and any token. Without: X is one sequence.
        last : bool, default False
            Targets and outputs are those of the last step of each sequence only.
        update : "sequence", "step" or int, default "sequence"
            When the weights change: once at the end of each sequence; else as in `run`.
        nets : indices or mask of shape (n_nets,), optional
            Only these take part.

        Returns
        -------
        ndarray, shape (n_nets, n_steps, n_outputs), or with `last` (n_nets, n_sequences, n_outputs)
            NaN in padding, and for a net that has diverged until it is reset with finite weights.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.

        Notes
        -----
        O(1) per weight and step. The nets of a group (16 in float32, 8 in float64) wait at the end of
        a sequence for the longest. What a net computes does not depend on the others, bit for bit.

        With one update a sequence, or none, steps are recorded, up to 128 at once, and learned from in
        one scan backwards (HS97 appendix A.1, the sums of its traces exchanged); every other update
        traces each step, and tokens then cost as much as their vectors. With `last` outputs of other
        steps are not computed then, so that overflow in them alone is not noticed.

        Examples
        --------
        Sixteen nets, each with sequences of its own; the sum is wanted at the end:

        >>> import numpy as np, pylstm
        >>> pop = pylstm.Population(16, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> X = np.random.default_rng(0).uniform(-1, 1, (16, 500, 3))
        >>> Y = pop.run_sequences(X.reshape(16, 1500, 1), X.sum(axis=2)[:, :, None], [3] * 500,
        ...                       last=True)
        >>> Y.shape
        (16, 500, 1)
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        cdef pylstm_population *p = &self.pop
        cdef bint missing = False
        cdef ptrdiff_t n_rows
        every = update_interval(update)
        self.take()
        try:
            place = self.placing(nets, &count)
            self.start(&call, place)
            tokens = self.as_tokens(X, count)
            if tokens is None:
                X = self.inputs(X, (count, None, p.shape.n_inputs), "X")
                call.X = cnp.PyArray_DATA(X)
                call.n_steps = X.shape[X.ndim - 2]
                call.x_stride = 0 if X.ndim == 2 else call.n_steps * p.shape.n_inputs
            else:
                call.tokens = <const int32_t *>cnp.PyArray_DATA(tokens)
                call.n_steps = tokens.shape[tokens.ndim - 1]
                call.x_stride = 0 if tokens.ndim == 1 else call.n_steps
            lengths = checked_lengths(lengths, call.n_steps, count)
            call.lengths = <const ptrdiff_t *>cnp.PyArray_DATA(lengths)
            call.n_sequences = lengths.shape[lengths.ndim - 1]
            call.l_stride = 0 if lengths.ndim == 1 else call.n_sequences
            call.every = every
            call.last = last
            n_rows = call.n_sequences if last else call.n_steps
            if targets is not None:
                used = None if last else row_in_sequences(lengths)
                targets = self.as_targets(targets, (count, n_rows, p.shape.n_outputs), &missing, used)
                call.targets = cnp.PyArray_DATA(targets)
                call.t_stride = 0 if targets.ndim == 2 else n_rows * p.shape.n_outputs
                call.all_targets = not (missing or last)
            Y = np.empty((count, n_rows, p.shape.n_outputs), self.dtype_)
            call.Y = cnp.PyArray_DATA(Y)
            self.need_record(tokens is not None)
            self.gather_helpers(call.n_steps)
            with nogil:
                self.table.run_sequences(p, &call)
        finally:
            self.release()
        return Y

    cdef object as_tokens(self, X, ptrdiff_t count):
        """int32 tokens (count, n_steps) or (n_steps,) from an array of whole numbers, checked; None for
        anything else."""
        array = np.asarray(X)
        if array.dtype.kind not in "iu" or not 1 <= array.ndim <= 2:
            return None
        if array.ndim == 2 and array.shape[0] != count:
            raise ValueError(
                f"tokens has shape {brief(array.shape)}, wanted ({count}, n_steps), or (n_steps,) "
                "shared by all"
            )
        return checked_tokens(array, self.pop.shape.n_inputs)

    cdef void start(self, pylstm_population_call *call, place):
        memset(call, 0, sizeof(pylstm_population_call))
        call.place = <const ptrdiff_t *>cnp.PyArray_DATA(place)

    # ------------------------------------------------------------ learning

    def learn(self, targets, update=True, nets=None):
        """Learn from the step just made; return its losses.

        `LSTM.learn` for every net.

        Parameters
        ----------
        targets : array_like, shape (n_nets, n_outputs), or (n_outputs,) shared by all
            A row of NaN is no target for that net.
        update : bool, default True
            Change the weights now, by everything collected; False collects only.
        nets : indices or mask of shape (n_nets,), optional
            Only these learn.

        Returns
        -------
        ndarray of float64, shape (n_nets,)
            The loss of each net; NaN without a target, and for one that has diverged.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.
        RuntimeError
            When some net has no step to learn from; names them.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> y = pop.step([1.0])
        >>> bool((abs(pop.learn([0.5]) - 0.5 * (y[:, 0] - 0.5) ** 2) < 1e-6).all())
        True
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        cdef bint missing
        cdef pylstm_population *p = &self.pop
        self.take()
        try:
            place = self.placing(nets, &count)
            targets = self.as_targets(targets, (count, p.shape.n_outputs), &missing)
            losses = np.empty(count)
            self.start(&call, place)
            call.targets = cnp.PyArray_DATA(targets)
            call.t_stride = 0 if targets.ndim == 1 else p.shape.n_outputs
            call.losses = <double *>cnp.PyArray_DATA(losses)
            self.check_learnable(place)
            self.table.learn(&self.pop, &call)
            if update:
                self.table.update(&self.pop, &call)
        finally:
            self.release()
        return losses

    def learn_from(self, dy, update=True, nets=None):
        """Learn from an outside error of the step just made.

        `LSTM.learn_from` for every net: dL/dy of a loss of your own.

        Parameters
        ----------
        dy : array_like, shape (n_nets, n_outputs), or (n_outputs,) shared by all
            Derivative of the loss by the outputs of the last step; finite.
        update : bool, default True
            Change the weights now, by everything collected; False collects only.
        nets : indices or mask of shape (n_nets,), optional
            Only these learn.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.
        RuntimeError
            When some net has no step to learn from; names them.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> y = pop.step([1.0])
        >>> pop.learn_from(y - 0.5)          # what learn([0.5]) would do
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        cdef pylstm_population *p = &self.pop
        self.take()
        try:
            place = self.placing(nets, &count)
            dy = self.inputs(dy, (count, p.shape.n_outputs), "dy")
            self.start(&call, place)
            call.targets = cnp.PyArray_DATA(dy)
            call.t_stride = 0 if dy.ndim == 1 else p.shape.n_outputs
            self.check_learnable(place)
            self.table.learn_from(&self.pop, &call)
            if update:
                self.table.update(&self.pop, &call)
        finally:
            self.release()

    def update(self, nets=None):
        """Change the weights once by all gradients collected since the last update.

        Parameters
        ----------
        nets : indices or mask of shape (n_nets,), optional
            Only these.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> for value in (0.1, 0.2, 0.3):
        ...     y = pop.step([value])
        ...     losses = pop.learn([value], update=False)
        >>> pop.update()
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        self.take()
        try:
            place = self.placing(nets, &count)
            self.start(&call, place)
            self.table.update(&self.pop, &call)
        finally:
            self.release()

    def reset(self, nets=None):
        """Set state and traces to zero: new sequences begin.

        Gradients collected and not yet applied stay. A net that has diverged takes part again if its
        weights are finite, without gradient and velocity.

        Parameters
        ----------
        nets : indices or mask of shape (n_nets,), optional
            Only these.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> first, second = pop.step([1.0]), pop.step([1.0])
        >>> pop.reset(nets=[1])
        >>> (pop.step([1.0]) == first).ravel().tolist()
        [False, True, False]
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        self.take()
        try:
            place = self.placing(nets, &count)
            self.start(&call, place)
            self.table.reset(&self.pop, &call)
        finally:
            self.release()

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
        cdef const pylstm_layout *layout = &p.layout
        self.take()
        try:
            steps = self.steps_.transpose(0, 2, 1).reshape(-1, p.step_lines)[:p.n_nets].copy()
        finally:
            self.release()
        state = {
            "cell_state": steps[:, p.at_c:p.at_c + layout.n_cells].copy(),
            "cell_output": steps[:, p.at_q:p.at_q + layout.n_cells].copy(),
        }
        for name, gate in (("input_gate", layout.row_i), ("forget_gate", layout.row_f),
                           ("output_gate", layout.row_o)):
            if gate >= 0:
                state[name] = steps[:, p.at_act + gate:p.at_act + gate + p.shape.n_blocks].copy()
        return state

    # ------------------------------------------------------------ persistence

    def _buffers(self):
        """Everything that decides how the streams go on, by name; not copied."""
        buffers = {
            "parameters": self.parameters_, "gradient": self.gradient_, "traces": self.traces_,
            "steps": self.steps_, "groups": self.groups_, "counts": self.counts_,
        }
        if self.velocity_ is not None:
            buffers["velocity"] = self.velocity_
        return buffers

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
        """Go on from what `_progress` returned; after a refusal it is as if never built."""
        self.take()
        try:
            self.restore(progress)
            refuse_contradiction(pylstm_population_contradiction(&self.pop), "Population")
        except BaseException:
            self.parameters_ = None
            pylstm_give(&self.pop.busy)
            raise
        self.release()

    cdef restore(self, progress):
        buffers = self._buffers()
        for name, buffer in buffers.items():
            if name not in progress or progress[name].shape != buffer.shape:
                raise ValueError(f"{name} of the saved population do not fit its architecture")
        for name, buffer in buffers.items():
            buffer[...] = progress[name]

    # ------------------------------------------------------------ exchange with single networks

    def _take_out(self, ptrdiff_t k, Network net):
        """Bring `net`, fresh and of the same architecture, where net k stands."""
        cdef PopulationBase one = type(self).__new__(type(self))
        cdef pylstm_population *p = &one.pop
        cdef pylstm_network *n = &net.net
        cdef pylstm_population_call call
        one._build(self._config(), 1)
        if self.velocity_ is not None:
            one._need_velocity()
        self.take()
        try:
            self.copy_lane(k, one, 0)
        finally:
            self.release()
        one.start(&call, one.everyone_)
        one.table.settle(p, &call)

        progress = net._progress()
        lines = one.steps_[0, :, 0]
        record = np.zeros(n.buffers.record_stride, self.dtype_)
        for here, there, count in self.gate_rows(net):
            start = n.layout.at_act + there
            record[start:start + count] = lines[p.at_act + here:p.at_act + here + count]
        record[n.layout.at_c:n.layout.at_c + n.layout.n_cells] = lines[p.at_c:p.at_c + n.layout.n_cells]
        size = n.layout.n_out_sources
        record[n.layout.at_q:n.layout.at_q + size] = lines[p.at_q:p.at_q + size]
        progress["record"] = record
        progress["all_live"] = 1
        progress["tokens"] = np.full(1, -1, np.int32)
        progress["traces"] = np.zeros(n.layout.trace_size, self.dtype_)
        for ours, theirs in one.trace_views(net, progress["traces"]):
            theirs[...] = ours[0, 0]
        progress["traces_zero"] = 0
        progress["collected"] = int(p.groups[0].collected & 1)
        progress["n_steps"], progress["n_collect"] = one.counts_[:, 0, 0].tolist()
        kept = {"parameters": one.parameters_}
        if progress["collected"]:
            kept["gradient"] = one.gradient_
        if net.moments_ and one.velocity_ is not None:
            kept[MOMENTS[0]] = one.velocity_
        for name, buffer in kept.items():
            progress[name] = np.zeros(n.layout.parameter_size, self.dtype_)
            views = net._views(progress[name])
            for part, view in one.views(buffer).items():
                views[part][...] = view[0, 0]
        net._restore(progress)

    def _put_in(self, ptrdiff_t k, Network net, optimizers, rates, momenta):
        """Bring net k where `net`, a copy that may be spent, stands; with the optimisers of all."""
        cdef pylstm_population *p = &self.pop
        cdef pylstm_network *n = &net.net
        cdef ptrdiff_t group = k // p.lanes, lane = k % p.lanes
        net.table.settle(n)
        progress = net.progress()
        self.take()
        try:
            self.put_in(group, lane, net, progress)
            self.set_rates(optimizers, rates, momenta)
        finally:
            self.release()

    cdef put_in(self, ptrdiff_t group, ptrdiff_t lane, Network net, progress):
        cdef pylstm_population *p = &self.pop
        cdef pylstm_network *n = &net.net
        cdef uint32_t bit = <uint32_t>1 << lane
        for buffer in (self.parameters_, self.gradient_, self.traces_, self.steps_, self.velocity_):
            if buffer is not None:
                buffer[group, :, lane] = 0
        lines, record = self.steps_[group, :, lane], progress["record"]
        for here, there, count in self.gate_rows(net):
            start = n.layout.at_act + there
            lines[p.at_act + here:p.at_act + here + count] = record[start:start + count]
        lines[p.at_c:p.at_c + n.layout.n_cells] = record[n.layout.at_c:n.layout.at_c + n.layout.n_cells]
        size = n.layout.n_out_sources
        lines[p.at_q:p.at_q + size] = record[n.layout.at_q:n.layout.at_q + size]
        if "traces" in progress:
            for ours, theirs in self.trace_views(net, progress["traces"]):
                ours[group, lane] = theirs
        kept = {"parameters": self.parameters_, "gradient": self.gradient_, MOMENTS[0]: self.velocity_}
        for name, buffer in kept.items():
            if buffer is not None and name in progress:
                views = self.views(buffer)
                for part, view in net._views(progress[name]).items():
                    views[part][group, lane] = view
        self.groups_[group] &= ~bit
        if progress["collected"]:
            p.groups[group].collected |= bit
        self.counts_[:, group, lane] = progress["n_steps"], progress["n_collect"]

    cdef copy_lane(self, ptrdiff_t k, PopulationBase other, ptrdiff_t to):
        """Net k becomes net `to` of another population of the same architecture."""
        cdef ptrdiff_t lanes = self.pop.lanes
        theirs = other._buffers()
        for name, buffer in self._buffers().items():
            if name not in ("groups", "counts"):
                theirs[name][to // lanes, :, to % lanes] = buffer[k // lanes, :, k % lanes]
        other.counts_[:, to // lanes, to % lanes] = self.counts_[:, k // lanes, k % lanes]
        bits = self.groups_[k // lanes] >> np.uint32(k % lanes) & 1
        other.groups_[to // lanes] |= bits << np.uint32(to % lanes)

    cdef list gate_rows(self, Network net):
        """Where the rows of a gate start here, and in the network, and how many they are."""
        cdef pylstm_population *p = &self.pop
        cdef const pylstm_layout *layout = &p.layout
        cdef pylstm_network *b = &net.net
        rows = ((layout.row_i, b.layout.row_i, p.shape.n_blocks),
                (layout.row_f, b.layout.row_f, p.shape.n_blocks),
                (layout.row_g, b.layout.row_g, layout.n_cells),
                (layout.row_o, b.layout.row_o, p.shape.n_blocks))
        return [row for row in rows if row[0] >= 0]

    cdef list trace_views(self, Network net, flat):
        """Pairs of views of the same traces: (n_groups, lanes, ...) here, (...) in `flat`, the traces of
        a network, whose gates have a cell's place in its block slowest."""
        cdef pylstm_population *p = &self.pop
        cdef const pylstm_layout *layout = &p.layout
        cdef pylstm_network *n = &net.net
        blocks = (n.shape.n_blocks, n.shape.block_size)
        ours = self.traces_.transpose(0, 2, 1)
        n_traced = layout.n_traced
        E = ours[:, :, :n.layout.n_sources * n_traced]
        E = E.reshape(p.n_groups, p.lanes, n.layout.n_sources, n_traced)
        pairs = []
        for start, theirs, count in ((layout.trace_i, n.layout.trace_i, n.shape.n_blocks),
                                     (layout.trace_f, n.layout.trace_f, n.shape.n_blocks),
                                     (layout.trace_g, n.layout.trace_g, n.layout.n_cells)):
            if start < 0:
                continue
            here = E[..., start:start + n.layout.n_cells]
            there = net.trace_segment(flat, theirs)
            if count < n.layout.n_cells:
                here = here.reshape(*here.shape[:3], *blocks)
                there = there.reshape(n.layout.n_sources, *blocks[::-1]).swapaxes(1, 2)
            pairs.append((here, there))
        for at, start in ((p.trace_peephole_i, n.layout.trace_peephole_i),
                          (p.trace_peephole_f, n.layout.trace_peephole_f)):
            if at >= 0:  # here (block, source, cell), there (source, cell, block)
                here = ours[:, :, at:at + n.layout.n_cells * n.shape.block_size]
                there = flat[start:start + n.shape.block_size * n.layout.cell_stride]
                there = there.reshape(n.shape.block_size, n.layout.cell_stride)[:, :n.layout.n_cells]
                there = there.reshape(n.shape.block_size, n.shape.block_size, n.shape.n_blocks)
                pairs.append((here.reshape(*here.shape[:2], *blocks, n.shape.block_size),
                              there.transpose(2, 0, 1)))
        return pairs

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


cdef object row_in_sequences(lengths):
    """Whether the row of an array at some place, (net, step) or (step,), is in a sequence of some net."""
    ends = lengths.sum(axis=-1)
    longest = ends.max(initial=0)

    def used(where):
        net, step = where[:-1], where[-1]
        return step < (ends[net[0]] if ends.ndim and net else longest)

    return used


cdef str place_of(array, ptrdiff_t row):
    """Where row `row` of an array is, for a sentence."""
    if array.ndim == 1:
        return ""
    return f" at {', '.join(map(str, np.unravel_index(row, array.shape[:array.ndim - 1])))}"
