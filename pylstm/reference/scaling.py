"""Twins of csrc/network/scale.c: running standardisation of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["scale_give_back", "scale_standardise", "scale_update"]

Array = npt.NDArray[Any]


def scale_update(
    x: Array, count: Array, mean: Array, variance: Array, memory: float, limit: float, centre: bool
) -> None:
    """Take a row x, NaN where missing, into the statistics of its columns; all (n_columns,).

    rate = 1 / min(n, memory),  d = clip(x - m, +-limit sqrt(v)),
    m += rate d,  v = (1 - rate) (v + rate d^2);  without a centre m = 0, v += rate (d^2 - v).
    """
    for j in np.flatnonzero(x == x):
        count[j] += 1
        rate = 1 / min(count[j], memory)
        bound = limit * np.sqrt(variance[j])
        if count[j] <= 8 or bound == 0:
            bound = np.finfo(float).max
        d = min(max(float(x[j]) - mean[j], -bound), bound)
        root = min(abs(d), 1e150)
        if centre:
            mean[j] += rate * d
            variance[j] = (1 - rate) * (variance[j] + rate * (root * root))
        else:
            variance[j] += rate * (root * root - variance[j])


def scale_standardise(
    x: Array, mean: Array, variance: Array, limit: float, missing: float
) -> Array:
    """(x - mean) / deviation within the limit; 0 where nothing varied, `missing` where x is NaN."""
    deviation = np.sqrt(variance)
    varied = deviation > 0
    z = np.divide(x - mean, deviation, out=np.zeros(len(mean)), where=varied)
    return np.where(np.isnan(x), missing, np.clip(z, -limit, limit))


def scale_give_back(z: Array, mean: Array, variance: Array, limit: float) -> Array:
    """Mean + deviation z, z within the limit."""
    x: Array = mean + np.sqrt(variance) * np.clip(z, -limit, limit)
    return x
