"""A label from named features, row by row."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pylstm.checkpoint import check_plain
from pylstm.checks import check_switch
from pylstm.errors import brief
from pylstm.estimators.defaults import CLASSIFIER_EXPERTS, CLASSIFIER_SWITCHES, N_CELLS
from pylstm.estimators.estimator import Array, Estimator, Row, Waiting
from pylstm.estimators.mixture import ByLikelihood
from pylstm.estimators.rows import Labels
from pylstm.estimators.table import Table, as_weights, check_length, column_of
from pylstm.estimators.values import as_rows, as_weight, is_missing
from pylstm.keywords import answers_keywords
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Classifier"]


@answers_keywords
class Classifier(Estimator):
    """Predict a label from named features, row by row, and learn from every row.

    One softmax output a class, trained by the cross-entropy on

        u(t) = [x(t), x(t) - x(t-1), l(t-1)]

    standardised inside the networks, with `feedback` l(t-1) the last label: 1 for its class, 0 for
    every other. A label not seen before gets an output and an input of its own, whose weights start
    at 0. With a single class its probability is 1. There are several networks, with learning rates
    of their own, one without a memory, whose probabilities are pooled: see
    `pylstm.estimators.experts`.

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
        Whether the labels learned from are inputs of the rows after.
    delay : int, default 0
        How many rows later than its row a label may come. Then `predict_one` makes the step of its
        row, once a row and in their order, and `learn_one` brings the label of the row that has
        waited longest: the state is at the present row, and the weights learn at the row of the
        label, with the traces that belong to it, as in `pylstm.Delayed`. It pays where features
        explain the label; where the last known label says nearly all, 0 can be better.
    ordered : bool, default True
        Whether the order of the rows means anything. If not, every row stands alone: there is no
        memory, no change and no last label.
    calendar : bool, str or sequence of str, optional
        Makes features whose values are time stamps (datetime, numpy.datetime64, pandas.Timestamp)
        the place of the row in these periods, of "hour", "day", "week", "year"; True for the last
        three. Rows come in the order of time then. Without, time stamps are seconds.
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

    _schema = "estimators.Classifier"
    _experts_wanted = CLASSIFIER_EXPERTS
    _mixture = ByLikelihood

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
        self.feedback: bool
        self._places: dict[Hashable, int] = {}
        self._last: Array | None = None  # what is known of the last label: a share a class
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
        self._target = np.zeros(1)

    def _switches(self) -> Mapping[str, Any]:
        return CLASSIFIER_SWITCHES

    def _n_outputs(self) -> int:
        return max(1, len(self._places))

    @property
    def classes(self) -> list[Hashable]:
        """The labels seen so far, in the order of the outputs."""
        return list(self._places)

    def expect(self, labels: Iterable[Hashable]) -> None:
        """Give labels an output each, in their order, before any of them has been seen.

        Parameters
        ----------
        labels : iterable of hashable
            Those known already are left alone.
        """
        with self._exclusive:
            self._expect(list(labels))

    def _expect(self, labels: list[Hashable]) -> None:
        known = {**self._places}
        for label in labels:
            if label not in known:
                check_plain("y", label)
            known.setdefault(label, len(known))
        if len(known) == len(self._places):
            return
        if self.feedback and self.ordered:
            self._features.add_own(len(known) - len(self._places))
        self._know(known)
        if self._experts is not None:
            self._grow()

    def _know(self, places: dict[Hashable, int]) -> None:
        self._places = places
        self._target = np.zeros(self._n_outputs())
        if self._last is not None:
            self._last = np.pad(self._last, (0, len(places) - self._last.size))

    def _forget(self) -> None:
        super()._forget()
        self._last = None

    def learn_one(self, x: Row, y: Hashable, w: float = 1.0) -> None:
        """Learn from a row, and advance to the next.

        Parameters
        ----------
        x : mapping of names to numbers or text
            Features of the row; None or NaN, or a name left out, where there is no value.
        y : str, number, bool, or tuple of these
            Its label. Numbers that are equal are one label, which is returned as the first of them
            came: 1, 1.0 and True. None, NaN and the like (`pandas.NA`, NaT, `numpy.ma.masked`)
            where there is none: the state advances and nothing is learned.
        w : float, default 1
            Weight of the row, by which its gradient is multiplied. With 0 the row and its label are
            seen, and nothing is learned. Optimizers that divide by the size of the gradients, as
            the default does, respond to how weights differ, not to a factor common to all.

        Raises
        ------
        TypeError, ValueError
            For a feature that is no number, or an infinite one, a label that is not hashable or
            that no file could hold, or a weight below 0; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        with self._exclusive:
            self._all_or_nothing(self._learn, x, y, w)

    def _learn(self, x: Row, y: Hashable, w: float) -> None:
        weight = 1.0 if w == 1 else as_weight(w)
        missing = is_missing(y)
        try:
            known = missing or y in self._places
        except TypeError:
            raise TypeError(f"y is {brief(y)}, wanted a label that is hashable") from None
        if not known and weight:
            self._remember()
            self._expect([y])
        if self.delay:
            if not self._waiting:
                self._see_row(x)
            row = self._waiting[0].row
        else:
            self._fill(x)
            self._write_last()
            row = self._features.row
        target = None
        if not missing and (known or weight):
            target = self._target
            target[self._places[y]] = 1.0
        assert self._experts is not None
        try:
            self._experts.step(row, target if weight else None, weight)
            if target is not None:
                self._last = target.copy()
        finally:
            if target is not None:
                target[self._places[y]] = 0.0
        if self.delay:
            self._waiting.popleft()
        else:
            self._features.advance()

    def _see_row(self, x: Row) -> Array:
        """Make the step of a row whose label comes later; return the outputs."""
        self._fill(x)
        self._write_last()
        assert self._experts is not None
        outputs = self._experts.see(self._features.row)
        self._waiting.append(Waiting(self._features.row.copy(), np.empty((2, 0))))
        self._features.advance()
        return outputs

    def _ahead(self, x: Row) -> Array:
        self._check_waiting()
        return self._all_or_nothing(self._see_row, x)

    def _write_last(self) -> None:
        """Write what is known of the last label into the inputs."""
        if self._features.own:
            self._features.row[self._features.own] = math.nan if self._last is None else self._last

    def advance_one(self, x: Row, y: Hashable = None) -> None:
        """Go on to the next row without learning.

        Without `y` that is what `learn_one` does when there is no label.

        Parameters
        ----------
        x : mapping of names to numbers or text
            Features of the row.
        y : hashable, optional
            Its label, which with `feedback` is an input of the next row as any other label; one
            that was never learned from counts as missing.

        Raises
        ------
        TypeError, ValueError
            For a feature that is no number, or an infinite one, or a label that is not hashable;
            nothing has changed then.
        """
        with self._exclusive:
            self._all_or_nothing(self._learn, x, y, 0.0)

    def predict_proba_one(self, x: Row) -> dict[Any, float]:
        """Predict the probability of every class for the next row.

        Nothing changes; except that with `delay` the row is seen, and waits for its label.

        Parameters
        ----------
        x : mapping of names to numbers or text
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
        with self._exclusive:
            return self._shares(self._ahead(x) if self.delay else self._outputs(x))

    def _outputs(self, x: Row) -> Array | None:
        self._features.fill(x)
        self._write_last()
        return None if self._experts is None else self._experts.predict(self._features.row)

    def _shares(self, outputs: Array | None) -> dict[Any, float]:
        if outputs is None or not self._places:
            return {}
        shares = outputs.tolist()
        total = sum(shares)
        return {label: share / total for label, share in zip(self._places, shares, strict=True)}

    def predict_one(self, x: Row) -> Any:
        """Predict the most probable label of the next row, by `predict_proba_one`.

        Parameters
        ----------
        x : mapping of names to numbers or text

        Returns
        -------
        hashable
            None before the first label.
        """
        probabilities = self.predict_proba_one(x)
        return max(probabilities, key=probabilities.__getitem__) if probabilities else None

    def run(self, X: Any, y: Any, w: Any = 1.0) -> Array:
        """Learn from rows in their order; return the probabilities of each, before it was learned.

        The same as `predict_proba_one` and `learn_one` in a loop. Where features are numbers and
        nothing comes late, no Python runs between the rows but where a label is new.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            Features; those of an array are called 0, 1, 2, ... Of a frame (pandas, polars, pyarrow)
            its columns.
        y : array_like of shape (n_rows,)
            Labels; None, NaN and the like where there is none.
        w : float or array_like of shape (n_rows,), default 1
            Weights of the rows, see `learn_one`.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Probabilities of `classes` as they are after the last row; of one that a row did not
            know yet 0.

        Raises
        ------
        TypeError, ValueError
            For columns of different length, something that is no number, an infinite one, or what
            is no label: the rows before it are learned.
        FloatingPointError
            When the weights have diverged; the rows before are learned.

        Notes
        -----
        Costs a step of each network a row, and next to nothing beside it.

        Examples
        --------
        >>> import numpy as np
        >>> from pylstm.estimators import Classifier
        >>> hours = np.arange(1000) % 24
        >>> model = Classifier(n_cells=8)
        >>> shares = model.run({"hour": hours}, np.where(hours < 12, "am", "pm"))
        >>> said = np.array(model.classes)[shares[-240:].argmax(1)]
        >>> bool((said == np.where(hours[-240:] < 12, "am", "pm")).mean() > 0.9)
        True
        """
        rows, labels = Table(X, "X"), column_of(y).tolist()
        check_length("y", len(labels), rows.n_rows)
        weights = as_weights(w, rows.n_rows)
        found = np.zeros((rows.n_rows, 0))
        t = 0
        while t < rows.n_rows:
            with self._exclusive:
                places = self._places_of(labels[t:], weights[t:])
                known = len(places) if self._learns_numbers(rows) else 0
                if known and self._experts is not None:
                    shares = self._run_numbers(rows, slice(t, t + known), places, weights)
                    found = _widened(found, shares.shape[1])
                    found[t : t + known] = shares
                    t += known
                    continue
            x = rows.row(t)
            said = list(self.predict_proba_one(x).values())
            found = _widened(found, len(said))
            found[t, : len(said)] = said
            self.learn_one(x, labels[t], weights[t].item())
            t += 1
        return _widened(found, len(self._places))

    def _named(self) -> Any:
        return tuple(self._places)

    def _new_learner(self) -> Labels:
        assert self._experts is not None
        last = np.full(self._n_outputs(), math.nan) if self._last is None else self._last.copy()
        return Labels(self._experts, self._features.own, last)

    def _as_said(self, said: Array, shares: bool) -> Any:
        found = self._normalised(said)
        if shares:
            return dict(zip(self._places, found.T, strict=True))
        return [self.classes[k] for k in found.argmax(1)]

    def _take_from(self, learner: Labels) -> None:
        self._last = None if np.isnan(learner.last).all() else learner.last.copy()

    def _places_of(self, labels: list[Any], weights: Array) -> list[int]:
        """Where labels are among the classes, -1 for none, up to the first that will be new."""
        places = []
        for label, weight in zip(labels, weights.tolist(), strict=True):
            try:
                place = -1 if is_missing(label) else self._places.get(label)
            except TypeError:  # learn_one has the sentence
                break
            if place is None and weight:
                break
            places.append(-1 if place is None else place)
        return places

    def _run_numbers(self, X: Table, part: slice, places: list[int], weights: Array) -> Array:
        """`run` of some rows whose labels are known."""
        self._all_or_nothing(self._know_columns, X)
        columns, learner = self._columns(X, part), self._new_learner()
        shares = np.empty((columns.n_rows, self._n_outputs()))
        labels, weights = np.array(places, np.intp), weights[part].copy()
        try:
            learner.take(labels, weights, shares).learn_all(columns)
        finally:
            self._take_from(learner)
        return self._normalised(shares)

    def _normalised(self, shares: Array) -> Array:
        if not self._places:
            return shares[:, :0]
        normalised: Array = shares / shares.sum(1, keepdims=True)
        return normalised

    def learn_many(self, X: Any, y: Any, w: Any = 1.0) -> None:
        """Learn from rows in their order, as a loop of `learn_one`: see `run`."""
        self.run(X, y, w)

    def predict_proba_many(self, X: Any) -> Any:
        """Return what `predict_proba_one` returns for every row, each taken as the next one.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            As for `run`.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            In the order of `classes`.

        Raises
        ------
        TypeError, ValueError
            For something that is no number, or an infinite one.
        RuntimeError
            With `delay`, where as many rows as that wait for their labels.
        """
        return self._shares_of(Table(X, "X"))

    def _shares_of(self, rows: Table) -> Array:
        with self._exclusive:
            if self._experts is not None and self._learns_numbers(rows):
                shares = np.empty((rows.n_rows, self._n_outputs()))
                self._new_learner().predict_all(self._columns(rows), shares)
                return self._normalised(shares)
        found = [list(self.predict_proba_one(x).values()) for x in rows.rows()]
        return np.array(found, float).reshape(rows.n_rows, len(self._places))

    def predict_many(self, X: Any) -> Any:
        """Return what `predict_one` returns for every row, each taken as the next one.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            As for `run`.

        Returns
        -------
        list of labels
            None before the first label.
        """
        shares = self._shares_of(Table(X, "X"))
        if not self._places:
            return [None] * len(shares)
        return [self.classes[k] for k in shares.argmax(1)]

    def predict_proba_following(self, xs: Iterable[Row]) -> list[dict[Any, float]]:
        """Return the probabilities for rows that follow one another; nothing changes.

        With `feedback` the probabilities of every row stand for its label in the rows after.

        Parameters
        ----------
        xs : iterable of mappings
            Features, row after row.

        Returns
        -------
        list of dict
        """
        xs = as_rows(xs)
        if not self.ordered and not self.delay:
            return [self.predict_proba_one(x) for x in xs]
        ahead = self.copy()
        predictions = []
        for x in xs:
            if self.delay:
                predictions.append(ahead._shares(ahead._see_row(x)))
                continue
            predictions.append(ahead.predict_proba_one(x))
            ahead.advance_one(x)
            if predictions[-1] and self.feedback:
                ahead._last = np.array(list(predictions[-1].values()))
        return predictions

    def _remember(self) -> None:
        if self._before is None:
            self._labels_before = self._places, self._last
        super()._remember()

    def _take_back(self) -> None:
        if self._before is not None:
            self._last = None
            self._know(self._labels_before[0])
            self._last = self._labels_before[1]
        super()._take_back()

    def _copied_parts(self) -> dict[str, Any]:
        return {**super()._copied_parts(), "_target": self._target.copy()}

    def _state(self) -> dict[str, Any]:
        last = None if self._last is None else self._last.copy()
        return {**super()._state(), "classes": self.classes, "last": last}

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self._know({label: k for k, label in enumerate(state["classes"])})
        self._last = state["last"]


def _widened(shares: Array, n_classes: int) -> Array:
    """Shares of so many classes, 0 of those that are new."""
    return np.pad(shares, ((0, 0), (0, n_classes - shares.shape[1])))


register(Classifier, "estimators.Classifier")
