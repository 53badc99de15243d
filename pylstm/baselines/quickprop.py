"""Quickprop (Fahlman 1988): steps to the bottom of a parabola through the last two slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["quickprop_step"]

Array = npt.NDArray[Any]


def quickprop_step(
    slope: Array, last_slope: Array, last_step: Array, learning_rate: float, max_growth: float
) -> Array:
    """Give the step of each weight downhill, from its slope now and one step ago.

    ``slope / (last_slope - slope) * last_step``: to the bottom of the parabola with these slopes,
    at most `max_growth` times the last step. That far, too, where the last step goes downhill and
    the slope gets steeper. Where there was no last step, or it still goes downhill, gradient
    descent is added, ``-learning_rate * slope`` (Fahlman 1988).

    Parameters
    ----------
    slope, last_slope : array
        dL/dw, finite; last_slope of before the last step.
    last_step : array of the same shape
        Zeros for none.
    learning_rate : float, >= 0
    max_growth : float, > 0

    Returns
    -------
    array of the same shape

    Examples
    --------
    The bottom of (w - 3)**2, found by the parabola (2.4 + 0.6) and passed by the descent added:

    >>> import numpy as np
    >>> from pylstm.baselines.quickprop import quickprop_step
    >>> w, last_slope, step = np.zeros(1), np.zeros(1), np.zeros(1)
    >>> for _ in range(2):
    ...     slope = 2 * (w - 3)
    ...     step = quickprop_step(slope, last_slope, step, 0.4, 1.75)
    ...     w, last_slope = w + step, slope
    >>> round(float(w[0]), 12)
    3.48
    """
    change = last_slope - slope
    factor = np.divide(slope, change, out=np.where(slope == 0, 0.0, np.inf), where=change != 0)
    goes_on = last_step * slope < 0
    factor[goes_on & (factor < 0)] = max_growth  # it gets steeper: no bottom ahead but downhill
    factor[~goes_on & (factor > 0)] = 0.0  # a top ahead, and uphill
    step: Array = np.clip(factor, -max_growth, max_growth) * last_step
    step -= np.where(goes_on | (last_step == 0), learning_rate * slope, 0.0)
    return step
