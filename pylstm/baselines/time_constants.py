"""Units with time constants: activations that change slowly, each at a pace of its own."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from pylstm.architecture import Squashing
from pylstm.baselines.recurrent import FullyRecurrent
from pylstm.checks import check_size, within_memory
from pylstm.heads import Loss, Output
from pylstm.network import INIT_RANGE
from pylstm.optimizers import Optimizer

__all__ = ["TimeConstants"]


class TimeConstants(FullyRecurrent):
    """A recurrent network whose hidden units have time constants (Mozer 1992).

    With sources z = [x(t); a(t-1); 1],

        a(t) = tau a(t-1) + (1 - tau) squashing(W z)        tau: (n_hidden,), fixed
        y(t) = output(V [a(t); x(t); 1])

    A unit with tau near 1 sees what changes slowly and forgets little from step to step; one with
    tau = 0 is a plain unit. The gradient is the exact one, that of `FullyRecurrent`.

    Parameters
    ----------
    n_inputs, n_outputs, n_hidden : int
        At least 1.
    time_constants : array_like, shape (n_hidden,), optional
        tau of each unit, 0 or more and less than 1. None: ``1 - 2**-k`` for k = 0, 1, ... up to
        `longest`, and from the start again: time scales of 1, 2, 4, ... steps.
    longest : int, default 7
        The largest k, where there are no `time_constants`.
    gradient, window, shortcut, hidden_bias, output_bias, squashing, output, loss, init_range, \
optimizer, seed
        As in `FullyRecurrent`.

    Raises
    ------
    ValueError, TypeError
        For a size, value or combination that makes no sense.

    Notes
    -----
    How the time constants are spread is chosen here. Costs are those of `FullyRecurrent`.

    Examples
    --------
    >>> from pylstm.baselines import TimeConstants
    >>> net = TimeConstants(2, 1, n_hidden=5, longest=3)
    >>> net.time_constants.tolist()
    [0.0, 0.5, 0.75, 0.875, 0.0]
    """

    @within_memory()
    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int,
        *,
        time_constants: npt.ArrayLike | None = None,
        longest: int = 7,
        gradient: Literal["rtrl", "bptt"] = "rtrl",
        window: int | None = None,
        shortcut: bool = False,
        hidden_bias: bool = True,
        output_bias: bool = True,
        squashing: Squashing = "logistic",
        output: Output = "logistic",
        loss: Loss = "squared",
        init_range: float = INIT_RANGE,
        optimizer: Optimizer | None = None,
        seed: int | np.random.Generator = 0,
    ) -> None:
        if time_constants is None:
            k = np.arange(check_size("n_hidden", n_hidden)) % (
                check_size("longest", longest, 0) + 1
            )
            time_constants = 1 - 0.5**k
        super().__init__(
            n_inputs,
            n_outputs,
            n_hidden,
            gradient=gradient,
            window=window,
            readout="layer",
            shortcut=shortcut,
            hidden_bias=hidden_bias,
            output_bias=output_bias,
            squashing=squashing,
            output=output,
            loss=loss,
            time_constants=time_constants,
            init_range=init_range,
            optimizer=optimizer,
            seed=seed,
        )

    @property
    def time_constants(self) -> npt.NDArray[np.float64]:
        """tau of each hidden unit, (n_hidden,)."""
        return np.array(self._config["time_constants"])
