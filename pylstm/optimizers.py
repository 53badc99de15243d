"""Optimisers: how a gradient changes the weights. The arithmetic is in csrc/optimizer.inc."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

__all__ = ["SGD"]


def _check_number(name: str, value: float, low: float, high: float, wanted: str) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}, wanted {wanted}")
    if not low <= value < high:
        raise ValueError(f"{name} is {value!r}, wanted {wanted}")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with momentum if wanted.

    ``v = momentum * v + g;  w -= learning_rate * v`` (without momentum ``w -= learning_rate * g``),
    with g the truncated gradient collected since the last update. HS97 uses plain descent.

    Parameters
    ----------
    learning_rate : float, >= 0
        For the loss as it stands: half the sum of squares, as in HS97.
    momentum : float, 0 <= momentum < 1, default 0
        Part of the velocity kept from one update to the next; 0 keeps no velocity.

    Raises
    ------
    ValueError
        For a number outside its range.

    Notes
    -----
    Immutable: to change the rate of a network, give it a new one, ``net.optimizer = SGD(0.01)``.
    The velocity stays.

    Examples
    --------
    >>> SGD(0.1)
    SGD(learning_rate=0.1, momentum=0.0)
    """

    learning_rate: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        _check_number("learning_rate", self.learning_rate, 0.0, math.inf, "a finite number >= 0")
        _check_number(
            "momentum", self.momentum, 0.0, 1.0, "a number from 0 up to, not including, 1"
        )

    @property
    def rule(self) -> str:
        """The C rule that does it, with the least state."""
        return "momentum" if self.momentum else "sgd"
