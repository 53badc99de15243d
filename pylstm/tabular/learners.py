"""Who learns: estimators behind one verb, so many rows of one series in and their forecasts out.

Symbols: x(t) the features of row t, a missing number being the last known one, y(t) its target,
c(t) its place in the calendar, h the horizon, d the delay. At row t, in this order:

    numbers, h > 0    learn y(t) with x(t-h), c(t)      forecast y(t+h) with x(t-h+1) ... x(t),
                      `Forecaster`                      c(t+1) ... c(t+h)
    numbers, h = 0    predict y(t) with x(t), c(t)      learn y(t-d) with x(t-d), c(t-d)
                      `Regressor`
    labels, h > 0     learn y(t) with x(t-h), c(t)      predict y(t+h) with x(t), c(t+h)
                      `Classifier`
    labels, h = 0     as numbers, `Classifier`

The other columns are not known ahead. What a `Forecaster` is told of the row it forecasts h rows
ahead is what is known now: so every row has the features of h rows before, when it is learned from
as when it is forecast. On newark_2013 and bike sharing, one and six rows ahead, its errors are
smaller by 8 to 40 % than those of a `Regressor` with a delay.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pylstm.estimators import Classifier, Detector, Forecaster, Regressor
from pylstm.estimators.calendar import PERIODS
from pylstm.estimators.spread import Spread
from pylstm.estimators.table import Table
from pylstm.tabular.blocks import hold
from pylstm.tabular.settings import Settings

__all__ = [
    "Anomalies",
    "LabelsLearner",
    "Learner",
    "NumbersLearner",
    "Rows",
    "Template",
    "new_learner",
]

Array = npt.NDArray[Any]
Features = dict[Any, float]

_PERIODS = ("day", "week", "year")
_N_HARMONICS = 3
_DIGITS = 9  # as in `pylstm.estimators.calendar`
_MONDAY = 4 * PERIODS["day"]
# Different texts of a column that are told apart; those that come later are none of them.
_MOST_CATEGORIES = 50


@dataclass
class Rows:
    """Rows of one series.

    Parameters
    ----------
    numbers : ndarray, shape (n, n_columns), float64
        NaN where missing.
    texts : list of list of str or None
        A list a column of text.
    target : ndarray, shape (n,) or (n, n_targets), or list of str or None
        Numbers, NaN where missing, or labels.
    times : ndarray, shape (n,), float64, optional
        Seconds on the clock of the rows, NaN where missing.
    """

    numbers: Array
    texts: Sequence[Sequence[str | None]]
    target: Any
    times: Array | None = None

    def __len__(self) -> int:
        return len(self.numbers)


class Learner(Protocol):
    """What predicts and learns."""

    def update_block(self, rows: Rows) -> tuple[Any, Array, Array]:
        """Predict and learn rows; return forecasts, and the ends of the intervals around them."""

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class _Inputs:
    """Features by name, of the cells of rows: a number that is missing is the last known one.

    Texts are a feature a value, from the row on where it first comes: 1 where it is and 0 where it
    is another, none of them where the cell is missing.
    """

    def __init__(self, columns: Sequence[str], texts: Sequence[str], marks: bool) -> None:
        self._texts, self._marks = list(texts), marks
        self._numbers = list(columns)
        if marks:
            self._numbers += [f"{name} is missing" for name in columns]
        self.known = np.full(len(columns), np.nan)
        # By column its values, in the order in which they came, and all of them as they came.
        self.categories: list[list[str]] = [[] for _ in texts]
        self._pairs: list[tuple[int, str]] = []

    @property
    def names(self) -> list[str]:
        """Of the features there are by now."""
        return self._numbers + [f"{self._texts[j]}={text}" for j, text in self._pairs]

    def segments(self, rows: Rows) -> Iterator[tuple[slice, Array]]:
        """Yield parts of the rows, through which the features are the same, and their values."""
        numbers, start, n = hold(self.known, rows.numbers, self._marks), 0, len(rows)
        for k in self._new(rows.texts) if self._texts else ():
            if k > start:
                yield slice(start, k), self._values(numbers, rows.texts, start, k)
            for j, texts in enumerate(rows.texts):
                self._learn(j, texts[k])
            start = k
        if start < n:
            yield slice(start, n), self._values(numbers, rows.texts, start, n)

    def _new(self, texts: Sequence[Sequence[str | None]]) -> list[int]:
        """The rows in which texts come for the first time."""
        found = set()
        for known, column in zip(self.categories, texts, strict=True):
            seen = {*known, None}
            for k, text in enumerate(column):
                if text not in seen and len(seen) <= _MOST_CATEGORIES:
                    seen.add(text)
                    found.add(k)
        return sorted(found)

    def _learn(self, j: int, text: str | None) -> None:
        known = self.categories[j]
        if text is not None and text not in known and len(known) < _MOST_CATEGORIES:
            known.append(text)
            self._pairs.append((j, text))

    def _values(
        self, numbers: Array, texts: Sequence[Sequence[str | None]], start: int, end: int
    ) -> Array:
        columns = [
            [math.nan if cell is None else float(cell == text) for cell in texts[j][start:end]]
            for j, text in self._pairs
        ]
        return np.column_stack([numbers[start:end], *columns]) if columns else numbers[start:end]

    def state(self) -> dict[str, Any]:
        return {
            "known": self.known.copy(),
            "categories": [[self._texts[j], text] for j, text in self._pairs],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.known[:] = state["known"]
        for name, text in state["categories"]:
            self._learn(self._texts.index(name), text)


class _Calendar:
    """Places of rows in the day, the week and the year, of rows to come at the last spacing."""

    def __init__(self, column: str) -> None:
        self.names = [
            f"{column}: {period}, {function} {k}"
            for period in _PERIODS
            for k in range(1, _N_HARMONICS + 1)
            for function in ("sin", "cos")
        ]
        self.last = self.spacing = math.nan

    def times_ahead(self, times: Array, n_ahead: int) -> Array:
        """The times of rows and of as many after each, shape (n, 1 + n_ahead)."""
        found = np.empty((len(times), 1 + n_ahead))
        found[:, 0] = times
        last, spacing = self.last, self.spacing
        steps = np.arange(1.0, n_ahead + 1)
        for k, time in enumerate(times.tolist()):
            if time > last:
                spacing = time - last
            if time == time:
                last = time
            found[k, 1:] = time + spacing * steps
        self.last, self.spacing = last, spacing
        return found

    @staticmethod
    def values(times: Array) -> Array:
        """The features of rows at times of any shape, along one more axis."""
        columns = []
        for period in _PERIODS:
            part = np.fmod(times - _MONDAY * (period == "week"), PERIODS[period]) / PERIODS[period]
            for k in range(1, _N_HARMONICS + 1):
                angle = 2 * math.pi * k * part
                columns += [np.sin(angle), np.cos(angle)]
        return np.round(np.stack(columns, axis=-1), _DIGITS)

    def state(self) -> list[float]:
        return [self.last, self.spacing]

    def restore(self, state: Sequence[float]) -> None:
        self.last, self.spacing = map(float, state)


class _Estimator:
    """What learners have in common: features of the cells and the calendar, and an estimator.

    A learner has `_update` for rows whose features stay the same and whose times are as they were
    expected at the row before: their values, shape (n, n_features), their targets, and the values
    of their calendars, (n, 1 + n_ahead, n_calendar), of each row and of those that follow it.
    """

    _n_ahead = 0  # rows of which the calendar is wanted

    def __init__(self, settings: Settings, columns: Sequence[str], texts: Sequence[str]) -> None:
        self.settings = settings
        self.inputs = _Inputs(columns, texts, settings.mark_missing)
        self.calendar = _Calendar(settings.time) if settings.time else None
        self.model: Any = None

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        memory = settings.memory
        return {
            "n_cells": settings.cells,
            "optimizer": settings.new_optimizer(),
            "network": None if memory == 3000 else {"scale_memory": memory},
            "dtype": settings.dtype,
            "seed": settings.seed,
        }

    def update_block(self, rows: Rows) -> tuple[Any, Array, Array]:
        """Predict and learn rows; return forecasts, and the ends of the intervals around them."""
        values: list[Any] = []
        bounds = np.full((2, len(rows)), np.nan)
        for part, features in self.inputs.segments(rows):
            calendar, start = self._calendars(rows, part), 0
            for end in (*self._unexpected, part.stop - part.start):
                here, there = slice(start, end), slice(part.start + start, part.start + end)
                found, bounds[:, there] = self._update(
                    features[here], rows.target[there], calendar[here]
                )
                values += found.tolist() if isinstance(found, np.ndarray) else found
                start = end
        bounds[np.isinf(bounds)] = np.nan
        return values, bounds[0], bounds[1]

    def _update(self, features: Array, target: Any, calendar: Array) -> tuple[Any, Any]:
        """Return forecasts, and the ends of the intervals around them."""
        raise NotImplementedError

    def _calendars(self, rows: Rows, part: slice) -> Array:
        """The features of the calendar; and note which rows came when they were not expected."""
        self._unexpected: list[int] = []
        if self.calendar is None or rows.times is None:
            return np.empty((part.stop - part.start, 1 + self._n_ahead, 0))
        times = self.calendar.times_ahead(rows.times[part], self._n_ahead)
        if self._n_ahead:
            self._unexpected = (np.flatnonzero(times[:-1, 1] != times[1:, 0]) + 1).tolist()
        return self.calendar.values(times)

    @property
    def _names(self) -> list[str]:
        return self.inputs.names + (self.calendar.names if self.calendar else [])

    def _columns(self, *parts: Array) -> Array | dict[str, Array]:
        """Values of features, side by side, as columns by name; of none as an empty array."""
        values = np.concatenate(parts, axis=1)
        return dict(zip(self._names, values.T, strict=True)) or values

    def _dicts(self, *parts: Array) -> list[Features]:
        """Values of features, side by side, as rows by name."""
        names = self._names
        rows = np.concatenate(parts, axis=1).tolist()
        return [dict(zip(names, row, strict=True)) for row in rows]

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            "model": self.model.__getstate__(),
            "inputs": self.inputs.state(),
            "calendar": None if self.calendar is None else self.calendar.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        wanted = self.model.__getstate__()["parameters"]
        self.model.__setstate__(state["model"])
        if self.model.__getstate__()["parameters"] != wanted:
            raise ValueError("the saved model does not fit the saved settings")
        self.inputs.restore(state["inputs"])
        if self.calendar is not None:
            self.calendar.restore(state["calendar"])


def _wider(rows: Array, width: int) -> Array:
    """Rows with features that have come since."""
    if rows.shape[1] == width:
        return rows
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=math.nan)


class NumbersLearner(_Estimator):
    """A target that is numbers.

    Parameters
    ----------
    settings : Settings
    columns, texts : sequence of str
        Names of the inputs that are numbers and that are text.
    """

    def __init__(self, settings: Settings, columns: Sequence[str], texts: Sequence[str]) -> None:
        super().__init__(settings, columns, texts)
        self._is_known = False  # whether a target is
        self._n_ahead = horizon = settings.horizon
        # Features of the last rows; with a delay, targets that come late.
        self._rows = np.full((horizon, len(self.inputs.names)), np.nan)
        self._late: deque[float] = deque()
        # Of a horizon that the forecaster follows only now and then: forecasts not due, errors.
        self._spread = Spread()
        self._made: deque[float] = deque()
        if horizon:
            self.model = Forecaster(season=settings.season or None, **self._options())
        else:
            self.model = Regressor(delay=settings.delay, **self._options())

    def _update(self, features: Array, target: Array, calendar: Array) -> tuple[Array, Array]:
        """Return forecasts, and the ends of the intervals around them."""
        settings = self.settings
        if settings.horizon:
            update = self._update_next if settings.horizon == 1 else self._update_ahead
        else:
            update = self._update_late if settings.delay else self._update_own
        return update(features, target, calendar)

    def _known(self, target: Array, now: bool) -> Array:
        """Whether a target is known at each row, before or with its own."""
        known = np.logical_or.accumulate(np.concatenate([[self._is_known], target == target]))
        self._is_known = bool(known[-1])
        return known[1:] if now else known[:-1]

    def _update_next(self, features: Array, target: Array, calendar: Array) -> tuple[Array, Array]:
        """One row ahead: what is said of every row is what is said at the row before."""
        n = len(features)
        rows = np.concatenate([_wider(self._rows, features.shape[1]), features])
        self._rows = rows[n:]
        if self.calendar:
            times = np.concatenate([calendar[:, 0], calendar[-1:, 1]])
            rows = np.concatenate([rows, times], axis=1)
        found, bounds = self.model._run(
            Table.of_numbers([None], target[:, None]),
            Table.of_numbers(self._names, rows),
            np.ones(n),
            self.settings.level,
        )
        known = self._known(target, now=True)
        found[1:][~known] = bounds[1:][~known] = math.nan
        return found[1:], bounds[1:].T

    def _update_ahead(self, features: Array, target: Array, calendar: Array) -> tuple[Array, Array]:
        """Some rows ahead: forecasts from forecasts."""
        horizon, n, level = self.settings.horizon, len(features), self.settings.level
        rows = np.concatenate([_wider(self._rows, features.shape[1]), features])
        self._rows = rows[n:]
        known, found = self._known(target, now=True), np.full((3, n), np.nan)
        for k, y in enumerate(target.tolist()):
            (own,) = self._dicts(rows[k : k + 1], calendar[k, :1])
            self.model.learn_one(y, own)
            if not known[k]:
                continue
            following = self._dicts(rows[k + 1 : k + 1 + horizon], calendar[k, 1:])
            if len(self._made) == horizon:
                self._spread.learn(y - self._made.popleft())
            said = self.model.forecast(horizon, following)[-1]
            self._made.append(said)
            found[:, k] = said, *self._spread.around(said).interval(level)
        return found[0], found[1:]

    def _update_own(self, features: Array, target: Array, calendar: Array) -> tuple[Array, Array]:
        """The row's own target, which is known before the next row."""
        columns = self._columns(features, calendar[:, 0])
        found = np.array(self.model.run(columns, target, level=self.settings.level))
        found[:, ~self._known(target, now=False)] = math.nan
        return found[0], found[1:]

    def _update_late(self, features: Array, target: Array, calendar: Array) -> tuple[Array, Array]:
        """The row's own target, which is known some rows later."""
        found = np.full((3, len(features)), np.nan)
        rows = self._dicts(features, calendar[:, 0])
        for k, (x, y) in enumerate(zip(rows, target.tolist(), strict=True)):
            said = self.model.predict_one(x, with_dist=True)
            if self._is_known:
                found[:, k] = said.mu, *said.interval(self.settings.level)
            self._late.append(y)
            if len(self._late) > self.settings.delay:
                y = self._late.popleft()
                self.model.learn_one(x, y)
                self._is_known = self._is_known or y == y
        return found[0], found[1:]

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            **super().state(),
            "is_known": self._is_known,
            "rows": self._rows.copy(),
            "late": list(self._late),
            "made": list(self._made),
            "spread": self._spread.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self._is_known, self._rows = state["is_known"], state["rows"].copy()
        self._late.extend(state["late"])
        self._made.extend(state["made"])
        self._spread.restore(state["spread"])


class LabelsLearner(_Estimator):
    """A target that is labels: forecasts are probabilities by label, empty before the first label.

    Parameters
    ----------
    settings : Settings
    columns, texts : sequence of str
        Names of the inputs that are numbers and that are text.
    """

    def __init__(self, settings: Settings, columns: Sequence[str], texts: Sequence[str]) -> None:
        super().__init__(settings, columns, texts)
        self._n_ahead = settings.horizon
        # How many rows a label comes after the prediction of its row.
        self._delay = settings.horizon or settings.delay + 1
        self._late: deque[str | None] = deque()
        self._waiting: deque[Features] = deque()
        self.model = Classifier(
            feedback=settings.sees_labels(), delay=self._delay - 1, **self._options()
        )

    def _update(
        self, features: Array, target: Any, calendar: Array
    ) -> tuple[list[dict[str, float]], float]:
        """Return probabilities by label, and no intervals."""
        parts = features, calendar[:, -1]
        if self._delay > 1:
            return self._update_each(self._dicts(*parts), target), math.nan
        if not self.settings.horizon:
            return self._run(self._columns(*parts), target), math.nan
        found = []
        rows = np.concatenate(parts, axis=1)
        if self._waiting:
            (before,) = self._waiting
            first = [before.get(name, math.nan) for name in self._names]
            rows = np.vstack([first, rows])
        else:  # the label of the first row is of no row that was predicted
            target = target[1:]
        self._waiting = deque(self._dicts(rows[-1:]))
        if len(target):
            found = self._run(self._columns(rows[:-1]), target)
            found = found[len(found) + 1 - len(features) :]
        return [*found, self.model.predict_proba_one(self._waiting[0])], math.nan

    def _run(self, columns: Any, target: Any) -> list[dict[str, float]]:
        """What is said of rows before each is learned."""
        known = {*self.model.classes}
        shares = self.model.run(columns, target).tolist()
        classes, found = self.model.classes, []
        for label, row in zip(target, shares, strict=True):
            found.append(dict(zip(classes[: len(known)], row, strict=False)))
            if label is not None:
                known.add(label)
        return found

    def _update_each(self, rows: Sequence[Features], target: Any) -> list[dict[str, float]]:
        horizon, found = self.settings.horizon, []
        for x, y in zip(rows, target, strict=True):
            if horizon and len(self._waiting) == horizon:
                self.model.learn_one(self._waiting.popleft(), y)
            found.append(self.model.predict_proba_one(x))
            self._waiting.append(x)
            if horizon:
                continue
            self._late.append(y)
            if len(self._late) == self._delay:
                self.model.learn_one(self._waiting.popleft(), self._late.popleft())
        return found

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            **super().state(),
            "waiting": [dict(x) for x in self._waiting],
            "late": list(self._late),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self._waiting.extend(state["waiting"])
        self._late.extend(state["late"])


class Anomalies(_Estimator):
    """Scores of rows, by how unlike their targets are to what was expected: `Detector`.

    Parameters
    ----------
    settings : Settings
    columns, texts : sequence of str
        Names of the inputs that are numbers and that are text.
    """

    def __init__(self, settings: Settings, columns: Sequence[str], texts: Sequence[str]) -> None:
        super().__init__(settings, columns, texts)
        season = settings.season[0] if settings.season else None
        self.model = Detector(season=season, **self._options())

    def _update(self, features: Array, target: Array, calendar: Array) -> tuple[Array, float]:
        """Return scores, and no intervals."""
        names, scores = self.settings.targets, np.empty(len(features))
        rows = self._dicts(features, calendar[:, 0])
        for k, (x, values) in enumerate(zip(rows, target.tolist(), strict=True)):
            y = dict(zip(names, values, strict=True))
            scores[k] = self.model.score_one(x, y)
            self.model.learn_one(x, y)
        return scores, math.nan


def new_learner(settings: Settings, columns: Sequence[str], texts: Sequence[str]) -> Learner:
    """Return what learns a series with these settings."""
    kind: type[Anomalies | LabelsLearner | NumbersLearner] = NumbersLearner
    if settings.classify:
        kind = LabelsLearner
    return (Anomalies if settings.detect else kind)(settings, columns, texts)


class Template:
    """Makes learners of one set of weights, a state and scales for each.

    Parameters
    ----------
    settings : Settings
    columns : sequence of str
        Names of the inputs, which are numbers.
    """

    def __init__(self, settings: Settings, columns: Sequence[str]) -> None:
        self.settings, self.columns = settings, list(columns)
        # Its networks are made when it has seen a row, which is forgotten.
        self._first = NumbersLearner(settings, columns, ())
        nothing = np.full((1, len(columns)), np.nan)
        times = np.full(1, np.nan) if settings.time else None
        self._first.update_block(Rows(nothing, (), np.full(1, np.nan), times))
        self._first.model.reset()

    def learner(self) -> Learner:
        """Return one more."""
        made = NumbersLearner(self.settings, self.columns, ())
        optimizer = made.model.optimizer
        made.model = self._first.model.copy()
        made.model.optimizer = optimizer  # its own, as it has after a file too
        made.model._share(self._first.model)
        return made

    def join(self, learner: Any, is_first: bool) -> None:
        """Let one that was restored learn with the others; the first one brings their weights."""
        one, other = (self._first, learner) if is_first else (learner, self._first)
        one.model._share(other.model)
