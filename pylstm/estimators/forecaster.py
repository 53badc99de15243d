"""A series some rows ahead, from its past and named features."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, Self, overload

import numpy as np

from pylstm.checks import check_size
from pylstm.errors import brief
from pylstm.estimators.defaults import FORECASTER_EXPERTS, N_CELLS
from pylstm.estimators.direct import Direct
from pylstm.estimators.distribution import LEVELS, Distribution, check_level
from pylstm.estimators.estimator import Array, Estimator, Row
from pylstm.estimators.experts import Experts
from pylstm.estimators.past import as_seasons
from pylstm.estimators.series import Series, Values
from pylstm.estimators.table import Table, as_weights, check_length
from pylstm.estimators.values import as_number, as_rows, as_weight
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Forecaster"]


@answers_keywords
class Forecaster(Estimator):
    """Forecast a series any number of rows ahead, and learn from every value.

    Features belong to the row they are given with, and count as known before its value: a price, a
    holiday, a timetable. A measurement of the same moment is none. With one, `run` and
    ``forecast(1, [x])`` look better than any forecast made in time, and `forecast` needs it of rows
    to come; give what was measured `horizon` rows before instead.

    The network learns the change to the next value from where it starts, from the last value, the
    last error, the last change, the features of the next row and, with a season of s rows, how the
    value one season before the next stood to the last one:

        u(t) = [y(t-1), y(t-1) - p(t-1), y(t-1) - y(t-2), y(t-s) - y(t-1), x(t), x(t) - x(t-1)]
        p(t) = start(t) + net(u(t))
        start(t) = sum_j c_j / m_j^4 / sum_j 1 / m_j^4
        c_1 = y(t-1),  c_2 = y(t-s),  c_3 = y(t-1) + y(t-s) - y(t-s-1)

    with m_j the mean absolute error c_j has had so far. Without a season it starts from y(t-1);
    each of several has its input and its two candidates.

    Further ahead the networks go on from their own forecasts, so that there are forecasts at any
    horizon from the second row on, by networks that learn from every row. All the
    time one such forecast is compared with the values that come, which measures the error at every
    lead; by these errors it is mixed with baselines, the mean, the last value, each season
    repeated, so that it is no worse than the best of these: `pylstm.estimators.leads`. No forecast
    is further from the values seen than these from each other.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    season : int or sequence of int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily one,
        ``(24, 168)`` for hours with a daily and a weekly one.
    horizon : int, optional
        A lead, in rows, that is learned directly too, by networks of its own. At this lead alone
        what they say is mixed with the forecast there is without them, by the errors both have had
        at it: w_j is as m_j^-16 once these are known, see `pylstm.estimators.direct`. Three times
        the work a row, four with ``horizon=1``.
    calendar : bool, str or sequence of str, optional
        Makes features whose values are time stamps (datetime, numpy.datetime64, pandas.Timestamp)
        the place of the row in these periods, of "hour", "day", "week", "year"; True for the last
        three. Rows come in the order of time then. Without, time stamps are seconds.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        Of a single network; by default there are several, with those of
        `pylstm.estimators.defaults`, made for streams of any kind and length.
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
    A forecast costs a step forward a row, and as many more as `horizon` where it is reached. A row
    learned costs one such step beside the learning, for the forecast that is compared. Memory: the
    networks and a second state of them, the last season three times, `horizon` rows. With `horizon`
    twice the networks, and the weights of both once more.

    With another gradient than the truncated one forecasts are neither mixed with baselines nor
    bounded, and there are no distributions.

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

    _schema = "estimators.Forecaster"
    _experts_wanted = FORECASTER_EXPERTS

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        season: int | Sequence[int] | None = None,
        horizon: int | None = None,
        calendar: bool | str | Sequence[str] | None = None,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        seasons = as_seasons(season)
        if horizon is not None:
            check_size("horizon", horizon)
        self._n_own = 3 + len(seasons)
        self.season: int | Sequence[int] | None
        self.horizon: int | None
        mixes = not isinstance(network, Mapping) or (
            network.get("gradient", "truncated") == "truncated"
        )
        self._series = Series(seasons, mixes)
        n_candidates = self._series.past.n_candidates
        self._direct = None if horizon is None else Direct(horizon, n_candidates)
        self._set_up(
            n_cells=n_cells,
            season=season,
            horizon=horizon,
            calendar=calendar,
            block_size=block_size,
            optimizer=optimizer,
            network=network,
            dtype=dtype,
            seed=seed,
        )
        if not mixes and horizon is not None:
            raise ValueError("horizon is given, wanted a network with gradient='truncated'")

    def _forget(self) -> None:
        super()._forget()
        self._series.forget()
        if self._direct is not None:
            self._direct.forget()

    def learn_one(self, y: float | None, x: Row | None = None, w: float = 1.0) -> None:
        """Learn from the next value of the series.

        Parameters
        ----------
        y : float, optional
            None or NaN where there is none: the state advances and nothing is learned.
        x : mapping of names to numbers or text, optional
            Features of its row.
        w : float, default 1
            Weight of the row, by which its gradient is multiplied. With 0 the value is seen, as by
            `advance_one`, and nothing is learned. Optimizers that divide by the size of the
            gradients, as the default does, respond to how weights differ, not to a factor common to
            all.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one, or a weight below 0; nothing has
            changed then.
        FloatingPointError
            When the weights have diverged.
        """
        with self._exclusive:
            weight = 1.0 if w == 1 else as_weight(w)
            self._all_or_nothing(self._learn, as_number("y", y), x, weight)

    def run(
        self, y: Any, X: Any = None, w: Any = 1.0, *, level: float | None = None
    ) -> Array | tuple[Array, Array, Array]:
        """Learn from values in their order; return the forecast of each, one row ahead.

        The same as ``forecast(1, [x])`` and `learn_one` in a loop. Where features are numbers and
        there is neither `calendar` nor `horizon`, no Python runs between the rows.

        Parameters
        ----------
        y : array_like of shape (n_rows,)
            The values; NaN where there is none.
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            Features of their rows; those of an array are called 0, 1, 2, ...
        w : float or array_like of shape (n_rows,), default 1
            Weights of the rows, see `learn_one`.
        level : float, optional
            Between 0 and 1: return the bounds of intervals of that probability too.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            With `level` three of them: forecasts, lower and upper bounds.

        Raises
        ------
        TypeError, ValueError
            For columns of different length, something that is no number, or an infinite one. Where
            all are numbers nothing has changed then; else the rows before are learned.
        FloatingPointError
            When the weights have diverged; the rows before are learned.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.estimators import Forecaster
        >>> wave = 20 + 5 * np.sin(np.arange(2000) * np.pi / 12)
        >>> model = Forecaster(n_cells=8)
        >>> forecasts = model.run(wave)
        >>> bool(abs(forecasts[-500:] - wave[-500:]).mean() < 0.2)
        True
        """
        values = Table(y, "y", one_column=True)
        if values.names != [None]:
            raise ValueError(f"y has {len(values.names)} columns, wanted one value a row")
        rows = Table(np.empty((values.n_rows, 0)) if X is None else X, "X")
        check_length("y", values.n_rows, rows.n_rows)
        weights = as_weights(w, rows.n_rows)
        if level is not None:
            check_level(level)
        found, bounds = self._run(values, rows, weights, level)
        return found if level is None else (found, bounds[:, 0], bounds[:, 1])

    def _run(
        self, values: Table, rows: Table, weights: Array, level: float | None
    ) -> tuple[Array, Array]:
        """Learn from values, then forecast the rows behind them, as `forecast` does.

        Parameters
        ----------
        values : Table
            A column.
        rows : Table
            Of as many rows, or more.
        weights : ndarray
            One a value.
        level : float, optional

        Returns
        -------
        forecasts : ndarray, shape (n_rows,), float64
            Of the values, each before it was learned, and of the rows behind them.
        bounds : ndarray, shape (n_rows, 2), float64
            Of their intervals, where a level is given.
        """
        n_values, n_rows = values.n_rows, rows.n_rows
        found, bounds = np.empty(n_rows), np.empty((n_rows, 2))
        with self._exclusive:
            is_quick = (
                values.numbers is not None
                and n_values > 0
                and self._direct is None
                and self._learns_numbers(rows)
            )
            if is_quick:
                self._all_or_nothing(self._know_columns, rows, n_values)
                assert self._experts is not None
                assert values.numbers is not None
                self._series.run(
                    self._experts,
                    self._columns(rows),
                    np.ascontiguousarray(values.numbers[:, 0]),
                    weights,
                    found,
                    math.nan if level is None else level,
                    None if level is None else bounds,
                )
        if is_quick:
            return found, bounds
        given = list(rows.rows())
        pairs = zip(values.rows(), weights.tolist(), strict=True)
        for t, (value, weight) in enumerate(pairs):
            self._write_forecasts(given[t : t + 1], level, found[t:], bounds[t:])
            self.learn_one(value[None], given[t], weight)
        if n_rows > n_values:
            self._write_forecasts(given[n_values:], level, found[n_values:], bounds[n_values:])
        return found, bounds

    def _write_forecasts(
        self, xs: Sequence[Row], level: float | None, found: Array, bounds: Array
    ) -> None:
        if level is None:
            found[: len(xs)] = self.forecast(len(xs), xs)
            return
        for k, forecast in enumerate(self.forecast(len(xs), xs, with_dist=True)):
            found[k], bounds[k] = forecast.mu, forecast.interval(level)

    def learn_many(self, y: Any, X: Any = None, w: Any = 1.0) -> None:
        """Learn from values in their order, as a loop of `learn_one`: see `run`."""
        self.run(y, X, w)

    def advance_one(self, y: float | None, x: Row | None = None) -> None:
        """Go on to the next row without learning; forecasts begin after it.

        Parameters
        ----------
        y : float, optional
            None or NaN where it is not known.
        x : mapping of names to numbers or text, optional
            Features of its row.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        """
        with self._exclusive:
            self._all_or_nothing(self._learn, as_number("y", y), x, 0.0)

    def _learn(self, value: float, x: Row | None, weight: float) -> None:
        """Go on by a row whose value is learned from with a weight, or only known."""
        series, features, direct = self._series, self._features, self._direct
        self._fill({} if x is None else x)
        assert self._experts is not None
        series.learn(self._experts, features.row, value, weight)
        if direct is not None:
            taught = value if weight else math.nan
            direct.follow(series, self._experts, features.row, taught)
            direct.learn(features.row, taught, weight)
        features.advance()
        if direct is not None:
            direct.wait(series.past)
            direct.begin_to_follow(series, self._experts)

    def _fill(self, x: Row) -> None:
        super()._fill(x)
        direct = self._direct
        if direct is None:
            return
        if direct.experts is None:
            self._remember()
            direct.take(self._new_experts())
        elif direct.experts.n_inputs != self._features.size:
            direct.experts.grow(self._features, 1)

    # ------------------------------------------------------------ many keys

    def _has_record(self) -> bool:
        return self._direct is None and self._series.followed is not None

    def _new_learner(self) -> Values:
        assert self._experts is not None
        return Values(self._experts, self._series)

    def _as_said(self, said: Array, shares: bool) -> Any:
        return said[:, 0]

    # ------------------------------------------------------------ forecasts

    @overload
    def forecast(
        self, horizon: int, xs: Sequence[Row] | None = None, *, with_dist: Literal[False] = False
    ) -> list[float]: ...
    @overload
    def forecast(
        self, horizon: int, xs: Sequence[Row] | None = None, *, with_dist: Literal[True]
    ) -> list[Distribution]: ...

    def forecast(
        self, horizon: int, xs: Sequence[Row] | None = None, *, with_dist: bool = False
    ) -> list[float] | list[Distribution]:
        """Forecast the next rows; nothing changes.

        Parameters
        ----------
        horizon : int
            How many rows, at least 1.
        xs : sequence of mappings, optional
            Features of these rows, as many as `horizon`; without, the mean stands for them, with a
            warning, and with `calendar` time goes on by its last step. The mean stands for what a
            row leaves out, too: ``[{}] * horizon`` gives no warning.
        with_dist : bool, default False
            Whether to return the distribution around every forecast, `mu`, by the errors so far at
            its lead: see `pylstm.estimators.spread`. Features count as known, as they were for the
            forecasts that had these errors.

        Returns
        -------
        list of float or of Distribution, of length `horizon`
            0 before the first value.

        Raises
        ------
        TypeError, ValueError
            For a horizon or features that make no sense.

        Warns
        -----
        UserWarning
            Where other features than time stamps have been learned from and `xs` is not given, or
            has none of their names.
        """
        check_size("horizon", horizon)
        given = None if xs is None else as_rows(xs)
        if given is not None and len(given) != horizon:
            raise ValueError(f"xs has {len(given)} rows, wanted the {horizon} of the horizon")
        with self._exclusive:
            if given is None and (names := self._features.not_following()):
                warnings.warn(
                    f"the mean stands for {_listed(names)} in the rows to be forecast: wanted "
                    "their features as second argument, rows that may leave some out",
                    stacklevel=2,
                )
            rows = self._features.following(horizon) if given is None else given
            for x in rows:
                self._features.check(x)
                self._features.check_time(x)
            if given and any(given) and not any(map(self._features.knows_any, given)):
                names = self._features.not_following()
                if names:
                    warnings.warn(
                        f"nothing in xs has been learned from, and the mean stands for "
                        f"{_listed(names)}: wanted features of these names",
                        stacklevel=2,
                    )
            if self._experts is None or not self._series.is_known:
                forecasts = [0.0] * horizon
            else:
                forecasts = self._forecasts(rows)
            return self._around(forecasts) if with_dist else forecasts

    def _forecasts(self, rows: Sequence[Row]) -> list[float]:
        assert self._experts is not None
        filled = self._filled(rows)
        found: list[float] = self._series.forecast(self._experts, filled).tolist()
        direct = self._direct
        if direct is not None and len(rows) >= direct.horizon:
            k = direct.horizon - 1
            found[k] = direct.forecast(self._series, filled, found[k])
        return found

    def _filled(self, rows: Sequence[Row]) -> Array:
        """The inputs of the next rows."""
        filled = np.full((len(rows), self._features.size), np.nan)
        if any(rows):
            features = self._new_features()
            features.restore(self._features.state())
            for k, x in enumerate(rows):
                features.fill(x)
                filled[k] = features.row
                features.advance()
        return filled

    def _around(self, forecasts: Sequence[float]) -> list[Distribution]:
        leads = self._series.leads
        if leads is None or self._experts is None:
            nothing = np.full(LEVELS.size, math.nan)
            return [Distribution(forecast, nothing) for forecast in forecasts]
        found = [leads.around(1 + k, forecast) for k, forecast in enumerate(forecasts)]
        direct = self._direct
        if direct is not None and len(found) >= direct.horizon and direct.ready:
            found[direct.horizon - 1] = direct.around(forecasts[direct.horizon - 1])
        return found

    # ------------------------------------------------------------ state

    def _may_be_refused_midway(self) -> bool:
        direct = None if self._direct is None else self._direct.experts
        return any(e is not None and e.has_schedule for e in (self._experts, direct))

    def _share(self, other: Self) -> None:
        followed = self._series.state()["followed"]
        super()._share(other)
        self._series.follow_again(followed, self._experts)

    def _remember(self) -> None:
        if self._before is None:
            followed = self._series.followed
            direct = None if self._direct is None else self._direct.state()
            self._more_before = None if followed is None else followed.state(), direct
        super()._remember()

    def _take_back(self) -> None:
        if self._before is None:
            return
        super()._take_back()
        followed, direct = self._more_before
        self._series.follow_again(followed, self._experts)
        self._restore_direct(direct)

    def _restore_direct(self, direct: Any) -> None:
        """Go on with the networks of the horizon."""
        if self._direct is not None:
            saved = direct["experts"]
            experts = saved and Experts.restored(saved, self._features, self._mixture)
            self._direct.restore(direct, experts, self._experts, self._series.past.seasons)

    def _copied_parts(self) -> dict[str, Any]:
        parts = super()._copied_parts()
        others = parts["_experts"]
        direct = None if self._direct is None else self._direct.copy(others)
        return {**parts, "_series": self._series.copy(others), "_direct": direct}

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            **self._series.state(),
            "spread": None,
            "direct": None if self._direct is None else self._direct.state(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self._series.restore(state, self._experts)
        self._restore_direct(state["direct"])


def _listed(names: Sequence[Hashable]) -> str:
    """Some names in words."""
    shown = ", ".join(brief(name) for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{'feature' if len(names) == 1 else 'features'} {shown}{more}"


register(Forecaster, "estimators.Forecaster")
