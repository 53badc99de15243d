"""The loops over steps and sequences behind the verbs of `Learner`, given checked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import UPDATE_AT_END
from pylstm.baselines.method import Method

__all__ = ["Loops", "no_warning_of_overflow"]

Array = npt.NDArray[Any]

# What is no longer finite is told once, at the end, as FloatingPointError.
no_warning_of_overflow = np.errstate(over="ignore", invalid="ignore")


class Loops(Method):
    """Steps one after another: forward, learn, change the weights."""

    @no_warning_of_overflow
    def _run(self, X: Array, targets: Array | None, every: int) -> Array:
        Y = np.empty((len(X), self.n_outputs))
        for t, x in enumerate(X):
            Y[t] = self._advance(x)
            if targets is None:
                continue
            has_target = not np.isnan(targets[t, 0])
            if has_target:
                self._learn(targets[t])
            if has_target if every == 1 else self._n_collect >= every > 0:
                self._change_weights()
        if targets is not None:
            if every == UPDATE_AT_END:
                self._change_weights()
            self._check_weights()
        return Y

    def _advance(self, x: Any) -> Array:
        if not isinstance(x, np.ndarray):
            x = np.eye(1, self.n_inputs, x)[0]
        self._y = self._forward(x)
        if not np.isfinite(self._y).all():
            raise self._diverged()
        self._n_steps += 1
        self._n_collect += 1
        self._learnable = True
        return self._y

    def _is_learnable(self) -> bool:
        return self._learnable

    def _learn(self, target: Array) -> float:
        error = self._y - target
        self._error(error)
        self._collected = True
        return float(0.5 * (error @ error))

    def _change_weights(self) -> None:
        self._n_collect = 0
        if self._collected:
            self._apply()
            self._collected = self._learnable = False

    def _run_sequences(
        self, X: Array, targets: Array | None, lengths: Array, last: bool, every: int
    ) -> Array:
        Y = np.empty((len(lengths) if last else len(X), self.n_outputs))
        start = 0
        for k, length in enumerate(lengths.tolist()):
            steps = slice(start, start + length)
            start += length
            self.reset()
            if not last:
                Y[steps] = self._run(X[steps], None if targets is None else targets[steps], every)
                continue
            wanted = None
            if targets is not None:
                wanted = np.full((length, self.n_outputs), np.nan)
                wanted[-1] = targets[k]
            Y[k] = self._run(X[steps], wanted, every)[-1]
        self.reset()
        return Y

    def _check_weights(self) -> None:
        if not all(np.isfinite(view).all() for view in self._parameters.values()):
            raise self._diverged()

    def _diverged(self) -> FloatingPointError:
        return FloatingPointError(
            f"the network diverged at step {self.n_steps}: a weight or an output is no longer "
            f"finite; a smaller learning rate than {self.optimizer.learning_rate:g}, or smaller "
            "inputs, would keep it in range"
        )
