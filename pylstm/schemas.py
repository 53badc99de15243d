"""What saved states must be: types, ranges and relations, declared once for every class.

A state is what `__getstate__` returns, from a file, a pickle or a copy. Each class here names the
keys of one, all that there are, with their types and ranges; `__post_init__` has the relations
between them: sizes against each other, and every array against the sizes of the buffer it goes to,
which `pylstm._core` computes without allocating. So nothing is built of a state that does not fit,
and nothing larger than the arrays that came with it.

Only what is read is here, not how: `__setstate__` calls `check` first. Imported when something is
restored, and not before: msgspec, which does the checking, takes a while to import.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert
from msgspec.structs import asdict

from pylstm import _core
from pylstm.checks import LARGEST_SIZE, check_init_range, check_size
from pylstm.errors import brief, brief_text
from pylstm.network import LSTM, _check_combination, _dtype, _method
from pylstm.optimizers import SGD, Optimizer

__all__ = ["SCHEMAS", "GeneratorState", "State", "check", "check_fields", "converted"]

Array = np.ndarray[Any, Any]
S = TypeVar("S", bound="State")

Size = Annotated[int, Meta(ge=1, le=LARGEST_SIZE)]
SizeOr0 = Annotated[int, Meta(ge=0, le=LARGEST_SIZE)]
#: Of steps, updates, rows: counted up in 64 bits, with room left.
Count = Annotated[int, Meta(ge=0, le=2**62)]
Flag = Annotated[int, Meta(ge=0, le=1)]
Squashing = Literal["tanh", "logistic", "identity", "tanh_half", "two_tanh_half"]
Output = Literal["identity", "logistic", "softmax"]
Loss = Literal["squared", "cross_entropy"]
Real = Literal["float32", "float64"]


class State(Struct, forbid_unknown_fields=True):
    """The keys of a state; `WHAT` it is called in a sentence."""

    WHAT: ClassVar[str] = "object"
    FORMAT: ClassVar[int | None] = None


def check(kind: str, state: object) -> Any:
    """Return a state as an object of its schema, or raise ValueError or TypeError why not.

    Parameters
    ----------
    kind : str
        The class, by the name it is registered under.
    state : dict

    Examples
    --------
    >>> import pylstm
    >>> state = pylstm.LSTM(1, 1, 1).__getstate__()
    >>> check("LSTM", {**state, "n_steps": "many"})
    Traceback (most recent call last):
    ValueError: the saved network does not fit: Expected `int`, got `str` - at `$.n_steps`
    """
    return converted(SCHEMAS[kind], state)


def converted(schema: type[S], state: object) -> S:
    """`check` by the schema itself."""
    if not isinstance(state, Mapping):
        raise TypeError(f"the saved {schema.WHAT} is {brief(state)}, wanted a dict")
    if schema.FORMAT is not None and state.get("format") != schema.FORMAT:
        raise ValueError(
            f"the saved {schema.WHAT} has format {brief(state.get('format'))}, wanted "
            f"{schema.FORMAT}: it was written by another version of pylstm"
        )
    try:
        return convert(dict(state), schema)
    except ValidationError as error:
        raise ValueError(
            f"the saved {schema.WHAT} does not fit: {brief_text(error, 200)}"
        ) from None


def check_fields(what: str, saved: object, wanted: Iterable[str]) -> None:
    """Refuse keywords of a constructor unless they are exactly these."""
    if not isinstance(saved, Mapping):
        raise TypeError(f"the saved {what} is {brief(saved)}, wanted a dict")
    wanted = set(wanted)
    if saved.keys() == wanted:
        return
    for word, names in (("lacks", wanted - saved.keys()), ("has", saved.keys() - wanted)):
        if names:
            raise ValueError(f"the saved {what} {word} {brief(min(names, key=repr))}")


# ---------------------------------------------------------------- rules


def _wanted(holds: object, rule: str) -> None:
    if not holds:
        raise ValueError(f"wanted {rule}")


def _fits(name: str, array: Array, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} is {brief_text(array.dtype, 30)} of shape {brief(array.shape)}, wanted "
            f"{dtype} of shape {brief(shape)}"
        )


_INT32, _INT64, _UINT32, _UINT64, _FLOAT64 = map(
    np.dtype, ("int32", "int64", "uint32", "uint64", "float64")
)


def _is_there(name: str, value: object, wanted: object) -> None:
    """Whether what is left out where there is nothing in it is there."""
    if (value is not UNSET) != bool(wanted):
        raise ValueError(
            f"{name} is {'missing' if wanted else 'there'}, which contradicts the rest"
        )


def _no_infinity(name: str, *arrays: Any) -> None:
    for array in arrays:
        if np.isinf(array).any():
            raise ValueError(f"{name} is infinite, wanted finite numbers, or NaN for none")


def _distinct(name: str, values: Iterable[Hashable]) -> None:
    values = list(values)
    if len(set(values)) != len(values):
        raise ValueError(f"{name} are {brief(values)}, wanted every one once")


# ---------------------------------------------------------------- networks


class Config(State):
    """What the arguments of `LSTM` come to."""

    n_inputs: Size
    n_outputs: Size
    n_blocks: Size
    block_size: Size
    input_gate: bool
    forget_gate: bool
    output_gate: bool
    peepholes: bool
    gate_recurrence: bool
    cell_recurrence: bool
    shortcut: bool
    hidden_bias: Literal["all", "gates", "none"]
    output_bias: bool
    cell_input: Squashing
    cell_output: Squashing
    output: Output
    loss: Loss
    dtype: Real
    scale_inputs: bool
    scale_targets: bool
    scale_memory: Size
    gradient: Literal["truncated", "bptt", "rtrl"]
    window: Annotated[int, Meta(ge=1)] | None
    memory_limit: Annotated[int, Meta(ge=1)]

    def checked(self) -> dict[str, Any]:
        """As the arguments themselves, which go together."""
        config = asdict(self)
        _check_combination(config)
        if self.window is not None:
            _method(self.gradient, self.window)
        return config

    def least_weights(self) -> int:
        """So many there are at least; computed without overflow, unlike the sizes in C."""
        cells = self.n_blocks * self.block_size
        seen = self.n_inputs + self.n_outputs + cells * self.cell_recurrence
        return cells * seen


class ScaleState(State):
    """Statistics of columns."""

    count: Array
    mean: Array
    variance: Array

    def fits(self, name: str, n_columns: int) -> None:
        """Whether they are of so many columns, and of a stream."""
        for part, values in (
            ("count", self.count),
            ("mean", self.mean),
            ("variance", self.variance),
        ):
            _fits(f"{name}.{part}", values, _FLOAT64, (n_columns,))
            _wanted(np.isfinite(values).all(), f"{name}.{part} finite")
        _wanted((self.count >= 0).all() and (self.variance >= 0).all(), f"{name} at least 0")


class _Network(State, kw_only=True):
    """A network but for what `Delayed` shares between its two."""

    WHAT = "network"
    FORMAT = 5
    format: Literal[5]
    config: Config
    optimizer: Any
    init_range: float
    growth_seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
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

    def fits(self, n_parameters: int) -> None:
        """Whether it is of a network of so many parameters."""
        config, dtype = self.config, np.dtype(self.config.dtype)
        self.optimizer = Optimizer.from_saved(self.optimizer)
        check_init_range(self.init_range)
        _wanted(-(2**63) <= self.large_from < 2**63, "large_from in 64 bits")
        _wanted(config.least_weights() <= n_parameters, "parameters of all the weights")
        sizes = _core.network_sizes(config.checked(), self.large_from)
        if sizes["parameters"] != n_parameters:
            raise ValueError(f"there are {n_parameters} parameters, wanted {sizes['parameters']}")
        n_bytes = sizes["sensitivities"] * dtype.itemsize
        _wanted(n_bytes <= config.memory_limit, "sensitivities within memory_limit")
        truncated = config.gradient == "truncated"
        _is_there("traces", self.traces, not self.traces_zero)
        if self.traces is not UNSET:
            _wanted(truncated, "traces with the truncated gradient only")
            _fits("traces", self.traces, dtype, (sizes["traces"],))
        if self.sensitivities is not UNSET:
            _fits("sensitivities", self.sensitivities, dtype, (sizes["sensitivities"],))
        _is_there("input_scale", self.input_scale, config.scale_inputs)
        _is_there("target_scale", self.target_scale, config.scale_targets)
        if self.input_scale is not UNSET:
            self.input_scale.fits("input_scale", config.n_inputs)
        if self.target_scale is not UNSET:
            self.target_scale.fits("target_scale", config.n_outputs)
        _wanted(not self.closed or (truncated and self.n_pending), "steps where closed is 1")
        _wanted(self.n_pending or not self.learnable, "a step to learn from")
        _wanted(self.n_pending <= sizes["most_pending"], "no more steps than a record holds")
        _wanted(self.n_waiting <= self.n_pending, "n_waiting of at most n_pending")
        most = min(self.n_pending, sizes["lazy_steps"])
        _wanted(self.n_absorbed <= most, "no more steps absorbed than there are, none unless lazy")
        self._check_record(dtype, sizes)
        self._check_inputs()

    def _check_record(self, dtype: np.dtype[Any], sizes: Mapping[str, int]) -> None:
        n_rows, width = self.n_pending + 1, sizes["record_row"]
        _fits("record", self.record, dtype, (n_rows * width,))
        errors = np.count_nonzero(self.record[width + sizes["has_error"] :: width])
        _wanted(self.has_errors == (errors > 0), "has_errors where a step has an error")
        if self.has_errors and self.config.window:
            first = max(1, n_rows - self.config.window)
            within = self.record[first * width + sizes["has_error"] :: width]
            _wanted(np.count_nonzero(within), "an error within the window")

    def _check_inputs(self) -> None:
        """See csrc/tokens.inc."""
        n_inputs, live, tokens = self.config.n_inputs, self.live, self.tokens
        _fits("live", live, _INT32, (live.size,))
        _fits("tokens", tokens, _INT32, (self.n_pending + 1,))
        _wanted(tokens.min() >= -1 and tokens.max() < n_inputs, "tokens below n_inputs, or -1")
        if self.all_live and not live.size:
            return
        _wanted(self.all_live or self.config.gradient != "rtrl", "all inputs live with 'rtrl'")
        if live.size:
            _wanted(live.min() >= 0 and live.max() < n_inputs, "live inputs below n_inputs")
        listed = np.zeros(n_inputs, bool)
        listed[live] = True
        _wanted(np.count_nonzero(listed) == live.size, "every live input once")
        seen = tokens[1:]
        if not self.all_live:
            _wanted((seen >= 0).all() and listed[seen].all(), "recorded tokens that are live")


class NetworkState(_Network, kw_only=True):
    """An `LSTM`."""

    parameters: Array
    gradient: Array | UnsetType = UNSET
    first_moment: Array | UnsetType = UNSET
    second_moment: Array | UnsetType = UNSET
    eligibility: Array | UnsetType = UNSET

    def __post_init__(self) -> None:
        dtype, shape = np.dtype(self.config.dtype), (self.parameters.size,)
        self.fits(*shape)
        for name in ("parameters", "gradient", "first_moment", "second_moment", "eligibility"):
            values = getattr(self, name)
            if values is not UNSET:
                _fits(name, values, dtype, shape)
        _is_there("gradient", self.gradient, self.collected)
        most = 1 if isinstance(self.optimizer, SGD) else _core.N_MOMENTS[self.optimizer.rule]
        least = _core.N_MOMENTS[self.optimizer.rule]
        for k, moment in enumerate((self.first_moment, self.second_moment)):
            if k >= most or k < least:
                _is_there(_core.MOMENTS[k], moment, k < least)
        truncated = self.config.gradient == "truncated"
        _wanted(truncated or self.eligibility is UNSET, "eligibility with 'truncated' only")


class AheadState(_Network):
    """The network of a `Delayed` that runs ahead: weights and what is learned are the other's."""


class StreamsState(State, kw_only=True):
    """`Streams`."""

    WHAT = "Streams"
    FORMAT = 3
    format: Literal[3]
    net: LSTM
    n_streams: Size
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

    def __post_init__(self) -> None:
        config, n_streams = self.net._config(), self.n_streams
        truncated, dtype = config["gradient"] == "truncated", np.dtype(config["dtype"])
        for name in ("n_pending_of", "learnable", "has_errors_of", "traces_zero", "output_errors"):
            _wanted(len(getattr(self, name)) == n_streams, f"{name}: one number a stream")
        sizes = _core.streams_sizes(self.net, n_streams)
        n_rows, width = self.n_pending + 1, sizes["record_row"]
        _wanted(self.n_pending <= sizes["most_pending"], "no more steps than a record holds")
        _fits("record", self.record, dtype, (n_rows * n_streams * width,))
        _wanted(self.n_waiting <= self.n_pending, "n_waiting of at most n_pending")
        _wanted(max(self.n_pending_of) <= self.n_pending, "n_pending_of of at most n_pending")
        _wanted(self.last_error <= self.n_pending, "last_error of at most n_pending")
        _wanted(not self.closed or (truncated and self.n_pending), "steps where closed is 1")
        kept = self.traces_zero.count(0)
        _wanted(truncated or not kept, "traces with the truncated gradient only")
        _fits("traces", self.traces, dtype, (kept, sizes["traces"]))
        _is_there("gradient", self.gradient, self.collected)
        if self.gradient is not UNSET:
            _fits("gradient", self.gradient, dtype, (sizes["parameters"],))
        errors = self.record.reshape(n_rows, n_streams, width)[:, :, sizes["has_error"]] != 0
        for b, made in enumerate(self.n_pending_of):
            _wanted(made or not self.learnable[b], "a step to learn from")
            if self.has_errors_of[b]:
                first = n_rows - min(made, config["window"] or made)
                _wanted(errors[first:, b].any(), "has_errors_of where a step has an error")


class PopulationState(State, kw_only=True):
    """`Population`."""

    WHAT = "population"
    FORMAT = 1
    format: Literal[1]
    config: Config
    n_nets: Size
    optimizers: list[Any]
    parameters: Array
    gradient: Array
    traces: Array
    steps: Array
    groups: Array
    counts: Array
    velocity: Array | UnsetType = UNSET

    def __post_init__(self) -> None:
        names = [entry.name for entry in fields(SGD)]
        for one in self.optimizers:
            check_fields("optimiser", one, names)
        self.optimizers = [SGD(**one) for one in self.optimizers]
        config, dtype, n_nets = self.config, np.dtype(self.config.dtype), self.n_nets
        _wanted(len(self.optimizers) == n_nets, "an optimiser for each net")
        _wanted(config.gradient == "truncated", "gradient 'truncated' in a population")
        _wanted(not (config.scale_inputs or config.scale_targets), "values that are not scaled")
        _wanted(config.least_weights() <= self.parameters.size, "parameters of all the weights")
        sizes = _core.population_sizes(config.checked(), n_nets)
        groups, lanes = sizes["groups"], sizes["lanes"]
        _fits("parameters", self.parameters, dtype, (groups, sizes["parameters"], lanes))
        _fits("gradient", self.gradient, dtype, (groups, sizes["parameters"], lanes))
        _fits("traces", self.traces, dtype, (groups, sizes["traces"], lanes))
        _fits("steps", self.steps, dtype, (groups, sizes["steps"], lanes))
        _fits("groups", self.groups, _UINT32, (groups, sizes["flags"]))
        _fits("counts", self.counts, _INT64, (2, groups, lanes))
        _wanted((self.groups >> np.uint32(lanes) == 0).all(), f"flags of {lanes} nets a group")
        _wanted(self.counts.min() >= 0 and self.counts.max() <= 2**62, "counts of at least 0")
        if any(one.momentum for one in self.optimizers):
            _is_there("velocity", self.velocity, True)
        if self.velocity is not UNSET:
            _fits("velocity", self.velocity, dtype, self.parameters.shape)


class DelayedState(State):
    """`Delayed`."""

    WHAT = "Delayed"
    FORMAT = 1
    format: Literal[1]
    delay: SizeOr0
    net: NetworkState
    ahead: dict[str, Any] | None
    waiting: dict[str, Array]

    def __post_init__(self) -> None:
        config = self.net.config
        _wanted(config.gradient == "truncated", "gradient 'truncated' in a Delayed")
        _wanted((self.ahead is None) == (self.delay == 0), "a state ahead where there is a delay")
        if self.ahead is not None:
            ahead = converted(AheadState, self.ahead)
            _wanted(ahead.config == config, "two states of one network")
            _wanted(not ahead.collected, "nothing collected where nothing is learned")
            ahead.fits(self.net.parameters.size)
        _wanted(len(self.waiting) <= self.delay, "at most `delay` steps that wait")
        _wanted(set(self.waiting) == set(map(str, range(len(self.waiting)))), "steps in order")
        for x in self.waiting.values():
            if x.ndim == 0:
                _wanted(not config.scale_inputs and x.dtype.kind in "iu", "tokens, or inputs")
                _wanted(0 <= x < config.n_inputs, f"tokens from 0 to {config.n_inputs - 1}")
                continue
            dtype = np.dtype("float64" if config.scale_inputs else config.dtype)
            _fits("waiting", x, dtype, (config.n_inputs,))
            bad = np.isinf(x) if config.scale_inputs else ~np.isfinite(x)
            _wanted(not bad.any(), "finite inputs that wait")


# ---------------------------------------------------------------- estimators


class FeaturesState(State):
    """Names of features and the last row."""

    names: list[Any]
    places: list[int]
    before: Array

    def fits(self, n_own: int) -> int:
        """Whether they go with so many own inputs; how many inputs there are."""
        _distinct("names of features", self.names)
        end = n_own + 2 * len(self.names)
        _wanted(self.places == list(range(n_own, end, 2)), "two inputs a feature, in order")
        _fits("before", self.before, _FLOAT64, (max(1, end),))
        _no_infinity("the last row", self.before)
        return max(1, end)


class EstimatorState(State):
    """What the estimators have in common."""

    WHAT = "estimator"
    FORMAT = 1
    SWITCHES: ClassVar[str] = "SWITCHES"
    format: Literal[1]
    parameters: dict[str, Any]
    net: NetworkState | None
    features: FeaturesState

    def n_own(self) -> int:
        """Inputs before those of the first feature."""
        return 0

    def n_outputs(self) -> int:
        """Outputs of the network."""
        return 1

    def __post_init__(self) -> None:
        from pylstm.estimators import defaults

        parameters = self.parameters
        _wanted({"n_cells", "block_size", "dtype"} <= parameters.keys(), "all parameters")
        n_cells = check_size("n_cells", parameters["n_cells"])
        block_size = check_size("block_size", parameters["block_size"])
        n_inputs = self.features.fits(self.n_own())
        if self.net is None:
            _wanted(not self.features.names, "no features without a network")
            return
        switches = getattr(defaults, self.SWITCHES)
        wanted = {
            "n_inputs": n_inputs,
            "n_outputs": self.n_outputs(),
            "n_blocks": n_cells // block_size,
            "block_size": block_size,
            "dtype": _dtype(parameters["dtype"]),
            "scale_inputs": True,
            "scale_targets": switches.get("scale_targets", False),
            "output": switches.get("output", "identity"),
            "loss": switches.get("loss", "squared"),
        }
        for name, value in wanted.items():
            found = getattr(self.net.config, name)
            if found != value:
                raise ValueError(f"the network has {name}={brief(found)}, wanted {brief(value)}")


class _WithLastTarget(EstimatorState):
    last: float
    error: float

    def __post_init__(self) -> None:
        _no_infinity("the last target or error", self.last, self.error)
        EstimatorState.__post_init__(self)


class RegressorState(_WithLastTarget):
    """`estimators.Regressor`."""

    def n_own(self) -> int:
        """The last target and its error."""
        return 2 if self.parameters.get("feedback") else 0


class ClassifierState(EstimatorState):
    """`estimators.Classifier`."""

    SWITCHES = "CLASSIFIER_SWITCHES"
    classes: list[Any]

    def n_outputs(self) -> int:
        """One a class."""
        return max(1, len(self.classes))

    def __post_init__(self) -> None:
        _distinct("classes", self.classes)
        EstimatorState.__post_init__(self)


class ForecasterState(_WithLastTarget):
    """`estimators.Forecaster`."""

    past: Array
    misses: Array

    def n_own(self) -> int:
        """The last value, error and change; the value a season ago."""
        return 3 if self.parameters.get("season") is None else 4

    def __post_init__(self) -> None:
        season = self.parameters.get("season")
        most = 2 if season is None else max(2, check_size("season", season) + 1)
        _fits("past", self.past, _FLOAT64, (self.past.size,))
        _wanted(self.past.size <= most, f"a past of at most {most} values")
        _no_infinity("the past", self.past)
        _fits("misses", self.misses, _FLOAT64, (2, 3))
        _wanted((self.misses >= 0).all(), "misses of at least 0")
        _WithLastTarget.__post_init__(self)


class LabelArray(State):
    """An array that may hold strings, as a list."""

    values: list[str | int | float | bool]
    dtype: str

    def array(self) -> Array:
        """The array, no longer than its values are."""
        try:
            dtype = np.dtype(self.dtype)
        except TypeError:
            raise ValueError(f"dtype is {brief(self.dtype)}, wanted one of NumPy's") from None
        _wanted(dtype.kind in "biufUO" and not dtype.names, "labels that are numbers or strings")
        longest = max((len(value) for value in self.values if isinstance(value, str)), default=0)
        _wanted(dtype.kind != "U" or dtype.itemsize <= 4 * max(longest, 1000), "strings as long")
        try:
            array: Array = np.array(self.values, dtype)
        except OverflowError:
            raise ValueError("labels are too large for their dtype") from None
        _wanted(array.tolist() == self.values, "labels as their dtype has them")
        return array


class _DressedState(State, kw_only=True):
    """An estimator of `pylstm.sklearn`: parameters are checked as `fit` checks them."""

    WHAT = "estimator"
    n_cells: Any
    block_size: Any
    optimizer: Any
    network: Any
    dtype: Any
    seed: Any
    n_epochs: Any
    n_features_in_: SizeOr0 | UnsetType = UNSET
    feature_names_in_: LabelArray | UnsetType = UNSET
    estimator_: Any = UNSET

    PARAMETERS: ClassVar[tuple[str, ...]] = ("n_cells", "block_size", "optimizer", "network",
                                             "dtype", "seed")  # fmt: skip
    BEHIND: ClassVar[str] = ""
    FITTED: ClassVar[tuple[str, ...]] = ("n_features_in_",)

    def __post_init__(self) -> None:
        from pylstm import estimators
        from pylstm.checks import check_whole

        behind = getattr(estimators, self.BEHIND)
        check_whole("n_epochs", self.n_epochs)
        behind(**{name: getattr(self, name) for name in self.PARAMETERS})
        if self.feature_names_in_ is not UNSET:
            _wanted(self.n_features_in_ is not UNSET, "n_features_in_ with their names")
            n_names = self.feature_names_in_.array().shape
            _wanted(n_names == (self.n_features_in_,), "a name for each feature")
        if self.estimator_ is UNSET:
            return
        _wanted(type(self.estimator_) is behind, f"a {self.BEHIND} behind")
        for name in self.FITTED:
            _is_there(name, getattr(self, name), True)
        names = self.estimator_.feature_names
        if self.estimator_.net is not None:
            _wanted(len(names) == self.n_features_in_, "as many features as it was fitted to")
            _wanted(names == sorted(range(len(names)), key=str), "features by number")


class _SupervisedState(_DressedState, kw_only=True):
    one_a_sequence_: bool | UnsetType = UNSET
    FITTED: ClassVar[tuple[str, ...]] = ("n_features_in_", "one_a_sequence_")


class DressedRegressor(_SupervisedState, kw_only=True):
    """`sklearn.LSTMRegressor`."""

    feedback: Any
    PARAMETERS = (*_DressedState.PARAMETERS, "feedback")
    BEHIND = "Regressor"


class DressedClassifier(_SupervisedState, kw_only=True):
    """`sklearn.LSTMClassifier`."""

    classes_: LabelArray | UnsetType = UNSET
    BEHIND = "Classifier"
    FITTED = ("n_features_in_", "one_a_sequence_", "classes_")

    def __post_init__(self) -> None:
        _SupervisedState.__post_init__(self)
        if self.classes_ is not UNSET:
            classes = self.classes_.array()
            _wanted(self.estimator_ is not UNSET, "classes of a fitted estimator")
            _wanted(self.estimator_.classes == list(range(len(classes))), "a class an output")
            _wanted(len(set(classes.tolist())) == len(classes), "every class once")


class DressedForecaster(_DressedState, kw_only=True):
    """`sklearn.LSTMForecaster`."""

    season: Any
    PARAMETERS = (*_DressedState.PARAMETERS, "season")
    BEHIND = "Forecaster"


# ---------------------------------------------------------------- streams of tables


class SettingsState(State):
    """`stream.Settings`, whose constructor checks the numbers."""

    target: str
    inputs: tuple[str, ...] | None
    classify: bool
    horizon: Any
    season: Any
    cells: Any
    optimizer: str
    learning_rate: Any
    momentum: Any
    predict: str
    memory: Any
    time: str | None
    mark_missing: bool
    dtype: str
    seed: Any


class ScoresState(State):
    """Losses of forecasters."""

    n_rows: Count
    rows_per_segment: Annotated[int, Meta(ge=1, le=2**62)]
    sums: Array

    def fits(self, n_forecasters: int) -> None:
        """Whether they are of so many forecasters."""
        n_segments = -(-self.n_rows // self.rows_per_segment)
        _wanted(n_segments <= 4096, "at most 4096 segments")
        _fits("sums", self.sums, _FLOAT64, (n_segments, 1 + 2 * n_forecasters))
        n_scored = self.sums[:, 0]
        counted = ((n_scored >= 0) & (n_scored <= self.rows_per_segment)).all()
        _wanted(counted and not np.isnan(self.sums).any(), "sums of the rows there are")


class StreamForecasterState(State):
    """`stream.Forecaster`."""

    delayed: DelayedState
    input_scale: ScaleState
    target_scale: ScaleState
    last_inputs: Array
    last_target: float
    pending_targets: Array


class NumbersState(State):
    """`stream.kinds.Numbers`."""

    WHAT = "forecaster of numbers"
    forecaster: StreamForecasterState
    scores: ScoresState
    targets: Array

    def fits(self, settings: Any, n_columns: int) -> None:
        """Whether they go with the settings, and so many inputs."""
        horizon, made = settings.horizon, self.forecaster
        self.scores.fits(2 + bool(settings.season))
        _fits("targets", self.targets, _FLOAT64, (self.targets.size,))
        _no_infinity("a target", self.targets, made.last_target, made.pending_targets)
        made.input_scale.fits("input_scale", 2 * n_columns)
        made.target_scale.fits("target_scale", 1)
        _fits("last_inputs", made.last_inputs, _FLOAT64, (n_columns,))
        _no_infinity("the last row", made.last_inputs)
        net, delayed = made.delayed.net, made.delayed
        width = n_columns * (3 if settings.mark_missing else 2)
        shape = (net.config.n_inputs, net.config.n_blocks, net.config.block_size)
        _wanted(shape == (width, settings.cells, 1), "the network of the settings")
        _wanted(net.config.dtype == settings.dtype, "the dtype of the settings")
        _wanted(delayed.delay == horizon - 1, "the delay of the settings")
        n_pending = made.pending_targets.size
        _fits("pending_targets", made.pending_targets, _FLOAT64, (n_pending,))
        _wanted(n_pending <= horizon, "at most `horizon` steps not learned from")
        _wanted(all(x.ndim for x in delayed.waiting.values()), "inputs that are no tokens")
        if n_pending == horizon:
            ready = net.learnable and len(delayed.waiting) == delayed.delay
            _wanted(ready, "a step to learn from")


class LabelsState(State):
    """`stream.kinds.Labels`."""

    WHAT = "forecaster of labels"
    model: ClassifierState
    scores: ScoresState
    known: Array
    last: str | None
    labels: list[str]
    counts: list[Annotated[int, Meta(ge=1, le=2**62)]]
    record: Array
    season: list[str | None]
    pending: list[dict[int | str, float]]

    def fits(self, settings: Any, n_columns: int) -> None:
        """Whether they go with the settings, and so many inputs."""
        n_repeats, known = 1 + bool(settings.season), {*self.labels, None}
        _wanted(self.model.parameters["n_cells"] == settings.cells, "the cells of the settings")
        _wanted(self.model.parameters.get("dtype") == settings.dtype, "the dtype of the settings")
        self.scores.fits(2 + n_repeats)
        _fits("known", self.known, _FLOAT64, (n_columns,))
        _no_infinity("the last row", self.known)
        _distinct("labels", self.labels)
        _wanted(len(self.counts) == len(self.labels), "a count for each label")
        _wanted({self.last, *self.season, *self.model.classes} <= known, "labels that are known")
        _fits("record", self.record, _FLOAT64, (n_repeats, 2))
        finite = np.isfinite(self.record).all() and (self.record >= 0).all()
        _wanted(finite and (self.record[:, 1] <= self.record[:, 0]).all(), "shares of right labels")
        _wanted(len(self.pending) <= settings.horizon, "at most `horizon` rows not learned from")
        _no_infinity("a row not learned from", *(list(row.values()) for row in self.pending))


class SessionState(State):
    """`stream.Session`."""

    WHAT = "session"
    FORMAT = 3
    format: Literal[3]
    settings: SettingsState
    columns: list[str]
    kind: dict[str, Any]
    clock: str | None
    recent: Array
    forecasts: list[list[Any]]

    def __post_init__(self) -> None:
        from pylstm.stream.clock import N_CALENDAR, Clock
        from pylstm.stream.settings import Settings

        settings = Settings(**asdict(self.settings))
        for name in ("horizon", "season", "cells", "memory"):
            if getattr(settings, name) is not None:
                check_size(name, getattr(settings, name), 0)
        _wanted(settings.time or self.clock is None, "a time where there is a column of times")
        Clock().advance(self.clock)
        kind: Any = converted(LabelsState if settings.classify else NumbersState, self.kind)
        kind.fits(settings, len(self.columns) + (N_CALENDAR if settings.time else 0))
        _fits("recent", self.recent, _FLOAT64, (len(self.recent), 2))
        _wanted(len(self.recent) <= 500, "at most 500 recent rows")
        _wanted(len(self.forecasts) <= settings.horizon, "at most `horizon` forecasts")
        labels = set(kind.labels) if settings.classify else None
        n_forecasters = 2 + bool(settings.season) + settings.classify
        for forecasts in self.forecasts:
            _wanted(len(forecasts) == n_forecasters, "a forecast from each")
            for forecast in forecasts:
                _check_forecast(forecast, labels)


def _check_forecast(forecast: Any, labels: set[str] | None) -> None:
    if labels is None:
        _wanted(type(forecast) is float, "forecasts that are numbers")
        return
    _wanted(isinstance(forecast, dict) and forecast.keys() <= labels, "forecasts of labels known")
    shares = convert(list(forecast.values()), list[float])
    _wanted(all(0 <= share < math.inf for share in shares), "probabilities")


# ---------------------------------------------------------------- baselines


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
        from pylstm.baselines.recurrent import _as_time_constants, _check_combination

        _wanted(self.n_hidden or self.readout == "units", "hidden units")
        _as_time_constants(self.time_constants, self.n_hidden)
        _check_combination(asdict(self))

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
        from pylstm.baselines.recurrent import _check_memory

        config = self.config
        self.optimizer = _plain_sgd(self.optimizer)
        _check_memory(asdict(config), 2**62)
        _wanted(config.least_weights() <= self.parameters.size, "parameters of all the weights")
        sizes = _core.recurrent_sizes(asdict(config))
        for name in ("parameters", "gradient", "velocity"):
            _fits(name, getattr(self, name), _FLOAT64, (sizes["parameters"],))
        for name, size in (("y", 2), ("net_out", 2), ("delta", 1)):
            _fits(name, getattr(self, name), _FLOAT64, (size * config.n_outputs,))
        used = len(self.tokens) if self.tokens.ndim == 1 else 0
        _wanted(0 < used <= sizes["most_recorded"] + 1, "no more steps than a record holds")
        _fits("tokens", self.tokens, _INT32, (used,))
        in_range = self.tokens.min() >= -1 and self.tokens.max() < config.n_inputs
        _wanted(in_range, f"tokens from -1 to {config.n_inputs - 1}")
        _fits("record", self.record, _FLOAT64, (used * sizes["record_row"],))
        if self.sensitivity is not UNSET:
            _wanted(config.gradient == "rtrl", "a sensitivity with gradient 'rtrl' only")
            _fits("sensitivity", self.sensitivity, _FLOAT64, (sizes["sensitivity"],))
        _wanted(len(self.counts) == 3 and len(self.flags) == 4, "three counts and four flags")
        _wanted(used > 1 or not any(self.flags[:3]), "a step to learn from")


class _SearchState(RecurrentState, kw_only=True):
    settings: dict[str, float]
    rng: np.random.Generator
    SETTINGS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        RecurrentState.__post_init__(self)
        config = self.config
        _wanted((config.gradient, config.window) == ("bptt", 1), "a network that is not trained")
        check_fields("settings", self.settings, self.SETTINGS)
        _wanted(all(0 < value < math.inf for value in self.settings.values()), "settings above 0")
        _wanted(self.settings.get("cooling", 1.0) <= 1, "cooling of at most 1")


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
        _wanted(len(self.pool) <= 256 if self.pool.ndim else False, "at most 256 guesses")
        _fits("pool", self.pool, _FLOAT64, (len(self.pool), n_parameters))
        _fits("last", self.last, _FLOAT64, (config.n_outputs,))


class AnnealingState(_SearchState, kw_only=True):
    """`baselines.SimulatedAnnealing`."""

    n_proposals: Count
    n_accepted: Count
    SETTINGS = ("temperature", "cooling", "step_size")

    def __post_init__(self) -> None:
        _SearchState.__post_init__(self)
        _wanted(self.n_accepted <= self.n_proposals, "n_accepted of at most n_proposals")


def _plain_sgd(saved: object) -> SGD:
    """The optimiser of a baseline."""
    optimizer = Optimizer.from_saved(saved)  # type: ignore[arg-type]
    if not isinstance(optimizer, SGD) or optimizer != SGD(
        optimizer.learning_rate, optimizer.momentum
    ):
        raise ValueError(f"optimizer is {brief(optimizer)}, wanted a plain pylstm.SGD")
    return optimizer


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
        _fits("_y", self._y, _FLOAT64, (self._n_outputs,))
        for name in ("_parameters", "_gradient", "_velocity"):
            parts = getattr(self, name)
            _wanted(list(parts) == list(shapes), f"{name}: {', '.join(shapes)}")
            for part, shape in shapes.items():
                _fits(f"{name}.{part}", parts[part], _FLOAT64, shape)


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
        _wanted(n_layers == len(delays) == len(self._squashings) >= 1, "as many delays as layers")
        ends = (sizes[0], sizes[-1])
        _wanted(ends == (self._n_inputs, self._n_outputs), "layers from inputs to outputs")
        names = [*(f"hidden_{k}" for k in range(n_layers - 1)), "output"]
        layers = zip(pairwise(sizes), delays, strict=True)
        shapes = [(above, below * (delay + 1) + 1) for (below, above), delay in layers]
        self.fits(dict(zip(names, shapes, strict=True)))
        _wanted(len(self._recent) == len(sizes), "what every layer has seen")
        for layer, (recent, size) in enumerate(zip(self._recent, sizes, strict=True)):
            _fits("_recent", recent, _FLOAT64, (sum(delays[layer:]) + 1, size))


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
            _wanted(0 < getattr(self, name) < math.inf, f"{name} above 0")
        n_units, n_seen = len(self._parameters) - 1, self._n_inputs + 1
        shapes = {"output": (self._n_outputs, n_seen + n_units)}
        shapes |= {f"unit_{k}": (1, n_seen + k + 1) for k in range(n_units)}
        self.fits(shapes)
        _fits("_activations", self._activations, _FLOAT64, (n_units,))
        learning, candidates = shapes["output"], (0, 0)
        if self._phase == "candidates":
            learning = candidates = (self._n_candidates, n_seen + n_units + 1)
        _fits("_candidates", self._candidates, _FLOAT64, candidates)
        _fits("_last_slope", self._last_slope, _FLOAT64, learning)
        _fits("_last_step", self._last_step, _FLOAT64, learning)


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
        _wanted(0 < self._surprise < math.inf, "_surprise above 0")
        _wanted(self._n_inputs == self._n_outputs, "as many outputs as inputs")
        _wanted(list(self._nets) == ["lower", "higher"], "a lower and a higher network")
        _wanted(list(self._at_first) == ["lower", "higher"], "first weights of both")
        _fits("_expected", self._expected, _FLOAT64, (self._n_inputs,))
        wanted = {"n_inputs": self._n_inputs, "n_hidden": self._n_hidden, "readout": "layer"}
        wanted |= {"hidden_bias": False, "gradient": "rtrl", "window": None, "loss": "squared"}
        for level, net in self._nets.items():
            lower = level == "lower"
            _wanted(type(net) is FullyRecurrent, "two networks")
            n_predicted = self._n_outputs + self._n_hidden * lower
            levels = wanted | {"n_outputs": n_predicted, "shortcut": lower}
            _wanted(levels.items() <= net._config.items(), f"a {level} network that fits")
            shape = (n_predicted, self._n_hidden)
            _fits(f"_at_first.{level}", self._at_first[level], _FLOAT64, shape)


# ---------------------------------------------------------------- random numbers


class SeedState(State):
    """A numpy SeedSequence."""

    entropy: Any
    spawn_key: tuple[Annotated[int, Meta(ge=0)], ...]
    pool_size: Annotated[int, Meta(ge=4, le=256)]
    n_children_spawned: Annotated[int, Meta(ge=0, le=2**32 - 1)]

    def __post_init__(self) -> None:
        parts = self.entropy if isinstance(self.entropy, list | tuple) else [self.entropy]
        _wanted(all(type(part) is int and part >= 0 for part in parts), "entropy of whole numbers")


Word = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _Bits(State, tag_field="bit_generator"):
    pass


class _Left(_Bits):
    """Half a number may be left over."""

    has_uint32: Flag
    uinteger: Word


class PCGNumbers(State):
    """A linear congruential generator of 128 bits, with an odd increment."""

    state: int
    inc: int

    def __post_init__(self) -> None:
        _wanted(0 <= self.state < 2**128 and 0 < self.inc < 2**128, "128 bits")
        _wanted(self.inc % 2, "an odd increment")


class PCG64(_Left, tag="PCG64"):
    """See NumPy."""

    state: PCGNumbers


class PCG64DXSM(_Left, tag="PCG64DXSM"):
    """See NumPy."""

    state: PCGNumbers


class SFCNumbers(State):
    """Four words."""

    state: Array

    def __post_init__(self) -> None:
        _fits("state", self.state, _UINT64, (4,))


class SFC64(_Left, tag="SFC64"):
    """See NumPy."""

    state: SFCNumbers


class PhiloxNumbers(State):
    """A counter and a key."""

    counter: Array
    key: Array

    def __post_init__(self) -> None:
        _fits("counter", self.counter, _UINT64, (4,))
        _fits("key", self.key, _UINT64, (2,))


class Philox(_Left, tag="Philox"):
    """See NumPy."""

    state: PhiloxNumbers
    buffer: Array
    buffer_pos: Annotated[int, Meta(ge=0, le=4)]

    def __post_init__(self) -> None:
        _fits("buffer", self.buffer, _UINT64, (4,))


class MTNumbers(State):
    """624 words, and where among them it stands; NumPy does not look whether it does."""

    key: Array
    pos: Annotated[int, Meta(ge=0, le=624)]

    def __post_init__(self) -> None:
        _fits("key", self.key, _UINT32, (624,))


class MT19937(_Bits, tag="MT19937"):
    """See NumPy."""

    state: MTNumbers


class GeneratorState(State):
    """A numpy Generator in a file."""

    WHAT = "generator"
    bits: PCG64 | PCG64DXSM | SFC64 | Philox | MT19937
    children: SeedState | None


# ---------------------------------------------------------------- by name

#: The schema of every class, by the name it is registered under.
SCHEMAS: dict[str, type[State]] = {
    "LSTM": NetworkState,
    "Streams": StreamsState,
    "Population": PopulationState,
    "Delayed": DelayedState,
    "Session": SessionState,
    "estimators.Regressor": RegressorState,
    "estimators.Classifier": ClassifierState,
    "estimators.Forecaster": ForecasterState,
    "sklearn.LSTMRegressor": DressedRegressor,
    "sklearn.LSTMClassifier": DressedClassifier,
    "sklearn.LSTMForecaster": DressedForecaster,
    **dict.fromkeys(
        ("baselines.FullyRecurrent", "baselines.Elman", "baselines.TimeConstants"), RecurrentState
    ),
    "baselines.RandomGuessing": GuessingState,
    "baselines.SimulatedAnnealing": AnnealingState,
    "baselines.TimeDelay": TimeDelayState,
    "baselines.CascadeCorrelation": CascadeState,
    "baselines.Chunker": ChunkerState,
}
