"""States of the estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta

from pylstm.checks import check_dtype, check_size
from pylstm.errors import brief
from pylstm.schemas.networks import AheadState, NetworkState
from pylstm.schemas.state import (
    FLOAT64,
    Array,
    Count,
    State,
    converted,
    distinct,
    has_shape,
    must,
    no_infinity,
)

__all__ = [
    "ClassifierState",
    "EstimatorState",
    "FeaturesState",
    "ForecasterState",
    "RegressorState",
]


class FeaturesState(State):
    """Names of features and the last row."""

    names: list[Any]
    places: list[int]
    before: Array
    own: list[int] | None = None

    def fits(self, n_own: int) -> int:
        """Whether they go with so many own inputs; how many inputs there are."""
        distinct("names of features", self.names)
        own = list(range(n_own)) if self.own is None else self.own
        must(len(own) == n_own, f"{n_own} inputs of the estimator's own")
        must(len(self.places) == len(self.names), "a place for every name")
        inputs = [*own, *(place + k for place in self.places for k in (0, 1))]
        must(sorted(inputs) == list(range(len(inputs))), "two inputs a feature, each input once")
        must(self.places == sorted(self.places) and own == sorted(own), "inputs in their order")
        has_shape("before", self.before, FLOAT64, (max(1, len(inputs)),))
        no_infinity("the last row", self.before)
        return max(1, len(inputs))


class ExpertState(State):
    """`estimators.experts.Expert`."""

    WHAT = "expert"
    rate: float | None
    memory: bool
    own: bool
    changes: bool


class ByErrorState(State):
    """`estimators.experts.ByError`."""

    n_rows: Annotated[int, Meta(ge=0, le=1000)]
    errors: Array

    @staticmethod
    def of_one() -> dict[str, Any]:
        """The state where there is nothing to mix."""
        return {"n_rows": 0, "errors": np.zeros(1)}

    def fits(self, n_experts: int) -> None:
        """Whether it mixes so many experts."""
        has_shape("errors", self.errors, FLOAT64, (n_experts,))
        must(np.isfinite(self.errors).all() and (self.errors >= 0).all(), "errors of at least 0")


class ByLikelihoodState(State):
    """`estimators.experts.ByLikelihood`."""

    weights: Array

    @staticmethod
    def of_one() -> dict[str, Any]:
        """The state where there is nothing to mix."""
        return {"weights": np.ones(1)}

    def fits(self, n_experts: int) -> None:
        """Whether it mixes so many experts."""
        has_shape("weights", self.weights, FLOAT64, (n_experts,))
        must(np.isfinite(self.weights).all(), "finite weights")


class ExpertsState(State):
    """`estimators.experts.Experts`."""

    experts: list[ExpertState]
    nets: list[NetworkState]
    mixture: dict[str, Any]
    ahead: list[dict[str, Any]]

    def fits(self, late: bool) -> None:
        """Whether there is a state ahead for each expert with a memory, where targets come late."""
        with_memory = [n for e, n in zip(self.experts, self.nets, strict=True) if e.memory]
        must(len(self.ahead) == late * len(with_memory), "a state ahead an expert with a memory")
        for saved, net in zip(self.ahead, with_memory, strict=False):
            ahead = converted(AheadState, saved)
            must(ahead.config == net.config, "two states of one network")
            must(not ahead.collected, "nothing collected where nothing is learned")
            ahead.fits(net.parameters.size)


class WaitingState(State):
    """`estimators.estimator.Waiting`."""

    row: Array
    base: float
    prediction: float


class EstimatorState(State):
    """What the estimators have in common."""

    WHAT = "estimator"
    FORMAT = 2
    SWITCHES: ClassVar[str] = "SWITCHES"
    MIXTURE: ClassVar[type[ByErrorState] | type[ByLikelihoodState]] = ByErrorState
    ADDED: ClassVar[dict[str, Any]] = {}  # parameters that are not in format 1
    format: Literal[2]
    parameters: dict[str, Any]
    experts: ExpertsState | None
    features: FeaturesState
    waiting: list[WaitingState]

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In format 1 there was one network, without a mixture."""
        if state.get("format") != 1:
            return state
        today = {name: value for name, value in state.items() if name != "net"}
        today |= {"format": cls.FORMAT, "experts": None, "waiting": []}
        if isinstance(state.get("parameters"), Mapping):
            today["parameters"] = cls.ADDED | state["parameters"]
        if state.get("net") is not None:
            expert = {"rate": None, "memory": True, "own": True, "changes": True}
            today["experts"] = {
                "experts": [expert],
                "nets": [state["net"]],
                "mixture": cls.MIXTURE.of_one(),
                "ahead": [],
            }
        return today

    def n_own(self) -> int:
        """Inputs before those of the first feature."""
        return 0

    def n_outputs(self) -> int:
        """Outputs of the network."""
        return 1

    def __post_init__(self) -> None:
        from pylstm.estimators import defaults

        parameters = self.parameters
        must({"n_cells", "block_size", "dtype"} <= parameters.keys(), "all parameters")
        n_cells = check_size("n_cells", parameters["n_cells"])
        block_size = check_size("block_size", parameters["block_size"])
        n_inputs = self.features.fits(self.n_own())
        delay = check_size("delay", parameters.get("delay", 0), 0)
        must(len(self.waiting) <= delay + 1, "no more rows that wait than there may be")
        for waiting in self.waiting:
            has_shape("row", waiting.row, FLOAT64, (n_inputs,))
            no_infinity("a row that waits", waiting.row, waiting.base, waiting.prediction)
        if self.experts is None:
            must(not self.features.names, "no features without a network")
            return
        nets = self.experts.nets
        must(nets and len(self.experts.experts) == len(nets), "a network an expert")
        converted(self.MIXTURE, self.experts.mixture).fits(len(nets))
        self.experts.fits(bool(delay))
        switches = getattr(defaults, self.SWITCHES)
        wanted = {
            "n_inputs": n_inputs,
            "n_outputs": self.n_outputs(),
            "n_blocks": n_cells // block_size,
            "block_size": block_size,
            "dtype": check_dtype(parameters["dtype"]),
            "scale_inputs": True,
            "scale_targets": switches.get("scale_targets", False),
            "output": switches.get("output", "identity"),
            "loss": switches.get("loss", "squared"),
        }
        for net in nets:
            for name, value in wanted.items():
                found = getattr(net.config, name)
                if found != value:
                    raise ValueError(
                        f"the network has {name}={brief(found)}, wanted {brief(value)}"
                    )


class SpreadState(State):
    """`estimators.spread.Spread`."""

    n: Count
    scale: float
    quantiles: Array

    def __post_init__(self) -> None:
        has_shape("quantiles", self.quantiles, FLOAT64, (19,))
        must(np.isfinite(self.quantiles).all(), "finite quantiles")
        must(0 <= self.scale < np.inf, "a scale of at least 0")


class _WithLastTarget(EstimatorState):
    last: float
    error: float
    spread: SpreadState | None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In format 1 nothing was known of the errors."""
        today = super().today(state)
        return today if today is state else {**today, "spread": None}

    def __post_init__(self) -> None:
        no_infinity("the last target or error", self.last, self.error)
        EstimatorState.__post_init__(self)


class RegressorState(_WithLastTarget):
    """`estimators.Regressor`."""

    ADDED: ClassVar[dict[str, Any]] = {"delay": 0, "ordered": True}

    def n_own(self) -> int:
        """The last target and its error."""
        parameters = self.parameters
        return 2 if parameters.get("feedback") and parameters.get("ordered") else 0


class ClassifierState(EstimatorState):
    """`estimators.Classifier`."""

    SWITCHES = "CLASSIFIER_SWITCHES"
    ADDED: ClassVar[dict[str, Any]] = {"feedback": False, "delay": 0, "ordered": True}
    MIXTURE = ByLikelihoodState
    classes: list[Any]
    last: Array | None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In format 1 no label was an input."""
        today = super().today(state)
        return today if today is state else {**today, "last": None}

    def n_own(self) -> int:
        """What is known of the last label, a class an input."""
        parameters = self.parameters
        sees = parameters.get("feedback") and parameters.get("ordered")
        return len(self.classes) if sees else 0

    def n_outputs(self) -> int:
        """One a class."""
        return max(1, len(self.classes))

    def __post_init__(self) -> None:
        distinct("classes", self.classes)
        if self.last is not None:
            has_shape("last", self.last, FLOAT64, (len(self.classes),))
            must((self.last >= 0).all() and (self.last <= 1).all(), "shares from 0 to 1")
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
        has_shape("past", self.past, FLOAT64, (self.past.size,))
        must(self.past.size <= most, f"a past of at most {most} values")
        no_infinity("the past", self.past)
        has_shape("misses", self.misses, FLOAT64, (2, 3))
        must((self.misses >= 0).all(), "misses of at least 0")
        _WithLastTarget.__post_init__(self)
