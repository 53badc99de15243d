# cython: language_level=3, cdivision=True, binding=True
"""Single steps of a network: a step, what it would return, and learning from it."""

import numpy as np

from pylstm._core.arrays import bad_target, joined_heads, not_finite, spread_targets
from pylstm._core.shape import GRADIENTS
from pylstm.checks import check_real
from pylstm.errors import brief

from pylstm._core cimport numpy_api as cnp
from libc.float cimport DBL_EPSILON, DBL_MAX
from libc.math cimport INFINITY, NAN

from pylstm._core.checks cimport (
    are_rows,
    is_token,
    row_not_finite,
    rows_of_type,
    takes_any_number,
    target_problem,
)
from pylstm._core.headers cimport *
from pylstm._core.network_progress cimport NetworkProgress

cdef extern from "Python.h":
    Py_ssize_t PyNumber_AsSsize_t(object, void *) except? -1

cnp.import_array()


cdef class NetworkSteps(NetworkProgress):
    """Calls of one network, a step each."""

    # ------------------------------------------------------------ checking what comes in

    cdef object rows(self, object values, int ndim, Py_ssize_t width, str what):
        """`values` in the network's dtype."""
        return rows_of_type(values, self.typenum, ndim, width, what)

    cdef bint is_row(self, object values, Py_ssize_t width) noexcept:
        """Whether they are the numbers of one step as the engine reads them."""
        return are_rows(values, 1, width) and cnp.PyArray_TYPE(values) == self.typenum

    cdef int check_finite(self, object array, str what) except -1:
        cdef ptrdiff_t row = row_not_finite(self.table, array)
        if row >= 0:
            where = "" if cnp.PyArray_NDIM(array) == 1 else f" at row {row}"
            raise not_finite(array, row, what, where)
        return 0

    cdef int check_targets(self, object array, bint *missing) except -1:
        cdef ptrdiff_t row = 0
        cdef int problem
        if takes_any_number(&self.net.shape) and row_not_finite(self.table, array) < 0:
            missing[0] = False
            return 0
        problem = target_problem(&self.net.shape, array, DBL_MAX, &row, missing)
        if problem:
            which = "target" if cnp.PyArray_NDIM(array) == 1 else f"targets row {row}"
            raise bad_target(problem, array, row, which)
        return 0

    cdef object spread(self, object targets, int ndim, str what):
        """Targets as arrays, those that are one number each, or parts of several heads, as the rows
        they stand for."""
        if cnp.PyArray_Check(targets) and cnp.PyArray_NDIM(targets) == ndim:
            return targets
        if self.net.shape.n_heads > 0 and isinstance(targets, tuple):
            return joined_heads(
                targets, self.config_["heads"], () if ndim == 1 else ("n_steps",), what)
        array = np.asarray(targets)
        if cnp.PyArray_NDIM(array) != ndim - 1:
            return array
        return spread_targets(
            array, self.net.shape.n_outputs, self.net.shape.output == PYLSTM_SOFTMAX, what)

    cdef object as_input(self, object x, pylstm_input *given):
        """The inputs of one step, checked; what is returned keeps their memory."""
        given.x = NULL
        if self.scales_inputs():
            if is_token(x):
                raise ValueError(
                    f"x is the token {x}, but scale_inputs is True: wanted a vector of "
                    f"{self.lowest.shape.n_inputs} numbers"
                )
            x = self.scaling.checked_inputs(x, 1, "x")
            given.x = cnp.PyArray_DATA(x)
            return x
        if not self.is_row(x, self.lowest.shape.n_inputs):
            if is_token(x):
                given.token = PyNumber_AsSsize_t(x, NULL)  # the nearest there is
                if not 0 <= given.token < self.lowest.shape.n_inputs:
                    raise ValueError(
                        f"token is {brief(x)}, wanted 0 .. {self.lowest.shape.n_inputs - 1}")
                return x
            x = self.rows(x, 1, self.lowest.shape.n_inputs, "x")
        self.check_finite(x, "x")
        given.x = cnp.PyArray_DATA(x)
        return x

    cdef object as_target(self, object target, bint *missing):
        """The target of one step, checked."""
        if self.scales_targets():
            return self.scaling.checked_targets(self.spread(target, 1, "target"), 1, missing)
        if not self.is_row(target, self.net.shape.n_outputs):
            target = self.rows(
                self.spread(target, 1, "target"), 1, self.net.shape.n_outputs, "target")
        self.check_targets(target, missing)
        return target

    # ------------------------------------------------------------ steps

    cdef object empty_outputs(self):
        cdef cnp.npy_intp size = self.net.shape.n_outputs
        return cnp.PyArray_SimpleNew(1, &size, self.typenum)

    cdef int advance(self, pylstm_input x, void *y, const void *target) noexcept nogil:
        cdef int status
        if not self.scaled:
            return self.table.step(&self.net, x, target, y)
        status = self.scaling.step(self.table, x, y)
        if status == PYLSTM_OK and target != NULL:
            self.correct(target, NULL, True)
        return status

    def step(self, x, target=None):
        """Advance one step and, given a target, learn from it at once.

        Forward pass of HS97 appendix A.1 (with Gers 2000, 2002 where switched on), then the gradient, the
        truncated one by default, and one optimizer step. `y` is the prediction made before the weights changed.

        Parameters
        ----------
        x : array_like, shape (n_inputs,), or int
            Inputs of this step; finite. A whole number k from 0 to n_inputs - 1 is a token: it stands
            for the inputs that are 0 but for x[k] = 1. With `scale_inputs` a vector in which NaN
            stands for a missing value, which counts as the mean.
        target : array_like, shape (n_outputs,), or a number, optional
            Wanted outputs, in the domain of the loss. All NaN means no target. One number of a
            network with one output; of a softmax the class that is wanted, from 0 to n_outputs - 1.
            Of several heads a tuple with such a target of each, None or NaN for none.

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
        same bits as its vector (with `clip_norm` to rounding), but costs only its own weights in the
        forward pass, and in learning those of the live inputs: the tokens whose traces the forget gates have not yet brought to zero.
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
        self.take()
        try:
            return self.make_step(x, target)
        finally:
            self.release()

    cdef int check_single_steps(self, str what) except -1:
        """Whether there is a step without the sequence it is in."""
        if self.net.mate != NULL:
            raise ValueError(
                f"bidirectional is True, and {what} of a sequence without its end has no outputs: wanted "
                "run_sequences"
            )
        return 0

    cdef object make_step(self, x, target):
        """`step`; the network is taken."""
        cdef bint missing = True
        cdef int status
        cdef pylstm_input given
        cdef const void *target_data = NULL
        cdef void *y_data
        self.check_single_steps("a step")
        x = self.as_input(x, &given)
        if target is not None:
            target = self.as_target(target, &missing)
        y = self.empty_outputs()
        y_data = cnp.PyArray_DATA(y)
        if not missing:
            target_data = cnp.PyArray_DATA(target)
            self.plan_rates(1)
        self.make_room(1)
        if self.scaled:
            self.scaling.expect(x, target)
        if self.is_large():
            self.share_out(False)
            with nogil:
                status = self.advance(given, y_data, target_data)
        else:
            status = self.advance(given, y_data, target_data)
        if status != PYLSTM_OK:
            raise self.diverged()
        return y

    # The three that follow are of a network that scales its inputs, for `pylstm.estimators`: x is a row
    # of float64, finite or NaN, y becomes the outputs.

    cdef int step_row(self, const double *x, const double *target, double weight, double *y) except -1 nogil:
        """A step whose gradient is multiplied by `weight`; target may be NULL. Where the network scales
        targets, outputs whose target is NaN have no error. 1 where the weights have diverged."""
        cdef pylstm_input given
        cdef bint missing = True
        cdef const void *wanted = NULL
        cdef int status
        self.take()
        try:
            if target != NULL:
                wanted = self.scaling.wanted(target, &missing)
            if missing:
                wanted = NULL
            else:
                self.plan_rates(1)
            self.make_room(1)
            self.gather_helpers(False)
            self.scaling.x_doubles, self.scaling.x_size = True, 8
            self.scaling.weight, self.scaling.partly = weight, self.scales_targets()
            given.x = x
            status = self.advance(given, self.scaling.row_y, wanted)
            if status == PYLSTM_OK:
                self.scaling.outputs(y)
        finally:
            self.scaling.weight, self.scaling.partly = 1, False
            self.release()
        return status != PYLSTM_OK

    cdef int predict_row(self, const double *x, double *y) except -1 nogil:
        """`predict`."""
        cdef pylstm_input given
        self.take()
        try:
            self.gather_helpers(False)
            self.scaling.x_doubles, self.scaling.x_size = True, 8
            given.x = x
            if self.scaling.predict(self.table, given, self.scaling.row_y) != PYLSTM_OK:
                with gil:
                    raise self.diverged()
            self.scaling.outputs(y)
        finally:
            self.release()
        return 0

    cdef int step_row_with(self, NetworkSteps learner, const double *x, double *y) except -1 nogil:
        """A step with the weights of `learner`, as `_step_with`."""
        cdef pylstm_input given
        cdef int status
        self.take()
        try:
            learner.take()
            try:
                self.check_follows(learner)
                self.make_room(1)
                learner.gather_helpers(False)
                self.lend_team(learner.net.team)
                self.scaling.x_doubles, self.scaling.x_size = True, 8
                given.x = x
                status = self.advance(given, self.scaling.row_y, NULL)
                self.lend_team(NULL)
                if status != PYLSTM_OK:
                    with gil:
                        raise self.diverged()
                self.forget()
                self.scaling.outputs(y)
            finally:
                learner.release()
        finally:
            self.release()
        return 0

    cdef int check_follows(self, NetworkSteps learner) except -1 nogil:
        """Whether it still reads the weights of `learner`."""
        if self.net.buffers.parameters != learner.net.buffers.parameters:
            with gil:
                raise RuntimeError("the network has grown by itself: wanted Delayed.grow")
        return 0

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
            self.check_single_steps("a step")
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
        if self.scaled:
            self.scaling.expect(None, given)
        if not self.is_large():
            return self.correct(target, dy, update)
        self.share_out(False)
        with nogil:
            loss = self.correct(target, dy, update)
        return loss

    def learn(self, target, update=True):
        """Learn from the step just made; return its loss.

        Half the sum of squares, or the cross-entropy, of the outputs of the last step; its gradient, the
        truncated one (HS97 appendix A.1, eqs 19-28) by default, is accumulated.

        Parameters
        ----------
        target : array_like, shape (n_outputs,), or a number
            Wanted outputs, in the domain of the loss. All NaN means no target. Or a number, class or
            tuple, see `step`.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only, see `update`.

        Returns
        -------
        float
            The loss of the step, in the units of the target; NaN without one. Of several heads the
            sum over those with a target, each times its weight.

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
        """Learn from dL/dy of a loss of your own, or add the step to the eligibility trace of the outputs.

        The same as `learn` with the derivative of any loss: reinforcement learning, a network on top.
        With `trace` nothing is learned yet: ``Z = trace * Z + sum_k dy_k dy_k/dw``, an eligibility trace
        of the outputs that `reinforce` turns into a change of the weights. With one output, ``dy=[1]``
        and ``trace = gamma * lambda`` that is TD(lambda) (Sutton 1988).

        Parameters
        ----------
        dy : array_like, shape (n_outputs,)
            Derivative of the loss by the outputs of the last step; finite. It goes back through the
            derivative of the output activation function. With `trace`: the weight of each output in Z.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only.
        trace : float, 0 <= trace <= 1, optional
            What is kept of Z from before. The weights stay as they are, whatever `update` says. Only
            of a network with the truncated gradient.

        Raises
        ------
        ValueError, TypeError
            For an unusable `dy` or `trace`, or with `scale_targets`: the scale of the outputs is that
            of targets, and an outside error brings none. Nothing has changed then.
        RuntimeError
            Without a step to learn from, as in `learn`; with `trace` while accumulated gradients are not yet
            applied.

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
            dy = self.rows(dy, 1, self.net.shape.n_outputs, "dy")
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
        if self.net.shape.bidirectional:
            raise ValueError(
                f"bidirectional is True, which does not know {what}: wanted a network of one direction"
            )
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
                "accumulated gradients are not yet applied: wanted update() before an eligibility "
                "trace is used"
            )
        return 0

    def reinforce(self, error):
        """Change the weights by an error times the eligibility trace of the outputs.

        ``w += learning_rate * error * Z`` with SGD; other optimizers take -error Z as their gradient. With
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
            Before the first `learn_from` with a trace, or while accumulated gradients are not yet applied.
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
        """Change the weights once by all gradients accumulated since the last update.

        Does nothing when nothing has been accumulated.

        Raises
        ------
        FloatingPointError
            When a weight is no longer finite; names the step.

        Notes
        -----
        k accumulated steps cost two matrix products of rank k, O(1) per weight and step.

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

    def reset(self):
        """Set state and traces to zero: a new sequence begins.

        Accumulated gradients that are not yet applied stay, so that several sequences can share one update.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> first = net.step([1.0])
        >>> net.reset()
        >>> bool(net.step([1.0]) == first)
        True
        """
        self.forget_sequence()

    cdef int forget_sequence(self) except -1 nogil:
        self.take()
        self.gather_helpers(False)
        self.table.reset(&self.net)
        self.release()
        return 0
