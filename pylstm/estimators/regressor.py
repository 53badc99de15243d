"""A number from named features, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, overload

from pylstm.checks import check_switch
from pylstm.estimators.defaults import N_CELLS, REGRESSOR_EXPERTS
from pylstm.estimators.estimator import Row, Waiting, WithLastTarget
from pylstm.estimators.features import as_number, finite_or_none
from pylstm.estimators.spread import Distribution
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Regressor"]


@answers_keywords
class Regressor(WithLastTarget):
    """Predict a number from named features, row by row, and learn from every row.

    With `feedback` the inputs of row t are its features, their changes since the row before, the
    last target and the last error, and the networks put out the change since the last target,

        u(t) = [y(t-1), y(t-1) - p(t-1), x(t), x(t) - x(t-1)]      p(t) = y(t-1) + net(u(t))

    without it u(t) = [x(t), x(t) - x(t-1)] and p(t) = net(u(t)). Everything is standardised inside
    the networks, see `pylstm.LSTM`. There are several, with rates and views of their own, mixed by
    their errors: see `pylstm.estimators.experts`.

    Parameters
    ----------
    n_cells : int, default 32
        Memory cells.
    block_size : int, default 1
        Cells that share their gates; divides `n_cells`.
    optimizer : Optimizer, optional
        Of a single network; by default there are several, with those of
        `pylstm.estimators.defaults`, made for streams of any kind and length.
    feedback : bool, default True
        Whether the targets learned from are inputs of the rows after.
    delay : int, default 0
        How many rows later than its row a target may come. Then `predict_one` makes the step of its
        row, once a row and in their order, and `learn_one` brings the target of the row that has
        waited longest: the state is at the present row, and the weights learn at the row of the
        target, with the traces that belong to it, as in `pylstm.Delayed`.
    ordered : bool, default True
        Whether the order of the rows means anything. If not, every row stands alone: there is no
        memory, no change and no last target. What a recursive forecaster of another library builds
        its lags for is such a row.
    calendar : bool, str or sequence of str, optional
        Makes features whose values are time stamps (datetime, numpy.datetime64, pandas.Timestamp)
        the place of the row in these periods, of "hour", "day", "week", "year"; True for the last
        three. Rows come in the order of time then. Without, time stamps are seconds.
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
    order. `learn_one` costs a learning step of each network and some hundred nanoseconds a
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
    _schema = "estimators.Regressor"
    _experts_wanted = REGRESSOR_EXPERTS

    def __init__(
        self,
        n_cells: int = N_CELLS,
        *,
        block_size: int = 1,
        optimizer: Optimizer | None = None,
        feedback: bool = True,
        delay: int = 0,
        ordered: bool = True,
        calendar: bool | str | Sequence[str] | None = None,
        network: Mapping[str, Any] | None = None,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        check_switch("feedback", feedback)
        check_switch("ordered", ordered)
        self._n_own = 2 if feedback and ordered else 0
        self._begin()
        self.feedback: bool
        self._set_up(
            n_cells=n_cells,
            block_size=block_size,
            optimizer=optimizer,
            feedback=feedback,
            delay=delay,
            ordered=ordered,
            calendar=calendar,
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
        with self._exclusive:
            self._all_or_nothing(self._learn, x, as_number("y", y))

    def _learn(self, x: Row, wanted: float) -> None:
        if self.delay:
            self._learn_late(x, wanted)
            return
        self._fill(x)
        base = self._write_own()
        change = self._target[0] = wanted - base
        output = self._step(x, self._target).item()
        self._features.advance()
        self._come(wanted, change - output)

    def _learn_late(self, x: Row, wanted: float) -> None:
        """Learn from the row that has waited longest, or, where none has, from this one."""
        if not self._waiting:
            self._see_row(x)
        waiting = self._waiting[0]
        self._target[0] = wanted - waiting.base
        self._step(x, self._target, waiting.row)
        self._waiting.popleft()
        self._come(wanted, wanted - waiting.prediction)

    def _come(self, wanted: float, error: float) -> None:
        """A target has come, and with it how far off its prediction was."""
        self._error = finite_or_none(error)
        self._spread.learn(self._error)
        if wanted == wanted:
            self._last = wanted

    def _see_row(self, x: Row) -> float:
        """Make the step of a row whose target comes later; return what is predicted."""
        self._fill(x)
        base = self._write_own()
        prediction = base + self._see(x).item()
        self._waiting.append(Waiting(self._features.row.copy(), base, prediction))
        self._features.advance()
        return 0.0 if prediction != prediction else prediction

    def _write_own(self) -> float:
        """Write the own inputs; return what the output is added to."""
        if not self._n_own:
            return 0.0
        cells = self._features.cells
        cells[0] = self._last
        cells[1] = self._error
        return self._last

    @overload
    def predict_one(self, x: Row, *, with_dist: Literal[False] = False) -> float: ...
    @overload
    def predict_one(self, x: Row, *, with_dist: Literal[True]) -> Distribution: ...

    def predict_one(self, x: Row, *, with_dist: bool = False) -> float | Distribution:
        """Return what is predicted for a row that comes next.

        Nothing changes; but with `delay` the row is seen, and waits for its target.

        Parameters
        ----------
        x : mapping of names to numbers
            Features of the row. Those never learned from are left out.
        with_dist : bool, default False
            Whether to return the distribution around the prediction, `mu`, by the errors so far:
            its intervals hold their share of targets under drift, see `pylstm.estimators.spread`.

        Returns
        -------
        float or Distribution
            0 before the first target.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        RuntimeError
            When as many rows as `delay` wait for their targets already.
        """
        with self._exclusive:
            prediction = self._ahead(x) if self.delay else self._prediction(x)
            return self._spread.around(prediction) if with_dist else prediction

    def _ahead(self, x: Row) -> float:
        self._check_waiting()
        return self._all_or_nothing(self._see_row, x)

    def _prediction(self, x: Row) -> float:
        self._features.fill(x)
        base = self._write_own()
        if self._experts is None or base != base:
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
        if not self.ordered and not self.delay:
            return [self.predict_one(x) for x in xs]
        ahead = self.copy()
        predictions = []
        for x in xs:
            if self.delay:
                predictions.append(ahead._see_row(x))
                continue
            prediction = ahead.predict_one(x)
            ahead.advance_one(x)
            if self.feedback:
                ahead._last = prediction
            predictions.append(prediction)
        return predictions

    def advance_one(self, x: Row) -> None:
        """Go on to the next row without learning: what `learn_one` does when there is no target."""
        self.learn_one(x, None)


register(Regressor, "estimators.Regressor")
