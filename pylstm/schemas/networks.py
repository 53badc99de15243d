"""States of `LSTM`, `Streams`, `Population` and `Delayed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from pylstm._core import (
    MOMENTS,
    N_MOMENTS,
    ROWS,
    layer_configs,
    network_sizes,
    population_sizes,
    streams_sizes,
)
from pylstm.checks import check_init_range
from pylstm.configuration import check_combination, check_gradient, check_hidden
from pylstm.network import INIT_RANGE, LSTM
from pylstm.optimizers import SGD, Optimizer
from pylstm.schemas.state import (
    FLOAT64,
    INT32,
    INT64,
    UINT32,
    Array,
    Count,
    Flag,
    Loss,
    Output,
    Real,
    Size,
    SizeOr0,
    Squashing,
    State,
    converted,
    has_shape,
    is_there,
    must,
)

__all__ = [
    "AheadState",
    "Config",
    "DelayedState",
    "FrozenState",
    "NetsAheadState",
    "NetworkState",
    "PopulationState",
    "ScaleState",
    "StreamsState",
]


class HeadState(State, kw_only=True):
    """A `Head`."""

    n_outputs: Size
    output: Output
    loss: Loss
    weight: Annotated[float, Meta(ge=0, lt=1e30)]


class Config(State, kw_only=True):
    """What the arguments of `LSTM` come to."""

    n_inputs: Size
    n_outputs: Size
    heads: Annotated[list[HeadState], Meta(min_length=1)] | UnsetType = UNSET
    n_blocks: SizeOr0 | Annotated[list[SizeOr0], Meta(min_length=2)]
    block_size: Size
    n_units: SizeOr0 | Annotated[list[SizeOr0], Meta(min_length=2)] = 0  # later, as leak
    input_gate: bool
    forget_gate: bool
    output_gate: bool
    leak: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # not in files from before there was one
    peepholes: bool
    gate_recurrence: bool
    cell_recurrence: bool
    shortcut: bool
    hidden_bias: Literal["all", "gates", "none"]
    output_bias: bool
    cell_input: Squashing
    cell_output: Squashing
    unit: Squashing = "logistic"  # likewise
    output: Output | None  # this and the next: None with heads
    loss: Loss | None
    skip_inputs: bool = False  # this and the next likewise
    skip_outputs: bool = False
    bidirectional: bool = False
    dtype: Real
    scale_inputs: bool
    scale_targets: bool
    scale_memory: Size
    gradient: Literal["truncated", "bptt", "rtrl"]
    window: Annotated[int, Meta(ge=1)] | None
    memory_limit: Annotated[int, Meta(ge=1)]

    def __post_init__(self) -> None:
        check_hidden(self.n_blocks, self.n_units)

    def checked(self) -> dict[str, Any]:
        """As the arguments themselves, which go together."""
        config = asdict(self)
        del config["heads"]
        if self.heads is not UNSET:
            config["heads"] = [asdict(head) for head in self.heads]
            total = sum(head.n_outputs for head in self.heads)
            must(total == self.n_outputs, "n_outputs of all heads together")
        for name in ("output", "loss"):
            is_there(name, getattr(self, name) or UNSET, self.heads is UNSET)
        check_combination(config)
        if self.window is not None:
            check_gradient(self.gradient, self.window)
        return config

    def least_weights(self) -> int:
        """So many there are at least; computed without overflow, unlike the sizes in C."""
        one = isinstance(self.n_blocks, int)
        blocks = [self.n_blocks] if isinstance(self.n_blocks, int) else self.n_blocks
        units = self.n_units if isinstance(self.n_units, list) else [self.n_units] * len(blocks)
        hidden = [n * self.block_size + more for n, more in zip(blocks, units, strict=True)]
        seen = self.n_outputs + hidden[-1] * self.cell_recurrence
        return hidden[-1] * (seen + (self.n_inputs if one else hidden[-2]))


class ScaleState(State):
    """Statistics of columns."""

    count: Array
    mean: Array
    variance: Array
    n_first: Array | UnsetType = UNSET  # this and the rest: not there before they were kept
    first: Array | UnsetType = UNSET
    weight: Array | UnsetType = UNSET

    def fits(self, name: str, n_columns: int) -> None:
        """Whether they are of so many columns, and of a stream."""
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("count", "mean", "variance"), (n_columns,)
        )
        if self.n_first is not UNSET:
            shapes |= {"n_first": (n_columns,), "first": (8, n_columns), "weight": (8, n_columns)}
        for part in ("first", "weight"):
            known = getattr(self, part) is not UNSET
            must(known == (self.n_first is not UNSET), f"{name} with all of its first values")
        for part, shape in shapes.items():
            values = getattr(self, part)
            has_shape(f"{name}.{part}", values, FLOAT64, shape)
            must(np.isfinite(values).all(), f"{name}.{part} finite")
            must(part in ("mean", "first") or (values >= 0).all(), f"{name}.{part} at least 0")
        if self.n_first is not UNSET:
            must(((self.n_first % 1 == 0) & (self.n_first <= 8)).all(), f"{name}.n_first up to 8")


class _Layer(State, kw_only=True):
    """What a layer has come to."""

    n_pending: Count
    n_waiting: Count
    n_absorbed: Count
    large_from: int
    n_collect: Count
    closed: Flag
    learnable: Flag
    has_errors: Flag
    collected: Flag
    traces_zero: Flag
    n_steps: Count
    all_live: Flag
    live: Array
    tokens: Array
    record: Array
    traces: Array | UnsetType = UNSET
    sensitivities: Array | UnsetType = UNSET
    input_scale: ScaleState | UnsetType = UNSET
    target_scale: ScaleState | UnsetType = UNSET
    n_updates: Count
    output_error: float

    def fits_layer(self, config: Mapping[str, Any], n_parameters: int) -> None:
        """Whether it is of a layer of so many parameters; config: one of `layer_configs`."""
        dtype = np.dtype(config["dtype"])
        must(-(2**63) <= self.large_from < 2**63, "large_from in 64 bits")
        sizes = network_sizes(dict(config), self.large_from)
        if sizes["parameters"] != n_parameters:
            raise ValueError(f"there are {n_parameters} parameters, wanted {sizes['parameters']}")
        n_bytes = sizes["sensitivities"] * dtype.itemsize
        must(n_bytes <= config["memory_limit"], "sensitivities within memory_limit")
        truncated = config["gradient"] == "truncated" and not config["bidirectional"]
        is_there("traces", self.traces, not self.traces_zero)
        if self.traces is not UNSET:
            must(truncated, "traces with the truncated gradient only")
            has_shape("traces", self.traces, dtype, (sizes["traces"],))
        if self.sensitivities is not UNSET:
            has_shape("sensitivities", self.sensitivities, dtype, (sizes["sensitivities"],))
        must(not self.closed or (truncated and self.n_pending), "steps where closed is 1")
        must(self.n_pending or not self.learnable, "a step to learn from")
        must(self.n_pending <= sizes["most_pending"], "no more steps than a record holds")
        must(self.n_waiting <= self.n_pending, "n_waiting of at most n_pending")
        most = min(self.n_pending, sizes["lazy_steps"])
        must(self.n_absorbed <= most, "no more steps absorbed than there are, none unless lazy")
        self._check_record(config, sizes)
        self._check_inputs(config)

    def _check_record(self, config: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        dtype = np.dtype(config["dtype"])
        n_rows, width = self.n_pending + 1, sizes["record_row"]
        has_shape("record", self.record, dtype, (n_rows * width,))
        errors = np.count_nonzero(self.record[width + sizes["has_error"] :: width])
        must(self.has_errors == (errors > 0), "has_errors where a step has an error")
        if self.has_errors and config["window"]:
            first = max(1, n_rows - config["window"])
            within = self.record[first * width + sizes["has_error"] :: width]
            must(np.count_nonzero(within), "an error within the window")

    def _check_inputs(self, config: Mapping[str, Any]) -> None:
        """See csrc/network/tokens.inc."""
        n_inputs, live, tokens = config["n_inputs"], self.live, self.tokens
        has_shape("live", live, INT32, (live.size,))
        has_shape("tokens", tokens, INT32, (self.n_pending + 1,))
        must(tokens.min() >= -1 and tokens.max() < n_inputs, "tokens below n_inputs, or -1")
        if self.all_live and not live.size:
            return
        must(self.all_live or config["gradient"] != "rtrl", "all inputs live with 'rtrl'")
        if live.size:
            must(live.min() >= 0 and live.max() < n_inputs, "live inputs below n_inputs")
        listed = np.zeros(n_inputs, bool)
        listed[live] = True
        must(np.count_nonzero(listed) == live.size, "every live input once")
        seen = tokens[1:]
        if not self.all_live:
            must((seen >= 0).all() and listed[seen].all(), "recorded tokens that are live")


class _Network(_Layer, kw_only=True):
    """A network but for what `Delayed` shares between its two."""

    WHAT = "network"
    FORMAT = 5
    format: Literal[5]
    config: Config
    optimizer: Any
    init_range: float
    growth_seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]

    def fits(self, n_parameters: int) -> None:
        """Whether it is of a network of so many parameters, those of the top layer."""
        config = self.config
        self.optimizer = Optimizer.from_saved(self.optimizer)
        check_init_range(self.init_range)
        must(config.least_weights() <= n_parameters, "parameters of all the weights")
        self.fits_layer(layer_configs(config.checked())[-1], n_parameters)
        is_there("input_scale", self.input_scale, config.scale_inputs)
        is_there("target_scale", self.target_scale, config.scale_targets)
        if self.input_scale is not UNSET:
            self.input_scale.fits("input_scale", config.n_inputs)
        if self.target_scale is not UNSET:
            self.target_scale.fits("target_scale", config.n_outputs)

    def runs_ahead(self, net: NetworkState) -> None:
        """Whether it can run ahead of this one, which learns."""
        must(self.config == net.config, "two states of one network")
        must(not self.collected, "nothing collected where nothing is learned")
        self.fits(net.parameters.size)

    def below_fits(self, below: Sequence[_Layer] | UnsetType, sizes: Sequence[int]) -> None:
        """Whether the layers below the top one are there, of so many parameters each."""
        configs = layer_configs(self.config.checked())[:-1]
        is_there("below", below, configs)
        layers = [] if below is UNSET else below
        if not len(layers) == len(sizes) == len(configs):
            raise ValueError(
                f"there are {len(layers) + 1} layers, wanted {len(configs) + 1} by n_blocks"
            )
        for layer, config, size in zip(layers, configs, sizes, strict=True):
            layer.fits_layer(config, size)
            self._goes_with(layer)

    def _goes_with(self, layer: _Layer) -> None:
        """Whether a layer below stands where the top one does, see csrc/network/stack.inc."""
        exact = self.config.gradient == "bptt" or self.config.bidirectional
        same = ["large_from", "learnable", "collected", "n_steps", "n_updates"]
        same += ["n_pending", "n_waiting"] if exact else ["has_errors"]
        for name in same:
            must(getattr(layer, name) == getattr(self, name), f"the same {name} in all layers")
        for name in ("input_scale", "target_scale", "sensitivities"):
            is_there(name, getattr(layer, name), False)


def _weights_fit(state: LayerState | NetworkState, dtype: str, optimizer: Optimizer) -> None:
    """Whether all that has a number a weight has, and all of it is there."""
    shape = (state.parameters.size,)
    for name in ("parameters", "gradient", "first_moment", "second_moment", "eligibility"):
        values = getattr(state, name)
        if values is not UNSET:
            has_shape(name, values, np.dtype(dtype), shape)
    is_there("gradient", state.gradient, state.collected)
    most = 1 if isinstance(optimizer, SGD) else N_MOMENTS[optimizer.rule]
    least = N_MOMENTS[optimizer.rule]
    for k, moment in enumerate((state.first_moment, state.second_moment)):
        if k >= most or k < least:
            is_there(MOMENTS[k], moment, k < least)


class LayerState(_Layer, kw_only=True):
    """A layer below the top one of a network of several."""

    WHAT = "layer"
    parameters: Array
    gradient: Array | UnsetType = UNSET
    first_moment: Array | UnsetType = UNSET
    second_moment: Array | UnsetType = UNSET
    eligibility: Array | UnsetType = UNSET


class NetworkState(_Network, kw_only=True):
    """An `LSTM`."""

    parameters: Array
    gradient: Array | UnsetType = UNSET
    first_moment: Array | UnsetType = UNSET
    second_moment: Array | UnsetType = UNSET
    eligibility: Array | UnsetType = UNSET
    below: list[LayerState] | UnsetType = UNSET  # of several layers, the lowest first

    def __post_init__(self) -> None:
        self.fits(self.parameters.size)
        _weights_fit(self, self.config.dtype, self.optimizer)
        truncated = self.config.gradient == "truncated" and not self.config.bidirectional
        must(truncated or self.eligibility is UNSET, "eligibility with 'truncated' only")
        layers = [] if self.below is UNSET else self.below
        self.below_fits(self.below, [layer.parameters.size for layer in layers])
        for layer in layers:
            _weights_fit(layer, self.config.dtype, self.optimizer)
            for name in ("eligibility", *MOMENTS):
                is_there(name, getattr(layer, name), getattr(self, name) is not UNSET)


class AheadLayerState(_Layer, kw_only=True):
    """A layer below the top one of a network that runs ahead."""

    WHAT = "layer"


class AheadState(_Network, kw_only=True):
    """The network of a `Delayed` that runs ahead: weights and what is learned are the other's."""

    below: list[AheadLayerState] | UnsetType = UNSET

    def runs_ahead(self, net: NetworkState) -> None:
        """Whether it can run ahead of this one."""
        _Network.runs_ahead(self, net)
        layers = [] if net.below is UNSET else net.below
        self.below_fits(self.below, [layer.parameters.size for layer in layers])


class FrozenState(_Network, kw_only=True):
    """A network that runs ahead with the weights of the moment it began; it never learns."""

    parameters: Array

    def fits(self, n_parameters: int) -> None:
        """Whether it is of a network of so many parameters, and has them."""
        _Network.fits(self, n_parameters)
        dtype = np.dtype(self.config.dtype)
        has_shape("parameters", self.parameters, dtype, (n_parameters,))


class _StreamsLayer(State, kw_only=True):
    """What a layer of several streams has come to."""

    n_pending: Count
    n_waiting: Count
    n_collect: Count
    closed: Flag
    has_errors: Flag
    collected: Flag
    last_error: Count
    n_steps: Count
    record: Array
    n_pending_of: list[Count]
    learnable: list[Flag]
    has_errors_of: list[Flag]
    traces_zero: list[Flag]
    output_errors: list[float]
    traces: Array
    gradient: Array | UnsetType = UNSET

    def fits_layer(self, config: Mapping[str, Any], n_streams: int, sizes: dict[str, int]) -> None:
        """Whether it is of a layer of these sizes, of so many streams."""
        truncated, dtype = config["gradient"] == "truncated", np.dtype(config["dtype"])
        for name in ("n_pending_of", "learnable", "has_errors_of", "traces_zero", "output_errors"):
            must(len(getattr(self, name)) == n_streams, f"{name}: one number a stream")
        n_rows, width = self.n_pending + 1, sizes["record_row"]
        must(self.n_pending <= sizes["most_pending"], "no more steps than a record holds")
        has_shape("record", self.record, dtype, (n_rows * n_streams * width,))
        must(self.n_waiting <= self.n_pending, "n_waiting of at most n_pending")
        must(max(self.n_pending_of) <= self.n_pending, "n_pending_of of at most n_pending")
        must(self.last_error <= self.n_pending, "last_error of at most n_pending")
        must(not self.closed or (truncated and self.n_pending), "steps where closed is 1")
        kept = self.traces_zero.count(0)
        must(truncated or not kept, "traces with the truncated gradient only")
        has_shape("traces", self.traces, dtype, (kept, sizes["traces"]))
        is_there("gradient", self.gradient, self.collected)
        if self.gradient is not UNSET:
            has_shape("gradient", self.gradient, dtype, (sizes["parameters"],))
        errors = self.record.reshape(n_rows, n_streams, width)[:, :, sizes["has_error"]] != 0
        for b, made in enumerate(self.n_pending_of):
            must(made or not self.learnable[b], "a step to learn from")
            if self.has_errors_of[b]:
                first = n_rows - min(made, config["window"] or made)
                must(errors[first:, b].any(), "has_errors_of where a step has an error")


class StreamsLayerState(_StreamsLayer, kw_only=True):
    """A layer below the top one of `Streams` of several."""

    WHAT = "layer of Streams"


class StreamsState(_StreamsLayer, kw_only=True):
    """`Streams`."""

    WHAT = "Streams"
    FORMAT = 3
    format: Literal[3]
    net: LSTM
    n_streams: Size
    below: list[StreamsLayerState] | UnsetType = UNSET  # of several layers, the lowest first

    def __post_init__(self) -> None:
        config, n_streams = self.net._config(), self.n_streams
        must(not config["bidirectional"], "one direction in Streams")
        *sizes_below, sizes = streams_sizes(self.net, n_streams)
        self.fits_layer(config, n_streams, sizes)
        is_there("below", self.below, sizes_below)
        layers = [] if self.below is UNSET else self.below
        must(len(layers) == len(sizes_below), f"{self.net.n_layers} layers, as net has")
        for layer, own in zip(layers, sizes_below, strict=True):
            layer.fits_layer(config, n_streams, own)
            self._goes_with(layer)

    def _goes_with(self, layer: StreamsLayerState) -> None:
        """Whether a layer below stands where the top one does, see csrc/streams/verbs.inc."""
        same = ["n_pending", "n_waiting", "n_collect", "closed", "has_errors", "collected"]
        for name in (*same, "last_error", "n_steps", "n_pending_of", "learnable"):
            must(getattr(layer, name) == getattr(self, name), f"the same {name} in all layers")


class _NetsState(State, kw_only=True):
    """Where the nets of a population stand in their streams."""

    steps: Array
    groups: Array
    counts: Array
    input_scale: Array | UnsetType = UNSET

    def stand(self, config: Config, sizes: Mapping[str, int]) -> None:
        """Whether they are nets of these sizes."""
        groups, lanes = sizes["groups"], sizes["lanes"]
        has_shape("steps", self.steps, np.dtype(config.dtype), (groups, sizes["steps"], lanes))
        has_shape("groups", self.groups, UINT32, (groups, sizes["flags"]))
        has_shape("counts", self.counts, INT64, (2, groups, lanes))
        must((self.groups >> np.uint32(lanes) == 0).all(), f"flags of {lanes} nets a group")
        must(self.counts.min() >= 0 and self.counts.max() <= 2**62, "counts of at least 0")
        is_there("input_scale", self.input_scale, config.scale_inputs)
        if self.input_scale is not UNSET:
            _fits_scale("input_scale", self.input_scale, config.n_inputs, sizes)


def _fits_scale(name: str, lines: Array, n_columns: int, sizes: Mapping[str, int]) -> None:
    """Whether these are statistics of so many columns of every net."""
    groups, n = sizes["groups"], n_columns * sizes["lanes"]
    has_shape(name, lines, FLOAT64, (groups, sizes["statistics"] * n_columns, sizes["lanes"]))
    for group in lines.reshape(groups, sizes["statistics"], n):
        ScaleState(**{part: group[at] for part, at in ROWS.items()}).fits(name, n)


class NetsAheadState(_NetsState):
    """The population of a `Delayed` that runs ahead: weights and what is learned, the other's."""


class PopulationState(_NetsState, kw_only=True):
    """`Population`."""

    WHAT = "population"
    FORMAT = 2
    format: Literal[2]
    config: Config
    n_nets: Size
    optimizers: list[Any]
    parameters: Array
    gradient: Array
    traces: Array
    n_updates: Array
    output_error: Array
    init_ranges: Array
    growth_seeds: Array
    first_moment: Array | UnsetType = UNSET
    second_moment: Array | UnsetType = UNSET
    eligibility: Array | UnsetType = UNSET
    target_scale: Array | UnsetType = UNSET

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In format 1 all optimizers were SGD without a count of updates, and nothing grew."""
        counts: Any = state.get("counts")
        optimizers = state.get("optimizers")
        if state.get("format") != 1 or not isinstance(optimizers, list) or np.ndim(counts) != 3:
            return state
        today = {name: value for name, value in state.items() if name != "velocity"}
        if "velocity" in state:
            today["first_moment"] = state["velocity"]
        return {
            **today,
            "format": cls.FORMAT,
            "optimizers": [
                {"name": "SGD", **one} if isinstance(one, Mapping) else one for one in optimizers
            ],
            "n_updates": np.zeros_like(counts[:1], INT64).swapaxes(0, 1),
            "output_error": np.zeros_like(counts[:1], FLOAT64).swapaxes(0, 1),
            "init_ranges": np.full(len(optimizers), INIT_RANGE),
            "growth_seeds": np.arange(len(optimizers), dtype=np.uint32),
        }

    def __post_init__(self) -> None:
        self.optimizers = [Optimizer.from_saved(one) for one in self.optimizers]
        config, dtype, n_nets = self.config, np.dtype(self.config.dtype), self.n_nets
        must(len(self.optimizers) == n_nets, "an optimizer for each net")
        must(len(set(map(type, self.optimizers))) == 1, "optimizers of one class")
        must(config.gradient == "truncated", "gradient 'truncated' in a population")
        must(isinstance(config.n_blocks, int), "one layer in a population")
        must(config.n_units == 0, "no ordinary units in a population")
        must(config.heads is UNSET, "no heads in a population")
        must(config.least_weights() <= self.parameters.size, "parameters of all the weights")
        sizes = population_sizes(config.checked(), n_nets)
        groups, lanes = sizes["groups"], sizes["lanes"]
        has_shape("parameters", self.parameters, dtype, (groups, sizes["parameters"], lanes))
        has_shape("gradient", self.gradient, dtype, (groups, sizes["parameters"], lanes))
        has_shape("traces", self.traces, dtype, (groups, sizes["traces"], lanes))
        self.stand(config, sizes)
        has_shape("n_updates", self.n_updates, INT64, (groups, 1, lanes))
        has_shape("output_error", self.output_error, FLOAT64, (groups, 1, lanes))
        must(self.n_updates.min() >= 0 and self.n_updates.max() <= 2**62, "counts of at least 0")
        must((self.output_error >= 0).all(), "errors at the outputs of at least 0")
        has_shape("init_ranges", self.init_ranges, FLOAT64, (n_nets,))
        has_shape("growth_seeds", self.growth_seeds, UINT32, (n_nets,))
        for init_range in self.init_ranges:
            check_init_range(init_range)
        if self.eligibility is not UNSET:
            has_shape("eligibility", self.eligibility, dtype, self.parameters.shape)
        is_there("target_scale", self.target_scale, config.scale_targets)
        if self.target_scale is not UNSET:
            _fits_scale("target_scale", self.target_scale, config.n_outputs, sizes)
        self._check_moments()

    def _check_moments(self) -> None:
        least = max(N_MOMENTS[one.rule] for one in self.optimizers)
        most = 1 if isinstance(self.optimizers[0], SGD) else least
        for k, moment in enumerate((self.first_moment, self.second_moment)):
            if k >= most or k < least:
                is_there(MOMENTS[k], moment, k < least)
            if moment is not UNSET:
                has_shape(MOMENTS[k], moment, self.parameters.dtype, self.parameters.shape)


class DelayedState(State):
    """`Delayed`."""

    WHAT = "Delayed"
    FORMAT = 1
    format: Literal[1]
    delay: SizeOr0
    net: Any  # becomes a NetworkState, or a PopulationState
    ahead: dict[str, Any] | None
    waiting: dict[str, Array]

    def __post_init__(self) -> None:
        of_nets = isinstance(self.net, Mapping) and "n_nets" in self.net
        self.net = converted(PopulationState if of_nets else NetworkState, self.net)
        config = self.net.config
        must(config.gradient == "truncated", "gradient 'truncated' in a Delayed")
        must(not config.bidirectional, "one direction in a Delayed")
        must((self.ahead is None) == (self.delay == 0), "a state ahead where there is a delay")
        if self.ahead is not None and of_nets:
            nets = converted(NetsAheadState, self.ahead)
            nets.stand(config, population_sizes(config.checked(), self.net.n_nets))
            must((nets.groups[:, :4] == 0).all(), "nothing to learn from where nothing is learned")
        elif self.ahead is not None:
            converted(AheadState, self.ahead).runs_ahead(self.net)
        must(len(self.waiting) <= self.delay, "at most `delay` steps that wait")
        must(set(self.waiting) == set(map(str, range(len(self.waiting)))), "steps in order")
        shape = (self.net.n_nets, config.n_inputs) if of_nets else (config.n_inputs,)
        for x in self.waiting.values():
            if x.ndim == 0:
                is_token = x.dtype.kind in "iu" and not config.scale_inputs and not of_nets
                must(is_token, "tokens, or inputs")
                must(0 <= x < config.n_inputs, f"tokens from 0 to {config.n_inputs - 1}")
                continue
            dtype = np.dtype("float64" if config.scale_inputs else config.dtype)
            has_shape("waiting", x, dtype, shape)
            bad = np.isinf(x) if config.scale_inputs else ~np.isfinite(x)
            must(not bad.any(), "finite inputs that wait")
