# cython: language_level=3, cdivision=True, binding=True
"""Networks that run ahead of the stream: other states of the weights that learn.

As in `pylstm.Delayed` a second state reads the same memory of weights and never learns. It begins
where the networks stand, and goes on from what it is given: forecasts in place of the values, or
inputs that have waited. Copied is the state alone; frozen, the weights too, so that what is said
of a row that comes later is what could have been said where it began.
"""

import numpy as np

from pylstm._core import MOMENTS
from pylstm.network import LSTM

from pylstm._core cimport numpy_api as cnp
from libc.math cimport NAN

from pylstm._core.network cimport Network
from pylstm.estimators.experts cimport Experts
from pylstm.estimators.numbers cimport numbers
from pylstm.estimators.past cimport Past

cnp.import_array()

LEARNING = ("gradient", "eligibility", "traces", *MOMENTS)


cdef class Ahead:
    """The state of experts, some steps ahead.

    Parameters
    ----------
    experts : Experts
        Whose weights are read, as they are at every step. Of networks without the truncated
        gradient the weights are copied too.
    nets : sequence of LSTM, optional
        Restored ones.
    frozen : bool
        Whether the weights stay those where it began.
    """

    def __init__(self, Experts experts, nets=None, frozen=False):
        self.experts = experts
        self.nets = [net.copy() for net in experts.nets] if nets is None else list(nets)
        self.learners = list(experts.nets)
        self.frozen = frozen
        self.follows = not frozen and all(
            net._config()["gradient"] == "truncated" for net in experts.nets)
        if self.follows:
            for net, learner in zip(self.nets, self.learners, strict=True):
                net._follow(learner)
        self.n_inputs = experts.n_inputs
        self.outputs_ = np.empty((len(self.nets), experts.n_outputs))

    cdef bint is_of(self, Experts experts):
        return (experts is self.experts and len(experts.nets) == len(self.nets)
                and experts.n_inputs == self.n_inputs)

    def fits(self, experts):
        """Whether it is of these experts, as they are by now."""
        return self.is_of(experts)

    def begin(self):
        """Be where the experts stand."""
        self.start()

    cdef int start(self) except -1:
        cdef Py_ssize_t k
        if not self.follows and not self.frozen:
            self.nets = [net.copy() for net in self.learners]
            return 0
        for k in range(len(self.nets)):
            if self.frozen:
                (<Network>self.nets[k]).freeze_where(<Network>self.learners[k])
            else:
                (<Network>self.nets[k]).stand_where(<Network>self.learners[k])
        return 0

    @property
    def outputs(self):
        """Those of every network at the last step: an array, (n_networks,)."""
        return self.outputs_[:, 0].copy()

    def step(self, row):
        """Make a step; return what the experts say together, NaN when they have diverged."""
        row = np.require(row, np.float64, "C").reshape(self.n_inputs)
        return self.step_row(numbers(row))

    cdef double step_row(self, const double *row) except? -1:
        cdef Experts experts = self.experts
        cdef Network net
        cdef double *outputs = numbers(self.outputs_)
        cdef const double *view
        cdef double mixed
        cdef Py_ssize_t k
        try:
            for k in range(len(self.nets)):
                net, view = <Network>self.nets[k], experts.view(k, row)
                if self.follows:
                    net.step_row_with(<Network>self.learners[k], view, outputs + k)
                elif net.step_row(view, NULL, 1, outputs + k):
                    return NAN
                elif self.frozen:
                    net.forget()
        except FloatingPointError:
            return NAN
        experts.mixture.mix_row(outputs, &mixed)
        return mixed

    def copy(self, experts):
        """Another where this one is, ahead of a copy of its experts."""
        return type(self)(experts, [net.copy() for net in self.nets], self.frozen)

    def state(self):
        """Return what `restored` makes it from again, with the same experts."""
        states = []
        others = LEARNING if self.frozen else (*LEARNING, "parameters")
        for net, learner in zip(self.nets, self.learners, strict=True):
            state = {k: v for k, v in net.__getstate__().items() if k not in others}
            states.append(state | {"optimizer": learner.optimizer.saved()})
        return states

    @classmethod
    def restored(cls, states, experts, frozen=False):
        """Make the one whose `state` this is."""
        nets = []
        for state in states:
            net = LSTM.__new__(LSTM)
            net._take_state(state)
            nets.append(net)
        return cls(experts, nets, frozen)


cdef class Walk:
    """A forecast row after row: networks that go on from the forecasts that were made.

    Parameters
    ----------
    ahead : Ahead
    origin : Past
        What is known of the series where it begins; kept as it is.
    mean : float
        Of the values so far.
    shares : ndarray, shape (n, n_candidates)
        By which it is mixed, see `pylstm.estimators.leads`.
    """

    def __init__(self, Ahead ahead, Past origin, mean, shares):
        self.ahead, self.shares, self.mean = ahead, shares, mean
        self.lead = 0
        self.origin, self.past = origin, origin.aside()

    cdef int begin(self, Past origin, double mean) except -1:
        """Begin anew, in the memory there is, from what is known by now; shares are left to be written."""
        self.origin.become(origin, True)
        self.past.become(origin, False)
        self.mean, self.lead = mean, 0
        return 0

    def memory(self):
        """Where all it knows is beside its networks: addresses and sizes in bytes."""
        return [(<size_t>&self.lead, 8), (<size_t>&self.mean, 8),
                (<size_t>numbers(self.shares), self.shares.nbytes),
                *self.origin.memory(), *self.past.memory(False)]

    cdef int say(self, double *row, double start, double *said) except -1:
        """Make a step to the next row, its features in `row`: what is said of it, by the networks, by
        the mean, and by what `Past.candidates` says."""
        self.past.write_inputs(1, self.past.error, row)
        self.lead += 1
        said[0] = start + self.ahead.step_row(row)
        said[1] = self.mean
        self.origin.write_candidates(self.lead, said + 2)
        return 0

    def copy(self, experts):
        """Another that goes on as this one would, ahead of a copy of its experts."""
        cdef Walk copy = Walk.__new__(Walk)
        copy.ahead, copy.mean = self.ahead.copy(experts), self.mean
        copy.shares = self.shares.copy()
        copy.lead, copy.origin, copy.past = self.lead, self.origin.copied(), self.past.copied()
        copy.past.profiles = copy.origin.profiles
        return copy

    def state(self):
        """Return what `restored` makes it from again."""
        return {
            "lead": self.lead,
            "past": self.past.state(),
            "origin": self.origin.state(),
            "mean": self.mean,
            "shares": np.array(self.shares),
            "nets": self.ahead.state(),
        }

    @classmethod
    def restored(cls, state, experts, seasons, frozen=False):
        """Make the one whose `state` this is."""
        cdef Walk walk
        cdef Past origin = Past(seasons), past = Past(seasons)
        origin.restore(state["origin"])
        past.restore(state["past"])
        shares = np.array(state["shares"], float)
        ahead = Ahead.restored(state["nets"], experts, frozen)
        walk = cls(ahead, origin, float(state["mean"]), shares)
        walk.lead, walk.past = state["lead"], past
        past.profiles = origin.profiles
        return walk
