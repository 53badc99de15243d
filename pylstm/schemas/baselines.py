"""States of the baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from pylstm._core import recurrent_sizes
from pylstm.copies import check_fields
from pylstm.optimizers import SGD, Optimizer, check_plain_sgd
from pylstm.schemas.state import (
    FLOAT64,
    INT32,
    Array,
    Count,
    Flag,
    Loss,
    Output,
    Size,
    SizeOr0,
    Squashing,
    State,
    has_shape,
    must,
)

__all__ = [
    "AnnealingState",
    "CascadeState",
    "ChunkerState",
    "GuessingState",
    "RecurrentState",
    "TimeDelayState",
]


class RecurrentConfig(State):
    """What the arguments of `FullyRecurrent` come to."""

    n_inputs: Size
    n_outputs: Size
    readout: Literal["units", "layer"]
    n_hidden: SizeOr0
    gradient: Literal["rtrl", "bptt"]
    window: Annotated[int, Meta(ge=1)] | None
    shortcut: bool
    hidden_bias: bool
    output_bias: bool
    squashing: Squashing
    output: Output
    loss: Loss
    time_constants: list[float]

    def __post_init__(self) -> None:
        from pylstm.baselines.recurrent import check_combination, check_time_constants

        must(self.n_hidden or self.readout == "units", "hidden units")
        check_time_constants(self.time_constants, self.n_hidden)
        check_combination(asdict(self))

    def least_weights(self) -> int:
        """So many there are at least; computed without overflow, unlike the sizes in C."""
        n_units = self.n_hidden + (self.n_outputs if self.readout == "units" else 0)
        readout = self.n_outputs * n_units if self.readout == "layer" else 0
        return n_units * (self.n_inputs + n_units) + readout


class RecurrentState(State, kw_only=True):
    """`baselines.FullyRecurrent`, `Elman`, `TimeConstants`."""

    WHAT = "network"
    FORMAT = 1
    format: Literal[1]
    config: RecurrentConfig
    optimizer: Any
    parameters: Array
    gradient: Array
    velocity: Array
    y: Array
    net_out: Array
    delta: Array
    record: Array
    tokens: Array
    sensitivity: Array | UnsetType = UNSET
    counts: list[Count]
    flags: list[Flag]

    def __post_init__(self) -> None:
        from pylstm.baselines.recurrent import check_memory

        config = self.config
        self.optimizer = _plain_sgd(self.optimizer)
        check_memory(asdict(config), 2**62)
        must(config.least_weights() <= self.parameters.size, "parameters of all the weights")
        sizes = recurrent_sizes(asdict(config))
        for name in ("parameters", "gradient", "velocity"):
            has_shape(name, getattr(self, name), FLOAT64, (sizes["parameters"],))
        for name, size in (("y", 2), ("net_out", 2), ("delta", 1)):
            has_shape(name, getattr(self, name), FLOAT64, (size * config.n_outputs,))
        used = len(self.tokens) if self.tokens.ndim == 1 else 0
        must(0 < used <= sizes["most_recorded"] + 1, "no more steps than a record holds")
        has_shape("tokens", self.tokens, INT32, (used,))
        in_range = self.tokens.min() >= -1 and self.tokens.max() < config.n_inputs
        must(in_range, f"tokens from -1 to {config.n_inputs - 1}")
        has_shape("record", self.record, FLOAT64, (used * sizes["record_row"],))
        if self.sensitivity is not UNSET:
            must(config.gradient == "rtrl", "a sensitivity with gradient 'rtrl' only")
            has_shape("sensitivity", self.sensitivity, FLOAT64, (sizes["sensitivity"],))
        must(len(self.counts) == 3 and len(self.flags) == 4, "three counts and four flags")
        must(used > 1 or not any(self.flags[:3]), "a step to learn from")


class _SearchState(RecurrentState, kw_only=True):
    settings: dict[str, float]
    rng: np.random.Generator
    SETTINGS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        RecurrentState.__post_init__(self)
        config = self.config
        must((config.gradient, config.window) == ("bptt", 1), "a network that is not trained")
        check_fields("settings", self.settings, self.SETTINGS)
        must(all(0 < value < math.inf for value in self.settings.values()), "settings above 0")
        must(self.settings.get("cooling", 1.0) <= 1, "cooling of at most 1")


class GuessingState(_SearchState, kw_only=True):
    """`baselines.RandomGuessing`."""

    pool: Array
    n_guesses: Count
    wrong: bool
    learnable: bool
    last: Array
    n_collect_guessing: Count
    SETTINGS = ("scale", "tolerance")

    def __post_init__(self) -> None:
        _SearchState.__post_init__(self)
        config = self.config
        units = config.n_hidden + (config.n_outputs if config.readout == "units" else 0)
        seen = units + config.n_inputs * config.shortcut + config.output_bias
        n_parameters = units * (config.n_inputs + units + config.hidden_bias)
        n_parameters += seen * config.n_outputs if config.readout == "layer" else 0
        must(len(self.pool) <= 256 if self.pool.ndim else False, "at most 256 guesses")
        has_shape("pool", self.pool, FLOAT64, (len(self.pool), n_parameters))
        has_shape("last", self.last, FLOAT64, (config.n_outputs,))


class AnnealingState(_SearchState, kw_only=True):
    """`baselines.SimulatedAnnealing`."""

    n_proposals: Count
    n_accepted: Count
    SETTINGS = ("temperature", "cooling", "step_size")

    def __post_init__(self) -> None:
        _SearchState.__post_init__(self)
        must(self.n_accepted <= self.n_proposals, "n_accepted of at most n_proposals")


def _plain_sgd(saved: object) -> SGD:
    """The optimizer of a baseline."""
    return check_plain_sgd(Optimizer.from_saved(saved))  # type: ignore[arg-type]


class LearnerState(State):
    """What every `baselines.Learner` has."""

    WHAT = "network"
    FORMAT = 1
    format: Literal[1]
    _n_inputs: Size
    _n_outputs: Size
    _n_steps: Count
    _n_collect: Count
    _learnable: bool
    _collected: bool
    _parameters: dict[str, Array]
    _gradient: dict[str, Array]
    _velocity: dict[str, Array]
    _y: Array
    _optimizer: Any

    def fits(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Whether the weights have these shapes, in this order."""
        _plain_sgd(self._optimizer)
        has_shape("_y", self._y, FLOAT64, (self._n_outputs,))
        for name in ("_parameters", "_gradient", "_velocity"):
            parts = getattr(self, name)
            must(list(parts) == list(shapes), f"{name}: {', '.join(shapes)}")
            for part, shape in shapes.items():
                has_shape(f"{name}.{part}", parts[part], FLOAT64, shape)


class TimeDelayState(LearnerState):
    """`baselines.TimeDelay`."""

    _sizes: list[Size]
    _delays: list[SizeOr0]
    _squashings: list[Literal["logistic", "tanh", "identity"]]
    _recent: list[Array]
    _n_since_reset: Count

    def __post_init__(self) -> None:
        sizes, delays = self._sizes, self._delays
        n_layers = len(sizes) - 1
        must(n_layers == len(delays) == len(self._squashings) >= 1, "as many delays as layers")
        ends = (sizes[0], sizes[-1])
        must(ends == (self._n_inputs, self._n_outputs), "layers from inputs to outputs")
        names = [*(f"hidden_{k}" for k in range(n_layers - 1)), "output"]
        layers = zip(pairwise(sizes), delays, strict=True)
        shapes = [(above, below * (delay + 1) + 1) for (below, above), delay in layers]
        self.fits(dict(zip(names, shapes, strict=True)))
        must(len(self._recent) == len(sizes), "what every layer has seen")
        for layer, (recent, size) in enumerate(zip(self._recent, sizes, strict=True)):
            has_shape("_recent", recent, FLOAT64, (sum(delays[layer:]) + 1, size))


class CascadeState(LearnerState):
    """`baselines.CascadeCorrelation`."""

    _n_candidates: Size
    _max_units: SizeOr0
    _patience: Size
    _max_epochs: Size
    _min_gain: float
    _max_growth: float
    _candidate_rate: float
    _init_range: float
    _rng: np.random.Generator
    _n_epochs: Count
    _last_slope: Array
    _last_step: Array
    _phase: Literal["outputs", "candidates"]
    _candidates: Array
    _best: float
    _n_epochs_of_phase: Count
    _n_since_best: Count
    _activations: Array

    def __post_init__(self) -> None:
        for name in ("_min_gain", "_max_growth", "_candidate_rate", "_init_range"):
            must(0 < getattr(self, name) < math.inf, f"{name} above 0")
        n_units, n_seen = len(self._parameters) - 1, self._n_inputs + 1
        shapes = {"output": (self._n_outputs, n_seen + n_units)}
        shapes |= {f"unit_{k}": (1, n_seen + k + 1) for k in range(n_units)}
        self.fits(shapes)
        has_shape("_activations", self._activations, FLOAT64, (n_units,))
        learning, candidates = shapes["output"], (0, 0)
        if self._phase == "candidates":
            learning = candidates = (self._n_candidates, n_seen + n_units + 1)
        has_shape("_candidates", self._candidates, FLOAT64, candidates)
        has_shape("_last_slope", self._last_slope, FLOAT64, learning)
        has_shape("_last_step", self._last_step, FLOAT64, learning)


class ChunkerState(LearnerState):
    """`baselines.Chunker`."""

    _nets: dict[str, Any]
    _n_hidden: Size
    _n_direct: SizeOr0
    _surprise: float
    _n_sequences: Count
    _n_surprises: Count
    _has_learned: bool
    _at_first: dict[str, Array]
    _expected: Array

    def __post_init__(self) -> None:
        from pylstm.baselines.recurrent import FullyRecurrent

        self.fits({})
        must(0 < self._surprise < math.inf, "_surprise above 0")
        must(self._n_inputs == self._n_outputs, "as many outputs as inputs")
        must(list(self._nets) == ["lower", "higher"], "a lower and a higher network")
        must(list(self._at_first) == ["lower", "higher"], "first weights of both")
        has_shape("_expected", self._expected, FLOAT64, (self._n_inputs,))
        wanted = {"n_inputs": self._n_inputs, "n_hidden": self._n_hidden, "readout": "layer"}
        wanted |= {"hidden_bias": False, "gradient": "rtrl", "window": None, "loss": "squared"}
        for level, net in self._nets.items():
            lower = level == "lower"
            must(type(net) is FullyRecurrent, "two networks")
            n_predicted = self._n_outputs + self._n_hidden * lower
            levels = wanted | {"n_outputs": n_predicted, "shortcut": lower}
            must(levels.items() <= net._config.items(), f"a {level} network that fits")
            shape = (n_predicted, self._n_hidden)
            has_shape(f"_at_first.{level}", self._at_first[level], FLOAT64, shape)
