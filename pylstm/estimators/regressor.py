"""A number from named features, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pylstm.checks import check_switch
from pylstm.estimators.defaults import N_CELLS, REGRESSOR_EXPERTS
from pylstm.estimators.distribution import check_level
from pylstm.estimators.estimator import Array, Estimator, Row, Waiting
from pylstm.estimators.rows import Columns, Numbers
from pylstm.estimators.table import Table, as_weights, check_length
from pylstm.estimators.targets import Targets, as_targets
from pylstm.estimators.values import as_finite, as_rows, as_weight
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Regressor"]


@answers_keywords
class Regressor(Estimator):
    """Predict a number, or several, from named features, row by row, and learn from every row.

    With `feedback` the inputs of row t are its features, their changes since the row before, the
    last target and the last error, and the networks' outputs are the change since the last target,

        u(t) = [y(t-1), y(t-1) - p(t-1), x(t), x(t) - x(t-1)]      p(t) = y(t-1) + net(u(t))

    without it u(t) = [x(t), x(t) - x(t-1)] and p(t) = net(u(t)). Everything is standardised inside
    the networks, see `pylstm.LSTM`. There are several, with learning rates of their own, one
    without a memory, mixed by their errors: see `pylstm.estimators.experts`.

    Targets are a number a row, or a mapping of names to numbers, or an array: then y, p and the
    last error have a part a target, with an output each on the same cells, and a mixture and a
    spread of its own. A part that is missing has no error; a name that is new gets an output whose
    weights start at 0.

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
        target, with the traces that belong to it, as in `pylstm.Delayed`. It pays where features
        explain the target; where the last known target says nearly all, 0 can be better.
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
    feature; memory does not grow with the stream. Text is a feature a value, 1 where it is the
    value of the row and 0 where another is: every value is two more inputs.

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

    Text among the features:

    >>> model = Regressor(n_cells=8)
    >>> for t in range(600):
    ...     colour = ["red", "green", "blue"][t * 7919 % 5 % 3]
    ...     model.learn_one({"colour": colour}, 4.0 if colour == "red" else 1.0)
    >>> model.predict_one({"colour": "red"}) > 3 > 2 > model.predict_one({"colour": "green"})
    True
    >>> sorted(model.feature_names)
    [('colour', 'blue'), ('colour', 'green'), ('colour', 'red')]

    Several targets, one of which comes every other row:

    >>> model = Regressor(n_cells=8)
    >>> for t in range(2000):
    ...     load, price = 20 + 5 * math.sin(t * math.pi / 12), 8 + math.cos(t * math.pi / 12)
    ...     y = {"load": load, "price": price if t % 2 else None}
    ...     found = model.predict_one({"hour": t % 24})
    ...     model.learn_one({"hour": t % 24}, y)
    >>> sorted(found), abs(found["load"] - load) < 1, abs(found["price"] - price) < 0.5
    (['load', 'price'], True, True)
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
        self._sees_targets = feedback and ordered
        self._n_own = 2 if self._sees_targets else 0
        self._targets = Targets()
        self._last_numbers: Numbers | None = None
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

    def _n_outputs(self) -> int:
        return len(self._targets.known)

    def _forget(self) -> None:
        super()._forget()
        self._targets.forget()

    def learn_one(self, x: Row, y: Any, w: float = 1.0) -> None:
        """Learn from a row, and advance to the next.

        Parameters
        ----------
        x : mapping of names to numbers or text
            Features of the row, True and False as 1 and 0; None, NaN and the like (`pandas.NA`,
            NaT, `numpy.ma.masked`), or a name left out, where there is no value. Text is one of at
            most 1,000 values of its feature: see `pylstm.estimators.categories`.
        y : float, or mapping of names to numbers, or array_like of shape (n_targets,)
            Its target, or its targets, in the form of the first. None, NaN and the like where there
            is none: the state advances, and nothing is learned of it. Names may be left out, and
            appear later.
        w : float, default 1
            Weight of the row, by which its gradient is multiplied. With 0 the row and its target
            are seen, and nothing is learned. Optimizers that divide by the size of the gradients,
            as the default does, respond to how weights differ, not to a factor common to all.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one, text where there were numbers or
            the other way, targets of another form, or a weight below 0; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        with self._exclusive:
            self._all_or_nothing(self._learn, x, y, w)

    def _learn(self, x: Row, y: Any, w: float) -> None:
        wanted = self._expect(y)
        weight = 1.0 if w == 1 else as_weight(w)
        if self.delay:
            self._learn_late(x, wanted, weight)
            return
        self._fill(x)
        self._numbers().learn_one(self._features.row, wanted, weight)
        self._features.advance()

    def _numbers(self) -> Numbers:
        """The targets on their way through the networks there are."""
        assert self._experts is not None
        parts = self._experts, self._targets.known, self._features.own
        if self._last_numbers is None or not self._last_numbers.is_of(*parts):
            self._last_numbers = Numbers(*parts)
        return self._last_numbers

    def _named(self) -> Any:
        return self._targets.form, self._targets.names

    def _new_learner(self) -> Numbers:
        assert self._experts is not None
        return Numbers(self._experts, self._targets.known, self._features.own)

    def _as_said(self, said: Array, shares: bool) -> Any:
        return self._targets.as_columns(said, 0.0)

    def _learn_late(self, x: Row, wanted: list[float], weight: float) -> None:
        """Learn from the row that has waited longest, or, where none has, from this one."""
        if not self._waiting:
            self._see_row(x)
        waiting = self._waiting[0]
        bases, predictions = waiting.said.tolist()
        assert self._experts is not None
        target = [as_finite(y - base) for y, base in zip(wanted, bases, strict=True)]
        self._experts.step(waiting.row, np.array(target) if weight else None, weight)
        self._waiting.popleft()
        for k, one in enumerate(self._targets.known):
            one.come(wanted[k], wanted[k] - predictions[k], weight > 0)

    def _expect(self, y: Any) -> list[float]:
        """The targets of a row in the order of the outputs; new names get outputs first."""
        targets = self._targets
        form, names, values = as_targets(y)
        if form == targets.form and names == targets.names:
            return values
        if form is not None:
            new = targets.new(form, names, y)
            if new:
                self._remember()
                self._make_room_for(targets.add(form, new))
        return targets.in_order(names, values)

    def _make_room_for(self, more: int) -> None:
        """There are so many more targets than there were."""
        if not more:
            return
        if self._sees_targets:
            self._features.add_own(2 * more)
        if self._experts is not None:
            self._grow()

    def _grow(self) -> None:
        super()._grow()
        base = math.nan if self._sees_targets else 0.0
        for waiting in self._waiting:
            missing = self._n_outputs() - waiting.said.shape[1]
            waiting.said = np.pad(waiting.said, ((0, 0), (0, missing)), constant_values=base)

    def _see_row(self, x: Row) -> list[float]:
        """Make the step of a row whose target comes later; return what is predicted."""
        self._fill(x)
        bases = self._write_own()
        assert self._experts is not None
        outputs = self._experts.see(self._features.row).tolist()
        predictions = [base + output for base, output in zip(bases, outputs, strict=True)]
        self._waiting.append(Waiting(self._features.row.copy(), np.array([bases, predictions])))
        self._features.advance()
        return [0.0 if value != value else value for value in predictions]

    def _write_own(self) -> list[float]:
        """Write the own inputs; return what the outputs are added to."""
        known = self._targets.known
        if not self._sees_targets:
            return [0.0] * len(known)
        cells, own, bases = self._features.row, self._features.own, []
        for k, target in enumerate(known):
            cells[own[2 * k]] = target.last
            cells[own[2 * k + 1]] = target.error
            bases.append(target.last)
        return bases

    def predict_one(self, x: Row, *, with_dist: bool = False) -> Any:
        """Predict the target of the next row.

        Nothing changes; except that with `delay` the row is seen, and waits for its target.

        Parameters
        ----------
        x : mapping of names to numbers or text
            Features of the row. Those never learned from are left out.
        with_dist : bool, default False
            Whether to return the distribution around the prediction, `mu`, by the errors so far:
            its intervals hold their share of targets under drift, see `pylstm.estimators.spread`.

        Returns
        -------
        float or Distribution
            0 before the first target. Of several targets as they came: a dict by name, or an
            ndarray of shape (n_targets,), float64, and of distributions a list.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        RuntimeError
            When as many rows as `delay` wait for their targets already.
        """
        with self._exclusive:
            predictions = self._ahead(x) if self.delay else self._predictions(x)
            targets = self._targets
            if not with_dist:
                return targets.as_given(predictions)
            pairs = zip(targets.known, predictions, strict=True)
            return targets.as_given([target.spread.around(value) for target, value in pairs])

    def _ahead(self, x: Row) -> list[float]:
        self._check_waiting()
        return self._all_or_nothing(self._see_row, x)

    def _predictions(self, x: Row) -> list[float]:
        self._features.fill(x)
        if self._experts is None:
            return [0.0] * len(self._targets.known)
        return self._numbers().predict_one(self._features.row)

    def run(self, X: Any, y: Any, w: Any = 1.0, *, level: float | None = None) -> Any:
        """Learn from rows in their order; return the prediction of each from before it was learned.

        The same as `predict_one` and `learn_one` in a loop. Where features and targets are numbers
        and nothing comes late, no Python runs between the rows.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            Features; those of an array are called 0, 1, 2, ... Of a frame (pandas, polars, pyarrow)
            its columns.
        y : array_like of shape (n_rows,) or (n_rows, n_targets), mapping, or data frame
            Targets; NaN, or what a frame has for it, where there is none.
        w : float or array_like of shape (n_rows,), default 1
            Weights of the rows, see `learn_one`.
        level : float, optional
            Between 0 and 1: return the bounds of intervals of that probability too.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets), float64; or dict of names to these
            In the form of y. With `level` three of them: predictions, lower and upper bounds.

        Raises
        ------
        TypeError, ValueError
            For columns of different length, something that is no number, or an infinite one. Where
            all are numbers nothing has changed then; else the rows before are learned.
        FloatingPointError
            When the weights have diverged; the rows before are learned.

        Notes
        -----
        Costs a step of each network a row, and next to nothing beside it.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.estimators import Regressor
        >>> hours = np.arange(2000) % 24
        >>> load = 20 + 5 * np.sin(hours * np.pi / 12)
        >>> model = Regressor(n_cells=8)
        >>> predictions, low, high = model.run({"hour": hours}, load, level=0.9)
        >>> predictions.shape, bool(abs(predictions[-500:] - load[-500:]).mean() < 0.5)
        ((2000,), True)
        """
        rows, targets = Table(X, "X"), Table(y, "y", one_column=True)
        check_length("y", targets.n_rows, rows.n_rows)
        weights = as_weights(w, rows.n_rows)
        if level is not None:
            check_level(level)
        with self._exclusive:
            if targets.numbers is not None and self._learns_numbers(rows):
                columns, places = self._all_or_nothing(self._make_ready, rows, targets)
                return self._run_numbers(columns, targets, places, weights, level)
        return self._run_rows(rows, targets, weights, level)

    def _make_ready(self, X: Table, y: Table) -> tuple[Columns, list[int]]:
        """For rows like these: where their features are, and their targets among the outputs."""
        first = dict.fromkeys(y.names, 0.0)
        if y.names == [None]:
            self._expect(0.0)
        else:
            self._expect(list(first.values()) if y.is_array else first)
        self._know_columns(X)
        return self._columns(X), [self._targets.names.index(name) for name in y.names]

    def _places_of_targets(self, y: Table) -> list[int] | None:
        """Where targets are among the outputs; None of no numbers, or in another form."""
        form = "number" if y.names == [None] else "array" if y.is_array else "mapping"
        names = self._targets.names
        if y.numbers is None or self._targets.form != form or not {*y.names} <= {*names}:
            return None
        if form == "array" and len(y.names) != len(names):
            return None
        return [names.index(name) for name in y.names]

    def _run_numbers(
        self, columns: Columns, y: Table, places: list[int], weights: Array, level: float | None
    ) -> Any:
        targets = self._targets
        assert y.numbers is not None
        wanted = np.full((columns.n_rows, len(targets.known)), math.nan)
        wanted[:, places] = y.numbers
        predictions = np.empty_like(wanted)
        intervals = None if level is None else np.empty((*wanted.shape, 2))
        at = math.nan if level is None else level
        self._numbers().take(wanted, weights, predictions, at, intervals).learn_all(columns)
        if intervals is None:
            return targets.as_columns(predictions, 0.0)
        parts = predictions, intervals[..., 0], intervals[..., 1]
        return tuple(targets.as_columns(part, 0.0) for part in parts)

    def _run_rows(self, X: Table, y: Table, weights: Array, level: float | None) -> Any:
        """`run`, a row after another."""
        predictions: list[list[float]] = []
        bounds: list[list[tuple[float, float]]] = []
        for x, target, weight in zip(X.rows(), y.rows(), weights.tolist(), strict=True):
            found = self._targets.as_list(self.predict_one(x, with_dist=level is not None))
            if level is None:
                predictions.append(found)
            else:
                predictions.append([one.mu for one in found])
                bounds.append([one.interval(level) for one in found])
            self.learn_one(x, y.as_given(target), weight)
        targets = self._targets
        said = targets.as_columns(predictions, 0.0)
        if level is None:
            return said
        lower = targets.as_columns([[low for low, _ in row] for row in bounds], -math.inf)
        upper = targets.as_columns([[high for _, high in row] for row in bounds], math.inf)
        return said, lower, upper

    def learn_many(self, X: Any, y: Any, w: Any = 1.0) -> None:
        """Learn from rows in their order, as a loop of `learn_one`: see `run`."""
        self.run(X, y, w)

    def predict_many(self, X: Any) -> Any:
        """Return what `predict_one` returns for every row, each taken as the next one.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            As for `run`.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets), float64; or dict of names to these
            In the form in which targets have come.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        RuntimeError
            With `delay`, where as many rows as that wait for their targets.
        """
        rows = Table(X, "X")
        with self._exclusive:
            targets = self._targets
            if self._experts is not None and self._learns_numbers(rows):
                predictions = np.empty((rows.n_rows, len(targets.known)))
                self._numbers().predict_all(self._columns(rows), predictions)
                return targets.as_columns(predictions, 0.0)
        found = [targets.as_list(self.predict_one(x)) for x in rows.rows()]
        return targets.as_columns(found, 0.0)

    def predict_following(self, xs: Iterable[Row]) -> list[Any]:
        """Predict the targets of rows that follow one another, none of which is known yet.

        With `feedback` every prediction stands for the target of its row in the rows after. Nothing
        changes: the steps are made by a copy.

        Parameters
        ----------
        xs : iterable of mappings
            Features, row after row.

        Returns
        -------
        list
            Of what `predict_one` returns.
        """
        xs = as_rows(xs)
        if not self.ordered and not self.delay:
            return [self.predict_one(x) for x in xs]
        ahead = self.copy()
        found = []
        for x in xs:
            if self.delay:
                predictions = ahead._see_row(x)
            else:
                predictions = ahead._predictions(x)
                ahead.advance_one(x)
                if self.feedback:
                    for target, value in zip(ahead._targets.known, predictions, strict=True):
                        target.last = value
            found.append(self._targets.as_given(predictions))
        return found

    def advance_one(self, x: Row, y: Any = None) -> None:
        """Go on to the next row without learning.

        Without `y` that is what `learn_one` does when there is no target.

        Parameters
        ----------
        x : mapping of names to numbers or text
            Features of the row.
        y : float, mapping or array_like, optional
            Its target, which with `feedback` is an input of the next row as any other target.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one; nothing has changed then.
        """
        with self._exclusive:
            self._all_or_nothing(self._learn, x, y, 0.0)

    def _remember(self) -> None:
        if self._before is None:
            targets = self._targets
            self._targets_before = targets.form, targets.names, targets.known
        super()._remember()

    def _take_back(self) -> None:
        if self._before is not None:
            targets = self._targets
            targets.form, targets.names, targets.known = self._targets_before
        super()._take_back()

    def _copied_parts(self) -> dict[str, Any]:
        parts = super()._copied_parts()
        return {**parts, "_targets": self._targets.copy(), "_last_numbers": None}

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), **self._targets.state()}

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self._targets.restore(state)


register(Regressor, "estimators.Regressor")
