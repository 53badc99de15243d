# cython: language_level=3, cdivision=True, binding=True
"""Networks of a population on courses of their own: streams up to the first wrong output."""

import numpy as np

from pylstm._core.arrays import aligned_zeros

from pylstm._core cimport numpy_api as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t

from pylstm._core.headers cimport *
from pylstm._core.population cimport PopulationBase
from pylstm._core.population_steps cimport start

cnp.import_array()

#: Marks of a step: a stream may begin with it; the network is reset before it; with it a part ends.
BEGINS, RESETS, ENDS = PYLSTM_BEGINS, PYLSTM_RESETS, PYLSTM_ENDS


cdef class Courses:
    """Lets networks of a population go through streams. For `pylstm.experiments`.

    By turns a network learns from a stream of its training tape, changing its weights after every
    step, and answers one of its test tape with fixed weights; each from a fresh state up to the first
    wrong output, or to so many parts. A schedule of the rate starts anew with every training stream.
    What a network does depends on nothing but itself and its tapes.

    Parameters
    ----------
    population : PopulationBase
        Neither scaled nor with a schedule that is a function.
    tolerance : float
        An output that is so far from its target, or no number, is wrong; where the target is NaN
        nothing is.
    training, test : int
        Parts of a stream at most.
    room : int
        Streams a network goes through, at most, until `run` says that it has ended them.
    """

    cdef PopulationBase population
    cdef object memory, lengths
    cdef pylstm_course *courses
    cdef double tolerance
    cdef list tapes, arrays

    def __init__(self, PopulationBase population not None, double tolerance, ptrdiff_t training,
                 ptrdiff_t test, ptrdiff_t room):
        cdef pylstm_population *p = &population.pop
        cdef ptrdiff_t k, n_nets = p.n_groups * p.lanes
        if p.input_scale != NULL or p.target_scale != NULL or population.scheduled_:
            raise ValueError("wanted networks that do not scale, their rates constant or a Decay")
        self.population, self.tolerance = population, tolerance
        self.memory = aligned_zeros(n_nets * sizeof(pylstm_course), np.uint8)
        self.courses = <pylstm_course *>cnp.PyArray_DATA(self.memory)
        self.lengths = np.zeros((n_nets, room), np.int64)
        self.tapes, self.arrays = [None] * n_nets, [None] * (2 * n_nets)
        for k in range(n_nets):
            self.courses[k].most[0], self.courses[k].most[1] = training, test
            self.courses[k].lengths = <int64_t *>cnp.PyArray_DATA(self.lengths[k])

    cdef pylstm_course *of_net(self, ptrdiff_t k) except NULL:
        if not 0 <= k < self.population.pop.n_nets:
            raise IndexError(f"net {k} was asked for, wanted one of {self.population.pop.n_nets} nets")
        return self.courses + k

    def begin(self, ptrdiff_t k, training, test):
        """Give net k its tapes, from the beginning.

        Parameters
        ----------
        k : int
        training, test : iterators of (X, targets, marks)
            Without end: the next steps, as `LSTM.run` takes them, and their marks, (n_steps,) of
            uint8, sums of BEGINS, RESETS and ENDS.
        """
        cdef pylstm_course *course = self.of_net(k)
        self.tapes[k] = training, test
        for which in range(2):
            course.tapes[which].at = course.tapes[which].n_steps = 0

    def go_on(self, ptrdiff_t k, bint answering, ptrdiff_t room):
        """Let net k take part in the next `run`: begin with a training or a test stream, and go
        through `room` streams at most."""
        cdef pylstm_course *course = self.of_net(k)
        if not 1 <= room <= self.lengths.shape[1]:
            raise ValueError(f"room is {room}, wanted 1 to {self.lengths.shape[1]}")
        course.answering, course.room = answering, room
        course.begun = course.n_parts = course.n_ended = course.done = 0

    def run(self, nets):
        """Go on until some networks have done what was wanted.

        Parameters
        ----------
        nets : list of int
            Those that take part; none has diverged.

        Returns
        -------
        dict of int to (ndarray of int64, bool)
            By net, of those that have ended as many streams as they have room for, or a test stream
            without a wrong output, or have diverged: the parts of the streams that have ended, right
            before the first wrong output, in their order; and whether it has diverged.
        """
        cdef pylstm_population *p = &self.population.pop
        cdef pylstm_population_call call
        cdef Py_ssize_t count
        cdef ptrdiff_t k
        cdef bint diverged
        ended = {}
        while not ended:
            for k in nets:
                self.draw(self.of_net(k), k)
            self.population.take()
            try:
                place = self.population.placing(nets, &count)
                start(&call, place)
                call.courses, call.tolerance = self.courses, self.tolerance
                with nogil:
                    self.population.table.run_courses(p, &call)
                for k in nets:
                    diverged = p.groups[k // p.lanes].diverged >> (k % p.lanes) & 1
                    if diverged or self.courses[k].done:
                        ended[k] = self.lengths[k, :self.courses[k].n_ended].copy(), diverged
            finally:
                self.population.release()
        return ended

    cdef int draw(self, pylstm_course *course, ptrdiff_t k) except -1:
        """The next steps of the tape that net k is on, where it is used up."""
        cdef int which = course.answering
        cdef pylstm_tape *tape = &course.tapes[which]
        cdef pylstm_shape *shape = &self.population.pop.shape
        cdef bint missing
        while tape.at == tape.n_steps:
            X, targets, marks = next(self.tapes[k][which])
            n_steps, tokens = len(X), self.population.as_tokens(X, 1)
            if tokens is None:
                X = self.population.inputs(X, (n_steps, shape.n_inputs))
            targets = self.population.as_targets(targets, (n_steps, shape.n_outputs), &missing)
            marks = np.ascontiguousarray(marks, np.uint8)
            if X.ndim != 1 + (tokens is None) or targets.ndim != 2 or marks.shape != (n_steps,):
                raise ValueError(f"wanted an input, a target and a mark for each of {n_steps} steps")
            tape.tokens = NULL
            if tokens is not None:
                tape.tokens = <const int32_t *>cnp.PyArray_DATA(tokens)
            tape.X, tape.targets = cnp.PyArray_DATA(X), cnp.PyArray_DATA(targets)
            tape.marks = <const uint8_t *>cnp.PyArray_DATA(marks)
            self.arrays[2 * k + which] = X, tokens, targets, marks  # they stay as long as the tape
            tape.n_steps, tape.at = n_steps, 0
        return 0
