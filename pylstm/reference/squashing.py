"""The squashings, elementwise, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "slope", "squashed"]

Array = npt.NDArray[Any]

#: Names of the squashings; the place of a name is the `kind` of the kernels.
KINDS: Final = ("tanh", "logistic", "identity", "tanh_half", "two_tanh_half", "softmax")


def squashed(x: Array, kind: str) -> Array:
    """Squash x, elementwise; logistic(x) = 1 / (1 + e^-x) = (1 + tanh(x/2)) / 2."""
    functions: dict[str, Callable[[Array], Array]] = {
        "tanh": np.tanh,
        "logistic": lambda x: (1 + np.tanh(x / 2)) / 2,
        "identity": np.copy,
        "tanh_half": lambda x: np.tanh(x / 2),
        "two_tanh_half": lambda x: 2 * np.tanh(x / 2),
    }
    return functions[kind](x)


def slope(y: Array, kind: str) -> Array:
    """Derivative of a squashing where its value is y."""
    functions: dict[str, Callable[[Array], Array]] = {
        "tanh": lambda y: 1 - y**2,
        "logistic": lambda y: y * (1 - y),
        "identity": np.ones_like,
        "tanh_half": lambda y: (1 - y**2) / 2,
        "two_tanh_half": lambda y: 1 - y**2 / 4,
    }
    return functions[kind](y)
