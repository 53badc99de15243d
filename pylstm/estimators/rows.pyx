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
        self.swapped_ = False

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


cdef void write_targets(double *row, const Py_ssize_t *own, list targets, double *bases) noexcept:
    """Write what is known of the targets; what outputs are added to becomes `bases`."""
    cdef Target target
    cdef Py_ssize_t k
    for k in range(len(targets)):
        target = <Target>targets[k]
        row[own[2 * k]], row[own[2 * k + 1]] = target.last, target.error
        bases[k] = target.last


def learn_numbers(Experts experts, Columns columns, list targets, own, Y, W, predictions, level,
                  intervals):
    """Learn the rows of a `Regressor`.

    Parameters
    ----------
    experts : Experts
    columns : Columns
    targets : list of Target
    own : list of int
        Where the last value and the last error of every target are among the inputs; none where
        they are no inputs.
    Y : ndarray, shape (n_rows, n_targets), float64
        NaN where there is none.
    W : ndarray, shape (n_rows,), float64
    predictions : ndarray, shape (n_rows, n_targets), float64
        Becomes what was predicted of every row before it was learned.
    level : float
        Of the intervals.
    intervals : ndarray, shape (n_rows, n_targets, 2), float64, or None
        Becomes their bounds.
    """
    cdef Py_ssize_t t, k, n = len(targets)
    own_, outputs_, wanted_, bases_ = np.array(own, np.intp), np.empty(n), np.empty(n), np.zeros(n)
    cdef double *outputs = numbers(outputs_)
    cdef double *wanted = numbers(wanted_)
    cdef double *bases = numbers(bases_)
    cdef const double *y
    cdef double *p
    cdef double *bounds
    cdef double weight
    cdef Target target
    with columns:
        for t in range(columns.n_rows):
            columns.fill(t)
            if own:
                write_targets(columns.row, <const Py_ssize_t *>cnp.PyArray_DATA(own_), targets, bases)
            y, p, weight = numbers(Y) + t * n, numbers(predictions) + t * n, numbers(W)[t]
            for k in range(n):
                wanted[k] = as_finite(y[k] - bases[k])
            experts.step_row(columns.row, wanted if weight else NULL, weight, outputs)
            columns.advance()
            for k in range(n):
                target = <Target>targets[k]
                p[k] = bases[k] + outputs[k] if bases[k] == bases[k] else 0
                if intervals is not None:
                    bounds = numbers(intervals) + 2 * (t * n + k)
                    target.spread.interval_around(p[k], level, bounds, bounds + 1)
                target.take_in(y[k], y[k] - bases[k] - outputs[k], weight > 0)


def predict_numbers(Experts experts, Columns columns, list targets, own, predictions):
    """What a `Regressor` predicts of rows each of which may be the next, as `learn_numbers`."""
    cdef Py_ssize_t t, k, n = len(targets)
    own_, bases_ = np.array(own, np.intp), np.zeros(n)
    cdef double *bases = numbers(bases_)
    cdef double *p
    with columns:
        for t in range(columns.n_rows):
            columns.fill(t)
            if own:
                write_targets(columns.row, <const Py_ssize_t *>cnp.PyArray_DATA(own_), targets, bases)
            p = numbers(predictions) + t * n
            experts.predict_row(columns.row, p)
            for k in range(n):
                p[k] = bases[k] + p[k] if bases[k] == bases[k] else 0


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
