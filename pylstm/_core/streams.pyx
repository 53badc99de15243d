# cython: language_level=3, cdivision=True, binding=True
"""Several sequences through shared weights: check, convert, call csrc/streams/ once."""

import numpy as np

from pylstm._core.arrays import (
    aligned_zeros,
    bad_target,
    checked_lengths,
    joined_heads,
    losses_of,
    not_finite,
    one_hot,
    spread_targets,
)
from pylstm._core.shape import layer_configs
from pylstm.errors import brief

from pylstm._core cimport numpy_api as cnp
from libc.float cimport DBL_MAX
from libc.string cimport memset

from pylstm._core.checks cimport (
    row_not_finite,
    takes_any_number,
    target_problem,
    update_interval,
)
from pylstm._core.engine cimport (
    borrow_team,
    give,
    lay_out_streams,
    refuse_contradiction,
    require,
    return_team,
    streams_contradiction,
    streams_table,
    take,
)
from pylstm._core.headers cimport *
from pylstm._core.network cimport Network
from pylstm._core.network_buffers cimport (
    WAKING_SIZE,
    NetworkBuffers,
    diverged,
    rows_wanted,
    updates_in,
)
from pylstm._core.network_progress cimport counts, restore_counts, state_by_name
from pylstm._core.shape cimport sizes_of, too_large

cnp.import_array()

cdef enum:
    SHARED_SIZE = 1 << 15  # weights times streams from which a step is worth sharing


cdef class StreamsLayer:
    """One layer of several streams as memory."""

    cdef pylstm_streams streams
    cdef object parameters_, gradient_, traces_, record_, back_, work_, nets_, coefs_, stream_
    cdef object n_made_, has_error_

    cdef allocate_layer(self, NetworkBuffers owner):
        """Buffers of the sizes in the layout; the weights are the owner's."""
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &s.net
        dtype, n_streams = owner.dtype_, s.n_streams
        self.parameters_ = owner.parameters_[:]
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
        n.blas = owner.net.blas
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

    cdef int make_room_in_layer(self, ptrdiff_t n_steps) except -1:
        """Room in the record for so many steps more, where errors go back through all of them."""
        cdef pylstm_streams *s = &self.streams
        cdef ptrdiff_t steps = rows_wanted(
            s.net.progress.n_pending + n_steps, s.record_steps + 2, s.most_steps) - 2
        cdef ptrdiff_t size = s.n_streams * s.net.buffers.record_stride
        cdef ptrdiff_t used = (s.net.progress.n_pending + 1) * size
        if steps == s.record_steps:
            return 0
        record = aligned_zeros(pylstm_product(steps + 2, size), self.record_.dtype)
        record[:used] = self.record_[:used]
        self.record_ = record
        s.net.buffers.record = cnp.PyArray_DATA(record)
        s.record_steps = steps
        self.place_records()
        return 0

    cdef void place_records(self) noexcept:
        """Where each stream's own stretch of the record begins."""
        cdef pylstm_streams *s = &self.streams
        cdef ptrdiff_t b, before, row = s.net.buffers.record_stride * self.record_.dtype.itemsize
        for b in range(s.n_streams):
            before = s.net.progress.n_pending - s.stream[b].progress.n_pending
            s.stream[b].buffers.record = <char *>s.net.buffers.record + (before * s.n_streams + b) * row

    cdef dict state(self):
        """Copies of the state of every stream, by name."""
        cdef pylstm_network *n = &self.streams.net
        size = self.streams.n_streams * n.buffers.record_stride
        rows = self.record_[n.progress.n_pending * size:(n.progress.n_pending + 1) * size]
        rows = rows.reshape(self.streams.n_streams, n.buffers.record_stride)
        return state_by_name(
            &n.shape, &n.layout, rows, n.layout.at_act, n.layout.at_c, n.layout.at_q)

    cdef dict progress(self):
        """Everything beside the network that decides how the layer goes on."""
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &s.net
        cdef ptrdiff_t b
        size = s.n_streams * n.buffers.record_stride
        progress = {
            **counts(&n.progress),
            "last_error": s.last_error,
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
        return progress

    cdef restore(self, progress):
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &s.net
        cdef ptrdiff_t b
        record = progress["record"]
        self.make_room_in_layer(progress["n_pending"])
        self.record_[:record.size] = record
        restore_counts(&n.progress, progress)
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


cdef class StreamGroup(StreamsLayer):
    """Buffers and calls of several streams. Use `pylstm.Streams`.

    Streams of several layers are the top one and have the others in `below`, as a network has.
    """

    cdef const pylstm_streams_table *table
    cdef Network owner
    cdef object heads_
    cdef tuple below

    # ------------------------------------------------------------ building

    def _build(self, Network owner, Py_ssize_t n_streams):
        """Everything anew; what cannot be built is as if it never had been."""
        take(&self.streams.net.busy, True, "Streams")
        self.owner = None
        try:
            owner.take()
            try:
                self.allocate(owner, n_streams)
            finally:
                owner.release()
        finally:
            give(&self.streams.net.busy)

    cdef allocate(self, Network owner, Py_ssize_t n_streams):
        cdef pylstm_streams *s = &self.streams
        cdef StreamsLayer layer
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
        self.below = tuple(StreamsLayer.__new__(StreamsLayer) for _ in owner.below)
        for layer in reversed(self.below):
            s.below, layer.streams.above = &layer.streams, s
            s = s.below
        if not lay_out_streams(&self.streams, &owner.net):
            raise too_large(&owner.net.shape, f"n_streams={n_streams} of ")
        self.table = streams_table(owner.table, owner.net.shape.precision)
        self.heads_ = owner.heads_
        owner.flat_parameters()  # those of a large one are written, and so they are from now on
        for layer, net in zip(self.layers(), owner.layers()):
            layer.allocate_layer(net)
        self.table.prepare(&self.streams)
        self.owner = owner

    cdef tuple layers(self):
        """All layers, the lowest first; of one layer itself."""
        return (*self.below, self)

    # ------------------------------------------------------------ the locks, and what diverged

    cdef int take(self) except -1:
        """Take the streams and the network whose weights they share; its optimizer as it is now."""
        take(&self.streams.net.busy, self.owner is not None, "Streams")
        try:
            self.owner.take()
        except BaseException:
            give(&self.streams.net.busy)
            raise
        self.take_optimizer()
        if self.owner.net.buffers.parameters != self.streams.net.buffers.parameters:  # of one layer
            self.release()
            raise RuntimeError("the network of these Streams has grown since: build Streams of it anew")
        return 0

    cdef void take_optimizer(self) noexcept:
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &self.owner.net
        cdef double error
        cdef ptrdiff_t b
        while s != NULL:
            error = s.net.optimizer.error
            s.net.optimizer = n.optimizer
            s.net.optimizer.error = error
            for b in range(s.n_streams):
                s.stream[b].optimizer.rule = n.optimizer.rule
            s, n = s.below, n.below

    cdef int plan_rates(self, ptrdiff_t n_updates) except -1:
        self.owner.plan_rates(n_updates)
        self.take_optimizer()
        return 0

    cdef void gather_helpers(self, bint wake) noexcept:
        """Before the work of a call: the threads that share it."""
        cdef pylstm_streams *s = &self.streams
        cdef ptrdiff_t size = 0
        cdef pylstm_team *team
        while s != NULL:
            size = pylstm_sum(size, pylstm_product(s.n_streams, s.net.layout.parameter_size))
            s = s.below
        self.owner.gather_helpers(wake)
        team, self.owner.net.team = self.owner.net.team, NULL
        if team == NULL and size >= SHARED_SIZE:
            team = borrow_team(wake or size >= WAKING_SIZE)
        s = &self.streams
        while s != NULL:
            s.team = team
            s = s.below

    cdef void release(self) noexcept:
        cdef pylstm_streams *s = &self.streams
        cdef pylstm_network *n = &self.owner.net
        return_team(s.team)
        while s != NULL:
            n.optimizer.n_updates, s.team = s.net.optimizer.n_updates, NULL
            s, n = s.below, n.below
        if PYLSTM_DEBUG_BUILD:
            require(streams_contradiction(&self.streams))
        self.owner.release()
        give(&self.streams.net.busy)

    cdef int make_room(self, ptrdiff_t n_steps) except -1:
        for layer in self.below:
            (<StreamsLayer>layer).make_room_in_layer(n_steps)
        return self.make_room_in_layer(n_steps)

    cdef diverged(self):
        return diverged(&self.streams.net, "streams")

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
        return self.owner.rows(array.reshape(array.size // width, width), 2, width, what)

    cdef object inputs(self, object X, int ndim):
        """Inputs as rows, checked; tokens as the vectors they stand for."""
        cdef Py_ssize_t width = self.owner.lowest.shape.n_inputs
        array = np.asarray(X)
        if array.ndim == ndim - 1 and array.dtype.kind in "iu":
            array = one_hot(array, width, "X", "token")
        rows = self.rows(array, ndim, width, "X")
        self.check_finite(rows, ndim, "X")
        return rows

    cdef object targets(self, object targets, int ndim):
        """Targets as rows, checked; those that are one number each, or parts of several heads, as the
        rows they stand for."""
        cdef Py_ssize_t width = self.owner.net.shape.n_outputs
        if self.owner.net.shape.n_heads > 0 and isinstance(targets, tuple):
            lead = (self.streams.n_streams,) if ndim == 2 else ("n_steps", self.streams.n_streams)
            targets = joined_heads(targets, self.owner.config_["heads"], lead, "targets")
        array = np.asarray(targets)
        if array.ndim == ndim - 1:
            array = spread_targets(
                array, width, self.owner.net.shape.output == PYLSTM_SOFTMAX, "targets")
        rows = self.rows(array, ndim, width, "targets")
        self.check_targets(rows, ndim)
        return rows

    cdef str place(self, Py_ssize_t row, int ndim):
        """Where a row is, for a message."""
        if ndim == 2:
            return f" at stream {row}"
        return f" at step {row // self.streams.n_streams}, stream {row % self.streams.n_streams}"

    cdef int check_finite(self, object rows, int ndim, str what) except -1:
        cdef ptrdiff_t row = row_not_finite(self.owner.table, rows)
        if row >= 0:
            raise not_finite(rows, row, what, self.place(row, ndim))
        return 0

    cdef int check_targets(self, object rows, int ndim) except -1:
        cdef ptrdiff_t row = 0
        cdef int problem
        cdef bint missing
        if takes_any_number(&self.owner.net.shape) and row_not_finite(self.owner.table, rows) < 0:
            return 0
        problem = target_problem(&self.owner.net.shape, rows, DBL_MAX, &row, &missing)
        if problem:
            raise bad_target(problem, rows, row, f"targets{self.place(row, ndim)}")
        return 0

    cdef int check_learnable(self, object rows, str what) except -1:
        """Every stream with a row that is not NaN has a step to learn from."""
        cdef ptrdiff_t b
        given = ~np.isnan(rows).all(axis=1)
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
            X = self.inputs(X, 2)
            if targets is not None:
                targets = self.targets(targets, 2)
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
            if targets is not None and not np.isnan(targets).all():
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
            X = self.inputs(X, 2)
            Y = self.outputs()
            self.gather_helpers(False)
            if self.table.predict(&self.streams, cnp.PyArray_DATA(X), cnp.PyArray_DATA(Y)) != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        return Y

    def _run(self, X, targets, update, return_loss):
        cdef int status
        cdef ptrdiff_t n_steps, done = 0, every = update_interval(update)
        cdef const void *x_data
        cdef const void *target_data = NULL
        cdef void *y_data
        self.take()
        try:
            X = self.inputs(X, 3)
            n_steps = len(X) // self.streams.n_streams
            if targets is not None:
                targets = self.targets(targets, 3)
                if len(targets) != len(X):
                    raise ValueError(
                        f"targets has {len(targets) // self.streams.n_streams} steps and X has "
                        f"{n_steps}: wanted targets for every step, NaN where there are none"
                    )
                target_data = cnp.PyArray_DATA(targets)
            Y = np.empty((n_steps, self.streams.n_streams, self.owner.net.shape.n_outputs), self.owner.dtype_)
            x_data = cnp.PyArray_DATA(X)
            y_data = cnp.PyArray_DATA(Y)
            if target_data != NULL:
                self.plan_rates(updates_in(n_steps + self.streams.net.progress.n_collect, 1, every))
            self.make_room(n_steps)
            self.gather_helpers(True)
            with nogil:
                status = self.table.run(&self.streams, n_steps, x_data, target_data, y_data, every,
                                        &done)
            if status != PYLSTM_OK:
                raise self.diverged()
        finally:
            self.release()
        if not return_loss:
            return Y
        wanted = None if targets is None else targets.reshape(Y.shape)
        return Y, losses_of(Y, wanted, self.owner._config())

    def _sequences(self, X, targets, lengths, last):
        """Sequences one behind the other, or their tokens, their targets and lengths, all checked."""
        cdef ptrdiff_t n_steps
        self.take()
        try:
            tokens = self.owner.as_tokens(X)
            X = self.owner.as_rows(X) if tokens is None else tokens
            n_steps = len(X)
            lengths = checked_lengths(lengths, n_steps)
            if targets is not None:
                targets = self.owner.as_target_rows(
                    targets, len(lengths) if last else n_steps, "sequence" if last else "step")
        finally:
            self.release()
        return X, targets, lengths

    def _learn(self, targets, bint update):
        self.take()
        try:
            targets = self.targets(targets, 2)
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
        cnp.check_array(chosen)
        self.take()
        try:
            self.gather_helpers(False)
            self.table.reset(&self.streams, <const unsigned char *>cnp.PyArray_DATA(chosen))
        finally:
            self.release()

    # ------------------------------------------------------------ state and persistence

    def _state(self):
        """Copies of the state of every stream: cell state, cell output, gate activations."""
        self.take()
        try:
            return {
                config.get("prefix", "") + name: values
                for config, layer in zip(layer_configs(self.owner.config_), self.layers())
                for name, values in (<StreamsLayer>layer).state().items()
            }
        finally:
            self.release()

    def _progress(self):
        """Everything beside the network that decides how the streams go on."""
        self.take()
        try:
            progress = self.progress()
            if self.below:
                progress["below"] = [(<StreamsLayer>layer).progress() for layer in self.below]
        finally:
            self.release()
        return progress

    def _restore(self, progress):
        """Go on from what `_progress` returned, which has been checked, see pylstm/schemas/networks.py;
        where it contradicts itself all the same, they are as if never built."""
        self.take()
        owner = self.owner
        try:
            for layer, own in zip(self.layers(), (*progress.get("below", ()), progress)):
                (<StreamsLayer>layer).restore(own)
            refuse_contradiction(streams_contradiction(&self.streams), "Streams")
        except BaseException:
            self.owner = None
            (<Network>owner).release()
            give(&self.streams.net.busy)
            raise
        self.release()

    # ------------------------------------------------------------ what it is

    @property
    def n_streams(self):
        """Number of streams."""
        return self.streams.n_streams

    @property
    def n_steps(self):
        """Number of time steps made since the streams were built."""
        return self.streams.net.progress.n_steps


def streams_sizes(Network owner, Py_ssize_t n_streams):
    """Sizes of streams of a network, a dict a layer; those of a stream of the record and the traces."""
    cdef StreamsLayer layer
    layers = [StreamsLayer.__new__(StreamsLayer) for _ in owner.layers()]
    cdef pylstm_streams *top = &(<StreamsLayer>layers[len(layers) - 1]).streams
    cdef pylstm_streams *s = top
    top.n_streams = n_streams
    for layer in reversed(layers[:-1]):
        s.below = &layer.streams
        s = s.below
    if not lay_out_streams(top, &owner.net):
        raise too_large(&owner.net.shape, f"{n_streams} streams of ")
    return [
        {**sizes_of(&layer.streams.net.shape, &layer.streams.net.layout),
         "most_pending": layer.streams.most_steps}
        for layer in layers
    ]
