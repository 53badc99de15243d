"""How many threads, told to everything that can be told.

BLAS and JAX read variables when they are first imported, pylstm and PyTorch want a call. So nothing
is imported here before it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

__all__ = [
    "THREAD_VARIABLES",
    "Crew",
    "available_threads",
    "own_threads",
    "tell_own_threads",
    "tell_threads",
]

#: Of OpenMP (PyTorch too), of the usual BLAS; the last one is JAX's.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")


def available_threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def own_threads(n_threads: int) -> list[int]:
    """Numbers of threads to time pylstm with: one, and so many where they can be set."""
    import pylstm

    return [1, n_threads] if n_threads > 1 and hasattr(pylstm, "set_threads") else [1]


def tell_own_threads(n_threads: int) -> None:
    """The threads of pylstm, where they can be set."""
    import pylstm

    if hasattr(pylstm, "set_threads"):
        pylstm.set_threads(n_threads)


def tell_threads(n_threads: int) -> None:
    """The threads of pylstm and of PyTorch, the two that want a call."""
    tell_own_threads(n_threads)
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(n_threads)


class Crew:
    """So many threads that do the parts of one thing at once; parts that release the GIL."""

    def __init__(self, n_threads: int) -> None:
        self.helpers = ThreadPoolExecutor(max(1, n_threads - 1))

    def __call__(self, parts: Sequence[Callable[[], object]]) -> None:
        """All parts, the first in this thread; returns when all are done."""
        waiting = [self.helpers.submit(part) for part in parts[1:]]
        parts[0]()
        for helper in waiting:
            helper.result()
