"""States of the estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta

from pylstm.checks import check_dtype, check_size
from pylstm.errors import brief
from pylstm.estimators.calendar import as_periods
from pylstm.estimators.categories import MOST_VALUES
from pylstm.estimators.leads import bucket_of, longest_lead
from pylstm.estimators.past import as_seasons
from pylstm.estimators.spread import Spread
from pylstm.schemas.networks import AheadState, FrozenState, NetworkState
from pylstm.schemas.state import (
    FLOAT64,
    INT64,
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
    "BankState",
    "ClassifierState",
    "DetectorState",
    "EstimatorState",
    "FeaturesState",
    "ForecasterState",
    "RegressorState",
]


class CalendarState(State):
    """`estimators.calendar.Calendar`."""

    names: list[Any]
    last: Array

    def __post_init__(self) -> None:
        distinct("names of time stamps", self.names)
        has_shape("last", self.last, FLOAT64, (len(self.names), 3))
        no_infinity("the last time stamps", self.last)
        ahead_of_utc = self.last[:, 0] - self.last[:, 1]
        must((abs(ahead_of_utc) < 86400).all(), "clocks within a day of UTC")


class CategoriesState(State):
    """`estimators.categories.Categories`."""

    names: list[Any]
    values: list[Annotated[list[str], Meta(max_length=MOST_VALUES)]]

    def fits(self, features: Sequence[Any]) -> None:
        """Whether they are among the names of the features."""
        distinct("names of text", self.names)
        must(len(self.names) == len(self.values), "values of every name")
        for name, values in zip(self.names, self.values, strict=True):
            distinct("values of text", values)
            indicators = [(name, value) for value in values] or [name]
            must(set(indicators) <= set(features), "a feature a value of text")


class FeaturesState(State):
    """Names of features and the last row."""

    names: list[Any]
    places: list[int]
    before: Array
    own: list[int] | None = None
    calendar: CalendarState | None = None
    categories: CategoriesState | None = None

    def fits(self, n_own: int) -> int:
        """Whether they go with so many own inputs; how many inputs there are."""
        distinct("names of features", self.names)
        if self.categories is not None:
            self.categories.fits(self.names)
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

    def __post_init__(self) -> None:
        must(self.rate is None or 0 < self.rate < np.inf, "a rate above 0")


class ByErrorState(State):
    """`estimators.experts.ByError`."""

    n_rows: list[Annotated[int, Meta(ge=0, le=1000)]]
    errors: Array

    @staticmethod
    def of_one() -> dict[str, Any]:
        """The state where there is nothing to mix."""
        return {"n_rows": [0], "errors": np.zeros(1)}

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before, there was one target."""
        n_rows = state.get("n_rows")
        return {**state, "n_rows": [n_rows]} if isinstance(n_rows, int) else state

    def fits(self, n_experts: int, n_targets: int) -> None:
        """Whether it mixes so many experts, for so many targets."""
        must(len(self.n_rows) == n_targets, "a number of errors a target")
        has_shape("errors", self.errors, FLOAT64, (n_targets * n_experts,))
        must(np.isfinite(self.errors).all() and (self.errors >= 0).all(), "errors of at least 0")


class ByLikelihoodState(State):
    """`estimators.experts.ByLikelihood`."""

    weights: Array

    @staticmethod
    def of_one() -> dict[str, Any]:
        """The state where there is nothing to mix."""
        return {"weights": np.ones(1)}

    def fits(self, n_experts: int, n_targets: int) -> None:
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
            converted(AheadState, saved).runs_ahead(net)


class WaitingState(State):
    """`estimators.estimator.Waiting`."""

    row: Array
    said: Array


def with_parameters(state: Mapping[str, Any], added: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state with parameters that came later, where it lacks them."""
    parameters = state.get("parameters")
    if not isinstance(parameters, Mapping) or added.keys() <= parameters.keys():
        return state
    return {**state, "parameters": {**added, **parameters}}


class EstimatorState(State):
    """What the estimators have in common."""

    WHAT = "estimator"
    FORMAT = 2
    SWITCHES: ClassVar[str] = "SWITCHES"
    MIXTURE: ClassVar[type[ByErrorState] | type[ByLikelihoodState]] = ByErrorState
    ADDED: ClassVar[dict[str, Any]] = {"calendar": None}  # parameters that are not in format 1
    SAYS: ClassVar[int] = 0  # targets of which a row that waits has said something, before several
    format: Literal[2]
    parameters: dict[str, Any]
    experts: ExpertsState | None
    features: FeaturesState
    waiting: list[WaitingState]

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In format 1 there was one network, without a mixture."""
        if state.get("format") != 1:
            today = dict(with_parameters(state, {"calendar": None}))
            today["experts"] = cls.experts_today(today.get("experts"))
            waiting = today.get("waiting")
            if isinstance(waiting, list):
                today["waiting"] = [cls.waiting_today(row) for row in waiting]
            return today
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

    @classmethod
    def experts_today(cls, experts: Any) -> Any:
        """The experts as they would be written today."""
        if not isinstance(experts, Mapping) or not isinstance(experts.get("mixture"), Mapping):
            return experts
        return {**experts, "mixture": cls.MIXTURE.today(experts["mixture"])}

    @classmethod
    def waiting_today(cls, row: Any) -> Any:
        """A row that waits as it would be written today: before, there was one target."""
        if not isinstance(row, Mapping) or row.keys() != {"row", "base", "prediction"}:
            return row
        said = np.array([[row["base"]], [row["prediction"]]], float)
        return {"row": row["row"], "said": said[:, : cls.SAYS]}

    def n_own(self) -> int:
        """Inputs before those of the first feature."""
        return 0

    def n_outputs(self) -> int:
        """Outputs of the network."""
        return 1

    def __post_init__(self) -> None:
        parameters = self.parameters
        must({"n_cells", "block_size", "dtype"} <= parameters.keys(), "all parameters")
        check_size("n_cells", parameters["n_cells"])
        check_size("block_size", parameters["block_size"])
        n_inputs = self.features.fits(self.n_own())
        has_periods = bool(as_periods(parameters.get("calendar")))
        must((self.features.calendar is not None) == has_periods, "time stamps of a calendar")
        delay = check_size("delay", parameters.get("delay", 0), 0)
        must(len(self.waiting) <= delay + 1, "no more rows that wait than there may be")
        for waiting in self.waiting:
            has_shape("row", waiting.row, FLOAT64, (n_inputs,))
            has_shape("said", waiting.said, FLOAT64, (2, self.n_outputs() if self.SAYS else 0))
            no_infinity("a row that waits", waiting.row, waiting.said)
        if self.experts is None:
            must(not self.features.names, "no features without a network")
            return
        self.check_experts(self.experts, bool(delay))

    def check_experts(self, experts: ExpertsState, late: bool = False) -> None:
        """Whether networks and mixture are those of the parameters."""
        from pylstm.estimators import defaults

        parameters, n_inputs = self.parameters, self.features.fits(self.n_own())
        n_cells, block_size = parameters["n_cells"], parameters["block_size"]
        nets = experts.nets
        must(nets and len(experts.experts) == len(nets), "a network an expert")
        converted(self.MIXTURE, experts.mixture).fits(len(nets), self.n_outputs())
        experts.fits(late)
        switches = getattr(defaults, self.SWITCHES)
        wanted = {
            "n_inputs": n_inputs,
            "n_outputs": self.n_outputs(),
            "n_blocks": n_cells // block_size,
            "block_size": block_size,
            "n_units": 0,
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
        must(self.n or not self.scale, "a scale of errors where there were some")


class RegressorState(EstimatorState):
    """`estimators.Regressor`."""

    ADDED: ClassVar[dict[str, Any]] = {"delay": 0, "ordered": True, "calendar": None}
    SAYS = 1
    form: Literal["number", "mapping", "array"] | None
    targets: list[Any]
    last: Array
    error: Array
    spread: list[SpreadState]

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before, there was one target, and in format 1 nothing was known of its errors."""
        today = dict(super().today(state))
        if "form" in today or not {"last", "error"} <= today.keys():
            return today
        is_new = today.get("experts") is None
        spread = today.get("spread")
        return {
            **today,
            "form": None if is_new else "number",
            "targets": [] if is_new else [None],
            "last": np.array([today["last"]], float),
            "error": np.array([today["error"]], float),
            "spread": [Spread().state() if spread is None else spread],
        }

    def n_own(self) -> int:
        """The last target and its error, of every target."""
        parameters = self.parameters
        return 2 * len(self.last) if parameters.get("feedback") and parameters.get("ordered") else 0

    def n_outputs(self) -> int:
        """One a target."""
        return len(self.last)

    def __post_init__(self) -> None:
        distinct("names of targets", self.targets)
        n = max(1, len(self.targets))
        must((self.form is None) == (not self.targets), "a form of targets that have names")
        has_shape("last", self.last, FLOAT64, (n,))
        has_shape("error", self.error, FLOAT64, (n,))
        must(len(self.spread) == n, "a spread a target")
        must(self.form != "number" or self.targets == [None], "one target without a name")
        must(self.form != "array" or self.targets == list(range(n)), "targets by their places")
        must(self.features.own is not None or n == 1, "inputs for every target")
        no_infinity("the last target or error", self.last, self.error)
        EstimatorState.__post_init__(self)


class ClassifierState(EstimatorState):
    """`estimators.Classifier`."""

    SWITCHES = "CLASSIFIER_SWITCHES"
    ADDED: ClassVar[dict[str, Any]] = {**RegressorState.ADDED, "feedback": False}
    MIXTURE = ByLikelihoodState
    classes: list[Any]
    last: Array | None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """In format 1 no label was an input."""
        today = super().today(state)
        return {**today, "last": None} if state.get("format") == 1 else today

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
        must(self.features.own is not None or self.n_own() == 0, "inputs for the last label")
        EstimatorState.__post_init__(self)


class PastState(State):
    """`estimators.past.Past`."""

    past: Array
    last: float
    error: float
    n_rows: Count
    profiles: list[Array] | None

    def n_candidates(self, n_seasons: int) -> int:
        """What a forecast may start from."""
        return 1 + (2 + (self.profiles is not None)) * n_seasons

    def fits(self, seasons: Sequence[int]) -> None:
        """Whether it is of so many values."""
        if self.profiles is not None:
            must(len(self.profiles) == len(seasons), "a profile a season")
            for s, profile in zip(seasons, self.profiles, strict=True):
                has_shape("profiles", profile, FLOAT64, (2, s))
                must(np.isfinite(profile).all() and (profile[0] >= 0).all(), "means of a season")
        most = max((2, *(s + 1 for s in seasons)))
        has_shape("past", self.past, FLOAT64, (self.past.size,))
        must(self.past.size <= most, f"a past of at most {most} values")
        no_infinity("the past", self.past)
        no_infinity("the last target or error", self.last, self.error)


class SeenState(State):
    """`estimators.past.Seen`."""

    n: Count
    mean: float
    low: float
    high: float

    def __post_init__(self) -> None:
        no_infinity("what was seen", self.mean, self.low, self.high)
        must(not self.n or self.low <= self.high, "a range of what was seen")


class LeadsState(State):
    """`estimators.leads.Leads`."""

    counts: Array
    errors: Array
    walks: list[Count]
    spreads: list[SpreadState]

    def fits(self, n_simple: int, n_buckets: int) -> None:
        """Whether it is of so many leads and so much that is simple."""
        for name, values in (("counts", self.counts), ("errors", self.errors)):
            has_shape(name, values, FLOAT64, (n_buckets, 1 + n_simple))
            must(np.isfinite(values).all() and (values >= 0).all(), f"{name} of at least 0")
        must(len(self.spreads) == n_buckets, "a spread a bucket of leads")
        must(len(self.walks) == n_buckets, "a number of forecasts a bucket of leads")


def check_ahead(
    states: Sequence[Mapping[str, Any]], nets: Sequence[NetworkState], frozen: bool
) -> None:
    """Whether they are states of these networks that run ahead, frozen or with the same weights."""
    must(len(states) == len(nets), "a state ahead a network")
    for saved, net in zip(states, nets, strict=True):
        converted(FrozenState if frozen else AheadState, saved).runs_ahead(net)


class FollowedState(State):
    """`estimators.ahead.Walk`."""

    lead: Annotated[int, Meta(ge=0)]
    past: PastState
    origin: PastState
    mean: float
    shares: Array
    nets: list[dict[str, Any]]

    def fits(
        self,
        seasons: Sequence[int],
        nets: Sequence[NetworkState],
        longest: int,
        n_candidates: int,
        frozen: bool = False,
    ) -> None:
        """Whether it is ahead of these networks, or of what they were."""
        for past in (self.past, self.origin):
            past.fits(seasons)
            must(past.n_candidates(len(seasons)) == n_candidates, "profiles, or none")
        no_infinity("the mean", self.mean)
        must(frozen or self.lead <= longest, "a lead that is followed")
        width = 2 + n_candidates
        has_shape("shares", self.shares, FLOAT64, (bucket_of(longest) + 2, width))
        must((self.shares >= 0).all() and (self.shares <= 1).all(), "shares from 0 to 1")
        check_ahead(self.nets, nets, frozen)


class FollowedDirectlyState(State):
    """What `estimators.direct.Direct` follows."""

    walk: FollowedState
    nets: list[dict[str, Any]]


class DirectState(State):
    """`estimators.direct.Direct`."""

    experts: ExpertsState | None
    misses: Array
    errors: Array
    spread: SpreadState
    error: float
    waiting: Array
    followed: FollowedDirectlyState | None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before, no forecast was followed; errors were those of steps that were learned from."""
        experts = state.get("experts")
        if "errors" in state or not isinstance(experts, Mapping | None):
            return state
        nets = (experts or {}).get("nets")
        n = len(nets) if isinstance(nets, list) else 0
        spread = Spread().state()
        return {**state, "errors": np.zeros(1 + n), "spread": spread, "followed": None}

    def fits(
        self,
        horizon: int,
        seasons: Sequence[int],
        nets: Sequence[NetworkState],
        n_candidates: int,
    ) -> None:
        """Whether it is of this horizon, beside these networks."""
        has_shape("misses", self.misses, FLOAT64, (2, n_candidates))
        must((self.misses >= 0).all(), "misses of at least 0")
        own = self.experts.nets if self.experts else []
        has_shape("errors", self.errors, FLOAT64, (1 + len(own),))
        must(np.isfinite(self.errors).all() and (self.errors >= 0).all(), "errors of at least 0")
        n = len(self.waiting)
        must(n <= horizon, "no more rows that wait than the horizon has")
        width = 3 + len(seasons) + n_candidates + 1
        has_shape("waiting", self.waiting, FLOAT64, (n, width if n else 0))
        no_infinity("what waits", self.error, self.waiting)
        if self.followed is None:
            return
        must(own and n == horizon, "a forecast that is followed where one can be made")
        walk = self.followed.walk
        walk.fits(seasons, nets, longest_lead(seasons), n_candidates, frozen=True)
        must(walk.lead <= horizon, "a lead up to the horizon")
        check_ahead(self.followed.nets, own, frozen=True)


class ForecasterState(EstimatorState):
    """`estimators.Forecaster`."""

    last: float
    error: float
    spread: SpreadState | None
    past: Array
    misses: Array
    n_rows: Count = 0
    profiles: list[Array] | None = None
    seen: SeenState | None = None
    leads: LeadsState | None = None
    n_followed: Count = 0
    n_resting: Count = 0
    followed: FollowedState | None = None
    direct: DirectState | None = None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before, no forecast was followed, and none was learned directly."""
        today = dict(super().today(state))
        today.setdefault("spread", None)
        direct = today.get("direct")
        if isinstance(direct, Mapping):
            direct = {**direct, "experts": cls.experts_today(direct.get("experts"))}
            today["direct"] = DirectState.today(direct)
        if "leads" in today or not isinstance(today.get("parameters"), Mapping):
            return today
        new = {"seen": None, "leads": None, "n_followed": 0, "followed": None, "direct": None}
        new |= {"n_rows": 0, "n_resting": 0, "profiles": None}
        return {
            **today,
            "parameters": {"horizon": None, "calendar": None, **today["parameters"]},
            **new,
        }

    def _seasons(self) -> tuple[int, ...]:
        return as_seasons(self.parameters.get("season"))

    def n_own(self) -> int:
        """The last value, error and change; the values a season ago."""
        return 3 + len(self._seasons())

    def __post_init__(self) -> None:
        no_infinity("the last target or error", self.last, self.error)
        EstimatorState.__post_init__(self)
        seasons, horizon = self._seasons(), self.parameters.get("horizon")
        past = PastState(self.past, self.last, self.error, self.n_rows, self.profiles)
        past.fits(seasons)
        n_candidates = past.n_candidates(len(seasons))
        width = max(3, n_candidates) if self.profiles is None else n_candidates
        has_shape("misses", self.misses, FLOAT64, (2, width))
        must((self.misses >= 0).all(), "misses of at least 0")
        must((self.seen is None) == (self.leads is None), "errors by lead and what was seen")
        longest = longest_lead(seasons)
        if self.leads is not None:
            self.leads.fits(1 + n_candidates, bucket_of(longest) + 1)
        nets = self.experts.nets if self.experts else []
        if self.followed is not None:
            must(nets and self.leads is not None, "networks where a forecast is followed")
            self.followed.fits(seasons, nets, longest, n_candidates)
        must((self.direct is None) == (horizon is None), "a direct forecast for a horizon")
        if self.direct is None:
            return
        self.direct.fits(check_size("horizon", horizon), seasons, nets, n_candidates)
        must((self.direct.experts is None) == (self.experts is None), "networks of the horizon")
        if self.direct.experts is not None:
            self.check_experts(self.direct.experts)


class TailState(State):
    """`estimators.surprise.Tail`."""

    n: Count
    top: Array
    counts: Array

    def __post_init__(self) -> None:
        from pylstm.estimators.surprise import N_BINS, TOP

        has_shape("top", self.top, FLOAT64, (min(self.n, TOP + 1),))
        must(not np.isnan(self.top).any() and (self.top >= 0).all(), "sizes of at least 0")
        must((np.diff(self.top) >= 0).all(), "sizes in rising order")
        has_shape("counts", self.counts, INT64, (N_BINS,))
        counted = (self.counts >= 0).all() and sum(self.counts.tolist()) == self.n
        must(counted, "a histogram of all sizes")


class SurpriseState(State):
    """`estimators.surprise.Surprise`."""

    tails: list[list[TailState]]
    last: list[Array]

    def fits(self, n_forecasts: int) -> None:
        """Whether it goes with so many forecasts."""
        from pylstm.estimators.surprise import WINDOWS

        must(len(self.tails) == len(self.last) == n_forecasts, "tails of every forecast")
        must(all(len(tails) == len(WINDOWS) for tails in self.tails), "a tail a window")
        for last in self.last:
            has_shape("last", last, FLOAT64, (last.size,))
            must(last.size < max(WINDOWS), "errors of the last rows")
            must(np.isfinite(last).all(), "finite errors")


class SeasonState(State):
    """What is usual at each row of a season."""

    means: Array
    counts: Array
    place: Count

    def fits(self, size: int) -> None:
        """Whether it is a season of so many rows."""
        has_shape("means", self.means, FLOAT64, (size,))
        no_infinity("what is usual", self.means)
        has_shape("counts", self.counts, INT64, (size,))
        must((self.counts >= 0).all() and (self.counts <= 7).all(), "counts up to 7")
        must(((self.counts == 0) == np.isnan(self.means)).all(), "a mean where values are counted")
        must(self.place < size, "a place in the season")


class VariableState(State):
    """One variable of `estimators.Detector`."""

    model: dict[str, Any]
    season: SeasonState | None
    surprise: SurpriseState
    is_known: bool


class DetectorState(State):
    """`estimators.Detector`."""

    WHAT = "detector"
    FORMAT = 1
    format: Literal[1]
    parameters: dict[str, Any]
    names: list[Any]
    variables: list[VariableState]
    rest: Array

    def __post_init__(self) -> None:
        from pylstm.estimators.surprise import RESTING

        distinct("names of variables", self.names)
        must(len(self.names) == len(self.variables), "a name a variable")
        has_shape("rest", self.rest, FLOAT64, (self.rest.size,))
        must(self.rest.size <= RESTING, f"a rest of at most {RESTING} rows")
        must(np.isfinite(self.rest).all() and (self.rest >= 0).all(), "evidence of at least 0")
        season = self.parameters.get("season")
        for variable in self.variables:
            model = converted(RegressorState, variable.model)
            shared = {"feedback": True} | dict(self.parameters)
            shared.pop("season", None)
            fits = all(model.parameters.get(name) == value for name, value in shared.items())
            must(fits, "models with the parameters of the detector")
            must((variable.season is None) == (season is None), "a season where there is one")
            variable.surprise.fits(1 if season is None else 2)
            if variable.season is not None:
                variable.season.fits(check_size("season", season))


class BankFormState(State):
    """Keys of a bank that are of one form."""

    keys: list[Any]
    last: Array
    model: Any
    models: list[Any]
    sizes: Array
    records: Array

    def __post_init__(self) -> None:
        n = len(self.keys)
        has_shape("last", self.last, INT64, (n,))
        must((self.last >= 0).all(), "last rows of at least 0")
        if self.model is None:
            must(len(self.models) == n, "a model a key")
        else:
            must(not self.models, "records of a form")
            has_shape("sizes", self.sizes, INT64, (n,))
            must((self.sizes > 0).all(), "records of bytes")
            has_shape("records", self.records, np.dtype(np.uint8), (sum(self.sizes.tolist()),))


class BankState(State):
    """`estimators.Bank`."""

    WHAT = "bank"
    FORMAT = 1
    format: Literal[1]
    estimator: Any
    memory_limit: Annotated[int, Meta(ge=1)] | None
    max_age: Annotated[int, Meta(ge=1)] | None
    n_rows: Count
    classes: list[Any]
    has_text: bool
    forms: list[BankFormState]

    def __post_init__(self) -> None:
        distinct("classes", self.classes)
        for form in self.forms:
            for model in form.models if form.model is None else [form.model]:
                must(type(model) is type(self.estimator), "models like the first")
            must((form.last <= self.n_rows).all(), "last rows among those learned")
