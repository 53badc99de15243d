"""What the estimators have in common: parameters, a network that grows, rows in and out.

Symbols as in `pylstm.estimators.defaults`: x(t) features, y(t) target, u(t) inputs of the networks,
p(t) prediction. Every learned row is one step of each network; predictions, or steps of a copy,
change nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import numpy.typing as npt

from pylstm._core import Exclusive
from pylstm.checks import check_size, check_whole
from pylstm.copies import Copyable, check_fields
from pylstm.errors import brief
from pylstm.estimators.calendar import Calendar, as_periods
from pylstm.estimators.defaults import SWITCHES, UNORDERED_EXPERTS, default_optimizer
from pylstm.estimators.expert import Expert
from pylstm.estimators.experts import Experts
from pylstm.estimators.features import Features
from pylstm.estimators.mixture import ByError, Mixture
from pylstm.estimators.rows import Columns, Learner
from pylstm.estimators.table import Table
from pylstm.network import LSTM, Unbuilt
from pylstm.optimizers import Optimizer
from pylstm.registry import as_today, check_state

__all__ = ["Array", "Estimator", "Row", "Shown", "Waiting"]

Array = npt.NDArray[Any]
Row = Mapping[Any, Any]  # a Mapping is invariant in its keys: any dict of names is one
Result = TypeVar("Result")

_STATE_FORMAT = 2
# Keywords of LSTM that an estimator sets itself.
_SET_HERE = {
    *("n_inputs", "n_outputs", "n_blocks", "block_size", "output", "loss", "dtype", "seed"),
    *("optimizer", "scale_inputs", "scale_targets"),
    *(
        "skip_inputs",
        "skip_outputs",
        "bidirectional",
    ),  # of one layer, which grows with its features
}


@dataclass
class Waiting:
    """A row that was predicted, and whose target has not come.

    Parameters
    ----------
    row : ndarray
        Inputs, as they were then.
    said : ndarray, shape (2, n_targets)
        What the outputs were added to, and what came of it; nothing of labels.
    """

    row: Array
    said: Array

    def state(self) -> dict[str, Any]:
        """Return the arguments it is made of, copies."""
        return {"row": self.row.copy(), "said": self.said.copy()}


class Shown(Copyable):
    """What keeps the arguments of its constructor as attributes, and shows those not default."""

    def __repr__(self) -> str:
        given = [
            f"{name}={brief(getattr(self, name))}"
            for name, parameter in signature(type(self)).parameters.items()
            if getattr(self, name) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"


class Estimator(Shown):
    """What the three have in common: parameters, a network that grows, names of features."""

    n_cells: int
    block_size: int
    optimizer: Optimizer | None
    network: Mapping[str, Any] | None
    dtype: str
    seed: int
    delay: int = 0
    ordered: bool = True
    calendar: bool | str | Sequence[str] | None = None
    _n_own: int = 0
    _schema: ClassVar[str]
    _experts_wanted: ClassVar[tuple[Expert, ...]]
    _mixture: ClassVar[type[Mixture]] = ByError

    def _set_up(self, **parameters: Any) -> None:
        """Keep the arguments of the constructor, refuse those no network can be made of."""
        for name, value in parameters.items():
            setattr(self, name, value)
        self._exclusive = Exclusive(type(self).__name__)
        self._experts: Experts | None = None
        self._features = self._new_features()
        self._before: tuple[Any, ...] | None = None
        self._waiting: deque[Waiting] = deque()
        check_size("delay", self.delay, 0)
        check_size("n_cells", self.n_cells)
        check_size("block_size", self.block_size)
        check_whole("seed", self.seed, 0)
        if not isinstance(self.network, Mapping | None):
            raise TypeError(
                f"network is {brief(self.network)}, wanted a dict of keywords of pylstm.LSTM"
            )
        taken = sorted(_SET_HERE.intersection(self.network or ()))
        if taken:
            raise ValueError(
                f"network names {brief(taken[0])}, which the estimator sets itself: wanted other "
                "keywords of pylstm.LSTM"
            )
        self._new_network(Expert(), 0, 1, 1, Unbuilt)

    def _new_features(self) -> Features:
        periods = as_periods(self.calendar)
        return Features(self._n_own, Calendar(periods) if periods else None)

    def _new_experts(self) -> Experts:
        """As many as there are by default, or one with the optimizer that was given."""
        wanted = self._experts_wanted if self.ordered else UNORDERED_EXPERTS
        if self.optimizer is not None:
            wanted = wanted[:1] if not self.ordered else (Expert(),)
        size, n_outputs = self._features.size, self._n_outputs()
        nets = [self._new_network(e, k, size, n_outputs) for k, e in enumerate(wanted)]
        return Experts(
            wanted, nets, self._features, self._mixture(len(nets), n_outputs), bool(self.delay)
        )

    def _new_network(
        self, expert: Expert, k: int, n_inputs: int, n_outputs: int, kind: type[LSTM] = LSTM
    ) -> LSTM:
        n_blocks, rest = divmod(self.n_cells, self.block_size)
        if rest:
            raise ValueError(
                f"n_cells is {self.n_cells} and block_size is {self.block_size}: wanted a number "
                "of cells that block_size divides"
            )
        return kind(
            n_inputs,
            n_outputs,
            n_blocks,
            self.block_size,
            **{**self._switches(), **(self.network or {})},
            dtype=self.dtype,
            seed=self.seed + k,
            optimizer=default_optimizer(expert.rate) if self.optimizer is None else self.optimizer,
        )

    def _switches(self) -> Mapping[str, Any]:
        return SWITCHES

    def _n_outputs(self) -> int:
        return 1

    def _fill(self, x: Row) -> None:
        """Write a row to learn from into the inputs; a new name gets weights first."""
        features = self._features
        if self.ordered:
            features.check_time(x)
        if features.fill(x) and self._experts is not None:
            return
        self._remember()
        features.add(x)
        if self._experts is None:
            self._experts = self._new_experts()
        else:
            self._grow()
        features.fill(x)

    def _learns_numbers(self, X: Table) -> bool:
        """Whether rows can be learned without a return to Python between them."""
        return (
            X.numbers is not None
            and X.n_rows > 0
            and not self.delay
            and self._features.takes_numbers(X.names)
            and not self._may_be_refused_midway()
        )

    def _know_columns(self, X: Table, n_rows: int | None = None) -> None:
        """Columns of numbers, or their first rows, get weights where they are new."""
        assert X.numbers is not None
        if self._experts is not None and self._features.knows_numbers(X.names):
            return
        columns = zip(X.names, X.numbers[:n_rows].T, strict=True)
        first = {name: math.nan if np.isnan(c).all() else 0.0 for name, c in columns}
        self._fill(first)
        self._features.settle(first)

    def _columns(self, X: Table, part: slice = slice(None)) -> Columns:
        """Rows of numbers, or part of them; names never learned from are left out."""
        assert X.numbers is not None
        known = [k for k, name in enumerate(X.names) if name in self._features.places]
        numbers = X.numbers[part]
        if len(known) < len(X.names):
            numbers = numbers[:, known].copy()
        return Columns(self._features, [X.names[k] for k in known], numbers)

    def _grow(self) -> None:
        """Give the networks, and the rows that wait, the inputs that have come to be known."""
        assert self._experts is not None
        self._experts.grow(self._features, self._n_outputs())
        size = self._features.size
        for waiting in self._waiting:
            missing = size - waiting.row.size
            waiting.row = np.pad(waiting.row, (0, missing), constant_values=math.nan)

    def _has_record(self) -> bool:
        """Whether all that rows change beside the networks has its place by now."""
        return True

    def _named(self) -> Any:
        """The names of what the outputs are."""
        return None

    def _new_learner(self) -> Learner:
        """Rows on their way through the networks there are."""
        raise NotImplementedError

    def _as_said(self, said: Array, shares: bool) -> Any:
        """Rows of what the networks have said, as `predict_many` returns them; of labels the
        `shares` by label."""
        raise NotImplementedError

    def _take_from(self, learner: Any) -> None:
        """Know what a learner has come to know."""

    def _remember(self) -> None:
        """Before names or labels are added: what `_take_back` brings back if the row is refused."""
        if self._before is None:
            experts = None if self._experts is None else self._experts.state()
            waiting = [(row, row.row, row.said) for row in self._waiting]
            self._before = (experts, self._features.state(), waiting)

    def _take_back(self) -> None:
        """A row is refused: what it has added goes again."""
        if self._before is None:
            return
        experts, features, waiting = self._before
        self._before = None
        self._waiting.clear()
        for row, inputs, said in waiting:
            row.row, row.said = inputs, said
            self._waiting.append(row)
        self._features.restore(features)
        self._restore_experts(experts)

    def _may_be_refused_midway(self) -> bool:
        """Whether a schedule of the user's is asked after another network has learned."""
        experts = self._experts
        return experts is not None and experts.has_schedule and len(experts.nets) > 1

    def _all_or_nothing(self, change: Callable[..., Result], *arguments: Any) -> Result:
        """Make a change; where it is refused, nothing has changed."""
        if self._may_be_refused_midway():
            self._remember()
        try:
            result = change(*arguments)
        except Exception:
            self._take_back()
            raise
        self._before = None
        return result

    def _restore_experts(self, state: Mapping[str, Any] | None) -> None:
        self._experts = None
        if state is not None:
            late = bool(self.delay)
            self._experts = Experts.restored(state, self._features, self._mixture, late)

    @property
    def net(self) -> LSTM | None:
        """The network with the largest weight in the mixture; None before the first row."""
        return None if self._experts is None else self._experts.best

    @property
    def nets(self) -> list[LSTM]:
        """The networks, which are mixed by their losses: a single one if an optimizer was given."""
        return [] if self._experts is None else list(self._experts.nets)

    @property
    def n_steps(self) -> int:
        """Number of rows the networks have made a step for."""
        return 0 if self._experts is None else self._experts.nets[0].n_steps

    @property
    def feature_names(self) -> list[Hashable]:
        """Names of the features seen so far; each has two inputs, the number and its change.

        Text has a feature a value, whose name is a pair: ("colour", "red").
        """
        return list(self._features.places)

    @property
    def feature_scales(self) -> dict[Hashable, tuple[float, float]]:
        """Mean and deviation of every feature by name, as `net` knows them and standardises by.

        Those of the targets are ``net.target_scale``.

        Examples
        --------
        >>> from pylstm.estimators import Regressor
        >>> model = Regressor(4)
        >>> for hour in range(24):
        ...     model.learn_one({"hour": hour}, 20.0)
        >>> mean, deviation = model.feature_scales["hour"]
        >>> round(mean, 3), round(deviation, 3)
        (11.5, 6.922)
        """
        scale = None if self.net is None else self.net.input_scale
        if scale is None:
            return {}
        means, deviations = scale.mean.tolist(), scale.deviation.tolist()
        return {name: (means[k], deviations[k]) for name, k in self._features.places.items()}

    def reset(self) -> None:
        """Set the state to that of a new sequence; what was learned stays.

        State and traces of the networks, the last row and what is known of the last targets.
        """
        with self._exclusive:
            self._forget()

    def _forget(self) -> None:
        if self._experts is not None:
            self._experts.reset()
        self._features.forget()
        self._waiting.clear()

    def _check_waiting(self) -> None:
        """Refuse a row to predict while as many as may wait for their targets do."""
        if len(self._waiting) > self.delay:
            raise RuntimeError(
                f"{len(self._waiting)} rows wait for their targets: with delay={self.delay} wanted "
                "learn_one for the first of them before the next prediction, y None if none comes"
            )

    def _share(self, other: Self) -> None:
        """Learn from now on with another one: the same weights, and all else of its own."""
        assert self._experts is not None
        assert other._experts is not None
        theirs = dict(zip(other._experts.experts, other._experts.nets, strict=True))
        for expert, net in zip(self._experts.experts, self._experts.nets, strict=True):
            if expert in theirs:  # one that has diverged is in neither
                net._share(theirs[expert])

    def copy(self) -> Self:
        """Return an independent copy that goes on exactly as this estimator would.

        What rows change is copied as it is; nothing is built or checked.
        """
        with self._exclusive:
            other = type(self).__new__(type(self))
            vars(other).update(vars(self) | self._copied_parts())
            return other

    def _copied_parts(self) -> dict[str, Any]:
        """Copies of the attributes that rows change in place."""
        features = self._new_features()
        features.restore(self._features.state())
        return {
            "_exclusive": Exclusive(type(self).__name__),
            "_before": None,
            "_features": features,
            "_experts": None if self._experts is None else self._experts.copy(),
            "_waiting": deque(Waiting(**waiting.state()) for waiting in self._waiting),
        }

    def __getstate__(self) -> dict[str, Any]:
        with self._exclusive:
            return self._state()

    def _state(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "parameters": {name: getattr(self, name) for name in signature(type(self)).parameters},
            "experts": None if self._experts is None else self._experts.state(),
            "features": self._features.state(),
            "waiting": [waiting.state() for waiting in self._waiting],
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        state = as_today(self._schema, state)
        check_state(self._schema, state)
        check_fields("estimator", state["parameters"], signature(type(self)).parameters)
        type(self).__init__(self, **state["parameters"])
        self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that has been checked."""
        self._features.restore(state["features"])
        self._restore_experts(state["experts"])
        self._waiting.extend(Waiting(**waiting) for waiting in state["waiting"])
