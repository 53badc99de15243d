"""Passes over sequences: each in a new order, watched, and stopped when they help no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm._core import checked_lengths, joined_heads
from pylstm.checks import check_switch, check_whole, generator
from pylstm.errors import brief
from pylstm.heads import Targets

__all__ = ["Curves", "Fits"]

Array = npt.NDArray[Any]


class Curves(NamedTuple):
    """Mean losses, one a pass.

    Parameters
    ----------
    training : list of float
        Of every target learned, by the weights before each learned it. Of a network with several
        heads the sum over those with a target, each times its weight.
    validation : list of float
        By the weights after the pass; empty without validation data.
    training_heads, validation_heads : list of ndarray, (n_heads,)
        The same of each head by itself, without its weight, over its own targets; NaN where it had
        none. Empty for a network without a list of heads.
    """

    training: list[float]
    validation: list[float]
    training_heads: list[Array]
    validation_heads: list[Array]


class Fits:
    """`fit`, of what has `run_sequences`."""

    def _weights(self) -> dict[str, Array]:
        """Writable views of the weights that are learned."""
        raise NotImplementedError

    def _heads(self) -> list[dict[str, Any]] | None:
        """The heads of the network, where it has a list of them."""
        raise NotImplementedError

    def fit(
        self,
        X: npt.ArrayLike,
        targets: Targets,
        lengths: npt.ArrayLike | None = None,
        *,
        n_epochs: int = 20,
        last: bool = False,
        update: Literal["step", "sequence"] | int = "sequence",
        shuffle: bool = True,
        seed: int | np.random.Generator = 0,
        validation: Sequence[Any] | None = None,
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
            `training` and `validation`, lists of mean losses; with heads those of each as well.

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
        heads = self._heads()
        if heads is not None and isinstance(targets, tuple):
            targets = joined_heads(targets, heads, ("n_steps",), "targets")
        inputs, wanted = np.asarray(X), np.asarray(targets)
        sizes = checked_lengths(lengths, len(inputs))
        n_rows = len(sizes) if last else len(inputs)
        if wanted.shape[:1] != (n_rows,):
            raise ValueError(
                f"targets has shape {brief(wanted.shape)}, wanted one for each of {n_rows} "
                f"{'sequences' if last else 'steps'}"
            )
        starts = np.cumsum(sizes) - sizes
        curves = Curves([], [], [], [])
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
            _add_means(losses, heads, curves.training, curves.training_heads)
            if validation is not None:
                losses = _validated(model, validation, last)
                _add_means(losses, heads, curves.validation, curves.validation_heads)
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


def _validated(model: Any, validation: Sequence[Any], last: bool) -> Array:
    """The losses of sequences that are not learned."""
    X, targets, *lengths = validation
    _, losses = model.copy().run_sequences(
        X, targets, *lengths, last=last, update=_NEVER, return_loss=True
    )
    found: Array = losses
    return found


def _add_means(
    losses: Array, heads: list[dict[str, Any]] | None, curve: list[float], of_heads: list[Array]
) -> None:
    """Go on with a curve by the losses of a pass, and with those of the heads where there are some:
    then losses is (n, n_heads)."""
    if heads is not None:
        of_heads.append(np.array([_mean(column) for column in losses.T]))
        missing = np.isnan(losses)
        losses = np.where(missing, 0.0, losses) @ [head["weight"] for head in heads]
        losses[missing.all(axis=1)] = np.nan
    curve.append(_mean(losses))


def _mean(losses: Array) -> float:
    there = losses[~np.isnan(losses)]
    return float(there.mean()) if there.size else float("nan")
