"""Targets that come late: two states of one set of weights, some steps apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from pylstm._core import MOMENTS, Exclusive
from pylstm.checks import check_size
from pylstm.copies import Copyable
from pylstm.errors import brief
from pylstm.heads import Targets
from pylstm.network import LSTM, check_network
from pylstm.population import Population
from pylstm.registry import check_state, register

__all__ = ["Delayed", "state_without_weights"]

Array = npt.NDArray[Any]
Net = TypeVar("Net", LSTM, Population)

_STATE_FORMAT = 1


def state_without_weights(net: LSTM) -> dict[str, Any]:
    """The state of a network that runs ahead of one whose weights it reads."""

    def own(state: Mapping[str, Any]) -> dict[str, Any]:
        shared = ("parameters", "gradient", "eligibility", *MOMENTS)
        return {name: part for name, part in state.items() if name not in shared}

    state = own(net.__getstate__())
    if "below" in state:
        state["below"] = [own(layer) for layer in state["below"]]
    return state


def _ahead_state(net: LSTM | Population) -> dict[str, Any]:
    """What is its own of one that runs ahead."""
    if isinstance(net, LSTM):
        return state_without_weights(net)
    own = ("steps", "groups", "counts", "input_scale")
    return {name: part for name, part in net.__getstate__().items() if name in own}


@register
class Delayed(Copyable, Generic[Net]):
    """A network whose targets come a fixed number of steps after their predictions.

    With x(t) the inputs of step t, d the delay and w the weights as they are now,

        step(x(t))        `ahead` makes step t and predicts; `net` makes step t - d
        learn(target)     `net` learns from step t - d

    (the truncated gradient of HS97 appendix A.1, at step t - d). A target that comes late needs a
    second state, because the traces that belonged to its prediction are gone: they have gone on
    with the present state, and what the error at t - d says about the weights cannot be had from
    them. So `net` walks d steps behind the stream and has its own state and traces, which are those
    of the step it learns from; `ahead` is a state at the present step that reads the same memory of
    weights and never learns. Weights have changed in between, as in all learning at every step.

    Parameters
    ----------
    net : LSTM or Population
        Of one layer or several. Learns from now on through this object; its optimizer and
        parameters stay in use. Its state and statistics, if it has made steps, are where both
        start.
        Of a population all nets step together, and every array has an axis of nets in front, as in
        its own calls.
    delay : int
        How many steps a target comes after its prediction, at least 0; with 0 this is `net`.

    Raises
    ------
    ValueError, TypeError
        For something else.

    Notes
    -----
    A step costs one forward step more than that of `net`, and no weight is copied. Memory: a second
    state and the inputs of `delay` steps. What is scaled inside the network stays so: inputs in
    either state by what was known at their step, outputs by the targets known now.

    Examples
    --------
    The wave three steps ahead, of which the truth is known three steps later:

    >>> import numpy as np, pylstm
    >>> wave = np.sin(0.2 * np.arange(4000.0))[:, None]
    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=8, optimizer=pylstm.SGD(0.1))
    >>> delayed = pylstm.Delayed(net, delay=3)
    >>> predictions = []
    >>> for x in wave:
    ...     predictions.append(delayed.step(x))
    ...     if len(predictions) > 3:
    ...         loss = delayed.learn(x)
    >>> errors = np.abs(np.array(predictions[:-3]) - wave[3:])
    >>> bool(errors[:100].mean() > 0.2 and errors[-500:].mean() < 0.1)
    True
    """

    def __init__(self, net: Net, delay: int) -> None:
        if not isinstance(net, LSTM | Population):
            raise TypeError(f"net is {brief(net)}, wanted a pylstm.LSTM or a pylstm.Population")
        if isinstance(net, LSTM):
            use = "in a Delayed; for others keep the rows until their targets come"
            check_network(net, use, has_heads=True, has_layers=True)
        if net._config()["gradient"] != "truncated":
            raise ValueError(
                f"net has gradient={brief(net._config()['gradient'])}, wanted 'truncated' in a "
                "Delayed"
            )
        delay = check_size("delay", delay, 0)
        self._configure(net, net.copy() if delay else net, delay)

    def _configure(self, net: Any, ahead: Any, delay: int) -> None:
        """Two of one class; calls of the one are given the other."""
        self.__exclusive = Exclusive("Delayed")
        self.__net, self.__ahead, self.__delay = net, ahead, delay
        self.__inputs_waiting: deque[Array | int] = deque()
        if ahead is not net:
            ahead._follow(net)

    @property
    def net(self) -> Net:
        """The network, or the population, that learns, `delay` steps behind."""
        net: Net = self.__net
        return net

    @property
    def delay(self) -> int:
        """How many steps a target comes after its prediction."""
        return self.__delay

    @property
    def n_steps(self) -> Any:
        """Number of steps made since the network was built; of a population an array, (n_nets,)."""
        return self.__net.n_steps + len(self.__inputs_waiting)

    @property
    def state(self) -> dict[str, Array]:
        """Copies of the state after the last step, as `LSTM.state`."""
        state: dict[str, Array] = self.__ahead.state
        return state

    def step(self, x: npt.ArrayLike) -> Array:
        """Advance one step; return the prediction of the present state with the present weights.

        Parameters
        ----------
        x : array_like, shape (n_inputs,), or int
            Inputs of this step, or a token, as in `LSTM.step` or `Population.step`.

        Returns
        -------
        ndarray, shape (n_outputs,), of the network's dtype

        Raises
        ------
        ValueError, TypeError
            For an unusable `x`; nothing has changed then.
        FloatingPointError
            When the weights have diverged.

        Notes
        -----
        Changes both states. Two forward steps, O(1) per weight, whatever the delay.

        Examples
        --------
        >>> import pylstm
        >>> delayed = pylstm.Delayed(pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2), delay=2)
        >>> bool(delayed.predict([0.5]) == delayed.step([0.5]))
        True
        """
        y: Array
        if not self.__delay:
            y = self.__net.step(x)
            return y
        with self.__exclusive:
            values = np.asarray(x)
            due = self.__inputs_waiting[0] if len(self.__inputs_waiting) == self.__delay else None
            y = self.__ahead._step_with(self.__net, values, due)
            self.__inputs_waiting.append(self.__net._copy_of_inputs(values))
            if due is not None:
                self.__inputs_waiting.popleft()
        return y

    def _scales_inputs(self) -> bool:
        return bool(self.__net._config()["scale_inputs"])

    def predict(self, x: npt.ArrayLike) -> Array:
        """Return what `step(x)` would return; change nothing.

        Parameters, errors and cost are those of `LSTM.predict`.

        Examples
        --------
        >>> import pylstm
        >>> delayed = pylstm.Delayed(pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2), delay=2)
        >>> delayed.predict([0.5]).shape
        (1,)
        """
        y: Array
        if not self.__delay:
            y = self.__net.predict(x)
            return y
        with self.__exclusive:
            y = self.__ahead._predict_with(self.__net, x)
            return y

    @overload
    def learn(self: Delayed[LSTM], target: Targets, update: bool = True) -> float: ...

    @overload
    def learn(self: Delayed[Population], target: npt.ArrayLike, update: bool = True) -> Array: ...

    def learn(self, target: Targets, update: bool = True) -> Any:
        """Learn the target of the step `delay` steps before the last; return its loss.

        Parameters
        ----------
        target : array_like, shape (n_outputs,)
            What was to be predicted at that step, as in `LSTM.learn`. All NaN means no target.
        update : bool, default True
            Change the weights now, as in `LSTM.learn`.

        Returns
        -------
        float, or of a population ndarray of float64, shape (n_nets,)
            The loss of that step, of the outputs of `net` when it made it; NaN without a target.

        Raises
        ------
        ValueError, TypeError
            For an unusable `target`; nothing has changed then.
        RuntimeError
            As long as there have been no more than `delay` steps since the last reset, or when the
            step has been learned from already.

        Examples
        --------
        >>> import pylstm
        >>> delayed = pylstm.Delayed(pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2), delay=1)
        >>> first, second = delayed.step([0.5]), delayed.step([0.7])
        >>> bool(delayed.learn([0.1]) == 0.5 * (first[0] - 0.1) ** 2)
        True
        """
        with self.__exclusive:
            if len(self.__inputs_waiting) < self.__delay:
                raise RuntimeError(
                    f"there is no step {self.__delay} steps ago to learn from: only "
                    f"{len(self.__inputs_waiting)} since the start or the last reset"
                )
            return self.__net.learn(target, update)

    def reset(self) -> None:
        """Set both states and the traces to zero: a new sequence begins.

        Steps whose targets have not come are forgotten.

        Examples
        --------
        >>> import pylstm
        >>> delayed = pylstm.Delayed(pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2), delay=2)
        >>> first = delayed.step([0.5])
        >>> delayed.reset()
        >>> bool(delayed.step([0.5]) == first)
        True
        """
        with self.__exclusive:
            while self.__inputs_waiting:
                # For its statistics, and the number of steps.
                self.__net.step(self.__inputs_waiting[0])
                self.__inputs_waiting.popleft()
            self.__net.reset()
            self.__ahead.reset()

    def grow(self, n_inputs: int | None = None, n_outputs: int | None = None) -> None:
        """Give the network more inputs or outputs, as `LSTM.grow`.

        In steps whose targets have not come yet new inputs count as 0, or as missing where inputs
        are scaled.

        Examples
        --------
        >>> import pylstm
        >>> delayed = pylstm.Delayed(pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2), delay=2)
        >>> y = delayed.step([0.5])
        >>> delayed.grow(n_inputs=2)
        >>> delayed.step([0.5, 1.0]).shape
        (1,)
        """
        with self.__exclusive:
            before = self.__net.n_inputs
            self.__net.grow(n_inputs, n_outputs)
            if self.__delay:
                self.__ahead.grow(n_inputs, n_outputs)
                self.__ahead._follow(self.__net)
            new = np.full(self.__net.n_inputs - before, np.nan if self._scales_inputs() else 0.0)
            self.__inputs_waiting = deque(
                x if isinstance(x, int) else _with_inputs(x, new) for x in self.__inputs_waiting
            )

    def __getstate__(self) -> dict[str, Any]:
        with self.__exclusive:
            net = self.__net.__getstate__()
            ahead = _ahead_state(self.__ahead)
            if "optimizer" in net:
                ahead["optimizer"] = net["optimizer"]  # its own is the one from when it was made
            return {
                "format": _STATE_FORMAT,
                "delay": self.__delay,
                "net": net,
                "ahead": ahead if self.__delay else None,
                "waiting": {str(k): np.array(x) for k, x in enumerate(self.__inputs_waiting)},
            }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_state("Delayed", state)
        of_nets = "n_nets" in state["net"]
        net: Any = Population.__new__(Population) if of_nets else LSTM.__new__(LSTM)
        net.__setstate__(state["net"])
        ahead = net
        if state["delay"] and of_nets:
            ahead = net.copy()
            ahead._restore({**net._progress(), **state["ahead"]})
        elif state["delay"]:
            ahead = LSTM.__new__(LSTM)
            ahead._take_state(state["ahead"])
        self._configure(net, ahead, state["delay"])
        waiting = [state["waiting"][str(k)] for k in range(len(state["waiting"]))]
        self.__inputs_waiting.extend(x if x.ndim else int(x) for x in waiting)

    def __repr__(self) -> str:
        return f"<Delayed {self.__delay} steps, of {self.__net!r}>"


def _with_inputs(x: Array, new: Array) -> Array:
    """Inputs of a step, (n_inputs,) or (n_nets, n_inputs), with new ones behind."""
    wide = np.broadcast_to(new.astype(x.dtype), (*x.shape[:-1], len(new)))
    return np.concatenate([x, wide], axis=-1)
