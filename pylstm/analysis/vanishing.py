"""The vanishing gradient of one unit that sees itself: exact products of exact factors.

The net of one unit (Hochreiter & Schmidhuber 1997, section 3.1, the case of one path)

    net(t) = w a(t-1)      a(t) = f(net(t))

multiplies an error that travels back one step with f'(net(t)) w, and one that travels back k steps
with the product of k such factors. Only where f is the identity and w = 1 is every factor 1: that
is the constant error carousel, which a memory cell has at its centre.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.checks import check_real, check_size
from pylstm.errors import brief
from pylstm.reference import KINDS, slope, squashed

__all__ = ["factor", "largest_factor", "products"]

Array = npt.NDArray[Any]

SQUASHINGS = KINDS[:-1]

#: What is shown: weights of the unit to itself, by its squashing, and steps back.
WEIGHTS = {"logistic": (1, 4, -4, -8), "tanh": (0.5, 0.9, 1, 1.5), "identity": (0.9, 1, 1.1)}
N_STEPS = 100

#: By how much a squashing that is A tanh(s net) + B stretches its argument, s, and its value, A.
_STRETCH = {
    "tanh": (1.0, 1.0),
    "logistic": (0.5, 0.5),
    "tanh_half": (0.5, 1.0),
    "two_tanh_half": (0.5, 2.0),
}


def _check_kind(kind: str, kinds: tuple[str, ...] = SQUASHINGS) -> None:
    if kind not in kinds:
        raise ValueError(f"kind is {brief(kind)}, wanted one of {', '.join(map(repr, kinds))}")


def factor(w: npt.ArrayLike, a: npt.ArrayLike, kind: str) -> Array:
    """Give what an error is multiplied with on its way back through one step, |f'(w a) w|.

    Parameters
    ----------
    w : array_like
        Weight of the unit to itself.
    a : array_like
        Its activation one step before; of a shape that goes with that of w.
    kind : {"tanh", "logistic", "identity", "tanh_half", "two_tanh_half"}
        The activation function f (1997: squashing function).

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        For an unknown activation function.

    Examples
    --------
    A logistic unit has a slope of at most 1/4, so |w| < 4 lets every error shrink:

    >>> from pylstm.analysis import factor
    >>> factor([1.0, 4.0], 0.0, "logistic").tolist()
    [0.25, 1.0]
    """
    _check_kind(kind)
    w = np.asarray(w, float)
    return np.asarray(np.abs(slope(squashed(np.asarray(w * a, float), kind), kind) * w))


def largest_factor(a: float, kind: str) -> tuple[float, float]:
    """Give the weight at which |f'(w a) w| is largest, and how large it is there.

    The derivative by w is 0 where net f''(net) + f'(net) = 0, with net = w a. Activation functions
    of the form f = A tanh(s net) + B have f'' = -2 s tanh(s net) f', so that

        2 u tanh(u) = 1         u = s net
        w = u / (s a)           |f' w| = A u (1 - tanh(u)^2) / |a|

    For the logistic function, s = 1/2, this is w = coth(net/2) / a, as in Hochreiter & Schmidhuber
    (1997), section 3.1.

    Parameters
    ----------
    a : float
        Activation one step before, not 0.
    kind : {"tanh", "logistic", "tanh_half", "two_tanh_half"}
        The activation function f; that of the identity has no largest factor.

    Returns
    -------
    w, largest : float
        The weight with the sign of a; -w does the same.

    Raises
    ------
    ValueError
        For another activation function, or an activation that is 0 or not finite.

    Examples
    --------
    A logistic unit that is fully on lets errors shrink to 22 % or less, whatever its weight:

    >>> from pylstm.analysis import largest_factor
    >>> w, largest = largest_factor(1.0, "logistic")
    >>> round(w, 3), round(largest, 3)
    (1.543, 0.224)
    """
    _check_kind(kind, tuple(_STRETCH))
    wanted = "a finite number other than 0"
    if check_real("a", a, -math.inf, math.inf, wanted) == 0:
        raise ValueError(f"a is {brief(a)}, wanted {wanted}")
    s, A = _STRETCH[kind]
    u = 0.8
    for _ in range(8):  # Newton's method, from so near that every step doubles the digits
        u -= (2 * u * math.tanh(u) - 1) / (2 * math.tanh(u) + 2 * u * (1 - math.tanh(u) ** 2))
    return u / (s * a), A * u * (1 - math.tanh(u) ** 2) / abs(a)


def products(w: float, kind: str, n_steps: int, start: float = 0.5) -> Array:
    """Give the product of |f'(net(t)) w| over the last k steps of n_steps, for every k.

    Parameters
    ----------
    w : float
        Weight of the unit to itself.
    kind : {"tanh", "logistic", "identity", "tanh_half", "two_tanh_half"}
        The activation function f (1997: squashing function).
    n_steps : int
        At least 1.
    start : float, default 0.5
        a(0).

    Returns
    -------
    (n_steps + 1,) float64
        What is left of an error after it has travelled back k = 0, ..., n_steps steps from
        step n_steps.

    Raises
    ------
    ValueError
        For an unknown activation function, or numbers that make no sense.

    Examples
    --------
    >>> from pylstm.analysis import products
    >>> products(1.0, "identity", 3).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> products(2.0, "identity", 3).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    _check_kind(kind)
    before = np.empty(check_size("n_steps", n_steps))
    a = np.array(float(start))
    for t in range(len(before)):
        before[t] = a
        a = squashed(w * a, kind)
    return np.concatenate([[1.0], np.cumprod(factor(w, before[::-1], kind))])
