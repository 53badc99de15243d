"""One C kernel by itself, called without the GIL; and BLAS the same way."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from pylstm import _core

__all__ = ["INTEGER", "NUMBER", "POINTER", "blas_product", "kernel"]

POINTER, INTEGER, NUMBER = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_double


def kernel(name: str, dtype: str, *types: Any) -> Callable[..., None]:
    """The kernel of the instruction set in use, as a function of arguments of these types."""
    address = _core.kernel_address(_core.choose_isa(), dtype, name)
    return ctypes.CFUNCTYPE(None, *types)(address)


def blas_product(dtype: str) -> Callable[..., None]:
    """GEMM of SciPy's BLAS, everything by pointer as in Fortran; a LookupError without C ints."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__["sgemm" if dtype == "float32" else "dgemm"]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = api.PyCapsule_GetName(capsule)
    if signature.count(b"int *") != 6 or b"int64" in signature or b"blas_int" in signature:
        raise LookupError("SciPy's BLAS does not count in C ints")
    address = api.PyCapsule_GetPointer(capsule, signature)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address)
