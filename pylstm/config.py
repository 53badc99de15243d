"""What this installation computes with."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np

from pylstm._core import available_isas, choose_isa, get_threads
from pylstm.blas import describe_blas

__all__ = ["show_config"]


def show_config() -> None:
    """Print versions, the instruction set in use, the number of threads and what BLAS there is.

    The instruction set is the best this machine has of those compiled in; set the environment
    variable PYLSTM_ISA to one of the names printed, before importing pylstm, to force another.

    Examples
    --------
    >>> import pylstm
    >>> pylstm.show_config()                                          # doctest: +ELLIPSIS
    pylstm           ...
    instruction set  ...
    """
    available = ", ".join(available_isas())
    print(f"pylstm           {version('pylstm')}")
    print(f"instruction set  {choose_isa()} (available: {available})")
    print(f"threads          {get_threads()}, for large networks; see pylstm.set_threads")
    print(f"BLAS             {describe_blas()}")
    print(f"versions         Python {platform.python_version()}, NumPy {np.__version__}")
