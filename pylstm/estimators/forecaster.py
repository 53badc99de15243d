"""A series some rows ahead, from its past and named features."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self, overload

import numpy as np

from pylstm.checks import check_size
from pylstm.copies import Copyable
from pylstm.estimators.ahead import Ahead, Walk
from pylstm.estimators.defaults import FORECASTER_EXPERTS, N_CELLS
from pylstm.estimators.direct import Direct
from pylstm.estimators.estimator import Array, Estimator, Row
from pylstm.estimators.experts import Experts
from pylstm.estimators.leads import Leads, longest_lead
from pylstm.estimators.past import Misses, Past, Seen, as_seasons
from pylstm.estimators.spread import LEVELS, Distribution
from pylstm.estimators.values import as_number, finite_or_none
from pylstm.keywords import answers_keywords
from pylstm.network import LSTM
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Forecaster"]

# Rows of the shortest forecast that is followed to see how far off it was; and after so many
# forecasts, some 1,500 rows, three times as many rows pass before the next as it had.
_SHORTEST, _UNRESTED = 8, 48


@answers_keywords
class Forecaster(Estimator):
    """Forecast a series any number of rows ahead, and learn from every value.

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
    horizon from the second row on, by networks that learn from every row. Again and again such a
    forecast is followed, a row a row, to see how far off it is at which lead; by these errors it is
    mixed with what is simple, the mean, the last value, each season repeated, and so no worse
    than what is best of these: `pylstm.estimators.leads`. No forecast is further from the values
    seen than these from each other.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    season : int or sequence of int, optional
        Rows in a season: 12 for months with a yearly rhythm, 24 for hours with a daily one,
        ``(24, 168)`` for hours with a daily and a weekly one.
    horizon : int, optional
        A lead at which the forecast is learned directly, by networks of its own:
        `pylstm.estimators.direct`. Twice the work a row.
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
    learned costs one such step beside the learning, for the forecast that is followed. Memory: the
    networks and a second state of them, the last season three times, `horizon` rows.

    Without the truncated gradient no forecast is followed, nothing is mixed or bounded, and no
    distribution known.

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
        self._past = Past(seasons)
        n_candidates = self._past.n_candidates
        self._misses = Misses(n_candidates)
        self._target = np.empty(1)
        self._seen = Seen()
        self._leads: Leads | None = Leads(1 + n_candidates, longest_lead(seasons))
        self._followed: Walk | None = None
        self._n_followed = self._n_resting = 0
        self._ahead: Ahead | None = None
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
        if (network or {}).get("gradient", "truncated") != "truncated":
            self._leads = None
            if horizon is not None:
                raise ValueError("horizon is given, wanted a network with gradient='truncated'")

    def _forget(self) -> None:
        super()._forget()
        self._past.forget()
        self._followed = None
        if self._direct is not None:
            self._direct.forget()

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
        with self._exclusive:
            self._all_or_nothing(self._learn, as_number("y", y), x)

    def advance_one(self, y: float | None, x: Row | None = None) -> None:
        """Go on to the next row without learning; forecasts begin after it.

        Parameters
        ----------
        y : float, optional
            None or NaN where it is not known.
        x : mapping of names to numbers, optional
            Features of its row.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        """
        with self._exclusive:
            self._all_or_nothing(self._learn, as_number("y", y), x, False)

    def _learn(self, value: float, x: Row | None, learns: bool = True) -> None:
        """Go on by a row whose value may be learned from, or only be known."""
        x = x or {}
        self._fill(x)
        features, past = self._features, self._past
        followed = self._follow(x)
        features.row[: self._n_own] = past.inputs(1, past.error)
        candidates = past.candidates()
        start = self._misses.start(candidates)
        change = value - start
        taught = value if learns else math.nan
        self._target[0] = taught - start
        output = self._step(x, self._target).item()
        if self._direct is not None:
            self._direct.learn(features.row, taught, self._seen)
        self._misses.learn(candidates, taught)
        if self._leads is not None and learns:
            said = start + output
            mean = self._seen.mean
            self._leads.learn(1, [said, mean, *candidates], self._seen.bounded(said), value)
            if followed is not None:
                self._leads.learn(*followed, value)
        self._seen.learn(taught)
        features.advance()
        (past.learn if learns else past.add)(value, finite_or_none(change - output))
        if self._direct is not None:
            self._direct.wait(past)
        self._begin_to_follow()

    def _fill(self, x: Row) -> None:
        super()._fill(x)
        direct = self._direct
        if direct is None:
            return
        if direct.experts is None:
            self._remember()
            direct.experts = self._new_experts()
        elif direct.experts.nets[0].n_inputs != self._features.size:
            direct.experts.grow(self._features, 1)

    # ------------------------------------------------------------ forecasts that are followed

    def _begin_to_follow(self) -> None:
        """Where none is followed any more, the next forecast: 8, 16, 8, 32, ... rows long."""
        if self._leads is None or self._past.last != self._past.last:
            return
        experts = self._experts
        assert experts is not None
        walk = self._followed
        if walk is not None:
            length = self._length()
            rest = 3 * length if self._n_followed > _UNRESTED else 0
            if walk.lead < length or self._n_resting < rest:
                self._n_resting += walk.lead == length
                return
        ahead = walk.ahead if walk is not None and walk.ahead.fits(experts) else Ahead(experts)
        ahead.begin()
        self._n_followed += 1
        self._n_resting = 0
        self._followed = Walk(ahead, self._past, self._seen.mean, self._leads.shares())

    def _length(self) -> int:
        """Rows of the forecast that is followed."""
        n = self._n_followed
        return min(_SHORTEST * (n & -n), longest_lead(self._past.seasons))

    def _follow(self, x: Row) -> tuple[int, list[float], float] | None:
        """The forecast that is followed goes on to the row just filled: what was said of it."""
        walk = self._followed
        if walk is None or walk.lead == self._length():
            return None
        assert self._experts is not None
        if not walk.ahead.fits(self._experts):
            self._followed = None
            return None
        row = self._features.row.copy()
        if np.isinf(row).any():
            self._features.check(x)
        said, value = self._go_on(walk, row)
        return walk.lead, said, value

    def _go_on(self, walk: Walk, row: Array) -> tuple[list[float], float]:
        """A forecast goes on by a row: what is said of it, and what that comes to."""
        start = self._misses.start(walk.past.candidates())
        said = walk.candidates(row, start, self._n_own)
        if self._leads is None:
            value = said[0]
        else:
            value = self._seen.bounded(self._leads.mix(walk.shares, walk.lead, said))
        walk.past.add(value, math.nan)
        return said, value

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
        """Return what is predicted for the next rows; nothing changes.

        Parameters
        ----------
        horizon : int
            How many rows, at least 1.
        xs : sequence of mappings, optional
            Features of these rows, as many as `horizon`; without, the mean stands for them, and
            with `calendar` time goes on by its last step.
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
        """
        check_size("horizon", horizon)
        given = None if xs is None else list(xs)
        if given is not None and len(given) != horizon:
            raise ValueError(f"xs has {len(given)} rows, wanted the {horizon} of the horizon")
        with self._exclusive:
            rows = self._features.following(horizon) if given is None else given
            for x in rows:
                self._features.check(x)
                self._features.check_time(x)
            if self._experts is None or self._past.last != self._past.last:
                forecasts = [0.0] * horizon
            else:
                forecasts = self._forecasts(rows)
            return self._around(forecasts) if with_dist else forecasts

    def _forecasts(self, rows: Sequence[Row]) -> list[float]:
        assert self._experts is not None
        if self._ahead is None or not self._ahead.fits(self._experts):
            self._ahead = Ahead(self._experts)
        self._ahead.begin()
        shares = [] if self._leads is None else self._leads.shares(len(rows))
        walk = Walk(self._ahead, self._past, self._seen.mean, shares)
        found = [self._go_on(walk, row)[1] for row in self._filled(rows)]
        direct = self._direct
        if direct is not None and len(rows) >= direct.horizon:
            said = direct.forecast(self._filled(rows))
            if said == said:
                found[direct.horizon - 1] = self._seen.bounded(said)
        return found

    def _filled(self, rows: Sequence[Row]) -> Iterator[Array]:
        """The inputs of the next rows, one after another in the same memory."""
        features = self._new_features()
        features.restore(self._features.state())
        for x in rows:
            features.fill(x)
            yield features.row
            features.advance()

    def _around(self, forecasts: Sequence[float]) -> list[Distribution]:
        if self._leads is None or self._experts is None:
            nothing = np.full(LEVELS.size, math.nan)
            return [Distribution(forecast, nothing) for forecast in forecasts]
        found = [self._leads.around(1 + k, forecast) for k, forecast in enumerate(forecasts)]
        direct = self._direct
        if direct is not None and len(found) >= direct.horizon and direct.ready:
            found[direct.horizon - 1] = direct.around(forecasts[direct.horizon - 1])
        return found

    # ------------------------------------------------------------ state

    def copy(self) -> Self:
        """Return an independent one that goes on exactly as this one would."""
        return Copyable.copy(self)

    def _nets_that_learn(self) -> list[LSTM]:
        nets = super()._nets_that_learn()
        direct = None if self._direct is None else self._direct.experts
        return nets if direct is None else [*nets, *direct.nets]

    def _remember(self) -> None:
        if self._before is None:
            followed = None if self._followed is None else self._followed.state()
            direct = None if self._direct is None else self._direct.state()
            self._more_before = followed, direct
        super()._remember()

    def _take_back(self) -> None:
        if self._before is None:
            return
        super()._take_back()
        self._restore_more(*self._more_before)

    def _restore_more(self, followed: Any, direct: Any) -> None:
        """Go on with the forecast that was followed, and with the networks of the horizon."""
        self._followed = self._ahead = None
        if followed is not None:
            assert self._experts is not None
            self._followed = Walk.restored(followed, self._experts, self._past.seasons)
        if self._direct is not None:
            saved = direct["experts"]
            experts = saved and Experts.restored(saved, self._features, self._mixture)
            self._direct.restore(direct, experts)

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            **self._past.state(),
            "misses": self._misses.state(),
            "spread": None,
            "seen": self._seen.state(),
            "leads": None if self._leads is None else self._leads.state(),
            "n_followed": self._n_followed,
            "n_resting": self._n_resting,
            "followed": None if self._followed is None else self._followed.state(),
            "direct": None if self._direct is None else self._direct.state(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self._past.restore(state)
        self._misses.restore(state["misses"])
        if state["leads"] is None:
            self._leads = None
        else:
            assert self._leads is not None
            self._leads.restore(state["leads"])
            self._seen.restore(state["seen"])
        self._n_followed, self._n_resting = state["n_followed"], state["n_resting"]
        self._restore_more(state["followed"], state["direct"])


register(Forecaster, "estimators.Forecaster")
