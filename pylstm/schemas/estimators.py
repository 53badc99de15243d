"""States of the estimators."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pylstm.checks import check_dtype, check_size
from pylstm.errors import brief
from pylstm.schemas.networks import NetworkState
from pylstm.schemas.state import FLOAT64, Array, State, distinct, has_shape, must, no_infinity

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

    def fits(self, n_own: int) -> int:
        """Whether they go with so many own inputs; how many inputs there are."""
        distinct("names of features", self.names)
        end = n_own + 2 * len(self.names)
        must(self.places == list(range(n_own, end, 2)), "two inputs a feature, in order")
        has_shape("before", self.before, FLOAT64, (max(1, end),))
        no_infinity("the last row", self.before)
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
        must({"n_cells", "block_size", "dtype"} <= parameters.keys(), "all parameters")
        n_cells = check_size("n_cells", parameters["n_cells"])
        block_size = check_size("block_size", parameters["block_size"])
        n_inputs = self.features.fits(self.n_own())
        if self.net is None:
            must(not self.features.names, "no features without a network")
            return
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
        for name, value in wanted.items():
            found = getattr(self.net.config, name)
            if found != value:
                raise ValueError(f"the network has {name}={brief(found)}, wanted {brief(value)}")


class _WithLastTarget(EstimatorState):
    last: float
    error: float

    def __post_init__(self) -> None:
        no_infinity("the last target or error", self.last, self.error)
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
        distinct("classes", self.classes)
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
