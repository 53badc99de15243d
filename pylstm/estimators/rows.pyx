# cython: language_level=3, cdivision=True, binding=True
"""Rows of an array, learned one after another without a return to Python between them."""

import numpy as np

from pylstm.estimators.values import as_number

from pylstm._core cimport numpy_api as cnp
from libc.math cimport NAN, isinf

from pylstm.estimators.experts cimport Experts
from pylstm.estimators.numbers cimport as_finite, numbers
from pylstm.estimators.spread cimport Target

cnp.import_array()

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    ROWS_BETWEEN_SIGNALS = 256


cdef class Columns:
    """The columns of an array as features, row after row where `Features` has the row.

    Parameters
    ----------
    features : Features
        Which know the names.
    names : sequence of hashable
        One a column.
    X : ndarray, shape (n_rows, n_columns), float64
        One row after another; finite, NaN where there is no value.

    Notes
    -----
    In the block of a ``with`` statement the row belongs to this object.
    """

    def __init__(self, features, names, X):
        self.features, self.X_, self.n_rows = features, X, X.shape[0]
        self.places_ = np.array([features.places[name] for name in names], np.intp)
        self.all_given = len(features.places) == len(names)

    def __enter__(self):
        self.row, self.before = numbers(self.features.row), numbers(self.features.before)
        return self

    def __exit__(self, *exception):
        if self.row != numbers(self.features.row):
            self.features.advance()

    cdef int fill(self, Py_ssize_t t) except -1:
        """Write row t and its changes; now and then, see whether Ctrl-C was pressed."""
        cdef const Py_ssize_t *places = <const Py_ssize_t *>cnp.PyArray_DATA(self.places_)
        cdef Py_ssize_t c, k, n_columns = cnp.PyArray_SIZE(self.places_)
        cdef const double *values = numbers(self.X_) + t * n_columns
        if t % ROWS_BETWEEN_SIGNALS == 0:
            PyErr_CheckSignals()
        if not self.all_given:
            for k in range(cnp.PyArray_SIZE(self.features.row)):
                self.row[k] = NAN
        for c in range(n_columns):
            k = places[c]
            self.row[k] = values[c]
            self.row[k + 1] = as_finite(values[c] - self.before[k])
        return 0

    def following(self, Py_ssize_t first):
        """The inputs of the rows from `first` on, which come after the row before: an array."""
        cdef const Py_ssize_t *places = <const Py_ssize_t *>cnp.PyArray_DATA(self.places_)
        cdef Py_ssize_t c, k, t, n_columns = cnp.PyArray_SIZE(self.places_)
        cdef Py_ssize_t size = cnp.PyArray_SIZE(self.features.row)
        cdef const double *values = numbers(self.X_) + first * n_columns
        cdef double before
        found = np.full((len(self.X_) - first, size), NAN)
        cdef double *row = numbers(found)
        for t in range(len(self.X_) - first):
            for c in range(n_columns):
                k = places[c]
                before = values[c - n_columns] if t else numbers(self.features.before)[k]
                row[k] = values[c]
                row[k + 1] = as_finite(values[c] - before)
            values += n_columns
            row += size
        return found

    cdef void advance(self) noexcept:
        """The row just filled becomes the row before."""
        self.row, self.before = self.before, self.row


def fill(dict places, x, row, before):
    """Write numbers by name, and their changes since the row before, to where the names are; tell
    whether all of them are known.

    Raises
    ------
    TypeError, ValueError
        For what is no number, or an infinite one.
    """
    cdef double *cells = numbers(row)
    cdef const double *last = numbers(before)
    cdef Py_ssize_t k
    cdef double number
    cdef bint all_known = True
    for name, value in x.items():
        number = value if type(value) is float else as_number("feature", value, name)
        if isinf(number):
            as_number("feature", value, name)
        place = places.get(name)
        if place is None:
            all_known = False
        else:
            k = place
            cells[k], cells[k + 1] = number, as_finite(number - last[k])
    return all_known


# ---------------------------------------------------------------- numbers

cdef class Numbers:
    """The targets of a `Regressor` on their way through its networks.

    Symbols: y(t) the targets of a row, b(t) what outputs are added to: with own inputs the last
    targets, else 0.

    Parameters
    ----------
    experts : Experts
    targets : list of Target
    own : list of int
        Where the last value and the last error of every target are among the inputs; none where
        they are no inputs.
    """

    cdef Experts experts
    cdef list targets, own
    cdef Py_ssize_t n
    cdef object work_  # (5, n_targets): the targets, b, what outputs should be, what they are, p
    cdef double *y
    cdef double *bases
    cdef double *wanted
    cdef double *outputs
    cdef double *said

    def __init__(self, Experts experts, list targets, list own):
        self.experts, self.targets, self.own, self.n = experts, targets, own, len(targets)
        self.work_ = np.zeros((5, self.n))
        self.y = numbers(self.work_)
        self.bases, self.wanted = self.y + self.n, self.y + 2 * self.n
        self.outputs, self.said = self.y + 3 * self.n, self.y + 4 * self.n

    def is_of(self, experts, targets, own):
        """Whether it is of these, as they are by now."""
        return experts is self.experts and targets is self.targets and own is self.own

    cdef int learn_row(self, double *row, const double *y, double weight, double *p, double level,
                       double *bounds) except -1:
        """A step towards y(t) - b(t): p becomes b(t) plus the outputs, 0 where b(t) is not known, and
        `bounds`, unless NULL, those of the intervals around it."""
        cdef Target target
        cdef Py_ssize_t k
        self.write_own(row)
        for k in range(self.n):
            self.wanted[k] = as_finite(y[k] - self.bases[k])
        self.experts.step_row(row, self.wanted if weight else NULL, weight, self.outputs)
        for k in range(self.n):
            target = <Target>self.targets[k]
            p[k] = self.bases[k] + self.outputs[k] if self.bases[k] == self.bases[k] else 0
            if bounds != NULL:
                target.spread.interval_around(p[k], level, bounds + 2 * k, bounds + 2 * k + 1)
            target.take_in(y[k], y[k] - self.bases[k] - self.outputs[k], weight > 0)
        return 0

    cdef int predict_row(self, double *row, double *p) except -1:
        """p becomes what is predicted of a row that may be the next."""
        cdef Py_ssize_t k
        self.write_own(row)
        self.experts.predict_row(row, p)
        for k in range(self.n):
            p[k] = self.bases[k] + p[k] if self.bases[k] == self.bases[k] else 0
        return 0

    cdef int write_own(self, double *row) except -1:
        cdef Target target
        cdef Py_ssize_t k
        if self.own:
            for k in range(self.n):
                target = <Target>self.targets[k]
                row[<Py_ssize_t>self.own[2 * k]] = target.last
                row[<Py_ssize_t>self.own[2 * k + 1]] = target.error
                self.bases[k] = target.last
        return 0

    def learn(self, row, list y, double weight):
        """Learn from a row that is filled, its targets NaN where there is none."""
        cdef Py_ssize_t k
        for k in range(self.n):
            self.y[k] = y[k]
        self.learn_row(numbers(row), self.y, weight, self.said, NAN, NULL)

    def predict(self, row):
        """Return what is predicted of a row that is filled: a list."""
        cdef Py_ssize_t k
        self.predict_row(numbers(row), self.said)
        return [self.said[k] for k in range(self.n)]

    def learn_many(self, Columns columns, Y, W, predictions, level, intervals):
        """Learn from many rows.

        Parameters
        ----------
        columns : Columns
        Y : ndarray, shape (n_rows, n_targets), float64
        W : ndarray, shape (n_rows,), float64
        predictions : ndarray, shape (n_rows, n_targets), float64
            Becomes what was predicted of every row before it was learned.
        level : float
            Of the intervals.
        intervals : ndarray, shape (n_rows, n_targets, 2), float64, or None
            Becomes their bounds.
        """
        cdef Py_ssize_t t, n = self.n
        cdef double *bounds = NULL
        with columns:
            for t in range(columns.n_rows):
                columns.fill(t)
                if intervals is not None:
                    bounds = numbers(intervals) + 2 * t * n
                self.learn_row(columns.row, numbers(Y) + t * n, numbers(W)[t],
                               numbers(predictions) + t * n, level, bounds)
                columns.advance()

    def predict_many(self, Columns columns, predictions):
        """What is predicted of rows each of which may be the next."""
        cdef Py_ssize_t t
        with columns:
            for t in range(columns.n_rows):
                columns.fill(t)
                self.predict_row(columns.row, numbers(predictions) + t * self.n)


# ---------------------------------------------------------------- labels

cdef void write_label(double *row, object own, object last) noexcept:
    """Write what is known of the last label."""
    cdef Py_ssize_t k
    for k in range(cnp.PyArray_SIZE(own)):
        row[(<const Py_ssize_t *>cnp.PyArray_DATA(own))[k]] = numbers(last)[k]


def learn_labels(Experts experts, Columns columns, own, last, labels, W, shares):
    """Learn the rows of a `Classifier`, none of their labels new.

    Parameters
    ----------
    experts : Experts
    columns : Columns
    own : list of int
        Where the last label is among the inputs; none where it is no input.
    last : ndarray, shape (n_classes,), float64
        What is known of the last label: NaN, or a share a class. Goes on.
    labels : ndarray, shape (n_rows,), intp
        Places among the classes, -1 where there is no label.
    W : ndarray, shape (n_rows,), float64
    shares : ndarray, shape (n_rows, n_classes), float64
        Becomes the outputs for every row before it was learned.
    """
    cdef Py_ssize_t t, k, label, n = experts.n_outputs
    cdef double weight
    own_, wanted_ = np.array(own, np.intp), np.zeros(n)
    cdef double *wanted = numbers(wanted_)
    with columns:
        for t in range(columns.n_rows):
            columns.fill(t)
            write_label(columns.row, own_, last)
            label, weight = (<const Py_ssize_t *>cnp.PyArray_DATA(labels))[t], numbers(W)[t]
            for k in range(n):
                wanted[k] = k == label
            experts.step_row(columns.row, wanted if label >= 0 and weight else NULL, weight,
                             numbers(shares) + t * n)
            columns.advance()
            if label >= 0:
                for k in range(n):
                    numbers(last)[k] = wanted[k]


def predict_labels(Experts experts, Columns columns, own, last, shares):
    """The outputs of a `Classifier` for rows each of which may be the next, as `learn_labels`."""
    cdef Py_ssize_t t, n = experts.n_outputs
    own_ = np.array(own, np.intp)
    with columns:
        for t in range(columns.n_rows):
            columns.fill(t)
            write_label(columns.row, own_, last)
            experts.predict_row(columns.row, numbers(shares) + t * n)
