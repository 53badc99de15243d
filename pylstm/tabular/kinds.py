"""One series: its learner, its baselines, and forecasts that are scored when their row arrives.

A target is numbers or labels; or there is nothing to predict, and rows are scored by how unlike
they are to what was expected. Each has the same verbs; `update_block` takes in rows and returns
what was made of them, the same to the last bit however many come at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.tabular.baselines import (
    FREQUENT,
    LAST,
    LAST_LABEL,
    LabelBaselines,
    number_forecasts,
    season_names,
)
from pylstm.tabular.blocks import add_to
from pylstm.tabular.learners import Learner, Rows
from pylstm.tabular.scores import LabelScores, most_probable
from pylstm.tabular.settings import Settings

__all__ = ["MODEL", "Detection", "Labels", "Made", "Numbers", "Series", "forecasters", "new_series"]

Array = npt.NDArray[Any]
Probabilities = dict[str, float]

MODEL = "pylstm"


def forecasters(settings: Settings) -> list[str]:
    """Return the names of those that are compared, the network's first."""
    if settings.detect:
        return []
    if settings.classify:
        return [MODEL, LAST_LABEL, FREQUENT, *season_names(settings)]
    return [MODEL, LAST, *season_names(settings)]


@dataclass
class Made:
    """What was made of rows, an entry a row.

    Parameters
    ----------
    numbers : list of int
        The row, counted from 1 in its series, that is predicted.
    values : list of float, or of dict of str to float
        Forecasts made at each row, NaN or empty where there is none; or scores.
    low, high : list of float
        Ends of the intervals around them, NaN where there is none.
    truth : list
        The targets: NaN, or None, where missing.
    due : list
        Forecasts that had been made for each row.
    losses : ndarray, shape (n, 2 n_forecasters)
        Of what was due; NaN where the row is not scored.
    drawn : ndarray, shape (n, 4)
        Truth, what was due, and the ends of its interval, as numbers. Of scores: the score, then
        the values of the targets.
    """

    numbers: list[int]
    values: list[Any]
    low: list[float]
    high: list[float]
    truth: list[Any]
    due: list[Any]
    losses: Array
    drawn: Array


class Series:
    """What the kinds have in common.

    Parameters
    ----------
    settings : Settings
    learner : Learner
    """

    def __init__(self, settings: Settings, learner: Learner) -> None:
        self.settings, self.learner = settings, learner
        self.n_rows = 0
        self.n_names = len(forecasters(settings))
        # Rows scored and sums of the losses.
        self.total = np.zeros(1 + 2 * self.n_names)

    def update_block(self, rows: Rows) -> Made:
        """Take in rows: forecasts are made and scored, and the rows are learned."""
        raise NotImplementedError

    def _count(self, n: int, losses: Array) -> list[int]:
        """Add to the totals, one row after the other; return the numbers of the rows predicted."""
        add_to(self.total, losses)
        first = self.n_rows + 1 + self.settings.horizon
        self.n_rows += n
        return list(range(first, first + n))

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {"n_rows": self.n_rows, "total": self.total.copy(), **self.learner.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.n_rows = state["n_rows"]
        self.total[:] = state["total"]
        self.learner.restore(state)


class Numbers(Series):
    """A target that is numbers."""

    def __init__(self, settings: Settings, learner: Learner) -> None:
        super().__init__(settings, learner)
        self._forecasts = number_forecasts(settings)

    def update_block(self, rows: Rows) -> Made:
        """Take in rows: forecasts are made and scored, and the rows are learned."""
        values, low, high = self.learner.update_block(rows)
        losses, drawn = self._forecasts.update(rows.target, values, low, high)
        return Made(
            self._count(len(rows), losses),
            values,
            low.tolist(),
            high.tolist(),
            rows.target.tolist(),
            drawn[:, 1].tolist(),
            losses,
            drawn,
        )

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {**super().state(), **self._forecasts.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self._forecasts.restore(state)


class Labels(Series):
    """A target that is labels."""

    def __init__(self, settings: Settings, learner: Learner) -> None:
        super().__init__(settings, learner)
        self._baselines = LabelBaselines(settings)
        self._pending: deque[list[Probabilities]] = deque()

    @property
    def labels(self) -> list[str]:
        """The labels seen so far, in the order in which they came."""
        return list(self._baselines.counts)

    def update_block(self, rows: Rows) -> Made:
        """Take in rows: forecasts are made and scored, and the rows are learned."""
        values, low, high = self.learner.update_block(rows)
        horizon, dues, losses, drawn = self.settings.horizon, [], [], []
        for label, value in zip(rows.target, values, strict=True):
            made = [value, *self._baselines.forecast(label)]
            due: list[Probabilities] | None = made
            if horizon:
                due = self._pending.popleft() if len(self._pending) == horizon else None
                self._pending.append(made)
            self._baselines.score(label, None if due is None else due[1:])
            due = due or [{}] * self.n_names
            dues.append(due[0])
            losses.append(LabelScores.losses(label, due))
            drawn.append([self._place(label), self._place(most_probable(due[0])), np.nan, np.nan])
        found = np.array(losses, float).reshape(-1, 2 * self.n_names)
        return Made(
            self._count(len(rows), found),
            values,
            low.tolist(),
            high.tolist(),
            list(rows.target),
            dues,
            found,
            np.array(drawn, float).reshape(-1, 4),
        )

    def _place(self, label: str | None) -> float:
        """Of a label among those seen; one that has just come, and is told late, is the next."""
        if label is None:
            return np.nan
        known = self.labels
        return known.index(label) if label in known else len(known)

    def state(self) -> dict[str, Any]:
        """Return everything that decides how it goes on."""
        return {
            **super().state(),
            "forecasts": [[dict(one) for one in made] for made in self._pending],
            **self._baselines.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self._pending.extend([dict(one) for one in made] for made in state["forecasts"])
        self._baselines.restore(state)


class Detection(Series):
    """Rows that are scored by how unlike they are to what was expected."""

    def update_block(self, rows: Rows) -> Made:
        """Take in rows, which are scored and learned."""
        scores, low, high = self.learner.update_block(rows)
        truth = rows.target.tolist()
        losses = np.empty((len(rows), 0))
        return Made(
            self._count(len(rows), losses),
            scores,
            low.tolist(),
            high.tolist(),
            truth,
            truth,
            losses,
            np.column_stack([scores, rows.target]),
        )


def new_series(settings: Settings, learner: Learner) -> Series:
    """Return a series of the kind that the settings name."""
    kind: type[Series] = Labels if settings.classify else Numbers
    return (Detection if settings.detect else kind)(settings, learner)
