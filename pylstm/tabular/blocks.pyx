# cython: language_level=3, cdivision=True, binding=True
"""Blocks of rows of numbers, taken in one row after another: the same bits however many come at once."""

import numpy as np

from pylstm._core cimport numpy_api as cnp
from libc.math cimport NAN, fabs, isfinite

cnp.import_array()

cdef enum:
    CAPACITY = 4096  # segments of a stream, whose neighbours are merged when there are more


cdef inline double *numbers(object array) noexcept:
    """Of an array that is known to be of them, one after another."""
    return <double *>cnp.PyArray_DATA(array)


cdef object as_numbers(object values):
    return np.ascontiguousarray(values, np.float64)


def hold(known, values, marks):
    """Return rows in which a number that is missing is the last known one of its column.

    Parameters
    ----------
    known : ndarray, shape (n_columns,), float64
        The last known ones before these rows, NaN where there is none; goes on.
    values : ndarray, shape (n_rows, n_columns), float64
        NaN where missing.
    marks : bool
        Whether as many columns follow, 1 where the number was missing and else 0.
    """
    cdef Py_ssize_t n_rows = values.shape[0], n_columns = values.shape[1], t, k
    values = as_numbers(values)
    found = np.empty((n_rows, 2 * n_columns if marks else n_columns))
    cdef const double *row = numbers(values)
    cdef double *held = numbers(found)
    cdef double *last = numbers(known)
    for t in range(n_rows):
        for k in range(n_columns):
            if row[k] == row[k]:
                last[k] = row[k]
            held[k] = last[k]
            if marks:
                held[n_columns + k] = row[k] != row[k]
        row += n_columns
        held += cnp.PyArray_DIM(found, 1)
    return found


cdef inline void add_row(double *sums, const double *values, Py_ssize_t n) noexcept:
    """Count a row and add it to the sums behind the count; one with a NaN counts for nothing."""
    cdef Py_ssize_t k
    for k in range(n):
        if values[k] != values[k]:
            return
    sums[0] += 1
    for k in range(n):
        sums[1 + k] += values[k]


def add_to(sums, values):
    """Add rows to sums.

    Parameters
    ----------
    sums : ndarray, shape (1 + n_columns,), float64
        How many rows were added, then the sum of every column; goes on.
    values : ndarray, shape (n_rows, n_columns), float64
        A row with a NaN counts for nothing.
    """
    values = as_numbers(values)
    cdef Py_ssize_t t, n = values.shape[1]
    for t in range(values.shape[0]):
        add_row(numbers(sums), numbers(values) + t * n, n)


def inside(truth, low, high):
    """Return of every row whether a number is in its interval, and the width of that: NaN of both
    where one of the three is missing or infinite; ndarray, shape (n_rows, 2)."""
    truth, low, high = as_numbers(truth), as_numbers(low), as_numbers(high)
    cdef Py_ssize_t t
    cdef double y, a, b
    found = np.empty((len(truth), 2))
    cdef double *row = numbers(found)
    for t in range(len(truth)):
        y, a, b = numbers(truth)[t], numbers(low)[t], numbers(high)[t]
        row[0] = row[1] = NAN
        if isfinite(y) and isfinite(a) and isfinite(b):
            row[0], row[1] = a <= y <= b, b - a
        row += 2
    return found


cdef class Segments:
    """Sums of columns of numbers along a stream, by segment of equal length.

    Parameters
    ----------
    n_columns : int

    Attributes
    ----------
    n_rows, rows_per_segment : int
    sums : ndarray, shape (n_segments, 1 + n_columns), float64
        Rows that count, then the sums of the columns over them.
    """

    cdef readonly Py_ssize_t n_rows, rows_per_segment
    cdef readonly object sums

    def __init__(self, n_columns):
        self.n_rows, self.rows_per_segment = 0, 1
        self.sums = np.zeros((CAPACITY, 1 + n_columns))

    def add_rows(self, values):
        """Take in rows, shape (n_rows, n_columns); one with a NaN counts for nothing."""
        cdef Py_ssize_t t, n = values.shape[1]
        values = as_numbers(values)
        for t in range(values.shape[0]):
            if self.n_rows == CAPACITY * self.rows_per_segment:
                self.merge_neighbours()
            add_row(numbers(self.sums) + self.n_rows // self.rows_per_segment * (1 + n),
                    numbers(values) + t * n, n)
            self.n_rows += 1

    cdef merge_neighbours(self):
        half = self.sums[0::2] + self.sums[1::2]
        self.sums[:] = 0
        self.sums[: len(half)] = half
        self.rows_per_segment *= 2

    def sum_after(self, after):
        """Return the sums over what comes after the first part of the stream."""
        start = int(np.ceil(round(after * self.n_rows / self.rows_per_segment, 9)))
        return self.sums[start:].sum(axis=0)

    def state(self):
        """Return the sums so far, as plain numbers and arrays."""
        used = -(-self.n_rows // self.rows_per_segment)
        return {
            "n_rows": self.n_rows,
            "rows_per_segment": self.rows_per_segment,
            "sums": self.sums[:used].copy(),
        }

    def restore(self, state):
        """Go on from what `state` returned."""
        n_rows, width, sums = state["n_rows"], state["rows_per_segment"], state["sums"]
        if width < 1 or not len(sums) == -(-n_rows // width) <= CAPACITY:
            raise ValueError("the numbers of rows in the saved scores do not fit together")
        self.n_rows, self.rows_per_segment = n_rows, width
        self.sums[:] = 0
        self.sums[: len(sums)] = sums


cdef class NumberForecasts:
    """Forecasts of numbers beside those of the baselines, until the rows come that they are for.

    Symbols as in `pylstm.tabular.baselines`.

    Parameters
    ----------
    horizon : int
        How many rows before its own a forecast is made.
    late : int
        How many rows before that row the last target is that is known then.
    ago : sequence of int
        How many rows before the predicted one a season is repeated from.

    Attributes
    ----------
    n_names : int
        Forecasters: the model, the last value, a season each.
    """

    cdef readonly Py_ssize_t n_names
    cdef Py_ssize_t horizon, late, n_kept, n_ago, at, at_held, at_waiting, width
    cdef double last
    # Rings: targets up to the present row, (1 + n_kept,); last known ones, (1 + late,); forecasts
    # not due with the ends of the model's interval, (horizon, n_names + 2).
    cdef object targets_, held_, waiting_, back_, made_

    def __init__(self, horizon, late, ago):
        self.horizon, self.late, self.n_ago = horizon, late, len(ago)
        self.back_ = np.array([a - horizon for a in ago], np.intp)
        self.n_kept = max([a - horizon + (horizon > 0) for a in ago] + [late])
        self.n_names, self.width = 2 + len(ago), 4 + len(ago)
        self.at = self.at_held = self.at_waiting = 0
        self.last = NAN
        self.targets_, self.held_ = np.full(1 + self.n_kept, NAN), np.full(1 + late, NAN)
        self.waiting_ = np.full((horizon, self.width), NAN)
        self.made_ = np.empty(self.width)

    def update(self, truth, values, low, high):
        """Take in targets, and the forecasts that the model has made at their rows.

        Parameters
        ----------
        truth : ndarray, shape (n_rows,), float64
            NaN where missing.
        values, low, high : array_like, shape (n_rows,)
            Forecasts with the ends of their intervals, NaN where there is none.

        Returns
        -------
        losses : ndarray, shape (n_rows, 2 n_names), float64
            |e| of every forecaster, then e^2, of what was due at each row; NaN where one is missing.
        drawn : ndarray, shape (n_rows, 4), float64
            The target, the model's forecast that was due, and the ends of its interval.
        """
        cdef Py_ssize_t t, k, n = self.n_names, n_rows = len(truth)
        cdef double error
        truth, values = as_numbers(truth), as_numbers(values)
        low, high = as_numbers(low), as_numbers(high)
        losses, drawn = np.empty((n_rows, 2 * n)), np.empty((n_rows, 4))
        cdef double *loss = numbers(losses)
        cdef double *draw = numbers(drawn)
        cdef double *made = numbers(self.made_)
        for t in range(n_rows):
            self.add_target(numbers(truth)[t])
            made[0] = numbers(values)[t]
            self.write_baselines(made + 1)
            made[n], made[n + 1] = numbers(low)[t], numbers(high)[t]
            self.exchange(made)
            for k in range(n):
                error = made[k] - numbers(truth)[t]
                loss[k], loss[n + k] = fabs(error), error * error
            draw[0], draw[1], draw[2], draw[3] = numbers(truth)[t], made[0], made[n], made[n + 1]
            loss += 2 * n
            draw += 4
        return losses, drawn

    cdef void add_target(self, double value) noexcept:
        cdef double *held = numbers(self.held_)
        cdef double before = held[self.at_held], oldest
        self.at = (self.at + 1) % (1 + self.n_kept)
        numbers(self.targets_)[self.at] = value
        self.at_held = (self.at_held + 1) % (1 + self.late)
        held[self.at_held] = value if value == value else before
        oldest = numbers(self.targets_)[(self.at + 1) % (1 + self.n_kept)]
        if oldest == oldest:
            self.last = oldest

    cdef void write_baselines(self, double *found) noexcept:
        cdef const Py_ssize_t *back = <const Py_ssize_t *>cnp.PyArray_DATA(self.back_)
        cdef Py_ssize_t k, place
        found[0] = numbers(self.held_)[(self.at_held + 1) % (1 + self.late)]
        for k in range(self.n_ago):
            place = self.at - back[k]
            found[1 + k] = numbers(self.targets_)[place + 1 + self.n_kept if place < 0 else place]

    cdef void exchange(self, double *made) noexcept:
        """Let forecasts wait for their row; become those that are due now."""
        cdef double *waiting = numbers(self.waiting_) + self.at_waiting * self.width
        cdef double other
        cdef Py_ssize_t k
        if not self.horizon:
            return
        for k in range(self.width):
            other = waiting[k]
            waiting[k], made[k] = made[k], other
        self.at_waiting = (self.at_waiting + 1) % self.horizon

    def state(self):
        """Return what `restore` goes on from."""
        return {
            "targets": np.roll(self.targets_, -1 - self.at)[1:].copy(),
            "last": self.last,
            "forecasts": np.roll(self.waiting_, -self.at_waiting, axis=0),
        }

    def restore(self, state):
        """Go on from what `state` returned."""
        self.targets_[:] = NAN
        self.held_[:] = state["last"]
        for value in state["targets"].tolist():
            self.add_target(value)
        self.last = state["last"]
        self.waiting_[:] = state["forecasts"]
        self.at_waiting = 0
