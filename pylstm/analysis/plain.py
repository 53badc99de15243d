"""A plain recurrent net: one layer of units that see the inputs and each other, nothing more."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pylstm.analysis.jacobians import Jacobians
from pylstm.reference import KINDS, slope, squashed

__all__ = ["PlainNet"]

Array = npt.NDArray[Any]


class PlainNet:
    """A plain recurrent net with given weights, in NumPy, to be looked into.

        h(t) = squash(W_x x(t) + W_h h(t-1) + b)            h(0) = 0
        y(t) = V h(t)

    Its state is h, and dh(t)/dh(t-1) = diag(squash') W_h: what is k steps back reaches the outputs
    through k such factors (Hochreiter & Schmidhuber 1997, section 3.1).

    Parameters
    ----------
    W_x : array_like, shape (n_hidden, n_inputs)
    W_h : array_like, shape (n_hidden, n_hidden)
    V : array_like, shape (n_outputs, n_hidden)
    bias : array_like, shape (n_hidden,), default zeros
    kind : {"tanh", "logistic", "identity", "tanh_half", "two_tanh_half"}
        The squashing; default "tanh".

    Raises
    ------
    ValueError
        For shapes that do not fit, or an unknown squashing.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.analysis import PlainNet
    >>> net = PlainNet([[1.0]], [[0.5]], [[2.0]], kind="identity")
    >>> net.run([[1.0], [0.0], [0.0]]).ravel().tolist()
    [2.0, 1.0, 0.5]
    """

    def __init__(
        self,
        W_x: npt.ArrayLike,
        W_h: npt.ArrayLike,
        V: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        kind: Literal["tanh", "logistic", "identity", "tanh_half", "two_tanh_half"] = "tanh",
    ) -> None:
        self.W_x, self.W_h, self.V = (np.array(W, float) for W in (W_x, W_h, V))
        n_hidden = len(self.W_h)
        self.bias = np.zeros(n_hidden) if bias is None else np.array(bias, float)
        wanted = {
            "W_x": (n_hidden, self.W_x.shape[-1]),
            "W_h": (n_hidden, n_hidden),
            "V": (len(self.V), n_hidden),
            "bias": (n_hidden,),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, wanted {shape}")
        if kind not in KINDS[:-1]:
            raise ValueError(f"kind is {kind!r}, wanted one of {', '.join(map(repr, KINDS[:-1]))}")
        self.kind = kind

    @classmethod
    def random(
        cls, n_inputs: int, n_hidden: int, n_outputs: int, radius: float, rng: np.random.Generator
    ) -> PlainNet:
        """Draw a net of tanh units.

        Weights are normal with variance 1 over the number of sources; W_h is then scaled so that
        the largest absolute value of its eigenvalues is `radius`: what a gradient is multiplied
        with at every step, as long as the units are not saturated.

        Parameters
        ----------
        n_inputs, n_hidden, n_outputs : int
        radius : float
            Spectral radius of W_h.
        rng : numpy Generator

        Returns
        -------
        PlainNet

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.analysis import PlainNet
        >>> net = PlainNet.random(2, 5, 1, radius=1.5, rng=np.random.default_rng(0))
        >>> float(np.abs(np.linalg.eigvals(net.W_h)).max().round(12))
        1.5
        """
        W_x = rng.normal(0, n_inputs**-0.5, (n_hidden, n_inputs))
        W_h = rng.normal(0, n_hidden**-0.5, (n_hidden, n_hidden))
        V = rng.normal(0, n_hidden**-0.5, (n_outputs, n_hidden))
        return cls(W_x, W_h * (radius / np.abs(np.linalg.eigvals(W_h)).max()), V)

    def _states(self, X: npt.ArrayLike) -> Array:
        """h after every step, (n_steps, n_hidden)."""
        inputs = np.asarray(X, float)
        if inputs.ndim != 2 or inputs.shape[1] != self.W_x.shape[1] or not len(inputs):
            raise ValueError(
                f"X has shape {inputs.shape}, wanted (n_steps, {self.W_x.shape[1]}) of at least "
                "one step"
            )
        h = np.empty((len(inputs), len(self.W_h)))
        h_prev = np.zeros(len(self.W_h))
        for t, net in enumerate(inputs @ self.W_x.T + self.bias):
            h_prev = h[t] = squashed(net + self.W_h @ h_prev, self.kind)
        return h

    def run(self, X: npt.ArrayLike) -> Array:
        """Give the outputs over a sequence, from a fresh state.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs)

        Returns
        -------
        (n_steps, n_outputs) float64

        Raises
        ------
        ValueError
            For inputs of another shape.

        Examples
        --------
        >>> from pylstm.analysis import PlainNet
        >>> PlainNet([[1.0]], [[0.0]], [[3.0]], bias=[0.5], kind="identity").run([[2.0]]).tolist()
        [[7.5]]
        """
        return np.asarray(self._states(X) @ self.V.T)

    def jacobians(self, X: npt.ArrayLike) -> Jacobians:
        """Take the Jacobians over a sequence, from a fresh state.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs)

        Returns
        -------
        Jacobians

        Raises
        ------
        ValueError
            For inputs of another shape.

        Examples
        --------
        >>> from pylstm.analysis import PlainNet
        >>> net = PlainNet([[1.0]], [[0.5]], [[2.0]], kind="identity")
        >>> net.jacobians([[1.0], [3.0]]).state_by_state.ravel().tolist()
        [0.5, 0.5]
        """
        h = self._states(X)
        slopes = slope(h, self.kind)[:, :, None]
        n_steps, n_outputs = len(h), len(self.V)
        return Jacobians(
            state_by_state=slopes * self.W_h,
            state_by_input=slopes * self.W_x,
            output_by_state=np.broadcast_to(self.V, (n_steps, *self.V.shape)),
            output_by_input=np.zeros((n_steps, n_outputs, self.W_x.shape[1])),
            names=tuple(f"hidden[{k}]" for k in range(h.shape[1])),
        )
