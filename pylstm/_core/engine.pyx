# cython: language_level=3, cdivision=True, binding=True
"""The C engine, linked into this module alone: its instruction sets, its threads, and its functions by
the names the other modules call them by.

The helpers of csrc/threads/team.c are made here, in Python. A helper sleeps on an event. A call with a
large network wakes it; it then looks for work without the GIL, and goes back to sleep when none has
come for about a millisecond.
"""

import os
import threading
from time import perf_counter_ns

import numpy as np

from pylstm.errors import brief

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from pylstm._core.headers cimport (
    pylstm_blas,
    pylstm_engine,
    pylstm_field,
    pylstm_isa,
    pylstm_kernel,
    pylstm_layout,
    pylstm_network,
    pylstm_population,
    pylstm_record,
    pylstm_recurrent,
    pylstm_scale,
    pylstm_shape,
    pylstm_streams,
    pylstm_streams_table,
    pylstm_table,
    pylstm_team,
)

cdef extern from "simd/isa.h":
    const pylstm_isa pylstm_isas[]
    const int pylstm_n_isas
    const pylstm_field pylstm_fields[]
    int pylstm_network_layout(const pylstm_shape *, pylstm_layout *)
    int pylstm_streams_layout(pylstm_streams *, const pylstm_network *)
    int pylstm_population_layout(pylstm_population *)
    int pylstm_record_layout(const pylstm_population *, int tokens, pylstm_record *)
    int pylstm_recurrent_layout(pylstm_recurrent *)

cdef extern from "network/progress.h":
    const char *pylstm_network_contradiction(const pylstm_network *) noexcept nogil
    const char *pylstm_streams_contradiction(const pylstm_streams *) noexcept nogil
    const char *pylstm_population_contradiction(const pylstm_population *) noexcept nogil

cdef extern from "network/scale.h":
    void pylstm_scale_update(const pylstm_scale *, const void *x, int doubles) noexcept nogil
    void pylstm_scale_standardise(const pylstm_scale *, const void *x, int doubles, double missing,
                                  void *z, int z_doubles) noexcept nogil
    void pylstm_scale_give_back(const pylstm_scale *, const void *z, void *x, int doubles) noexcept nogil

cdef extern from "threads/lock.h":
    int pylstm_take(int *) noexcept nogil
    void pylstm_give(int *) noexcept nogil

cdef extern from "threads/team.h":
    int pylstm_team_size(const pylstm_team *) noexcept nogil
    void pylstm_team_resize(pylstm_team *, int) noexcept nogil
    int pylstm_team_awake(const pylstm_team *) noexcept nogil
    int pylstm_team_acquire(pylstm_team *) noexcept nogil
    void pylstm_team_release(pylstm_team *) noexcept nogil
    void pylstm_help(pylstm_team *, int64_t) noexcept nogil

cdef extern from "Python.h":
    void Py_FatalError(const char *) noexcept


# ---------------------------------------------------------------- instruction sets

def available_isas():
    """Names of the instruction sets compiled in that this machine has, best last."""
    return [pylstm_isas[k].name.decode() for k in range(pylstm_n_isas) if pylstm_isas[k].supported()]


cdef const pylstm_isa *find_isa(str name) except NULL:
    for k in range(pylstm_n_isas):
        if pylstm_isas[k].name.decode() == name and pylstm_isas[k].supported():
            return &pylstm_isas[k]
    raise ValueError(
        f"instruction set {brief(name)} is not available here, choose one of "
        f"{', '.join(available_isas())}"
    )


cdef const pylstm_isa *current_isa = find_isa(os.environ.get("PYLSTM_ISA") or available_isas()[-1])


def choose_isa(name=None):
    """Use the named instruction set for networks built from now on; return the name of the one before."""
    global current_isa
    before = current_isa.name.decode()
    if name is not None:
        current_isa = find_isa(name)
    return before


cdef const pylstm_engine *current_engine(int precision) noexcept:
    """The engine of networks built now."""
    return current_isa.engine[precision]


cdef const pylstm_streams_table *streams_table(const pylstm_table *table, int precision) noexcept:
    """The calls of streams in the instruction set of a network."""
    for k in range(pylstm_n_isas):
        if table in (pylstm_isas[k].engine[precision].network, pylstm_isas[k].engine[precision].stack):
            return pylstm_isas[k].engine[precision].streams
    return NULL


cdef const pylstm_table *stack_table(const pylstm_table *table, int precision) noexcept:
    """The calls of several layers in the instruction set of one."""
    for k in range(pylstm_n_isas):
        if pylstm_isas[k].engine[precision].network == table:
            return pylstm_isas[k].engine[precision].stack
    return table


def kernel_address(isa, dtype, name):
    """Address of a C kernel, for tests against its twin in `pylstm.reference`."""
    cdef const pylstm_kernel *kernel = find_isa(isa).engine[np.dtype(dtype) == np.float64].kernels
    while kernel.name != NULL:
        if kernel.name.decode() == name:
            return <uintptr_t>kernel.function
        kernel += 1
    raise ValueError(f"there is no kernel {brief(name)}")


# ---------------------------------------------------------------- BLAS

# The smallest product it is given: measured by python -m bench products.
cdef pylstm_blas scipy_blas
scipy_blas.from_ = 1 << 23
cdef bint uses_blas = False


cdef const pylstm_blas *current_blas() noexcept:
    """What networks built now multiply large gradients by."""
    return &scipy_blas if uses_blas else NULL


cdef void *function_in(capsule) except NULL:
    """A function that SciPy exports for Cython, if its sizes are C ints."""
    cdef const char *signature = PyCapsule_GetName(capsule)
    if (<bytes>signature).count(b"int *") != 6 or b"int64" in <bytes>signature or b"blas_int" in <bytes>signature:
        raise ImportError("SciPy's BLAS does not count in C ints")
    return PyCapsule_GetPointer(capsule, signature)


def choose_blas(use=None, exports=None, n_multiply_adds=None):
    """Use BLAS for networks built from now on, or not; return whether it was used before.

    `exports`: functions of SciPy by name, as `scipy.linalg.cython_blas` has them; `n_multiply_adds`: of
    the smallest product it is given.
    """
    global uses_blas
    before = bool(uses_blas)
    if exports is not None:
        scipy_blas.gemm[0] = <void (*)() noexcept nogil>function_in(exports["sgemm"])
        scipy_blas.gemm[1] = <void (*)() noexcept nogil>function_in(exports["dgemm"])
    if n_multiply_adds is not None:
        scipy_blas.from_ = n_multiply_adds
    if use is not None:
        if use and scipy_blas.gemm[1] == NULL:
            raise ValueError("there is no BLAS yet: wanted exports with it")
        uses_blas = use
    return before


# ---------------------------------------------------------------- sizes

large_from = 1 << 15


def choose_large_from(n_weights=None):
    """Treat as large, from now on, networks of so many hidden weights; return the number before."""
    global large_from
    before = large_from
    if n_weights is not None:
        large_from = n_weights
    return before


cdef const pylstm_field *shape_fields() noexcept:
    """The fields of a shape by name; the last has none."""
    return pylstm_fields


cdef bint lay_out_network(const pylstm_shape *shape, pylstm_layout *layout) noexcept:
    return pylstm_network_layout(shape, layout)


cdef bint lay_out_streams(pylstm_streams *s, const pylstm_network *owner) noexcept:
    return pylstm_streams_layout(s, owner)


cdef bint lay_out_population(pylstm_population *p) noexcept:
    return pylstm_population_layout(p)


cdef bint lay_out_record(const pylstm_population *p, bint tokens, pylstm_record *record) noexcept:
    return pylstm_record_layout(p, tokens, record)


cdef bint lay_out_recurrent(pylstm_recurrent *r) noexcept:
    return pylstm_recurrent_layout(r)


# ---------------------------------------------------------------- progress that contradicts itself

cdef const char *network_contradiction(const pylstm_network *n) noexcept nogil:
    return pylstm_network_contradiction(n)


cdef const char *streams_contradiction(const pylstm_streams *s) noexcept:
    return pylstm_streams_contradiction(s)


cdef const char *population_contradiction(const pylstm_population *p) noexcept:
    return pylstm_population_contradiction(p)


cdef void require(const char *contradiction) noexcept nogil:
    """In a debug build, after every call: progress that contradicts itself is a fault of ours."""
    if contradiction != NULL:
        with gil:
            Py_FatalError(contradiction)


cdef int refuse_contradiction(const char *contradiction, str what) except -1:
    """Of what was saved."""
    if contradiction != NULL:
        raise ValueError(f"the saved {what} contradicts itself: {contradiction.decode()}")
    return 0


# ---------------------------------------------------------------- scales

cdef void update_scale(const pylstm_scale *scale, const void *x, bint doubles) noexcept nogil:
    pylstm_scale_update(scale, x, doubles)


cdef void standardise_row(const pylstm_scale *scale, const void *x, bint doubles, double missing,
                          void *z, bint z_doubles) noexcept nogil:
    pylstm_scale_standardise(scale, x, doubles, missing, z, z_doubles)


cdef void give_back_row(const pylstm_scale *scale, const void *z, void *x, bint doubles) noexcept nogil:
    pylstm_scale_give_back(scale, z, x, doubles)


# ---------------------------------------------------------------- one call at a time

cdef object in_use(str name):
    """The error of a call of what another call has."""
    return RuntimeError(
        f"this {name} is in use, by another thread or by the call that asks for its schedule or its "
        f"arguments at this moment: give every thread its own, see {name}.copy"
    )


cdef int take(int *busy, bint built, str name) except -1 nogil:
    """Take an object for one call, before anything of it is looked at: what Python code runs from here
    to its release, in a schedule or in the conversion of an argument, finds it in use."""
    if pylstm_take(busy):
        if built:
            return 0
        pylstm_give(busy)
        with gil:
            raise RuntimeError(f"this {name} was never initialised: call {name}.__init__ first")
    with gil:
        raise in_use(name)


cdef void give(int *busy) noexcept nogil:
    pylstm_give(busy)


cdef class Exclusive:
    """Held by one call at a time, as ``with exclusive:``; a second call is refused, not kept waiting.

    For objects in Python that several calls change; networks have the same in C.
    """

    cdef int busy
    cdef str name

    def __init__(self, str name):
        self.name = name

    def __enter__(self):
        take(&self.busy, True, self.name)

    def __exit__(self, *error):
        pylstm_give(&self.busy)


# ---------------------------------------------------------------- helpers

cdef enum:
    HELPER_PATIENCE = 20_000  # looks, each a few hundredths of a microsecond
    SOON = 300_000            # nanoseconds: calls as close as that are a loop

cdef pylstm_team team
pylstm_team_resize(&team, 1)
cdef list helper_events = []
cdef int64_t last_borrowed = 0


def _help(event):
    while True:
        event.wait()
        event.clear()
        with nogil:
            pylstm_help(&team, HELPER_PATIENCE)


def _forget_helpers():
    """In the child of a fork: its threads are gone."""
    cdef int n_threads = pylstm_team_size(&team)
    helper_events.clear()
    memset(&team, 0, sizeof(pylstm_team))
    pylstm_team_resize(&team, n_threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)


def get_threads():
    return pylstm_team_size(&team)


def set_threads(int n):
    pylstm_team_resize(&team, n)


cdef void wake_helpers(int n_helpers):
    while len(helper_events) < n_helpers:
        event = threading.Event()
        try:
            threading.Thread(target=_help, args=(event,), name="pylstm", daemon=True).start()
        except RuntimeError:  # no more threads to be had: fewer help
            break
        helper_events.append(event)
    for event in helper_events[:n_helpers]:
        event.set()


cdef pylstm_team *borrow_team(bint wake):
    """The team, when there is one and nobody has it.

    Helpers that sleep are woken when the call is to be long, or one of many in a loop.
    """
    global last_borrowed
    cdef int64_t now
    cdef int n_helpers = pylstm_team_size(&team) - 1
    if n_helpers < 1 or not pylstm_team_acquire(&team):
        return NULL
    if pylstm_team_awake(&team) < n_helpers:
        now = perf_counter_ns()
        if wake or now - last_borrowed < SOON:
            wake_helpers(n_helpers)
        last_borrowed = now
    return &team


cdef void return_team(pylstm_team *borrowed) noexcept nogil:
    if borrowed != NULL:
        pylstm_team_release(borrowed)
