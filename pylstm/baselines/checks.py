"""What comes into a baseline: checked, as float64 or tokens, or a sentence why not."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import checked_tokens
from pylstm.errors import brief, brief_text

__all__ = ["Checks"]

Array = npt.NDArray[Any]


def _all_finite(array: Array) -> bool:
    """Whether all are finite; the quick way says no, too, when the sum alone is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


class Checks:
    """Inputs and targets of something with `n_inputs` and `n_outputs`, in the engine's words."""

    _n_inputs: int
    _n_outputs: int

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self._n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self._n_outputs

    def _as_floats(self, values: npt.ArrayLike, ndim: int, width: int, what: str) -> Array:
        array = np.asarray(values)
        if array.dtype == object or not np.can_cast(array.dtype, np.float64, "same_kind"):
            raise TypeError(
                f"{what} has dtype {brief_text(array.dtype, 60)}, which cannot be cast safely: "
                "wanted float64 or "
                "another real number type"
            )
        if array.ndim != ndim or array.shape[-1] != width:
            wanted = f"({width},)" if ndim == 1 else f"(n_steps, {width})"
            raise ValueError(f"{what} has shape {brief(array.shape)}, wanted {wanted}")
        return np.require(array, np.float64, ["C_CONTIGUOUS", "ALIGNED"])

    def _as_inputs(self, values: npt.ArrayLike, ndim: int, what: str) -> Array:
        array = self._as_floats(values, ndim, self.n_inputs, what)
        if not _all_finite(array):
            row = np.argwhere(~np.isfinite(array))[0]
            where = "" if ndim == 1 else f" at row {row[0]}"
            raise ValueError(f"{what} contains {array[tuple(row)]}{where}: wanted finite numbers")
        return array

    def _as_row(self, x: npt.ArrayLike | int) -> Array:
        """One step's inputs as those of a run of one step."""
        if isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind in "iu":
            x = int(x)
        if isinstance(x, numbers.Integral) and not isinstance(x, bool):
            if not 0 <= x < self.n_inputs:
                raise ValueError(f"token is {x}, wanted 0 .. {self.n_inputs - 1}")
            return np.array([x], np.int32)
        return self._as_inputs(x, 1, "x")[None]

    def _as_rows(self, X: npt.ArrayLike) -> Array:
        """Inputs of many steps: (n_steps, n_inputs) of float64, or (n_steps,) of int32 tokens."""
        array = np.asarray(X)
        if array.ndim != 1 or array.dtype == object:
            return self._as_inputs(array, 2, "X")
        if array.dtype.kind not in "iu":
            raise ValueError(
                f"X has shape {brief(array.shape)} and dtype {brief_text(array.dtype, 60)}: wanted "
                f"(n_steps, {self.n_inputs}), or (n_steps,) of an integer dtype for tokens"
            )
        return checked_tokens(array, self.n_inputs)

    def _as_target(self, target: npt.ArrayLike) -> Array:
        array = self._as_floats(target, 1, self.n_outputs, "target")
        problem = self._target_problem(array)
        if problem:
            raise ValueError(f"target is {brief(array.tolist())}: {problem}")
        return array

    def _as_targets(self, targets: npt.ArrayLike) -> Array:
        array = self._as_floats(targets, 2, self.n_outputs, "targets")
        if not _all_finite(array) or not self._takes_all_targets():
            for row, target in enumerate(array):
                problem = self._target_problem(target)
                if problem:
                    raise ValueError(f"targets row {row} is {brief(target.tolist())}: {problem}")
        return array

    def _takes_all_targets(self) -> bool:
        """Whether any finite numbers are in the domain of the loss."""
        return True

    def _target_problem(self, target: Array) -> str:
        """What is wrong with one row of targets, an empty string when nothing is."""
        n_missing = np.isnan(target).sum()
        if n_missing == len(target):
            return ""
        if n_missing:
            return "partly NaN, wanted all numbers, or NaN everywhere for no target"
        return "" if np.isfinite(target).all() else "wanted finite numbers"
