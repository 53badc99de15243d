"""Which rows of a stream are unlike what was to be expected."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from inspect import signature
from typing import Any

import numpy as np

from pylstm._core import Exclusive
from pylstm.checkpoint import check_plain
from pylstm.checks import check_size
from pylstm.copies import check_fields
from pylstm.estimators.defaults import N_CELLS
from pylstm.estimators.estimator import Row, Shown
from pylstm.estimators.features import Features
from pylstm.estimators.regressor import Regressor
from pylstm.estimators.surprise import Rest, Surprise
from pylstm.estimators.values import as_number, check_row
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.registry import check_state, register

__all__ = ["Detector"]

_STATE_FORMAT = 1
_SEASONS_REMEMBERED = 7
_USUAL = ("usual",)  # a name of no feature of the user's


class _Season:
    """What is usual at each row of a season: the mean of the last few."""

    def __init__(self, size: int) -> None:
        self.means = np.full(size, math.nan)
        self.counts = np.zeros(size, np.int64)
        self.place = 0

    @property
    def usual(self) -> float:
        """Of the row that comes next, NaN where it is not known."""
        return float(self.means[self.place])

    def learn(self, value: float) -> None:
        """Go on to the next row; NaN teaches nothing."""
        k, before = self.place, self.usual
        if value == value:
            self.counts[k] = n = min(int(self.counts[k]) + 1, _SEASONS_REMEMBERED)
            self.means[k] = value if before != before else before + (value - before) / n
        self.place = (k + 1) % self.means.size

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {"means": self.means.copy(), "counts": self.counts.copy(), "place": self.place}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.means, self.counts = state["means"].copy(), state["counts"].copy()
        self.place = state["place"]


class _Variable:
    """One variable of the rows: forecasts of it, and how far they have been off."""

    def __init__(self, model: Regressor, season: int | None) -> None:
        self.model = model
        self.season = None if season is None else _Season(season)
        self.surprise = Surprise(1 if season is None else 2)
        self.is_known = False

    def _features(self, x: Row) -> Row:
        return x if self.season is None else {**x, _USUAL: self.season.usual}

    def _errors(self, value: float, prediction: float) -> list[float]:
        errors = [value - prediction if self.is_known else math.nan]
        if self.season is not None:
            errors.append(value - self.season.usual)
        return [error if math.isfinite(error) else math.nan for error in errors]

    def evidence(self, value: float, x: Row) -> float:
        """Of a value that comes next; nothing changes."""
        prediction = self.model.predict_one(self._features(x))
        return self.surprise.evidence(self._errors(value, prediction))

    def learn(self, value: float, x: Row) -> float:
        """Learn from the next value; return the evidence there was."""
        features = self._features(x)
        errors = self._errors(value, self.model.predict_one(features))
        evidence = self.surprise.evidence(errors)
        self.model.learn_one(features, value)
        self.surprise.learn(errors)
        if self.season is not None:
            self.season.learn(value)
        self.is_known = self.is_known or value == value
        return evidence

    def forget(self) -> None:
        """A new sequence begins."""
        self.model.reset()
        self.surprise.forget()
        self.is_known = False
        if self.season is not None:
            self.season.place = 0

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {
            "model": self.model.__getstate__(),
            "season": None if self.season is None else self.season.state(),
            "surprise": self.surprise.state(),
            "is_known": self.is_known,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.__setstate__(state["model"])
        if self.season is not None:
            self.season.restore(state["season"])
        self.surprise.restore(state["surprise"])
        self.is_known = state["is_known"]


@answers_keywords
class Detector(Shown):
    """Score every row by how unlike it is to what was to be expected, and learn from it.

    Each variable is forecast one row ahead by a `Regressor` and, with a season, by the mean of the
    last seven values at the same row of the season. How rare their errors, of the row and summed
    over 24 rows, have been so far is its evidence S, see `pylstm.estimators.surprise`; of V
    variables the most surprising counts, and that it is one of several:

        S = max_v S_v - log10 V        score = 1 - 10^-S, 0 where S has been as large just before

    So the score of a row is about 1 minus the probability of errors as large, whatever the unit,
    the scale or the spread of a stream: 0.99 is what comes once in a hundred rows.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells, of each variable's networks.
    season : int, optional
        Rows in a season: 24 for hours with a daily rhythm. A missing row has to be passed as
        None, or the season shifts.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        Of a single network a variable; by default there are several, see `Regressor`.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the networks.
    seed : int, default 0
        Of the starting weights.

    Raises
    ------
    ValueError, TypeError
        For a parameter that makes no sense.

    Notes
    -----
    Scores are 0 for the first fifty rows, and in the hundred rows after an event unless it is
    exceeded: an event is reported once. A row costs a learning step of a `Regressor` a variable,
    and some ten microseconds. Memory does not grow with the stream: a season and 16 KB of
    histograms a forecast.

    Examples
    --------
    >>> import math
    >>> from pylstm.estimators import Detector
    >>> model, scores = Detector(n_cells=8, season=24), []
    >>> for t in range(1000):
    ...     row = {"load": 20 + 5 * math.sin(t * math.pi / 12) + (t * 7919 % 101) / 101}
    ...     if t == 900:
    ...         row["load"] += 8
    ...     scores.append(model.score_one(row))
    ...     model.learn_one(row)
    >>> scores.index(max(scores))
    900
    """

    n_cells: int
    season: int | None
    block_size: int
    optimizer: Optimizer | None
    network: Mapping[str, Any] | None
    dtype: str
    seed: int

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        season: int | None = None,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        self.n_cells, self.season, self.block_size = n_cells, season, block_size
        self.optimizer, self.network, self.dtype, self.seed = optimizer, network, dtype, seed
        if season is not None:
            check_size("season", season)
        self._exclusive = Exclusive(type(self).__name__)
        self._variables: dict[Hashable, _Variable] = {}
        self._rest = Rest()
        self._new_variable()

    def _new_variable(self) -> _Variable:
        model = Regressor(
            self.n_cells,
            block_size=self.block_size,
            optimizer=self.optimizer,
            network=self.network,
            dtype=self.dtype,
            seed=self.seed,
        )
        return _Variable(model, self.season)

    @property
    def names(self) -> list[Hashable]:
        """Names of the variables seen so far; None is that of a single number."""
        return list(self._variables)

    @property
    def models(self) -> dict[Hashable, Regressor]:
        """The regressor of every variable, which forecasts it: to inspect, not to train."""
        return {name: variable.model for name, variable in self._variables.items()}

    def _parts(self, x: Row, y: Any) -> tuple[dict[Hashable, float], Row]:
        """Values of the variables, all of them numbers, and features."""
        check_row(x)
        if y is None:
            return {name: as_number("variable", value, name) for name, value in x.items()}, {}
        first = next(iter(self._variables.values()), None)  # it has seen what any has
        (Features(0) if first is None else first.model._features).check(x)
        features = {k: v if isinstance(v, str) else as_number("feature", v, k)
                    for k, v in x.items()}  # fmt: skip
        if isinstance(y, Mapping):
            return {name: as_number("variable", value, name) for name, value in y.items()}, features
        return {None: as_number("y", y)}, features

    def score_one(self, x: Row, y: float | Row | None = None) -> float:
        """Score the next row by how unexpected it is; nothing changes.

        Parameters
        ----------
        x : mapping of names to numbers
            The variables; with `y`, features that are known of the row and not watched themselves,
            which may be text.
        y : float or mapping of names to numbers, optional
            The variable, or the variables.

        Returns
        -------
        float
            From 0, nothing unusual, to 1. Variables never learned from, or without a value, None
            or NaN, are left out.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        """
        with self._exclusive:
            values, features = self._parts(x, y)
            return _as_score(self._rest.fresh(self._evidence(values, features)))

    def _evidence(self, values: Mapping[Hashable, float], features: Row) -> float:
        known = {k: v for k, v in values.items() if v == v and k in self._variables}
        return _joined([self._variables[k].evidence(v, features) for k, v in known.items()])

    def learn_one(self, x: Row, y: float | Row | None = None) -> None:
        """Learn from a row, and advance to the next.

        Parameters
        ----------
        x : mapping of names to numbers
            As for `score_one`. A variable left out has no value in this row.
        y : float or mapping of names to numbers, optional

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        with self._exclusive:
            values, features = self._parts(x, y)
            new = sorted(values.keys() - self._variables.keys(), key=str)
            for name in (*new, *features):
                check_plain("a name", name)
            evidence = []
            # What the first has not refused no other will.
            for name in (*self._variables, *new):
                variable = self._variables.get(name) or self._new_variable()
                value = values.get(name, math.nan)
                found = variable.learn(value, features)
                self._variables[name] = variable
                if value == value:
                    evidence.append(found)
            self._rest.learn(_joined(evidence))

    def reset(self) -> None:
        """Set the state to that of a new sequence; what was learned stays."""
        with self._exclusive:
            for variable in self._variables.values():
                variable.forget()
            self._rest = Rest()

    def __getstate__(self) -> dict[str, Any]:
        with self._exclusive:
            return {
                "format": _STATE_FORMAT,
                "parameters": {
                    name: getattr(self, name) for name in signature(type(self)).parameters
                },
                "names": list(self._variables),
                "variables": [variable.state() for variable in self._variables.values()],
                "rest": np.array(self._rest.last, float),
            }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_state("estimators.Detector", state)
        check_fields("detector", state["parameters"], signature(type(self)).parameters)
        type(self).__init__(self, **state["parameters"])
        for name, saved in zip(state["names"], state["variables"], strict=True):
            self._variables[name] = variable = self._new_variable()
            variable.restore(saved)
        self._rest.last.extend(state["rest"].tolist())


def _joined(evidence: list[float]) -> float:
    """Of all variables: the most surprising, and that it is one of so many."""
    return max(0.0, max(evidence) - math.log10(len(evidence))) if evidence else 0.0


def _as_score(evidence: float) -> float:
    return -math.expm1(-evidence * math.log(10))


register(Detector, "estimators.Detector")
