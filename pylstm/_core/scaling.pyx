# cython: language_level=3, cdivision=True, binding=True
"""Running standardisation: the scales of csrc/network/scale.c, and their place in a network."""

import numpy as np

from pylstm._core.arrays import aligned_zeros, bad_target
from pylstm._core.shape import heads_of
from pylstm.checks import check_real, check_size
from pylstm.errors import brief

from pylstm._core cimport numpy_api as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport NAN, fabs
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from pylstm._core.checks cimport as_floats, has_infinite, is_double, number_at, target_problem
from pylstm._core.engine cimport give_back_row, standardise_row, update_scale
from pylstm._core.headers cimport *

cnp.import_array()

cdef enum:
    SCALED_STEPS = 64  # steps of a run standardised at once
    N_STATISTICS = PYLSTM_STATISTICS

# Where they are among the rows of statistics.
ROWS = {"count": 0, "mean": 1, "variance": 2, "n_first": 3, "first": slice(4, 4 + PYLSTM_FIRST),
        "weight": slice(4 + PYLSTM_FIRST, N_STATISTICS)}


cdef class RunningScale:
    """Mean and deviation of each column of a stream, from the rows seen so far only.

    With n the values seen of a column, m their mean, v their variance, all per column,

        rate = 1 / min(n, memory)
        d    = clip(x - m, -limit sqrt(v), limit sqrt(v))
        m   += rate d
        v    = (1 - rate) (v + rate d^2)

    Welford's recursion (1962) up to `memory` rows, exponentially forgetting from there on. An
    outlier counts as `limit` standard deviations at most. As long as a column has not changed its value eight
    times, all is made anew of the values it has had, each with the rows it has stood for, brought to
    within ``limit * 1.4826 s`` of their median, s being the lower median of their distances from it
    that are not 0: an outlier among the first, or the first after a constant stretch, does not set
    the scale. A lasting shift is followed within a few per cent of the rows remembered, because every further
    value widens the scale again.

    Parameters
    ----------
    n_columns : int
        Number of columns, at least 1.
    memory : int, default 3000
        Rows over which old values are forgotten; the first so many rows count alike.
    limit : float, default 5
        Standardised values are clipped to [-limit, limit], and so is the weight of one outlier.
    centre : bool, default True
        False keeps the mean at 0, so that a value of 0 stays 0 (the deviation is then a root mean
        square).

    Raises
    ------
    ValueError
        For a size or value that makes no sense.

    Notes
    -----
    Statistics are float64. A column that has not varied yet has deviation 0 and is standardised to 0.
    A row costs a square root and a division a column.

    Examples
    --------
    >>> import numpy as np, pylstm
    >>> scale = pylstm.RunningScale(2)
    >>> for row in ([1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]):
    ...     scale.update(row)
    >>> scale.mean, scale.deviation
    (array([2., 5.]), array([1., 0.]))
    >>> scale.standardise([2.5, 5.0])
    array([0.5, 0. ])
    """

    def __init__(self, n_columns, memory=3000, limit=5.0, centre=True):
        n_columns = check_size("n_columns", n_columns)
        memory = check_size("memory", memory)
        limit = check_real("limit", limit, 5e-324, DBL_MAX, "a positive number")
        if not isinstance(centre, (bool, np.bool_)):
            raise ValueError(f"centre is {brief(centre)}, wanted True or False")
        self.scale.n_columns = n_columns
        self.scale.memory = memory
        self.scale.limit = limit
        self.scale.centre = centre
        self.allocate()

    cdef allocate(self):
        """Memory for what is learned of the columns, a row a number."""
        cdef ptrdiff_t n = self.scale.n_columns
        rows = aligned_zeros(2 * N_STATISTICS * n, np.float64).reshape(2, N_STATISTICS, n)
        self.statistics_ = rows[0]
        self.scale.count = <double *>cnp.PyArray_DATA(rows)
        self.scale.mean = self.scale.count + n
        self.scale.variance = self.scale.mean + n
        self.scale.n_first = self.scale.variance + n
        self.scale.first = self.scale.n_first + n
        self.scale.weight = self.scale.first + PYLSTM_FIRST * n
        self.saved = self.scale.count + N_STATISTICS * n

    cdef RunningScale copy(self):
        """An independent one that goes on as this one would."""
        cdef RunningScale copy = RunningScale.__new__(RunningScale)
        copy.scale = self.scale
        copy.allocate()
        copy.go_on_from(self)
        return copy

    cdef void go_on_from(self, RunningScale other) noexcept:
        """Take over what another of as many columns knows of them."""
        memcpy(self.scale.count, other.scale.count, N_STATISTICS * self.scale.n_columns * sizeof(double))

    cdef object row(self, values):
        """`values` as a row of float64 or float32."""
        if self.statistics_ is None:
            raise RuntimeError(
                "this RunningScale was never initialised: call RunningScale.__init__ first"
            )
        array = as_floats(np.asarray(values), 1, self.scale.n_columns, "values")
        if has_infinite(array):
            raise ValueError(f"values contains {np.asarray(array)[np.isinf(array)][0]}: wanted finite "
                             "numbers, NaN where missing")
        return array

    def update(self, values):
        """Take in one row.

        Parameters
        ----------
        values : array_like, shape (n_columns,)
            Finite; NaN leaves its column as it is.

        Raises
        ------
        ValueError, TypeError
            For unusable `values`; nothing has changed then.
        """
        values = self.row(values)
        update_scale(&self.scale, cnp.PyArray_DATA(values), is_double(values))

    def standardise(self, values):
        """Return ``(values - mean) / deviation`` within the limit.

        Parameters
        ----------
        values : array_like, shape (n_columns,)
            Finite; NaN stays NaN.

        Returns
        -------
        ndarray, shape (n_columns,), float64

        Raises
        ------
        ValueError, TypeError
            For unusable `values`.
        """
        values = self.row(values)
        z = np.empty(self.scale.n_columns)
        standardise_row(&self.scale, cnp.PyArray_DATA(values), is_double(values), NAN,
                        cnp.PyArray_DATA(z), True)
        return z

    cdef void keep(self) noexcept nogil:
        """Remember the statistics, for bring_back."""
        memcpy(self.saved, self.scale.count, N_STATISTICS * self.scale.n_columns * sizeof(double))

    cdef void bring_back(self) noexcept nogil:
        memcpy(self.scale.count, self.saved, N_STATISTICS * self.scale.n_columns * sizeof(double))

    @property
    def n_columns(self):
        """Number of columns."""
        return self.scale.n_columns

    @property
    def memory(self):
        """Rows over which old values are forgotten."""
        return int(self.scale.memory)

    @property
    def limit(self):
        """Where standardised values are clipped."""
        return self.scale.limit

    @property
    def centre(self):
        """Whether the mean is subtracted."""
        return bool(self.scale.centre)

    @property
    def count(self):
        """Values seen of each column, (n_columns,); a copy."""
        return self.statistics_[0].copy()

    @property
    def mean(self):
        """Mean of each column, (n_columns,); a copy."""
        return self.statistics_[1].copy()

    @property
    def deviation(self):
        """Standard deviation of each column, (n_columns,), 0 where it has not varied."""
        return np.sqrt(self.statistics_[2])

    def state(self):
        """Return what has been learned about the columns, copies: count, mean, variance; and of their
        first values how many there are, n_first, the values, first, and their rows, weight."""
        statistics = self.statistics_.copy()
        return {name: statistics[at] for name, at in ROWS.items()}

    def restore(self, state):
        """Go on from what `state` returned, also without the first values, as before they were kept.

        Raises
        ------
        ValueError
            For statistics of other columns, or that cannot be; nothing has changed then.
        """
        statistics = np.zeros_like(self.statistics_)
        for name in ROWS.keys() & state.keys():
            values = np.asarray(state[name], float)
            if values.shape != statistics[ROWS[name]].shape:
                raise ValueError(
                    f"saved statistics have {name} of shape {values.shape}, wanted "
                    f"{statistics[ROWS[name]].shape}"
                )
            statistics[ROWS[name]] = values
        if "n_first" not in state:
            statistics[ROWS["n_first"]] = PYLSTM_FIRST
        n_first = statistics[ROWS["n_first"]]
        if not (np.isfinite(statistics).all() and (statistics[[0, 2, 3]] >= 0).all()
                and (statistics[ROWS["weight"]] >= 0).all()
                and (n_first <= PYLSTM_FIRST).all() and (n_first % 1 == 0).all()):
            raise ValueError(
                "saved statistics are not of a stream: wanted finite numbers, counts, weights and "
                f"variances of at least 0, and at most {PYLSTM_FIRST} first values"
            )
        self.statistics_[:] = statistics

    def __getstate__(self):
        return {"memory": self.memory, "limit": self.limit, "centre": self.centre, **self.state()}

    def __setstate__(self, state):
        names = {"memory", "limit", "centre", "count", "mean", "variance"}
        if (not isinstance(state, dict) or not names <= state.keys() <= names | ROWS.keys()
                or np.ndim(state["count"]) != 1):
            raise ValueError(f"the saved RunningScale is {brief(state)}, wanted {', '.join(sorted(names))}")
        self.__init__(len(state["count"]), state["memory"], state["limit"], state["centre"])
        self.restore(state)

    def __reduce__(self):
        return type(self).__new__, (type(self),), self.__getstate__()

    def __repr__(self):
        return f"<RunningScale of {self.n_columns} columns>"


# ---------------------------------------------------------------- inside a network

cdef class Scaling:
    """What converts between the values a user gives and the standardised ones of a network; calls happen under its lock."""

    def __cinit__(self):
        self.weight, self.partly = 1, False

    cdef set_up(self, dict config, pylstm_network *net):
        self.net, self.n_inputs = net, config["n_inputs"]
        self.scales_x, self.scales_t = config["scale_inputs"], config["scale_targets"]
        if self.scales_x:
            self.inputs = RunningScale(self.n_inputs, config["scale_memory"])
        if self.scales_t:
            self.targets = RunningScale(net.shape.n_outputs, config["scale_memory"])
            if net.shape.n_heads > 0:
                self.plain_ = np.repeat(
                    [head["output"] != "identity" for head in heads_of(config)],
                    [head["n_outputs"] for head in heads_of(config)]).astype(np.uint8)
        self.net_doubles = self.x_doubles = self.t_doubles = net.shape.precision == PYLSTM_FLOAT64
        self.size = self.x_size = self.t_size = 8 if self.net_doubles else 4
        self.allocate()

    cdef allocate(self):
        """Memory for the standardised steps of a run."""
        cdef ptrdiff_t n_z = pylstm_product(SCALED_STEPS, self.n_inputs)
        cdef ptrdiff_t n_t = pylstm_product(SCALED_STEPS, self.net.shape.n_outputs)
        cdef ptrdiff_t n_row = pylstm_product(4, self.net.shape.n_outputs)
        self.memory_ = aligned_zeros(
            pylstm_sum(n_row, pylstm_sum(n_z, pylstm_product(4, n_t))), np.float64)
        self.before = <double *>cnp.PyArray_DATA(self.memory_)
        self.z = <char *>(self.before + 3 * n_t)
        self.t = <char *>(self.before + 3 * n_t + n_z)
        self.row_y = <char *>(self.before + 4 * n_t + n_z)
        self.row_t = <char *>(self.before + 4 * n_t + n_z + self.net.shape.n_outputs)
        self.losses = self.before + 4 * n_t + n_z + 2 * self.net.shape.n_outputs
        self.row = <char *>(self.losses + self.net.shape.n_outputs)
        self.plain = NULL
        if self.plain_ is not None:
            self.plain = <const unsigned char *>cnp.PyArray_DATA(self.plain_)

    cdef Scaling copy_for(self, pylstm_network *net):
        """The same of a copy of the network."""
        cdef Scaling copy = Scaling.__new__(Scaling)
        copy.net, copy.n_inputs = net, self.n_inputs
        copy.scales_x, copy.scales_t = self.scales_x, self.scales_t
        copy.net_doubles, copy.size = self.net_doubles, self.size
        copy.x_doubles, copy.t_doubles = self.x_doubles, self.t_doubles
        copy.x_size, copy.t_size = self.x_size, self.t_size
        copy.inputs = self.inputs.copy() if self.scales_x else None
        copy.targets = self.targets.copy() if self.scales_t else None
        copy.plain_ = self.plain_
        copy.allocate()
        return copy

    # ------------------------------------------------------------ checking what comes in

    cdef object checked_inputs(self, object values, int ndim, str what):
        """Inputs in the user's units: NaN is allowed, infinity is not."""
        array = as_floats(values, ndim, self.n_inputs, what)
        if has_infinite(array):
            row = np.argwhere(np.isinf(array))[0]
            where = "" if ndim == 1 else f" at row {row[0]}"
            raise ValueError(
                f"{what} contains {array[tuple(row)]}{where}: wanted finite numbers, NaN where missing"
            )
        return array

    cdef object checked_targets(self, object values, int ndim, bint *missing):
        """Targets in the user's units; a row is all numbers or all NaN."""
        cdef ptrdiff_t row = 0
        cdef double largest = DBL_MAX if self.net_doubles else FLT_MAX
        cdef int problem
        array = as_floats(values, ndim, self.net.shape.n_outputs, "target" if ndim == 1 else "targets")
        problem = target_problem(&self.net.shape, array, largest, &row, missing)
        if problem:
            raise bad_target(problem, array, row, "target" if ndim == 1 else f"targets row {row}")
        return array

    cdef void expect(self, object x, object target) noexcept:
        """The precision of what the call was given, once it holds the network."""
        if x is not None and self.scales_x:
            self.x_doubles = is_double(x)
            self.x_size = 8 if self.x_doubles else 4
        if target is not None and self.scales_t:
            self.t_doubles = is_double(target)
            self.t_size = 8 if self.t_doubles else 4

    # ------------------------------------------------------------ rows of float64

    cdef const void *wanted(self, const double *target, bint *missing) except NULL nogil:
        """The target of a step as `learn` takes it; numbers, of which each may be NaN."""
        cdef ptrdiff_t k, n_outputs = self.net.shape.n_outputs
        cdef double largest = DBL_MAX if self.net_doubles else FLT_MAX
        missing[0] = True
        for k in range(n_outputs):
            if fabs(target[k]) > largest:
                with gil:
                    raise bad_target(
                        2, np.array([target[j] for j in range(n_outputs)]), 0, "target")
            missing[0] = missing[0] and target[k] != target[k]
        if self.scales_t:
            self.t_doubles, self.t_size = True, 8
            return target
        if self.net_doubles:
            return target
        for k in range(n_outputs):
            (<float *>self.row_t)[k] = <float>target[k]
        return self.row_t

    cdef void outputs(self, double *y) noexcept nogil:
        """The outputs that are in row_y, as float64."""
        cdef ptrdiff_t k
        for k in range(self.net.shape.n_outputs):
            y[k] = number_at(self.row_y, self.net_doubles, k)

    # ------------------------------------------------------------ rows in and out

    cdef void input(self, const void *x, char *z) noexcept nogil:
        """The statistics take x in, then bring it to z; missing values become the mean, 0."""
        if self.leader is not None:
            self.follow(z)
            return
        update_scale(&self.inputs.scale, x, self.x_doubles)
        standardise_row(&self.inputs.scale, x, self.x_doubles, 0, z, self.net_doubles)

    cdef void follow(self, char *z) noexcept nogil:
        """z becomes what the leader has made of the row, and 0 where this one sees nothing."""
        cdef ptrdiff_t j
        for j in range(self.n_inputs):
            if self.net_doubles:
                (<double *>z)[j] = (<double *>self.leader.z)[j] if self.seen[j] else 0
            else:
                (<float *>z)[j] = (<float *>self.leader.z)[j] if self.seen[j] else 0

    cdef void target(self, const void *target, char *t) noexcept nogil:
        if self.plain != NULL:
            self.target_of_heads(target, t)
            return
        update_scale(&self.targets.scale, target, self.t_doubles)
        standardise_row(&self.targets.scale, target, self.t_doubles, NAN, t, self.net_doubles)

    cdef void target_of_heads(self, const void *target, char *t) noexcept nogil:
        """The same where some outputs are not scaled."""
        cdef double *row = <double *>self.row
        cdef double value
        cdef ptrdiff_t k
        for k in range(self.net.shape.n_outputs):
            row[k] = NAN if self.plain[k] else number_at(target, self.t_doubles, k)
        update_scale(&self.targets.scale, row, True)
        standardise_row(&self.targets.scale, row, True, NAN, t, self.net_doubles)
        for k in range(self.net.shape.n_outputs):
            if self.plain[k]:
                value = number_at(target, self.t_doubles, k)
                if self.net_doubles:
                    (<double *>t)[k] = value
                else:
                    (<float *>t)[k] = <float>value

    cdef void in_units(self, const pylstm_scale *scale, const void *z, void *x) noexcept nogil:
        """x becomes z in the user's units; the two may be the same."""
        cdef ptrdiff_t k
        if self.plain == NULL:
            give_back_row(scale, z, x, self.net_doubles)
            return
        memcpy(self.row, z, self.net.shape.n_outputs * self.size)
        give_back_row(scale, self.row, x, self.net_doubles)
        for k in range(self.net.shape.n_outputs):
            if self.plain[k]:
                memcpy(<char *>x + k * self.size, self.row + k * self.size, self.size)

    cdef void output(self, void *y) noexcept nogil:
        """An output back into the user's units, in place."""
        if self.scales_t:
            self.in_units(&self.targets.scale, y, y)

    # ------------------------------------------------------------ calls

    cdef int step(self, const pylstm_table *table, pylstm_input x, void *y) noexcept nogil:
        cdef int status
        if self.scales_x:
            self.input(x.x, self.z)
            x.x = self.z
        status = table.step(self.net, x, NULL, y)
        self.output(y)
        return status

    cdef int predict(self, const pylstm_table *table, pylstm_input x, void *y) noexcept nogil:
        cdef int status
        if self.scales_x:
            self.inputs.keep()
            self.input(x.x, self.z)
            self.inputs.bring_back()
            x.x = self.z
        status = table.predict(self.net, x, y)
        self.output(y)
        return status

    cdef double learn(self, const pylstm_table *table, const void *target) noexcept nogil:
        """The loss in the user's units, of the output as the statistics before give it back."""
        cdef const pylstm_head *head
        cdef ptrdiff_t k
        cdef double loss = 0, own
        cdef char *given_back = self.t + self.net.shape.n_outputs * self.size
        cdef char *y = <char *>self.net.buffers.record + (
            self.net.progress.n_pending * self.net.buffers.record_stride + self.net.layout.at_y) * self.size
        if not self.scales_t:
            if self.weight == 1:
                return table.learn(self.net, target)
            memcpy(self.t, target, self.net.shape.n_outputs * self.size)
            self.draw_to_output(y)
            return table.learn(self.net, self.t)
        self.in_units(&self.targets.scale, y, given_back)
        self.target(target, self.t)
        if self.net.shape.n_heads == 0:
            loss = self.squares(given_back, target, 0, self.net.shape.n_outputs)
        else:
            table.head_losses(self.net, self.t, self.losses)
            for k in range(self.net.shape.n_heads):
                head, own = self.net.shape.heads + k, self.losses[k]
                if head.output == PYLSTM_IDENTITY:
                    own = self.squares(given_back, target, head.from_, head.from_ + head.n_outputs)
                if self.losses[k] == self.losses[k]:
                    loss += head.weight * own
        if self.partly or self.weight != 1:
            self.draw_to_output(y)
        table.learn(self.net, self.t)
        return loss

    cdef double squares(self, const char *y, const void *target, ptrdiff_t first,
                        ptrdiff_t last) noexcept nogil:
        """Half the sum of squares of outputs [first, last) from those targets that are there."""
        cdef ptrdiff_t k
        cdef double error, loss = 0
        for k in range(first, last):
            error = number_at(y, self.net_doubles, k) - number_at(target, self.t_doubles, k)
            if error == error:
                loss += 0.5 * error * error
        return loss

    cdef void draw_to_output(self, const char *y) noexcept nogil:
        """t = y + weight (t - y), and y where t is NaN: the error, which every loss has as t - y, is
        weight times what it was, and none where there is no target."""
        cdef ptrdiff_t k
        cdef double t, output
        for k in range(self.net.shape.n_outputs):
            output, t = number_at(y, self.net_doubles, k), number_at(self.t, self.net_doubles, k)
            if t != t:
                t = output
            elif self.weight != 1:
                t = output + self.weight * (t - output)
            if self.net_doubles:
                (<double *>self.t)[k] = t
            else:
                (<float *>self.t)[k] = <float>t

    cdef int run(self, const pylstm_table *table, ptrdiff_t n_steps, const void *X,
                 const int32_t *tokens, const void *targets, void *Y, ptrdiff_t every,
                 ptrdiff_t *done) noexcept nogil:
        """The run of the table in the user's units, some steps at a time."""
        cdef ptrdiff_t at = 0, part, s
        cdef ptrdiff_t n_x = self.n_inputs, n_t = self.net.shape.n_outputs
        cdef const char *x = <const char *>X
        cdef const char *target = <const char *>targets
        cdef const void *inputs
        cdef const void *wanted
        cdef char *y = <char *>Y
        cdef int status
        cdef bint is_last
        while True:
            part = min(n_steps - at, SCALED_STEPS)
            is_last = at + part == n_steps
            for s in range(part):
                if self.scales_x:
                    self.input(x + s * n_x * self.x_size, self.z + s * n_x * self.size)
                if self.scales_t:
                    memcpy(self.before + s * 3 * n_t, self.targets.scale.count, 3 * n_t * sizeof(double))
                    if target != NULL:
                        self.target(target + s * n_t * self.t_size, self.t + s * n_t * self.size)
            inputs, wanted = x, target
            if self.scales_x:
                inputs = self.z
            if self.scales_t and target != NULL:
                wanted = self.t
            status = table.run(
                self.net, part, inputs, tokens, wanted, y,
                every if is_last or every != PYLSTM_UPDATE_AT_END else PY_SSIZE_T_MAX, done)
            if self.scales_t:
                self.give_back(part, y)
            done[0] += at
            if status != PYLSTM_OK or is_last:
                return status
            at += part
            if tokens != NULL:
                tokens += part
            else:
                x += part * n_x * self.x_size
            if target != NULL:
                target += part * n_t * self.t_size
            y += part * n_t * self.size

    cdef void give_back(self, ptrdiff_t n_steps, char *y) noexcept nogil:
        """Outputs of some steps, each by the statistics before its target."""
        cdef ptrdiff_t s, n_t = self.net.shape.n_outputs
        cdef pylstm_scale scale = self.targets.scale
        for s in range(n_steps):
            scale.count = self.before + s * 3 * n_t
            scale.mean = scale.count + n_t
            scale.variance = scale.mean + n_t
            self.in_units(&scale, y + s * n_t * self.size, y + s * n_t * self.size)
