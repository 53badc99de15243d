"""How a step of a recurrent net depends on the step before and on its input, exactly.

Symbols: x(t) the inputs, s(t) the state a net carries from step to step, y(t) its outputs; a
Jacobian du/dv has a row for every entry of u and a column for every entry of v. `Jacobians` holds
the four of every step of a sequence,

    A(t) = ds(t)/ds(t-1)    B(t) = ds(t)/dx(t)    C(t) = dy(t)/ds(t)    D(t) = dy(t)/dx(t)

where D is what reaches the outputs without passing through the state. What depends on what over
time is a product of them:

    dy(T)/dx(t) = C(T) A(T) A(T-1) ... A(t+1) B(t)          and D(T) besides, for t = T
    ds(T)/dx(t) =      A(T) A(T-1) ... A(t+1) B(t)

lstm.py takes them from an `LSTM`, plain.py from a net without gates and cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Jacobians"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Jacobians:
    """The four Jacobians of every step of a sequence.

    Parameters
    ----------
    state_by_state : (n_steps, n_state, n_state) float64
        A(t) = ds(t)/ds(t-1).
    state_by_input : (n_steps, n_state, n_inputs) float64
        B(t) = ds(t)/dx(t).
    output_by_state : (n_steps, n_outputs, n_state) float64
        C(t) = dy(t)/ds(t).
    output_by_input : (n_steps, n_outputs, n_inputs) float64
        D(t) = dy(t)/dx(t), past the state.
    names : tuple of str
        What each entry of the state is.

    Notes
    -----
    The products below cost O(n_steps n_state^2 m) for m outputs or inputs.

    Examples
    --------
    A net of one unit, s(t) = s(t-1) / 2 + x(t), y(t) = 2 s(t):

    >>> import numpy as np
    >>> from pylstm.analysis import Jacobians
    >>> each = np.ones((4, 1, 1))
    >>> jacobians = Jacobians(0.5 * each, each, 2.0 * each, 0.0 * each, names=("unit[0]",))
    >>> jacobians.of_output().ravel().tolist()
    [0.25, 0.5, 1.0, 2.0]
    >>> jacobians.of_state().ravel().tolist()
    [1.0, 0.5, 0.25, 0.125]
    """

    state_by_state: Array
    state_by_input: Array
    output_by_state: Array
    output_by_input: Array
    names: tuple[str, ...]

    def of_output(self) -> Array:
        """Give dy(T)/dx(t) of the last step T, for every t, by reverse accumulation.

        Returns
        -------
        (n_steps, n_outputs, n_inputs) float64
        """
        by_input = np.empty_like(self.output_by_input)
        by_state = self.output_by_state[-1]
        for t in reversed(range(len(by_input))):
            by_input[t] = by_state @ self.state_by_input[t]
            by_state = by_state @ self.state_by_state[t]
        by_input[-1] += self.output_by_input[-1]
        return by_input

    def of_state(self, t: int = 0) -> Array:
        """Give ds(T)/dx(t) of one step t, for every T from t on, by forward accumulation.

        Parameters
        ----------
        t : int, default 0
            The step whose input it is, from 0.

        Returns
        -------
        (n_steps - t, n_state, n_inputs) float64
        """
        by_input = np.array(self.state_by_input[t:])
        for k in range(1, len(by_input)):
            by_input[k] = self.state_by_state[t + k] @ by_input[k - 1]
        return by_input
