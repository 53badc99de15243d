"""Several networks on one stream, each with a rate and a view of its own, mixed by their losses.

No rate is right for every stream, and no memory is of use where the order of the rows means
nothing. So an estimator that was given no optimiser asks a few networks, which differ in what an
`Expert` says, and mixes what they put out, by what their losses have been so far:

    numbers   p = sum_k w_k y_k      w_k = m_k^-16 / sum_j m_j^-16                  `ByError`
              m_k the mean absolute error of expert k, over the last thousand rows or so
    classes   p = softmax(sum_k a_k log y_k)    a_k += 0.005 (t - p) . log y_k      `ByLikelihood`

The first follows the best of few experts closely, without adding up what one of them says wrongly;
the second is the logarithmic opinion pool, its weights learned by the gradient of its own
cross-entropy, as context mixing does it (Mattern, Mixing strategies in data compression, 2012): it
takes what every expert knows, and sharpens or blunts it to the frequencies that come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm.delayed import state_without_weights
from pylstm.estimators.features import Features
from pylstm.network import LSTM

__all__ = ["LEAST_PROBABILITY", "ByError", "ByLikelihood", "Expert", "Experts"]

Array = npt.NDArray[Any]

_ROWS_REMEMBERED = 1000  # of errors
_POWER = -16  # of a mean absolute error
_WILD = 20.0  # times the mean error: no larger one is believed at once
_POOL_RATE = 0.005
LEAST_PROBABILITY = 1e-4


class Expert(NamedTuple):
    """How one of the networks of an estimator differs from the others.

    Parameters
    ----------
    rate : float or None
        Of its optimiser; None for the rate of the optimiser that was given.
    memory : bool
        Whether its state goes on from row to row, or every row stands alone.
    own : bool
        Whether it sees what the estimator knows of past targets.
    changes : bool
        Whether it sees the changes of the features since the row before.
    """

    rate: float | None = None
    memory: bool = True
    own: bool = True
    changes: bool = True


class ByError:
    """Numbers are mixed by the mean absolute errors of the experts, every target for itself."""

    def __init__(self, n_experts: int, n_targets: int = 1) -> None:
        self.n_experts = n_experts
        self.n_rows: list[int] = []
        self.errors: list[list[float]] = []
        self._shares: list[list[float]] = []
        self.grow(n_targets)

    def grow(self, n_targets: int) -> None:
        """There are so many targets by now."""
        for _ in range(n_targets - len(self.n_rows)):
            self.n_rows.append(0)
            self.errors.append([0.0] * self.n_experts)
            self._shares.append([1 / self.n_experts] * self.n_experts)

    @property
    def weights(self) -> list[Any]:
        """An expert's: a number, or one a target."""
        shares = self._shares
        return shares[0] if len(shares) == 1 else list(np.transpose(shares))

    def mix(self, outputs: Sequence[Array]) -> Array:
        """What the experts say together."""
        return np.array(self._mixed([output.tolist() for output in outputs]))

    def _mixed(self, said: list[list[float]]) -> list[float]:
        return [
            sum(share * outputs[j] for share, outputs in zip(shares, said, strict=True))
            for j, shares in enumerate(self._shares)
        ]

    def learn(self, outputs: Sequence[Array], target: Array) -> Array:
        """Remember how far off every expert was; return what they said together."""
        said = [output.tolist() for output in outputs]
        mixed = np.array(self._mixed(said))
        if len(outputs) > 1:
            for j, wanted in enumerate(target.tolist()):
                if wanted == wanted:
                    self._learn_target(j, wanted, said)
        return mixed

    def _learn_target(self, j: int, wanted: float, said: list[list[float]]) -> None:
        self.n_rows[j] = n = min(self.n_rows[j] + 1, _ROWS_REMEMBERED)
        errors = self.errors[j]
        for k, outputs in enumerate(said):
            error, mean = abs(wanted - outputs[j]), errors[k]
            if mean and n > 1:
                error = min(error, _WILD * mean)
            errors[k] += (error - mean) / n
        self._weigh(j)

    def _weigh(self, j: int) -> None:
        errors = self.errors[j]
        least = min(errors)
        shares = [(m / least) ** _POWER if least else float(m == 0) for m in errors]
        total = sum(shares)
        self._shares[j] = [share / total for share in shares]

    def drop(self, k: int) -> None:
        """Expert k is there no more."""
        self.n_experts -= 1
        for j, errors in enumerate(self.errors):
            del errors[k]
            self._weigh(j)

    @property
    def best(self) -> int:
        """The expert that counts most, of the targets together."""
        return int(np.sum(self._shares, axis=0).argmax())

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {"n_rows": list(self.n_rows), "errors": np.array(self.errors).ravel()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.n_rows = list(state["n_rows"])
        self.errors = state["errors"].reshape(len(self.n_rows), -1).tolist()
        self._shares = [[] for _ in self.n_rows]
        for j in range(len(self.n_rows)):
            self._weigh(j)


class ByLikelihood:
    """Probabilities are pooled, with weights that follow the gradient of the cross-entropy."""

    def __init__(self, n_experts: int, n_targets: int = 1) -> None:
        self.weights = np.full(n_experts, 1 / n_experts)

    def grow(self, n_targets: int) -> None:
        """There are so many classes by now, which are weighed alike."""

    def _pool(self, outputs: Sequence[Array]) -> tuple[Array, Array]:
        logs = np.log(np.maximum(outputs, LEAST_PROBABILITY, dtype=np.float64))
        logs -= logs.mean(1, keepdims=True)
        net = self.weights @ logs
        shares = np.exp(net - net.max())
        return logs, shares / shares.sum()

    def mix(self, outputs: Sequence[Array]) -> Array:
        """What the experts say together."""
        return outputs[0] if len(outputs) == 1 else self._pool(outputs)[1]

    def learn(self, outputs: Sequence[Array], target: Array) -> Array:
        """Move the weights to where the target is more probable; return what was said before."""
        if len(outputs) == 1:
            return outputs[0]
        logs, pooled = self._pool(outputs)
        self.weights += _POOL_RATE * (logs @ (target - pooled))
        return pooled

    def drop(self, k: int) -> None:
        """Expert k is there no more."""
        self.weights = np.delete(self.weights, k)

    @property
    def best(self) -> int:
        """The expert that counts most."""
        return int(np.argmax(self.weights))

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {"weights": self.weights.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.weights = state["weights"].copy()


class Experts:
    """The networks of an estimator, as if they were one.

    Parameters
    ----------
    experts : sequence of Expert
    nets : sequence of LSTM
        One an expert.
    features : Features
        Whose row they are given.
    mixture : ByError or ByLikelihood
    late : bool
        Whether targets come rows later: then every expert with a memory has a second state, which
        is at the present row and reads the same weights, as in `pylstm.Delayed`.
    """

    def __init__(
        self,
        experts: Sequence[Expert],
        nets: Sequence[LSTM],
        features: Features,
        mixture: ByError | ByLikelihood,
        late: bool = False,
    ) -> None:
        self.experts, self.nets = list(experts), list(nets)
        self.mixture = mixture
        self.ahead: list[LSTM] = []
        if late:
            pairs = zip(experts, nets, strict=True)
            self.ahead = [net.copy() if expert.memory else net for expert, net in pairs]
        self._follow()
        self.look(features)

    def _follow(self) -> None:
        for ahead, net in zip(self.ahead, self.nets, strict=False):
            if ahead is not net:
                ahead._follow(net)

    def look(self, features: Features) -> None:
        """Find out anew which of the inputs every expert sees."""
        self._seen: list[Array | None] = []
        for expert in self.experts:
            seen = features.sees(expert.own, expert.changes)
            self._seen.append(None if seen.all() else seen)
        self._views = np.full((len(self.experts), features.size), np.nan)

    def view(self, k: int, row: Array) -> Array:
        """The row as expert k sees it: NaN, which stands for the mean, in place of the rest."""
        seen = self._seen[k]
        if seen is None:
            return row
        view: Array = self._views[k]
        np.copyto(view, row, where=seen)
        return view

    def predict(self, row: Array) -> Array:
        """What the experts say of a row together; nothing changes."""
        predictions = [net.predict(self.view(k, row)) for k, net in enumerate(self.nets)]
        return self.mixture.mix(predictions)

    def see(self, row: Array) -> Array:
        """What the experts say of a row whose target comes later; the states ahead go on."""
        outputs = []
        for k, (ahead, net) in enumerate(zip(self.ahead, self.nets, strict=True)):
            view = self.view(k, row)
            outputs.append(net.predict(view) if ahead is net else ahead._step_with(net, view, None))
        return self.mixture.mix(outputs)

    def step(self, row: Array, target: Array | None, weight: float = 1.0) -> Array:
        """Learn from a row; return what was said of it. An expert that diverges is left out.

        The gradient is multiplied by `weight`; of numbers the target may be NaN in part.
        """
        outputs: list[Array] = []
        for expert, net in zip(list(self.experts), list(self.nets), strict=True):
            k = len(outputs)
            try:
                outputs.append(net._step_weighted(self.view(k, row), target, weight))
            except FloatingPointError:
                if len(self.nets) == 1:
                    raise
                self._drop(k)
                continue
            if not expert.memory:
                net.reset()
        return self.mixture.mix(outputs) if target is None else self.mixture.learn(outputs, target)

    def _drop(self, k: int) -> None:
        del self.experts[k], self.nets[k], self.ahead[k : k + 1], self._seen[k]
        self._views = np.delete(self._views, k, 0)
        self.mixture.drop(k)

    def grow(self, features: Features, n_outputs: int) -> None:
        """Give every network the inputs the features have by now, and so many outputs."""
        for net in self.nets:
            net.grow(n_inputs=features.size, n_outputs=n_outputs)
        for ahead, net in zip(self.ahead, self.nets, strict=False):
            if ahead is not net:
                ahead.grow(n_inputs=features.size, n_outputs=n_outputs)
        self.mixture.grow(n_outputs)
        self._follow()
        self.look(features)

    def reset(self) -> None:
        """A new sequence begins."""
        for net in (*self.nets, *self.ahead):
            net.reset()

    @property
    def best(self) -> LSTM:
        """The network that counts most."""
        return self.nets[self.mixture.best]

    def copy(self, features: Features) -> Experts:
        """Independent ones that go on as these would, given the rows of other features."""
        mixture = type(self.mixture)(len(self.nets))
        mixture.restore(self.mixture.state())
        made = Experts(self.experts, [net.copy() for net in self.nets], features, mixture)
        for ahead, net, copy in zip(self.ahead, self.nets, made.nets, strict=False):
            made.ahead.append(copy if ahead is net else ahead.copy())
        made._follow()
        return made

    def state(self) -> dict[str, Any]:
        """Return what `restore` makes it from again."""
        return {
            "experts": [expert._asdict() for expert in self.experts],
            "nets": [net.__getstate__() for net in self.nets],
            "mixture": self.mixture.state(),
            "ahead": [
                state_without_weights(ahead)
                for ahead, net in zip(self.ahead, self.nets, strict=False)
                if ahead is not net
            ],
        }

    @classmethod
    def restored(
        cls,
        state: Mapping[str, Any],
        features: Features,
        mixture: Callable[[int], ByError | ByLikelihood],
        late: bool = False,
    ) -> Experts:
        """Make the one whose `state` this is."""
        nets = []
        for saved in state["nets"]:
            net = LSTM.__new__(LSTM)
            net.__setstate__(saved)
            nets.append(net)
        experts = [Expert(**expert) for expert in state["experts"]]
        mixed = mixture(len(nets))
        mixed.restore(state["mixture"])
        made = cls(experts, nets, features, mixed)
        if late:
            states = iter(state["ahead"])
            for expert, net in zip(experts, nets, strict=True):
                ahead = net
                if expert.memory:
                    ahead = LSTM.__new__(LSTM)
                    ahead._restore_without_weights(next(states))
                made.ahead.append(ahead)
            made._follow()
        return made
