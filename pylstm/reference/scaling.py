"""Twins of csrc/network/scale.c: running standardisation of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["scale_give_back", "scale_of_first", "scale_standardise", "scale_update"]

Array = npt.NDArray[Any]


def scale_of_first(values: Array, rows: Array, limit: float, centre: bool) -> tuple[float, float]:
    """Mean and variance of values, each with the rows it stands for, outliers clipped.

    Within limit 1.4826 s of their median, s the lower median of their distances that are not 0.
    """
    half = np.median(values / 2)
    distances = values / 2 - half
    apart = np.sort(np.abs(distances[distances != 0]))
    bound = limit * (1.4826 * apart[(len(apart) - 1) // 2]) if len(apart) else 0.0
    mean = variance = 0.0
    farthest = 2 * half + 2 * bound * np.sign(distances)
    brought = np.where(np.abs(distances) > bound, farthest, values)
    weights = rows / sum(rows)
    for value, weight in zip(brought, weights, strict=True):
        mean += weight * value if centre else 0.0
    for value, weight in zip(brought, weights, strict=True):
        root = min(abs(value - mean), 1e150)
        variance += weight * (root * root)
    return mean, variance


def scale_update(
    x: Array, state: dict[str, Array], memory: float, limit: float, centre: bool
) -> None:
    """Take a row x, NaN where missing, into the statistics of its columns, see `RunningScale`.

    The first eight values that differ from the one before are kept in first, with their rows in
    weight: `scale_of_first` while there are no more. Then with n = count, m, v mean and variance

    rate = 1 / min(n, memory),  d = clip(x - m, +-limit sqrt(v)),
    m += rate d,  v = (1 - rate) (v + rate d^2);  without a centre m = 0, v += rate (d^2 - v).

    x: (n_columns,), state: as `RunningScale.state` has it, changed in place.
    """
    count, mean, variance = state["count"], state["mean"], state["variance"]
    for j in np.flatnonzero(x == x):
        count[j] += 1
        rate = 1 / min(count[j], memory)
        k = int(state["n_first"][j])
        if k < 8:
            first, weight = state["first"][:, j], state["weight"][:, j]
            if k == 0 or first[k - 1] != x[j]:
                first[k] = x[j]
                state["n_first"][j] = k = k + 1
            if count[j] > memory:
                weight[:k] *= 1 - rate
            weight[k - 1] += 1
            mean[j], variance[j] = scale_of_first(first[:k], weight[:k], limit, centre)
            continue
        bound = limit * np.sqrt(variance[j])
        if bound == 0:
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
