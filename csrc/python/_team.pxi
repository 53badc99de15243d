"""The threads that help: made here, in Python, used by csrc/team.c.

A helper sleeps on an event. A call with a large network wakes it; it then looks for work without the
GIL, and goes back to sleep when none has come for about a millisecond.
"""

import threading
from time import perf_counter_ns

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
