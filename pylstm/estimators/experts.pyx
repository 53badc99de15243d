# cython: language_level=3, cdivision=True, binding=True
"""Several networks on one stream, each with a rate and a view of its own, mixed by their losses.

No rate is right for every stream, and no memory is of use where the order of the rows means
nothing. So an estimator that was given no optimizer asks a few networks, which differ in what an
`Expert` holds, and mixes their outputs: `pylstm.estimators.mixture`.

Rows and outputs are float64, (n_inputs,) and (n_outputs,); rows are finite or NaN.
"""

import numpy as np

from pylstm.delayed import state_without_weights
from pylstm.estimators.expert import Expert
from pylstm.network import LSTM

from pylstm._core cimport numpy_api as cnp
from cpython.ref cimport PyObject
from libc.math cimport NAN

from pylstm._core.network cimport Network
from pylstm.estimators.mixture cimport Mixture
from pylstm.estimators.numbers cimport numbers

cnp.import_array()


cdef object as_row(object values, Py_ssize_t size):
    if (cnp.PyArray_Check(values) and cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT64
            and cnp.PyArray_SIZE(values) == size and cnp.PyArray_ISCARRAY_RO(values)):
        return values
    return np.array(values, np.float64).reshape(size)


cdef class Experts:
    """The networks of an estimator, as if they were one.

    Parameters
    ----------
    experts : sequence of Expert
    nets : sequence of LSTM
        One an expert.
    features : Features
        Whose row they are given.
    mixture : ByError or ByLikelihood
    late : bool
        Whether targets come rows later: then every expert with a memory has a second state, which
        is at the present row and reads the same weights, as in `pylstm.Delayed`.
    """

    def __init__(self, experts, nets, features, Mixture mixture, late=False):
        self.experts, self.nets = list(experts), list(nets)
        self.mixture = mixture
        self.ahead = []
        if late:
            pairs = zip(experts, nets, strict=True)
            self.ahead = [net.copy() if expert.memory else net for expert, net in pairs]
        self._follow()
        self.look(features)

    def _follow(self):
        for ahead, net in zip(self.ahead, self.nets):
            if ahead is not net:
                ahead._follow(net)

    def look(self, features):
        """Find out anew which of the inputs every expert sees."""
        self.seen_ = np.array([features.sees(e.own, e.changes) for e in self.experts])
        self.all_seen = self.seen_.all()
        self.allocate()

    cdef int allocate(self) except -1:
        """Memory for what they see and say of a row."""
        cdef Py_ssize_t n = len(self.nets)
        self.n_inputs, self.n_outputs = self.seen_.shape[1], self.nets[0].n_outputs
        self.mixture.grow(self.n_outputs)
        self.memory_ = np.array([expert.memory for expert in self.experts])
        self.views_ = np.full((n, self.n_inputs), np.nan)
        self.outputs_ = np.empty((n, self.n_outputs))
        return self.point()

    cdef int point(self) except -1:
        """The pointers to all there is, by which rows go without a look at Python."""
        cdef Py_ssize_t k
        self.n = len(self.nets)
        self.pointers_ = np.zeros(self.n + len(self.ahead), np.uintp)
        self.net = <PyObject **>cnp.PyArray_DATA(self.pointers_)
        for k, net in enumerate((*self.nets, *self.ahead)):
            self.net[k] = <PyObject *>net
        self.seen = <const unsigned char *>cnp.PyArray_DATA(self.seen_)
        self.memory = <const unsigned char *>cnp.PyArray_DATA(self.memory_)
        self.views, self.outputs = numbers(self.views_), numbers(self.outputs_)
        return 0

    # ------------------------------------------------------------ rows in C

    cdef const double *view(self, Py_ssize_t k, const double *row) noexcept nogil:
        """The row as expert k sees it: NaN, which stands for the mean, in place of the rest."""
        cdef double *view = self.views + k * self.n_inputs
        cdef const unsigned char *seen = self.seen + k * self.n_inputs
        cdef Py_ssize_t j
        if self.all_seen:
            return row
        for j in range(self.n_inputs):
            view[j] = row[j] if seen[j] else NAN
        return view

    cdef int check_target(self, const double *target) except -1 nogil:
        """Whether a step towards it would be refused."""
        cdef bint missing
        (<Network>self.net[0]).scaling.wanted(target, &missing)
        return 0

    cdef int step_row(self, const double *row, const double *target, double weight, double *mixed) except -1 nogil:
        """`step`; target may be NULL."""
        cdef Py_ssize_t k = 0
        while k < self.n:
            if self.step_expert(k, row, target, weight):
                k += 1
        if target == NULL:
            self.mixture.mix_row(self.outputs, mixed)
        else:
            self.mixture.learn_row(self.outputs, target, mixed)
        return 0

    cdef int step_expert(self, Py_ssize_t k, const double *row, const double *target, double weight) except -1 nogil:
        """The step of one of them; 0 where it has diverged, and is there no more."""
        cdef double *outputs = self.outputs + k * self.n_outputs
        if (<Network>self.net[k]).step_row(self.view(k, row), target, weight, outputs):
            with gil:
                if self.n == 1:
                    raise (<Network>self.net[k]).diverged()
                self.drop(k)
                return 0
        if not self.memory[k]:
            (<Network>self.net[k]).forget_sequence()
        return 1

    cdef int predict_row(self, const double *row, double *mixed) except -1 nogil:
        """`predict`."""
        cdef Py_ssize_t k
        for k in range(self.n):
            (<Network>self.net[k]).predict_row(self.view(k, row), self.outputs + k * self.n_outputs)
        self.mixture.mix_row(self.outputs, mixed)
        return 0

    cdef int see_row(self, const double *row, double *mixed) except -1 nogil:
        """`see`."""
        cdef const double *view
        cdef double *outputs
        cdef Py_ssize_t k
        for k in range(self.n):
            view, outputs = self.view(k, row), self.outputs + k * self.n_outputs
            if self.net[self.n + k] == self.net[k]:
                (<Network>self.net[k]).predict_row(view, outputs)
            else:
                (<Network>self.net[self.n + k]).step_row_with(<Network>self.net[k], view, outputs)
        self.mixture.mix_row(self.outputs, mixed)
        return 0

    # ------------------------------------------------------------ rows as arrays

    def predict(self, row):
        """What the experts say of a row together; nothing changes."""
        row, mixed = as_row(row, self.n_inputs), np.empty(self.n_outputs)
        self.predict_row(numbers(row), numbers(mixed))
        return mixed

    def see(self, row):
        """What the experts say of a row whose target comes later; the states ahead go on."""
        row, mixed = as_row(row, self.n_inputs), np.empty(self.n_outputs)
        self.see_row(numbers(row), numbers(mixed))
        return mixed

    def step(self, row, target, double weight=1):
        """Learn from a row; return what was said of it. An expert that diverges is left out.

        The gradient is multiplied by `weight`; of numbers the target may be NaN in part.
        """
        row, mixed = as_row(row, self.n_inputs), np.empty(self.n_outputs)
        if target is None:
            self.step_row(numbers(row), NULL, weight, numbers(mixed))
        else:
            target = as_row(target, self.n_outputs)
            self.step_row(numbers(row), numbers(target), weight, numbers(mixed))
        return mixed

    # ------------------------------------------------------------ what changes them

    def drop(self, k):
        """Expert k is there no more."""
        del self.experts[k], self.nets[k], self.ahead[k:k + 1]
        self.seen_, self.memory_ = np.delete(self.seen_, k, 0), np.delete(self.memory_, k)
        self.views_, self.outputs_ = self.views_[1:].copy(), np.delete(self.outputs_, k, 0)
        self.mixture.drop(k)
        self.point()

    def grow(self, features, n_outputs):
        """Give every network the inputs the features have by now, and so many outputs."""
        for net in self.nets:
            net.grow(n_inputs=features.size, n_outputs=n_outputs)
        for ahead, net in zip(self.ahead, self.nets):
            if ahead is not net:
                ahead.grow(n_inputs=features.size, n_outputs=n_outputs)
        self._follow()
        self.look(features)

    def reset(self):
        """A new sequence begins."""
        for net in (*self.nets, *self.ahead):
            net.reset()

    @property
    def has_schedule(self):
        """Whether a schedule of the user's is asked at every update."""
        cdef Py_ssize_t k
        for k in range(len(self.nets)):
            if (<Network>self.nets[k]).schedule_ is not None:
                return True
        return False

    @property
    def best(self):
        """The network that counts most."""
        return self.nets[self.mixture.best]

    # ------------------------------------------------------------ state

    def copy(self):
        """Independent ones that go on as these would."""
        cdef Experts copy = Experts.__new__(Experts)
        copy.experts, copy.nets = list(self.experts), [net.copy() for net in self.nets]
        copy.mixture = self.mixture.copied()
        copy.ahead = []
        for ahead, net, copied in zip(self.ahead, self.nets, copy.nets):
            copy.ahead.append(copied if ahead is net else ahead.copy())
        copy._follow()
        copy.seen_, copy.all_seen = self.seen_, self.all_seen
        copy.allocate()
        return copy

    def state(self):
        """Return what `restore` makes it from again."""
        return {
            "experts": [expert._asdict() for expert in self.experts],
            "nets": [net.__getstate__() for net in self.nets],
            "mixture": self.mixture.state(),
            "ahead": [
                state_without_weights(ahead)
                for ahead, net in zip(self.ahead, self.nets)
                if ahead is not net
            ],
        }

    @classmethod
    def restored(cls, state, features, mixture, late=False):
        """Make the one whose `state` this is, which has been checked; `mixture` is a class of them."""
        nets = []
        for saved in state["nets"]:
            net = LSTM.__new__(LSTM)
            net._take_state(saved)
            nets.append(net)
        experts = [Expert(**expert) for expert in state["experts"]]
        mixed = mixture(len(nets))
        mixed.restore(state["mixture"])
        made = cls(experts, nets, features, mixed)
        if late:
            states = iter(state["ahead"])
            for expert, net in zip(experts, nets, strict=True):
                ahead = net
                if expert.memory:
                    ahead = LSTM.__new__(LSTM)
                    ahead._take_state(next(states))
                made.ahead.append(ahead)
            made._follow()
            (<Experts>made).point()
        return made
