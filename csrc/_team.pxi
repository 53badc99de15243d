"""The threads that help: made here, in Python, used by csrc/team.c.

A helper sleeps on an event. A call with a large network wakes it; it then looks for work without the
GIL, and goes back to sleep when none has come for about a millisecond.
"""

import threading

cdef enum:
    HELPER_PATIENCE = 20_000  # looks, each a few hundredths of a microsecond

cdef pylstm_team team
team.n_threads = 1
cdef list helper_events = []


def _help(event):
    while True:
        event.wait()
        event.clear()
        with nogil:
            pylstm_help(&team, HELPER_PATIENCE)


def _forget_helpers():
    """In the child of a fork: its threads are gone."""
    cdef int n_threads = team.n_threads
    helper_events.clear()
    memset(&team, 0, sizeof(pylstm_team))
    team.n_threads = n_threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)


def get_threads():
    return team.n_threads


def set_threads(int n):
    team.n_threads = n


cdef int wake_helpers() except -1:
    while len(helper_events) < team.n_threads - 1:
        event = threading.Event()
        helper_events.append(event)
        threading.Thread(target=_help, args=(event,), name="pylstm", daemon=True).start()
    if team.n_awake < team.n_threads - 1:
        for event in helper_events[:team.n_threads - 1]:
            event.set()
    return 0


cdef pylstm_team *borrow_team(bint wake) except? NULL:
    """The team, when there is one and nobody has it; its helpers awake, or on their way."""
    if team.n_threads < 2 or not pylstm_team_acquire(&team):
        return NULL
    if wake:
        wake_helpers()
    return &team


cdef void return_team(pylstm_team *borrowed) noexcept nogil:
    if borrowed != NULL:
        pylstm_team_release(borrowed)
