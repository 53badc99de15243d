# cython: language_level=3, cdivision=True, binding=True
"""What rows change of an estimator, as a record of bytes: keys take turns in one estimator.

An estimator is a graph of objects of Python, some hundred kilobytes; what rows change of it is a
few arrays of fixed sizes. So estimators alike in all else, of one form, are kept as records, and one
of them, in a `Frame`, is what the rows of each key go through: its record is copied in, its rows are
learned, and the record is copied out again, without a return to Python.

A record is, one behind the other:

    the row before                                     (n_inputs,) float64
    the mixture, what is known of targets or labels    float64; counts are int64
    statistics of inputs and targets                   float64; once, where all networks have the same
    weights and moments of every network               in its precision
    of every network counts and the error at its outputs    int64, float64
        traces and state, where it has a memory        in its precision
    steps that its traces have not taken in            in its precision; mostly there are none

A step without a target, as the first row of a key is, waits in the record of its network for the next
that has one. At most `MOST_STEPS` wait in a record of ours; more are taken in at once, with the
same numbers but for rounding.
"""

import numpy as np

from pylstm._core cimport numpy_api as cnp
from cpython.ref cimport PyObject
from libc.float cimport DBL_MAX
from libc.math cimport fabs
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from pylstm._core.engine cimport network_contradiction, refuse_contradiction
from pylstm._core.headers cimport *
from pylstm._core.network cimport Network
from pylstm._core.scaling cimport RunningScale
from pylstm.estimators.experts cimport Experts
from pylstm.estimators.mixture cimport ByError, ByLikelihood
from pylstm.estimators.numbers cimport numbers
from pylstm.estimators.rows cimport Columns, Learner

cnp.import_array()

cdef extern from "Python.h":
    char *PyByteArray_AS_STRING(PyObject *) noexcept nogil
    Py_ssize_t PyByteArray_GET_SIZE(PyObject *) noexcept nogil
    int PyByteArray_Resize(PyObject *, Py_ssize_t) except -1

cdef enum:
    N_STATISTICS = 4 + 2 * PYLSTM_FIRST
    N_COUNTS = 6
    MOST_STEPS = 16


cdef char *move(char *at, void *memory, Py_ssize_t size, bint out) noexcept nogil:
    """Memory to a record, or back; return where the record goes on."""
    if out:
        memcpy(at, memory, size)
    else:
        memcpy(memory, at, size)
    return at + size


cdef bint is_plain(Network net):
    """Whether everything rows change of a network has a fixed size."""
    return (net.net.shape.method == PYLSTM_TRUNCATED and not net.net.layout.large
            and net.eligibility_ is None and net.schedule_ is None and net.scales_inputs())


def has_record(Experts experts):
    """Whether what rows change of these networks is a record."""
    cdef Py_ssize_t k
    for k in range(experts.n):
        if not is_plain(<Network>experts.net[k]):
            return False
    return not experts.ahead


def bytes_of(Experts experts):
    """The memory of these networks, some bytes for the rest included."""
    cdef Py_ssize_t k, total = 0
    cdef const pylstm_network *n
    for k in range(experts.n):
        n = &(<Network>experts.net[k]).net
        total += 4096 + (8 if n.shape.precision == PYLSTM_FLOAT64 else 4) * (
            4 * n.layout.parameter_size + n.layout.trace_size + n.layout.work_size
            + n.buffers.record_rows * n.buffers.record_stride + n.layout.back_size
            + n.layout.sensitivity_size) + 200 * 8 * n.shape.n_inputs
    return total


cdef class Frame:
    """An estimator in which keys take turns.

    Parameters
    ----------
    model : Regressor, Classifier or Forecaster
        Which has networks, and `has_record`. It belongs to the frame from now on.
    leads : bool, default False
        Whether the first network standardises a row for all, where their statistics are the same.
        Then the estimator is of use for `run` and `predict` alone, and not once a network has
        diverged.
    """

    def __init__(self, model, leads=False):
        cdef Py_ssize_t k
        self.model, self.features, self.learner = model, model._features, model._new_learner()
        self.experts = model._experts
        self.n_nets, self.n_inputs = self.experts.n, self.experts.n_inputs
        ahead = list(self.learner.networks_ahead())
        self.n_all = self.n_nets + len(ahead)
        self.nets_ = addresses_of([*self.experts.nets, *ahead])
        self.net = <PyObject **>cnp.PyArray_DATA(self.nets_)
        self.memory_ = np.array([*(e.memory for e in self.experts.experts), *(True for _ in ahead)])
        self.memory = <const unsigned char *>cnp.PyArray_DATA(self.memory_)
        self.shared = self.statistics_are_shared()
        self.leads, self.seen_ = leads and self.shared, self.experts.seen_
        for k in range(1, self.n_nets if self.leads else 0):
            (<Network>self.experts.net[k]).scaling.leader = (<Network>self.experts.net[0]).scaling
            (<Network>self.experts.net[k]).scaling.seen = self.experts.seen + k * self.n_inputs
        parts = self.parts()
        self.n_parts = len(parts)
        self.pointers_ = np.array([memory for memory, _ in parts], np.uintp)
        self.lengths_ = np.array([size for _, size in parts], np.intp)
        self.part = <void **>cnp.PyArray_DATA(self.pointers_)
        self.length = <const Py_ssize_t *>cnp.PyArray_DATA(self.lengths_)
        self.size = 8 * self.n_inputs + int(self.lengths_.sum())
        for k in range(self.n_all):
            self.size += 8 * N_COUNTS + 8 + self.state_size(k)
            (<Network>self.net[k]).make_room(MOST_STEPS)

    def parts(self):
        """Memory of fixed places: addresses and sizes in bytes."""
        cdef Network net
        cdef ByError by_error
        cdef ByLikelihood by_likelihood
        cdef list found = []
        cdef Py_ssize_t k, size
        n_targets = self.experts.n_outputs
        if isinstance(self.experts.mixture, ByError):
            by_error = self.experts.mixture
            for memory, count in ((<size_t>by_error.errors, self.n_nets), (<size_t>by_error.shares, self.n_nets),
                                  (<size_t>by_error.n_rows, 1)):
                found.append((memory, 8 * count * n_targets))
        else:
            by_likelihood = self.experts.mixture
            found.append((<size_t>by_likelihood.shares, 8 * self.n_nets))
        found += self.learner.memory()
        for k in range(self.n_all):
            if self.shared and 0 < k < self.n_nets:
                continue
            net = <Network>self.net[k]
            for scale in (net.scaling.inputs, net.scaling.targets):
                if scale is not None:
                    found.append(statistics_of(scale))
        for k in range(self.n_nets):
            net = <Network>self.net[k]
            size = net.net.layout.parameter_size * real_size(&net.net)
            found.append((<size_t>net.net.buffers.parameters, size))
            for moment in range(len(net.moments_)):
                found.append((<size_t>net.net.optimizer.moments[moment], size))
        return found

    cdef Py_ssize_t state_size(self, Py_ssize_t k) noexcept nogil:
        """Bytes of traces and state of a network; ahead there are no traces."""
        cdef const pylstm_network *n = &(<Network>self.net[k]).net
        if not self.memory[k]:
            return 0
        return ((n.layout.trace_size if k < self.n_nets else 0) + n.layout.state_size) * real_size(n)

    # ------------------------------------------------------------ records

    cdef int put(self, PyObject *record, double *before) except -1 nogil:
        """The estimator to a record."""
        cdef Py_ssize_t size = self.size + self.settle()
        if PyByteArray_GET_SIZE(record) != size:
            with gil:  # from nothing it gets no more memory than it takes
                PyByteArray_Resize(record, 0)
                PyByteArray_Resize(record, size)
        self.carry(PyByteArray_AS_STRING(record), before, True)
        return 0

    cdef void take(self, PyObject *record, double *before) noexcept nogil:
        """A record to the estimator."""
        self.carry(PyByteArray_AS_STRING(record), before, False)
        if self.shared:
            self.share_statistics(not self.leads)

    cdef Py_ssize_t settle(self) noexcept nogil:
        """Steps that cannot wait are taken in; return the bytes of those that do."""
        cdef pylstm_network *n
        cdef Py_ssize_t k, size = 0
        for k in range(self.n_nets):
            n = &(<Network>self.experts.net[k]).net
            if n.progress.closed or n.progress.n_pending > MOST_STEPS:
                (<Network>self.experts.net[k]).table.settle(n)
            size += n.progress.n_pending * step_size(n)
        return size

    cdef void carry(self, char *at, double *before, bint out) noexcept nogil:
        """Between the estimator and a record."""
        cdef Py_ssize_t k
        at = move(at, before, 8 * self.n_inputs, out)
        for k in range(self.n_parts):
            at = move(at, self.part[k], self.length[k], out)
        for k in range(self.n_all):
            at = self.carry_network(k, at, out)
        for k in range(self.n_nets):
            at = self.carry_steps(k, at, out)

    cdef char *carry_steps(self, Py_ssize_t k, char *at, bint out) noexcept nogil:
        """Steps that wait: sources, activations and outputs, all there is without an error."""
        cdef pylstm_network *n = &(<Network>self.experts.net[k]).net
        cdef char *row = <char *>n.buffers.record
        cdef Py_ssize_t s, stride = n.buffers.record_stride * real_size(n)
        for s in range(1, n.progress.n_pending + 1):
            at = move(at, row + s * stride, step_size(n), out)
            n.buffers.tokens[s] = -1
        return at

    cdef char *carry_network(self, Py_ssize_t k, char *at, bint out) noexcept nogil:
        """Counts, traces and state of a network."""
        cdef pylstm_network *n = &(<Network>self.net[k]).net
        cdef Py_ssize_t size = real_size(n)
        cdef int64_t counts[N_COUNTS]
        if out:
            counts[0], counts[1] = n.progress.n_steps, n.progress.n_collect
            counts[2], counts[3] = n.progress.traces_zero, n.progress.all_live
            counts[4], counts[5] = n.optimizer.n_updates, n.progress.n_pending
        at = move(at, counts, sizeof(counts), out)
        at = move(at, &n.optimizer.error, 8, out)
        if not out:
            memset(&n.progress, 0, sizeof(n.progress))
            n.progress.n_steps, n.progress.n_collect = counts[0], counts[1]
            n.progress.traces_zero, n.progress.all_live = counts[2] != 0, counts[3] != 0
            n.optimizer.n_updates, n.progress.n_pending = counts[4], counts[5]
        if not self.memory[k]:
            return at
        if k < self.n_nets:
            if out and n.progress.traces_zero:  # whatever the buffer says
                memset(n.buffers.traces, 0, n.layout.trace_size * size)
            at = move(at, n.buffers.traces, n.layout.trace_size * size, out)
        return move(at, n.buffers.record, n.layout.state_size * size, out)

    cdef void share_statistics(self, bint of_inputs) noexcept nogil:
        """Those of the first network to the others, as far as they see the columns."""
        cdef const double *first = (<Network>self.experts.net[0]).scaling.inputs.scale.count
        cdef const unsigned char *seen
        cdef double *own
        cdef Py_ssize_t j, k, row
        for k in range(1, self.n_nets):
            own = (<Network>self.experts.net[k]).scaling.inputs.scale.count
            seen = self.experts.seen + k * self.n_inputs
            for row in range(N_STATISTICS if of_inputs else 0):
                for j in range(self.n_inputs):
                    own[row * self.n_inputs + j] = first[row * self.n_inputs + j] if seen[j] else 0
            if (<Network>self.experts.net[k]).scaling.scales_t:
                memcpy((<Network>self.experts.net[k]).scaling.targets.scale.count,
                       (<Network>self.experts.net[0]).scaling.targets.scale.count,
                       8 * N_STATISTICS * self.experts.n_outputs)

    def statistics_are_shared(self):
        """Whether all networks have the statistics of the first, as far as they see the columns."""
        states = [(<Network>self.experts.net[k])._scales() for k in range(self.n_nets)]
        seen = np.array(self.experts.seen_)
        if not seen[0].all():
            return False
        for k in range(self.n_nets):
            for name, values in states[0]["input_scale"].items():
                if not np.array_equal(states[k]["input_scale"][name], np.where(seen[k], values, 0)):
                    return False
            for name, values in states[0].get("target_scale", {}).items():
                if not np.array_equal(states[k]["target_scale"][name], values):
                    return False
        return True

    def record(self):
        """The record of the estimator as it is."""
        made = bytearray()
        self.put(<PyObject *>made, numbers(self.features.before))
        return made

    def restore(self, record):
        """Be the estimator of a record."""
        self.take(<PyObject *>record, numbers(self.features.before))

    def check(self, record):
        """Raise ValueError for bytes that are no record."""
        cdef Py_ssize_t k, size = self.size
        if len(record) >= size:
            for k, n_steps in enumerate(self.steps_waiting(record)):
                if not 0 <= n_steps <= (MOST_STEPS if self.memory[k] and k < self.n_nets else 0):
                    raise ValueError(f"a record has {n_steps} steps that wait, wanted at most {MOST_STEPS}")
                size += n_steps * step_size(&(<Network>self.net[k]).net)
        if len(record) != size:
            raise ValueError(f"a record has {len(record)} bytes, wanted {size}")
        self.restore(record)
        for k in range(self.n_all):
            for scale in ((<Network>self.net[k]).scaling.inputs,
                          (<Network>self.net[k]).scaling.targets):
                if scale is not None and not are_statistics(scale):
                    raise ValueError("a record has statistics that are of no stream")
            refuse_contradiction(network_contradiction(&(<Network>self.net[k]).net), "record")

    def steps_waiting(self, record):
        """How many steps of each network wait in a record."""
        cdef Py_ssize_t k, at = 8 * self.n_inputs + int(self.lengths_.sum())
        found = []
        for k in range(self.n_all):
            found.append(int.from_bytes(record[at + 8 * (N_COUNTS - 1):at + 8 * N_COUNTS], "little"))
            at += 8 * N_COUNTS + 8 + self.state_size(k)
        return found

    # ------------------------------------------------------------ rows

    def run(self, list records, starts, Columns columns, Py_ssize_t first):
        """The keys from one on learn their rows; return how many have when it stops.

        Parameters
        ----------
        records : list of bytearray
            One a key; they go on.
        starts : ndarray, shape (n_keys + 1,), intp
            Where the rows of each begin.
        columns : Columns
            The features of the rows; targets, weights and what is said: those of `learner`.
        first : int

        Returns
        -------
        int
            The number of keys, or a key that is no longer of this form: a network of it has diverged.
            Unless one leads, the estimator is that of the key then, and `error` is set where it had
            no other network. Its record is as it was.
        """
        cdef Py_ssize_t i = first, n_keys = len(records)
        addresses = addresses_of(records)
        cdef PyObject **record = <PyObject **>cnp.PyArray_DATA(addresses)
        cdef const Py_ssize_t *start = <const Py_ssize_t *>cnp.PyArray_DATA(starts)
        self.error = None
        try:
            with columns, nogil:
                while i < n_keys:
                    self.take(record[i], columns.before)
                    self.learner.run(columns, start[i], start[i + 1])
                    if self.experts.n != self.n_nets:
                        break
                    self.put(record[i], columns.before)
                    i += 1
        except FloatingPointError as error:
            self.error = error
        return i

    def predict(self, list records, starts, Columns columns):
        """What is said of rows each of which may be the next of its key; arguments as of `run`."""
        cdef Py_ssize_t i, n_keys = len(records)
        addresses = addresses_of(records)
        cdef PyObject **record = <PyObject **>cnp.PyArray_DATA(addresses)
        cdef const Py_ssize_t *start = <const Py_ssize_t *>cnp.PyArray_DATA(starts)
        with columns, nogil:
            for i in range(n_keys):
                self.take(record[i], columns.before)
                self.learner.look_ahead(columns, start[i], start[i + 1])


cdef Py_ssize_t real_size(const pylstm_network *n) noexcept nogil:
    """Bytes of a number of a network."""
    return 8 if n.shape.precision == PYLSTM_FLOAT64 else 4


cdef Py_ssize_t step_size(const pylstm_network *n) noexcept nogil:
    """Bytes of a step that waits."""
    return n.layout.at_delta * real_size(n)


cdef bint are_statistics(RunningScale scale):
    """Whether they can be of a stream."""
    cdef Py_ssize_t j, n = scale.scale.n_columns
    cdef double first
    for j in range(N_STATISTICS * n):
        if not fabs(scale.scale.count[j]) <= DBL_MAX:
            return False
    for j in range(n):
        first = scale.scale.n_first[j]
        if not (0 <= first <= PYLSTM_FIRST and first == <int>first
                and scale.scale.count[j] >= 0 and scale.scale.variance[j] >= 0):
            return False
    return True


cdef tuple statistics_of(RunningScale scale):
    """Where the statistics are, and their size in bytes."""
    return <size_t>scale.scale.count, 8 * N_STATISTICS * scale.scale.n_columns


cdef object addresses_of(list objects):
    """Where objects are."""
    cdef Py_ssize_t k
    found = np.empty(len(objects), np.uintp)
    for k in range(len(objects)):
        (<PyObject **>cnp.PyArray_DATA(found))[k] = <PyObject *>objects[k]
    return found
