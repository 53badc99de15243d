"""What this installation computes with."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np

from pylstm import _core

__all__ = ["show_config"]


def show_config() -> None:
    """Print versions, the instruction set in use and where matrix products are done.

    The instruction set is the best this machine has of those compiled in; set the environment
    variable PYLSTM_ISA to one of the names printed, before importing pylstm, to force another.

    Examples
    --------
    >>> import pylstm
    >>> pylstm.show_config()                                          # doctest: +ELLIPSIS
    pylstm           ...
    instruction set  ...
    """
    available = ", ".join(_core.available_isas())
    blas = "SciPy's BLAS" if _core.has_blas() else "own kernels"
    print(f"pylstm           {version('pylstm')}")
    print(f"instruction set  {_core.choose_isa()} (available: {available})")
    print(f"matrix products  own kernels when small, {blas} when large")
    print(f"versions         Python {platform.python_version()}, NumPy {np.__version__}, ", end="")
    print(f"SciPy {version('scipy')}")
