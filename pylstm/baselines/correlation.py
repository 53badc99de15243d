"""How well candidates for a unit correlate with errors, and the gradient of that."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.baselines.packing import Packing

__all__ = ["correlate", "tanh_half"]

Array = npt.NDArray[Any]


def tanh_half(net: Array) -> Array:
    """Squash to (-1, 1): ``tanh(net / 2) = 2 / (1 + exp(-net)) - 1``."""
    return np.tanh(0.5 * net)


def correlate(
    candidates: Array, sources: Array, errors: Array, packing: Packing
) -> tuple[Array, Array]:
    """Covariance of each candidate's activation with each output error, and the score's gradient.

    ``C_ko = sum_t a_k(t) errors_o(t)`` with ``a_k(t) = tanh_half(w_k sources(t) + s_k a_k(t-1))``;
    the score of a candidate is S_k = sum_o |C_ko|. Its gradient is exact through time:

        e_k(t) = a_k'(t) (sum_o sign(C_ko) errors_o(t) + s_k e_k(t+1))
        dS_k/dw_k = sum_t e_k(t) sources(t)        dS_k/ds_k = sum_t e_k(t) a_k(t-1)

    (Fahlman 1991; the same sums as by his recursion forward in time, at no cost a weight and step.)

    Parameters
    ----------
    candidates : (n_candidates, n_sources + 1)
        A row a candidate, the weight to itself last.
    sources : (n_steps, n_sources)
        Packed.
    errors : (n_steps, n_outputs)
        Packed; each column has mean zero, so that C is a covariance.
    packing : Packing

    Returns
    -------
    covariance : (n_candidates, n_outputs)
    gradient : of the shape of candidates

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.baselines.correlation import correlate
    >>> from pylstm.baselines.packing import Packing
    >>> sources, errors = np.array([[0.0], [1.0]]), np.array([[-1.0], [1.0]])
    >>> covariance, gradient = correlate(np.array([[2.0, 1.0]]), sources, errors, Packing([2]))
    >>> bool(covariance[0, 0] == np.tanh(1.0))
    True
    >>> bool(np.isclose(gradient[0, 0], 0.5 * (1 - np.tanh(1.0) ** 2)))
    True
    """
    w, w_self = candidates[:, :-1], candidates[:, -1]
    a = packing.scan(sources @ w.T, w_self, tanh_half)
    covariance = a.T @ errors
    e = packing.scan_back(errors @ np.sign(covariance).T, 0.5 - 0.5 * a * a, w_self)
    gradient = np.empty_like(candidates)
    gradient[:, :-1] = e.T @ sources
    gradient[:, -1] = (e * packing.before(a)).sum(axis=0)
    return covariance, gradient
