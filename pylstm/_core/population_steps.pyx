# cython: language_level=3, cdivision=True, binding=True
"""Single steps of a population: check, convert, call csrc/population/ once."""

import numpy as np

from pylstm._core.arrays import bad_target, fits, losses_of, not_finite, one_hot, spread_targets
from pylstm.checks import check_real
from pylstm.errors import brief, brief_text

from pylstm._core cimport numpy_api as cnp
from libc.float cimport DBL_EPSILON, DBL_MAX, FLT_MAX
from libc.string cimport memset

from pylstm._core.checks cimport has_infinite, real_numbers, row_not_finite, target_problem
from pylstm._core.headers cimport *
from pylstm._core.network_buffers cimport updates_in
from pylstm._core.population_buffers cimport PopulationBuffers

cnp.import_array()


cdef class PopulationSteps(PopulationBuffers):
    """Calls of a population, a step each."""

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

    cdef object as_array(self, object values, tuple shape, str what, bint scaled=False):
        """`values` as a C-contiguous array of the dtype, or of float64 where they are `scaled`, of
        `shape` or shared by all: shape[1:]. A None in the shape is any number."""
        cdef int k, start, n = len(shape), typenum = cnp.NPY_FLOAT64 if scaled else self.typenum
        if cnp.PyArray_Check(values):  # quick where there is nothing to do
            start = n - cnp.PyArray_NDIM(values)
            if (0 <= start <= 1 and cnp.PyArray_TYPE(values) == typenum
                    and cnp.PyArray_ISCARRAY_RO(values)):
                for k in range(start, n):
                    if shape[k] is not None and cnp.PyArray_DIM(values, k - start) != shape[k]:
                        break
                else:
                    return values
        dtype = np.dtype(np.float64) if scaled else self.dtype_
        array = real_numbers(values, dtype, what)
        wanted = shape if array.ndim == len(shape) else shape[1:]
        if array.ndim != len(wanted) or any(
                w is not None and w != s for w, s in zip(wanted, array.shape)):
            own, shared = (
                str(s).replace("None", "n_steps") for s in (shape, shape[1:])
            )
            raise ValueError(f"{what} has shape {brief(array.shape)}, wanted {own}, or {shared} shared by all")
        return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])

    cdef object are_numbers(self, object array, tuple shape, str what, str kind):
        """Whether an array has one number where a row is wanted, for each network or for all."""
        if not fits(array.shape, shape[:-1]):
            return False
        if not fits(array.shape, shape):
            return True
        if array.dtype.kind in "biu" and shape[-1] > 1:
            raise ValueError(
                f"{what} has whole numbers of shape {array.shape}, a {kind} for each network or rows "
                f"shared by all: wanted {str(shape).replace('None', 'n_steps')}, or floats"
            )
        return False

    cdef object inputs(self, object values, tuple shape):
        """Inputs, checked; tokens as the vectors they stand for."""
        if self.pop.input_scale == NULL:
            return self.finite(values, shape, "X")
        array = self.as_array(values, shape, "X", True)
        if has_infinite(array):
            row = np.flatnonzero(np.isinf(array).reshape(-1, shape[-1]).any(axis=1))[0]
            bad = array.reshape(-1, shape[-1])[row]
            raise ValueError(
                f"X contains {bad[np.isinf(bad)][0]}{place_of(array, row)}: wanted finite numbers, NaN "
                "where missing"
            )
        return array

    cdef object finite(self, object values, tuple shape, str what):
        """Numbers of the dtype; whole ones, one where a row is wanted, as tokens."""
        if not cnp.PyArray_Check(values) or cnp.PyArray_TYPE(values) != self.typenum:
            values = np.asarray(values)
            if values.dtype.kind in "iu" and self.are_numbers(values, shape, what, "token"):
                values = one_hot(values, shape[-1], what, "token")
        array = self.as_array(values, shape, what)
        cdef ptrdiff_t row = row_not_finite(self.net_table, array)
        if row >= 0:
            raise not_finite(array, row, what, place_of(array, row))
        return array

    cdef object as_targets(self, object values, tuple shape, bint *missing, used=None):
        """missing: whether there are rows of NaN. used: which rows count, when not all do."""
        cdef pylstm_population *p = &self.pop
        cdef ptrdiff_t row = 0
        cdef bint none, softmax = p.shape.output == PYLSTM_SOFTMAX, scaled = p.target_scale != NULL
        cdef double largest = DBL_MAX
        cdef int problem
        if scaled and self.typenum == cnp.NPY_FLOAT32:
            largest = FLT_MAX
        if (not cnp.PyArray_Check(values) or cnp.PyArray_NDIM(values) != len(shape)
                or cnp.PyArray_TYPE(values) != self.typenum):
            values = np.asarray(values)
            if (softmax or shape[-1] == 1) and self.are_numbers(values, shape, "targets", "class"):
                values = spread_targets(values, shape[-1], softmax, "targets")
        array = self.as_array(values, shape, "targets", scaled)
        missing[0] = scaled or row_not_finite(self.net_table, array) >= 0
        if not missing[0] and p.shape.loss == PYLSTM_SQUARED:
            return array
        while problem := target_problem(&p.shape, array, largest, &row, &none):
            if used is None or used(np.unravel_index(row, array.shape[:array.ndim - 1])):
                raise bad_target(problem, array, row, f"targets{place_of(array, row)}")
            row += 1
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

    # ------------------------------------------------------------ steps

    def step(self, X, targets=None, nets=None):
        """Advance one step and, given targets, learn from it at once.

        `LSTM.step` for every net.

        Parameters
        ----------
        X : array_like, shape (n_nets, n_inputs), or (n_inputs,) shared by all
            Inputs of this step; finite, with `scale_inputs` NaN where missing. Or tokens, whole numbers (n_nets,) or one shared by all, which
            cost as much as the vectors they stand for.
        targets : array_like, shape (n_nets, n_outputs), or (n_outputs,) shared by all, optional
            Wanted outputs; a row of NaN is no target for that net. Or one number each, (n_nets,), or
            one shared by all: of nets with one output; of a softmax the class that is wanted.
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
            X = self.inputs(X, (count, p.shape.n_inputs))
            Y = self.advance(place, count, 1, X, targets, 1, False, False)
            return Y.reshape(count, p.shape.n_outputs)
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
            X = self.inputs(X, (count, p.shape.n_inputs))
            Y = np.empty((count, p.shape.n_outputs), self.dtype_)
            start(&call, place)
            call.X = cnp.PyArray_DATA(X)
            call.x_stride = 0 if X.ndim == 1 else p.shape.n_inputs
            call.Y = cnp.PyArray_DATA(Y)
            with nogil:
                self.table.predict(&self.pop, &call)
        finally:
            self.release()
        return Y

    cdef object advance(self, place, ptrdiff_t count, ptrdiff_t n_steps, X, targets, ptrdiff_t every,
                        bint is_run, bint return_loss):
        cdef pylstm_population_call call
        cdef pylstm_population *p = &self.pop
        cdef bint missing = False
        start(&call, place)
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
            n_updates = updates_in(n_steps + self.counts_[1].max(), 1, every) if is_run else 1
            self.plan_rates(place, n_updates)
        Y = np.empty((count, n_steps, p.shape.n_outputs), self.dtype_)
        call.Y = cnp.PyArray_DATA(Y)
        self.gather_helpers(n_steps)
        with nogil:
            self.table.run(&self.pop, &call)
        return (Y, losses_of(Y, targets, self._config())) if return_loss else Y

    # ------------------------------------------------------------ learning

    def learn(self, targets, update=True, nets=None):
        """Learn from the step just made; return its losses.

        `LSTM.learn` for every net.

        Parameters
        ----------
        targets : array_like, shape (n_nets, n_outputs), or (n_outputs,) shared by all
            A row of NaN is no target for that net. Or one number each, see `step`.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only.
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
            start(&call, place)
            call.targets = cnp.PyArray_DATA(targets)
            call.t_stride = 0 if targets.ndim == 1 else p.shape.n_outputs
            call.losses = <double *>cnp.PyArray_DATA(losses)
            self.check_learnable(place)
            if update:
                self.plan_rates(place, 1)
            self.table.learn(&self.pop, &call)
            if update:
                self.table.update(&self.pop, &call)
        finally:
            self.release()
        return losses

    def learn_from(self, dy, update=True, nets=None, *, trace=None):
        """Learn from an outside error of the step just made, or remember what its outputs hung on.

        `LSTM.learn_from` for every net: dL/dy of a loss of your own. With `trace` nothing is learned
        yet: ``Z = trace * Z + sum_k dy_k dy_k/dw``, an eligibility trace of the outputs that
        `reinforce` turns into a change of the weights.

        Parameters
        ----------
        dy : array_like, shape (n_nets, n_outputs), or (n_outputs,) shared by all
            Derivative of the loss by the outputs of the last step; finite. With `trace`: the weight
            of each output in Z.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only.
        nets : indices or mask of shape (n_nets,), optional
            Only these learn.
        trace : float, 0 <= trace <= 1, optional
            What is kept of Z from before. The weights stay as they are, whatever `update` says.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments, or with `scale_targets`, as in `LSTM.learn_from`; nothing has
            changed then.
        RuntimeError
            When some net has no step to learn from, or with `trace` has accumulated gradients that are
            not yet applied; names them.

        Notes
        -----
        Z takes the memory of the weights from its first use on; `reset` clears it.

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
            if p.target_scale != NULL:
                raise ValueError(
                    "scale_targets is True, and an outside error brings no target to know the scale of "
                    "the outputs from: wanted learn, or networks without scale_targets"
                )
            place = self.placing(nets, &count)
            dy = self.finite(dy, (count, p.shape.n_outputs), "dy")
            start(&call, place)
            call.targets = cnp.PyArray_DATA(dy)
            call.t_stride = 0 if dy.ndim == 1 else p.shape.n_outputs
            self.check_learnable(place)
            if trace is not None:
                call.decay = check_real("trace", trace, 0.0, 1.0 + DBL_EPSILON, "a number from 0 to 1")
                self.check_nothing_collected(place)
                self._need_eligibility()
                self.table.trace_from(&self.pop, &call)
                return
            if update:
                self.plan_rates(place, 1)
            self.table.learn_from(&self.pop, &call)
            if update:
                self.table.update(&self.pop, &call)
        finally:
            self.release()

    cdef int check_nothing_collected(self, object places) except -1:
        cdef pylstm_population *p = &self.pop
        cdef const cnp.npy_intp *place = <const cnp.npy_intp *>cnp.PyArray_DATA(places)
        cdef const pylstm_group *at
        cdef ptrdiff_t k
        cdef list waiting = []
        for k in range(p.n_nets):
            at = p.groups + k // p.lanes
            if place[k] >= 0 and (at.has_error | at.collected) & ~at.diverged & 1 << (k % p.lanes):
                waiting.append(k)
        if waiting:
            raise RuntimeError(
                f"nets {brief(waiting)} have accumulated gradients that are not yet applied: wanted update() "
                "before an eligibility trace is used"
            )
        return 0

    def reinforce(self, errors, nets=None):
        """Change the weights by errors times the eligibility traces of the outputs.

        `LSTM.reinforce` for every net: ``w += learning_rate * error * Z`` with SGD.

        Parameters
        ----------
        errors : float or array_like, shape (n_nets,)
            Finite, one for all or one each; positive where the outputs should have been larger.
        nets : indices or mask of shape (n_nets,), optional
            Only these.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.
        RuntimeError
            Before the first `learn_from` with a trace, or when some net has accumulated gradients that are
            not yet applied; names them.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> before = pop.step([1.0])
        >>> pop.learn_from([1.0], trace=0.5)
        >>> pop.reinforce([1.0, 0.0, -1.0])
        >>> pop.reset()
        >>> (pop.step([1.0]) - before).ravel().round(1).tolist()
        [0.0, 0.0, -0.0]
        """
        cdef Py_ssize_t count
        cdef pylstm_population_call call
        self.take()
        try:
            place = self.placing(nets, &count)
            values = real_numbers(errors, np.dtype(np.float64), "errors")
            if values.shape not in ((), (count,)) or not np.isfinite(values).all():
                raise ValueError(
                    f"errors is {brief(errors)}, wanted one finite number, or one for each of {count} nets"
                )
            if self.eligibility_ is None:
                raise RuntimeError(
                    "there is no eligibility trace yet: wanted learn_from(dy, trace=...) first"
                )
            self.check_nothing_collected(place)
            self.plan_rates(place, 1)
            values = np.full(count, values, np.float64)
            start(&call, place)
            call.errors = <const double *>cnp.PyArray_DATA(values)
            self.table.reinforce(&self.pop, &call)
        finally:
            self.release()

    def update(self, nets=None):
        """Change the weights once by all gradients accumulated since the last update.

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
            start(&call, place)
            self.plan_rates(place, 1)
            self.table.update(&self.pop, &call)
        finally:
            self.release()

    def reset(self, nets=None):
        """Set state and traces to zero: new sequences begin.

        Accumulated gradients that are not yet applied stay. A net that has diverged takes part again if its
        weights are finite, without gradient and moments.

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
            start(&call, place)
            self.table.reset(&self.pop, &call)
        finally:
            self.release()


cdef void start(pylstm_population_call *call, place) noexcept:
    """A call without anything but which networks take part."""
    memset(call, 0, sizeof(pylstm_population_call))
    call.place = <const ptrdiff_t *>cnp.PyArray_DATA(place)


cdef str place_of(array, ptrdiff_t row):
    """Where row `row` of an array is, for a sentence."""
    if array.ndim == 1:
        return ""
    return f" at {', '.join(map(str, np.unravel_index(row, array.shape[:array.ndim - 1])))}"
