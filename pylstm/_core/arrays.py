"""Arrays made and checked where no step waits for it: memory, tokens, lengths, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core.shape import ALIGNMENT, TOO_LARGE
from pylstm.errors import brief, brief_text

__all__ = [
    "aligned_copy",
    "aligned_zeros",
    "bad_target",
    "checked_lengths",
    "checked_tokens",
    "fits",
    "joined_heads",
    "losses_of",
    "not_finite",
    "one_hot",
    "spread_targets",
]

_Array = npt.NDArray[Any]

#: What is wrong with a target, by the numbers of `target_problem` of checks.pyx.
TARGET_PROBLEMS = (
    "",
    "partly NaN, wanted all numbers, or NaN everywhere for no target",
    "wanted finite numbers",
    "wanted numbers from 0 to 1, the domain of the cross-entropy",
    "wanted numbers that sum to 1, the domain of the cross-entropy of a softmax",
    "partly NaN, wanted all numbers of a head, or NaN in all of them for no target of it",
)


def aligned_zeros(count: int, dtype: npt.DTypeLike) -> _Array:
    """A zeroed vector that starts on a cache line; ValueError where there is no memory for it."""
    return _aligned(np.zeros, count, np.dtype(dtype))


def _aligned(make: Callable[..., _Array], count: int, dtype: np.dtype[Any]) -> _Array:
    size = count * dtype.itemsize
    try:
        if count >= TOO_LARGE:
            raise MemoryError
        raw = make(size + ALIGNMENT, np.uint8)
    except MemoryError:
        least = "at least " if count >= TOO_LARGE else ""
        raise ValueError(
            f"these sizes need {least}{size:,} bytes in one piece, and there are not so many: "
            "wanted smaller sizes"
        ) from None
    start = -raw.__array_interface__["data"][0] % ALIGNMENT
    return raw[start : start + size].view(dtype)


def aligned_copy(array: _Array) -> _Array:
    """A vector as `aligned_zeros` makes them, with the numbers of another."""
    copy = _aligned(np.empty, array.size, array.dtype)
    copy[:] = array
    return copy


def not_finite(array: _Array, row: int, what: str, where: str) -> ValueError:
    """The error of a row with a number that is not finite; the last axis is along a row."""
    bad = array.reshape(-1, array.shape[-1])[row]
    return ValueError(f"{what} contains {bad[~np.isfinite(bad)][0]}{where}: wanted finite numbers")


def bad_target(problem: int, array: _Array, row: int, which: str) -> ValueError:
    """The error of a target with such a problem."""
    bad = array.reshape(-1, array.shape[-1])[row].tolist()
    return ValueError(f"{which} is {brief(bad)}: {TARGET_PROBLEMS[problem]}")


def checked_tokens(array: _Array, n_inputs: int) -> _Array:
    """Whole numbers as int32 tokens: a copy, which nobody can change after the check."""
    array = array.copy()
    if array.size and not 0 <= array.min() <= array.max() < n_inputs:
        bad = np.argwhere((array < 0) | (array >= n_inputs))[0]
        where = f"row {bad[0]}" if array.ndim == 1 else ", ".join(map(str, bad))
        raise ValueError(
            f"tokens has value {array[tuple(bad)]} at {where}: wanted 0 .. {n_inputs - 1}"
        )
    return np.require(array, np.int32, ["C_CONTIGUOUS", "ALIGNED"])


def one_hot(values: _Array, size: int, what: str, kind: str) -> _Array:
    """Whole numbers below `size` as float32 rows, (..., size), of 0 but for a 1 each; NaN as a row
    of NaN. What they are called in a sentence: `what`, and each of them a `kind`."""
    indices, missing = values, None
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        indices = np.where(missing, 0, values)
    bad = (indices < 0) | (indices >= size) | (indices != np.floor(indices))
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        where = f" at {', '.join(map(str, place))}" if place else ""
        raise ValueError(
            f"{what} has the {kind} {values[place]}{where}: wanted a whole number from 0 to "
            f"{size - 1}"
        )
    rows = np.zeros((*values.shape, size), np.float32)
    np.put_along_axis(rows, indices.astype(np.intp)[..., None], 1, -1)
    if missing is not None:
        rows[missing] = np.nan
    return rows


def fits(given: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    """Whether a shape is the one wanted, or that without its first axis; None is any number."""
    wanted = shape if len(given) == len(shape) else shape[1:]
    return len(given) == len(wanted) and all(
        w is None or w == g for g, w in zip(given, wanted, strict=True)
    )


def spread_targets(targets: _Array, n_outputs: int, is_softmax: bool, what: str) -> _Array:
    """Targets that are one number where a row of n_outputs is wanted, as rows: classes of a softmax
    and numbers of one output."""
    if is_softmax and targets.dtype.kind in "biuf":
        return one_hot(targets, n_outputs, what, "class")
    return targets[..., None] if n_outputs == 1 else targets


def joined_heads(
    parts: tuple[Any, ...],
    heads: Sequence[Mapping[str, Any]],
    lead: tuple[int | str, ...],
    what: str,
) -> _Array:
    """Targets of several heads, a part each, as rows of all outputs; a part that is None is no
    target of its head. lead: the sizes of the axes before the outputs, a name where it may be any.
    """
    if len(parts) != len(heads):
        raise ValueError(f"{what} has {len(parts)} parts, wanted {len(heads)}, one a head")
    rows: list[_Array | None] = []
    for k, (part, head) in enumerate(zip(parts, heads, strict=True)):
        name, wanted = f"{what}[{k}]", (*lead, head["n_outputs"])
        if part is None:
            rows.append(None)
            continue
        array = np.asarray(part)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} has dtype {brief_text(array.dtype, 60)}, wanted real numbers")
        given, is_softmax = array.shape, head["output"] == "softmax"
        if array.ndim == len(lead):
            array = spread_targets(array, head["n_outputs"], is_softmax, name)
        if array.ndim != len(wanted) or any(
            size != known and not isinstance(known, str)
            for size, known in zip(array.shape, wanted, strict=True)
        ):
            shape = ", ".join(map(str, wanted)) + ("," if len(wanted) == 1 else "")
            also = ", or a class for each of these rows" if is_softmax else ""
            raise ValueError(f"{name} has shape {brief(given)}, wanted ({shape}){also}")
        rows.append(array)
        lead = array.shape[:-1]
    if any(isinstance(size, str) for size in lead):
        raise ValueError(f"{what} has None for every head, wanted targets of at least one")
    sizes = [(*lead, head["n_outputs"]) for head in heads]
    return np.concatenate(
        [
            np.full(size, np.nan, np.float32) if own is None else own
            for own, size in zip(rows, sizes, strict=True)
        ],
        axis=-1,
    )


def losses_of(Y: _Array, targets: _Array | None, config: Mapping[str, Any]) -> _Array:
    """The losses of outputs, (..., n_outputs), by targets that broadcast to them: (...), float64,
    NaN without a target; with heads of each, (..., n_heads)."""
    heads = config.get("heads")
    if heads is None:
        return _losses_of(Y, targets, config)
    ends = np.cumsum([head["n_outputs"] for head in heads])
    each = []
    for head, end in zip(heads, ends, strict=True):
        own = slice(end - head["n_outputs"], end)
        each.append(_losses_of(Y[..., own], None if targets is None else targets[..., own], head))
    return np.stack(each, axis=-1)


def _losses_of(Y: _Array, targets: _Array | None, head: Mapping[str, Any]) -> _Array:
    """Of one kind of outputs. A logistic output of 1 counts as the number below it."""
    if targets is None:
        return np.full(Y.shape[:-1], np.nan)
    if head["loss"] == "squared":
        squared: _Array = 0.5 * np.square(Y - targets, dtype=np.float64).sum(axis=-1)
        return squared
    wanted = targets.astype(np.float64)
    logs = wanted * np.log(Y, dtype=np.float64)
    if head["output"] == "logistic":
        below_one = np.minimum(Y, 1 - np.finfo(Y.dtype).epsneg)
        logs += (1 - wanted) * np.log1p(-below_one, dtype=np.float64)
    entropy: _Array = -logs.sum(axis=-1)
    return entropy


def checked_lengths(lengths: npt.ArrayLike | None, n_steps: int, count: int = -1) -> _Array:
    """Lengths of sequences, (n_sequences,) that sum to n_steps; None for one sequence. With a count
    of nets (count, n_sequences) too, each row summing to at most n_steps."""
    if lengths is None:
        lengths = [n_steps] if n_steps else []
    array = np.asarray(lengths)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.intp)
    shapes = "(n_sequences,)"
    if count >= 0:
        shapes = f"({count}, n_sequences), or {shapes} shared by all"
    if array.dtype.kind not in "iu" or not (
        array.ndim == 1 or (array.ndim == 2 and array.shape[0] == count)
    ):
        raise ValueError(
            f"lengths has dtype {brief_text(array.dtype, 60)} and shape {brief(array.shape)}, "
            f"wanted whole numbers {shapes}"
        )
    array = np.array(array, np.intp, order="C")  # a copy, which nobody can change after the check
    if array.size and array.min() < 1:
        raise ValueError(f"lengths contains {array.min()}, wanted at least 1 step a sequence")
    if array.size and array.max() > n_steps:
        raise ValueError(f"lengths contains {array.max()}, wanted at most the {n_steps} steps of X")
    sums = np.atleast_1d(array.sum(axis=-1))
    if count < 0 and sums[0] != n_steps:
        raise ValueError(f"lengths sum to {sums[0]}, wanted the {n_steps} steps of X")
    if (sums > n_steps).any():
        raise ValueError(f"lengths sum to {sums.max()}, wanted at most the {n_steps} steps of X")
    return array
