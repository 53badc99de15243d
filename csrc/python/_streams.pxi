# Several sequences through shared weights: the seam to csrc/streams.h. Included by _core.pyx.

cdef enum:
    SHARED_SIZE = 1 << 15  # weights times streams from which a step is worth sharing


cdef class StreamGroup:
    """Buffers and calls of several streams. Use `pylstm.Streams`."""

    cdef pylstm_streams streams
    cdef const pylstm_streams_table *table
    cdef Network owner
    cdef object parameters_, gradient_, traces_, record_, back_, work_, nets_, coefs_, stream_
    cdef object n_made_, has_error_

    # ------------------------------------------------------------ building

    def _build(self, Network owner, Py_ssize_t n_streams):
        """Everything anew; what cannot be built is as if it never had been."""
        if not pylstm_acquire(&self.streams.net):
            raise RuntimeError(IN_USE.format("Streams", "Streams"))
        self.owner = None
        try:
            owner.take()
            try:
                self.allocate(owner, n_streams)
            finally:
                owner.release()
        finally:
            pylstm_release(&self.streams.net)

    cdef allocate(self, Network owner, Py_ssize_t n_streams):
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &s.net
        if owner.scaled:
            raise ValueError(
                "the network has scale_inputs or scale_targets, which Streams do not know: wanted a "
                "network without, and standardised values"
            )
        if owner.net.shape.method == PYLSTM_RTRL:
            raise ValueError(
                "the network has gradient='rtrl', which Streams do not know: wanted 'truncated' or 'bptt'"
            )
        self.owner = None  # until all is there: see take
        memset(s, 0, sizeof(pylstm_streams))
        s.n_streams = n_streams
        if not pylstm_streams_layout(s, &owner.net.shape):
            raise too_large(&owner.net.shape, f"n_streams={n_streams} of ")
        dtype = owner.dtype_
        for k in range(pylstm_n_isas):
            if pylstm_isas[k].engine[n.shape.precision].network == owner.table:
                self.table = pylstm_isas[k].engine[n.shape.precision].streams
        self.parameters_ = owner.flat_parameters()
        self.gradient_ = aligned_zeros(n.layout.parameter_size, dtype)
        self.traces_ = aligned_zeros(s.traces_size, dtype)
        self.record_ = aligned_zeros(s.record_size, dtype)
        self.back_ = aligned_zeros(n.layout.back_size, dtype)
        self.work_ = aligned_zeros(s.work_size, dtype)
        self.nets_ = aligned_zeros(s.nets_size, dtype)
        self.coefs_ = aligned_zeros(s.coefs_size, dtype)
        self.n_made_ = aligned_zeros(n_streams, np.intp)
        self.has_error_ = aligned_zeros(n_streams, np.intc)
        self.stream_ = aligned_zeros(pylstm_product(n_streams, sizeof(pylstm_network)), np.uint8)
        n.buffers.parameters = cnp.PyArray_DATA(self.parameters_)
        n.buffers.gradient = cnp.PyArray_DATA(self.gradient_)
        n.buffers.traces = cnp.PyArray_DATA(self.traces_)
        n.buffers.record = cnp.PyArray_DATA(self.record_)
        n.buffers.back = cnp.PyArray_DATA(self.back_)
        n.buffers.work = cnp.PyArray_DATA(self.work_)
        s.nets = cnp.PyArray_DATA(self.nets_)
        s.coefs = cnp.PyArray_DATA(self.coefs_)
        s.n_made = <ptrdiff_t *>cnp.PyArray_DATA(self.n_made_)
        s.has_error = <int *>cnp.PyArray_DATA(self.has_error_)
        s.stream = <pylstm_network *>cnp.PyArray_DATA(self.stream_)
        self.table.prepare(s)
        self.owner = owner

    # ------------------------------------------------------------ the locks, and what diverged

    cdef int take(self) except -1:
        """Take the streams and the network whose weights they share; its optimiser as it is now."""
        if not pylstm_acquire(&self.streams.net):
            raise RuntimeError(IN_USE.format("Streams", "Streams"))
        try:
            if self.owner is None:
                raise RuntimeError("these Streams were never initialised: call Streams.__init__ first")
            self.owner.take()
        except BaseException:
            pylstm_release(&self.streams.net)
            raise
        self.take_optimizer()
        if self.owner.net.buffers.parameters != self.streams.net.buffers.parameters:
            self.release()
            raise RuntimeError("the network of these Streams has grown since: build Streams of it anew")
        return 0

    cdef void take_optimizer(self) noexcept:
        error = self.streams.net.optimizer.error
        self.streams.net.optimizer = self.owner.net.optimizer
        self.streams.net.optimizer.error = error
        for b in range(self.streams.n_streams):
            self.streams.stream[b].optimizer.rule = self.owner.net.optimizer.rule

    cdef int plan_rates(self, ptrdiff_t n_updates) except -1:
        self.owner.plan_rates(n_updates)
        self.take_optimizer()
        return 0

    cdef void gather_helpers(self, bint wake) noexcept:
        """Before the work of a call: the threads that share it."""
        size = pylstm_product(self.streams.n_streams, self.streams.net.layout.parameter_size)
        self.owner.gather_helpers(wake)
        self.streams.team, self.owner.net.team = self.owner.net.team, NULL
        if self.streams.team == NULL and size >= SHARED_SIZE:
            self.streams.team = borrow_team(wake or size >= WAKING_SIZE)

    cdef void release(self) noexcept:
        self.owner.net.optimizer.n_updates = self.streams.net.optimizer.n_updates
        return_team(self.streams.team)
        self.streams.team = NULL
        if PYLSTM_DEBUG_BUILD:
            require(pylstm_streams_contradiction(&self.streams))
        self.owner.release()
        pylstm_release(&self.streams.net)

    cdef int make_room(self, ptrdiff_t n_steps) except -1:
        """Room in the record for so many steps more, where errors go back through all of them."""
        cdef pylstm_streams *s = &self.streams
        cdef ptrdiff_t steps = rows_wanted(&s.net, n_steps, s.record_steps + 2) - 2
        cdef ptrdiff_t size = s.n_streams * s.net.buffers.record_stride, used = (s.net.progress.n_pending + 1) * size
        if steps == s.record_steps:
            return 0
        record = aligned_zeros(pylstm_product(steps + 2, size), self.owner.dtype_)
        record[:used] = self.record_[:used]
        self.record_ = record
        s.net.buffers.record = cnp.PyArray_DATA(record)
        s.record_steps = steps
        self.place_records()
        return 0

    cdef void place_records(self) noexcept:
        """Where each stream's own stretch of the record begins."""
        cdef pylstm_streams *s = &self.streams
        cdef ptrdiff_t b, before, row = s.net.buffers.record_stride * self.owner.dtype_.itemsize
        for b in range(s.n_streams):
            before = s.net.progress.n_pending - s.stream[b].progress.n_pending
            s.stream[b].buffers.record = <char *>s.net.buffers.record + (before * s.n_streams + b) * row

    cdef diverged(self):
        return FloatingPointError(
            f"the streams diverged at step {self.streams.net.progress.n_steps}: a weight or a net input is no "
            f"longer finite; a smaller learning rate than {self.streams.net.optimizer.learning_rate:g}, or "
            "smaller inputs, would keep it in range"
        )

    # ------------------------------------------------------------ checking what comes in

    cdef object rows(self, object values, int ndim, Py_ssize_t width, str what):
        """`values` (..., n_streams, width) as a C-contiguous array of rows (n, width)."""
        cdef Py_ssize_t n_streams = self.streams.n_streams
        array = np.asarray(values)
        if array.ndim != ndim or array.shape[ndim - 2:] != (n_streams, width):
            steps = "" if ndim == 2 else "n_steps, "
            raise ValueError(
                f"{what} has shape {brief(array.shape)}, wanted ({steps}{n_streams}, {width})"
            )
        return self.owner.checked(array.reshape(array.size // width, width), 2, width, what)

    cdef str place(self, Py_ssize_t row, int ndim):
        """Where a row is, for a message."""
        if ndim == 2:
            return f"stream {row}"
        return f"step {row // self.streams.n_streams}, stream {row % self.streams.n_streams}"

    cdef int check_finite(self, object rows, int ndim, str what) except -1:
        cdef ptrdiff_t row = self.owner.table.first_not_finite(
            cnp.PyArray_DATA(rows), cnp.PyArray_DIM(rows, 0), cnp.PyArray_DIM(rows, 1))
        if row >= 0:
            bad = rows[row]
            raise ValueError(
                f"{what} contains {bad[~np.isfinite(bad)][0]} at {self.place(row, ndim)}: "
                "wanted finite numbers"
            )
        return 0

    cdef int check_targets(self, object rows, int ndim) except -1:
        cdef const char *data = <const char *>cnp.PyArray_DATA(rows)
        cdef Py_ssize_t row, size = self.owner.net.shape.n_outputs * cnp.PyArray_ITEMSIZE(rows)
        cdef int problem
        cdef bint missing
        if (self.owner.net.shape.loss == PYLSTM_SQUARED and self.owner.table.first_not_finite(
                data, cnp.PyArray_DIM(rows, 0), self.owner.net.shape.n_outputs) < 0):
            return 0
        for row in range(cnp.PyArray_DIM(rows, 0)):
            problem = target_problem(&self.owner.net.shape, data + row * size, &missing)
            if problem:
                raise ValueError(
                    f"targets at {self.place(row, ndim)} is {rows[row].tolist()}: "
                    f"{TARGET_PROBLEMS[problem]}"
                )
        return 0

    cdef int check_learnable(self, object rows, str what) except -1:
        """Every stream with a row that is not NaN has a step to learn from."""
        cdef ptrdiff_t b
        given = ~np.isnan(rows[:, 0])
        for b in range(self.streams.n_streams):
            if given[b] and not self.streams.stream[b].progress.learnable:
                raise RuntimeError(
                    f"stream {b} has {what} but no step to learn from: wanted a step since the last "
                    "reset or update, or NaN"
                )
        return 0

    # ------------------------------------------------------------ calls

    cdef object outputs(self):
        return np.empty((self.streams.n_streams, self.owner.net.shape.n_outputs), self.owner.dtype_)

    def _step(self, X, targets):
        cdef const void *x_data
        cdef void *y_data
        cdef double *loss_data
        cdef int status
        self.take()
        try:
            X = self.rows(X, 2, self.owner.net.shape.n_inputs, "X")
            self.check_finite(X, 2, "X")
            if targets is not None:
                targets = self.rows(targets, 2, self.owner.net.shape.n_outputs, "targets")
                self.check_targets(targets, 2)
            Y = self.outputs()
            losses = np.empty(self.streams.n_streams)
            x_data = cnp.PyArray_DATA(X)
            y_data = cnp.PyArray_DATA(Y)
            loss_data = <double *>cnp.PyArray_DATA(losses)
            self.plan_rates(1)
            self.make_room(1)
            self.gather_helpers(False)
            with nogil:
                status = self.table.step(&self.streams, x_data, y_data)
            if status != PYLSTM_OK:
                raise self.diverged()
            if targets is not None and not np.isnan(targets[:, 0]).all():
                x_data = cnp.PyArray_DATA(targets)
                with nogil:
                    self.table.learn(&self.streams, x_data, loss_data)
                    self.table.update(&self.streams)
        finally:
            self.release()
        return Y

    def _predict(self, X):
        self.take()
        try:
            X = self.rows(X, 2, self.owner.net.shape.n_inputs, "X")
            self.check_finite(X, 2, "X")
            Y = self.outputs()
            self.gather_helpers(False)
            if self.table.predict(&self.streams, cnp.PyArray_DATA(X), cnp.PyArray_DATA(Y)) != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return Y

    def _run(self, X, targets, update):
        cdef int status
        cdef ptrdiff_t n_steps, done = 0, every = update_interval(update)
        cdef const void *x_data
        cdef const void *target_data = NULL
        cdef void *y_data
        self.take()
        try:
            X = self.rows(X, 3, self.owner.net.shape.n_inputs, "X")
            self.check_finite(X, 3, "X")
            n_steps = len(X) // self.streams.n_streams
            if targets is not None:
                targets = self.rows(targets, 3, self.owner.net.shape.n_outputs, "targets")
                if len(targets) != len(X):
                    raise ValueError(
                        f"targets has {len(targets) // self.streams.n_streams} steps and X has "
                        f"{n_steps}: wanted targets for every step, NaN where there are none"
                    )
                self.check_targets(targets, 3)
                target_data = cnp.PyArray_DATA(targets)
            Y = np.empty((n_steps, self.streams.n_streams, self.owner.net.shape.n_outputs), self.owner.dtype_)
            x_data = cnp.PyArray_DATA(X)
            y_data = cnp.PyArray_DATA(Y)
            if target_data != NULL:
                self.plan_rates(
                    self.owner.updates_in(n_steps + self.streams.net.progress.n_collect, 1, every))
            self.make_room(n_steps)
            self.gather_helpers(True)
            with nogil:
                status = self.table.run(&self.streams, n_steps, x_data, target_data, y_data, every,
                                        &done)
            if status != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return Y

    def _learn(self, targets, bint update):
        self.take()
        try:
            targets = self.rows(targets, 2, self.owner.net.shape.n_outputs, "targets")
            self.check_targets(targets, 2)
            losses = np.empty(self.streams.n_streams)
            self.check_learnable(targets, "a target")
            self.plan_rates(1)
            self.gather_helpers(False)
            self.table.learn(&self.streams, cnp.PyArray_DATA(targets),
                             <double *>cnp.PyArray_DATA(losses))
            if update:
                self.table.update(&self.streams)
        finally:
            self.release()
        return losses

    def _learn_from(self, dy, bint update):
        self.take()
        try:
            dy = self.rows(dy, 2, self.owner.net.shape.n_outputs, "dy")
            missing = np.isnan(dy).all(axis=1)
            self.check_finite(np.where(missing[:, None], 0, dy).astype(dy.dtype, copy=False), 2, "dy")
            self.check_learnable(dy, "an error")
            self.plan_rates(1)
            self.gather_helpers(False)
            self.table.learn_from(&self.streams, cnp.PyArray_DATA(dy))
            if update:
                self.table.update(&self.streams)
        finally:
            self.release()

    def _update(self):
        self.take()
        try:
            self.plan_rates(1)
            self.gather_helpers(False)
            self.table.update(&self.streams)
            if self.table.check_weights(&self.streams) != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()

    def _reset(self, chosen):
        """chosen: (n_streams,) of uint8."""
        self.take()
        try:
            self.gather_helpers(False)
            self.table.reset(&self.streams, <const unsigned char *>cnp.PyArray_DATA(chosen))
        finally:
            self.release()

    # ------------------------------------------------------------ state and persistence

    def _state(self):
        """Copies of the state of every stream: cell state, cell output, gate activations."""
        cdef pylstm_network *n = &self.streams.net
        cdef const pylstm_layout *layout = &n.layout
        self.take()
        try:
            rows = self.last_rows()[:, :layout.state_size].copy()
        finally:
            self.release()
        state = {
            "cell_state": rows[:, layout.at_c:layout.at_c + layout.n_cells].copy(),
            "cell_output": rows[:, layout.at_q:layout.at_q + layout.n_cells].copy(),
        }
        for name, gate in (("input_gate", layout.row_i), ("forget_gate", layout.row_f),
                           ("output_gate", layout.row_o)):
            if gate >= 0:
                state[name] = rows[:, layout.at_act + gate:layout.at_act + gate + n.shape.n_blocks].copy()
        return state

    cdef object last_rows(self):
        """The record rows (n_streams, record_stride) of the last step."""
        cdef pylstm_network *n = &self.streams.net
        size = self.streams.n_streams * n.buffers.record_stride
        rows = self.record_[n.progress.n_pending * size:(n.progress.n_pending + 1) * size]
        return rows.reshape(self.streams.n_streams, n.buffers.record_stride)

    def _progress(self):
        """Everything beside the network that decides how the streams go on."""
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &s.net
        cdef ptrdiff_t b
        self.take()
        try:
            size = s.n_streams * n.buffers.record_stride
            progress = {
                "n_pending": n.progress.n_pending,
                "n_waiting": n.progress.n_waiting,
                "n_collect": n.progress.n_collect,
                "closed": n.progress.closed,
                "has_errors": n.progress.has_errors,
                "collected": n.progress.collected,
                "last_error": s.last_error,
                "n_steps": n.progress.n_steps,
                "record": self.record_[:(n.progress.n_pending + 1) * size].copy(),
                "n_pending_of": [s.stream[b].progress.n_pending for b in range(s.n_streams)],
                "learnable": [s.stream[b].progress.learnable for b in range(s.n_streams)],
                "has_errors_of": [s.stream[b].progress.has_errors for b in range(s.n_streams)],
                "traces_zero": [s.stream[b].progress.traces_zero for b in range(s.n_streams)],
                "output_errors": [s.stream[b].optimizer.error for b in range(s.n_streams)],
            }
            traces = self.traces_.reshape(s.n_streams, n.layout.trace_size)
            progress["traces"] = traces[np.array(progress["traces_zero"]) == 0].copy()
            if n.progress.collected:
                progress["gradient"] = self.gradient_.copy()
        finally:
            self.release()
        return progress

    def _restore(self, progress):
        """Go on from what `_progress` returned; after a refusal they are as if never built."""
        self.take()
        owner = self.owner
        try:
            self.restore(progress)
        except BaseException:
            self.owner = None
            (<Network>owner).release()
            pylstm_release(&self.streams.net)
            raise
        self.release()

    cdef restore(self, progress):
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &s.net
        cdef ptrdiff_t b
        size = s.n_streams * n.buffers.record_stride
        record = progress["record"]
        if (record.size != (progress["n_pending"] + 1) * size
                or not 0 <= progress["n_waiting"] <= progress["n_pending"] <= s.most_steps):
            raise ValueError("the record of the saved streams does not fit their network")
        for name in ("n_pending_of", "learnable", "has_errors_of", "traces_zero", "output_errors"):
            if len(progress[name]) != s.n_streams:
                raise ValueError(f"{name} of the saved streams is not one number a stream")
        if not all(0 <= k <= progress["n_pending"] for k in progress["n_pending_of"]):
            raise ValueError("the saved streams contradict themselves about the steps recorded")
        self.make_room(progress["n_pending"])
        self.record_[:record.size] = record
        n.progress.n_pending = progress["n_pending"]
        n.progress.n_waiting = progress["n_waiting"]
        n.progress.n_collect = progress["n_collect"]
        n.progress.closed = progress["closed"]
        n.progress.has_errors = progress["has_errors"]
        n.progress.collected = progress["collected"]
        n.progress.n_steps = progress["n_steps"]
        s.last_error = progress["last_error"]
        if n.progress.collected:
            self.gradient_[:] = progress["gradient"]
        zero = np.array(progress["traces_zero"]) != 0
        self.traces_.reshape(s.n_streams, n.layout.trace_size)[~zero] = progress["traces"]
        for b in range(s.n_streams):
            s.stream[b].progress.n_pending = progress["n_pending_of"][b]
            s.stream[b].optimizer.error = progress["output_errors"][b]
            s.stream[b].progress.learnable = progress["learnable"][b]
            s.stream[b].progress.has_errors = progress["has_errors_of"][b]
            s.stream[b].progress.traces_zero = zero[b]
        self.place_records()
        refuse_contradiction(pylstm_streams_contradiction(s), "Streams")

    # ------------------------------------------------------------ what it is

    @property
    def n_streams(self):
        """Number of streams."""
        return self.streams.n_streams

    @property
    def n_steps(self):
        """Number of time steps made since the streams were built."""
        return self.streams.net.progress.n_steps
