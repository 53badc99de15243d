"""The three estimators over one network, row by row, without a dress.

Symbols as in `pylstm.estimators.defaults`: x(t) features, y(t) target, u(t) inputs of the network,
p(t) prediction. Every learned row is one step of the network, ``net.step(u, target)``; predictions
are ``net.predict(u)``, or steps of a copy, and change nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.checkpoint import register
from pylstm.copies import Copyable, check_format
from pylstm.estimators.defaults import (
    CLASSIFIER_SWITCHES,
    N_CELLS,
    START_POWER,
    SWITCHES,
    default_optimizer,
)
from pylstm.estimators.features import Features, as_number
from pylstm.network import LSTM
from pylstm.optimizers import SGD, Adam, Decay, ObGD, Optimizer, RMSprop

__all__ = ["Classifier", "Forecaster", "Regressor"]

Array = npt.NDArray[Any]
Row = Mapping[Hashable, Any]

_STATE_FORMAT = 1
# How far a forecaster's candidates were is remembered over so many rows, as scales are.
_MISSES_REMEMBERED, _SMALLEST_MISS = 3000, 1e-30
# Keywords of LSTM that an estimator sets itself.
_SET_HERE = {
    *("n_inputs", "n_outputs", "n_blocks", "block_size", "output", "loss", "dtype", "seed"),
    *("optimizer", "scale_inputs", "scale_targets"),
}


class Estimator(Copyable):
    """What the three have in common: parameters, a network that grows, names of features."""

    n_cells: int
    block_size: int
    optimizer: Optimizer | None
    network: Mapping[str, Any] | None
    dtype: str
    seed: int
    _n_own: int = 0

    def _set_up(self, **parameters: Any) -> None:
        """Keep the arguments of the constructor, refuse those no network can be made of."""
        for name, value in parameters.items():
            setattr(self, name, value)
        self._net: LSTM | None = None
        self._features = Features(self._n_own)
        _check_whole("n_cells", self.n_cells, 1)
        _check_whole("block_size", self.block_size, 1)
        _check_whole("seed", self.seed, 0)
        if not isinstance(self.network, Mapping | None):
            raise TypeError(
                f"network is {self.network!r}, wanted a dict of keywords of pylstm.LSTM"
            )
        taken = sorted(_SET_HERE.intersection(self.network or ()))
        if taken:
            raise ValueError(
                f"network names {taken[0]!r}, which the estimator sets itself: wanted other "
                "keywords of pylstm.LSTM"
            )
        self._new_network(1, 1)

    def _new_network(self, n_inputs: int, n_outputs: int) -> LSTM:
        n_blocks, rest = divmod(self.n_cells, self.block_size)
        if rest:
            raise ValueError(
                f"n_cells is {self.n_cells} and block_size is {self.block_size}: wanted a number "
                "of cells that block_size divides"
            )
        return LSTM(
            n_inputs,
            n_outputs,
            n_blocks,
            self.block_size,
            **{**self._switches(), **(self.network or {})},
            dtype=self.dtype,
            seed=self.seed,
            optimizer=default_optimizer() if self.optimizer is None else self.optimizer,
        )

    def _switches(self) -> Mapping[str, Any]:
        return SWITCHES

    def _n_outputs(self) -> int:
        return 1

    def _fill(self, x: Row) -> None:
        """Write a row to learn from into the inputs; a new name gets weights first."""
        features = self._features
        if features.fill(x) and self._net is not None:
            return
        features.add(x)
        if self._net is None:
            self._net = self._new_network(features.size, self._n_outputs())
        else:
            self._net.grow(n_inputs=features.size)
        features.fill(x)

    def _step(self, x: Row, target: Array | None) -> Array:
        """A step of the network on the row just filled, made of x."""
        assert self._net is not None
        try:
            return self._net.step(self._features.row, target)
        except ValueError:
            self._features.check(x)
            raise

    def _predict(self, x: Row) -> Array:
        assert self._net is not None
        try:
            return self._net.predict(self._features.row)
        except ValueError:
            self._features.check(x)
            raise

    @property
    def net(self) -> LSTM | None:
        """The network; None before the first row."""
        return self._net

    @property
    def feature_names(self) -> list[Hashable]:
        """Names of the features seen so far; each has two inputs, the number and its change."""
        return list(self._features.places)

    def reset(self) -> None:
        """Forget where the stream stands, not what was learned: a new sequence begins.

        State and traces of the network, the last row and what is known of the last targets.
        """
        if self._net is not None:
            self._net.reset()
        self._features.forget()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "parameters": {name: getattr(self, name) for name in signature(type(self)).parameters},
            "net": None if self._net is None else self._net.__getstate__(),
            "features": self._features.state(),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_format(state, _STATE_FORMAT, "estimator")
        type(self).__init__(self, **state["parameters"])
        self._features.restore(state["features"])
        if state["net"] is not None:
            self._net = LSTM.__new__(LSTM)
            self._net.__setstate__(state["net"])
            if self._net.n_inputs != self._features.size:
                raise ValueError(
                    f"the saved estimator has {self._features.size} inputs and its network "
                    f"{self._net.n_inputs}, wanted the same number"
                )


class _WithLastTarget(Estimator):
    """Own inputs 0 and 1: the last target and the last error. The output is a change."""

    _last: float
    _error: float

    def _begin(self) -> None:
        self._last = self._error = math.nan
        self._target = np.empty(1)

    def reset(self) -> None:
        super().reset()
        self._begin()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "last": self._last, "error": self._error}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self._last, self._error = float(state["last"]), float(state["error"])


class Regressor(_WithLastTarget):
    """Predict a number from named features, row by row, and learn from every row.

    With `feedback` the inputs of row t are its features, their changes since the row before, the
    last target and the last error, and the network puts out the change since the last target,

        u(t) = [y(t-1), y(t-1) - p(t-1), x(t), x(t) - x(t-1)]      p(t) = y(t-1) + net(u(t))

    without it u(t) = [x(t), x(t) - x(t-1)] and p(t) = net(u(t)). Everything is standardised inside
    the network, see `pylstm.LSTM`.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        By default the one of `pylstm.estimators.defaults`, made for streams of any length.
    feedback : bool, default True
        Whether the targets learned from are inputs of the rows after.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features and targets are float64.
    seed : int, default 0
        Of the starting weights.

    Raises
    ------
    ValueError, TypeError
        For a parameter that makes no sense.

    Notes
    -----
    Features may appear (their weights are added), vanish (the mean stands for them) and change
    order. `learn_one` costs one learning step of the network and some hundred nanoseconds a
    feature; memory does not grow with the stream.

    Examples
    --------
    >>> import math
    >>> from pylstm.estimators import Regressor
    >>> model = Regressor(n_cells=8)
    >>> errors = []
    >>> for t in range(2000):
    ...     x, y = {"hour": t % 24}, 20 + 5 * math.sin(t * math.pi / 12)
    ...     errors.append(abs(model.predict_one(x) - y))
    ...     model.learn_one(x, y)
    >>> sum(errors[-500:]) / 500 < 0.5
    True
    """

    _n_own = 2

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        feedback: bool = True,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        if not isinstance(feedback, bool | np.bool_):
            raise ValueError(f"feedback is {feedback!r}, wanted True or False")
        self._n_own = 2 if feedback else 0
        self._begin()
        self.feedback: bool
        self._set_up(
            n_cells=n_cells,
            block_size=block_size,
            optimizer=optimizer,
            feedback=feedback,
            network=network,
            dtype=dtype,
            seed=seed,
        )

    def learn_one(self, x: Row, y: float | None) -> None:
        """Learn from a row, and advance to the next.

        Parameters
        ----------
        x : mapping of names to numbers
            Features of the row; None or NaN, or a name left out, where there is no value.
        y : float, optional
            Its target; None or NaN where there is none: the state advances and nothing is learned.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        wanted = as_number("y", y)
        self._fill(x)
        base = self._write_own()
        change = self._target[0] = wanted - base
        output = self._step(x, self._target).item()
        self._features.advance()
        self._error = change - output
        if wanted == wanted:
            self._last = wanted

    def _write_own(self) -> float:
        """Write the own inputs; return what the output is added to."""
        if not self.feedback:
            return 0.0
        cells = self._features.cells
        cells[0] = self._last
        cells[1] = self._error
        return self._last

    def predict_one(self, x: Row) -> float:
        """Return what is predicted for a row that comes next; nothing changes.

        Parameters
        ----------
        x : mapping of names to numbers
            Features of the row. Those never learned from are left out.

        Returns
        -------
        float
            0 before the first target.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        """
        self._features.fill(x)
        base = self._write_own()
        if self._net is None or base != base:
            self._features.check(x)
            return 0.0
        output: float = self._predict(x).item()
        return base + output

    def predict_following(self, xs: Iterable[Row]) -> list[float]:
        """Return what is predicted for rows that follow one another, their targets unknown.

        With `feedback` every prediction stands for the target of its row in the rows after. Nothing
        changes: the steps are made by a copy.

        Parameters
        ----------
        xs : iterable of mappings
            Features, row after row.

        Returns
        -------
        list of float
        """
        ahead = self.copy()
        predictions = []
        for x in xs:
            prediction = ahead.predict_one(x)
            ahead.advance_one(x)
            if self.feedback:
                ahead._last = prediction
            predictions.append(prediction)
        return predictions

    def advance_one(self, x: Row) -> None:
        """Go on to the next row without learning: what `learn_one` does when there is no target."""
        self.learn_one(x, None)


class Classifier(Estimator):
    """Predict a label from named features, row by row, and learn from every row.

    One softmax output a class, trained by the cross-entropy on

        u(t) = [x(t), x(t) - x(t-1)]

    standardised inside the network. A label not seen before gets an output of its own, whose
    weights start at 0. With a single class its probability is 1.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        By default the one of `pylstm.estimators.defaults`, made for streams of any length.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features are float64.
    seed : int, default 0
        Of the starting weights.

    Raises
    ------
    ValueError, TypeError
        For a parameter that makes no sense.

    Notes
    -----
    Features may appear, vanish and change order, as in `Regressor`.

    Examples
    --------
    The label is whether the last two numbers rose:

    >>> import random
    >>> from pylstm.estimators import Classifier
    >>> model, rng, value, right = Classifier(n_cells=8), random.Random(0), 0.0, []
    >>> for _ in range(2000):
    ...     value, before = rng.random(), value
    ...     x, y = {"value": value}, "up" if value > before else "down"
    ...     right.append(model.predict_one(x) == y)
    ...     model.learn_one(x, y)
    >>> sum(right[-500:]) / 500 > 0.9
    True
    """

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        self._places: dict[Hashable, int] = {}
        self._set_up(
            n_cells=n_cells,
            block_size=block_size,
            optimizer=optimizer,
            network=network,
            dtype=dtype,
            seed=seed,
        )
        self._target = np.zeros(1, self.dtype)

    def _switches(self) -> Mapping[str, Any]:
        return CLASSIFIER_SWITCHES

    def _n_outputs(self) -> int:
        return max(1, len(self._places))

    @property
    def classes(self) -> list[Hashable]:
        """The labels seen so far, in the order of the outputs."""
        return list(self._places)

    def expect(self, labels: Iterable[Hashable]) -> None:
        """Give labels that will come an output each, in their order, before they are seen.

        Parameters
        ----------
        labels : iterable of hashable
            Those known already are left alone.
        """
        for label in labels:
            self._places.setdefault(label, len(self._places))
        self._target = np.zeros(self._n_outputs(), self.dtype)
        if self._net is not None and self._net.n_outputs < self._n_outputs():
            self._net.grow(n_outputs=self._n_outputs())

    def learn_one(self, x: Row, y: Hashable) -> None:
        """Learn from a row, and advance to the next.

        Parameters
        ----------
        x : mapping of names to numbers
            Features of the row; None or NaN, or a name left out, where there is no value.
        y : hashable
            Its label; None or NaN where there is none: the state advances and nothing is learned.

        Raises
        ------
        TypeError, ValueError
            For a feature that is no number, or an infinite one, or a label that is not hashable;
            nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        missing = y is None or (isinstance(y, float) and y != y)
        try:
            known = missing or y in self._places
        except TypeError:
            raise TypeError(f"y is {y!r}, wanted a label that is hashable") from None
        if not known:
            self._features.check(x)
        self._fill(x)
        if not known:
            self.expect([y])
        target = None
        if not missing:
            target = self._target
            target[self._places[y]] = 1.0
        try:
            self._step(x, target)
        finally:
            if target is not None:
                target[self._places[y]] = 0.0
        self._features.advance()

    def advance_one(self, x: Row) -> None:
        """Go on to the next row without learning: what `learn_one` does when there is no label."""
        self.learn_one(x, None)

    def predict_proba_one(self, x: Row) -> dict[Any, float]:
        """Return the probability of every class for a row that comes next; nothing changes.

        Parameters
        ----------
        x : mapping of names to numbers
            Features of the row. Those never learned from are left out.

        Returns
        -------
        dict of label to float
            Empty before the first label.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        """
        self._features.fill(x)
        if self._net is None or not self._places:
            self._features.check(x)
            return {}
        shares = self._predict(x).tolist()
        total = sum(shares)
        return {label: share / total for label, share in zip(self._places, shares, strict=True)}

    def predict_one(self, x: Row) -> Any:
        """Return the most probable label for a row that comes next; nothing changes.

        Parameters
        ----------
        x : mapping of names to numbers

        Returns
        -------
        hashable
            None before the first label.
        """
        probabilities = self.predict_proba_one(x)
        return max(probabilities, key=probabilities.__getitem__) if probabilities else None

    def predict_proba_following(self, xs: Iterable[Row]) -> list[dict[Any, float]]:
        """Return the probabilities for rows that follow one another; nothing changes.

        Parameters
        ----------
        xs : iterable of mappings
            Features, row after row.

        Returns
        -------
        list of dict
        """
        ahead = self.copy()
        predictions = []
        for x in xs:
            predictions.append(ahead.predict_proba_one(x))
            ahead.advance_one(x)
        return predictions

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "classes": self.classes}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        if self._net is not None and self._net.n_outputs != max(1, len(state["classes"])):
            raise ValueError(
                f"the saved estimator has {len(state['classes'])} classes and its network "
                f"{self._net.n_outputs} outputs, wanted one each"
            )
        self.expect(state["classes"])


class Forecaster(_WithLastTarget):
    """Forecast a series any number of rows ahead, and learn from every value.

    The network learns the change to the next value from where it starts, from the last value, the
    last error, the last change, the features of the next row and, with a season of s rows, how the
    value one season before the next stood to the last one:

        u(t) = [y(t-1), y(t-1) - p(t-1), y(t-1) - y(t-2), y(t-s) - y(t-1), x(t), x(t) - x(t-1)]
        p(t) = start(t) + net(u(t))
        start(t) = sum_j c_j / m_j^4 / sum_j 1 / m_j^4
        c_1 = y(t-1),  c_2 = y(t-s),  c_3 = y(t-1) + y(t-s) - y(t-s-1)

    with m_j the mean absolute error c_j has had so far. Without a season it starts from y(t-1).

    Further ahead a copy of the network goes on from its own forecasts, so that there are forecasts
    at any horizon from the second row on, by one network that learns from every row.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    season : int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily one.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        By default the one of `pylstm.estimators.defaults`, made for streams of any length.
    network : dict, optional
        Further keywords of `pylstm.LSTM`, for example ``{"peepholes": True}``.
    dtype : {"float32", "float64"}, default "float32"
        Of the network; features and values are float64.
    seed : int, default 0
        Of the starting weights.

    Raises
    ------
    ValueError, TypeError
        For a parameter that makes no sense.

    Notes
    -----
    A forecast costs a copy of the network and a step forward a row. Memory: the network and the
    last season.

    Examples
    --------
    >>> import math
    >>> from pylstm.estimators import Forecaster
    >>> wave = [20 + 5 * math.sin(t * math.pi / 12) for t in range(2012)]
    >>> model = Forecaster(n_cells=8)
    >>> for value in wave[:2000]:
    ...     model.learn_one(value)
    >>> forecast = model.forecast(12)
    >>> max(abs(p - y) for p, y in zip(forecast, wave[2000:])) < 2
    True
    """

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
        if season is not None:
            _check_whole("season", season, 1)
        self._n_own = 3 if season is None else 4
        self.season: int | None
        self._begin()
        self._past: deque[float] = deque(maxlen=2 if season is None else max(2, season + 1))
        self._misses = np.zeros((2, 3))
        self._set_up(
            n_cells=n_cells,
            season=season,
            block_size=block_size,
            optimizer=optimizer,
            network=network,
            dtype=dtype,
            seed=seed,
        )

    def reset(self) -> None:
        super().reset()
        self._past.clear()

    def learn_one(self, y: float | None, x: Row | None = None) -> None:
        """Learn from the next value of the series.

        Parameters
        ----------
        y : float, optional
            None or NaN where there is none: the state advances and nothing is learned.
        x : mapping of names to numbers, optional
            Features of its row.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        value = as_number("y", y)
        self._fill(x or {})
        self._write_own()
        change = self._target[0] = value - self._start()
        error = change - self._step(x or {}, self._target).item()
        self._judge(value)
        self._go_on(value, error)

    def _write_own(self) -> None:
        cells, past = self._features.cells, self._past
        cells[0] = self._last
        cells[1] = self._error
        cells[2] = past[-1] - past[-2] if len(past) > 1 else math.nan
        if self.season:
            full = len(past) >= self.season
            cells[3] = past[-self.season] - self._last if full else math.nan

    def _candidates(self) -> list[float]:
        """What the next value may be like: the last, that of a season ago, and the latter moved."""
        last, past = self._last, self._past
        if self.season is None or len(past) <= self.season:
            return [last]
        return [last, past[-self.season], last + past[-self.season] - past[-self.season - 1]]

    def _start(self) -> float:
        """The candidates, weighed by their errors so far; the last value while there are none."""
        n, mean = self._misses.tolist()
        total = weight = 0.0
        for k, candidate in enumerate(self._candidates()):
            if n[k] and candidate == candidate:
                w = max(mean[k], _SMALLEST_MISS) ** START_POWER
                total += w * candidate
                weight += w
        return total / weight if weight else self._last

    def _judge(self, value: float) -> None:
        """Learn how far the candidates were from the value that has come."""
        n, mean = self._misses
        for k, candidate in enumerate(self._candidates()):
            miss = abs(value - candidate)
            if miss == miss:
                n[k] = min(n[k] + 1, _MISSES_REMEMBERED)
                mean[k] += (miss - mean[k]) / n[k]

    def _go_on(self, value: float, error: float) -> None:
        """The row just filled is over, its value known."""
        self._features.advance()
        self._error = error
        self._past.append(value)
        if value == value:
            self._last = value

    def forecast(self, horizon: int, xs: Sequence[Row] | None = None) -> list[float]:
        """Return what is predicted for the next rows; nothing changes.

        Parameters
        ----------
        horizon : int
            How many rows, at least 1.
        xs : sequence of mappings, optional
            Features of these rows, as many as `horizon`; without, the mean stands for them.

        Returns
        -------
        list of float, of length `horizon`
            0 before the first value.

        Raises
        ------
        TypeError, ValueError
            For a horizon or features that make no sense.
        """
        _check_whole("horizon", horizon, 1)
        rows = [{}] * horizon if xs is None else list(xs)
        if len(rows) != horizon:
            raise ValueError(f"xs has {len(rows)} rows, wanted the {horizon} of the horizon")
        for x in rows:
            self._features.check(x)
        if self._net is None or self._last != self._last:
            return [0.0] * horizon
        ahead = self.copy()
        ahead._target[0] = math.nan
        forecasts = []
        for x in rows:
            ahead._features.fill(x)
            ahead._write_own()
            value = ahead._start() + ahead._step(x, ahead._target).item()
            ahead._go_on(value, math.nan)
            forecasts.append(value)
        return forecasts

    def __getstate__(self) -> dict[str, Any]:
        own = {"past": np.array(self._past, float), "misses": self._misses.copy()}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self._past.extend(state["past"].tolist())
        self._misses[:] = state["misses"]


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}, wanted a whole number of at least {least}")


register(Regressor, "estimators.Regressor")
register(Classifier, "estimators.Classifier")
register(Forecaster, "estimators.Forecaster")
for _optimizer in (SGD, RMSprop, Adam, ObGD, Decay):
    register(_optimizer)
