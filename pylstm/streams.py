"""Several sequences through the weights of one network: the class over csrc/streams/streams.h."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, overload

import numpy as np
import numpy.typing as npt

from pylstm._core import StreamGroup, update_interval
from pylstm.checks import check_size
from pylstm.copies import Copyable
from pylstm.errors import brief
from pylstm.fitting import Fits
from pylstm.heads import Targets
from pylstm.network import LSTM, check_network
from pylstm.registry import check_state, register

__all__ = ["Streams"]

Array = npt.NDArray[Any]

_STATE_FORMAT = 3


@register
class Streams(Fits, Copyable, StreamGroup):
    """B sequences through the weights of one LSTM at once, each with its own state and traces.

    Every stream b computes and learns as `LSTM` does; the weights are shared, and an update follows
    the truncated gradient summed over streams,

        G = sum_b dL_b/dW;   W -= learning_rate G

    (Hochreiter & Schmidhuber 1997, appendix A.1, over a batch), or the exact gradient of a network
    with ``gradient="bptt"``: a backward pass is then of all streams together, and one more of a
    stream that is reset. All pre-activations of a step are one matrix product, and so is the
    gradient of steps with unchanged weights; of a network with several layers both are of each.
    What is cut between layers is what `LSTM` cuts: an error reaches the layers below at its own
    step.

    Parameters
    ----------
    net : LSTM
        Whose weights, and optimizer with its moments, are shared: what the streams learn, `net`
        knows, and the other way round. The state of `net` itself is neither read nor changed. One
        layer or several, of one direction, with heads or without; no scaling, and not "rtrl".
    n_streams : int
        B, at least 1.

    Raises
    ------
    TypeError, ValueError
        For something else than a network, a network that is not for it, or a number below 1.

    Notes
    -----
    A step costs one multiply-add a weight and stream forward, and as much for the gradient when the
    weights change only now and then (`update` "sequence" or a number). When they change after every
    step, or when a state goes on across an update, every stream keeps traces, as many as there are
    weights. Memory: the record, of all layers at most 64 megabytes of float32, and those traces;
    with "bptt" no traces, and the record of each stream as long as that of such a network.
    Of several layers a step with an error costs one multiply-add more a stream for each weight that
    reads the layer below.

    Examples
    --------
    Sixteen sines of different pitch, in stretches of ten steps:

    >>> import numpy as np, pylstm
    >>> waves = np.sin(np.outer(np.arange(501.0), np.linspace(0.1, 0.4, 16)))[:, :, None]
    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=8, optimizer=pylstm.SGD(0.005))
    >>> streams = pylstm.Streams(net, n_streams=16)
    >>> predictions = streams.run(waves[:-1], targets=waves[1:], update=10)
    >>> errors = np.abs(predictions - waves[1:])
    >>> bool(errors[-100:].mean() < 0.5 * errors[:100].mean())
    True

    The same by two layers:

    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=[8, 8], skip_outputs=True,
    ...                   optimizer=pylstm.SGD(0.005))
    >>> streams = pylstm.Streams(net, n_streams=16)
    >>> errors = np.abs(streams.run(waves[:-1], targets=waves[1:], update=10) - waves[1:])
    >>> bool(errors[-100:].mean() < 0.5 * errors[:100].mean())
    True
    >>> streams.state["layer1.cell_output"].shape
    (16, 8)
    """

    def __init__(self, net: LSTM, n_streams: int) -> None:
        use = "in Streams; run_sequences learns several sequences with any network"
        check_network(net, use, has_heads=True, has_layers=True)
        self._build(net, check_size("n_streams", n_streams))
        self.__net: LSTM = net

    @property
    def net(self) -> LSTM:
        """The network whose weights and optimizer these streams share."""
        return self.__net

    @property
    def state(self) -> dict[str, Array]:
        """Copies of the state of every stream after the last step.

        "cell_state" and "cell_output": (n_streams, n_cells); "input_gate", "forget_gate",
        "output_gate": activations, (n_streams, n_blocks), of the gates that exist; "unit":
        (n_streams, n_units). Only those present; of several layers "layer0.cell_state" and so on.
        """
        return self._state()

    def step(self, X: npt.ArrayLike, targets: Targets | None = None) -> Array:
        """Advance every stream one step and, given targets, learn from it at once.

        Parameters
        ----------
        X : array_like, shape (n_streams, n_inputs), or (n_streams,) of an integer dtype
            Inputs of this step; finite. Or tokens, which cost as much as their vectors.
        targets : array_like, shape (n_streams, n_outputs), or (n_streams,), optional
            Wanted outputs, in the domain of the loss; a row of NaN is a stream without target. One
            number a stream of a network with one output; of a softmax the class that is wanted. Of
            several heads a tuple with such targets of each, None for none at all.

        Returns
        -------
        ndarray, shape (n_streams, n_outputs), of the network's dtype
            The predictions made before the weights changed.

        Raises
        ------
        ValueError, TypeError
            For unusable `X` or `targets`; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.
        RuntimeError
            When the streams or their network are in use by another thread.

        Notes
        -----
        The weights change once, by the gradient summed over streams: two passes over the traces of
        every stream, O(n_streams) per weight, whatever the number of layers.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=2, n_outputs=1, n_blocks=4, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=3)
        >>> streams.step([[0.5, -0.5], [0.1, 0.2], [0.0, 1.0]], targets=[[1.0], [0.5], [0.0]]).shape
        (3, 1)
        """
        return self._step(X, targets)

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return what `step(X)` would return; change nothing.

        Parameters
        ----------
        X : array_like, shape (n_streams, n_inputs), or (n_streams,) of an integer dtype
            Inputs; finite. Or tokens.

        Returns
        -------
        ndarray, shape (n_streams, n_outputs), of the network's dtype

        Raises
        ------
        ValueError, TypeError
            For unusable `X`.
        FloatingPointError
            When the weights have diverged.

        Notes
        -----
        One forward pass of every stream.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=2)
        >>> bool((streams.predict([[1.0], [2.0]]) == streams.step([[1.0], [2.0]])).all())
        True
        """
        return self._predict(X)

    @overload
    def run(
        self,
        X: npt.ArrayLike,
        targets: Targets | None = None,
        update: Literal["step", "sequence"] | int = "step",
        *,
        return_loss: Literal[False] = False,
    ) -> Array: ...

    @overload
    def run(
        self,
        X: npt.ArrayLike,
        targets: Targets | None = None,
        update: Literal["step", "sequence"] | int = "step",
        *,
        return_loss: Literal[True],
    ) -> tuple[Array, Array]: ...

    def run(
        self,
        X: npt.ArrayLike,
        targets: Targets | None = None,
        update: Literal["step", "sequence"] | int = "step",
        *,
        return_loss: bool = False,
    ) -> Any:
        """Run all streams over whole sequences in one call, learning where there are targets.

        Equals the loop of `step` bit for bit; the GIL is released meanwhile.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_streams, n_inputs), or (n_steps, n_streams) of integers
            Inputs; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_streams, n_outputs), optional
            Wanted outputs; a row of NaN is a step of one stream without target. Or one number each,
            (n_steps, n_streams), see `step`.
        update : "step", "sequence" or int, default "step"
            When the weights change, by the gradient summed over streams: after every time step that
            has a target (1 is the same); once, at the end of this call; or every so many steps,
            counted from the last update, whichever calls made them.
        return_loss : bool, default False
            Whether to return the losses as well.

        Returns
        -------
        ndarray, shape (n_steps, n_streams, n_outputs), of the network's dtype
            The outputs, each from before the weights changed at its step. With `return_loss` a
            pair, these and their losses, (n_steps, n_streams), as `LSTM.run`; with a list of heads
            of each, (n_steps, n_streams, n_heads).

        Raises
        ------
        ValueError, TypeError
            For unusable `X`, `targets` or `update`; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.
        RuntimeError
            When the streams or their network are in use by another thread.

        Notes
        -----
        Sequences that begin anew want a `reset` before; then no trace is ever stored, and a batch
        costs two matrix products of n_weights * n_steps * n_streams multiply-adds.

        Examples
        --------
        >>> import numpy as np, pylstm
        >>> net = pylstm.LSTM(n_inputs=3, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=5)
        >>> X, targets = np.ones((20, 5, 3)), np.full((20, 5, 1), np.nan)
        >>> targets[-1] = 0.5                                  # the error at the end of each
        >>> streams.run(X, targets, update="sequence").shape
        (20, 5, 1)
        """
        return self._run(X, targets, update, return_loss)

    @overload
    def run_sequences(
        self,
        X: npt.ArrayLike,
        targets: Targets | None = None,
        lengths: npt.ArrayLike | None = None,
        *,
        last: bool = False,
        update: Literal["step", "sequence"] | int = "sequence",
        return_loss: Literal[False] = False,
    ) -> Array: ...

    @overload
    def run_sequences(
        self,
        X: npt.ArrayLike,
        targets: Targets | None = None,
        lengths: npt.ArrayLike | None = None,
        *,
        last: bool = False,
        update: Literal["step", "sequence"] | int = "sequence",
        return_loss: Literal[True],
    ) -> tuple[Array, Array]: ...

    def run_sequences(
        self,
        X: npt.ArrayLike,
        targets: Targets | None = None,
        lengths: npt.ArrayLike | None = None,
        *,
        last: bool = False,
        update: Literal["step", "sequence"] | int = "sequence",
        return_loss: bool = False,
    ) -> Any:
        """Run over many sequences, of any lengths, `n_streams` of them at once.

        The first `n_streams` sequences together, each from a fresh state, then the next ones; a
        stream whose sequence is over waits for the longest. Equals a `reset` and a `run` for each
        such batch, in which there are no targets behind the end of a sequence, and a `reset` at the
        end.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs of all sequences, one behind the other; finite. Or tokens, see `step`.
        targets : array_like, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            Wanted outputs; a row of NaN is no target. Or one number each, see `step`. Without
            targets nothing is learned.
        lengths : array_like of int, shape (n_sequences,), optional
            Steps of each sequence, at least 1; they sum to n_steps. Without: X is one sequence.
        last : bool, default False
            Targets and outputs are those of the last step of each sequence only.
        update : "sequence", "step" or int, default "sequence"
            When the weights change, by the gradient summed over streams: once at the end of each
            batch; else as in `run`.
        return_loss : bool, default False
            Whether to return the losses as well.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            The outputs, each from before the weights changed at its step. With `return_loss` a
            pair, these and their losses, (n_steps,) or (n_sequences,), as `LSTM.run`.

        Raises
        ------
        ValueError, TypeError
            For unusable arguments; nothing has changed then.
        FloatingPointError
            When the weights have diverged; names the step.

        Notes
        -----
        A batch costs as many steps as its longest sequence has: sequences in the order of their
        lengths cost least.

        Examples
        --------
        >>> import numpy as np, pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=2)
        >>> X = np.linspace(-1, 1, 10)[:, None]
        >>> streams.run_sequences(X, [0.5, 0.0, 1.0], lengths=[2, 5, 3], last=True).shape
        (3, 1)
        """
        update_interval(update)
        inputs, wanted, sizes = self._sequences(X, targets, lengths, last)
        starts = np.cumsum(sizes) - sizes
        shape = (len(sizes) if last else len(inputs), self.net.n_outputs)
        heads = self._heads()
        Y = np.empty(shape, self.net.dtype)
        losses = np.empty(shape[0] if heads is None else (shape[0], len(heads)))
        for first in range(0, len(sizes), self.n_streams):
            some = slice(first, first + self.n_streams)
            steps = np.arange(sizes[some].max())[:, None]
            ends, begins = np.zeros((2, self.n_streams), np.intp)  # 0 steps of no sequence
            ends[: len(sizes[some])], begins[: len(sizes[some])] = sizes[some], starts[some]
            inside = steps < ends
            places = np.where(inside, begins + steps, 0)
            chosen = steps == ends - 1 if last else inside
            rows = first + np.nonzero(chosen)[1] if last else places[chosen]
            targets_of_steps = None
            if wanted is not None:
                targets_of_steps = np.full((*chosen.shape, shape[1]), np.nan, wanted.dtype)
                targets_of_steps[chosen] = wanted[rows]
            self.reset()
            found = self.run(inputs[places], targets_of_steps, update, return_loss=True)
            Y[rows], losses[rows] = (part[chosen] for part in found)
        self.reset()
        return (Y, losses) if return_loss else Y

    def learn(self, targets: Targets, update: bool = True) -> Array:
        """Learn from the step just made; return its losses.

        Parameters
        ----------
        targets : array_like, shape (n_streams, n_outputs), or (n_streams,)
            Wanted outputs, in the domain of the loss; a row of NaN is a stream without target. Or
            one number each, see `step`.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only, see
            `update`.

        Returns
        -------
        ndarray, shape (n_streams,), float64
            The loss of each stream; NaN without a target.

        Raises
        ------
        ValueError, TypeError
            For unusable `targets`; nothing has changed then.
        RuntimeError
            For a target of a stream without a step to learn from: before the first, after a reset,
            or when the weights have changed since.

        Notes
        -----
        Errors of several calls on one step add up.

        Examples
        --------
        >>> import numpy as np, pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=2)
        >>> Y = streams.step([[1.0], [2.0]])
        >>> losses = streams.learn([[0.5], [np.nan]])
        >>> bool(np.isclose(losses[0], 0.5 * (Y[0, 0] - 0.5) ** 2)), bool(np.isnan(losses[1]))
        (True, True)
        """
        return self._learn(targets, update)

    def learn_from(self, dy: npt.ArrayLike, update: bool = True) -> None:
        """Learn from outside errors of the step just made.

        Parameters
        ----------
        dy : array_like, shape (n_streams, n_outputs)
            Derivatives of the loss by the outputs of the last step; finite, or a row of NaN for a
            stream without error. They go back through the derivative of the output activation
            function.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only.

        Raises
        ------
        ValueError, TypeError
            For an unusable `dy`; nothing has changed then.
        RuntimeError
            For an error of a stream without a step to learn from, as in `learn`.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=2)
        >>> Y = streams.step([[1.0], [2.0]])
        >>> streams.learn_from(Y - 0.5)          # what learn([[0.5], [0.5]]) would do
        """
        self._learn_from(dy, update)

    def update(self) -> None:
        """Change the weights once by all gradients accumulated since the last update.

        Does nothing when nothing has been accumulated.

        Raises
        ------
        FloatingPointError
            When a weight is no longer finite; names the step.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=2)
        >>> for value in (0.1, 0.2, 0.3):
        ...     Y = streams.step([[value], [-value]])
        ...     losses = streams.learn([[value], [-value]], update=False)
        >>> streams.update()
        """
        self._update()

    def reset(self, streams: npt.ArrayLike | None = None) -> None:
        """Set state and traces of some streams, or of all, to zero: new sequences begin.

        Accumulated gradients that are not yet applied stay.

        Parameters
        ----------
        streams : int, sequence of int or array of bool (n_streams,), optional
            Which; all by default.

        Raises
        ------
        ValueError, TypeError, IndexError
            For streams that do not exist; nothing has changed then.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> streams = pylstm.Streams(net, n_streams=3)
        >>> first = streams.step([[1.0], [1.0], [1.0]])
        >>> streams.reset([0, 2])
        >>> (streams.step([[1.0], [1.0], [1.0]]) == first)[:, 0]
        array([ True, False,  True])
        """
        self._reset(self._stream_mask(streams))

    def _stream_mask(self, streams: npt.ArrayLike | None) -> Array:
        chosen = np.zeros(self.n_streams, np.uint8)
        if streams is None:
            chosen[:] = 1
            return chosen
        which = np.asarray(streams)
        if which.dtype == bool and which.shape == (self.n_streams,):
            chosen[which] = 1
            return chosen
        if which.size == 0 and which.ndim == 1:
            return chosen
        if which.dtype.kind not in "iu" or which.ndim > 1:
            raise ValueError(
                f"streams is {brief(streams)}, wanted an index, indices, or a mask of "
                f"{self.n_streams} bools"
            )
        if which.min() < -self.n_streams or which.max() >= self.n_streams:
            raise IndexError(
                f"streams is {brief(streams)}, wanted numbers from 0 to {self.n_streams - 1}"
            )
        chosen[which] = 1
        return chosen

    def copy(self) -> Self:
        """Independent streams, of a copy of the network, that go on exactly as these would."""
        other = type(self).__new__(type(self))
        other.__setstate__({**self.__getstate__(), "net": self.net.copy()})
        return other

    def _weights(self) -> dict[str, Array]:
        return self.net.parameters

    def _heads(self) -> list[dict[str, Any]] | None:
        return self.net._heads()

    def __getstate__(self) -> dict[str, Any]:
        progress = self._progress()
        return {
            "format": _STATE_FORMAT,
            "net": self.net,
            "n_streams": self.n_streams,
            **progress,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_state("Streams", state)
        Streams.__init__(self, state["net"], state["n_streams"])
        self._restore(state)

    def __repr__(self) -> str:
        return f"<Streams n_streams={self.n_streams} of {self.net!r}>"
