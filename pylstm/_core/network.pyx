# cython: language_level=3, cdivision=True, binding=True
"""One network: sequences in one call, their gradient, and a second state of the same weights."""

import numpy as np

from pylstm._core.arrays import checked_lengths, checked_tokens, losses_of
from pylstm.errors import brief, brief_text

from pylstm._core cimport numpy_api as cnp
from libc.math cimport NAN
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from pylstm._core.checks cimport as_floats, update_interval
from pylstm._core.headers cimport *
from pylstm._core.network_buffers cimport NetworkBuffers, updates_in
from pylstm._core.network_steps cimport NetworkSteps

cnp.import_array()

cdef enum:
    LONG_STRETCH = 64  # steps of a sequence whose outputs nobody wants, at once


cdef class Network(NetworkSteps):
    """Buffers and calls of one network. Use `pylstm.LSTM`."""

    cdef NetworkBuffers new_layer(self):
        return Network.__new__(Network)

    # ------------------------------------------------------------ checking what comes in

    cdef object as_rows(self, object X):
        """The inputs of many steps, checked."""
        if self.scales_inputs():
            return self.scaling.checked_inputs(X, 2, "X")
        X = self.rows(X, 2, self.lowest.shape.n_inputs, "X")
        self.check_finite(X, "X")
        return X

    cdef object as_target_rows(self, object targets, ptrdiff_t n_rows, str each):
        """The targets of so many steps or sequences, checked; each: which of the two."""
        cdef bint missing
        targets = self.spread(targets, 2, "targets")
        if self.scales_targets():
            targets = as_floats(targets, 2, self.net.shape.n_outputs, "targets")
        else:
            targets = self.rows(targets, 2, self.net.shape.n_outputs, "targets")
        if cnp.PyArray_DIM(targets, 0) != n_rows:
            raise ValueError(
                f"targets has {len(targets)} rows and X has {n_rows} {each}s: wanted one row of targets "
                f"a {each}, NaN where there is none"
            )
        if self.scales_targets():
            self.scaling.checked_targets(targets, 2, &missing)
        else:
            self.check_targets(targets, &missing)
        return targets

    cdef object as_tokens(self, object X):
        """A vector of whole numbers as int32 tokens, checked; None for anything else."""
        if cnp.PyArray_Check(X) and cnp.PyArray_NDIM(X) == 2:
            return None
        array = np.asarray(X)
        if array.ndim != 1 or array.dtype == object:
            return None
        if array.dtype.kind not in "iu":
            raise ValueError(
                f"X has shape {brief(array.shape)} and dtype {brief_text(array.dtype, 60)}: wanted "
                f"(n_steps, {self.lowest.shape.n_inputs}), or (n_steps,) of an integer dtype for tokens"
            )
        if self.scales_inputs():
            raise ValueError(
                f"X has shape {brief(array.shape)}: tokens, but scale_inputs is True: wanted (n_steps, "
                f"{self.lowest.shape.n_inputs}) numbers"
            )
        return checked_tokens(array, self.lowest.shape.n_inputs)

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

    # ------------------------------------------------------------ sequences

    def run(self, X, targets=None, update="step", *, return_loss=False):
        """Run over a whole sequence in one call, learning where there are targets.

        Equals the loop of `step` bit for bit; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs), or (n_steps,), optional
            Wanted outputs; a row of NaN is a step without target. One number a step of a network
            with one output; of a softmax the class that is wanted, NaN for none. Of several heads a
            tuple with such targets of each, None for none at all.
        update : "step", "sequence" or int, default "step"
            When the weights change: after every step that has a target (1 is the same); once, at the
            end of this call; or every so many steps, counted from the last update, whichever calls
            made them. Without targets nothing changes them.
        return_loss : bool, default False
            Whether to return the losses as well.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), of the network's dtype
            The outputs, each from before the weights changed at its step. With `return_loss` a pair:
            these, and the loss of each step as `learn` counts it, (n_steps,) of float64, NaN without
            a target; made of the outputs as they are returned, and as precise as these. With a list
            of heads that of each, without its weight, (n_steps, n_heads).

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

        Tokens in, the next of them wanted:

        >>> tokens = np.tile([0, 1, 2, 2], 500)
        >>> net = pylstm.LSTM(3, 3, n_blocks=8, output="softmax", optimizer=pylstm.Adam(0.01))
        >>> shares = net.run(tokens[:-1], targets=tokens[1:])
        >>> bool((shares[-8:].argmax(axis=1) == tokens[-8:]).all())
        True
        """
        cdef int status = PYLSTM_OK
        cdef ptrdiff_t n_steps, done = 0, every = update_interval(update)
        cdef const void *x_data = NULL
        cdef const int32_t *token_data = NULL
        cdef const void *target_data = NULL
        cdef void *y_data
        self.take()
        try:
            self.check_single_steps("a stretch")
            X = self.as_steps(X, &n_steps, &x_data, &token_data)
            if targets is not None:
                targets = self.as_target_rows(targets, n_steps, "step")
                target_data = cnp.PyArray_DATA(targets)
            Y = np.empty((n_steps, self.net.shape.n_outputs), self.dtype_)
            y_data = cnp.PyArray_DATA(Y)
            if target_data != NULL:
                self.plan_rates(updates_in(n_steps + self.net.progress.n_collect, 1, every))
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
        return (Y, losses_of(Y, targets, self.config_)) if return_loss else Y

    def run_sequences(self, X, targets=None, lengths=None, *, last=False, update="sequence",
                      return_loss=False):
        """Run over many sequences in one call, each from a fresh state.

        Equals, bit for bit, for each sequence ``net.reset()`` and ``net.run(x, t, update=update)``,
        and a ``net.reset()`` at the end; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs of all sequences, one behind the other; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            Wanted outputs; a row of NaN is no target. Or one number each, as in `run`. Without
            targets nothing is learned.
        lengths : array_like of int, shape (n_sequences,), optional
            Steps of each sequence, at least 1; they sum to n_steps. Without: X is one sequence.
        last : bool, default False
            Targets and outputs are those of the last step of each sequence only.
        update : "sequence", "step" or int, default "sequence"
            When the weights change: once at the end of each sequence; else as in `run`.
        return_loss : bool, default False
            Whether to return the losses as well.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            The outputs, each from before the weights changed at its step. With `return_loss` a pair,
            these and their losses, as `run`.

        Raises
        ------
        ValueError, TypeError
            For unusable arguments; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.

        Notes
        -----
        Gradients accumulated before the call are applied with the first update, as by `run`. O(1) per
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
        cdef ptrdiff_t longest = LONG_STRETCH
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
                targets = self.as_target_rows(
                    targets, n_rows, "sequence" if only_last else "step")
                target_data = cnp.PyArray_DATA(targets)
            Y = np.empty((n_rows, n.shape.n_outputs), self.dtype_)
            y_data = cnp.PyArray_DATA(Y)
            if n.mate != NULL:
                if every == 1:
                    raise ValueError(
                        "update is a step with bidirectional=True, wanted 'sequence' or a number of steps"
                    )
                longest = max(1, lengths.max() if n_sequences else 0)
            aside = np.empty(longest * n.shape.n_outputs, self.dtype_)
            aside_data = cnp.PyArray_DATA(aside)
            nothing = np.full(
                longest * n.shape.n_outputs, NAN, self.dtype_ if targets is None else targets.dtype)
            nothing_data = cnp.PyArray_DATA(nothing)
            if target_data != NULL:
                self.plan_rates(updates_in(n_steps + n.progress.n_collect, n_sequences, every))
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
        return (Y, losses_of(Y, targets, self.config_)) if return_loss else Y

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
        cdef void *wanted = nothing
        # only steps that count for an update every so many must know that one may come
        if t == NULL or every == 1 or every == PYLSTM_UPDATE_AT_END:
            nothing = NULL
        for s in range(n_sequences):
            self.table.reset(n)
            left = lengths[s]
            if n.mate != NULL and last:
                status = self.run_for_last(left, x, tokens, t, y, aside, wanted, every)
                if status != PYLSTM_OK:
                    return status
                if tokens != NULL:
                    tokens += left
                else:
                    x += left * self.lowest.shape.n_inputs * x_size
                left = 0
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
                    x += part * self.lowest.shape.n_inputs * x_size
                left -= part
            part = 1 if last else lengths[s]
            y += part * n.shape.n_outputs * size
            if t != NULL:
                t += part * n.shape.n_outputs * t_size
        self.table.reset(n)
        return PYLSTM_OK

    cdef int run_for_last(self, ptrdiff_t n_steps, const void *X, const int32_t *tokens, const char *target,
                          char *y, void *aside, void *wanted, ptrdiff_t every) noexcept nogil:
        """A whole sequence with a target and an output at its last step only; wanted: NaN for all steps,
        and so it is left."""
        cdef ptrdiff_t size = 8 if self.net.shape.precision == PYLSTM_FLOAT64 else 4
        cdef ptrdiff_t n_row = self.net.shape.n_outputs * size, done = 0
        cdef char *end = <char *>wanted + (n_steps - 1) * n_row
        cdef int status
        if target != NULL:
            memcpy(end, target, n_row)
        status = self.run_steps(
            n_steps, X, tokens, NULL if target == NULL else wanted, aside, every, &done)
        memcpy(y, <char *>aside + (n_steps - 1) * n_row, n_row)
        if target != NULL and n_steps > 1:
            memcpy(end, wanted, n_row)
        elif target != NULL:
            memset(end, 255, n_row)  # NaN
        return status

    def gradient(self, X, targets, gradient=None, window=None):
        """Gradient of the summed loss of a sequence, from a fresh state; changes nothing.

        Which gradient is the network's own choice, or that of this call: "truncated", exact after
        cutting every path through the recurrent sources and through the peepholes, so that only
        c(t-1) -> c(t) carries error back (HS97 appendix A.1); or with nothing cut, "bptt" and "rtrl".

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs), or (n_steps,)
            Wanted outputs; a row of NaN is a step without target. Or one number each, as in `run`.
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
            whole = self
            if self.lowest.progress.n_absorbed > 0:  # the only layer that puts its changes off
                # up to date without changing when this one writes its weights
                whole = type(self).__new__(type(self))
                whole.build(self.config_, self.net.shape.large_from)
                progress = self.progress()
                progress.pop("eligibility", None)
                for own in progress.get("below", ()):
                    own.pop("eligibility", None)
                whole._restore(progress)
                whole._flat_parameters()
            fresh.table = self.table
            for layer, theirs in zip(fresh.layers(), whole.layers()):
                (<NetworkBuffers>layer).parameters_[:] = (<NetworkBuffers>theirs).parameters_
                (<NetworkBuffers>layer).net.blas = (<NetworkBuffers>theirs).net.blas
            fresh._restore_scales(self._scales())
        finally:
            self.release()
        if fresh.net.mate == NULL:
            fresh.run(X, targets, update=max(1, len(X)) + 1)
        else:
            fresh.run_sequences(X, targets, update=max(1, len(X)) + 1)
        fresh.table.collect(&fresh.net)
        return {name: view.copy() for name, view in fresh.named("gradient").items()}

    # ------------------------------------------------------------ a second state of the same weights

    def _follow(self, Network learner):
        """Use the weights of `learner`, whose copy this is, from now on, and its scale of targets."""
        cdef pylstm_network *n = &self.net
        self.take()
        try:
            self.gather_helpers(False)
            self.table.write_back(n)
            self.forget()
            learner._flat_parameters()  # those of a large one are written
            for layer, theirs in zip(self.layers(), learner.layers()):
                (<NetworkBuffers>layer).read_weights(theirs)
            if self.scales_targets():
                self.scaling.targets = learner.scaling.targets
        finally:
            self.release()

    def _share(self, Network learner):
        """Learn with `learner`, whose copy this is, from now on: the same weights, and the same moments
        of their gradients, in the same memory; state, traces and scales are its own."""
        cdef pylstm_network *n = &self.net
        self.take()
        try:
            if n.layout.parameter_size >= n.shape.large_from:
                raise ValueError(
                    f"{n.layout.parameter_size:,} weights cannot be shared, wanted fewer than "
                    f"{n.shape.large_from:,}"
                )
            self.table.write_back(n)
            self.parameters_ = learner._flat_parameters()
            n.buffers.parameters = learner.net.buffers.parameters
            self.moments_ = list(learner.moments_)
            n.optimizer.moments[0] = learner.net.optimizer.moments[0]
            n.optimizer.moments[1] = learner.net.optimizer.moments[1]
        finally:
            self.release()

    cdef int stand_where(self, Network learner) except -1:
        """Be in the state of `learner`, which `_follow` was given; nothing to learn from."""
        cdef pylstm_network *n = &self.net
        cdef pylstm_network *m = &learner.net
        cdef ptrdiff_t size = 8 if n.shape.precision == PYLSTM_FLOAT64 else 4
        self.take()
        try:
            learner.take()
            try:
                self.forget()
                memcpy(n.buffers.record,
                       <char *>m.buffers.record + m.progress.n_pending * m.buffers.record_stride * size,
                       n.layout.state_size * size)
                n.progress.n_steps = m.progress.n_steps
                n.progress.all_live = m.progress.all_live
                n.optimizer.n_updates = m.optimizer.n_updates
                if self.scales_inputs():
                    self.scaling.inputs.go_on_from(learner.scaling.inputs)
            finally:
                learner.release()
        finally:
            self.release()
        return 0

    cdef int freeze_where(self, Network learner) except -1:
        """Have the weights and the scale of targets of `learner`, whose copy this was, as they are now,
        and be in its state; nothing to learn from."""
        cdef pylstm_network *n = &self.net
        cdef ptrdiff_t size = 8 if n.shape.precision == PYLSTM_FLOAT64 else 4
        learner._flat_parameters()  # those of a large one are written
        self.take()
        try:
            self.gather_helpers(False)
            self.table.write_back(n)
            memcpy(n.buffers.parameters, learner.net.buffers.parameters,
                   n.layout.parameter_size * size)
            if self.scales_targets():
                self.scaling.targets.go_on_from(learner.scaling.targets)
        finally:
            self.release()
        return self.stand_where(learner)

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
                self.check_follows(learner)
                x = self.as_input(x, &given)
                y, aside = self.empty_outputs(), self.empty_outputs()
                y_data, aside_data = cnp.PyArray_DATA(y), cnp.PyArray_DATA(aside)
                if follow is not None:
                    follow = learner.as_input(follow, &behind)
                self.make_room(1)
                learner.make_room(1)
                learner.gather_helpers(False)
                self.lend_team(learner.net.team)
                if self.scaled:
                    self.scaling.expect(x, None)
                    learner.scaling.expect(follow, None)
                with nogil:
                    status = self.advance(given, y_data, NULL)
                    if status == PYLSTM_OK:
                        self.forget()
                        if follow is not None:
                            status = learner.advance(behind, aside_data, NULL)
                self.lend_team(NULL)
                if status != PYLSTM_OK:
                    raise self.diverged()
            finally:
                learner.release()
        finally:
            self.release()
        return y
