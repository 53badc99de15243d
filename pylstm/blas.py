"""Whose matrix product large gradients are: the engine's own, or that of SciPy's BLAS."""

from __future__ import annotations

import os

from pylstm._core import choose_blas
from pylstm.checks import check_choice

__all__ = ["describe_blas", "get_blas", "set_blas"]

VARIABLE = "PYLSTM_BLAS"
CHOICES = ("none", "scipy")

#: What SciPy has, once it was asked for; why there is none.
_found: list[str] = []
_missing: list[str] = []


def get_blas() -> str:
    """Return whose BLAS multiplies the large gradients of networks built now: "none" or "scipy".

    Examples
    --------
    >>> import pylstm
    >>> pylstm.get_blas()
    'none'
    """
    return CHOICES[choose_blas()]


def set_blas(name: str) -> str:
    """Set what multiplies large gradients, for networks built from now on; return what did before.

    The gradient over many steps of a large network, G = Z^T C of the sources and the coefficients
    of every step, is a matrix product: the engine's own with "none", with "scipy" that of the BLAS
    in `scipy.linalg.cython_blas`, from some eight million multiply-adds on, as from 256 cells and
    100 steps. At the start it is what the environment variable PYLSTM_BLAS says, or "none": the
    engine's own product is as fast but for a sixth in float64 at 512 cells (``python -m bench
    products``), and its sums are the same whatever the number of threads. Those of BLAS round
    differently; they are the same whatever `set_threads` says, but with some BLAS not whatever the
    number of its own threads. Tell it one, OPENBLAS_NUM_THREADS=1: the library's threads call it
    side by side.

    Parameters
    ----------
    name : str
        "none" or "scipy".

    Raises
    ------
    ValueError
        For any other value.
    ImportError
        For "scipy" where SciPy is not installed: ``pip install pylstm[blas]``.

    Examples
    --------
    >>> import pylstm
    >>> before = pylstm.set_blas("scipy")
    >>> pylstm.set_blas(before)
    'scipy'
    """
    return _set(check_choice("name", name, CHOICES))


def describe_blas() -> str:
    """Return which BLAS is used or why none, as a sentence without its end."""
    if get_blas() == "scipy":
        return f"SciPy {_found[0]}, for large gradients; see pylstm.set_blas"
    if _missing:
        return f"none, though {VARIABLE} is 'scipy': {_missing[0]}"
    return "none, the engine's own product is as fast; see pylstm.set_blas"


def _set(name: str) -> str:
    before = get_blas()
    if name == "scipy" and not _found:
        try:
            import scipy
            from scipy.linalg import cython_blas
        except ImportError as error:
            raise ImportError(
                f"SciPy's BLAS cannot be imported ({error}): pip install pylstm[blas]"
            ) from error
        choose_blas(exports=cython_blas.__pyx_capi__)
        _found.append(scipy.__version__)
    choose_blas(use=name == "scipy")
    return before


def _start() -> None:
    """What the environment says; without SciPy everything works as if nothing had been said."""
    name = os.environ.get(VARIABLE) or "none"
    try:
        _set(check_choice(VARIABLE, name, CHOICES))
    except ImportError as error:
        _missing.append(str(error))


_start()
