"""What a stream is run with: one place for names, defaults and checks."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, replace
from typing import Any

from pylstm.errors import brief
from pylstm.estimators.defaults import OPTIMIZERS
from pylstm.optimizers import SGD, Optimizer
from pylstm.tabular.errors import StreamError

__all__ = ["RATES", "Settings"]

# The choices of --optimizer, with their learning rates by default.
RATES = {name: optimizer.numbers()["learning_rate"] for name, optimizer in OPTIMIZERS.items()}


def _is_whole(value: object, least: int) -> bool:
    return (
        isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least
    )


@dataclass(frozen=True)
class Settings:
    """Settings of one stream, the same names as the options of ``pylstm stream``.

    Parameters
    ----------
    target : str
        Column to predict.
    inputs : tuple of str, optional
        Columns the network sees; None: every column of numbers, the target among them.
    classify : bool, default False
        Whether the target is labels, text of which only the equality counts, instead of numbers.
    horizon : int, optional
        Rows ahead to predict; 1 by default. Of labels 0 by default: that of the row itself, from
        the other cells of the row.
    season : int, optional
        Rows in a season (24 for hourly rows with a daily rhythm): the second opponent is the value
        one season before the predicted row. At least the horizon, so that this value is known in
        time.
    cells : int, default 32
        Memory cells of the network, each with its own gates.
    optimizer : {"sgd", "momentum", "rmsprop", "adam", "obgd"}, optional
        By default "sgd" for numbers and "rmsprop", as in `pylstm.estimators`, for labels.
    learning_rate : float, optional
        Of the truncated gradient descent, on standardised values; by default that of `RATES`.
    momentum : float, optional
        Of "sgd", 0 by default, and "momentum", 0.9 by default: from 0 up to, not including, 1.
    predict : {"change", "level"}, default "change"
        What the output of the network means: the change from the last known value, so that an
        output of 0 is the forecast "as now"; or the value itself.
    memory : int, default 3000
        Rows after which the running standardisation forgets, see `RunningScale`.
    time : str, optional
        Column of times; the hour of the day, the day of the week and the day of the year become
        inputs, see `Clock`.
    mark_missing : bool, default False
        Give the network one more input a column: 1 where the cell was missing, else 0.
    dtype : {"float32", "float64"}, default "float32"
    seed : int, default 0
        Of the starting weights.

    Raises
    ------
    StreamError
        For a value that makes no sense.

    Examples
    --------
    >>> from pylstm.tabular import Settings
    >>> Settings(target="temp", horizon=6, season=24).cells
    32
    """

    target: str
    inputs: tuple[str, ...] | None = None
    classify: bool = False
    # What is None here depends on other settings and is chosen in __post_init__.
    horizon: int = None  # type: ignore[assignment]
    season: int | None = None
    cells: int = 32
    optimizer: str = None  # type: ignore[assignment]
    learning_rate: float = None  # type: ignore[assignment]
    momentum: float = None  # type: ignore[assignment]
    predict: str = "change"
    memory: int = 3000
    time: str | None = None
    mark_missing: bool = False
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        self._set_default("optimizer", "rmsprop" if self.classify else "sgd")
        one_of = ", ".join(map(repr, OPTIMIZERS))
        self._require("optimizer", self.optimizer in OPTIMIZERS, f"one of {one_of}")
        self._set_default("learning_rate", RATES[self.optimizer])
        self._set_default("momentum", 0.9 if self.optimizer == "momentum" else 0.0)
        self._set_default("horizon", 0 if self.classify else 1)
        least = 0 if self.classify else 1
        self._require(
            "horizon", _is_whole(self.horizon, least), f"a whole number of at least {least}"
        )
        for name in ("cells", "memory"):
            self._require(name, _is_whole(getattr(self, name), 1), "a whole number of at least 1")
        self._require("seed", _is_whole(self.seed, 0), "a whole number of at least 0")
        season_fits = self.season is None or _is_whole(self.season, 1)
        self._require("season", season_fits, "a whole number of at least 1")
        rate = self.learning_rate
        self._require("learning_rate", math.isfinite(rate) and rate >= 0, "a number of at least 0")
        self._require("momentum", 0 <= self.momentum < 1, "a number from 0 up to, not including, 1")
        if self.momentum and self.optimizer not in ("sgd", "momentum"):
            raise StreamError(
                f"momentum is {brief(self.momentum)} and optimizer is {brief(self.optimizer)}, "
                "wanted "
                "momentum with 'sgd' or 'momentum' only"
            )
        self._require("predict", self.predict in ("change", "level"), "'change' or 'level'")
        self._require("dtype", self.dtype in ("float32", "float64"), "'float32' or 'float64'")
        self._require("inputs", self.inputs is None or len(self.inputs) > 0, "at least one column")
        inputs = self.inputs or ()
        for name in inputs:
            if inputs.count(name) > 1:
                raise StreamError(f"inputs names {brief(name)} twice, wanted every column once")
        if self.season is not None and self.season < self.horizon:
            raise StreamError(
                f"season is {self.season} and horizon is {self.horizon}, wanted a season of at "
                "least the horizon: the value one season ago must be known when predicting"
            )

    def _set_default(self, name: str, value: object) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    def _require(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise StreamError(f"{name} is {brief(getattr(self, name))}, wanted {wanted}")

    def new_optimizer(self) -> Optimizer:
        """Return the optimiser that the settings name."""
        chosen = OPTIMIZERS[self.optimizer]
        changes: dict[str, Any] = {"learning_rate": self.learning_rate}
        if isinstance(chosen, SGD):
            changes["momentum"] = self.momentum
        return replace(chosen, **changes)

    def sees_labels(self) -> bool:
        """Tell whether the last known label is an input: if the target is, and is labels."""
        return self.classify and (self.inputs is None or self.target in self.inputs)
