"""Predict-then-learn: one network that sees a stream once, row by row, and learns at every row.

Symbols: x(t) inputs of row t, standardised, y(t) target, h horizon, f the network with its state.

At row t, in this order:

    learn     the target y(t) of the step made with x(t-h)
    predict   y^(t+h) from the step made with x(t)

The target comes h - 1 steps after its step, before the next one: `Delayed` keeps a state for it,
so that the traces belong to the step that is learned from and the truncated gradient is exact. A
row costs one learning step and, with h > 1, one forward step more, whatever the horizon.

What the network puts out is the standardised change y(t+h) - y(t) (or the standardised level).
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import RunningScale
from pylstm.delayed import Delayed
from pylstm.network import LSTM
from pylstm.tabular.settings import Settings
from pylstm.tabular.table import Vector

__all__ = ["Forecaster"]


def _new_network(n_inputs: int, settings: Settings) -> LSTM:
    # Uniform weights of variance 1 / n_sources: net inputs start with the variance of the sources.
    n_sources = n_inputs + settings.cells + 1
    return LSTM(
        n_inputs,
        1,
        settings.cells,
        init_range=float(np.sqrt(3 / n_sources)),
        bias_init={"forget_gate": 1.0},
        optimizer=settings.new_optimizer(),
        dtype=settings.dtype,
        seed=settings.seed,
    )


def _restored_network(delayed: Delayed, state: dict[str, Any]) -> Delayed:
    """The network of a saved state, which must be of the same make as that of `delayed`."""
    own = (delayed.delay, delayed.net.__getstate__()["config"])
    if (state["delay"], state["net"]["config"]) != own:
        raise ValueError("the saved network does not fit the saved settings")
    restored = Delayed.__new__(Delayed)
    restored.__setstate__(state)
    return restored


class Forecaster:
    """Predicts a column of a stream `horizon` rows ahead and learns at every row.

    Parameters
    ----------
    n_columns : int
        Number of input columns.
    settings : Settings
        Horizon, size of the network, learning rate and so on.

    Notes
    -----
    Each column is given to the network as its standardised level and its standardised change since
    the last row. A missing cell keeps the last known level, with change 0. A missing target is not
    learned from. Memory does not grow with the stream.

    Examples
    --------
    Learn a sine wave in one pass and predict it three rows ahead:

    >>> import numpy as np
    >>> from pylstm.tabular import Forecaster, Settings
    >>> wave = np.sin(0.3 * np.arange(4000))
    >>> forecaster = Forecaster(1, Settings(target="wave", horizon=3))
    >>> predictions = [forecaster.update(np.array([value]), value) for value in wave]
    >>> errors = np.abs(np.array(predictions[:-3]) - wave[3:])
    >>> bool(errors[-500:].mean() < 0.1)
    True
    """

    def __init__(self, n_columns: int, settings: Settings) -> None:
        self.settings = settings
        n_inputs = n_columns * (3 if settings.mark_missing else 2)
        self.delayed = Delayed(_new_network(n_inputs, settings), settings.horizon - 1)
        self.input_scale = RunningScale(2 * n_columns, settings.memory)
        # Without a centre, the output 0 of a net that predicts changes means "no change".
        self.target_scale = RunningScale(1, settings.memory, centre=settings.predict == "level")
        self.last_inputs = np.full(n_columns, np.nan)
        self.last_target = np.nan
        self.pending: deque[float] = deque()  # the last target known at each step not learned from

    @property
    def net(self) -> LSTM:
        """The network, at the last step that can be learned from."""
        return self.delayed.net

    def update(self, inputs: Vector, target: float) -> float:
        """Take in one row: learn what it completes, then predict.

        Parameters
        ----------
        inputs : ndarray, shape (n_columns,), float64
            Cells of this row; NaN where missing.
        target : float
            Target of this row; NaN where missing.

        Returns
        -------
        float
            The prediction for the row `horizon` rows from here; NaN as long as no target is known.

        Raises
        ------
        ValueError
            For another number of inputs, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        inputs = np.asarray(inputs, np.float64)
        if inputs.shape != self.last_inputs.shape or np.isinf(inputs).any() or np.isinf(target):
            raise ValueError(
                f"inputs {inputs} and target {target}, wanted {self.last_inputs.size} numbers and "
                "one, NaN where missing"
            )
        if len(self.pending) == self.settings.horizon:
            self.delayed.learn(self._standardised_target(target, self.pending.popleft()))
        if not np.isnan(target):
            self.last_target = target
        x = self._standardised_inputs(inputs)
        self.pending.append(self.last_target)
        return self._in_target_units(float(self.delayed.step(x)[0]))

    def _standardised_inputs(self, inputs: Vector) -> npt.NDArray[Any]:
        missing = np.isnan(inputs)
        known = np.where(missing, self.last_inputs, inputs)
        change = inputs - self.last_inputs
        self.last_inputs = known
        self.input_scale.update(np.concatenate([inputs, change]))
        z = self.input_scale.standardise(np.concatenate([known, change]))
        # A missing cell has change NaN here, and a column never seen a level of NaN.
        z[np.isnan(z)] = 0.0
        if self.settings.mark_missing:
            z = np.concatenate([z, missing])
        return z.astype(self.net.dtype)

    def _standardised_target(self, target: float, last_target: float) -> npt.NDArray[Any]:
        """What the output should have been; NaN, not learned from, where a value is missing."""
        value = target - last_target if self.settings.predict == "change" else target
        values = np.array([value])
        self.target_scale.update(values)
        return self.target_scale.standardise(values).astype(self.net.dtype)

    def _in_target_units(self, output: float) -> float:
        scale = self.target_scale
        output = min(max(output, -scale.limit), scale.limit)
        change = float(scale.deviation[0]) * output
        if self.settings.predict == "change":
            return self.last_target + change
        return float(scale.mean[0]) + change if scale.count[0] else np.nan

    def state(self) -> dict[str, Any]:
        """Return everything that decides how the stream goes on, as plain numbers and arrays."""
        return {
            "delayed": self.delayed.__getstate__(),
            "input_scale": self.input_scale.state(),
            "target_scale": self.target_scale.state(),
            "last_inputs": self.last_inputs,
            "last_target": float(self.last_target),
            "pending_targets": np.array(self.pending, float),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.delayed = _restored_network(self.delayed, state["delayed"])
        self.input_scale.restore(state["input_scale"])
        self.target_scale.restore(state["target_scale"])
        self.last_inputs[:] = state["last_inputs"]
        self.last_target = float(state["last_target"])
        self.pending = deque(state["pending_targets"].tolist())
