"""Twins of csrc/network/trace.inc and lazy.inc: eligibility traces, and weights learned by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.reference.optimizer import adam, momentum, rmsprop

__all__ = [
    "add_scaled_rows",
    "lazy_coefficients",
    "lazy_input",
    "lazy_learn",
    "trace_learn_adam",
    "trace_learn_momentum",
    "trace_learn_rmsprop",
    "trace_learn_sgd",
    "trace_magnitudes",
    "trace_squares",
]

Array = npt.NDArray[Any]

# ---------------------------------------------------------------- csrc/network/trace.inc


def _gradient(E: Array, z: Array, f: Array | None, d: Array, e: Array, n_traced: int) -> Array:
    """E = f E + d z^T in place, but without f; returns dL/dW: e E with a trace, e z^T at output
    gates."""
    if f is not None:
        E[:] = f * E + np.outer(z, d)
    gradient = np.outer(z, e)
    gradient[:, :n_traced] = e[:n_traced] * E
    return gradient


def trace_learn_sgd(
    E: Array, W: Array, z: Array, z_next: Array | None, f: Array | None, d: Array, e: Array,
    net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
) -> None:  # fmt: skip
    """E = f E + d z^T; W -= rate (e E | e z^T); net += W z_next, unless net is None.
    Without f, E has taken the step.

    E: (n_sources, n_traced), W: (n_sources, n_rows), z, z_next: (n_sources,), f, d: (n_traced,),
    e, net: (n_rows,). HS97 A.1 eqs 19-28, f: Gers 2000 eqs 3.10-3.12.
    """
    W -= rate * _gradient(E, z, f, d, e, n_traced)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_learn_momentum(
    E: Array, W: Array, moment: Array, z: Array, z_next: Array | None, f: Array | None, d: Array,
    e: Array, net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
    first: float, keep: float,
) -> None:  # fmt: skip
    """As trace_learn_sgd by the rule `momentum`; moment: (n_sources, n_rows)."""
    momentum(W, moment, _gradient(E, z, f, d, e, n_traced), W.size, rate, first, keep)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_learn_rmsprop(
    E: Array, W: Array, moment: Array, z: Array, z_next: Array | None, f: Array | None, d: Array,
    e: Array, net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
    decay: float, epsilon: float, keep: float,
) -> None:  # fmt: skip
    """As trace_learn_sgd by the rule `rmsprop`; moment: (n_sources, n_rows)."""
    rmsprop(W, moment, _gradient(E, z, f, d, e, n_traced), W.size, rate, decay, epsilon, keep)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_learn_adam(
    E: Array, W: Array, moment: Array, v: Array, z: Array, z_next: Array | None, f: Array | None,
    d: Array, e: Array, net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
    first: float, second: float, root: float, epsilon: float, keep: float,
) -> None:  # fmt: skip
    """As trace_learn_sgd by the rule `adam`; moment, v: (n_sources, n_rows)."""
    gradient = _gradient(E, z, f, d, e, n_traced)
    adam(W, moment, v, gradient, W.size, rate, first, second, root, epsilon, keep)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_squares(
    E: Array, z: Array, f: Array, d: Array, squares: Array, n_sources: int, n_traced: int
) -> None:  # fmt: skip
    """E = f E + d z^T, and the sums of squares of its rows; E: (n_sources, n_traced)."""
    E[:] = f * E + d * z[:, None]
    squares[:] = (E**2).sum(0)


def trace_magnitudes(
    E: Array, z: Array, f: Array, d: Array, sums: Array, n_sources: int, n_traced: int
) -> None:  # fmt: skip
    """E = f E + d z^T, and the sums of magnitudes of its rows; E: (n_sources, n_traced)."""
    E[:] = f * E + d * z[:, None]
    sums[:] = np.abs(E).sum(0)


def add_scaled_rows(
    G: Array, E: Array, a: Array, n_sources: int, n_traced: int, n_rows: int
) -> None:  # fmt: skip
    """G_mr += a_r E_mr for r < n_traced; G: (n_sources, n_rows), E: (n_sources, n_traced)."""
    G[:, :n_traced] += a * E


# ---------------------------------------------------------------- csrc/network/lazy.inc


def lazy_input(
    W: Array, E: Array, z: Array, A: Array, w: Array, dots: Array, net: Array, u: Array,
    n_sources: int, n_traced: int, n_rows: int, k: int, stride: int,
) -> None:  # fmt: skip
    """net = W z + A (E z) + sum_s w_s dots_s, the second term for the first n_traced rows.

    W: (n_sources, n_rows), E: (n_sources, n_traced), A, u: (n_traced,), w: (k, stride), first
    columns used, dots: (k,), net: (n_rows,); u = E z. Of a lazy network: csrc/network/lazy.inc.
    """
    u[:] = z @ E
    net[:] = z @ W + dots @ w[:, :n_rows]
    net[:n_traced] += A * u


def lazy_coefficients(
    d: Array, w: Array, F: Array, A: Array, d_now: Array, w_now: Array, f: Array, e: Array,
    n_traced: int, k: int, stride: int, rate: float,
) -> None:  # fmt: skip
    """d_s = f d_s, w_s -= rate e d_s for s < k; F = f F, A -= rate e F; w_now -= rate e d_now.

    d, w: (k, stride), first columns used; the rest (n_traced,).
    """
    d[:k, :n_traced] *= f
    w[:k, :n_traced] -= rate * e * d[:k, :n_traced]
    F *= f
    A -= rate * e * F
    w_now -= rate * e * d_now


def lazy_learn(
    E: Array, W: Array, Z: Array, z_next: Array | None, d: Array, w: Array, F: Array, A: Array,
    net: Array | None, n_sources: int, n_traced: int, n_rows: int, k: int, stride: int,
) -> None:  # fmt: skip
    """W += A E + sum_s w_s z_s^T; E = F E + sum_s d_s z_s^T; net += W z_next unless net is None.

    E: (n_sources, n_traced), W: (n_sources, n_rows), Z, d, w: (k, stride), first columns used, F,
    A: (n_traced,), z_next: (n_sources,), net: (n_rows,).
    """
    Z = Z[:, :n_sources]
    W += Z.T @ w[:, :n_rows]
    W[:, :n_traced] += A * E
    E[:] = F * E + Z.T @ d[:, :n_traced]
    if net is not None and z_next is not None:
        net += z_next @ W
