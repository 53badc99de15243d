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


def _as_tuple(value: Any) -> tuple[Any, ...]:
    """One, several or none as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple | list) else (value,)


@dataclass(frozen=True)
class Settings:
    """Settings of one stream, the same names as the options of ``pylstm stream``.

    Parameters
    ----------
    target : str or tuple of str
        Column to predict; with `detect` one or several to watch.
    inputs : tuple of str, optional
        Columns the network sees; None: every column of numbers, and true or false. The past of the
        target is known in any case, of labels unless `inputs` leaves the target out.
    classify : bool, default False
        Whether the target is labels, text of which only the equality counts, instead of numbers.
    detect : bool, default False
        Whether every row is to be scored by how unlike its targets are to what was expected, see
        `pylstm.estimators.Detector`, instead of predicting them.
    horizon : int, optional
        Rows ahead to predict; 1 by default. 0, the default of labels: the target of the row itself,
        from its other cells.
    delay : int, default 0
        With `horizon` 0, how many rows later than its row a target comes to be known.
    season : int or tuple of int, optional
        Rows in a season, or in several: 24 for hourly rows with a daily rhythm, (24, 168) with a
        weekly one too. The values one season before the predicted row are further baselines, and of
        a horizon of at least 1 what the forecast starts from, see `pylstm.estimators.Forecaster`.
    cells : int, optional
        Memory cells of each network: 32; with `keys` 8, 16 where they are `shared`.
    optimizer : {"sgd", "momentum", "rmsprop", "adam", "obgd"}, optional
        Of a single network; "sgd" where only its rate or momentum is given, "rmsprop" with `keys`.
        By default there are several, with different rates, mixed by their losses, see
        `pylstm.estimators`.
    learning_rate : float, optional
        Of the optimizer, on standardised values; by default that of `RATES`.
    momentum : float, optional
        Of "sgd", 0 by default, and "momentum", 0.9 by default: from 0 up to, not including, 1.
    interval : float, optional
        Share of the targets that intervals around the predictions are to hold, between 0 and 1.
        None: 0.9 in the report and in pictures, none in what is written.
    memory : int, default 3000
        Rows after which the running standardisation forgets, see `RunningScale`.
    time : str, optional
        Column of times; places of the predicted row in the day, the week and the year become
        inputs, see `pylstm.estimators.calendar`.
    keys : tuple of str, default ()
        Columns whose cells tell series apart that stand in one table: a model each.
    shared : bool, default False
        With `keys`: the same weights for every key, each with a state and scales of its own.
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
    >>> Settings(target="temp", horizon=6, season=24).season
    (24,)
    """

    target: str | tuple[str, ...]
    inputs: tuple[str, ...] | None = None
    classify: bool = False
    detect: bool = False
    # What is None here depends on other settings and is chosen in __post_init__.
    horizon: int = None  # type: ignore[assignment]
    delay: int = 0
    season: tuple[int, ...] = ()
    cells: int = None  # type: ignore[assignment]
    optimizer: str | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    interval: float | None = None
    memory: int = 3000
    time: str | None = None
    keys: tuple[str, ...] = ()
    shared: bool = False
    mark_missing: bool = False
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        self._set("season", _as_tuple(self.season))
        self._set("keys", _as_tuple(self.keys))
        self._set_default("horizon", 0 if self.classify or self.detect else 1)
        if self.keys:  # many models: small ones
            self._set_default("cells", 16 if self.shared else 8)
            if self.learning_rate is None and self.momentum is None:
                self._set_default("optimizer", "rmsprop")
        self._set_default("cells", 32)
        self._check_task()
        self._check_optimizer()
        for name, least in (("horizon", 0), ("delay", 0), ("cells", 1), ("memory", 1), ("seed", 0)):
            good = _is_whole(getattr(self, name), least)
            self._require(name, good, f"a whole number of at least {least}")
        for season in self.season:
            if not _is_whole(season, 1):
                raise StreamError(f"season is {brief(season)}, wanted a whole number of at least 1")
        self._require("season", len({*self.season}) == len(self.season), "every season once")
        self._require("dtype", self.dtype in ("float32", "float64"), "'float32' or 'float64'")
        self._require("inputs", self.inputs is None or len(self.inputs) > 0, "at least one column")
        for name in ("inputs", "keys"):
            columns = getattr(self, name) or ()
            for column in columns:
                if columns.count(column) > 1:
                    raise StreamError(
                        f"{name} names {brief(column)} twice, wanted every column once"
                    )
        if self.interval is not None:
            good = isinstance(self.interval, numbers.Real) and 0 < self.interval < 1
            self._require("interval", good, "a number between 0 and 1")
        if self.delay and self.horizon:
            raise StreamError(
                f"delay is {self.delay} and horizon is {self.horizon}, wanted a delay with "
                "horizon 0: of rows ahead the horizon says when their targets come"
            )
        if self.shared and not self.keys:
            raise StreamError("shared is given without key, wanted the columns of the keys")
        for name in ("classify", "detect", "delay"):
            if self.shared and getattr(self, name):
                raise StreamError(
                    f"shared is given with {name}, wanted numbers to predict that come in time"
                )

    def _check_task(self) -> None:
        """What is to be done with the target, and what goes with it."""
        if not self.detect:
            self._require("target", isinstance(self.target, str), "one column")
            return
        self._set("target", _as_tuple(self.target))
        self._require("target", len(self.target) > 0, "columns to watch")
        for name, nothing in (("classify", False), ("horizon", 0), ("delay", 0)):
            value = getattr(self, name)
            if value != nothing:
                raise StreamError(
                    f"{name} is {brief(value)} with detect, which scores every row: leave it out"
                )
        if len(self.season) > 1:
            raise StreamError(f"season is {brief(self.season)} with detect, wanted one")
        named = [*self.target, *(self.inputs or ())]
        for name in named:
            if named.count(name) > 1:
                raise StreamError(f"column {brief(name)} is named twice, wanted every column once")

    def _check_optimizer(self) -> None:
        if self.optimizer is None:
            if self.learning_rate is None and self.momentum is None:
                return
            self._set("optimizer", "sgd")
        assert self.optimizer is not None
        self._require(
            "optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(map(repr, OPTIMIZERS))}"
        )
        self._set_default("learning_rate", RATES[self.optimizer])
        self._set_default("momentum", 0.9 if self.optimizer == "momentum" else 0.0)
        rate, momentum = self.learning_rate, self.momentum
        assert rate is not None
        assert momentum is not None
        self._require("learning_rate", math.isfinite(rate) and rate >= 0, "a number of at least 0")
        self._require("momentum", 0 <= momentum < 1, "a number from 0 up to, not including, 1")
        if momentum and self.optimizer not in ("sgd", "momentum"):
            raise StreamError(
                f"momentum is {brief(momentum)} and optimizer is {brief(self.optimizer)}, wanted "
                "momentum with 'sgd' or 'momentum' only"
            )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _set_default(self, name: str, value: object) -> None:
        if getattr(self, name) is None:
            self._set(name, value)

    def _require(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise StreamError(f"{name} is {brief(getattr(self, name))}, wanted {wanted}")

    @property
    def targets(self) -> tuple[str, ...]:
        """The column to predict, or those to watch."""
        return _as_tuple(self.target)

    @property
    def level(self) -> float:
        """The share that intervals are to hold."""
        return 0.9 if self.interval is None else self.interval

    def new_optimizer(self) -> Optimizer | None:
        """Return the optimizer that the settings name, None for those of the estimators."""
        if self.optimizer is None:
            return None
        chosen = OPTIMIZERS[self.optimizer]
        changes: dict[str, Any] = {"learning_rate": self.learning_rate}
        if isinstance(chosen, SGD):
            changes["momentum"] = self.momentum
        return replace(chosen, **changes)

    def sees_labels(self) -> bool:
        """Tell whether the last known label is an input: if the target is, and is labels."""
        return self.classify and (self.inputs is None or self.target in self.inputs)
