"""How many threads share the work on a large network."""

from __future__ import annotations

import os
import sys

from pylstm._core import get_threads as threads_of_core
from pylstm._core import set_threads as set_threads_of_core
from pylstm.checks import check_whole

__all__ = ["get_threads", "register_threadpoolctl", "set_threads"]

#: The first that is set counts; joblib sets the second in its worker processes.
VARIABLES = ("PYLSTM_NUM_THREADS", "OMP_NUM_THREADS")


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads_wanted() -> int:
    for name in VARIABLES:
        value = os.environ.get(name, "").split(",")[0].strip()
        if value.isdecimal() and int(value) > 0:
            return int(value)
    return _n_cores()


def get_threads() -> int:
    """Return how many threads share the work on a large network.

    Examples
    --------
    >>> import pylstm
    >>> pylstm.get_threads() >= 1
    True
    """
    return threads_of_core()


def set_threads(n_threads: int) -> int:
    """Set how many threads share the work on a large network; return the number before.

    The rows of weights are shared out, by gates, at most four ways; sums never are, so the same
    bits come out whatever the number. Networks below some 30,000 weights are not shared at all.
    At the start it is the environment variable PYLSTM_NUM_THREADS, or OMP_NUM_THREADS, or the
    number of cores this process may use; joblib's worker processes set the second by themselves.
    The threads that help look for work, and occupy their cores, for the length of a call and about
    a millisecond longer; one network at a time has them, another works alone meanwhile.

    Parameters
    ----------
    n_threads : int
        At least 1.

    Raises
    ------
    ValueError
        For anything but a whole number of at least 1.

    Examples
    --------
    >>> import pylstm
    >>> before = pylstm.set_threads(1)
    >>> pylstm.set_threads(before)
    1
    """
    n_threads = check_whole("n_threads", n_threads, 1, 1024)
    before = threads_of_core()
    set_threads_of_core(n_threads)
    return before


def register_threadpoolctl() -> None:
    """Let the limits of threadpoolctl hold for pylstm too.

    Done by itself when threadpoolctl was imported before pylstm.

    Raises
    ------
    ImportError
        When threadpoolctl is not installed.

    Examples
    --------
    >>> import pylstm, threadpoolctl
    >>> pylstm.register_threadpoolctl()
    >>> with threadpoolctl.threadpool_limits(1):
    ...     pylstm.get_threads()
    1
    """
    import threadpoolctl

    class Controller(threadpoolctl.LibController):  # type: ignore[misc]
        user_api = internal_api = "pylstm"
        filename_prefixes = ("engine",)
        check_symbols = ("pylstm_help", "pylstm_share_out")

        def get_num_threads(self) -> int:
            return threads_of_core()

        def set_num_threads(self, num_threads: int) -> None:
            set_threads_of_core(max(1, int(num_threads)))

        def get_version(self) -> str | None:
            return None

    if not _registered:
        threadpoolctl.register(Controller)
        _registered.append(Controller)


_registered: list[type] = []
set_threads_of_core(_threads_wanted())
if "threadpoolctl" in sys.modules:
    register_threadpoolctl()
