# cython: language_level=3, cdivision=True, binding=True
"""Rows of an array, learned one after another without a return to Python between them."""

import numpy as np

from pylstm.estimators.values import as_number

from pylstm._core cimport numpy_api as cnp
from cpython.ref cimport PyObject
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
        self.X, self.n_columns = numbers(X), len(names)
        self.places = <const Py_ssize_t *>cnp.PyArray_DATA(self.places_)

    def __enter__(self):
        self.row, self.before = numbers(self.features.row), numbers(self.features.before)
        self.size = cnp.PyArray_SIZE(self.features.row)
        return self

    def __exit__(self, *exception):
        if self.row != numbers(self.features.row):
            self.features.advance()

    cdef int fill(self, Py_ssize_t t) except -1 nogil:
        """Write row t and its changes; now and then, see whether Ctrl-C was pressed."""
        cdef Py_ssize_t c, k
        cdef const double *values = self.X + t * self.n_columns
        if t % ROWS_BETWEEN_SIGNALS == 0:
            with gil:
                PyErr_CheckSignals()
        if not self.all_given:
            for k in range(self.size):
                self.row[k] = NAN
        for c in range(self.n_columns):
            k = self.places[c]
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

    cdef void advance(self) noexcept nogil:
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


cdef class Learner:
    """Rows on their way through the networks of an estimator.

    What is said of row t is written to row t of `said`, (n_rows, width).
    """

    cdef int run(self, Columns columns, Py_ssize_t start, Py_ssize_t end) except -1 nogil:
        """Learn rows in their order; what is said of each before is kept."""
        cdef Py_ssize_t t
        for t in range(start, end):
            columns.fill(t)
            self.learn_row(columns.row, t)
            columns.advance()
        return 0

    cdef int look_ahead(self, Columns columns, Py_ssize_t start, Py_ssize_t end) except -1 nogil:
        """What is said of rows each of which may be the next."""
        cdef Py_ssize_t t
        for t in range(start, end):
            columns.fill(t)
            self.predict_row(columns.row, self.said + t * self.width)
        return 0

    cdef int learn_row(self, double *row, Py_ssize_t t) except -1 nogil:
        """Learn row t, its features in `row`."""
        return 0

    cdef int predict_row(self, double *row, double *said) except -1 nogil:
        """What is said of a row that may be the next."""
        return 0

    def learn_all(self, Columns columns):
        """Learn all rows of an array."""
        with columns, nogil:
            self.run(columns, 0, columns.n_rows)

    def memory(self):
        """Where all that rows change is, beside networks: addresses and sizes in bytes."""
        return ()

    def networks_ahead(self):
        """Networks that go on from other states than those that learn."""
        return ()

    def look_into(self, said):
        """Where goes what is said of rows that may be the next."""
        self.said = numbers(said)

    def predict_all(self, Columns columns, said):
        """What is said of rows each of which may be the next, into an array."""
        self.said = numbers(said)
        with columns, nogil:
            self.look_ahead(columns, 0, columns.n_rows)


# ---------------------------------------------------------------- numbers

cdef class Numbers(Learner):
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

    cdef list targets, own
    cdef bint sees_targets
    cdef object pointers_, own_
    cdef PyObject **target
    cdef const Py_ssize_t *place
    cdef object work_  # (5, n_targets): the targets, b, what outputs should be, what they are, p
    cdef double *y
    cdef double *bases
    cdef double *wanted
    cdef double *outputs
    cdef double *p
    cdef const double *Y  # of many rows
    cdef double level
    cdef double *bounds  # (n_rows, n_targets, 2), or NULL

    def __init__(self, Experts experts, list targets, list own):
        cdef Py_ssize_t k
        self.experts, self.targets, self.own, self.width = experts, targets, own, len(targets)
        self.sees_targets, self.own_ = bool(own), np.array(own, np.intp)
        self.place = <const Py_ssize_t *>cnp.PyArray_DATA(self.own_)
        self.pointers_ = np.zeros(self.width, np.uintp)
        self.target = <PyObject **>cnp.PyArray_DATA(self.pointers_)
        for k in range(self.width):
            self.target[k] = <PyObject *>targets[k]
        self.work_ = np.zeros((5, self.width))
        self.y = numbers(self.work_)
        self.bases, self.wanted = self.y + self.width, self.y + 2 * self.width
        self.outputs, self.p = self.y + 3 * self.width, self.y + 4 * self.width

    def memory(self):
        """Where all that rows change is, beside networks: addresses and sizes in bytes."""
        return [part for target in self.targets for part in target.memory()]

    def is_of(self, experts, targets, own):
        """Whether it is of these, as they are by now."""
        return experts is self.experts and targets is self.targets and own is self.own

    cdef int learn(self, double *row, const double *y, double weight, double *p,
                   double *bounds) except -1 nogil:
        """A step towards y(t) - b(t): p becomes b(t) plus the outputs, 0 where b(t) is not known, and
        `bounds`, unless NULL, those of the intervals around it."""
        cdef Py_ssize_t k
        self.write_own(row)
        for k in range(self.width):
            self.wanted[k] = as_finite(y[k] - self.bases[k])
        self.experts.step_row(row, self.wanted if weight else NULL, weight, self.outputs)
        for k in range(self.width):
            p[k] = self.bases[k] + self.outputs[k] if self.bases[k] == self.bases[k] else 0
            if bounds != NULL:
                (<Target>self.target[k]).spread.interval_around(
                    p[k], self.level, bounds + 2 * k, bounds + 2 * k + 1)
            (<Target>self.target[k]).take_in(
                y[k], y[k] - self.bases[k] - self.outputs[k], weight > 0)
        return 0

    cdef int learn_row(self, double *row, Py_ssize_t t) except -1 nogil:
        cdef Py_ssize_t at = t * self.width
        return self.learn(row, self.Y + at, self.W[t], self.said + at,
                          self.bounds + 2 * at if self.bounds != NULL else NULL)

    cdef int predict_row(self, double *row, double *said) except -1 nogil:
        cdef Py_ssize_t k
        self.write_own(row)
        self.experts.predict_row(row, said)
        for k in range(self.width):
            said[k] = self.bases[k] + said[k] if self.bases[k] == self.bases[k] else 0
        return 0

    cdef void write_own(self, double *row) noexcept nogil:
        cdef Py_ssize_t k
        if self.sees_targets:
            for k in range(self.width):
                row[self.place[2 * k]] = (<Target>self.target[k]).last
                row[self.place[2 * k + 1]] = (<Target>self.target[k]).error
                self.bases[k] = (<Target>self.target[k]).last

    def learn_one(self, row, list y, double weight):
        """Learn from a row that is filled, its targets NaN where there is none."""
        cdef Py_ssize_t k
        for k in range(self.width):
            self.y[k] = y[k]
        self.learn(numbers(row), self.y, weight, self.p, NULL)

    def predict_one(self, row):
        """Return what is predicted of a row that is filled: a list."""
        cdef Py_ssize_t k
        self.predict_row(numbers(row), self.p)
        return [self.p[k] for k in range(self.width)]

    def take(self, Y, W, said, double level=NAN, bounds=None):
        """What many rows are learned from, and where goes what is said of them.

        Parameters
        ----------
        Y : ndarray, shape (n_rows, n_targets), float64
        W : ndarray, shape (n_rows,), float64
        said : ndarray, shape (n_rows, n_targets), float64
        level : float
            Of the intervals.
        bounds : ndarray, shape (n_rows, n_targets, 2), float64, or None
            Becomes their bounds.
        """
        self.Y, self.W, self.said, self.level = numbers(Y), numbers(W), numbers(said), level
        self.bounds = NULL if bounds is None else numbers(bounds)
        return self


# ---------------------------------------------------------------- labels

cdef class Labels(Learner):
    """The labels of a `Classifier` on their way through its networks.

    Parameters
    ----------
    experts : Experts
    own : list of int
        Where the last label is among the inputs; none where it is no input.
    last : ndarray, shape (n_classes,), float64
        What is known of the last label: NaN, or a share a class. Goes on.
    """

    cdef readonly object last
    cdef object own_, wanted_
    cdef Py_ssize_t n_own
    cdef const Py_ssize_t *own
    cdef const Py_ssize_t *places
    cdef double *known
    cdef double *wanted

    def __init__(self, Experts experts, list own, last):
        self.experts, self.last, self.width = experts, last, experts.n_outputs
        self.own_, self.wanted_ = np.array(own, np.intp), np.zeros(self.width)
        self.own, self.n_own = <const Py_ssize_t *>cnp.PyArray_DATA(self.own_), len(own)
        self.known, self.wanted = numbers(last), numbers(self.wanted_)

    def memory(self):
        """Where all that rows change is, beside networks: addresses and sizes in bytes."""
        return [(<size_t>self.known, self.last.nbytes)]

    cdef void write_own(self, double *row) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(self.n_own):
            row[self.own[k]] = self.known[k]

    cdef int learn_row(self, double *row, Py_ssize_t t) except -1 nogil:
        cdef Py_ssize_t k, label = self.places[t]
        cdef double weight = self.W[t]
        self.write_own(row)
        for k in range(self.width):
            self.wanted[k] = k == label
        self.experts.step_row(row, self.wanted if label >= 0 and weight else NULL, weight,
                              self.said + t * self.width)
        if label >= 0:
            for k in range(self.width):
                self.known[k] = self.wanted[k]
        return 0

    cdef int predict_row(self, double *row, double *said) except -1 nogil:
        self.write_own(row)
        return self.experts.predict_row(row, said)

    def take(self, places, W, said):
        """What many rows are learned from, and where goes what is said of them.

        Parameters
        ----------
        places : ndarray, shape (n_rows,), intp
            Of their labels among the classes, -1 where there is no label.
        W : ndarray, shape (n_rows,), float64
        said : ndarray, shape (n_rows, n_classes), float64
        """
        self.places = <const Py_ssize_t *>cnp.PyArray_DATA(places)
        self.W, self.said = numbers(W), numbers(said)
        return self
