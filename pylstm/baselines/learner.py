"""The Learner class: the calls all baselines share."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from pylstm._core import checked_lengths, update_interval
from pylstm.baselines.loops import Loops, no_warning_of_overflow
from pylstm.copies import Copyable, check_format
from pylstm.optimizers import Optimizer
from pylstm.registry import check_state

__all__ = ["Learner"]

Array = npt.NDArray[Any]
Update = Literal["step", "sequence"] | int

_STATE_FORMAT = 1


class Learner(Loops, Copyable):
    """Something that reads sequences step by step and learns, with the calls of `pylstm.LSTM`.

    A method provides its mathematics, and all numbers are float64:

    - ``_clear()``: activations to zero, a new sequence begins;
    - ``_forward(x) -> y``: one step, from a vector to a new vector of outputs;
    - ``_error(dy)``: dL/dy of the last step, to be added, as dL/dw, to ``_gradient``;
    - ``_apply()``, unless it is gradient descent: change ``_parameters`` by what is accumulated.

    `_forward` may keep what `_error` needs; both work with the weights of the moment. A method
    whose loop is in C, or that learns from a whole set at a time, overrides `_run` and
    `_run_sequences`, which are given checked arrays.

    Attributes of a method must be plain values, arrays that are no views of each other, numpy
    Generators, or dicts and lists of these: then it can be copied and pickled.

    Parameters
    ----------
    n_inputs, n_outputs : int
        At least 1.
    optimizer : SGD, optional
        With momentum if wanted, without clipping, schedule and decay. Default SGD(0.1).

    Raises
    ------
    ValueError, TypeError
        For a size below 1, or another optimizer.

    Examples
    --------
    The linear model, y = W x:

    >>> import numpy as np
    >>> import pylstm
    >>> from pylstm.baselines.learner import Learner
    >>> class Linear(Learner):
    ...     def __init__(self, n_inputs, n_outputs, optimizer=None):
    ...         super().__init__(n_inputs, n_outputs, optimizer)
    ...         self._hold({"output": np.zeros((n_outputs, n_inputs))})
    ...     def _clear(self):
    ...         self._x = np.zeros(self.n_inputs)
    ...     def _forward(self, x):
    ...         self._x = x
    ...         return self.parameters["output"] @ x
    ...     def _error(self, dy):
    ...         self._gradient["output"] += np.outer(dy, self._x)
    >>> net = Linear(2, 1, optimizer=pylstm.SGD(0.5))
    >>> X = np.random.default_rng(1).uniform(-1, 1, (200, 2))
    >>> Y = net.run(X, X @ [[1.0], [-2.0]])
    >>> bool(np.allclose(net.parameters["output"], [[1, -2]], atol=1e-3))
    True
    """

    #: Of the states of a class; a class of your own, which may have more attributes, has none.
    _schema: ClassVar[str] = ""

    def __repr__(self) -> str:
        sizes = f"n_inputs={self.n_inputs}, n_outputs={self.n_outputs}"
        return f"<{type(self).__name__} {sizes}, {self.n_parameters} parameters>"

    # ---------------------------------------------------------------- verbs

    def reset(self) -> None:
        """Set all activations to zero: a new sequence begins.

        Accumulated gradients that are not yet applied stay.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> first = net.step([1.0, 0.0])
        >>> net.reset()
        >>> bool(net.step([1.0, 0.0]) == first)
        True
        """
        self._clear()
        self._learnable = False

    def step(self, x: npt.ArrayLike | int, target: npt.ArrayLike | None = None) -> Array:
        """Advance one step and, given a target, learn from it at once.

        Parameters
        ----------
        x : array_like, shape (n_inputs,), or int
            Inputs; finite. A whole number k is a token, for the inputs that are 0 but for x[k] = 1.
        target : array_like, shape (n_outputs,), optional
            Wanted outputs. All NaN means no target.

        Returns
        -------
        ndarray, shape (n_outputs,), float64
            From before the weights changed.

        Raises
        ------
        ValueError, TypeError
            For an unusable `x` or `target`; nothing has changed then.
        FloatingPointError
            When a weight or an output is no longer finite.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> net.step([0.5, -0.5], target=[1.0]).shape
        (1,)
        """
        X = self._as_row(x)
        targets = None if target is None else self._as_target(target)[None]
        y: Array = self._run(X, targets, 1)[0]
        return y

    def predict(self, x: npt.ArrayLike | int) -> Array:
        """Return what ``step(x)`` would return; change nothing.

        Parameters
        ----------
        x : array_like, shape (n_inputs,), or int
            Inputs, or a token.

        Returns
        -------
        ndarray, shape (n_outputs,), float64

        Raises
        ------
        ValueError, TypeError
            For an unusable `x`.
        FloatingPointError
            When a weight or an output is no longer finite.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> bool(net.predict(1) == net.step([0.0, 1.0]))
        True
        """
        return self._predict(self._as_row(x))

    def _predict(self, X: Array) -> Array:
        y: Array = self.copy()._run(X, None, 1)[0]
        return y

    @no_warning_of_overflow
    def learn(self, target: npt.ArrayLike, update: bool = True) -> float:
        """Learn from the step just made; return its loss, half the sum of squares.

        Parameters
        ----------
        target : array_like, shape (n_outputs,)
            Wanted outputs. All NaN means no target.
        update : bool, default True
            Change the weights now, by all accumulated gradients; False accumulates only.

        Returns
        -------
        float
            NaN without a target.

        Raises
        ------
        ValueError, TypeError
            For an unusable `target`; nothing has changed then.
        RuntimeError
            Without a step to learn from: before the first, after a reset, or when the weights have
            changed since.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> y = net.step([1.0, 0.0])
        >>> bool(net.learn([0.5]) == 0.5 * (y[0] - 0.5) ** 2)
        True
        """
        target = self._as_target(target)
        if not self._is_learnable():
            raise RuntimeError(
                "there is no step to learn from: wanted a step since the last reset or update"
            )
        loss = float("nan") if np.isnan(target[0]) else self._learn(target)
        if update:
            self.update()
        return loss

    def update(self) -> None:
        """Change the weights once by all gradients accumulated since the last update.

        Does nothing when nothing has been accumulated.

        Raises
        ------
        FloatingPointError
            When a weight is no longer finite.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> for x in (0, 1, 1):
        ...     y = net.step(x)
        ...     loss = net.learn([x], update=False)
        >>> net.update()
        """
        self._change_weights()
        self._check_weights()

    def run(
        self, X: npt.ArrayLike, targets: npt.ArrayLike | None = None, update: Update = "step"
    ) -> Array:
        """Run over a whole sequence in one call, learning where there are targets.

        Equals the loop of `step`.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs, finite; or tokens.
        targets : array_like, shape (n_steps, n_outputs), optional
            Wanted outputs; a row of NaN is a step without target.
        update : "step", "sequence" or int, default "step"
            When the weights change: after every step that has a target; once, at the end of this
            call; or every so many steps, counted from the last update.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), float64

        Raises
        ------
        ValueError, TypeError
            For unusable arguments; nothing has changed then.
        FloatingPointError
            When a weight or an output is no longer finite.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> net.run([0, 1, 1, 0], targets=[[0], [1], [0], [1]]).shape
        (4, 1)
        """
        every = update_interval(update)
        X = self._as_rows(X)
        if targets is not None:
            targets = self._as_targets(targets)
            if len(targets) != len(X):
                raise ValueError(
                    f"targets has {len(targets)} rows and X has {len(X)}: wanted one row of "
                    "targets a step, NaN where there is none"
                )
        return self._run(X, targets, every)

    def run_sequences(
        self,
        X: npt.ArrayLike,
        targets: npt.ArrayLike | None = None,
        lengths: npt.ArrayLike | None = None,
        *,
        last: bool = False,
        update: Update = "sequence",
    ) -> Array:
        """Run over many sequences in one call, each from a fresh state.

        Equals for each sequence ``net.reset()`` and ``net.run(x, t, update=update)``, and a
        ``net.reset()`` at the end.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
            Inputs of all sequences, one behind the other, finite; or tokens.
        targets : array_like, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs)
            Wanted outputs; a row of NaN is no target. Without targets nothing is learned.
        lengths : array_like of int, shape (n_sequences,), optional
            Steps of each sequence, at least 1; they sum to n_steps. Without: X is one sequence.
        last : bool, default False
            Targets and outputs are those of the last step of each sequence only.
        update : "sequence", "step" or int, default "sequence"
            When the weights change: once at the end of each sequence; else as in `run`.

        Returns
        -------
        ndarray, shape (n_steps, n_outputs), or with `last` (n_sequences, n_outputs), float64

        Raises
        ------
        ValueError, TypeError
            For unusable arguments; nothing has changed then.
        FloatingPointError
            When a weight or an output is no longer finite.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> net.run_sequences([0, 1, 1, 0, 1], [[1], [0]], lengths=[3, 2], last=True).shape
        (2, 1)
        """
        every = update_interval(update)
        X = self._as_rows(X)
        each = checked_lengths(lengths, len(X))
        if targets is not None:
            targets = self._as_targets(targets)
            wanted = len(each) if last else len(X)
            if len(targets) != wanted:
                raise ValueError(
                    f"targets has {len(targets)} rows, wanted {wanted}: one a "
                    f"{'sequence' if last else 'step'}, NaN where there is no target"
                )
        return self._run_sequences(X, targets, each, bool(last), every)

    def gradient(self, X: npt.ArrayLike, targets: npt.ArrayLike) -> dict[str, Array]:
        """Gradient of the summed loss of a sequence, from a fresh state; changes nothing.

        Parameters
        ----------
        X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
        targets : array_like, shape (n_steps, n_outputs)
            Wanted outputs; a row of NaN is a step without target.

        Returns
        -------
        dict of str to ndarray
            dL/dw under the names and in the shapes of `parameters`.

        Raises
        ------
        ValueError, TypeError
            For unusable `X` or `targets`.

        Examples
        --------
        >>> from pylstm.baselines import Elman
        >>> net = Elman(2, 1, n_hidden=3)
        >>> {name: view.shape for name, view in net.gradient([0, 1], [[0], [1]]).items()}
        {'units': (3, 6), 'output': (1, 4)}
        """
        if targets is None:
            raise ValueError("targets is None, wanted one row of targets a step")
        fresh = self.copy()
        fresh._change_nothing()
        fresh.run(X, targets, update=max(1, len(np.asarray(X))) + 1)
        return fresh._collect()

    def _change_nothing(self) -> None:
        """Forget the state and all that is accumulated."""
        self.reset()
        self._collect()
        for gradient in self._gradient.values():
            gradient[...] = 0
        self._collected = False
        self._n_collect = 0

    def _collect(self) -> dict[str, Array]:
        """The gradient of all errors so far, by name."""
        return {name: gradient.copy() for name, gradient in self._gradient.items()}

    # ---------------------------------------------------------------- copies

    def __getstate__(self) -> dict[str, Any]:
        state = {name: copy.deepcopy(value) for name, value in vars(self).items()}
        return {**state, "format": _STATE_FORMAT, "_optimizer": self._optimizer.saved()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_format(state, _STATE_FORMAT, "network")
        own = vars(type(self)).get("_schema")
        if own:
            check_state(own, state)
        values = {name: copy.deepcopy(value) for name, value in state.items() if name != "format"}
        vars(self).update(values)
        self.optimizer = Optimizer.from_saved(state["_optimizer"])
