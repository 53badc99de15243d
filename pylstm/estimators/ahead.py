"""Networks that run ahead of the stream: other states of the weights that learn.

As in `pylstm.Delayed` a second state reads the same memory of weights and never learns. It begins
where the networks stand, and goes on from what it is given: forecasts in place of the values, or
inputs that have waited. Copied is the state alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm._core import MOMENTS
from pylstm.estimators.experts import Experts
from pylstm.estimators.leads import Shares
from pylstm.estimators.past import Past
from pylstm.network import LSTM

__all__ = ["Ahead", "Walk"]

Array = npt.NDArray[Any]

_SHARED = ("parameters", "gradient", "eligibility", "traces", *MOMENTS)
_LARGEST = np.finfo(np.float64).max


class Ahead:
    """The state of experts, some steps ahead.

    Parameters
    ----------
    experts : Experts
        Whose weights are read, as they are at every step. Of networks without the truncated
        gradient the weights are copied too.
    nets : sequence of LSTM, optional
        Restored ones.
    """

    def __init__(self, experts: Experts, nets: Sequence[LSTM] | None = None) -> None:
        self._experts = experts
        self._nets = [net.copy() for net in experts.nets] if nets is None else list(nets)
        self._learners = list(experts.nets)
        self._follows = all(net._config()["gradient"] == "truncated" for net in experts.nets)
        if self._follows:
            for net, learner in zip(self._nets, self._learners, strict=True):
                net._follow(learner)
        self._n_inputs = experts.nets[0].n_inputs

    def fits(self, experts: Experts) -> bool:
        """Whether it is of these experts, as they are by now."""
        return (
            experts is self._experts
            and len(experts.nets) == len(self._nets)
            and experts.nets[0].n_inputs == self._n_inputs
        )

    def begin(self) -> None:
        """Be where the experts stand."""
        if not self._follows:
            self._nets = [net.copy() for net in self._learners]
            return
        for net, learner in zip(self._nets, self._learners, strict=True):
            net._stand_where(learner)

    def step(self, row: Array) -> float:
        """Make a step; return what the experts say together, NaN when they have diverged."""
        try:
            return self._step(row)
        except FloatingPointError:
            return math.nan
        except ValueError:
            if not np.isinf(row).any():
                raise
            return self._step(np.clip(row, -_LARGEST, _LARGEST))

    def _step(self, row: Array) -> float:
        experts = self._experts
        outputs = []
        for k, (net, learner) in enumerate(zip(self._nets, self._learners, strict=True)):
            view = experts.view(k, row)
            outputs.append(net._step_with(learner, view, None) if self._follows else net.step(view))
        output: float = experts.mixture.mix(outputs).item()
        return output

    def state(self) -> list[dict[str, Any]]:
        """Return what `restored` makes it from again, with the same experts."""
        states = []
        for net, learner in zip(self._nets, self._learners, strict=True):
            state = {k: v for k, v in net.__getstate__().items() if k not in _SHARED}
            states.append(state | {"optimizer": learner.optimizer.saved()})
        return states

    @classmethod
    def restored(cls, states: Sequence[Mapping[str, Any]], experts: Experts) -> Ahead:
        """Make the one whose `state` this is."""
        nets = []
        for state in states:
            net = LSTM.__new__(LSTM)
            net._restore_without_weights(state)
            nets.append(net)
        return cls(experts, nets)


class Origin(NamedTuple):
    """What was known when a forecast was made, beside the networks."""

    past: Past
    mean: float

    def simple(self, lead: int) -> list[float]:
        """What is simple of a row so far ahead: the mean, and what `Past.candidates` says."""
        return [self.mean, *self.past.candidates(lead)]


class Walk:
    """A forecast row after row: networks that go on from the forecasts that were made.

    Parameters
    ----------
    ahead : Ahead
    past : Past
    mean : float
        Of the values so far.
    shares : list of list of float
        By which it is mixed, see `pylstm.estimators.leads`; none where it is not.
    """

    def __init__(self, ahead: Ahead, past: Past, mean: float, shares: Shares) -> None:
        self.ahead, self.shares = ahead, shares
        self.lead = 0
        self.past = past.copy()
        self.origin = Origin(past.copy(), mean)

    def candidates(self, row: Array, start: float, n_own: int) -> list[float]:
        """Make a step to the next row, its features in `row`; return what is said of it."""
        row[:n_own] = self.past.inputs(1, self.past.error)
        self.lead += 1
        return [start + self.ahead.step(row), *self.origin.simple(self.lead)]

    def state(self) -> dict[str, Any]:
        """Return what `restored` makes it from again."""
        return {
            "lead": self.lead,
            "past": self.past.state(),
            "origin": self.origin.past.state(),
            "mean": self.origin.mean,
            "shares": np.array(self.shares),
            "nets": self.ahead.state(),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any], experts: Experts, seasons: Sequence[int]) -> Walk:
        """Make the one whose `state` this is."""
        past = Past(seasons)
        past.restore(state["origin"])
        shares = state["shares"].tolist()
        walk = cls(Ahead.restored(state["nets"], experts), past, float(state["mean"]), shares)
        walk.lead = state["lead"]
        walk.past = Past(seasons)
        walk.past.restore(state["past"])
        return walk
