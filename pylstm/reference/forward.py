"""Twins of csrc/network/forward.inc, error.inc and stack.inc: a step forward, and its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.reference.squashing import KINDS, slope, squashed

__all__ = [
    "cell_error",
    "cell_output",
    "cell_state",
    "cells",
    "cross_entropy_loss",
    "input_error",
    "net_input",
    "output_error",
    "peephole_input",
    "readout",
    "softmax",
    "squared_loss",
    "unit_error",
]

Array = npt.NDArray[Any]

# ---------------------------------------------------------------- csrc/network/forward.inc


def net_input(W: Array, z: Array, net: Array, n_sources: int, n_rows: int) -> None:
    """net_r = sum_m z_m W_mr; W: (n_sources, n_rows). HS97 A.1 eqs 3-8."""
    net[:] = z @ W


def peephole_input(U: Array, c: Array, net: Array, n_blocks: int, block_size: int) -> None:
    """net_b += sum_s U_bs c_bs; U, c: (n_blocks, block_size), net: (n_blocks,). Gers 2002."""
    net += (U * c).sum(axis=1)


def cell_state(
    i: Array, f: Array, g: Array, valid: Array, c_prev: Array, c: Array, hc: Array,
    n: int, kind: int,
) -> None:  # fmt: skip
    """c = valid (f c_prev + i g); hc = squash_h(c); all (n,). HS97 A.1 eq. 7, f: Gers 2000."""
    c[:] = valid * (f * c_prev + i * g)
    hc[:] = squashed(c, KINDS[kind])


def cell_output(o: Array, hc: Array, valid: Array, after: Array, h: Array, n: int) -> None:
    """h = valid o hc + after; all (n,). HS97 A.1 eq. 8; `after` puts the bias behind the cells."""
    h[:] = valid * o * hc + after


def cells(
    i: Array, f: Array, g: Array, o: Array, valid: Array, after: Array, c_prev: Array, c: Array,
    hc: Array, h: Array, n: int, kind: int,
) -> None:  # fmt: skip
    """cell_state, then cell_output; all (n,)."""
    cell_state(i, f, g, valid, c_prev, c, hc, n, kind)
    cell_output(o, hc, valid, after, h, n)


def readout(V: Array, q: Array, net: Array, n_outputs: int, n_sources: int) -> None:
    """net_k = sum_m V_km q_m; V: (n_outputs, n_sources)."""
    net[:] = V @ q


def softmax(net: Array, y: Array, n: int) -> None:
    """y_k = exp(net_k) / sum_j exp(net_j); net, y: (n,)."""
    y[:] = np.exp(net - np.logaddexp.reduce(net))


# ---------------------------------------------------------------- csrc/network/error.inc


def output_error(dy: Array, y: Array, delta: Array, n: int, kind: int) -> None:
    """delta_k = dL/dnet_k = sum_j dy_j (dy_j / dnet_k), where dy = dL/dy; all (n,).

    HS97 A.1 eq. 19, with the sign of dL/dw. Softmax: delta = y (dy - sum_j dy_j y_j).
    """
    if KINDS[kind] == "softmax":
        delta[:] = y * (dy - dy @ y)
    else:
        delta[:] = dy * slope(y, KINDS[kind])


def squared_loss(y: Array, target: Array, dy: Array, n: int) -> float:
    """L = 1/2 sum_k (y_k - t_k)^2, returned; dy = y - t; all (n,). HS97 A.1 eq. 16."""
    dy[:] = y - target
    return float(dy @ dy / 2)


def cross_entropy_loss(net: Array, target: Array, n: int, kind: int) -> float:
    """L from the net inputs, returned; net, target: (n,).

    Logistic: L = -sum t log y + (1 - t) log(1 - y) = sum log(1 + e^net) - t net.
    Softmax: L = -sum t log y = sum t (log(sum_j e^net_j) - net).
    """
    if KINDS[kind] == "softmax":
        return float(target @ (np.logaddexp.reduce(net) - net))
    return float((np.logaddexp(0, net) - target * net).sum())


def cell_error(
    V: Array, delta: Array, o: Array, hc: Array, valid: Array, e: Array, eo: Array,
    n_outputs: int, stride: int, n: int, kind: int,
) -> None:  # fmt: skip
    """e = valid o squash_h'(c) eps; eo = valid logistic'(net_o) hc eps; eps_v = sum_k V_kv delta_k.

    V: (n_outputs, stride), its first n columns are those of the cells; delta: (n_outputs,); the
    rest (n,). HS97 A.1 eqs 24-25, eo before the sum over the cells of a block.
    """
    eps = valid * (delta @ V[:, :n])
    e[:] = o * slope(hc, KINDS[kind]) * eps
    eo[:] = slope(o, "logistic") * hc * eps


def unit_error(
    V: Array, delta: Array, u: Array, e: Array, n_outputs: int, stride: int, n: int, kind: int
) -> None:
    """e_j = squash'(net_j) sum_k V_kj delta_k, of ordinary units.

    V: (n_outputs, stride), its first n columns are those of the units; delta: (n_outputs,); u, e:
    (n,). HS97 A.1.
    """
    e[:] = slope(u, KINDS[kind]) * (delta @ V[:, :n])


# ---------------------------------------------------------------- csrc/network/stack.inc


def input_error(W: Array, delta: Array, dx: Array, n_sources: int, n_rows: int) -> None:
    """dx = W delta, the error at what a layer reads; W: (n_sources, n_rows)."""
    dx[:] = W @ delta
