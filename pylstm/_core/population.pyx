# cython: language_level=3, cdivision=True, binding=True
"""A population: sequences of many networks in one call."""

import numpy as np

from pylstm._core.arrays import checked_lengths, checked_tokens, losses_of
from pylstm.errors import brief

from pylstm._core cimport numpy_api as cnp
from libc.stdint cimport int32_t

from pylstm._core.checks cimport update_interval
from pylstm._core.headers cimport *
from pylstm._core.network_buffers cimport updates_in
from pylstm._core.population_steps cimport PopulationSteps, start

cnp.import_array()


cdef class PopulationBase(PopulationSteps):
    """Buffers and calls of a population. Use `pylstm.Population`."""

    def run(self, X, targets=None, update="step", nets=None, *, return_loss=False):
        """Run over whole sequences in one call, learning where there are targets.

        Equals the loop of `step` bit for bit; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_nets, n_steps, n_inputs), or (n_steps, n_inputs) shared by all
            Or tokens, whole numbers (n_nets, n_steps) or (n_steps,), see `step`.
        targets : array_like, shape (n_nets, n_steps, n_outputs) or shared, optional
            A row of NaN is no target for that net at that step. Or one number each, (n_nets, n_steps)
            or (n_steps,), see `step`.
        update : "step", "sequence" or int, default "step"
            When the weights change, as in `LSTM.run`.
        nets : indices or mask of shape (n_nets,), optional
            Only these take part.
        return_loss : bool, default False
            Whether to return the losses as well.

        Returns
        -------
        ndarray, shape (n_nets, n_steps, n_outputs)
            NaN from the step on at which a net diverged, see `diverged`. With `return_loss` a pair,
            these and their losses, (n_nets, n_steps), as `LSTM.run`.

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
            X = self.inputs(X, (count, None, p.shape.n_inputs))
            return self.advance(
                place, count, X.shape[X.ndim - 2], X, targets, every, True, return_loss)
        finally:
            self.release()

    def run_sequences(self, X, targets=None, lengths=None, *, last=False, update="sequence", nets=None,
                      return_loss=False):
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
            or shared. Or one number each, without the last axis, see `step`. Without targets nothing
            is learned.
        lengths : array_like of int, shape (n_nets, n_sequences), or (n_sequences,) shared, optional
            Steps of each sequence, at least 1. They sum to at most n_steps for each net; what is
            behind is padding, which may be anything finite and any token. Without: X is one sequence.
        last : bool, default False
            Targets and outputs are those of the last step of each sequence only.
        update : "sequence", "step" or int, default "sequence"
            When the weights change: once at the end of each sequence; else as in `run`.
        nets : indices or mask of shape (n_nets,), optional
            Only these take part.
        return_loss : bool, default False
            Whether to return the losses as well.

        Returns
        -------
        ndarray, shape (n_nets, n_steps, n_outputs), or with `last` (n_nets, n_sequences, n_outputs)
            NaN in padding, and for a net that has diverged until it is reset with finite weights. With
            `return_loss` a pair, these and their losses, as `LSTM.run`.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.

        Notes
        -----
        O(1) per weight and step. The nets of a group (16 in float32, 8 in float64) wait at the end of
        a sequence for the longest. What a net computes does not depend on the others, bit for bit.

        With one update a sequence, or none, steps are recorded, up to 128 at once, and learned from in
        one backward pass (HS97 appendix A.1, the sums of its traces exchanged); every other update
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
            start(&call, place)
            tokens = self.as_tokens(X, count)
            if tokens is None:
                X = self.inputs(X, (count, None, p.shape.n_inputs))
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
                n_updates = updates_in(call.n_steps + self.counts_[1].max(), call.n_sequences, every)
                self.plan_rates(place, n_updates)
            Y = np.empty((count, n_rows, p.shape.n_outputs), self.dtype_)
            call.Y = cnp.PyArray_DATA(Y)
            self.need_record(tokens is not None)
            self.gather_helpers(call.n_steps)
            with nogil:
                self.table.run_sequences(p, &call)
        finally:
            self.release()
        return (Y, losses_of(Y, targets, self._config())) if return_loss else Y

    # ------------------------------------------------------------ a second state of the same weights

    def _follow(self, PopulationBase learner):
        """Use the weights of `learner`, whose copy this is, from now on, and its scale of targets."""
        self.take()
        try:
            self.traces_[...] = 0
            self.forget()
            self.parameters_, self.target_scale_ = learner.parameters_, learner.target_scale_
            self.pop.parameters, self.pop.target_scale = learner.pop.parameters, learner.pop.target_scale
        finally:
            self.release()

    cdef int check_follows(self, PopulationBase learner) except -1:
        """Whether it still reads the weights of `learner`."""
        if self.pop.parameters != learner.pop.parameters:
            raise RuntimeError("the population has grown by itself: wanted Delayed.grow")
        return 0

    cdef void forget(self):
        """Keep the states, and nothing to learn from."""
        self.groups_[:, :4] = 0
        self.counts_[1] = 0

    def _predict_with(self, PopulationBase learner, X):
        """`predict` with the weights of `learner`."""
        learner.take()
        try:
            self.check_follows(learner)
            return self.predict(X)
        finally:
            learner.release()

    def _step_with(self, PopulationBase learner, X, follow):
        """A step with the weights of `learner`, which `_follow` was given; nothing to learn from. And,
        with the inputs `follow` unless they are None, a step of `learner`."""
        cdef pylstm_population *p = &self.pop
        self.take()
        try:
            learner.take()
            try:
                self.check_follows(learner)
                X = self.inputs(X, (p.n_nets, p.shape.n_inputs))
                if follow is not None:
                    follow = learner.inputs(follow, (p.n_nets, p.shape.n_inputs))
                Y = self.advance(self.everyone_, p.n_nets, 1, X, None, 1, False, False)
                self.forget()
                if follow is not None:
                    learner.advance(learner.everyone_, p.n_nets, 1, follow, None, 1, False, False)
            finally:
                learner.release()
        finally:
            self.release()
        return Y.reshape(p.n_nets, p.shape.n_outputs)

    def _copy_of_inputs(self, X):
        """The inputs of a step, (n_nets, n_inputs), as they may be given to another."""
        self.take()
        try:
            X = self.inputs(X, (self.pop.n_nets, self.pop.shape.n_inputs))
            return np.array(np.broadcast_to(X, (self.pop.n_nets, self.pop.shape.n_inputs)))
        finally:
            self.release()

    # ------------------------------------------------------------ checking what comes in

    cdef object as_tokens(self, X, ptrdiff_t count):
        """int32 tokens (count, n_steps) or (n_steps,) from an array of whole numbers, checked; None for
        anything else."""
        array = np.asarray(X)
        if array.dtype.kind not in "iu" or not 1 <= array.ndim <= 2:
            return None
        if self.pop.input_scale != NULL:
            raise ValueError(
                "X has tokens, but scale_inputs is True: wanted vectors of "
                f"{self.pop.shape.n_inputs} numbers"
            )
        if array.ndim == 2 and array.shape[0] != count:
            raise ValueError(
                f"tokens has shape {brief(array.shape)}, wanted ({count}, n_steps), or (n_steps,) "
                "shared by all"
            )
        return checked_tokens(array, self.pop.shape.n_inputs)


cdef object row_in_sequences(lengths):
    """Whether the row of an array at some place, (net, step) or (step,), is in a sequence of some net."""
    ends = lengths.sum(axis=-1)
    longest = ends.max(initial=0)

    def used(where):
        net, step = where[:-1], where[-1]
        return step < (ends[net[0]] if ends.ndim and net else longest)

    return used
