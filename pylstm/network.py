"""The LSTM class: names, defaults and checks over the engine in csrc/."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from pylstm._core import (
    HIDDEN_BIASES,
    MOMENTS,
    SQUASHINGS,
    Network,
    RunningScale,
    choose_large_from,
    grow,
    layer_configs,
    network_sizes,
)
from pylstm.architecture import GATES, Architecture, Squashing
from pylstm.checks import (
    check_choice,
    check_dtype,
    check_init_range,
    check_size,
    check_switch,
    check_whole,
    generator,
)
from pylstm.configuration import (
    check_biases,
    check_combination,
    check_gradient,
    check_hidden,
    check_leak,
)
from pylstm.copies import Copyable
from pylstm.errors import brief
from pylstm.fitting import Fits
from pylstm.heads import Head, Loss, Output, check_heads
from pylstm.keywords import answers_keywords
from pylstm.optimizers import SGD, Decay, Optimizer, check_optimizer
from pylstm.registry import check_state, register

__all__ = ["LATER_SWITCHES", "LSTM", "check_blocks_alone", "check_network"]

Gradient = Literal["truncated", "bptt", "rtrl"]
Array = npt.NDArray[Any]

#: Weights start uniformly distributed within this, unless told otherwise.
INIT_RANGE = 0.1
#: Bytes the sensitivities of real-time recurrent learning may take, unless told otherwise.
MEMORY_LIMIT = 2**30
#: Not in what was saved before there were such.
LATER_SWITCHES: dict[str, Any] = {
    "leak": 0.0,
    "n_units": 0,
    "unit": "logistic",
    **dict.fromkeys(("skip_inputs", "skip_outputs", "bidirectional"), False),
}
_STATE_FORMAT = 5


@register
@answers_keywords
class LSTM(Architecture, Fits, Copyable, Network):
    """Layers of LSTM memory blocks and a readout, learning online: one, or several in a stack.

    Each step computes, with sources z = [x(t); h(t-1); u(t-1); gates(t-1); 1],

        i, f, o = logistic(W z + peepholes)        one of each per block
        c(t) = f c(t-1) + i cell_input(W z)        one per cell
        h(t) = o cell_output(c(t))
        u(t) = unit(W z)                           ordinary units, with n_units
        y(t) = output(V [h(t); u(t); x(t); 1])

    (Hochreiter & Schmidhuber 1997, appendix A.1; forget gates: Gers, Schmidhuber & Cummins 2000;
    peepholes: Gers, Schraudolph & Schmidhuber 2002). Learning follows the truncated gradient, which
    is the exact gradient of the loss after cutting every path through z and the peepholes: O(1) per
    weight and step, with memory that does not grow with the stream. Or, with `gradient`, that of
    the loss with nothing cut.

    Parameters
    ----------
    n_inputs : int
        At least 1.
    n_outputs : int or list of Head
        At least 1; or heads, each with a number of outputs, an activation function and a loss of
        its own, see Notes.
    n_blocks : int or list of int
        Memory blocks, at least 1, or 0 where there are ordinary units; a list: of each layer, the
        lowest first, see Notes.
    block_size : int, default 1
        Memory cells a block, sharing the block's gates. Cell v belongs to block v // block_size.
    n_units : int or list of int, default 0
        Ordinary units beside the blocks; with ``n_blocks=0`` a plain recurrent network, see Notes.
        Of several layers of each, or a list, one number a layer.
    input_gate, forget_gate, output_gate : bool, default True
        Present, or absent (constantly 1).
    leak : float, 0 <= leak < 1, default 0
        The part of a cell state that every step takes from it whatever the forget gate says:
        f = (1 - leak) logistic(W z + peepholes), or f = 1 - leak without a forget gate; a leaky
        integrator with a time constant of 1/leak steps at most. For streams without end, see Notes.
    peepholes : bool, default False
        Gates see the cell states of their own block: input and forget gate c(t-1), output gate
        c(t).
    gate_recurrence : bool, default False
        Gate activations of t-1 are sources of the hidden layer, as in 1997.
    cell_recurrence : bool, default True
        Cell outputs and ordinary units of t-1 are sources of the hidden layer.
    shortcut : bool, default False
        Inputs are sources of the outputs as well.
    hidden_bias : {"all", "gates", "none"}, default "all"
        Which hidden units have a bias; "gates": cell inputs and ordinary units have none.
    output_bias : bool, default True
    cell_input, cell_output : {"tanh", "logistic", "identity", "tanh_half", "two_tanh_half"}
        Activation functions of the cell input (1997: g = "two_tanh_half", 2 tanh(x/2)) and of the
        cell state (1997: h = "tanh_half", tanh(x/2)). Default "tanh".
    unit : {"logistic", "tanh", "identity", "tanh_half", "two_tanh_half"}, default "logistic"
        Activation function of the ordinary units.
    output : {"identity", "logistic", "softmax"}, default "identity"
    loss : {"squared", "cross_entropy"}, optional
        Half the sum of squares through the output activation function, or the cross-entropy
        (logistic or softmax outputs). By default that of the output: "cross_entropy" of logistic
        and softmax outputs, else "squared". In 1997 it was "squared" for all.
    skip_inputs : bool, default False
        Of several layers: every layer reads the inputs, behind cells and units of that below.
    skip_outputs : bool, default False
        Of several layers: the outputs read all of them, not the top one alone.
    bidirectional : bool, default False
        Every layer has a second network, which reads a sequence from its end; for sequences that
        have one, `run_sequences` and `fit`, see Notes.
    init_range : float, default 0.1
        Weights start uniformly distributed in [-init_range, init_range).
    bias_init : mapping of str to float or sequence, optional
        Starting biases by name ("input_gate", "forget_gate", "cell_input", "output_gate", "unit",
        "output"), one value or one a row; the others start as weights do. Example:
        ``{"input_gate": [-3, -6]}``. Of several layers "layer0.input_gate" and so on; a name
        without a layer is that of all.
    dtype : {"float32", "float64"}, default "float32"
    seed : int or numpy Generator, default 0
        Of the starting weights; the same seed gives the same bits.
    optimizer : Optimizer, default SGD(0.01)
        `SGD`, `RMSprop`, `Adam` or `ObGD`.
    scale_inputs : bool, default False
        Inputs are standardised by what has been seen of them so far, each step's own included, see
        `RunningScale`; NaN stands for a missing value and becomes 0, the mean. What has been seen
        outlasts `reset`. Not for tokens.
    scale_targets : bool, default False
        The network learns standardised targets, and its outputs, clipped to five standard
        deviations, are given back in the units of the targets by the statistics before the target
        of their step; 0 before the first target. What is learned, and `gradient`, is of the
        standardised loss; the loss that `learn` returns is in the units of the targets. With output
        "identity" only, see Notes for heads; not with `learn_from`.
    scale_memory : int, default 3000
        Steps over which both statistics forget.
    gradient : {"truncated", "bptt", "rtrl"}, default "truncated"
        Which gradient is followed: the truncated one of 1997, or the exact one by backpropagation
        through time or by real-time recurrent learning. With the exact ones there are no
        eligibility traces of the outputs (`learn_from` with a trace, `reinforce`), no `grow`, no
        `Delayed` and no `Population`.
    window : int, optional
        With "bptt": how many steps an error goes back at most; None, as far as the last `reset`.
        Errors that came since the last backward pass are sent back together over the last `window`
        steps, through the activations as they were and the weights as they are; a backward pass
        comes with every update, and whenever `window` steps are waiting. So ``update="step"``
        slides a window along, and a sequence longer than the window is cut into pieces. The state
        goes on across them.
    memory_limit : int, default 2**30
        With "rtrl": bytes the derivatives of the state by the weights may take. They take two
        numbers a cell and hidden weight, one an ordinary unit and hidden weight, and one a gate and
        hidden weight with `gate_recurrence`.

    Raises
    ------
    ValueError
        For a size, value or combination that makes no sense, or derivatives larger than
        `memory_limit`: nothing is allocated then.

    Notes
    -----
    A step costs about four multiply-adds a weight; memory is that of weights, traces and a record
    of at most a few megabytes, whatever the length of the stream.

    Where nothing resets a network it can integrate for ever: without forget gates c and the traces
    are sums over all that was, and a forget gate learns to be 1, which it is in float32 from a
    pre-activation of 17 on. Then a cell saturates, which passes no error back, and float32 runs out
    of digits. A leak makes both sums finite: c and its eligibility traces E obey

        c(t) = f c(t-1) + i g      E(t) = f E(t-1) + d z^T      f <= 1 - leak

    so |c| <= max |i g| / leak, and |E| <= max |d z| / leak, the gradient staying exact. What is
    older than some 1/leak steps is forgotten; `Regressor`, `Classifier` and `Forecaster` have
    0.001. A learning rate that stays high drives cells into saturation all the same, |c| of more
    than about 5; the ``weight_decay`` of the optimizer brings them back.
    Leaky integrators are those of Mozer (1992) and of Jaeger et al. (2007); other libraries clip c
    (`cell_clip`), which leaves the traces without a bound. It costs nothing: it is a constant of
    the gate's activation, f' = f (1 - f / (1 - leak)).

    With ``gradient="bptt"`` a step forward costs one multiply-add a weight, and a backward pass up
    to two a weight and step it goes back: about three in all with one backward pass a window, and
    1 + 2 k with a window of k steps and a backward pass at every step. There are no traces; the
    record holds twice the window, or without a window every step since the last `reset`, so that
    memory grows with the sequence: some 4 (n_inputs + 17 n_cells) bytes a step in float32.

    Real-time recurrent learning (Robinson & Fallside 1987; Williams & Zipser 1989) advances the
    derivative of every number of the state by every hidden weight at every step, learned from or
    not: a multiply-add for each pair of a hidden row and a recurrent source, and each hidden
    weight. For n cells that is O(n^4) a step with O(n^3) memory, whatever the length of the
    sequence; it is for small networks. The gradient is exact while the weights stay as they are;
    where they change, the derivatives remember how the weights of the time acted.

    Ordinary units are recurrent as the blocks are, and keep nothing but what goes round through
    z, so that the truncated gradient needs no traces of them (1997, appendix A.1): the error of a
    step changes what a unit reads at that step,

        delta_u = unit'(W z) V_u^T delta     dL/dW = delta_u z^T     V_u: the columns of V for u

    and, as that of an output gate, goes no further back. "bptt" and "rtrl" are exact through them.
    Units alone, ``n_blocks=0``, are with the truncated gradient the simple recurrent network of
    Elman (1990), with the exact one a fully recurrent network. A layer with units computes in one
    thread. `Population` is for blocks alone.

    Several layers, ``n_blocks=[64, 64, 64]``, are each what the equations above say. At one and the
    same step a layer reads the cell outputs h of the one below, behind them its ordinary units,

        x_1 = x     x_l(t) = [h_{l-1}(t); x(t) if skip_inputs]     z_l = [x_l(t); h_l(t-1); ...; 1]
        y(t) = output(V [h_top(t); 1])     with skip_outputs  output(V [h_1(t); ...; h_top(t); 1])

    All switches are those of every layer; `shortcut` goes with `skip_outputs`. The truncated
    gradient of a stack cuts in every layer what is cut in one, and between layers every path but
    that of the same step: an error at h_l(t) reaches the layer below through c_l(t) at once, and
    not through c_l(t-1),

        dL(t)/dh_{l-1}(t) = U_l^T delta_l(t)     delta of i, f, g: i' g e, f' c(t-1) e, i g' e,
        e = o cell_output'(c) dL(t)/dh_l(t)      of o: o' cell_output(c) dL(t)/dh_l(t)

    with U_l the weights of what layer l reads from below. Within each layer the traces carry it
    back as ever: O(1) per weight and step, one multiply-add more for each weight of U. "bptt" is
    exact through all layers; "rtrl" is for one.

    With heads, ``n_outputs=[Head(3, "softmax"), Head(1, weight=0.5)]``, the outputs of one follow
    those of the other, in `y` and in the rows of "output". The loss is the sum of theirs, each
    times its weight, over those that have a target; what `learn` returns is this sum, what a run
    returns are the losses themselves, a column a head. Targets are rows of all outputs, in which
    the NaN of a head says that it has none; or a tuple with a part a head: what a network with
    this head alone takes, classes too, or None. With `scale_targets` those of heads with output
    "identity" are standardised. `learn_from` knows no weights: its loss is another one.

    With `bidirectional` (Schuster & Paliwal 1997; Graves & Schmidhuber 2005) two networks of a
    layer read a sequence, one from either end, and the layer above, or the outputs, both:

        x_l(t) = [h_{l-1}(t); h'_{l-1}(t); x(t) if skip_inputs]
        y(t) = output(V h(t) + V' h'(t) + b)        h'(t) from x_l(t), h'(t+1)

    The weights of the second are named "backward.input_gate" and so on. The truncated gradient cuts
    what it cuts in a stack, in each direction: an error at step t reaches the networks below at
    step t alone, and in each goes on through the cell states of what that has read before. It
    keeps the sequence, like the exact one, and takes less time: nothing goes back through the
    recurrent weights. A single step has no outputs, and a net no state between sequences: `step`,
    `predict` and `run` are refused. `Streams` and `Delayed` take several layers of one direction;
    `Population` and `grow` are for one layer.

    Examples
    --------
    Predict a sine one step ahead, learning after every step:

    >>> import numpy as np, pylstm
    >>> wave = np.sin(0.2 * np.arange(5001.0))[:, None]
    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=8, optimizer=pylstm.SGD(0.1))
    >>> predictions = net.run(wave[:-1], targets=wave[1:])
    >>> errors = np.abs(predictions - wave[1:])
    >>> bool(errors[:100].mean() > 0.2 and errors[-100:].mean() < 0.05)
    True

    The same by backpropagation through the last ten steps:

    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=8, optimizer=pylstm.SGD(0.1),
    ...                   gradient="bptt", window=10)
    >>> errors = np.abs(net.run(wave[:-1], targets=wave[1:]) - wave[1:])
    >>> bool(errors[:100].mean() > 0.2 and errors[-100:].mean() < 0.05)
    True

    Two layers:

    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=[8, 8], skip_outputs=True,
    ...                   optimizer=pylstm.SGD(0.1))
    >>> errors = np.abs(net.run(wave[:-1], targets=wave[1:]) - wave[1:])
    >>> bool(errors[:100].mean() > 0.2 and errors[-100:].mean() < 0.05)
    True
    >>> {name: view.shape for name, view in net.parameters.items() if "put" not in name}
    {'layer0.forget_gate': (8, 10), 'layer1.forget_gate': (8, 17)}

    Ordinary units beside the blocks, and alone:

    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=8, n_units=4)
    >>> net.parameters["unit"].shape, net.parameters["output"].shape
    ((4, 14), (1, 13))
    >>> list(pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=0, n_units=4).parameters)
    ['unit', 'output']

    An integrator, and one that leaks, after ten thousand steps:

    >>> for leak in (0.0, 0.125):
    ...     net = pylstm.LSTM(1, 1, n_blocks=1, forget_gate=False, leak=leak)
    ...     _ = net.run(np.ones((10_000, 1)))
    ...     print(bool(abs(net.state["cell_state"][0]) > 8))
    True
    False
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int | Sequence[Head],
        n_blocks: int | Sequence[int],
        block_size: int = 1,
        *,
        n_units: int | Sequence[int] = 0,
        input_gate: bool = True,
        forget_gate: bool = True,
        output_gate: bool = True,
        leak: float = 0.0,
        peepholes: bool = False,
        gate_recurrence: bool = False,
        cell_recurrence: bool = True,
        shortcut: bool = False,
        hidden_bias: Literal["all", "gates", "none"] = "all",
        output_bias: bool = True,
        cell_input: Squashing = "tanh",
        cell_output: Squashing = "tanh",
        unit: Squashing = "logistic",
        output: Output = "identity",
        loss: Loss | None = None,
        skip_inputs: bool = False,
        skip_outputs: bool = False,
        bidirectional: bool = False,
        init_range: float = INIT_RANGE,
        bias_init: Mapping[str, npt.ArrayLike] | None = None,
        dtype: npt.DTypeLike = "float32",
        seed: int | np.random.Generator = 0,
        optimizer: Optimizer | None = None,
        scale_inputs: bool = False,
        scale_targets: bool = False,
        scale_memory: int = 3000,
        gradient: Gradient = "truncated",
        window: int | None = None,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        config = {
            "n_inputs": check_size("n_inputs", n_inputs),
            **check_heads(n_outputs, output, loss),
            **check_hidden(n_blocks, n_units),
            "block_size": check_size("block_size", block_size),
            "input_gate": check_switch("input_gate", input_gate),
            "forget_gate": check_switch("forget_gate", forget_gate),
            "output_gate": check_switch("output_gate", output_gate),
            "leak": check_leak(leak),
            "peepholes": check_switch("peepholes", peepholes),
            "gate_recurrence": check_switch("gate_recurrence", gate_recurrence),
            "cell_recurrence": check_switch("cell_recurrence", cell_recurrence),
            "shortcut": check_switch("shortcut", shortcut),
            "hidden_bias": check_choice("hidden_bias", hidden_bias, HIDDEN_BIASES),
            "output_bias": check_switch("output_bias", output_bias),
            "cell_input": check_choice("cell_input", cell_input, SQUASHINGS),
            "cell_output": check_choice("cell_output", cell_output, SQUASHINGS),
            "unit": check_choice("unit", unit, SQUASHINGS),
            "skip_inputs": check_switch("skip_inputs", skip_inputs),
            "skip_outputs": check_switch("skip_outputs", skip_outputs),
            "bidirectional": check_switch("bidirectional", bidirectional),
            "dtype": check_dtype(dtype),
            "scale_inputs": check_switch("scale_inputs", scale_inputs),
            "scale_targets": check_switch("scale_targets", scale_targets),
            "scale_memory": check_size("scale_memory", scale_memory),
            **check_gradient(gradient, window),
            "memory_limit": check_whole("memory_limit", memory_limit),
        }
        check_combination(config)
        check_init_range(init_range)
        self._configure(config, SGD(0.01) if optimizer is None else optimizer)
        self._initialise(float(init_range), bias_init or {}, generator(seed))

    def _configure(
        self, config: dict[str, Any], optimizer: Optimizer, large_from: int | None = None
    ) -> None:
        for name, value in LATER_SWITCHES.items():
            config.setdefault(name, value)
        self._build(config, large_from)
        self.optimizer = optimizer

    def _initialise(
        self, init_range: float, bias_init: Mapping[str, npt.ArrayLike], rng: np.random.Generator
    ) -> None:
        biases = check_biases(self._config(), bias_init)
        parameters = self.parameters
        for view in parameters.values():
            view[:] = rng.uniform(-init_range, init_range, view.shape)
        self._set_growth(init_range)
        for name, start in biases.items():
            parameters[name][:, -1] = start

    def _set_growth(self, init_range: float, seed: int | None = None) -> None:
        """New inputs are drawn from the weights there are now, whatever they were drawn from; or
        from a seed."""
        self.__init_range = init_range
        self.__growth_seed = growth_seed(self.parameters) if seed is None else seed

    def _growth(self) -> tuple[float, int]:
        """From what new inputs are drawn."""
        return self.__init_range, self.__growth_seed

    def grow(self, n_inputs: int | None = None, n_outputs: int | None = None) -> None:
        """Give the network more inputs or outputs, in place; everything else goes on.

        New inputs follow the old ones. Their weights are uniform in [-init_range, init_range),
        drawn from the starting weights, hence from `seed`, and the place of the input: growing at
        once or one by one gives the same. New outputs follow the old ones, with all weights 0.
        Traces, moments of the optimizer and statistics of the new parts start at 0.

        Parameters
        ----------
        n_inputs, n_outputs : int, optional
            The sizes wanted, at least those there are.

        Raises
        ------
        ValueError
            For a smaller size, with another gradient than the truncated one, of several layers, or
            for more outputs where there are heads; nothing has changed then.

        Notes
        -----
        As long as new inputs are 0 and new outputs make no error, all that was there goes on to the
        same bits; to rounding with `shortcut`, with a record that has to be settled because it is
        now shorter, and for a network of 32,768 weights and more. With output "softmax" a new
        output takes its share of the others. With other outputs than "identity" the last step
        cannot be learned from once there are new ones.

        Views of `parameters` from before show the old weights, and Streams of the network must be
        built anew. A network keeps its layout: one that grows large is faster when built anew.
        Costs a copy of everything.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=2, seed=0)
        >>> twin = net.copy()
        >>> net.grow(n_inputs=3)
        >>> bool(net.step([0.5, 0.0, 0.0]) == twin.step([0.5]))
        True
        """
        before = self._config()
        config = grown_config(before, n_inputs, n_outputs)
        if config == before:
            return
        use = "to grow; one of other sizes is built anew"
        check_network(self, use, has_heads=n_outputs is None)
        if before["gradient"] != "truncated":
            raise ValueError(
                f"gradient is {brief(before['gradient'])}, wanted a network with "
                "gradient='truncated' to grow"
            )
        grow(self, before, config)

    def _copy_of_inputs(self, values: Array) -> Array | int:
        """A copy of the inputs of a step that has been made."""
        if values.ndim == 0:
            return int(values)
        return np.array(values, np.float64 if self._config()["scale_inputs"] else self.dtype)

    def _draw_new_inputs(self, parameters: dict[str, Array], before: Mapping[str, Any]) -> None:
        """Weights of the inputs that `before` has not got, in views of all of them."""
        draw_new_inputs(parameters, before, self.n_inputs, *self._growth())

    def _with_gradient(self, gradient: str | None, window: int | None) -> dict[str, Any]:
        """The configuration with the gradient of a call; None: the network's own."""
        own = self._config()
        if gradient is None and window is None:
            return own
        chosen = check_gradient(own["gradient"] if gradient is None else gradient, window)
        check_combination(own | chosen)
        return own | chosen

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; may be replaced at any time.

        One of the same class keeps the moments and the count of updates, another starts afresh.
        """
        optimizer: Optimizer = self._optimizer
        return optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        check_optimizer(optimizer)
        schedule = optimizer.schedule
        asked = None if isinstance(schedule, Decay) else schedule
        kind = type(optimizer).__name__
        self._set_rule(optimizer, kind, optimizer.rule, optimizer.numbers(), asked)

    @property
    def parameters(self) -> dict[str, Array]:
        """Writable views of the weights by name, each (rows, sources); only those present.

        "input_gate", "forget_gate", "output_gate": (n_blocks, n_sources); "cell_input": (n_cells,
        n_sources), and "unit": (n_units, n_sources), without the bias column when only gates have
        one; "peephole_input", "peephole_forget", "peephole_output": (n_blocks, block_size);
        "output": (n_outputs, n_cells [+ n_units] [+ n_inputs] [+ 1]). The columns of what has
        n_sources are named by `sources`. Of several layers
        the names begin with "layer0." and so on, the lowest first; "output" reads the top layer,
        and with `skip_outputs` "layer0.output" and so on the others.

        A network of 32,768 weights and more that learns by plain `SGD` puts off writing them for
        up to sixteen steps where that is faster; as long as a view of them is held it writes them
        at every step.
        """
        return self._named_parameters()

    @property
    def n_parameters(self) -> int:
        """Number of trainable weights, counted as the papers do."""
        return self._count_parameters()

    @property
    def state(self) -> dict[str, Array]:
        """Copies of the state after the last step.

        "cell_state" and "cell_output": (n_cells,); "input_gate", "forget_gate", "output_gate":
        activations, (n_blocks,), of the gates that exist; "unit": (n_units,). Only those present;
        of several layers with the names of `parameters`.
        """
        return self._state()

    @property
    def input_scale(self) -> RunningScale | None:
        """Means and standard deviations of the inputs so far, a copy; None with no scale.

        Examples
        --------
        >>> import pylstm
        >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=4, scale_inputs=True)
        >>> _ = net.run([[2.0], [4.0]])
        >>> net.input_scale.mean, net.input_scale.deviation
        (array([3.]), array([1.]))

        Of an estimator, in any adapter, it is that of its `net`.
        """
        return self._scale("input_scale")

    @property
    def target_scale(self) -> RunningScale | None:
        """What is known of the targets, as `input_scale`."""
        return self._scale("target_scale")

    def _scale(self, name: str) -> RunningScale | None:
        statistics = self._scales_now().get(name)
        if statistics is None:
            return None
        scale = RunningScale(statistics["mean"].size, self._config()["scale_memory"])
        scale.restore(statistics)
        return scale

    def copy(self) -> Self:
        """Return an independent copy that goes on exactly as this network would."""
        made: Any = type(self).__new__(type(self))
        made._become_copy_of(self)
        vars(made).update(vars(self))
        copied: Self = made
        return copied

    def _weights(self) -> dict[str, Array]:
        return self.parameters

    def _heads(self) -> list[dict[str, Any]] | None:
        return self._config().get("heads")

    def __getstate__(self) -> dict[str, Any]:
        return self._identity_and_progress()

    def _identity(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "config": dict(self._config()),
            "optimizer": self.optimizer.saved(),
            "init_range": self.__init_range,
            "growth_seed": self.__growth_seed,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_state("LSTM", state)
        self._take_state(state)

    def _take_state(self, state: Mapping[str, Any]) -> None:
        """Be the network of a state that has been checked, also of one without weights: that of a
        network which runs ahead of another."""
        optimizer = Optimizer.from_saved(state["optimizer"])
        self._configure(dict(state["config"]), optimizer, state["large_from"])
        self._need_moments(sum(name in state for name in MOMENTS))
        if "eligibility" in state:
            self._need_eligibility()
        self._restore(state)
        self.__init_range = state["init_range"]
        self.__growth_seed = state["growth_seed"]

    def __repr__(self) -> str:
        return f"<LSTM {self._shape()}, {self.n_parameters} parameters>"


class Unbuilt(LSTM):
    """The checks of the constructor of `LSTM` alone: nothing is allocated, and nothing works."""

    def _configure(
        self, config: dict[str, Any], optimizer: Optimizer, large_from: int | None = None
    ) -> None:
        check_optimizer(optimizer)
        for layer in layer_configs(config):
            network_sizes(layer, choose_large_from())
        self.__config = config

    def _initialise(
        self, init_range: float, bias_init: Mapping[str, npt.ArrayLike], rng: np.random.Generator
    ) -> None:
        check_biases(self.__config, bias_init)


def growth_seed(parameters: Mapping[str, Array]) -> int:
    """From what new inputs of a network with these weights are drawn."""
    names = ("cell_input", "layer0.cell_input", "unit", "layer0.unit")
    return zlib.crc32(next(parameters[name] for name in names if name in parameters).tobytes())


def grown_config(
    before: Mapping[str, Any], n_inputs: int | None, n_outputs: int | None
) -> dict[str, Any]:
    """A configuration with the sizes wanted, or ValueError."""
    config = dict(before)
    for name, size in (("n_inputs", n_inputs), ("n_outputs", n_outputs)):
        if size is not None:
            config[name] = check_size(name, size)
            if config[name] < before[name]:
                raise ValueError(
                    f"{name} is {brief(size)}, wanted at least the {before[name]} there are"
                )
    return config


def draw_new_inputs(
    parameters: Mapping[str, Array],
    before: Mapping[str, Any],
    n_inputs: int,
    limit: float,
    seed: int,
) -> None:
    """Weights of the inputs that `before` has not got, in views of all of them."""
    rows = [parameters[name] for name in (*GATES, "cell_input", "unit") if name in parameters]
    n_hidden = before["n_blocks"] * before["block_size"] + before["n_units"]
    for k in range(before["n_inputs"], n_inputs):
        rng = np.random.default_rng([seed, k])
        for view in rows:
            view[:, k] = rng.uniform(-limit, limit, len(view))
        if before["shortcut"]:
            readout = parameters["output"][: before["n_outputs"], n_hidden + k]
            readout[:] = rng.uniform(-limit, limit, before["n_outputs"])


def check_network(
    net: Any, use: str = "here", *, has_heads: bool = False, has_layers: bool = False
) -> LSTM:
    """Return a network of one direction, and of one layer, or raise TypeError or ValueError.

    Parameters
    ----------
    net : LSTM
    use : str
        What for and, of more layers, what is possible instead: the end of the sentence.
    has_heads : bool, default False
        Whether it may have a list of heads.
    has_layers : bool, default False
        Whether it may have several layers.
    """
    if not isinstance(net, LSTM):
        raise TypeError(f"net is {brief(net)}, wanted a pylstm.LSTM")
    if net._config()["bidirectional"]:
        raise ValueError(f"net has bidirectional=True, wanted a pylstm.LSTM of one direction {use}")
    if net.n_layers > 1 and not has_layers:
        raise ValueError(f"net has {net.n_layers} layers, wanted a pylstm.LSTM of one {use}")
    if net._config().get("heads") and not has_heads:
        raise ValueError(
            f"net has {len(net.heads)} heads, wanted a pylstm.LSTM whose n_outputs is a number "
            f"{use}"
        )
    return net


def check_blocks_alone(net: Any, use: str = "here") -> LSTM:
    """Return a network of one layer without ordinary units, or raise TypeError or ValueError."""
    if check_network(net, use).n_units:
        raise ValueError(
            f"net has {net.n_units} ordinary units, wanted a pylstm.LSTM of memory blocks alone "
            f"{use}"
        )
    checked: LSTM = net
    return checked
