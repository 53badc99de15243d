"""Arguments that are single numbers or words: in their range, or a sentence why not."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief

__all__ = [
    "LARGEST_SIZE",
    "check_choice",
    "check_dtype",
    "check_init_range",
    "check_real",
    "check_size",
    "check_switch",
    "check_whole",
    "generator",
    "within_memory",
]

#: Of anything that is counted in C: tokens are 32 bits wide.
LARGEST_SIZE = 2**31 - 1

# How NumPy's own errors of such sizes begin.
_TOO_BIG = ("array is too big", "Maximum allowed", "maximum supported")


def check_whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """Return a whole number from `least` to `most` as int, or raise ValueError.

    Examples
    --------
    >>> check_whole("horizon", 0)
    Traceback (most recent call last):
    ValueError: horizon is 0, wanted a whole number of at least 1
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {brief(value)}, wanted a whole number {wanted}")
    return int(value)


def check_size(name: str, value: Any, least: int = 1) -> int:
    """Return the size of something in memory as int, or raise ValueError.

    Examples
    --------
    >>> check_size("n_inputs", 2**40)
    Traceback (most recent call last):
    ValueError: n_inputs is 1099511627776, wanted a whole number from 1 to 2147483647
    """
    return check_whole(name, check_whole(name, value, least), least, LARGEST_SIZE)


def check_real(name: str, value: Any, low: float, high: float, wanted: str) -> float:
    """Return a finite number with ``low <= value < high`` as float, or raise ValueError.

    Examples
    --------
    >>> check_real("momentum", 1.5, 0.0, 1.0, "a number from 0 up to, not including, 1")
    Traceback (most recent call last):
    ValueError: momentum is 1.5, wanted a number from 0 up to, not including, 1
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except (OverflowError, ValueError):  # 10**400
            number = math.nan
        if math.isfinite(number) and low <= number < high:
            return number
    raise ValueError(f"{name} is {brief(value)}, wanted {wanted}")


def check_init_range(value: Any) -> float:
    """Return the range of starting weights as float, or raise ValueError."""
    return check_real("init_range", value, 0.0, 1e30, "a finite number >= 0, and below 1e30")


def check_switch(name: str, value: bool) -> bool:
    """Return what is True or False as bool, or raise ValueError."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {brief(value)}, wanted True or False")
    return bool(value)


def check_choice(name: str, value: str, choices: Collection[str]) -> str:
    """Return one of some words, or raise ValueError.

    Examples
    --------
    >>> check_choice("loss", "cubic", ("squared", "cross_entropy"))
    Traceback (most recent call last):
    ValueError: loss is 'cubic', wanted one of 'squared', 'cross_entropy'
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {brief(value)}, wanted one of {', '.join(map(repr, choices))}")
    return value


def check_dtype(value: npt.DTypeLike) -> str:
    """Return the name of one of the two precisions, or raise ValueError."""
    try:
        name = np.dtype(value).name
    except TypeError:
        name = ""
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype is {brief(value)}, wanted 'float32' or 'float64'")
    return name


def generator(seed: Any) -> np.random.Generator:
    """Return the generator of a seed, a whole number of at least 0, or the one given."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(check_whole("seed", seed, 0))


@contextmanager
def within_memory() -> Iterator[None]:
    """Decorate what allocates: sizes there is no memory for are a ValueError.

    Examples
    --------
    >>> with within_memory():
    ...     weights = np.zeros((2**30, 2**30))
    Traceback (most recent call last):
    ValueError: there is not enough memory for arrays of these sizes: wanted smaller sizes
    """
    try:
        yield
    except (MemoryError, OverflowError, ValueError) as error:
        if isinstance(error, ValueError) and not str(error).startswith(_TOO_BIG):
            raise
        raise ValueError(
            "there is not enough memory for arrays of these sizes: wanted smaller sizes"
        ) from None
