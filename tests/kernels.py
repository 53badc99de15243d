"""Calling one C kernel by itself: arrays as arguments, with guards around every one of them."""

import ctypes
import re
from functools import cache
from inspect import signature
from itertools import product
from pathlib import Path

import numpy as np
from covering import covering

from pylstm import _core, reference

CSRC = Path(__file__).parents[1] / "csrc"
#: The one list of kernels; each has its twin and its case under the same name.
EXPORTED = re.findall(r"KERNEL\((\w+)\),", (CSRC / "simd" / "precision.inc").read_text())
ISAS = _core.available_isas()
DTYPES = ("float32", "float64")

LANES = {"float32": 16, "float64": 8}  # numbers in a cache line
QUAD = 4
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}  # of the largest number of a result
FIRST_LEVEL = 32 * 1024  # bytes of weights beyond which passes follow the order of memory
CANARY = 4711.0
full = False  # as conftest.py says


def padded(count, width):
    return -(-count // width) * width


def guarded(array, offset):
    """A copy between canaries, `offset` numbers past a cache line; and all of that memory."""
    line = LANES[array.dtype.name]
    memory = _core.aligned_zeros(array.size + 10 * line, array.dtype)
    memory[:] = CANARY
    copy = memory[line + offset :][: array.size].reshape(array.shape)
    copy[...] = array
    return copy, memory


def canaries_alive(array, memory):
    """Whether what is not the array is as it was."""
    start = (array.ctypes.data - memory.ctypes.data) // array.itemsize
    outside = np.r_[memory[:start], memory[start + array.size :]]
    return bool((outside == CANARY).all())


def call(isa, dtype, name, *args):
    """Call a kernel; its result, and its array arguments as they are afterwards, None if NULL."""
    pointers, types, arrays, guards = [], [], [], []
    for k, arg in enumerate(args):
        if isinstance(arg, np.ndarray):
            assert arg.dtype == dtype
            guards.append(guarded(arg, k))
            arrays.append(guards[-1][0])
            pointers.append(guards[-1][0].ctypes.data)
            types.append(ctypes.c_void_p)
        elif arg is None:
            arrays.append(None)
            pointers.append(None)
            types.append(ctypes.c_void_p)
        else:
            pointers.append(arg)
            types.append(ctypes.c_double if isinstance(arg, float) else ctypes.c_ssize_t)
    returns = ctypes.c_double if name.endswith("_loss") else None
    address = _core.kernel_address(isa, dtype, name)
    result = ctypes.CFUNCTYPE(returns, *types)(address)(*pointers)
    for array, memory in guards:
        assert canaries_alive(array, memory), f"{name} writes beyond an array"
    return result, arrays


def same_bits(one, other):
    return one.tobytes() == other.tobytes()


def check_close(got, wanted, tolerance, what):
    """Relative to the largest number of the result; NaN only where it is wanted."""
    got, wanted = np.atleast_1d(np.asarray(got, float)), np.atleast_1d(np.asarray(wanted, float))
    missing = np.isnan(wanted)
    assert (np.isnan(got) == missing).all(), f"NaN: {what}"
    if not missing.all():
        worst, scale = np.nanmax(np.abs(got - wanted)), np.nanmax(np.abs(wanted))
        assert worst <= tolerance * scale, f"{worst:.1e} off, largest {scale:.1e}: {what}"


def check_against_twin(isa, dtype, name, args):
    """Same arguments to kernel and twin: same results, inputs untouched. An input is what the twin
    does not write."""
    twin = getattr(reference, name)
    result, arrays = call(isa, dtype, name, *args)
    of_twin = [arg.astype(float) if isinstance(arg, np.ndarray) else arg for arg in args]
    wanted = twin(*of_twin)
    sizes = [arg for arg in args if not isinstance(arg, np.ndarray)]
    if wanted is not None:
        check_close(result, wanted, TOLERANCE[dtype], f"{name}{sizes}")
    pointers = [k for k, arg in enumerate(args) if arg is None or isinstance(arg, np.ndarray)]
    names = list(signature(twin).parameters)
    for k, array in zip(pointers, arrays, strict=True):
        if array is None:
            continue
        if np.array_equal(of_twin[k], args[k].astype(float), equal_nan=True):
            assert same_bits(array, args[k]), f"{name} changes {names[k]}"
        else:
            check_close(array, of_twin[k], TOLERANCE[dtype], f"{names[k]} of {name}{sizes}")


class Numbers:
    """Random arrays without a neutral element: nothing near 0 or 1 in size, both signs."""

    def __init__(self, rng, dtype):
        self.rng, self.dtype = rng, dtype

    def __call__(self, *shape):
        size = np.where(
            self.rng.random(shape) < 0.5,
            self.rng.uniform(0.2, 0.8, shape),
            self.rng.uniform(1.2, 2.5, shape),
        )
        return (size * self.rng.choice([-1, 1], shape)).astype(self.dtype)

    def fraction(self, *shape):
        """Between 0 and 1: activations of gates, probabilities."""
        return self.rng.uniform(0.1, 0.9, shape).astype(self.dtype)

    def unset(self, *shape):
        """What a kernel is to overwrite."""
        return np.full(shape, np.nan, self.dtype)

    def strided(self, rows, used, stride):
        """Rows `stride` apart, of which only the start is anybody's business."""
        array = self.unset(rows, stride)
        array[:, :used] = self(rows, used)
        return array


COUNTS = (1, 2, 7, 8, 33)


@cache
def sizes(dtype, counts=0, quads=0, lines=0):
    """`counts` sizes, `quads` whole quads and `lines` whole cache lines: any two of them meet.

    With ``pytest --full`` all of them together.
    """
    longer = (*COUNTS, 20, 100)
    whole = {width: sorted({padded(n, width) for n in longer}) for width in (QUAD, LANES[dtype])}
    every = [*product(*[COUNTS] * counts, *[whole[QUAD]] * quads, *[whole[LANES[dtype]]] * lines)]
    return every if full else [every[n] for n in covering([dict(enumerate(one)) for one in every])]
