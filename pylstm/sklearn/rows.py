"""Rows of an array as the estimators take them, cut into sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief

__all__ = ["Array", "Lengths", "Rows", "as_rows", "cut", "sequence_ends"]

Array = npt.NDArray[Any]
Lengths = npt.ArrayLike | None
Rows = list[dict[Any, float]]


def as_rows(X: Array) -> Rows:
    """Features by column number, the dicts that the estimator behind takes."""
    return [dict(enumerate(row)) for row in X.tolist()]


def sequence_ends(lengths: Lengths, n_rows: int) -> Array:
    """Where each sequence ends."""
    parts = np.asarray([n_rows] if lengths is None else lengths)
    if parts.ndim != 1 or parts.dtype.kind not in "iu" or (parts < 1).any():
        raise ValueError(f"lengths is {brief(lengths)}, wanted whole numbers of at least 1")
    if parts.sum() != n_rows:
        raise ValueError(f"lengths sum to {parts.sum()}, wanted the {n_rows} rows of X")
    return np.cumsum(parts)


def cut(rows: Rows, ends: Array) -> Iterator[Rows]:
    """The rows of each sequence."""
    start = 0
    for end in ends.tolist():
        yield rows[start:end]
        start = end
