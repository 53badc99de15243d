"""What a target may be: numbers or labels; each with its forecaster, its opponents and its scores.

Both have the same verbs. `update` takes in a row and returns the forecasts for the row a horizon
ahead, the network's first; `score` compares forecasts with what has come; `as_record` gives a
forecast in plain values.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from pylstm.errors import brief
from pylstm.estimators import Classifier
from pylstm.registry import as_today
from pylstm.tabular.errors import StreamError
from pylstm.tabular.forecaster import Forecaster
from pylstm.tabular.scores import LabelScores, LabelTotal, Scores, Total, most_probable
from pylstm.tabular.settings import Settings
from pylstm.tabular.table import Vector

__all__ = ["FREQUENT", "LAST", "LAST_LABEL", "MODEL", "SEASON", "Kind", "Labels", "Numbers"]

MODEL, LAST, SEASON = "pylstm", "last value", "one season ago"
LAST_LABEL, FREQUENT = "last label", "most frequent"
# A network has an output a label: a column with more of them is taken for a mistake.
_MOST_LABELS = 1000

Probabilities = dict[str, float]
Known = TypeVar("Known")


class Kind(Protocol):
    """The verbs of `Numbers` and `Labels`."""

    @property
    def scores(self) -> Scores | LabelScores:
        """Losses so far."""

    def update(self, inputs: Vector, target: Any) -> list[Any]:
        """Take in one row; return the forecasts for the row a horizon ahead."""

    def score(self, target: Any, forecasts: list[Any] | None) -> tuple[float, float]:
        """Score forecasts, None where there are none yet; return truth and forecast to draw."""

    def as_record(self, forecast: Any) -> dict[str, Any]:
        """Return a forecast in plain values, by name."""

    def value(self, target: Any) -> Any:
        """Return a target in plain values, None where it is missing."""

    def total(self, after: float = 0.0) -> Total | LabelTotal:
        """Return the losses of the stream after its first part."""

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class _Season(deque[Known]):
    """Targets; the oldest one, once it is full, is that of one season before the row predicted."""

    def __init__(self, settings: Settings) -> None:
        season, horizon = settings.season, settings.horizon
        # With horizon 0 the row predicted is not yet in it.
        n_known = season - horizon + (horizon > 0) if season else 0
        super().__init__(maxlen=n_known)

    def oldest(self, otherwise: Known) -> Known:
        return self[0] if self and len(self) == self.maxlen else otherwise


class Numbers:
    """A target that is numbers: `Forecaster`, the last value known, the value one season ago.

    Parameters
    ----------
    settings : Settings
    n_columns : int
        Number of inputs.
    """

    def __init__(self, settings: Settings, n_columns: int) -> None:
        self.settings = settings
        self.forecaster = Forecaster(n_columns, settings)
        self.scores = Scores([MODEL, LAST] + ([SEASON] if settings.season else []))
        self._recent_targets: _Season[float] = _Season(settings)

    def update(self, inputs: Vector, target: float) -> list[float]:
        """Take in one row; return the forecasts for the row a horizon ahead."""
        forecasts = [self.forecaster.update(inputs, target), self.forecaster.last_target]
        if self.settings.season:
            self._recent_targets.append(target)
            forecasts.append(self._recent_targets.oldest(np.nan))
        return forecasts

    def score(self, target: float, forecasts: list[float] | None) -> tuple[float, float]:
        """Score forecasts, None where there are none yet; return truth and forecast to draw."""
        forecasts = forecasts or [np.nan] * len(self.scores.names)
        self.scores.add(target, forecasts)
        return target, forecasts[0]

    def as_record(self, forecast: float) -> dict[str, Any]:
        """Return a forecast in plain values, by name."""
        return {"prediction": self.value(forecast)}

    def value(self, target: float) -> float | None:
        """Return a target in plain values, None where it is missing."""
        return None if np.isnan(target) else target

    def total(self, after: float = 0.0) -> Total:
        """Return the errors of the stream after its first part."""
        return self.scores.total(after)

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            "forecaster": self.forecaster.state(),
            "scores": self.scores.state(),
            "targets": np.array(self._recent_targets, float),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.forecaster.restore(state["forecaster"])
        self.scores.restore(state["scores"])
        self._recent_targets.extend(state["targets"].tolist())


class Labels:
    """A target that is labels: `Classifier`, the last label, the most frequent label so far.

    At row t, with x(t) its cells and h the horizon, in this order:

        learn     model.learn_one(x(t-h), label(t))
        predict   label(t+h): the model goes on, learning nothing, from x(t-h+1) to x(t)

    and with h = 0 predict first, then learn. A missing cell keeps the last known value. The last
    label known when x(t) was seen is part of it, as an input of 0 or 1 a label.

    The opponents have probabilities too. Those of the most frequent label are the shares of all
    labels so far; the last label, and that of one season ago, is given (a + 1) / (n + 2) where it
    was right a times in n, but no less than the others, which share the rest equally.

    Parameters
    ----------
    settings : Settings
    n_columns : int
        Number of inputs but for the last label.

    Notes
    -----
    A row costs one learning step and `horizon` steps forward, from the second on by a copy of the
    model.
    """

    def __init__(self, settings: Settings, n_columns: int) -> None:
        self.settings = settings
        self.model = Classifier(
            settings.cells,
            optimizer=settings.new_optimizer(),
            feedback=False,  # the last label is among the inputs
            network={"scale_memory": settings.memory},
            dtype=settings.dtype,
            seed=settings.seed,
        )
        self._repeats = [LAST_LABEL] + ([SEASON] if settings.season else [])
        self.scores = LabelScores([MODEL, LAST_LABEL, FREQUENT, *self._repeats[1:]])
        self._sees_labels = settings.sees_labels()
        self._last_inputs = np.full(n_columns, np.nan)
        self._last_label: str | None = None
        self._counts: Counter[str] = Counter()
        # By opponent that repeats a label: forecasts scored, and how many were right.
        self._right_repeats = np.zeros((len(self._repeats), 2))
        self._recent_labels: _Season[str | None] = _Season(settings)
        self._rows_not_learned: deque[dict[Any, float]] = deque()

    def update(self, inputs: Vector, target: str | None) -> list[Probabilities]:
        """Take in one row; return the forecasts for the row a horizon ahead."""
        inputs = np.asarray(inputs, np.float64)
        if inputs.shape != self._last_inputs.shape or np.isinf(inputs).any():
            raise ValueError(
                f"inputs {inputs}, wanted {self._last_inputs.size} numbers, NaN where missing"
            )
        if target is not None and not isinstance(target, str):
            raise ValueError(f"target {brief(target)}, wanted a label, which is text, or None")
        self._check_number_of_labels(target)
        horizon = self.settings.horizon
        if horizon == 0:
            x = self._features(inputs)
            forecasts = [self.model.predict_proba_one(x), *self._forecasts_of_opponents()]
            self.model.learn_one(x, target)
            self._count_label(target)
            return forecasts
        if len(self._rows_not_learned) == horizon:
            self.model.learn_one(self._rows_not_learned.popleft(), target)
        self._count_label(target)
        self._rows_not_learned.append(self._features(inputs))
        return [self._predict_ahead(), *self._forecasts_of_opponents()]

    def _check_number_of_labels(self, label: str | None) -> None:
        if len(self._counts) == _MOST_LABELS and label is not None and label not in self._counts:
            raise StreamError(
                f"{brief(label)} is label number {_MOST_LABELS + 1:,} in column "
                f"{brief(self.settings.target)}, wanted at most {_MOST_LABELS:,} different ones"
            )

    def _features(self, inputs: Vector) -> dict[Any, float]:
        """The features of a row: numbers for the columns, text for the labels."""
        missing = np.isnan(inputs)
        self._last_inputs = np.where(missing, self._last_inputs, inputs)
        x: dict[Any, float] = dict(enumerate(self._last_inputs.tolist()))
        if self.settings.mark_missing:
            x.update((-1 - k, float(gap)) for k, gap in enumerate(missing.tolist()))
        if self._sees_labels:
            x.update((label, float(label == self._last_label)) for label in self._counts)
        return x

    def _count_label(self, label: str | None) -> None:
        if label is not None:
            self._last_label = label
            self._counts[label] += 1
        if self.settings.season:
            self._recent_labels.append(label)

    def _predict_ahead(self) -> Probabilities:
        if len(self._rows_not_learned) == 1:
            return self.model.predict_proba_one(self._rows_not_learned[0])
        return self.model.predict_proba_following(self._rows_not_learned)[-1]

    def _forecasts_of_opponents(self) -> list[Probabilities]:
        n = self._counts.total()
        frequent = {label: count / n for label, count in self._counts.items()}
        repeated = [self._last_label, self._recent_labels.oldest(None)][: len(self._repeats)]
        repeats = [self._forecast_of_repeat(k, label) for k, label in enumerate(repeated)]
        return [repeats[0], frequent, *repeats[1:]]

    def _forecast_of_repeat(self, k: int, label: str | None) -> Probabilities:
        if label is None:
            return {}
        n, right = self._right_repeats[k].tolist()
        others = [other for other in self._counts if other != label]
        share = max((right + 1) / (n + 2), 1 / (1 + len(others))) if others else 1.0
        return {label: share} | {other: min(share, (1 - share) / len(others)) for other in others}

    def score(
        self, target: str | None, forecasts: list[Probabilities] | None
    ) -> tuple[float, float]:
        """Score forecasts, None where there are none yet; return truth and forecast to draw."""
        forecasts = forecasts or [{}] * len(self.scores.names)
        self.scores.add(target, forecasts)
        for k, repeated in enumerate([forecasts[1], *forecasts[3:]]):
            if repeated and target is not None:
                self._right_repeats[k] += 1, most_probable(repeated) == target
        return self._class_index(target), self._class_index(most_probable(forecasts[0]))

    def _class_index(self, label: str | None) -> float:
        return np.nan if label is None else self.labels.index(label)

    @property
    def labels(self) -> list[str]:
        """The labels seen so far, in the order in which they came."""
        return list(self._counts)

    def as_record(self, forecast: Probabilities) -> dict[str, Any]:
        """Return a forecast in plain values, by name."""
        return {"prediction": most_probable(forecast), "probabilities": forecast}

    def value(self, target: str | None) -> str | None:
        """Return a target in plain values, None where it is missing."""
        return target

    def total(self, after: float = 0.0) -> LabelTotal:
        """Return the losses of the stream after its first part."""
        return self.scores.total(after)

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            "model": self.model.__getstate__(),
            "scores": self.scores.state(),
            "known": self._last_inputs,
            "last": self._last_label,
            "labels": self.labels,
            "counts": list(self._counts.values()),
            "record": self._right_repeats,
            "season": list(self._recent_labels),
            "pending": [dict(x) for x in self._rows_not_learned],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        model = as_today("estimators.Classifier", state["model"])
        if model["parameters"] != self.model.__getstate__()["parameters"]:
            raise ValueError("the saved model does not fit the saved settings")
        self.model.__setstate__(state["model"])
        self.scores.restore(state["scores"])
        self._last_inputs[:] = state["known"]
        self._last_label = state["last"]
        self._counts = Counter(dict(zip(state["labels"], state["counts"], strict=True)))
        self._right_repeats[:] = state["record"]
        self._recent_labels.extend(state["season"])
        self._rows_not_learned.extend(state["pending"])
