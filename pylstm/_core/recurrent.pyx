# cython: language_level=3, cdivision=True, binding=True
"""A plain recurrent network: buffers, and a call each of what Learner asks for."""

import numpy as np

from pylstm._core.arrays import aligned_zeros
from pylstm._core.shape import LOSSES, OUTPUTS, SQUASHINGS

cimport cython
from pylstm._core cimport numpy_api as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport int32_t
from libc.string cimport memset

from pylstm._core.engine cimport current_engine, give, lay_out_recurrent, take
from pylstm._core.headers cimport *
from pylstm._core.shape cimport longest_window

cnp.import_array()

cdef enum:
    SHORT_RECORD = 32  # steps from one slide of the record to the next, at least


cdef double *doubles(object array) except? NULL:
    """Where an array of doubles begins; NULL for None."""
    if array is None:
        return NULL
    cnp.check_array(array)
    return <double *>cnp.PyArray_DATA(array)


cdef struct rows:
    const double *X
    const int32_t *tokens
    ptrdiff_t n_steps


cdef rows rows_of(object X):
    """Checked inputs: numbers, or tokens."""
    cdef rows given
    cnp.check_array(X)
    given.X = NULL
    given.tokens = NULL
    given.n_steps = cnp.PyArray_DIM(X, 0)
    if cnp.PyArray_NDIM(X) == 2:
        given.X = doubles(X)
    else:
        given.tokens = <const int32_t *>cnp.PyArray_DATA(X)
    return given


cdef fill_recurrent(pylstm_recurrent *r, config):
    """Sizes and switches from the arguments of a constructor."""
    r.n_inputs = config["n_inputs"]
    r.n_outputs = config["n_outputs"]
    r.rtrl = config["gradient"] == "rtrl"
    r.readout = config["readout"] == "layer"
    r.n_units = config["n_hidden"] + (0 if r.readout else r.n_outputs)
    r.shortcut = config["shortcut"]
    r.hidden_bias = config["hidden_bias"]
    r.output_bias = config["output_bias"]
    r.squashing = SQUASHINGS[config["squashing"]]
    r.output = OUTPUTS[config["output"]]
    r.loss = LOSSES[config["loss"]]
    r.window = min(config["window"] or 0, longest_window)


cdef ptrdiff_t longest_record(const pylstm_recurrent *r) noexcept:
    """Steps a record holds at most before it slides; none where errors go back to the last reset."""
    if not r.rtrl and r.window == 0:
        return PY_SSIZE_T_MAX
    return pylstm_sum(r.window, max(r.window, SHORT_RECORD))


@cython.auto_pickle(False)
cdef class Recurrent:
    """Buffers and calls of one network. Use `pylstm.baselines.FullyRecurrent`."""

    cdef pylstm_recurrent net
    cdef const pylstm_recurrent_table *table
    cdef dict buffers

    # ------------------------------------------------------------ building

    def _build(self, config, time_constants):
        cdef pylstm_recurrent *r = &self.net
        self.buffers = None  # until all is there: see take
        memset(r, 0, sizeof(pylstm_recurrent))
        fill_recurrent(r, config)
        r.p_zero = 1
        if not lay_out_recurrent(r):
            raise ValueError(
                f"n_inputs={r.n_inputs}, n_outputs={r.n_outputs} and {r.n_units} units do not fit "
                "in any memory: wanted sizes from 1 on that do"
            )
        self.table = current_engine(PYLSTM_FLOAT64).recurrent
        buffers = {}
        for name, size in (("parameters", r.parameter_size), ("gradient", r.parameter_size),
                           ("velocity", r.parameter_size), ("time_constants", r.n_units),
                           ("sensitivity", r.sensitivity_size),
                           ("net_out", 2 * r.n_outputs), ("y", 2 * r.n_outputs),
                           ("delta", r.n_outputs), ("work", r.work_size)):
            buffers[name] = aligned_zeros(size, np.float64)
        buffers["time_constants"][:] = time_constants
        r.parameters = doubles(buffers["parameters"])
        r.gradient = doubles(buffers["gradient"])
        r.velocity = doubles(buffers["velocity"])
        r.tau = doubles(buffers["time_constants"])
        r.sensitivity = doubles(buffers["sensitivity"])
        r.net_out = doubles(buffers["net_out"])
        r.y = doubles(buffers["y"])
        r.delta = doubles(buffers["delta"])
        r.work = doubles(buffers["work"])
        self.make_record(buffers, min(longest_record(r), 2 * SHORT_RECORD))
        self.buffers = buffers

    cdef int make_record(self, dict buffers, ptrdiff_t capacity) except -1:
        """A record with room for so many steps; what is in the present one goes with it."""
        cdef pylstm_recurrent *r = &self.net
        record = aligned_zeros(pylstm_product(pylstm_sum(capacity, 2), r.row_size), np.float64)
        tokens = aligned_zeros(capacity + 2, np.int32)
        tokens[:] = -1
        if "record" in buffers:
            used = r.n_recorded + 1
            record[:used * r.row_size] = buffers["record"][:used * r.row_size]
            tokens[:used] = buffers["tokens"][:used]
        buffers["record"], buffers["tokens"] = record, tokens
        r.record = doubles(record)
        r.tokens = <int32_t *>cnp.PyArray_DATA(tokens)
        r.capacity = capacity
        return 0

    cdef int need_record(self, ptrdiff_t n_steps) except -1:
        """Room for so many steps from the last reset on, as far as errors go back."""
        cdef pylstm_recurrent *r = &self.net
        cdef ptrdiff_t longest = longest_record(r)
        if min(n_steps, longest) > r.capacity:
            self.make_record(self.buffers, min(max(n_steps, 2 * r.capacity), longest))
        return 0

    def _set_rates(self, learning_rate, momentum):
        self.net.learning_rate = learning_rate
        self.net.momentum = momentum

    def _views(self, flat):
        """The flat parameters, or their gradient, as named arrays (rows, sources)."""
        cdef pylstm_recurrent *r = &self.net
        views = {"units": flat[:r.n_sources * r.n_units].reshape(r.n_sources, r.n_units).T}
        if r.readout:
            V = flat[r.at_output:r.at_output + r.n_out_sources * r.n_outputs]
            views["output"] = V.reshape(r.n_out_sources, r.n_outputs).T
        return views

    def _weights(self):
        """Views of the weights by name."""
        return self._views(self.buffers["parameters"])

    cdef int take(self) except -1:
        take(&self.net.busy, self.buffers is not None, "network")
        return 0

    # ------------------------------------------------------------ what Learner asks for

    def _clear(self):
        self.take()
        self.table.reset(&self.net)
        give(&self.net.busy)

    def _is_learnable(self):
        return self.net.learnable != 0

    def _predict(self, X):
        cdef rows given = rows_of(X)
        cdef pylstm_input x
        cdef int status
        x.x = given.X
        x.token = 0 if given.tokens == NULL else given.tokens[0]
        self.take()
        try:
            status = self.table.predict(&self.net, x)
        finally:
            give(&self.net.busy)
        if status != PYLSTM_OK:
            raise self._diverged()
        return self.buffers["y"][self.net.n_outputs:].copy()

    def _learn(self, target):
        self.take()
        try:
            return self.table.learn(&self.net, doubles(target))
        finally:
            give(&self.net.busy)

    def _change_weights(self):
        self.take()
        self.table.update(&self.net)
        give(&self.net.busy)

    def _collect(self):
        self.take()
        self.table.collect(&self.net)
        give(&self.net.busy)
        return {name: view.copy() for name, view in self._views(self.buffers["gradient"]).items()}

    def _change_nothing(self):
        cdef pylstm_recurrent *r = &self.net
        self._clear()
        self.buffers["gradient"][:] = 0
        r.collected = r.n_collect = 0

    def _run(self, X, targets, ptrdiff_t every):
        cdef rows given = rows_of(X)
        cdef const double *target_data = doubles(targets)
        cdef double *y
        cdef int status
        Y = np.empty((given.n_steps, self.net.n_outputs))
        y = doubles(Y)
        self.take()
        try:
            self.need_record(self.net.n_recorded + given.n_steps)
            with nogil:
                status = self.table.run(&self.net, given.n_steps, given.X, given.tokens, target_data, y,
                                        every, False)
        finally:
            give(&self.net.busy)
        self.check(status, targets)
        return Y

    def _run_sequences(self, X, targets, lengths, bint last, ptrdiff_t every):
        cdef rows given = rows_of(X)
        cdef const double *target_data = doubles(targets)
        cdef const ptrdiff_t *length_data
        cdef ptrdiff_t n_sequences
        cdef double *y
        cdef int status
        cnp.check_array(lengths)
        length_data = <const ptrdiff_t *>cnp.PyArray_DATA(lengths)
        n_sequences = cnp.PyArray_DIM(lengths, 0)
        Y = np.empty((n_sequences if last else given.n_steps, self.net.n_outputs))
        y = doubles(Y)
        self.take()
        try:
            if n_sequences:
                self.need_record(lengths.max())
            with nogil:
                status = self.table.run_sequences(&self.net, n_sequences, length_data, given.X,
                                                  given.tokens, target_data, y, every, last)
        finally:
            give(&self.net.busy)
        self.check(status, targets)
        return Y

    def _guess(self, X, targets, lengths, Y, bint last, double tolerance, pool):
        """Answer sequences as long as there are weights in the pool, (n_pool, n_parameters), which
        replace those that answered wrongly; how many sequences, and how many weights of the pool."""
        cdef rows given = rows_of(X)
        cdef pylstm_guesses g
        cdef ptrdiff_t done
        cnp.check_array(lengths)
        g.n_sequences = cnp.PyArray_DIM(lengths, 0)
        g.lengths = <const ptrdiff_t *>cnp.PyArray_DATA(lengths)
        g.X = given.X
        g.tokens = given.tokens
        g.targets = doubles(targets)
        g.Y = doubles(Y)
        g.last = last
        g.tolerance = tolerance
        g.pool = doubles(pool)
        g.n_pool = cnp.PyArray_DIM(pool, 0)
        g.n_taken = 0
        self.take()
        try:
            with nogil:
                done = self.table.guess(&self.net, &g)
        finally:
            give(&self.net.busy)
        return done, g.n_taken

    cdef int check(self, int status, object targets) except -1:
        if status != PYLSTM_OK:
            raise self._diverged()
        if targets is not None:
            self._check_weights()
        return 0

    @property
    def n_steps(self):
        """Number of steps made so far."""
        return self.net.n_steps

    @property
    def state(self):
        """Copies of the activations after the last step: "units", (n_units,)."""
        cdef ptrdiff_t start = self.net.n_recorded * self.net.row_size + self.net.at_a
        return {"units": self.buffers["record"][start:start + self.net.n_units].copy()}

    # ------------------------------------------------------------ persistence

    def _progress(self):
        """Everything that decides how the sequence goes on."""
        cdef pylstm_recurrent *r = &self.net
        used = r.n_recorded + 1
        progress = {name: self.buffers[name].copy()
                    for name in ("parameters", "gradient", "velocity", "y", "net_out", "delta")}
        progress["record"] = self.buffers["record"][:used * r.row_size].copy()
        progress["tokens"] = self.buffers["tokens"][:used].copy()
        if r.rtrl and not r.p_zero:
            progress["sensitivity"] = self.buffers["sensitivity"].reshape(2, -1)[r.now].copy()
        progress["counts"] = [r.n_waiting, r.n_collect, r.n_steps]
        progress["flags"] = [r.learnable, r.has_error, r.has_errors, r.collected]
        return progress

    def _restore(self, progress):
        cdef pylstm_recurrent *r = &self.net
        used = len(progress["tokens"])
        self.need_record(used - 1)
        for name in ("parameters", "gradient", "velocity", "y", "net_out", "delta"):
            self.buffers[name][:] = progress[name]
        self.buffers["record"][:used * r.row_size] = progress["record"]
        self.buffers["tokens"][:used] = progress["tokens"]
        r.n_recorded = used - 1
        if "sensitivity" in progress:
            self.buffers["sensitivity"].reshape(2, -1)[0] = progress["sensitivity"]
            r.p_zero = 0
        r.n_waiting, r.n_collect, r.n_steps = progress["counts"]
        r.learnable, r.has_error, r.has_errors, r.collected = progress["flags"]


def recurrent_sizes(dict config):
    """Sizes of a network of plain recurrent units, in numbers."""
    cdef pylstm_recurrent r
    memset(&r, 0, sizeof(pylstm_recurrent))
    fill_recurrent(&r, config)
    if not lay_out_recurrent(&r):
        raise ValueError("the sizes of its network do not fit in any memory")
    return {
        "parameters": r.parameter_size,
        "sensitivity": r.n_units * r.n_weights if r.rtrl else 0,
        "record_row": r.row_size,
        "most_recorded": longest_record(&r),
    }
