# cython: language_level=3, cdivision=True, binding=True
"""A series as a `Forecaster` knows it: learned value by value, its forecasts followed and mixed.

Symbols as there. Networks learn the change from where a forecast starts; again and again a forecast
is followed, a row a row, to see how far off it is at which lead.
"""

import numpy as np

from pylstm.estimators.leads import longest_lead

from pylstm._core cimport numpy_api as cnp
from libc.math cimport INFINITY, NAN
from libc.string cimport memcpy

from pylstm.estimators.ahead cimport Ahead, Walk
from pylstm.estimators.experts cimport Experts
from pylstm.estimators.leads cimport Leads
from pylstm.estimators.numbers cimport as_finite, finite_or_none, numbers
from pylstm.estimators.past cimport Misses, Past, Seen
from pylstm.estimators.rows cimport Columns, Learner
from pylstm.estimators.spread cimport Spread

cnp.import_array()

cdef enum:
    # Rows of the shortest forecast that is followed to see how far off it was; and after so many
    # forecasts, some 1,500 rows, three times as many rows pass before the next as it had.
    SHORTEST = 8
    UNRESTED = 48


cdef class Series:
    """What is known of a series, and of the errors of its forecasts.

    Parameters
    ----------
    seasons : sequence of int
    mixes : bool
        Whether forecasts are followed, to mix them with what is simple.
    """

    cdef public Past past
    cdef readonly Misses misses
    cdef readonly Seen seen
    cdef readonly Leads leads  # None: nothing is mixed
    cdef readonly Walk followed
    cdef public Py_ssize_t n_followed, n_resting
    cdef Ahead ahead
    cdef Py_ssize_t longest
    cdef object candidates_, said_, followed_, row_

    def __init__(self, seasons, mixes=True):
        self.past = Past(seasons)
        self.misses = Misses(self.past.n_candidates)
        self.seen = Seen()
        self.longest = longest_lead(seasons)
        self.leads = Leads(1 + self.past.n_candidates, self.longest) if mixes else None
        self.allocate()

    cdef allocate(self):
        self.candidates_ = np.empty(self.past.n_candidates)
        self.said_ = np.empty(2 + self.past.n_candidates)
        self.followed_ = np.empty_like(self.said_)
        self.row_ = np.empty(0)

    def forget(self):
        """The next value is the first of another sequence."""
        self.past.forget()
        self.followed = None

    @property
    def is_known(self):
        """Whether a value has come."""
        return bool(self.past.last == self.past.last)

    # ------------------------------------------------------------ learning

    def learn(self, Experts experts, row, value, weight):
        """Go on by a row, its features in `row`, whose value may be learned from, or only be known.

        Parameters
        ----------
        experts : Experts
        row : ndarray, shape (n_inputs,), float64
            The own inputs before the features are written here.
        value : float
            NaN where there is none.
        weight : float
            Of its gradient; with 0 the value is only known.

        Returns
        -------
        float
            What was forecast of it, NaN where nothing was known.
        """
        return self.learn_row(experts, numbers(row), value, weight, NAN, NULL)

    cdef double learn_row(self, Experts experts, double *row, double value, double weight,
                          double level, double *bounds) except? -1:
        """`learn`; `bounds`, unless NULL, become those of the interval around the forecast."""
        cdef Past past = self.past
        cdef double *candidates = numbers(self.candidates_)
        cdef double *said = numbers(self.said_)
        cdef bint learns = weight > 0
        cdef double taught = value if learns else NAN
        cdef double start, target, output, forecast, followed_to = NAN
        cdef Py_ssize_t j, lead
        start = self.start_after(past)
        target = as_finite(taught - start)
        experts.check_target(&target)  # before the forecast that is followed goes on
        lead = self.follow(experts, row, &followed_to)
        past.write_inputs(1, past.error, row)
        past.write_candidates(1, candidates)
        experts.step_row(row, &target, weight, &output)
        forecast = start + output
        self.misses.learn_from(candidates, past.n_candidates, taught)
        if self.leads is not None:
            said[0], said[1] = forecast, self.seen.mean
            for j in range(past.n_candidates):
                said[2 + j] = candidates[j]
            forecast = self.seen.within_bounds(forecast)
            if bounds != NULL:
                (<Spread>self.leads.spreads[0]).interval_around(forecast, level, bounds, bounds + 1)
            if learns:
                self.leads.learn_from(1, said, forecast, value)
                if lead:
                    self.leads.learn_from(lead, numbers(self.followed_), followed_to, value)
        self.seen.learn_value(taught)
        output = finite_or_none(value - start - output)
        if learns:
            past.learn_value(value, output)
        else:
            past.add_value(value, output)
        self.begin_to_follow(experts)
        return forecast

    cdef double start_after(self, Past past) noexcept:
        """Where the forecast of the next value starts."""
        cdef double *candidates = numbers(self.candidates_)
        past.write_candidates(1, candidates)
        return self.misses.start_of(candidates, past.n_candidates)

    def run(self, Experts experts, Columns columns, y, W, forecasts, level, intervals):
        """`learn` of many rows, then `forecast` of those behind them.

        Parameters
        ----------
        experts : Experts
        columns : Columns
            Their features; there may be more rows.
        y, W : ndarray, shape (n_values,), float64
            Values and weights of the first rows.
        forecasts : ndarray, shape (n_rows,), float64
            Becomes what was forecast of each, 0 where nothing was known.
        level : float
            Of the intervals.
        intervals : ndarray, shape (n_rows, 2), float64, or None
            Becomes their bounds.
        """
        cdef Py_ssize_t t, n = cnp.PyArray_SIZE(y)
        cdef double weight, forecast
        cdef double *bounds = NULL
        cdef bint is_known
        with columns:
            for t in range(n):
                columns.fill(t)
                weight = numbers(W)[t]
                is_known = self.past.last == self.past.last
                if intervals is not None:
                    bounds = numbers(intervals) + 2 * t
                    bounds[0], bounds[1] = -INFINITY, INFINITY
                forecast = self.learn_row(experts, columns.row, numbers(y)[t], weight, level,
                                          bounds)
                numbers(forecasts)[t] = forecast if is_known else 0
                columns.advance()
        if n == columns.n_rows:
            return
        forecasts[n:] = self.forecast(experts, columns.following(n)) if self.is_known else 0.0
        for t in range(n, columns.n_rows if intervals is not None else n):
            bounds = numbers(intervals) + 2 * t
            bounds[0], bounds[1] = -INFINITY, INFINITY
            if self.leads is not None:
                bounds[0], bounds[1] = self.leads.interval(1 + t - n, numbers(forecasts)[t], level)

    # ------------------------------------------------------------ forecasts that are followed

    cdef int begin_to_follow(self, Experts experts) except -1:
        """Where none is followed any more, the next forecast: 8, 16, 8, 32, ... rows long."""
        cdef Walk walk = self.followed
        cdef Py_ssize_t length, rest
        if self.leads is None or self.past.last != self.past.last:
            return 0
        if walk is not None:
            length = self.length()
            rest = 3 * length if self.n_followed > UNRESTED else 0
            if walk.lead < length or self.n_resting < rest:
                self.n_resting += walk.lead == length
                return 0
        if walk is None or not walk.ahead.is_of(experts):
            self.stand_by(experts)
            walk = self.followed
        walk.ahead.start()
        self.n_followed += 1
        self.n_resting = 0
        walk.begin(self.past, self.seen.mean)
        self.leads.write_shares(len(walk.shares), numbers(walk.shares))
        return 0

    def stand_by(self, Experts experts):
        """Have the memory of a forecast that is followed, one of no rows."""
        self.followed = Walk(Ahead(experts), self.past.copied(), self.seen.mean, self.leads.shares())

    def begin(self, Ahead ahead):
        """The forecast of the rows to come, made as they come: see `go_on_to`."""
        ahead.start()
        return Walk(ahead, self.past.copied(), self.seen.mean, self.leads.shares())

    def go_on_to(self, Walk walk, row):
        """A forecast that was begun goes on to the next row, its features in `row`; what it says."""
        return self.go_on(walk, numbers(row), numbers(self.said_))

    def memory(self):
        """Where all that is known of it is, beside networks: addresses and sizes in bytes."""
        return [(<size_t>&self.n_followed, 8), (<size_t>&self.n_resting, 8), *self.past.memory(),
                *self.misses.memory(), *self.seen.memory(), *self.leads.memory(),
                *self.followed.memory()]

    cdef Py_ssize_t length(self) noexcept:
        """Rows of the forecast that is followed."""
        cdef Py_ssize_t n = self.n_followed
        return min(SHORTEST * (n & -n), self.longest)

    cdef Py_ssize_t follow(self, Experts experts, const double *row, double *value) except -1:
        """The forecast that is followed goes on to a row, its features in `row`: its lead, 0 where
        none is; what was said of the row, and the value it comes to."""
        cdef Walk walk = self.followed
        if walk is None or walk.lead == self.length():
            return 0
        if not walk.ahead.is_of(experts):
            self.followed = None
            return 0
        value[0] = self.go_on(walk, row, numbers(self.followed_))
        return walk.lead

    cdef double go_on(self, Walk walk, const double *features, double *said) except? -1:
        """A forecast goes on by a row: what is said of it, and what that comes to."""
        cdef Py_ssize_t n_inputs = walk.ahead.n_inputs
        cdef double *row
        cdef double value
        if cnp.PyArray_SIZE(self.row_) != n_inputs:
            self.row_ = np.empty(n_inputs)
        row = numbers(self.row_)
        memcpy(row, features, n_inputs * sizeof(double))
        walk.say(row, self.start_after(walk.past), said)
        if self.leads is None:
            value = said[0]
        else:
            value = self.seen.within_bounds(
                self.leads.mix_of(numbers(walk.shares), walk.lead, said))
        walk.past.add_value(value, NAN)
        return value

    # ------------------------------------------------------------ forecasts

    def forecast(self, Experts experts, rows):
        """What is forecast of the next rows; nothing changes.

        Parameters
        ----------
        experts : Experts
        rows : ndarray, shape (n_rows, n_inputs), float64
            Their features.
        """
        cdef Py_ssize_t t, n_inputs = experts.n_inputs
        cdef Walk walk
        if self.ahead is None or not self.ahead.is_of(experts):
            self.ahead = Ahead(experts)
        self.ahead.start()
        shares = None if self.leads is None else self.leads.shares(len(rows))
        walk = Walk(self.ahead, self.past, self.seen.mean, shares)
        forecasts = np.empty(len(rows))
        for t in range(len(rows)):
            numbers(forecasts)[t] = self.go_on(walk, numbers(rows) + t * n_inputs, numbers(self.said_))
        return forecasts

    # ------------------------------------------------------------ state

    def copy(self, experts):
        """Another that goes on as this one would, with a copy of its experts."""
        cdef Series copy = Series.__new__(Series)
        copy.past, copy.misses, copy.seen = self.past.copied(), self.misses.copy(), self.seen.copy()
        copy.leads = None if self.leads is None else self.leads.copy()
        copy.followed = None if self.followed is None else self.followed.copy(experts)
        copy.n_followed, copy.n_resting = self.n_followed, self.n_resting
        copy.longest = self.longest
        copy.allocate()
        return copy

    def state(self):
        """Return what `restore` goes on from."""
        return {
            **self.past.state(),
            "misses": self.misses.state(),
            "seen": None if self.leads is None else self.seen.state(),
            "leads": None if self.leads is None else self.leads.state(),
            "n_followed": self.n_followed,
            "n_resting": self.n_resting,
            "followed": None if self.followed is None else self.followed.state(),
        }

    def restore(self, state, experts):
        """Go on from what `state` returned, with experts that have been restored."""
        self.past.restore(state)
        self.misses.restore(state["misses"])
        if state["leads"] is None:
            self.leads = None
        else:
            self.leads.restore(state["leads"])
            self.seen.restore(state["seen"])
        self.n_followed, self.n_resting = state["n_followed"], state["n_resting"]
        self.follow_again(state["followed"], experts)
        self.allocate()

    def follow_again(self, followed, experts):
        """Go on with the forecast that was followed."""
        self.followed = self.ahead = None
        if followed is not None:
            self.followed = Walk.restored(followed, experts, self.past.seasons)


cdef class Values(Learner):
    """The values of a `Forecaster` on their way through its networks.

    Parameters
    ----------
    experts : Experts
    series : Series
    """

    cdef Series series
    cdef const double *y
    cdef object row_

    def __init__(self, Experts experts, Series series):
        self.experts, self.series, self.width = experts, series, 1
        self.row_ = np.empty((1, experts.n_inputs))

    def memory(self):
        """Where all that rows change is, beside networks: addresses and sizes in bytes."""
        return self.series.memory()

    def networks_ahead(self):
        """Networks that go on from other states than those that learn."""
        return self.series.followed.ahead.nets

    cdef int learn_row(self, double *row, Py_ssize_t t) except -1 nogil:
        with gil:
            return self.learn(row, t)

    cdef int learn(self, double *row, Py_ssize_t t) except -1:
        cdef bint is_known = self.series.past.last == self.series.past.last
        cdef double forecast = self.series.learn_row(
            self.experts, row, self.y[t], self.W[t], NAN, NULL)
        self.said[t] = forecast if is_known else 0
        return 0

    cdef int predict_row(self, double *row, double *said) except -1 nogil:
        with gil:
            return self.predict(row, said)

    cdef int predict(self, double *row, double *said) except -1:
        said[0] = 0
        if self.series.is_known:
            memcpy(numbers(self.row_), row, 8 * self.experts.n_inputs)
            said[0] = self.series.forecast(self.experts, self.row_)[0]
        return 0

    def take(self, y, W, said):
        """What many rows are learned from, and where goes what is said of them.

        Parameters
        ----------
        y : ndarray, shape (n_rows, 1), float64
        W : ndarray, shape (n_rows,), float64
        said : ndarray, shape (n_rows, 1), float64
        """
        self.y, self.W, self.said = numbers(y), numbers(W), numbers(said)
        return self
