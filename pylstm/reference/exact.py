"""Twins of csrc/network/bptt.inc and rtrl.inc: the exact gradient, back and forward in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.reference.squashing import KINDS, slope

__all__ = [
    "cell_flow",
    "combine_sensitivities",
    "direct_sensitivity",
    "gate_flow",
    "peephole_flow",
    "peephole_sensitivity",
    "transpose",
]

Array = npt.NDArray[Any]

# ---------------------------------------------------------------- csrc/network/bptt.inc


def transpose(W: Array, T: Array, n_sources: int, n_rows: int, stride: int) -> None:
    """T_rm = W_mr; W: (n_sources, n_rows), T: (n_rows, stride), first n_sources columns written."""
    T[:, :n_sources] = W.T


def cell_flow(
    R: Array, o: Array, hc: Array, valid: Array, e: Array, eo: Array, n: int, kind: int
) -> None:
    """e += valid o squash_h'(c) R; eo = valid logistic'(net_o) hc R; all (n,).

    What comes back to the cell outputs from the step after, as cell_error what comes from its own.
    """
    e += valid * o * slope(hc, KINDS[kind]) * R
    eo[:] = valid * slope(o, "logistic") * hc * R


def gate_flow(R: Array, act: Array, delta: Array, n: int, bend: float) -> None:
    """delta += squash'(net) R, squash'(net) = act + bend act^2; all (n,).

    bend = -1 for the logistic, -1 / (1 - leak) for a forget gate (1 - leak) logistic.
    """
    delta += act * (1 + bend * act) * R


def peephole_flow(U: Array, delta: Array, a: Array, n_blocks: int, block_size: int) -> None:
    """a_bs += U_bs delta_b; U, a: (n_blocks, block_size), delta: (n_blocks,)."""
    a += U * delta[:, None]


# ---------------------------------------------------------------- csrc/network/rtrl.inc


def direct_sensitivity(
    N: Array, z: Array, j0: int, width: int, n_weights: int, n_sources: int, panel_rows: int,
    n_rows: int,
) -> None:  # fmt: skip
    """N_rj += z_m in every column that is a weight of row r and source m; columns j0 + j.

    N: (n_rows, width), z: (n_sources,); the n_weights columns there are go through panels of
    (n_sources, panel_rows), one behind the other, whose rows beyond n_rows do not count.
    """
    for j in range(j0, min(j0 + width, n_weights)):
        panel, m, row = np.unravel_index(j, (n_weights, n_sources, panel_rows))
        r = panel * panel_rows + row
        if r < n_rows:
            N[r, j - j0] += z[m]


def peephole_sensitivity(
    N: Array, U: Array, c: Array, P: Array, first: int, n_blocks: int, block_size: int, width: int
) -> None:
    """N_bj += sum_s U_bs P_bsj, and c_bs in the column of U_bs itself. Gers 2002's peepholes.

    N: (n_blocks, width), U, c: (n_blocks, block_size), P: (n_blocks, block_size, width); the column
    of U_bs is number first + b block_size + s, where there is one.
    """
    N += np.einsum("bs,bsj->bj", U, P)
    for v, seen in enumerate(c.ravel()):
        if 0 <= first + v < width:
            N[v // block_size, first + v] += seen


def combine_sensitivities(
    out: Array, x: Array | None, a: Array | None, y: Array | None, b: Array | None, n: int,
    size: int, width: int,
) -> None:  # fmt: skip
    """out_v = a_v x_v + b_v y_(v / size), without the term whose matrix is None.

    out, x: (n, width), y: (n / size, width), a, b: (n,).
    """
    kept = 0 if x is None or a is None else a[:, None] * x
    new = 0 if y is None or b is None else b[:, None] * y.repeat(size, axis=0)
    out[:] = kept + new
