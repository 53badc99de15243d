"""What a method of learning is made of: weights, gradient, optimizer, and its own mathematics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pylstm.baselines.checks import Checks
from pylstm.checks import check_size
from pylstm.optimizers import SGD, Optimizer, check_plain_sgd

__all__ = ["Method"]

Array = npt.NDArray[Any]


class Method(Checks):
    """Weights by name and what is accumulated for them; `Learner` says what a method provides."""

    if TYPE_CHECKING:

        def reset(self) -> None: ...

    def __init__(self, n_inputs: int, n_outputs: int, optimizer: Optimizer | None = None) -> None:
        self._n_inputs = check_size("n_inputs", n_inputs)
        self._n_outputs = check_size("n_outputs", n_outputs)
        self._n_steps = self._n_collect = 0
        self._learnable = self._collected = False
        self._parameters: dict[str, Array] = {}
        self._gradient: dict[str, Array] = {}
        self._velocity: dict[str, Array] = {}
        self._y = np.zeros(n_outputs)
        self.optimizer = SGD(0.1) if optimizer is None else optimizer

    def _hold(self, parameters: Mapping[str, Array]) -> None:
        """Take these as the weights from now on; nothing is accumulated, activations are zero."""
        self._parameters = dict(parameters)
        self._gradient = {name: np.zeros_like(view) for name, view in parameters.items()}
        self._velocity = {name: np.zeros_like(view) for name, view in parameters.items()}
        self._collected = False
        self.reset()

    # ---------------------------------------------------------------- what a method provides

    def _clear(self) -> None:
        raise NotImplementedError

    def _forward(self, x: Array) -> Array:
        raise NotImplementedError

    def _error(self, dy: Array) -> None:
        raise NotImplementedError

    def _apply(self) -> None:
        """``v = momentum * v + g;  w -= learning_rate * v``, and g is zero again."""
        rate, momentum = self._optimizer.learning_rate, self._optimizer.momentum
        for name, gradient in self._gradient.items():
            velocity = self._velocity[name]
            velocity *= momentum
            velocity += gradient
            self._parameters[name] -= rate * velocity
            gradient[...] = 0

    # ---------------------------------------------------------------- what it is

    @property
    def parameters(self) -> dict[str, Array]:
        """Writable arrays of the weights by name, each (rows, sources)."""
        return dict(self._parameters)

    @property
    def n_parameters(self) -> int:
        """Number of trainable weights, counted as the papers do."""
        return sum(view.size for view in self.parameters.values())

    @property
    def n_steps(self) -> int:
        """Number of steps made so far."""
        return self._n_steps

    @property
    def optimizer(self) -> SGD:
        """The optimizer; may be replaced at any time, the velocity stays."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        self._optimizer = check_plain_sgd(optimizer)
        self._set_rates(self._optimizer.learning_rate, self._optimizer.momentum)

    def _set_rates(self, learning_rate: float, momentum: float) -> None:
        """Hand the optimizer's numbers to a method whose weights change in C."""
