"""What a session of 0.1.0 holds, so that it goes on to the same numbers; nothing new is.

Symbols: x(t) inputs of row t, y(t) target, h horizon. Numbers were predicted by one network that
was given standardised inputs and changes and learned, a horizon behind, the standardised change of
the target (or its level); labels by a `Classifier` that was given the last label as a feature.
"""

from __future__ import annotations

import math
from calendar import isleap
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import RunningScale
from pylstm.delayed import Delayed
from pylstm.estimators import Classifier
from pylstm.network import LATER_SWITCHES, LSTM
from pylstm.optimizers import SGD
from pylstm.registry import as_today
from pylstm.tabular.clock import Stamps
from pylstm.tabular.kinds import new_series
from pylstm.tabular.learners import Rows
from pylstm.tabular.settings import Settings

__all__ = ["N_CALENDAR", "earlier_series", "earlier_state"]

Vector = npt.NDArray[np.float64]
Probabilities = dict[str, float]

N_CALENDAR = 6
_EPOCH = datetime(1970, 1, 1)


def _calendar(seconds: float) -> list[float]:
    """Sine and cosine of the time of day, the day of the week and the day of the year."""
    if seconds != seconds:
        return [math.nan] * N_CALENDAR
    clock = _EPOCH + timedelta(seconds=seconds)
    day = (clock - clock.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(days=1)
    year = (clock.timetuple().tm_yday - 1) / (366 if isleap(clock.year) else 365)
    angles = 2 * np.pi * np.array([day, clock.weekday() / 7, year])
    places: list[float] = np.column_stack([np.sin(angles), np.cos(angles)]).ravel().tolist()
    return places


def _inputs(rows: Rows) -> Vector:
    """The cells of rows and their places in the calendar."""
    if rows.times is None:
        return rows.numbers
    return np.column_stack([rows.numbers, [_calendar(t) for t in rows.times.tolist()]])


def _new_network(n_inputs: int, settings: Settings) -> LSTM:
    # Uniform weights of variance 1 / n_sources: net inputs start with the variance of the sources.
    n_sources = n_inputs + settings.cells + 1
    return LSTM(
        n_inputs,
        1,
        settings.cells,
        init_range=float(np.sqrt(3 / n_sources)),
        bias_init={"forget_gate": 1.0},
        optimizer=settings.new_optimizer() or SGD(0.01),
        dtype=settings.dtype,
        seed=settings.seed,
    )


def _restored_network(delayed: Delayed[LSTM], state: dict[str, Any]) -> Delayed[LSTM]:
    """The network of a saved state, which must be of the same make as that of `delayed`."""
    own = (delayed.delay, delayed.net.__getstate__()["config"])
    if (state["delay"], LATER_SWITCHES | state["net"]["config"]) != own:
        raise ValueError("the saved network does not fit the saved settings")
    restored: Delayed[LSTM] = Delayed.__new__(Delayed)
    restored.__setstate__(state)
    return restored


class EarlierNumbers:
    """One network that learns a horizon behind, see `pylstm.Delayed`.

    Parameters
    ----------
    settings : Settings
    n_columns : int
        Number of inputs, those of the calendar among them.
    predict : {"change", "level"}
        What the network outputs: the change from the last known value, or the value itself.
    """

    def __init__(self, settings: Settings, n_columns: int, predict: str) -> None:
        self.settings, self.predict = settings, predict
        n_inputs = n_columns * (3 if settings.mark_missing else 2)
        self.delayed = Delayed(_new_network(n_inputs, settings), settings.horizon - 1)
        self.input_scale = RunningScale(2 * n_columns, settings.memory)
        # Without a centre, the output 0 of a net that predicts changes means "no change".
        self.target_scale = RunningScale(1, settings.memory, centre=predict == "level")
        self.last_inputs = np.full(n_columns, np.nan)
        self.last_target = np.nan
        self.pending: deque[float] = deque()  # the last target known at each step not learned from

    def update_block(self, rows: Rows) -> tuple[list[float], Vector, Vector]:
        """Predict and learn rows; there are no intervals."""
        pairs = zip(_inputs(rows), rows.target.tolist(), strict=True)
        found = [self._update(inputs, target) for inputs, target in pairs]
        nothing = np.full(len(rows), np.nan)
        return found, nothing, nothing

    def _update(self, inputs: Vector, target: float) -> float:
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
        return z.astype(self.settings.dtype)

    def _standardised_target(self, target: float, last_target: float) -> npt.NDArray[Any]:
        """What the output should have been; NaN, not learned from, where a value is missing."""
        value = target - last_target if self.predict == "change" else target
        values = np.array([value])
        self.target_scale.update(values)
        return self.target_scale.standardise(values).astype(self.settings.dtype)

    def _in_target_units(self, output: float) -> float:
        scale = self.target_scale
        output = min(max(output, -scale.limit), scale.limit)
        change = float(scale.deviation[0]) * output
        if self.predict == "change":
            return self.last_target + change
        return float(scale.mean[0]) + change if scale.count[0] else np.nan

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            "forecaster": {
                "delayed": self.delayed.__getstate__(),
                "input_scale": self.input_scale.state(),
                "target_scale": self.target_scale.state(),
                "last_inputs": self.last_inputs,
                "last_target": float(self.last_target),
                "pending_targets": np.array(self.pending, float),
            }
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        state = state["forecaster"]
        self.delayed = _restored_network(self.delayed, state["delayed"])
        self.input_scale.restore(state["input_scale"])
        self.target_scale.restore(state["target_scale"])
        self.last_inputs[:] = state["last_inputs"]
        self.last_target = float(state["last_target"])
        self.pending = deque(state["pending_targets"].tolist())


class EarlierLabels:
    """A `Classifier` with the last label among its features, a copy of which walks ahead.

    Parameters
    ----------
    settings : Settings
    n_columns : int
        Number of inputs, those of the calendar among them.
    """

    def __init__(self, settings: Settings, n_columns: int) -> None:
        self.settings = settings
        self.model = Classifier(
            settings.cells,
            optimizer=settings.new_optimizer(),
            feedback=False,
            network={"scale_memory": settings.memory},
            dtype=settings.dtype,
            seed=settings.seed,
        )
        self._known = np.full(n_columns, np.nan)
        self._last: str | None = None
        self._labels: list[str] = []
        self._pending: deque[dict[Any, float]] = deque()

    def update_block(self, rows: Rows) -> tuple[list[Probabilities], Vector, Vector]:
        """Predict and learn rows; there are no intervals."""
        pairs = zip(_inputs(rows), rows.target, strict=True)
        found = [self._update(inputs, label) for inputs, label in pairs]
        nothing = np.full(len(rows), np.nan)
        return found, nothing, nothing

    def _update(self, inputs: Vector, label: str | None) -> Probabilities:
        if self.settings.horizon == 0:
            x = self._features(inputs)
            found: Probabilities = self.model.predict_proba_one(x)
            self.model.learn_one(x, label)
            self._see(label)
            return found
        if len(self._pending) == self.settings.horizon:
            self.model.learn_one(self._pending.popleft(), label)
        self._see(label)
        self._pending.append(self._features(inputs))
        return self.model.predict_proba_following(self._pending)[-1]

    def _features(self, inputs: Vector) -> dict[Any, float]:
        missing = np.isnan(inputs)
        self._known = np.where(missing, self._known, inputs)
        x: dict[Any, float] = dict(enumerate(self._known.tolist()))
        if self.settings.mark_missing:
            x.update((-1 - k, float(gap)) for k, gap in enumerate(missing.tolist()))
        if self.settings.sees_labels():
            x.update((label, float(label == self._last)) for label in self._labels)
        return x

    def _see(self, label: str | None) -> None:
        if label is not None:
            self._last = label
            if label not in self._labels:
                self._labels.append(label)

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on, but for labels that baselines know too."""
        return {
            "model": self.model.__getstate__(),
            "known": self._known,
            "pending": [dict(x) for x in self._pending],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        model = as_today("estimators.Classifier", state["model"])
        if model["parameters"] != self.model.__getstate__()["parameters"]:
            raise ValueError("the saved model does not fit the saved settings")
        self.model.__setstate__(state["model"])
        self._known[:] = state["known"]
        self._last, self._labels = state["last"], list(state["labels"])
        self._pending.extend(state["pending"])


def earlier_series(settings: Settings, columns: Sequence[str], predict: str) -> Any:
    """Return a series as 0.1.0 learned it, to be restored."""
    n_columns = len(columns) + (N_CALENDAR if settings.time else 0)
    learner: Any
    if settings.classify:
        learner = EarlierLabels(settings, n_columns)
    else:
        learner = EarlierNumbers(settings, n_columns, predict)
    return new_series(settings, learner)


def _last_time(clock: str | None) -> float | None:
    try:
        return None if clock is None else Stamps().read(clock)[1]
    except ValueError as error:
        raise ValueError(f"the time of the last row is {error}") from None


def earlier_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a session of 0.1.0 as it would be written today.

    Nothing is believed here: what does not fit together is left for the schema to refuse.
    """
    old, kind = dict(state["settings"]), dict(state["kind"])
    predict = old.pop("predict")
    season = old["season"]
    old["season"] = () if season is None else (season,)
    sums, horizon = kind["scores"]["sums"], old["horizon"]
    if old["classify"]:
        seasons = [] if season is None else [kind["season"]]
        kind = {k: v for k, v in kind.items() if k != "season"}
        kind |= {"forecasts": state["forecasts"], "seasons": seasons, "not_known": []}
    else:
        n_names = 2 + (season is not None)
        forecasts = np.full((horizon, n_names + 2), np.nan)
        for k, row in enumerate(reversed(state["forecasts"]), 1):
            forecasts[-k, :n_names] = row
        targets = np.full(0 if season is None else season - horizon + 1, np.nan)
        if kind["targets"].size:
            targets[-kind["targets"].size :] = kind["targets"]
        last = kind["forecaster"]["last_target"]
        kind |= {"forecasts": forecasts, "targets": targets, "last": last}
    kind |= {"n_rows": kind["scores"]["n_rows"], "total": sums.sum(axis=0)}
    n_recent = len(state["recent"])
    return {
        "format": 4,
        "settings": old,
        "columns": state["columns"],
        "texts": [],
        "earlier": predict,
        "last_time": _last_time(state["clock"]),
        "kind": kind,
        "series": [],
        "recent": state["recent"],
        "bands": np.full((n_recent, 2), np.nan),
        "coverage": {"n_rows": 0, "rows_per_segment": 1, "sums": np.zeros((0, 3))},
        "counts": {
            "n_rows": kind["scores"]["n_rows"],
            "n_missing": 0,
            "n_bad": 0,
            "n_found": 0,
            "highest": (0.0, 0),
        },
        "threshold": 0.99,
        "position": None,
        "output": None,
    }
