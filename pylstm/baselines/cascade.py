"""The CascadeCorrelation class: a network that grows by self-recurrent units, one at a time."""

from __future__ import annotations

import math
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from pylstm._core import UPDATE_AT_END
from pylstm.baselines.correlation import correlate, tanh_half
from pylstm.baselines.learner import Learner
from pylstm.baselines.packing import Packing
from pylstm.baselines.quickprop import quickprop_step
from pylstm.checks import check_real, check_size, generator, within_memory
from pylstm.optimizers import SGD, Optimizer

__all__ = ["CascadeCorrelation"]

Array = npt.NDArray[Any]

# Added to the derivative of the outputs, so that those saturated on the wrong side still learn
# (Fahlman 1988).
_LEAST_SLOPE = 0.1

# Size of the weights with which the outputs see a new unit.
_NEW_WEIGHT = 0.1


def _check_positive(name: str, value: float) -> float:
    return check_real(name, value, math.ulp(0.0), math.inf, "a finite number above 0")


def _logistic(net: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * net)


class CascadeCorrelation(Learner):
    """Recurrent cascade-correlation: units that see all units before them and themselves.

    Each step computes, with z(t) = [x(t); 1; a_1(t); ...; a_{k-1}(t)] for unit k,

        a_k(t) = tanh_half(w_k z(t) + s_k a_k(t-1))
        y(t) = logistic(V [x(t); 1; a_1(t); ...; a_n(t)])

    It begins without units. Two phases alternate (Fahlman & Lebiere 1990; with the weight s_k of
    a unit to itself, Fahlman 1991): the outputs learn by quickprop until they are stuck; then a
    pool of candidates learns to have the largest summed covariance with the errors dL/dnet of the
    outputs, see `correlate`, and when these are stuck the best is installed: its weights never
    change again, the outputs and all later units see it. A phase is stuck when its loss or best
    score has not improved by the part `min_gain` within `patience` epochs, or after `max_epochs`.

    Learning is by whole sets: a call of ``run_sequences(X, targets, lengths)`` is one epoch over
    the sequences given, of the phase it is in; best the same sequences at every call. Errors are
    those of the steps that have a target. `step`, `predict` and `run` answer.

    Parameters
    ----------
    n_inputs, n_outputs : int
        At least 1.
    n_candidates : int, default 8
        Candidates in a pool.
    max_units : int, default 25
        With so many only the outputs go on learning.
    patience : int, default 16
        Epochs.
    min_gain : float, default 0.005
    max_epochs : int, default 150
        Of a phase.
    max_growth : float, default 1.75
        Of quickprop, see `quickprop_step`.
    candidate_rate : float, default 1.0
        Quickprop's rate for candidates, over the number of steps that have a target.
    init_range : float, default 1.0
        Candidates start uniformly distributed in [-init_range, init_range), the outputs in
        a fifth of it; new weights of the outputs are 0.1 against the sign of the covariance.
    optimizer : SGD, default SGD(0.35)
        Its rate is quickprop's for the outputs, over the number of steps that have a target;
        momentum 0.
    seed : int or numpy Generator, default 0

    Raises
    ------
    ValueError, TypeError
        For a size or number that makes no sense.

    Notes
    -----
    An epoch costs a pass over the sequences for every unit, and in the second phase one there and
    back for all candidates together, a few milliseconds for some thousand steps. The defaults are
    chosen here and not taken from a paper.

    For 7 inputs and outputs HS97 estimates 119 to 198 weights with 7 to 9 units: 119 is 7 units,
    each seeing the inputs and the units before it, and outputs that see units alone; 198 is 9 units
    that all see each other. Here, with the outputs' view of the inputs, biases and weights of units
    to themselves, 7 to 9 units have 189 to 236.

    Examples
    --------
    Which of two symbols came first, three steps ago:

    >>> import numpy as np
    >>> from pylstm.baselines import CascadeCorrelation
    >>> X = np.array([0, 2, 2, 1, 2, 2])
    >>> net = CascadeCorrelation(n_inputs=3, n_outputs=1)
    >>> for epoch in range(300):
    ...     Y = net.run_sequences(X, [[0.0], [1.0]], [3, 3], last=True)
    >>> Y.round(1).tolist()
    [[0.0], [1.0]]
    """

    _schema = "baselines.CascadeCorrelation"

    @within_memory()
    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        n_candidates: int = 8,
        max_units: int = 25,
        patience: int = 16,
        min_gain: float = 0.005,
        max_epochs: int = 150,
        max_growth: float = 1.75,
        candidate_rate: float = 1.0,
        init_range: float = 1.0,
        optimizer: Optimizer | None = None,
        seed: int | np.random.Generator = 0,
    ) -> None:
        super().__init__(n_inputs, n_outputs, SGD(0.35) if optimizer is None else optimizer)
        self._n_candidates = check_size("n_candidates", n_candidates)
        self._max_units = check_size("max_units", max_units, 0)
        self._patience = check_size("patience", patience)
        self._max_epochs = check_size("max_epochs", max_epochs)
        self._min_gain = _check_positive("min_gain", min_gain)
        self._max_growth = _check_positive("max_growth", max_growth)
        self._candidate_rate = _check_positive("candidate_rate", candidate_rate)
        self._init_range = _check_positive("init_range", init_range)
        self._rng = generator(seed)
        self._n_epochs = 0
        self._last_slope: Array
        self._last_step: Array
        limit = self._init_range / 5
        self._hold({"output": self._rng.uniform(-limit, limit, (n_outputs, n_inputs + 1))})
        self._begin_phase("outputs")

    # ---------------------------------------------------------------- what it is

    @property
    def n_units(self) -> int:
        """Number of units installed so far."""
        return len(self._parameters) - 1

    @property
    def phase(self) -> str:
        """What learns in the next epoch: "outputs" or "candidates"."""
        return self._phase

    @property
    def n_epochs(self) -> int:
        """Number of epochs so far."""
        return self._n_epochs

    def _unit_weights(self) -> list[Array]:
        """The weights of each unit in order, the one to itself last."""
        return [self._parameters[f"unit_{k}"][0] for k in range(self.n_units)]

    # ---------------------------------------------------------------- a step, a sequence

    def _clear(self) -> None:
        self._activations = np.zeros(self.n_units)

    def _forward(self, x: Array) -> Array:
        z = np.concatenate([x, [1.0], np.zeros(self.n_units)])
        for k, w in enumerate(self._unit_weights(), start=len(x) + 1):
            own = k - len(x) - 1
            z[k] = tanh_half(w[:-1] @ z[:k] + w[-1] * self._activations[own])
        self._activations = z[len(x) + 1 :].copy()
        return _logistic(self._parameters["output"] @ z)

    def _run(self, X: Array, targets: Array | None, every: int) -> Array:
        if targets is not None:
            self._refuse_steps()
        return super()._run(X, None, every)

    def learn(self, target: npt.ArrayLike, update: bool = True) -> float:
        """Not here: raises a TypeError that says what to use."""
        self._refuse_steps()

    def gradient(self, X: npt.ArrayLike, targets: npt.ArrayLike) -> dict[str, Array]:
        """Not here, where the weights of units follow no loss: raises a TypeError."""
        self._refuse_steps()

    def _refuse_steps(self) -> NoReturn:
        raise TypeError(
            "cascade-correlation learns from whole sets of sequences: wanted "
            "run_sequences(X, targets, lengths), an epoch a call"
        )

    # ---------------------------------------------------------------- an epoch

    @np.errstate(over="ignore", invalid="ignore")  # told once, as FloatingPointError
    def _run_sequences(
        self, X: Array, targets: Array | None, lengths: Array, last: bool, every: int
    ) -> Array:
        if targets is not None and every != UPDATE_AT_END:
            raise TypeError(
                "cascade-correlation changes its weights once an epoch: wanted update='sequence'"
            )
        packing = Packing(lengths)
        sources = self._sources(X[packing.rows], packing)
        outputs = _logistic(sources @ self._parameters["output"].T)
        Y = np.empty_like(outputs)
        Y[packing.rows] = outputs
        self._n_steps += len(X)
        wanted = targets
        if last:
            ends = np.cumsum(lengths) - 1
            if targets is not None:
                wanted = np.full_like(Y, np.nan)
                wanted[ends] = targets
            Y = Y[ends]
        self._check_finite(Y)
        if wanted is not None:
            self._learn_epoch(sources, outputs, wanted[packing.rows], packing)
        self.reset()
        return Y

    def _sources(self, X: Array, packing: Packing) -> Array:
        """What the outputs see, [x; 1; units], from packed inputs, (n_steps, n_inputs + 1 + n)."""
        n_seen = self.n_inputs + 1
        sources = np.zeros((len(X), n_seen + self.n_units))
        if X.ndim == 1:
            sources[np.arange(len(X)), X] = 1
        else:
            sources[:, : self.n_inputs] = X
        sources[:, self.n_inputs] = 1
        for k, w in enumerate(self._unit_weights(), start=n_seen):
            net = sources[:, :k] @ w[:-1]
            sources[:, k] = packing.scan(net[:, None], w[-1], tanh_half)[:, 0]
        return sources

    def _learn_epoch(self, sources: Array, outputs: Array, wanted: Array, packing: Packing) -> None:
        has_target = ~np.isnan(wanted[:, 0])
        n_targets = int(has_target.sum())
        if not n_targets:
            return
        self._n_epochs += 1
        self._n_epochs_of_phase += 1
        error = np.where(has_target[:, None], outputs - wanted, 0.0)
        slope = outputs * (1 - outputs)
        if self._phase == "outputs":
            self._improve_outputs(sources, error, slope, n_targets)
            return
        delta = error * slope
        delta[has_target] -= delta[has_target].mean(axis=0)
        self._improve_candidates(sources, delta, n_targets, packing)

    def _improve_outputs(self, sources: Array, error: Array, slope: Array, n_targets: int) -> None:
        gradient = (error * (slope + _LEAST_SLOPE)).T @ sources
        loss = 0.5 * float((error * error).sum())
        rate = self.optimizer.learning_rate / n_targets
        self._quickprop_step(self._parameters["output"], gradient, rate)
        self._check_weights()
        if self._is_stuck(-loss) and self.n_units < self._max_units:
            self._begin_phase("candidates")

    def _improve_candidates(
        self, sources: Array, delta: Array, n_targets: int, packing: Packing
    ) -> None:
        covariance, gradient = correlate(self._candidates, sources, delta, packing)
        score = np.abs(covariance).sum(axis=1)
        if not np.isfinite(gradient).all():
            raise self._diverged()
        if self._is_stuck(float(score.max())):
            self._install_candidate(int(score.argmax()), covariance)
        else:
            self._quickprop_step(self._candidates, -gradient, self._candidate_rate / n_targets)

    def _quickprop_step(self, weights: Array, slope: Array, rate: float) -> None:
        self._last_step = quickprop_step(
            slope, self._last_slope, self._last_step, rate, self._max_growth
        )
        self._last_slope = slope
        weights += self._last_step

    # ---------------------------------------------------------------- phases

    def _begin_phase(self, phase: Literal["outputs", "candidates"]) -> None:
        self._phase = phase
        if phase == "candidates":
            n_sources = self.n_inputs + 1 + self.n_units
            shape = (self._n_candidates, n_sources + 1)
            self._candidates = self._rng.uniform(-self._init_range, self._init_range, shape)
        else:
            self._candidates = np.zeros((0, 0))
            shape = self._parameters["output"].shape
        self._last_slope, self._last_step = np.zeros(shape), np.zeros(shape)
        self._best, self._n_epochs_of_phase, self._n_since_best = -np.inf, 0, 0

    def _is_stuck(self, merit: float) -> bool:
        """Whether the phase is to end, merit being what it makes as large as it can."""
        if self._best == -np.inf or merit > self._best + self._min_gain * abs(self._best):
            self._best, self._n_since_best = merit, 0
        else:
            self._n_since_best += 1
        return self._n_since_best >= self._patience or self._n_epochs_of_phase >= self._max_epochs

    def _install_candidate(self, best: int, covariance: Array) -> None:
        new_column = -_NEW_WEIGHT * np.sign(covariance[best])
        parameters = dict(self._parameters)
        parameters["output"] = np.column_stack([parameters["output"], new_column])
        parameters[f"unit_{self.n_units}"] = self._candidates[best : best + 1].copy()
        self._hold(parameters)
        self._begin_phase("outputs")

    def _check_finite(self, Y: Array) -> None:
        if not np.isfinite(Y).all():
            raise self._diverged()
