"""A label from named features, row by row."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from pylstm.errors import brief
from pylstm.estimators.defaults import CLASSIFIER_SWITCHES, N_CELLS
from pylstm.estimators.estimator import Estimator, Row
from pylstm.optimizers import Optimizer
from pylstm.registry import register

__all__ = ["Classifier"]


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

    _schema = "estimators.Classifier"

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
        with self._exclusive:
            self._expect(list(labels))

    def _expect(self, labels: list[Hashable]) -> None:
        known = {**self._places}
        for label in labels:
            known.setdefault(label, len(known))
        if self._net is not None and self._net.n_outputs < len(known):
            self._net.grow(n_outputs=len(known))
        self._know(known)

    def _know(self, places: dict[Hashable, int]) -> None:
        self._places = places
        self._target = np.zeros(self._n_outputs(), self.dtype)

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
        with self._exclusive:
            try:
                self._learn(x, y)
            except Exception:
                self._take_back()
                raise
            self._before = None

    def _learn(self, x: Row, y: Hashable) -> None:
        missing = y is None or (isinstance(y, float) and y != y)
        try:
            known = missing or y in self._places
        except TypeError:
            raise TypeError(f"y is {brief(y)}, wanted a label that is hashable") from None
        self._fill(x)
        if not known:
            self._remember()
            self._expect([y])
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
        with self._exclusive:
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

    def _remember(self) -> None:
        super()._remember()
        self._labels_before = self._places

    def _take_back(self) -> None:
        if self._before is not None:
            self._know(self._labels_before)
        super()._take_back()

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "classes": self.classes}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self.expect(state["classes"])


register(Classifier, "estimators.Classifier")
