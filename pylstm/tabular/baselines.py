"""What every forecast is compared with, on the same rows: the last value, the value a season ago.

Symbols: y(t) the target of row t, r a row that is predicted, l how many rows before it the last
target is that is known then: the horizon, or one more than the delay.

    last value       y(r - l), or where that is missing the last one before it
    a season ago     y(r - m), m the least multiple of the season that is at least l
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.tabular.blocks import NumberForecasts
from pylstm.tabular.errors import StreamError
from pylstm.tabular.scores import most_probable
from pylstm.tabular.settings import Settings

__all__ = [
    "FREQUENT",
    "LAST",
    "LAST_LABEL",
    "LabelBaselines",
    "number_forecasts",
    "season_names",
    "too_many_labels",
]

Array = npt.NDArray[Any]
Probabilities = dict[str, float]

LAST, LAST_LABEL, FREQUENT = "last value", "last label", "most frequent"
# A network has an output a label: a column with more of them is taken for a mistake.
_MOST_LABELS = 1000


def season_names(settings: Settings) -> list[str]:
    """Return the names of the baselines that repeat a season."""
    if len(settings.season) == 1:
        return ["one season ago"]
    return [f"one season of {s} ago" for s in settings.season]


def _lead(settings: Settings) -> int:
    return settings.horizon or settings.delay + 1


def _ago(season: int, lead: int) -> int:
    """How many rows before the predicted one the repeated one is."""
    return season * -(-lead // season)


def too_many_labels(settings: Settings, n_known: int, label: str) -> StreamError | None:
    """Return what is wrong with one more label, None where it is not one too many."""
    if n_known < _MOST_LABELS:
        return None
    return StreamError(
        f"{brief(label)} is label number {_MOST_LABELS + 1:,} in column {brief(settings.target)}, "
        f"wanted at most {_MOST_LABELS:,} different ones"
    )


def number_forecasts(settings: Settings) -> NumberForecasts:
    """Return the baselines of a target that is numbers, which the model is compared with."""
    lead, horizon = _lead(settings), settings.horizon
    return NumberForecasts(horizon, lead - horizon, [_ago(s, lead) for s in settings.season])


class LabelBaselines:
    """Baselines of a target that is labels, which give probabilities too.

    Those of the most frequent label are the shares of all labels so far; the last label, and that
    of one season ago, is given (a + 1) / (n + 2) where it was right a times in n, but no less than
    the others, which share the rest equally.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        lead, horizon = _lead(settings), settings.horizon
        self._n_repeats = 1 + len(settings.season)
        self._last: str | None = None
        self.counts: Counter[str] = Counter()
        # By baseline that repeats a label: forecasts scored, and how many were right.
        self._right = np.zeros((self._n_repeats, 2))
        n_known = [_ago(s, lead) - horizon + (horizon > 0) for s in settings.season]
        self._recent = [deque[str | None](maxlen=n) for n in n_known]
        self._late: deque[tuple[str | None, list[Probabilities] | None]] = deque()

    def forecast(self, label: str | None) -> list[Probabilities]:
        """Take in the label of a row, if the horizon is not 0; return the forecasts made at it."""
        if self.settings.horizon:
            self._count(label)
        n = self.counts.total()
        frequent = {label: count / n for label, count in self.counts.items()}
        ago = [
            recent[0] if recent and len(recent) == recent.maxlen else None
            for recent in self._recent
        ]
        first, *others = [self._repeat(k, one) for k, one in enumerate([self._last, *ago])]
        return [first, frequent, *others]

    def score(self, label: str | None, due: list[Probabilities] | None) -> None:
        """Take in the label of a row and the forecasts that had been made for it."""
        settings = self.settings
        if not settings.horizon:
            self._late.append((label, due))
            if len(self._late) <= settings.delay:
                return
            label, due = self._late.popleft()
            self._count(label)
        if label is None or due is None:
            return
        for k, repeated in enumerate([due[0], *due[2:]]):
            if repeated:
                self._right[k] += 1, most_probable(repeated) == label

    def _count(self, label: str | None) -> None:
        if label is not None:
            self._last = label
            self.counts[label] += 1
        for recent in self._recent:
            recent.append(label)

    def _repeat(self, k: int, label: str | None) -> Probabilities:
        if label is None:
            return {}
        n, right = self._right[k].tolist()
        others = [other for other in self.counts if other != label]
        share = max((right + 1) / (n + 2), 1 / (1 + len(others))) if others else 1.0
        return {label: share} | {other: min(share, (1 - share) / len(others)) for other in others}

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {
            "last": self._last,
            "labels": list(self.counts),
            "counts": list(self.counts.values()),
            "record": self._right.copy(),
            "seasons": [list(recent) for recent in self._recent],
            "not_known": [[label, due] for label, due in self._late],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._last = state["last"]
        self.counts = Counter(dict(zip(state["labels"], state["counts"], strict=True)))
        self._right[:] = state["record"]
        for recent, saved in zip(self._recent, state["seasons"], strict=True):
            recent.extend(saved)
        self._late.extend((label, due) for label, due in state["not_known"])
