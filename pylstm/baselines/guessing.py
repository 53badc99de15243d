"""Search without a gradient: random weight guessing, and simulated annealing."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import UPDATE_AT_END, Recurrent
from pylstm.baselines.learner import Learner
from pylstm.baselines.recurrent import FullyRecurrent
from pylstm.checks import check_real, generator

__all__ = ["RandomGuessing", "SimulatedAnnealing"]

Array = npt.NDArray[Any]

_POOL = 256  # guesses drawn at once


def _check_positive(name: str, value: float, high: float = math.inf) -> float:
    wanted = "a finite number above 0" if high == math.inf else f"a number above 0 up to {high:g}"
    return check_real(name, value, math.ulp(0.0), math.nextafter(high, math.inf), wanted)


class _Search(FullyRecurrent):
    """A `FullyRecurrent` whose weights change by chance; no gradient, nothing kept of a step."""

    _rng: np.random.Generator
    _settings: dict[str, float]

    def __init__(
        self,
        sizes: tuple[int, int, int],
        settings: dict[str, float],
        seed: int | np.random.Generator,
        architecture: Mapping[str, Any],
    ) -> None:
        for name in ("gradient", "window", "loss", "init_range", "optimizer"):
            if name in architecture:
                raise TypeError(f"{name} is given, but {type(self).__name__} has no gradient")
        super().__init__(*sizes, gradient="bptt", window=1, seed=seed, **architecture)
        self._settings = settings
        self._rng = generator(seed)

    def gradient(self, X: npt.ArrayLike, targets: npt.ArrayLike) -> dict[str, Array]:
        """Refused: there is none."""
        raise TypeError(f"{type(self).__name__} has no gradient: wanted run_sequences with targets")

    def _set_weights(self, weights: Array) -> None:
        """These numbers, (n_parameters,), in the order in which they lie in memory."""
        start = 0
        for view in self.parameters.values():
            view.T[...] = weights[start : start + view.size].reshape(view.T.shape)
            start += view.size

    def _flat_weights(self) -> Array:
        return np.concatenate([view.T.ravel() for view in self.parameters.values()])

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"settings": dict(self._settings), "rng": self._rng}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self._settings = dict(state["settings"])
        self._rng = copy.deepcopy(state["rng"])


class RandomGuessing(_Search):
    """Random weight guessing: weights drawn anew until no sequence is answered wrongly.

    All weights are uniform in [-scale, scale). Learning a sequence that is answered wrongly, with
    some output off its target by `tolerance` or more, draws them all anew; one that is answered
    rightly leaves them (Schmidhuber & Hochreiter 1996). The floor under every method that learns:
    what guessing solves sooner is no evidence for the method.

    Parameters
    ----------
    n_inputs, n_outputs, n_hidden : int
    scale : float, default 100.0
        Of the weights, above 0. Large ones saturate units, which then remember.
    tolerance : float, default 0.2
        An output is wrong from this absolute error on, above 0.
    seed : int or numpy Generator, default 0
    **architecture
        readout, shortcut, hidden_bias, output_bias, squashing, output, time_constants, as in
        `FullyRecurrent`.

    Raises
    ------
    ValueError, TypeError
        For a size, value or combination that makes no sense, or an argument of learning by the
        gradient.

    Notes
    -----
    `run_sequences` with targets and ``update="sequence"`` goes through the sequences one by one;
    outputs are those of the weights each sequence met. Steps after the first wrong one of a
    sequence are not made: their outputs are NaN. With other updates, and in `step`, `learn` and
    `run`, all steps are made, and `update` draws anew if an answer since the last one was wrong.

    A guess costs the forward pass up to its first wrong answer and one random number a weight.

    Examples
    --------
    Which of two signs came first, thirty steps of noise before:

    >>> import numpy as np
    >>> from pylstm.baselines import RandomGuessing
    >>> from pylstm.tasks import TwoSequence
    >>> task, rng = TwoSequence(min_length=30), np.random.default_rng(1)
    >>> net, wrong = RandomGuessing(1, 1, n_hidden=1), True
    >>> while wrong:
    ...     s = task.sample(1000, rng)
    ...     Y = net.run_sequences(s.X, s.targets, s.lengths, last=True)
    ...     wrong = task.wrong(Y, s).any()
    >>> 100 < net.n_guesses < 10_000
    True
    """

    _schema = "baselines.RandomGuessing"

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int,
        *,
        scale: float = 100.0,
        tolerance: float = 0.2,
        seed: int | np.random.Generator = 0,
        **architecture: Any,
    ) -> None:
        settings = {
            "scale": _check_positive("scale", scale),
            "tolerance": _check_positive("tolerance", tolerance),
        }
        super().__init__((n_inputs, n_outputs, n_hidden), settings, seed, architecture)
        self._n_guesses = 0
        self._pool = np.empty((0, self.n_parameters))
        self._guess_anew()

    @property
    def n_guesses(self) -> int:
        """How many weights have been drawn, those there are included."""
        return self._n_guesses

    def _refill_pool(self) -> None:
        if len(self._pool) == 0:
            scale = self._settings["scale"]
            self._pool = self._rng.uniform(-scale, scale, (_POOL, self.n_parameters))

    def _guess_anew(self) -> None:
        self._refill_pool()
        self._set_weights(self._pool[0])
        self._pool = self._pool[1:]
        self._n_guesses += 1

    def _learn(self, target: Array) -> float:
        error = np.abs(self._y - target)
        self._collected |= not bool((error < self._settings["tolerance"]).all())
        return float(0.5 * (error @ error))

    def _is_learnable(self) -> bool:
        return self._learnable

    def _apply(self) -> None:
        self._guess_anew()

    def _change_weights(self) -> None:
        Learner._change_weights(self)

    def _advance(self, x: Any) -> Array:
        self._y = Recurrent._run(self, x[None], None, 1)[0]
        self._n_collect += 1
        self._learnable = True
        return self._y

    def _run(self, X: Array, targets: Array | None, every: int) -> Array:
        return Learner._run(self, X, targets, every)

    def _run_sequences(
        self, X: Array, targets: Array | None, lengths: Array, last: bool, every: int
    ) -> Array:
        if targets is None:
            return super()._run_sequences(X, None, lengths, last, every)
        if every != UPDATE_AT_END or self._collected:
            return Learner._run_sequences(self, X, targets, lengths, last, every)
        Y = np.empty((len(lengths) if last else len(X), self.n_outputs))
        while len(lengths):
            self._refill_pool()
            done, taken = self._guess(
                X,
                targets,
                lengths,
                Y[-len(targets) :],
                last,
                self._settings["tolerance"],
                self._pool,
            )
            self._pool = self._pool[taken:]
            self._n_guesses += taken
            n_steps = lengths[:done].sum()
            X, targets, lengths = X[n_steps:], targets[done if last else n_steps :], lengths[done:]
        self.reset()
        return Y

    def __getstate__(self) -> dict[str, Any]:
        progress = {
            "pool": self._pool.copy(),
            "n_guesses": self._n_guesses,
            "wrong": self._collected,
            "learnable": self._learnable,
            "last": self._y.copy(),
            "n_collect_guessing": self._n_collect,
        }
        return super().__getstate__() | progress

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self._pool, self._y = state["pool"].copy(), state["last"].copy()
        self._n_guesses, self._collected = state["n_guesses"], state["wrong"]
        self._learnable, self._n_collect = state["learnable"], state["n_collect_guessing"]


class SimulatedAnnealing(_Search):
    """Simulated annealing: weights perturbed at random, and kept where that does no great harm.

    One call of `run_sequences` with targets is one proposal: every weight plus Gaussian noise of
    deviation `step_size`. Both weights answer the sequences given; with E the mean half sum of
    squares of an answer, the proposal replaces the weights with probability

        min(1, exp(-(E_new - E) / T))        T = temperature * cooling**k  at call k = 0, 1, ...

    (Kirkpatrick, Gelatt & Vecchi 1983; on tasks like the two-sequence problem Bengio, Simard &
    Frasconi 1994, with another schedule).

    Parameters
    ----------
    n_inputs, n_outputs, n_hidden : int
    temperature : float, default 0.1
        Of the first call, above 0; in the units of the loss.
    cooling : float, default 0.999
        By which the temperature falls with every call, above 0 up to 1.
    step_size : float, default 1.0
        Deviation of the noise, above 0.
    scale : float, default 1.0
        Weights start uniform in [-scale, scale).
    seed : int or numpy Generator, default 0
    **architecture
        readout, shortcut, hidden_bias, output_bias, squashing, output, time_constants, as in
        `FullyRecurrent`.

    Raises
    ------
    ValueError, TypeError
        For a size, value or combination that makes no sense, or an argument of learning by the
        gradient; and in calls that learn from single steps.

    Notes
    -----
    `run_sequences` returns the answers of the weights there were before. A call costs two forward
    passes over its sequences. `step`, `run` and `predict` answer; they take no targets.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.baselines import SimulatedAnnealing
    >>> from pylstm.tasks import TwoSequence
    >>> s = TwoSequence(min_length=5).sample(100, np.random.default_rng(1))
    >>> net = SimulatedAnnealing(1, 1, n_hidden=1, seed=1)
    >>> errors = [np.abs(net.run_sequences(s.X, s.targets, s.lengths, last=True) - s.targets).mean()
    ...           for _ in range(2000)]
    >>> bool(errors[-1] < 0.1 < 0.4 < errors[0])
    True
    """

    _schema = "baselines.SimulatedAnnealing"

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int,
        *,
        temperature: float = 0.1,
        cooling: float = 0.999,
        step_size: float = 1.0,
        scale: float = 1.0,
        seed: int | np.random.Generator = 0,
        **architecture: Any,
    ) -> None:
        settings = {
            "temperature": _check_positive("temperature", temperature),
            "cooling": _check_positive("cooling", cooling, high=1.0),
            "step_size": _check_positive("step_size", step_size),
        }
        scale = _check_positive("scale", scale)
        super().__init__((n_inputs, n_outputs, n_hidden), settings, seed, architecture)
        self._set_weights(self._rng.uniform(-scale, scale, self.n_parameters))
        self._n_proposals = self._n_accepted = 0

    @property
    def n_proposals(self) -> int:
        """How many weights have been proposed."""
        return self._n_proposals

    @property
    def n_accepted(self) -> int:
        """How many of them replaced those there were."""
        return self._n_accepted

    @property
    def temperature(self) -> float:
        """Of the next call."""
        return float(self._settings["temperature"] * self._settings["cooling"] ** self._n_proposals)

    def _learn(self, target: Array) -> float:
        raise self._refused_steps()

    def _refused_steps(self) -> TypeError:
        return TypeError(
            "annealing compares weights on whole sequences, but was to learn from a step: wanted "
            'run_sequences(X, targets, lengths, update="sequence")'
        )

    def _run(self, X: Array, targets: Array | None, every: int) -> Array:
        if targets is not None:
            raise self._refused_steps()
        return super()._run(X, None, every)

    def _run_sequences(
        self, X: Array, targets: Array | None, lengths: Array, last: bool, every: int
    ) -> Array:
        if targets is None:
            return super()._run_sequences(X, None, lengths, last, every)
        if every != UPDATE_AT_END:
            raise self._refused_steps()
        Y = super()._run_sequences(X, None, lengths, last, every)
        energy, before = _energy(Y, targets), self._flat_weights()
        noise = self._rng.standard_normal(len(before))
        self._set_weights(before + self._settings["step_size"] * noise)
        try:
            rise = _energy(super()._run_sequences(X, None, lengths, last, every), targets) - energy
        except FloatingPointError:
            rise = math.inf
        if self._rng.random() < math.exp(min(0.0, -rise / self.temperature)):
            self._n_accepted += 1
        else:
            self._set_weights(before)
        self._n_proposals += 1
        return Y

    def __getstate__(self) -> dict[str, Any]:
        counts = {"n_proposals": self._n_proposals, "n_accepted": self._n_accepted}
        return super().__getstate__() | counts

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self._n_proposals, self._n_accepted = state["n_proposals"], state["n_accepted"]


def _energy(outputs: Array, targets: Array) -> float:
    """Mean half sum of squares over the steps that have a target."""
    is_wanted = ~np.isnan(targets[:, 0])
    if not is_wanted.any():
        return 0.0
    return float(0.5 * ((outputs[is_wanted] - targets[is_wanted]) ** 2).sum(axis=1).mean())
