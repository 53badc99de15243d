"""The arithmetic of the engine in NumPy: readable and slow, what the C kernels are tested against.

First a twin of every kernel of csrc/: same name, same argument order, outputs written in place. The
sizes are arguments because they are the kernel's; the arrays know them anyway. Then
`online_gradients`, the whole algorithm on the named weights of an `LSTM`.

Symbols as in csrc/network/network.h. HS97: Hochreiter & Schmidhuber (1997), equations of its
appendix A.1; Gers 2000: Gers, Schmidhuber & Cummins; Gers 2002: Gers, Schraudolph & Schmidhuber.
The engine uses nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "KINDS",
    "online_gradients",
    "scale_give_back",
    "scale_standardise",
    "scale_update",
    "slope",
    "squashed",
]

Array = npt.NDArray[Any]

#: Names of the squashings; the place of a name is the `kind` of the kernels.
KINDS: Final = ("tanh", "logistic", "identity", "tanh_half", "two_tanh_half", "softmax")


def squashed(x: Array, kind: str) -> Array:
    """Squash x, elementwise; logistic(x) = 1 / (1 + e^-x) = (1 + tanh(x/2)) / 2."""
    functions: dict[str, Callable[[Array], Array]] = {
        "tanh": np.tanh,
        "logistic": lambda x: (1 + np.tanh(x / 2)) / 2,
        "identity": np.copy,
        "tanh_half": lambda x: np.tanh(x / 2),
        "two_tanh_half": lambda x: 2 * np.tanh(x / 2),
    }
    return functions[kind](x)


def slope(y: Array, kind: str) -> Array:
    """Derivative of a squashing where its value is y."""
    functions: dict[str, Callable[[Array], Array]] = {
        "tanh": lambda y: 1 - y**2,
        "logistic": lambda y: y * (1 - y),
        "identity": np.ones_like,
        "tanh_half": lambda y: (1 - y**2) / 2,
        "two_tanh_half": lambda y: 1 - y**2 / 4,
    }
    return functions[kind](y)


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


# ---------------------------------------------------------------- csrc/network/trace.inc


def _trace_gradient(E: Array, z: Array, f: Array, d: Array, e: Array, n_traced: int) -> Array:
    """E = f E + d z^T in place; returns dL/dW: e E with a trace, e z^T at output gates."""
    E[:] = f * E + np.outer(z, d)
    gradient = np.outer(z, e)
    gradient[:, :n_traced] = e[:n_traced] * E
    return gradient


def trace_learn_sgd(
    E: Array, W: Array, z: Array, z_next: Array | None, f: Array, d: Array, e: Array,
    net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
) -> None:  # fmt: skip
    """E = f E + d z^T; W -= rate (e E | e z^T); net += W z_next, unless net is None.

    E: (n_sources, n_traced), W: (n_sources, n_rows), z, z_next: (n_sources,), f, d: (n_traced,),
    e, net: (n_rows,). HS97 A.1 eqs 19-28, f: Gers 2000 eqs 3.10-3.12.
    """
    W -= rate * _trace_gradient(E, z, f, d, e, n_traced)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_learn_momentum(
    E: Array, W: Array, moment: Array, z: Array, z_next: Array | None, f: Array, d: Array,
    e: Array, net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
    first: float,
) -> None:  # fmt: skip
    """As trace_learn_sgd by the rule `momentum`; moment: (n_sources, n_rows)."""
    momentum(W, moment, _trace_gradient(E, z, f, d, e, n_traced), W.size, rate, first)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_learn_rmsprop(
    E: Array, W: Array, moment: Array, z: Array, z_next: Array | None, f: Array, d: Array,
    e: Array, net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
    decay: float, epsilon: float,
) -> None:  # fmt: skip
    """As trace_learn_sgd by the rule `rmsprop`; moment: (n_sources, n_rows)."""
    rmsprop(W, moment, _trace_gradient(E, z, f, d, e, n_traced), W.size, rate, decay, epsilon)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_learn_adam(
    E: Array, W: Array, moment: Array, v: Array, z: Array, z_next: Array | None, f: Array,
    d: Array, e: Array, net: Array | None, n_sources: int, n_traced: int, n_rows: int, rate: float,
    first: float, second: float, root: float, epsilon: float,
) -> None:  # fmt: skip
    """As trace_learn_sgd by the rule `adam`; moment, v: (n_sources, n_rows)."""
    gradient = _trace_gradient(E, z, f, d, e, n_traced)
    adam(W, moment, v, gradient, W.size, rate, first, second, root, epsilon)
    if net is not None and z_next is not None:
        net += z_next @ W


def trace_gradient(
    E: Array, G: Array, z: Array, f: Array, d: Array, e: Array, n_sources: int, n_traced: int,
    n_rows: int,
) -> None:  # fmt: skip
    """E = f E + d z^T; G += (e E | e z^T): one stream's share of the gradient of several.

    E: (n_sources, n_traced), G: (n_sources, n_rows), z: (n_sources,), f, d: (n_traced,), e:
    (n_rows,).
    """
    G += _trace_gradient(E, z, f, d, e, n_traced)


def add_scaled_rows(
    G: Array, E: Array, a: Array, n_sources: int, n_traced: int, n_rows: int
) -> None:  # fmt: skip
    """G_mr += a_r E_mr for r < n_traced; G: (n_sources, n_rows), E: (n_sources, n_traced)."""
    G[:, :n_traced] += a * E


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


# ---------------------------------------------------------------- csrc/network/optimizer.inc


def sgd(w: Array, g: Array, n: int, rate: float) -> None:
    """w -= rate g; w, g: (n,). HS97 A.1 eq. 22."""
    w -= rate * g


def momentum(w: Array, m: Array, g: Array, n: int, rate: float, momentum: float) -> None:
    """m = momentum m + g; w -= rate m; w, m, g: (n,)."""
    m[:] = momentum * m + g
    w -= rate * m


def rmsprop(
    w: Array, m: Array, g: Array, n: int, rate: float, decay: float, epsilon: float
) -> None:  # fmt: skip
    """m = decay m + (1 - decay) g^2; w -= rate g / (sqrt(m) + epsilon); w, m, g: (n,)."""
    m[:] = decay * m + (1 - decay) * g**2
    w -= rate * g / (np.sqrt(m) + epsilon)


def adam(
    w: Array, m: Array, v: Array, g: Array, n: int, rate: float, first: float, second: float,
    root: float, epsilon: float,
) -> None:  # fmt: skip
    """w -= rate m / (root sqrt(v) + epsilon); w, m, v, g: (n,).

    m = first m + (1 - first) g; v = second v + (1 - second) g^2.
    """
    m[:] = first * m + (1 - first) * g
    v[:] = second * v + (1 - second) * g**2
    w -= rate * m / (root * np.sqrt(v) + epsilon)


def clip(g: Array, n: int, limit: float) -> None:
    """-limit <= g <= limit; g: (n,)."""
    g[:] = np.clip(g, -limit, limit)


def scale(g: Array, n: int, factor: float) -> None:
    """g *= factor; g: (n,)."""
    g *= factor


def readout_learn_sgd(
    V: Array, q: Array, delta: Array, n_outputs: int, stride: int, rate: float
) -> None:  # fmt: skip
    """V -= rate delta q^T; V: (n_outputs, stride), q: (stride,), delta: (n_outputs,)."""
    V -= rate * np.outer(delta, q)


def readout_learn_momentum(
    V: Array, m: Array, q: Array, delta: Array, n_outputs: int, stride: int, rate: float,
    first: float,
) -> None:  # fmt: skip
    """The rule `momentum` with the gradient delta q^T; m: as V."""
    momentum(V, m, np.outer(delta, q), V.size, rate, first)


def readout_learn_rmsprop(
    V: Array, m: Array, q: Array, delta: Array, n_outputs: int, stride: int, rate: float,
    decay: float, epsilon: float,
) -> None:  # fmt: skip
    """The rule `rmsprop` with the gradient delta q^T; m: as V."""
    rmsprop(V, m, np.outer(delta, q), V.size, rate, decay, epsilon)


def readout_learn_adam(
    V: Array, m: Array, v: Array, q: Array, delta: Array, n_outputs: int, stride: int,
    rate: float, first: float, second: float, root: float, epsilon: float,
) -> None:  # fmt: skip
    """The rule `adam` with the gradient delta q^T; m, v: as V."""
    adam(V, m, v, np.outer(delta, q), V.size, rate, first, second, root, epsilon)


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


# ---------------------------------------------------------------- csrc/network/scale.c


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


# ---------------------------------------------------------------- the whole algorithm

_GATES: Final = {  # and the name of their peepholes
    "input_gate": "peephole_input",
    "forget_gate": "peephole_forget",
    "output_gate": "peephole_output",
}


def online_gradients(
    config: Mapping[str, Any], weights: Mapping[str, Array], X: Array, targets: Array
) -> Iterator[tuple[Array, dict[str, Array]]]:
    """Step through a sequence; after each step yield the output and the gradient of its loss.

    The truncated gradient by eligibility traces: whatever enters through z(t) or a peephole is a
    constant, the path c(t-1) -> c(t) is not cut (HS97 A.1 eqs 12-28, Gers 2000 eqs 3.10-3.12, Gers
    2002). The weights are read anew at every step: change them between two steps to learn online.

    Parameters
    ----------
    config : mapping
        The keyword arguments of `LSTM` by name, all of them up to `loss`.
    weights : mapping
        As `LSTM.parameters`. Not changed here.
    X : ndarray, (T, n_inputs)
    targets : ndarray, (T, n_outputs)
        A row of NaN is no target.

    Yields
    ------
    y : ndarray, (n_outputs,)
    gradient : dict
        dL/dw by the names of the weights; empty at a step without target.

    Examples
    --------
    The inner loop of online learning:

    >>> import numpy as np
    >>> config = dict(n_inputs=1, n_outputs=1, n_blocks=1, block_size=1, input_gate=False,
    ...               forget_gate=False, output_gate=False, peepholes=False, gate_recurrence=False,
    ...               cell_recurrence=False, shortcut=False, hidden_bias="none", output_bias=False,
    ...               cell_input="identity", cell_output="identity", output="identity",
    ...               loss="squared")
    >>> weights = {"cell_input": np.array([[0.5]]), "output": np.array([[1.0]])}
    >>> X, targets = np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]])
    >>> for y, gradient in online_gradients(config, weights, X, targets):
    ...     print(y, gradient["cell_input"], gradient["output"])
    ...     for name, g in gradient.items():
    ...         weights[name] -= 0.1 * g
    [0.5] [[-0.5]] [[-0.25]]
    [1.64] [[-1.107]] [[-0.576]]
    """
    n_blocks, block_size = config["n_blocks"], config["block_size"]
    keep = 1 - config.get("leak", 0.0)
    act = {gate: np.zeros(n_blocks) for gate in _GATES if config[gate]}
    c = np.zeros(n_blocks * block_size)
    h = np.zeros(n_blocks * block_size)
    traces: dict[str, Array] = {}

    def gate_activation(gate: str, z: Array, c_seen: Array) -> Array:
        """Activation of each cell's gate, from z and the states its peepholes see; absent: 1."""
        if not config[gate]:
            return np.ones(n_blocks * block_size)
        net = weights[gate] @ z
        if config["peepholes"]:
            net += (weights[_GATES[gate]] * c_seen.reshape(n_blocks, block_size)).sum(axis=1)
        act[gate] = squashed(net, "logistic")
        return np.repeat(act[gate], block_size)

    for x, target in zip(X, targets, strict=True):
        # z(t) = [x(t); h(t-1); gates(t-1); 1]
        z = np.concatenate([
            x,
            h if config["cell_recurrence"] else [],
            *(act.values() if config["gate_recurrence"] else []),
            [] if config["hidden_bias"] == "none" else [1.0],
        ])  # fmt: skip
        z_cell = z[: weights["cell_input"].shape[1]]  # cell inputs may have no bias

        c_prev = c
        i = gate_activation("input_gate", z, c_prev)
        f = keep * gate_activation("forget_gate", z, c_prev)
        if config["forget_gate"]:
            act["forget_gate"] *= keep
        g = squashed(weights["cell_input"] @ z_cell, config["cell_input"])
        c = f * c_prev + i * g
        o = gate_activation("output_gate", z, c)
        hc = squashed(c, config["cell_output"])
        h = o * hc

        # E(t) = f(t) E(t-1) + d(t) z(t)^T, a row for each cell                          (T)
        seen = np.repeat(c_prev.reshape(n_blocks, block_size), block_size, axis=0)  # by peepholes
        factors = {
            "input_gate": (g * slope(i, "logistic"), z),
            "forget_gate": (c_prev * f * (1 - f / keep), z),
            "cell_input": (i * slope(g, config["cell_input"]), z_cell),
        }
        factors["peephole_input"] = (factors["input_gate"][0], seen)
        factors["peephole_forget"] = (factors["forget_gate"][0], seen)
        for name in factors.keys() & weights.keys():
            d, source = factors[name]
            traces[name] = f[:, None] * traces.get(name, 0.0) + d[:, None] * source

        # q(t) = [h(t); x(t); 1]
        q = np.concatenate([
            h, x if config["shortcut"] else [], [1.0] if config["output_bias"] else []
        ])  # fmt: skip
        y = np.empty(config["n_outputs"])
        net = weights["output"] @ q
        if config["output"] == "softmax":
            softmax(net, y, y.size)
        else:
            y[:] = squashed(net, config["output"])
        if np.isnan(target).any():
            yield y, {}
            continue

        delta = y - target
        if config["loss"] == "squared":
            output_error(y - target, y, delta, y.size, KINDS.index(config["output"]))
        eps = delta @ weights["output"][:, : h.size]
        e = o * slope(hc, config["cell_output"]) * eps
        eo = (slope(o, "logistic") * hc * eps).reshape(n_blocks, block_size).sum(axis=1)
        gradient = {name: e[:, None] * trace for name, trace in traces.items()}
        for name in gradient.keys() - {"cell_input"}:  # a gate serves every cell of its block
            gradient[name] = gradient[name].reshape(n_blocks, block_size, -1).sum(axis=1)
        gradient["output"] = np.outer(delta, q)
        if config["output_gate"]:
            gradient["output_gate"] = np.outer(eo, z)
        if "peephole_output" in weights:
            gradient["peephole_output"] = eo[:, None] * c.reshape(n_blocks, block_size)
        yield y, gradient
