"""Networks of plain recurrent units: fully recurrent, by RTRL or BPTT, and Elman's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pylstm._core import LOSSES, OUTPUTS, SQUASHINGS, Recurrent
from pylstm.architecture import Squashing
from pylstm.baselines.learner import Learner
from pylstm.checks import (
    check_choice,
    check_init_range,
    check_size,
    check_switch,
    check_whole,
    generator,
    within_memory,
)
from pylstm.errors import brief
from pylstm.heads import Loss, Output
from pylstm.network import INIT_RANGE
from pylstm.optimizers import Optimizer
from pylstm.registry import check_state

__all__ = ["Elman", "FullyRecurrent"]

Array = npt.NDArray[Any]

GRADIENTS = {"rtrl": 0, "bptt": 1}
READOUTS = {"units": 0, "layer": 1}
_STATE_FORMAT = 1


class FullyRecurrent(Recurrent, Learner):
    """Units that all see the inputs and each other, learning by the exact gradient.

    Each step computes, with sources z = [x(t); a(t-1); 1],

        a(t) = squashing(W z)                        one of each unit
        y(t) = a(t)[:n_outputs]                      readout="units" (Williams & Zipser 1989)
        y(t) = output(V [a(t); x(t); 1])             readout="layer"

    and follows dL/dW, exact as long as the weights stay the same. ``gradient="rtrl"``, real-time
    recurrent learning (Robinson & Fallside 1987; Williams & Zipser 1989), carries the derivatives
    of all activations by all weights forward,

        da_u(t)/dW = squashing'(net_u) (sum_v W_uv da_v(t-1)/dW + z in the row of u)

    ``gradient="bptt"``, backpropagation through time (Werbos 1990; Williams & Peng 1990), sends
    errors back through the steps recorded: those that came since the last backward pass go
    back together over the last `window` steps; a backward pass comes with every update, and
    whenever `window` steps are waiting. With ``update="step"`` that is BPTT(window), with
    ``update="sequence"`` the sequence in stretches of `window` steps.

    Parameters
    ----------
    n_inputs, n_outputs : int
        At least 1.
    n_hidden : int
        Units that are no outputs: at least 1, or 0 where the outputs are units.
    gradient : {"rtrl", "bptt"}, default "rtrl"
    window : int, optional
        With "bptt": steps an error goes back at most. None: to the last reset.
    readout : {"units", "layer"}, default "units"
        Whether the outputs are the first of the units, or see the units.
    shortcut : bool, default False
        Inputs are sources of a layer of outputs as well.
    hidden_bias : bool, default True
        Units have a bias.
    output_bias : bool, default True
        A layer of outputs has a bias.
    squashing : {"logistic", "tanh", "identity", "tanh_half", "two_tanh_half"}
        Activation function of the hidden units. Default "logistic".
    output : {"logistic", "identity", "softmax"}, default "logistic"
        Activation function of the outputs; "softmax" with a layer only.
    loss : {"squared", "cross_entropy"}, default "squared"
        Half the sum of squares, or the cross-entropy, with a layer of logistic or softmax outputs.
    time_constants : array_like, shape (n_hidden,), optional
        Of the hidden units, each 0 or more and less than 1, see `TimeConstants`. None: all 0.
    init_range : float, default 0.1
        Weights start uniformly distributed in [-init_range, init_range).
    optimizer : SGD, default SGD(0.1)
    seed : int or numpy Generator, default 0
        Of the starting weights.
    memory_limit : int, default 2**30
        Bytes the derivatives of "rtrl" may take; a network that needs more is refused.

    Raises
    ------
    ValueError, TypeError
        For a size, value or combination that makes no sense, or too large a network for "rtrl".

    Notes
    -----
    With n units and m weights into them, beside the forward pass and the readout, a learning step
    costs

        rtrl    n^2 m multiply-adds, O(n^4); memory 2 n m numbers
        bptt    2 m for every step gone back through: `window` of them when the weights change
                after every step, one in the mean when they change once a sequence; memory
                n_inputs + 4 n numbers a step of the window, or of the sequence without one

    Inputs that are zero cost next to nothing.

    Examples
    --------
    Say what came two steps before:

    >>> import numpy as np, pylstm
    >>> from pylstm.baselines import FullyRecurrent
    >>> bits = np.random.default_rng(1).integers(2, size=20_002).astype(float)[:, None]
    >>> net = FullyRecurrent(1, 1, n_hidden=3, init_range=0.5, optimizer=pylstm.SGD(0.5), seed=1)
    >>> Y = net.run(bits[2:], bits[:-2])
    >>> bool(np.abs(Y - bits[:-2])[-1000:].max() < 0.5)
    True
    """

    _schema = "baselines.FullyRecurrent"

    @within_memory()
    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int,
        *,
        gradient: Literal["rtrl", "bptt"] = "rtrl",
        window: int | None = None,
        readout: Literal["units", "layer"] = "units",
        shortcut: bool = False,
        hidden_bias: bool = True,
        output_bias: bool = True,
        squashing: Squashing = "logistic",
        output: Output = "logistic",
        loss: Loss = "squared",
        time_constants: npt.ArrayLike | None = None,
        init_range: float = INIT_RANGE,
        optimizer: Optimizer | None = None,
        seed: int | np.random.Generator = 0,
        memory_limit: int = 2**30,
    ) -> None:
        config = {
            "n_inputs": check_size("n_inputs", n_inputs),
            "n_outputs": check_size("n_outputs", n_outputs),
            "readout": check_choice("readout", readout, READOUTS),
            "n_hidden": check_size("n_hidden", n_hidden, READOUTS[readout]),
            "gradient": check_choice("gradient", gradient, GRADIENTS),
            "window": None if window is None else check_whole("window", window),
            "shortcut": check_switch("shortcut", shortcut),
            "hidden_bias": check_switch("hidden_bias", hidden_bias),
            "output_bias": check_switch("output_bias", output_bias),
            "squashing": check_choice("squashing", squashing, SQUASHINGS),
            "output": check_choice("output", output, OUTPUTS),
            "loss": check_choice("loss", loss, LOSSES),
            "time_constants": check_time_constants(time_constants, n_hidden),
        }
        check_combination(config)
        check_memory(config, check_whole("memory_limit", memory_limit))
        check_init_range(init_range)
        self._set_up(config, optimizer)
        rng = generator(seed)
        for view in self.parameters.values():
            view[:] = rng.uniform(-init_range, init_range, view.shape)

    def _set_up(self, config: dict[str, Any], optimizer: Optimizer | None) -> None:
        outputs_among_units = config["n_outputs"] if config["readout"] == "units" else 0
        self._config = config
        self._build(config, np.array([0.0] * outputs_among_units + config["time_constants"]))
        Learner.__init__(self, config["n_inputs"], config["n_outputs"], optimizer)
        self._parameters = self._weights()

    @property
    def n_hidden(self) -> int:
        """Number of units that are no outputs."""
        return int(self._config["n_hidden"])

    def _takes_all_targets(self) -> bool:
        return bool(self._config["loss"] == "squared")

    def _target_problem(self, target: Array) -> str:
        problem = super()._target_problem(target)
        if problem or self._config["loss"] == "squared" or np.isnan(target[0]):
            return problem
        if target.min() < 0 or target.max() > 1:
            return "wanted numbers from 0 to 1, the domain of the cross-entropy"
        if self._config["output"] == "softmax" and abs(target.sum() - 1) > 1e-4:
            return "wanted numbers that sum to 1, the domain of the cross-entropy of a softmax"
        return ""

    def __getstate__(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "config": dict(self._config),
            "optimizer": self.optimizer.saved(),
            **self._progress(),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        saved = check_state(self._schema, state)
        self._set_up(dict(state["config"]), saved.optimizer)
        self._restore(state)


def check_time_constants(values: npt.ArrayLike | None, n_hidden: int) -> list[float]:
    """Return time constants as floats, 0 by default, or raise ValueError."""
    if values is None:
        return [0.0] * n_hidden
    given = np.asarray(values)
    if given.shape != (n_hidden,) or not ((given >= 0) & (given < 1)).all():
        raise ValueError(
            f"time_constants is {brief(values)}, wanted {n_hidden} numbers, each 0 or more and "
            "less "
            "than 1"
        )
    return [float(value) for value in given]


def check_combination(config: Mapping[str, Any]) -> None:
    """Raise ValueError for arguments that do not go together."""
    if config["window"] is not None and config["gradient"] == "rtrl":
        raise ValueError(
            f"window is {config['window']} with gradient 'rtrl', which needs none: wanted 'bptt', "
            "or no window"
        )
    if config["readout"] == "units":
        for name, value in (
            ("shortcut", True),
            ("output", "softmax"),
            ("loss", "cross_entropy"),
        ):
            if config[name] == value:
                raise ValueError(
                    f"{name} is {brief(value)} with readout 'units', wanted readout 'layer' with it"
                )
    if config["loss"] == "cross_entropy" and config["output"] not in ("logistic", "softmax"):
        raise ValueError(
            f"loss is 'cross_entropy' with output {brief(config['output'])}, wanted 'logistic' or "
            "'softmax'"
        )


def check_memory(config: Mapping[str, Any], limit: int) -> None:
    """Raise ValueError where the derivatives of "rtrl" would take more bytes than `limit`."""
    if config["gradient"] != "rtrl":
        return
    n_units = config["n_hidden"] + (config["n_outputs"] if config["readout"] == "units" else 0)
    n_weights = n_units * (config["n_inputs"] + n_units + config["hidden_bias"])
    needed = 2 * 8 * n_units * n_weights
    if needed > limit:
        raise ValueError(
            f"real-time recurrent learning of {n_units} units with {n_weights} weights needs "
            f"{needed:,} bytes, memory_limit is {limit:,}: wanted a smaller network, gradient "
            "'bptt', or a higher limit"
        )


class Elman(FullyRecurrent):
    """Elman's simple recurrent network: the units of the step before are copied as context.

    a(t) = squashing(W [x(t); a(t-1); 1]) and y(t) = output(V [a(t); 1]), and the error of a step
    changes the weights of that step alone: a(t-1) counts as an input (Elman 1990). That is
    `FullyRecurrent` with ``readout="layer", gradient="bptt", window=1``.

    Parameters
    ----------
    n_inputs, n_outputs, n_hidden : int
        At least 1.
    hidden_bias, output_bias : bool, default True
    squashing, output, loss, init_range, optimizer, seed
        As in `FullyRecurrent`.

    Raises
    ------
    ValueError, TypeError
        For a size, value or combination that makes no sense.

    Notes
    -----
    About three multiply-adds a weight and learning step; memory does not grow with the stream.

    Examples
    --------
    The network for the embedded Reber grammar of Cleeremans et al. (1989), as counted by HS97:

    >>> from pylstm.baselines import Elman
    >>> Elman(7, 7, n_hidden=15, hidden_bias=False, output_bias=False)
    <Elman n_inputs=7, n_outputs=7, 435 parameters>
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int,
        *,
        hidden_bias: bool = True,
        output_bias: bool = True,
        squashing: Squashing = "logistic",
        output: Output = "logistic",
        loss: Loss = "squared",
        init_range: float = INIT_RANGE,
        optimizer: Optimizer | None = None,
        seed: int | np.random.Generator = 0,
    ) -> None:
        super().__init__(
            n_inputs,
            n_outputs,
            n_hidden,
            gradient="bptt",
            window=1,
            readout="layer",
            hidden_bias=hidden_bias,
            output_bias=output_bias,
            squashing=squashing,
            output=output,
            loss=loss,
            init_range=init_range,
            optimizer=optimizer,
            seed=seed,
        )
