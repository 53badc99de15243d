"""States of `tabular.Session` and its parts."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, convert
from msgspec.structs import asdict

from pylstm.checks import check_size
from pylstm.schemas.estimators import ClassifierState
from pylstm.schemas.networks import DelayedState, ScaleState
from pylstm.schemas.state import (
    FLOAT64,
    Array,
    Count,
    State,
    converted,
    distinct,
    has_shape,
    must,
    no_infinity,
)

__all__ = ["SessionState"]


class SettingsState(State):
    """`tabular.Settings`, whose constructor checks the numbers."""

    target: str
    inputs: tuple[str, ...] | None
    classify: bool
    horizon: Any
    season: Any
    cells: Any
    optimizer: str
    learning_rate: Any
    momentum: Any
    predict: str
    memory: Any
    time: str | None
    mark_missing: bool
    dtype: str
    seed: Any


class ScoresState(State):
    """Losses of forecasters."""

    n_rows: Count
    rows_per_segment: Annotated[int, Meta(ge=1, le=2**62)]
    sums: Array

    def fits(self, n_forecasters: int) -> None:
        """Whether they are of so many forecasters."""
        n_segments = -(-self.n_rows // self.rows_per_segment)
        must(n_segments <= 4096, "at most 4096 segments")
        has_shape("sums", self.sums, FLOAT64, (n_segments, 1 + 2 * n_forecasters))
        n_scored = self.sums[:, 0]
        counted = ((n_scored >= 0) & (n_scored <= self.rows_per_segment)).all()
        must(counted and not np.isnan(self.sums).any(), "sums of the rows there are")


class StreamForecasterState(State):
    """`tabular.Forecaster`."""

    delayed: DelayedState
    input_scale: ScaleState
    target_scale: ScaleState
    last_inputs: Array
    last_target: float
    pending_targets: Array


class NumbersState(State):
    """`tabular.kinds.Numbers`."""

    WHAT = "forecaster of numbers"
    forecaster: StreamForecasterState
    scores: ScoresState
    targets: Array

    def fits(self, settings: Any, n_columns: int) -> None:
        """Whether they go with the settings, and so many inputs."""
        horizon, made = settings.horizon, self.forecaster
        self.scores.fits(2 + bool(settings.season))
        has_shape("targets", self.targets, FLOAT64, (self.targets.size,))
        no_infinity("a target", self.targets, made.last_target, made.pending_targets)
        made.input_scale.fits("input_scale", 2 * n_columns)
        made.target_scale.fits("target_scale", 1)
        has_shape("last_inputs", made.last_inputs, FLOAT64, (n_columns,))
        no_infinity("the last row", made.last_inputs)
        net, delayed = made.delayed.net, made.delayed
        width = n_columns * (3 if settings.mark_missing else 2)
        shape = (net.config.n_inputs, net.config.n_blocks, net.config.block_size)
        must(shape == (width, settings.cells, 1), "the network of the settings")
        must(net.config.dtype == settings.dtype, "the dtype of the settings")
        must(delayed.delay == horizon - 1, "the delay of the settings")
        n_pending = made.pending_targets.size
        has_shape("pending_targets", made.pending_targets, FLOAT64, (n_pending,))
        must(n_pending <= horizon, "at most `horizon` steps not learned from")
        must(all(x.ndim for x in delayed.waiting.values()), "inputs that are no tokens")
        if n_pending == horizon:
            ready = net.learnable and len(delayed.waiting) == delayed.delay
            must(ready, "a step to learn from")


class LabelsState(State):
    """`tabular.kinds.Labels`."""

    WHAT = "forecaster of labels"
    model: dict[str, Any]
    scores: ScoresState
    known: Array
    last: str | None
    labels: list[str]
    counts: list[Annotated[int, Meta(ge=1, le=2**62)]]
    record: Array
    season: list[str | None]
    pending: list[dict[int | str, float]]

    def fits(self, settings: Any, n_columns: int) -> None:
        """Whether they go with the settings, and so many inputs."""
        n_repeats, known = 1 + bool(settings.season), {*self.labels, None}
        model = converted(ClassifierState, self.model)
        must(model.parameters["n_cells"] == settings.cells, "the cells of the settings")
        must(model.parameters.get("dtype") == settings.dtype, "the dtype of the settings")
        self.scores.fits(2 + n_repeats)
        has_shape("known", self.known, FLOAT64, (n_columns,))
        no_infinity("the last row", self.known)
        distinct("labels", self.labels)
        must(len(self.counts) == len(self.labels), "a count for each label")
        must({self.last, *self.season, *model.classes} <= known, "labels that are known")
        has_shape("record", self.record, FLOAT64, (n_repeats, 2))
        finite = np.isfinite(self.record).all() and (self.record >= 0).all()
        must(finite and (self.record[:, 1] <= self.record[:, 0]).all(), "shares of right labels")
        must(len(self.pending) <= settings.horizon, "at most `horizon` rows not learned from")
        no_infinity("a row not learned from", *(list(row.values()) for row in self.pending))


class SessionState(State):
    """`tabular.Session`."""

    WHAT = "session"
    FORMAT = 3
    format: Literal[3]
    settings: SettingsState
    columns: list[str]
    kind: dict[str, Any]
    clock: str | None
    recent: Array
    forecasts: list[list[Any]]

    def __post_init__(self) -> None:
        from pylstm.tabular.clock import N_CALENDAR, Clock
        from pylstm.tabular.settings import Settings

        settings = Settings(**asdict(self.settings))
        for name in ("horizon", "season", "cells", "memory"):
            if getattr(settings, name) is not None:
                check_size(name, getattr(settings, name), 0)
        must(settings.time or self.clock is None, "a time where there is a column of times")
        Clock().advance(self.clock)
        kind: Any = converted(LabelsState if settings.classify else NumbersState, self.kind)
        kind.fits(settings, len(self.columns) + (N_CALENDAR if settings.time else 0))
        has_shape("recent", self.recent, FLOAT64, (len(self.recent), 2))
        must(len(self.recent) <= 500, "at most 500 recent rows")
        must(len(self.forecasts) <= settings.horizon, "at most `horizon` forecasts")
        labels = set(kind.labels) if settings.classify else None
        n_forecasters = 2 + bool(settings.season) + settings.classify
        for forecasts in self.forecasts:
            must(len(forecasts) == n_forecasters, "a forecast from each")
            for forecast in forecasts:
                _check_forecast(forecast, labels)


def _check_forecast(forecast: Any, labels: set[str] | None) -> None:
    if labels is None:
        must(type(forecast) is float, "forecasts that are numbers")
        return
    must(isinstance(forecast, dict) and forecast.keys() <= labels, "forecasts of labels known")
    shares = convert(list(forecast.values()), list[float])
    must(all(0 <= share < math.inf for share in shares), "probabilities")
