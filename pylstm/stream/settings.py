"""What a stream is run with: one place for names, defaults and checks."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from pylstm.stream.errors import StreamError

__all__ = ["Settings"]


def _whole(value: object, least: int) -> bool:
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
    horizon : int, default 1
        Rows ahead to predict.
    season : int, optional
        Rows in a season (24 for hourly rows with a daily rhythm): the second opponent is the value
        one season before the predicted row. At least the horizon, so that this value is known in
        time.
    cells : int, default 32
        Memory cells of the network, each with its own gates.
    learning_rate : float, default 0.01
        Of the truncated gradient descent, on standardised values.
    momentum : float, default 0
        From 0 up to, not including, 1.
    predict : {"change", "level"}, default "change"
        What the output of the network means: the change from the last known value, so that an
        output of 0 is the forecast "as now"; or the value itself.
    memory : int, default 3000
        Rows after which the running standardisation forgets, see `RunningScale`.
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
    >>> from pylstm.stream import Settings
    >>> Settings(target="temp", horizon=6, season=24).cells
    32
    """

    target: str
    inputs: tuple[str, ...] | None = None
    horizon: int = 1
    season: int | None = None
    cells: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.0
    predict: str = "change"
    memory: int = 3000
    mark_missing: bool = False
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("horizon", "cells", "memory"):
            self._check(name, _whole(getattr(self, name), 1), "a whole number of at least 1")
        self._check("seed", _whole(self.seed, 0), "a whole number of at least 0")
        season_fits = self.season is None or _whole(self.season, 1)
        self._check("season", season_fits, "a whole number of at least 1")
        rate = self.learning_rate
        self._check("learning_rate", math.isfinite(rate) and rate >= 0, "a number of at least 0")
        self._check("momentum", 0 <= self.momentum < 1, "a number from 0 up to, not including, 1")
        self._check("predict", self.predict in ("change", "level"), "'change' or 'level'")
        self._check("dtype", self.dtype in ("float32", "float64"), "'float32' or 'float64'")
        self._check("inputs", self.inputs is None or len(self.inputs) > 0, "at least one column")
        inputs = self.inputs or ()
        for name in inputs:
            if inputs.count(name) > 1:
                raise StreamError(f"inputs names {name!r} twice, wanted every column once")
        if self.season is not None and self.season < self.horizon:
            raise StreamError(
                f"season is {self.season} and horizon is {self.horizon}, wanted a season of at "
                "least the horizon: the value one season ago must be known when predicting"
            )

    def _check(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise StreamError(f"{name} is {getattr(self, name)!r}, wanted {wanted}")
