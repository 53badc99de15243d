"""Twins of csrc/simd: `math.inc`, `product.inc`, and `floor.inc`, which bench/ times."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.reference.squashing import KINDS, squashed

__all__ = [
    "multiply_add_lines",
    "product",
    "read_lines",
    "scale_lines",
    "squash",
    "squash_kind",
]

Array = npt.NDArray[Any]


# ---------------------------------------------------------------- csrc/simd/math.inc


def squash(
    x: Array, slope: Array, a: Array, b: Array, linear: Array, y: Array, n: int
) -> None:  # fmt: skip
    """y = (a + b q) / (2 + q) + linear x with q = exp(-slope x) - 1; all (n,).

    One formula for every squashing, its constants given per element: see csrc/simd/math.inc.
    """
    q = np.expm1(-slope * x)
    y[:] = (a + b * q) / (2 + q) + linear * x


def squash_kind(x: Array, y: Array, n: int, kind: int) -> None:
    """y = squash(x); x, y: (n,). HS97 A.1 eqs 3-5 for 1997's three."""
    y[:] = squashed(x, KINDS[kind])


# ---------------------------------------------------------------- csrc/simd/product.inc


def product(
    G: Array, old: Array, scale: Array | None, A: Array, B: Array, n_sources: int, n_old: int,
    n_rows: int, k: int, g_stride: int, old_stride: int, a_step: int, a_source: int,
    b_stride: int,
) -> None:  # fmt: skip
    """G_mr = scale_r old_mr + sum_s A_sm B_sr, the first term for r < n_old only.

    G: (n_sources, g_stride), n_rows columns used, old: (n_sources, old_stride), may be G, scale:
    (n_old,) or None for 1, A: flat, A_sm at s a_step + m a_source, B: (k, b_stride).
    """
    steps, sources = np.ogrid[:k, :n_sources]
    kept = old[:, :n_old] * (1 if scale is None else scale[:n_old])
    G[:, :n_rows] = A.ravel()[steps * a_step + sources * a_source].T @ B[:, :n_rows]
    G[:, :n_old] += kept


# ---------------------------------------------------------------- csrc/simd/floor.inc


def read_lines(a: Array, sum: Array, n_lines: int, repeats: int) -> None:
    """sum_l = repeats sum_j a_jl; a: (n_lines, lanes), sum: (lanes,). For bench/."""
    sum[:] = repeats * a.sum(0)


def scale_lines(a: Array, n_lines: int, repeats: int, factor: float) -> None:
    """a_jl = factor^repeats a_jl; a: (n_lines, lanes). For bench/."""
    a *= factor**repeats


def multiply_add_lines(a: Array, n_lines: int, repeats: int, factor: float, addend: float) -> None:
    """a_jl = factor a_jl + addend, repeatedly; a: (n_lines, lanes), 3, 6 or 12. For bench/."""
    for _ in range(repeats):
        a[:] = factor * a + addend
