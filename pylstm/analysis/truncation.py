"""What truncation costs: the truncated gradient beside the exact one, along a learning run.

The truncated gradient g (HS97, appendix A.1) is the exact gradient e of a loss after cutting every
path through the recurrent sources and the peepholes. How well it stands for e is told by the angle
between the two, as vectors of all weights or of some, and by how long it is beside e:

    cos(angle) = g.e / (|g| |e|)          ratio = |g| / |e|

At less than 90 degrees a small enough step along -g lowers the loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm.analysis.learning import lstm_of, teach
from pylstm.errors import InputError
from pylstm.experiments import Reading, Row
from pylstm.network import LSTM

__all__ = ["Comparison", "Course", "along_learning", "compare", "compare_gradients"]

Array = npt.NDArray[Any]

METHODS: tuple[Literal["truncated", "bptt"], ...] = ("truncated", "bptt")


class Comparison(NamedTuple):
    """A gradient beside the exact one: the angle between them in degrees, and their norms' ratio.

    Parameters
    ----------
    angle : float
        In degrees, 0 to 180: 0 in the direction of the exact gradient, 90 at a right angle to it; a
        small step along one that is off by more than 90 raises the loss. NaN where either is 0.
    ratio : float
        Its Euclidean norm over that of the exact one, without a unit: 1 as long, below 1 shorter,
        so that the same learning rate makes shorter steps. NaN where the exact one is 0.
    """

    angle: float
    ratio: float


def compare(
    gradient: Mapping[str, npt.ArrayLike], exact: Mapping[str, npt.ArrayLike]
) -> dict[str, Comparison]:
    """Compare a gradient with the exact one, parameter by parameter and as a whole.

    The angle is 2 atan2(|u - v|, |u + v|) for the unit vectors u and v of the two: exact for small
    angles too, where the arc cosine is not.

    Parameters
    ----------
    gradient, exact : mapping of str to array_like
        As `LSTM.gradient` gives them; of the same names and shapes.

    Returns
    -------
    dict of str to Comparison
        By the same names; then "hidden", all but the weights of the outputs, and "all" together.

    Raises
    ------
    ValueError
        For names or shapes that differ.

    Examples
    --------
    >>> from pylstm.analysis import compare
    >>> of_all = compare({"a": [3.0], "b": [0.0]}, {"a": [1.0], "b": [1.0]})
    >>> of_all["a"], of_all["b"]
    (Comparison(angle=0.0, ratio=3.0), Comparison(angle=nan, ratio=0.0))
    >>> round(of_all["all"].angle, 9), round(of_all["all"].ratio, 3)
    (45.0, 2.121)
    """
    parts = {name: np.asarray(of, float) for name, of in gradient.items()}
    exact_parts = {name: np.asarray(of, float) for name, of in exact.items()}
    shapes, wanted = ({n: of.shape for n, of in g.items()} for g in (parts, exact_parts))
    if shapes != wanted:
        raise ValueError(f"gradient has shapes {shapes}, wanted those of exact, {wanted}")
    groups = {name: [name] for name in parts}
    groups["hidden"] = [name for name in parts if name != "output"]
    groups["all"] = list(parts)
    return {
        group: _comparison(_concatenated(parts, names), _concatenated(exact_parts, names))
        for group, names in groups.items()
    }


def _concatenated(parts: Mapping[str, Array], names: Sequence[str]) -> Array:
    return np.concatenate([parts[name].ravel() for name in names])


def _comparison(gradient: Array, exact: Array) -> Comparison:
    u, length = _unit_vector_and_norm(gradient)
    v, exact_length = _unit_vector_and_norm(exact)
    angle = 2 * math.atan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    return Comparison(
        angle=math.degrees(angle) if length and exact_length else math.nan,
        ratio=length / exact_length if exact_length else math.nan,
    )


def _unit_vector_and_norm(vector: Array) -> tuple[Array, float]:
    """The unit vector and the norm, whose squares may be too small for a float64."""
    largest = float(np.abs(vector).max(initial=0.0))
    if largest == 0:
        return vector, 0.0
    scaled = vector / largest
    norm = float(np.linalg.norm(scaled))
    return scaled / norm, largest * norm


def compare_gradients(
    net: LSTM, sequences: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]
) -> dict[str, Comparison]:
    """Compare the truncated with the exact gradient of a net, summed over sequences.

    Parameters
    ----------
    net : LSTM
        Does not change.
    sequences : iterable of (X, targets)
        As `LSTM.gradient` takes them, such as a `pylstm.tasks.Sequences`; each is read from a
        fresh state.

    Returns
    -------
    dict of str to Comparison
        By the names of `LSTM.parameters`, then "hidden", all but the readout, and "all": each an
        angle in degrees and a ratio of norms, (0, 1) where nothing is lost.

    Raises
    ------
    ValueError, TypeError
        For no sequence, or unusable ones.

    Notes
    -----
    The exact gradient, by backpropagation through time, needs memory for the activations of one
    sequence at a time.

    Examples
    --------
    A net without recurrence has nothing to cut:

    >>> import numpy as np, pylstm
    >>> from pylstm.analysis import compare_gradients
    >>> net = pylstm.LSTM(1, 1, n_blocks=2, cell_recurrence=False, dtype="float64")
    >>> X = np.sin(np.arange(20.0))[:, None]
    >>> angle, ratio = compare_gradients(net, [(X[:-1], X[1:])])["all"]
    >>> angle < 1e-6, round(ratio, 9)
    (True, 1.0)
    """
    sums: list[dict[str, Array]] = [{}, {}]
    for X, targets in sequences:
        for total, method in zip(sums, METHODS, strict=True):
            for name, of in net.gradient(X, targets, gradient=method).items():
                total[name] = total.get(name, 0.0) + of.astype(float)
    if not sums[0]:
        raise ValueError("sequences is empty, wanted at least one")
    return compare(*sums)


# ---------------------------------------------------------------- along a learning run


@dataclass(frozen=True)
class Course:
    """A learning run looked at on its way.

    Parameters
    ----------
    row, reading : str
        What was learned, and by which reading of the row.
    seed : int
    n_compared : int
        Sequences the gradients that are compared are summed over.
    seen : tuple of int
        Training sequences after which gradients were compared, from 0 on.
    comparisons : tuple of dict of str to Comparison
        Then, of the net that learns by the truncated gradient; as many as there are until it
        diverges, if it does.
    error, wrong : dict of str to tuple of float
        Learning curves, "truncated" and "bptt": mean absolute error, and share of wrong training
        sequences, of each interval of `seen`; as many as there are until the net diverges.
    """

    row: str
    reading: str
    seed: int
    n_compared: int
    seen: tuple[int, ...]
    comparisons: tuple[dict[str, Comparison], ...]
    error: dict[str, tuple[float, ...]]
    wrong: dict[str, tuple[float, ...]]


def along_learning(
    row: Row,
    reading: Reading | None = None,
    n_sequences: int = 20_000,
    n_blocks: int = 50,
    n_compared: int = 100,
    seed: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> Course:
    """Learn a row of the experiment table by the truncated gradient and by the exact one.

    Both nets start from the same weights and learn the same sequences, generated on-line, in the
    same order. After every block of them the truncated gradient of the net that learns by it is
    compared with its exact one, on a fixed set of other sequences.

    Parameters
    ----------
    row : Row
    reading : Reading, optional
        One of its readings; without: the first.
    n_sequences : int, default 20,000
        Training sequences, at least n_blocks.
    n_blocks : int, default 50
        Blocks they are divided into, as evenly as can be; with another number other sequences are
        drawn.
    n_compared : int, default 100
        Sequences the gradients are summed over.
    seed : int, default 0
        Of starting weights and sequences.
    on_progress : callable, optional
        Called with the number of training sequences seen, after every block.

    Returns
    -------
    Course

    Raises
    ------
    InputError
        For a row that trains no LSTM, or numbers that make no sense.

    Examples
    --------
    >>> from pylstm.analysis import along_learning
    >>> from pylstm.experiments import ROWS
    >>> course = along_learning(ROWS["6a"], n_sequences=100, n_blocks=2, n_compared=4)
    >>> course.seen, len(course.error["bptt"])
    ((0, 50, 100), 2)
    >>> course.comparisons[0]["output"].angle < 0.01      # nothing is cut behind the outputs
    True
    """
    reading = row.readings[0] if reading is None else reading
    if not 1 <= n_blocks <= n_sequences:
        raise InputError(
            f"{n_sequences} sequences given in {n_blocks} blocks, wanted at least one block, and "
            "one sequence in each"
        )
    row = row.under(reading)
    of_weights, training, test = np.random.SeedSequence(seed).spawn(3)
    nets = {
        method: lstm_of(row, reading, gradient=method, seed=np.random.default_rng(of_weights))
        for method in METHODS
    }
    compared = row.task.sample(n_compared, np.random.default_rng(test))
    rng = np.random.default_rng(training)
    seen = np.linspace(0, n_sequences, n_blocks + 1).astype(int).tolist()
    comparisons = [compare_gradients(nets["truncated"], compared)]
    curves: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    for before, now in pairwise(seen):
        sequences = row.task.sample(now - before, rng)
        for method in list(nets):
            try:
                curves[method].append(teach(nets[method], row.task, sequences, reading.update))
            except FloatingPointError:
                del nets[method]
        if "truncated" in nets:
            comparisons.append(compare_gradients(nets["truncated"], compared))
        if on_progress is not None:
            on_progress(now)
    return Course(
        row=row.name,
        reading=reading.label,
        seed=seed,
        n_compared=n_compared,
        seen=tuple(seen),
        comparisons=tuple(comparisons),
        error={method: tuple(error for error, _ in of) for method, of in curves.items()},
        wrong={method: tuple(wrong for _, wrong in of) for method, of in curves.items()},
    )
