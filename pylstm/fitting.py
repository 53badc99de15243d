"""Passes over sequences: each in a new order, watched, and stopped when they help no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm._core import checked_lengths
from pylstm.checks import check_switch, check_whole, generator
from pylstm.errors import brief

__all__ = ["Curves", "Fits"]

Array = npt.NDArray[Any]


class Curves(NamedTuple):
    """Mean losses, one a pass.

    Parameters
    ----------
    training : list of float
        Of every target learned, by the weights before each learned it.
    validation : list of float
        By the weights after the pass; empty without validation data.
    """

    training: list[float]
    validation: list[float]


class Fits:
    """`fit`, of what has `run_sequences`."""

    def _weights(self) -> dict[str, Array]:
        """Writable views of the weights that are learned."""
        raise NotImplementedError

    def fit(
        self,
        X: npt.ArrayLike,
        targets: npt.ArrayLike,
        lengths: npt.ArrayLike | None = None,
        *,
        n_epochs: int = 20,
        last: bool = False,
        update: Literal["step", "sequence"] | int = "sequence",
        shuffle: bool = True,
        seed: int | np.random.Generator = 0,
        validation: Sequence[npt.ArrayLike] | None = None,
        patience: int | None = None,
        callback: Callable[[int, Curves], object] | None = None,
    ) -> Curves:
        """Learn from sequences in several passes; return the losses of each.

        A pass is `run_sequences` over all of them, each from a fresh state.

        Parameters
        ----------
        X, targets, lengths, last, update
            As in `run_sequences`.
        n_epochs : int, default 20
            Passes, at least 1.
        shuffle : bool, default True
            Whether each pass takes the sequences in an order drawn anew.
        seed : int or numpy Generator, default 0
            Of these orders.
        validation : (X, targets) or (X, targets, lengths), optional
            Sequences that are not learned; their loss is taken after each pass.
        patience : int, optional
            Stop after so many passes without a lower loss, that of the validation data where there
            are some, and take back the weights of the best pass. None: make every pass.
        callback : callable, optional
            Called after each pass with its number, from 0 on, and the curves so far; where it
            returns True, learning stops.

        Returns
        -------
        Curves
            `training` and `validation`, lists of mean losses.

        Raises
        ------
        ValueError, TypeError
            For unusable arguments; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.

        Notes
        -----
        The state is that of a reset in the end. Validation works on a copy, and costs what a pass
        over as many steps does. Moments of the optimizer are not taken back.

        Examples
        --------
        >>> import numpy as np, pylstm
        >>> X = np.random.default_rng(0).uniform(-1, 1, (100, 5))
        >>> y = X.sum(axis=1)                       # wanted at the end of each five steps
        >>> net = pylstm.LSTM(1, 1, n_blocks=8, optimizer=pylstm.Adam(0.01))
        >>> curves = net.fit(X.reshape(-1, 1), y, [5] * 100, last=True, n_epochs=30)
        >>> len(curves.training), bool(curves.training[-1] < 0.2 * curves.training[0])
        (30, True)
        """
        n_epochs = check_whole("n_epochs", n_epochs)
        check_switch("shuffle", shuffle)
        if patience is not None:
            check_whole("patience", patience)
        if validation is not None and (
            not isinstance(validation, Sequence) or len(validation) not in (2, 3)
        ):
            raise ValueError(
                f"validation is {brief(validation)}, wanted (X, targets) or (X, targets, lengths)"
            )
        model: Any = self
        rng = generator(seed)
        inputs, wanted = np.asarray(X), np.asarray(targets)
        sizes = checked_lengths(lengths, len(inputs))
        n_rows = len(sizes) if last else len(inputs)
        if wanted.shape[:1] != (n_rows,):
            raise ValueError(
                f"targets has shape {brief(wanted.shape)}, wanted one for each of {n_rows} "
                f"{'sequences' if last else 'steps'}"
            )
        starts = np.cumsum(sizes) - sizes
        curves = Curves([], [])
        if validation is not None:
            _validated(model, validation, last)  # whether it can be done
        best, since, weights = np.inf, 0, None
        for epoch in range(n_epochs):
            order = rng.permutation(len(sizes)) if shuffle else np.arange(len(sizes))
            ends = np.cumsum(sizes[order])
            steps = np.repeat(starts[order] - ends + sizes[order], sizes[order])
            steps += np.arange(len(inputs))
            _, losses = model.run_sequences(
                inputs[steps],
                wanted[order if last else steps],
                sizes[order],
                last=last,
                update=update,
                return_loss=True,
            )
            curves.training.append(_mean(losses))
            if validation is not None:
                curves.validation.append(_validated(model, validation, last))
            loss = (curves.validation or curves.training)[-1]
            since += 1
            if loss < best and patience is not None:
                best, since = loss, 0
                weights = {name: view.copy() for name, view in self._weights().items()}
            stop = callback is not None and callback(epoch, curves) is True
            if stop or since == patience:
                break
        if weights is not None:
            for name, view in self._weights().items():
                view[...] = weights[name]
        return curves


#: More steps than come: on a copy, no update is made of what is accumulated.
_NEVER = 2**62


def _validated(model: Any, validation: Sequence[npt.ArrayLike], last: bool) -> float:
    """The mean loss of sequences that are not learned."""
    X, targets, *lengths = validation
    _, losses = model.copy().run_sequences(
        X, targets, *lengths, last=last, update=_NEVER, return_loss=True
    )
    return _mean(losses)


def _mean(losses: Array) -> float:
    there = losses[~np.isnan(losses)]
    return float(there.mean()) if there.size else float("nan")
