"""States of `tabular.Session` and its parts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, convert
from msgspec.structs import asdict

from pylstm.checks import check_size
from pylstm.schemas.estimators import (
    ClassifierState,
    DetectorState,
    ForecasterState,
    RegressorState,
    SpreadState,
)
from pylstm.schemas.networks import DelayedState, NetworkState, ScaleState
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

#: Most forecasters that are compared, and most cells of a row: what a file may claim.
_MOST_CATEGORIES = 50


class SettingsState(State):
    """`tabular.Settings`, whose constructor checks the numbers."""

    target: str | tuple[str, ...]
    inputs: tuple[str, ...] | None
    classify: bool
    horizon: Any
    season: tuple[Any, ...]
    cells: Any
    optimizer: str | None
    learning_rate: Any
    momentum: Any
    memory: Any
    time: str | None
    mark_missing: bool
    dtype: str
    seed: Any
    detect: bool = False
    delay: Any = 0
    interval: Any = None
    keys: tuple[str, ...] = ()
    shared: bool = False


class SumsState(State):
    """Sums along a stream."""

    n_rows: Count
    rows_per_segment: Annotated[int, Meta(ge=1, le=2**62)]
    sums: Array

    def fits(self, n_columns: int) -> None:
        """Whether they are of so many columns."""
        n_segments = -(-self.n_rows // self.rows_per_segment)
        must(n_segments <= 4096, "at most 4096 segments")
        has_shape("sums", self.sums, FLOAT64, (n_segments, n_columns))
        n_scored = self.sums[:, 0]
        counted = ((n_scored >= 0) & (n_scored <= self.rows_per_segment)).all()
        must(counted and not np.isnan(self.sums).any(), "sums of the rows there are")


class CountsState(State):
    """What has become of the rows."""

    n_rows: Count
    n_missing: Count
    n_bad: Count
    n_found: Count
    highest: tuple[float, Count]


class OrderState(State):
    """`tabular.clock.Order`."""

    last: float | None
    n_times: Count
    steps: Annotated[list[float], Meta(max_length=64)]
    doubtful: Annotated[list[float], Meta(max_length=3)]


class DialectState(State):
    """`tabular.Dialect`, whose constructor checks what it is told."""

    delimiter: str | None
    decimal: str | None
    thousands: str | None
    skip_rows: int
    skip_below: int | None
    missing: tuple[str, ...] | None
    encoding: str

    def __post_init__(self) -> None:
        from pylstm.tabular.dialect import Dialect

        Dialect(**asdict(self))


class PositionState(State):
    """Where a table stands."""

    n_rows: Count
    checksum: str
    order: OrderState | None
    time_form: Literal["dates", "seconds", "milliseconds", "microseconds", "nanoseconds"] | None
    dialect: DialectState


class FileState(State):
    """How far a file that grows has been written."""

    n_bytes: Count
    crc: Annotated[int, Meta(ge=0, lt=2**32)]
    unwritten: str


class OutputState(State):
    """The files that grow with the stream."""

    predictions: FileState | None = None
    bad_rows: FileState | None = None


class InputsState(State):
    """The cells known last, and the texts of the columns of text."""

    known: Array
    categories: list[tuple[str, str]]

    def fits(self, n_columns: int, texts: list[str]) -> None:
        """Whether they are of so many columns of numbers, and these of text."""
        has_shape("known", self.known, FLOAT64, (n_columns,))
        no_infinity("the last row", self.known)
        distinct("categories", self.categories)
        counts = Counter(name for name, _ in self.categories)
        must({*counts} <= {*texts}, "categories of the columns of text")
        must(max(counts.values(), default=0) <= _MOST_CATEGORIES, "so many categories at most")


Row = dict[int | str, float]


class SeriesState(State):
    """What every kind of `tabular.kinds.Series` has."""

    WHAT = "series"
    n_rows: Count
    total: Array
    model: dict[str, Any]
    inputs: InputsState
    calendar: Annotated[list[float], Meta(min_length=2, max_length=2)] | None

    def fits(self, settings: Any, n_columns: int, texts: list[str], n_names: int) -> None:
        """Whether it goes with the settings, and so many inputs."""
        _fits_total(self.total, n_names)
        self.inputs.fits(n_columns, texts)
        must((self.calendar is None) == (settings.time is None), "a calendar with a time")
        no_infinity("a time", self.calendar or 0.0)
        must(self.made_model(settings).parameters.get("n_cells") == settings.cells, "the cells")

    def made_model(self, settings: Any) -> Any:
        """The state of the estimator by its schema."""
        raise NotImplementedError


def _fits_total(total: Array, n_names: int) -> None:
    has_shape("total", total, FLOAT64, (1 + 2 * n_names,))
    must(not np.isnan(total).any(), "sums of losses that are numbers")


class NumbersState(SeriesState, kw_only=True):
    """A target that is numbers."""

    is_known: bool
    rows: Array
    late: list[float]
    made: list[float]
    spread: SpreadState
    forecasts: Array
    targets: Array
    last: float

    def made_model(self, settings: Any) -> Any:
        schema = ForecasterState if settings.horizon else RegressorState
        return converted(schema, self.model)

    def fits(self, settings: Any, n_columns: int, texts: list[str], n_names: int) -> None:
        """Whether it goes with the settings, and so many inputs."""
        super().fits(settings, n_columns, texts, n_names)
        _fits_numbers(self, settings, n_names)
        width = n_columns * (2 if settings.mark_missing else 1)
        has_shape("rows", self.rows, FLOAT64, (settings.horizon, self.rows.shape[-1]))
        must(width <= self.rows.shape[-1] <= width + len(self.inputs.categories), "the features")
        no_infinity("a row not learned from", self.rows)
        must(len(self.late) <= settings.delay, "at most `delay` targets that are late")
        no_infinity("a target that is late", self.late)
        must(len(self.made) <= settings.horizon, "at most `horizon` forecasts")
        no_infinity("a forecast", self.made)


def _fits_numbers(state: Any, settings: Any, n_names: int) -> None:
    """What baselines know, and forecasts not due."""
    from pylstm.tabular.baselines import number_forecasts

    has_shape("forecasts", state.forecasts, FLOAT64, (settings.horizon, n_names + 2))
    wanted = number_forecasts(settings).state()["targets"].shape
    has_shape("targets", state.targets, FLOAT64, wanted)
    no_infinity("a target", state.targets, state.last)


Label = str | None


class LabelsState(SeriesState, kw_only=True):
    """A target that is labels."""

    waiting: list[Row]
    late: list[Label]
    forecasts: list[list[dict[str, float]]]
    last: Label
    labels: list[str]
    counts: list[Annotated[int, Meta(ge=1, le=2**62)]]
    record: Array
    seasons: list[list[Label]]
    not_known: list[tuple[Label, list[dict[str, float]] | None]]

    def made_model(self, settings: Any) -> Any:
        return converted(ClassifierState, self.model)

    def fits(self, settings: Any, n_columns: int, texts: list[str], n_names: int) -> None:
        """Whether it goes with the settings, and so many inputs."""
        super().fits(settings, n_columns, texts, n_names)
        _fits_labels(self, settings, n_names)
        lead = settings.horizon or settings.delay + 1
        must(len(self.waiting) <= lead and len(self.late) <= lead, "rows that wait for labels")
        for row in self.waiting:
            no_infinity("a row not learned from", list(row.values()))
        late = {*self.late, *(label for label, _ in self.not_known)}
        must({*self.made_model(settings).classes} <= {*self.labels, *late}, "labels that are known")


def _fits_labels(state: Any, settings: Any, n_names: int) -> None:
    """What baselines know, and forecasts not due."""
    known, n_repeats = {*state.labels, None}, 1 + len(settings.season)
    distinct("labels", state.labels)
    must(len(state.counts) == len(state.labels), "a count for each label")
    must(len(state.seasons) == len(settings.season), "labels of every season")
    for recent in state.seasons:
        must({*recent} <= known, "labels that are known")
    must(state.last in known, "a last label that is known")
    has_shape("record", state.record, FLOAT64, (n_repeats, 2))
    finite = np.isfinite(state.record).all() and (state.record >= 0).all()
    must(finite and (state.record[:, 1] <= state.record[:, 0]).all(), "shares of right labels")
    must(len(state.forecasts) <= settings.horizon, "at most `horizon` forecasts")
    must(len(state.not_known) <= settings.delay, "at most `delay` labels that are late")
    every = [(n_names, made) for made in state.forecasts]
    every += [(n_names - 1, due) for _, due in state.not_known if due is not None]
    for n, made in every:
        must(len(made) == n, "a forecast from each")
        for forecast in made:
            must(forecast.keys() <= known, "forecasts of labels known")
            shares = convert(list(forecast.values()), list[float])
            must(all(0 <= share < math.inf for share in shares), "probabilities")


class AnomaliesState(SeriesState, kw_only=True):
    """Rows that are scored."""

    def made_model(self, settings: Any) -> Any:
        return converted(DetectorState, self.model)


# ---------------------------------------------------------------- of 0.1.0


class EarlierForecasterState(State):
    """`tabular.earlier.EarlierNumbers`."""

    delayed: DelayedState
    input_scale: ScaleState
    target_scale: ScaleState
    last_inputs: Array
    last_target: float
    pending_targets: Array


class EarlierNumbersState(State):
    """Numbers as 0.1.0 learned them."""

    WHAT = "forecaster of numbers"
    n_rows: Count
    total: Array
    forecaster: EarlierForecasterState
    forecasts: Array
    targets: Array
    last: float

    def fits(self, settings: Any, n_columns: int, texts: list[str], n_names: int) -> None:
        """Whether they go with the settings, and so many inputs."""
        horizon, made = settings.horizon, self.forecaster
        must(horizon >= 1, "a horizon of at least 1")
        _fits_total(self.total, n_names)
        _fits_numbers(self, settings, n_names)
        no_infinity("a target", made.last_target, made.pending_targets)
        made.input_scale.fits("input_scale", 2 * n_columns)
        made.target_scale.fits("target_scale", 1)
        has_shape("last_inputs", made.last_inputs, FLOAT64, (n_columns,))
        no_infinity("the last row", made.last_inputs)
        net, delayed = made.delayed.net, made.delayed
        must(isinstance(net, NetworkState), "one network that learns")
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


class EarlierLabelsState(State):
    """Labels as 0.1.0 learned them."""

    WHAT = "forecaster of labels"
    n_rows: Count
    total: Array
    model: dict[str, Any]
    known: Array
    pending: list[Row]
    forecasts: list[list[dict[str, float]]]
    last: Label
    labels: list[str]
    counts: list[Annotated[int, Meta(ge=1, le=2**62)]]
    record: Array
    seasons: list[list[Label]]
    not_known: list[tuple[Label, list[dict[str, float]] | None]]

    def fits(self, settings: Any, n_columns: int, texts: list[str], n_names: int) -> None:
        """Whether they go with the settings, and so many inputs."""
        _fits_total(self.total, n_names)
        _fits_labels(self, settings, n_names)
        model = converted(ClassifierState, self.model)
        must(model.parameters["n_cells"] == settings.cells, "the cells of the settings")
        must(model.parameters.get("dtype") == settings.dtype, "the dtype of the settings")
        must({*model.classes} <= {*self.labels}, "labels that are known")
        has_shape("known", self.known, FLOAT64, (n_columns,))
        no_infinity("the last row", self.known)
        must(len(self.pending) <= settings.horizon, "at most `horizon` rows not learned from")
        no_infinity("a row not learned from", *(list(row.values()) for row in self.pending))


class SessionState(State):
    """`tabular.Session`."""

    WHAT = "session"
    FORMAT = 4
    format: Literal[4]
    settings: SettingsState
    columns: list[str]
    texts: list[str]
    earlier: Literal["change", "level"] | None
    last_time: float | None
    kind: dict[str, Any]
    series: list[dict[str, Any]]
    recent: Array
    bands: Array
    coverage: SumsState
    counts: CountsState
    threshold: Annotated[float, Meta(ge=0, le=1)]
    position: PositionState | None
    output: OutputState | None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """The state as it would be written today, where 0.1.0 wrote it."""
        if state.get("format") != 3:
            return state
        from pylstm.tabular.earlier import earlier_state

        try:
            return earlier_state(state)
        except (KeyError, IndexError, TypeError, AttributeError, MemoryError) as error:
            raise ValueError(f"the saved session does not fit: {error!r}") from None

    def __post_init__(self) -> None:
        from pylstm.tabular.kinds import forecasters
        from pylstm.tabular.settings import Settings

        settings = Settings(**asdict(self.settings))
        for name in ("horizon", "delay", "cells", "memory"):
            check_size(name, getattr(settings, name), 0)
        for season in settings.season:
            check_size("season", season)
        names = forecasters(settings)
        scores = converted(SumsState, self.kind.get("scores"))
        scores.fits(1 + 2 * len(names))
        self.coverage.fits(3)
        must(scores.n_rows == (0 if settings.detect else self.counts.n_rows), "scores of the rows")
        n_recent, n_drawn = (500, 2) if not settings.detect else (20_000, len(settings.targets) - 1)
        has_shape("recent", self.recent, FLOAT64, (len(self.recent), 2))
        has_shape("bands", self.bands, FLOAT64, (len(self.recent), n_drawn))
        must(len(self.recent) <= n_recent, f"at most {n_recent} recent rows")
        kind = {name: part for name, part in self.kind.items() if name != "scores"}
        must(bool(settings.keys) == (not kind), "a series, or one a key")
        must(settings.keys or not self.series, "series where there are keys")
        seen = []
        for one in [kind] if kind else self.series:
            part = dict(one)
            if settings.keys:
                key = convert(part.pop("key", None), list[str])
                must(len(key) == len(settings.keys), "a text a column of the keys")
                seen.append(tuple(key))
            self._check_series(settings, part, len(names))
        distinct("keys", seen)

    def _check_series(self, settings: Any, part: dict[str, Any], n_names: int) -> None:
        from pylstm.tabular.earlier import N_CALENDAR

        schema: type[State] = LabelsState if settings.classify else NumbersState
        target = () if settings.detect or self.earlier is not None else settings.targets
        n_columns = sum(name not in target for name in self.columns)
        if settings.detect:
            schema = AnomaliesState
        if self.earlier is not None:
            schema = EarlierLabelsState if settings.classify else EarlierNumbersState
            n_columns += N_CALENDAR if settings.time else 0
        kind: Any = converted(schema, part)
        kind.fits(settings, n_columns, self.texts, n_names)
