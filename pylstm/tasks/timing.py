"""Precise timing: spikes and periods (Gers, Schraudolph & Schmidhuber 2002).

Spike n comes at step T(n) = T(n-1) + F + I(n), T(0) = 0, with I(n) drawn anew for every spike:
between two of them are never fewer than F steps, and only counting tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pylstm.checks import check_whole
from pylstm.errors import brief
from pylstm.tasks.continual import Continual
from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task

__all__ = ["GeneratedSpikes", "PeriodicFunction", "SpikeDelays", "SpikeIntervals"]

Array = npt.NDArray[Any]


def _check_delays(F: int, delays: tuple[int, ...]) -> None:
    check_whole("F", F, 1)
    if not isinstance(delays, tuple) or not delays:
        raise ValueError(f"delays is {brief(delays)}, wanted a tuple of whole numbers")
    for delay in delays:
        check_whole("delay", delay, 0)


def _intervals(
    F: int, delays: tuple[int, ...], n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Delays drawn at random, and the steps of the intervals they make."""
    drawn = np.array(delays)[rng.integers(len(delays), size=n)]
    return drawn.astype(np.float32), F + drawn


@dataclass(frozen=True)
class SpikeDelays(Continual):
    """Measure spike delays, "MSD": at every spike tell how late it came (2002).

    The input is 1 at a spike, else 0. Wanted at spike n is its delay I(n), and nothing between. An
    answer is wrong when its error is 0.49 or more.

    Not in the sources: what is wanted between spikes. Here nothing.

    Parameters
    ----------
    F : int, default 10
        Least number of steps from one spike to the next.
    delays : tuple of int, default (0, 1)
        What I(n) is drawn from.
    n_parts : int, default 100
        Spikes a stream of `sample` has.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import SpikeDelays
    >>> stream = SpikeDelays(F=3, n_parts=3).sample(1, np.random.default_rng(1))
    >>> stream.X[:, 0].astype(int).tolist()
    [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    >>> stream.targets[stream.X == 1].tolist()
    [0.0, 1.0, 1.0]
    """

    F: int = 10
    delays: tuple[int, ...] = (0, 1)
    n_parts: int = 100

    n_inputs: ClassVar[int] = 1
    n_outputs: ClassVar[int] = 1
    tolerance: ClassVar[float] = 0.49
    counted: ClassVar[str] = "spikes"

    def __post_init__(self) -> None:
        _check_delays(self.F, self.delays)
        super().__post_init__()

    def _parts(self, n_parts: int, rng: np.random.Generator) -> Sequences:
        drawn, lengths = _intervals(self.F, self.delays, n_parts, rng)
        X = np.zeros((lengths.sum(), 1), np.float32)
        targets = np.full_like(X, np.nan)
        spikes = np.cumsum(lengths) - 1
        X[spikes], targets[spikes, 0] = 1, drawn
        return Sequences(X, targets, lengths)


@dataclass(frozen=True)
class SpikeIntervals(Task):
    """Measure one spike delay from a fresh state, "NMSD" (2002).

    `SpikeDelays` with a reset before every interval: F + I steps of input 0, the last one 1, and
    there I is wanted. Wrong is an error of 0.49 or more.

    Parameters
    ----------
    F : int, default 10
    delays : tuple of int, default (0, 1)

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import SpikeIntervals
    >>> intervals = SpikeIntervals(F=3).sample(2, np.random.default_rng(1))
    >>> intervals.X[:, 0].astype(int).tolist(), intervals.targets[:, 0].tolist()
    ([0, 0, 1, 0, 0, 0, 1], [0.0, 1.0])
    """

    F: int = 10
    delays: tuple[int, ...] = (0, 1)

    n_inputs: ClassVar[int] = 1
    n_outputs: ClassVar[int] = 1
    tolerance: ClassVar[float] = 0.49

    def __post_init__(self) -> None:
        _check_delays(self.F, self.delays)

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        drawn, lengths = _intervals(self.F, self.delays, n_sequences, rng)
        X = np.zeros((lengths.sum(), 1), np.float32)
        X[np.cumsum(lengths) - 1] = 1
        return Sequences(X, drawn[:, None], lengths)


@dataclass(frozen=True)
class GeneratedSpikes(Continual):
    """Generate timed spikes, "GTS": be 1 at every spike and 0 between (2002).

    Inputs and outputs of `SpikeDelays` change places: spikes are wanted, at T(n), and the delay
    I(n) is given. An output is wrong when its error is 0.49 or more.

    Not in the sources: how the delay is given. Here the input is 1 + I(n) at the first step of its
    interval and 0 at the others.

    Parameters
    ----------
    F : int, default 10
        Least number of steps from one spike to the next.
    delays : tuple of int, default (0, 1)
        What I(n) is drawn from.
    n_parts : int, default 100
        Spikes a stream of `sample` has.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import GeneratedSpikes
    >>> stream = GeneratedSpikes(F=3, n_parts=3).sample(1, np.random.default_rng(1))
    >>> stream.X[:, 0].astype(int).tolist()
    [1, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]
    >>> stream.targets[:, 0].astype(int).tolist()
    [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    """

    F: int = 10
    delays: tuple[int, ...] = (0, 1)
    n_parts: int = 100

    n_inputs: ClassVar[int] = 1
    n_outputs: ClassVar[int] = 1
    tolerance: ClassVar[float] = 0.49
    counted: ClassVar[str] = "spikes"

    def __post_init__(self) -> None:
        _check_delays(self.F, self.delays)
        super().__post_init__()

    def _parts(self, n_parts: int, rng: np.random.Generator) -> Sequences:
        drawn, lengths = _intervals(self.F, self.delays, n_parts, rng)
        ends = np.cumsum(lengths)
        X = np.zeros((ends[-1], 1), np.float32)
        targets = np.zeros_like(X)
        X[ends - lengths, 0] = 1 + drawn
        targets[ends - 1] = 1
        return Sequences(X, targets, lengths)


SHAPES = ("cosine", "triangle", "rectangle")


@dataclass(frozen=True)
class PeriodicFunction(Continual):
    """Generate a periodic function of time without any input, "PFG" (2002).

    Wanted at step t = 0, 1, ... is, with u = t mod F,

        cosine      0.5 (1 - cos(2 pi u / F))
        triangle    2 u / F up to the middle of the period, 2 (F - u) / F behind it
        rectangle   0 in the first half, u < F/2, 1 in the second

    and the input is always 0. An output is wrong when its error is 0.3 or more. (The conditions of
    the triangle are printed the other way round, where it would leave [0, 1].)

    Parameters
    ----------
    shape : {"cosine", "triangle", "rectangle"}, default "cosine"
    F : int, default 10
        Steps of a period.
    tolerance : float, default 0.3
    n_parts : int, default 100
        Periods a stream of `sample` has.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tasks import PeriodicFunction
    >>> stream = PeriodicFunction("triangle", F=4, n_parts=2).sample(1, np.random.default_rng(1))
    >>> stream.targets[:, 0].tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5, 1.0, 0.5]
    """

    shape: str = "cosine"
    F: int = 10
    tolerance: float = 0.3
    n_parts: int = 100

    n_inputs: ClassVar[int] = 1
    n_outputs: ClassVar[int] = 1
    counted: ClassVar[str] = "periods"

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"shape is {brief(self.shape)}, wanted one of {', '.join(SHAPES)}")
        check_whole("F", self.F, 2)
        super().__post_init__()

    def _parts(self, n_parts: int, rng: np.random.Generator) -> Sequences:
        u = np.arange(self.F)
        period = {
            "cosine": 0.5 * (1 - np.cos(2 * np.pi * u / self.F)),
            "triangle": 2 * np.minimum(u, self.F - u) / self.F,
            "rectangle": (2 * u >= self.F).astype(float),
        }[self.shape]
        targets = np.tile(period.astype(np.float32), n_parts)[:, None]
        return Sequences(np.zeros_like(targets), targets, np.full(n_parts, self.F))
