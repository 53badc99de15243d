"""The timing rule: contenders take turns, each turn is long enough, the median of turns counts."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.settings import Settings
from bench.task import Learner, Task

__all__ = ["Timing", "Work", "alternate", "learning", "repeated", "seconds"]

FEWEST_STEPS = 16
REST = 0.03  # seconds before a turn, until threads of the turn before have stopped looking for work


@dataclass(frozen=True)
class Work:
    """A call to repeat, the number of steps it makes, and what its turn begins with, not timed."""

    call: Callable[[], object]
    n_steps: int = 1
    before: Callable[[], object] | None = None


@dataclass(frozen=True)
class Timing:
    """Microseconds a step of every repeat, and the processor seconds used per second."""

    turns: tuple[float, ...]
    cores: float

    @property
    def median(self) -> float:
        """Microseconds a step."""
        return statistics.median(self.turns)

    def ratio_to(self, other: Timing) -> float:
        """How many times longer than the other, turn by turn, so that slow spells cancel."""
        pairs = zip(self.turns, other.turns, strict=True)
        return statistics.median(mine / yours for mine, yours in pairs)

    def more_than(self, other: Timing) -> float:
        """Microseconds a step more than the other, turn by turn."""
        pairs = zip(self.turns, other.turns, strict=True)
        return statistics.median(mine - yours for mine, yours in pairs)

    def record(self, **labels: Any) -> dict[str, Any]:
        """Everything measured, for the JSON file."""
        return labels | {"us": self.median, "us_turns": list(self.turns), "cores": self.cores}


def _turn(work: Work, seconds: float) -> tuple[float, float]:
    """Microseconds a step over one repeat, and processor seconds per second."""
    n_calls, elapsed = 0, 0.0
    if work.before:
        work.before()
    time.sleep(REST)
    cpu_start, start = time.process_time(), time.perf_counter()
    while elapsed <= seconds:
        work.call()
        n_calls += 1
        elapsed = time.perf_counter() - start
    cpu = time.process_time() - cpu_start
    return 1e6 * elapsed / (n_calls * work.n_steps), cpu / elapsed


def alternate(works: Mapping[str, Work], settings: Settings) -> dict[str, Timing]:
    """Time every work by name: one turn each, all over again for every repeat."""
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for work in works.values():
        if work.before:
            work.before()
        work.call()
    collects = gc.isenabled()
    gc.disable()
    try:
        for _ in range(settings.repeats):
            for name, work in works.items():
                turns[name].append(_turn(work, settings.seconds))
    finally:
        if collects:
            gc.enable()
    return {
        name: Timing(tuple(us for us, _ in taken), statistics.median(cores for _, cores in taken))
        for name, taken in turns.items()
    }


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def learning(
    learner: Learner, task: Task, settings: Settings, before: Callable[[], object] | None = None
) -> Work:
    """Learning on as many steps of the task in one call as a quarter of a repeat allows."""
    probe = learner.load(task.X[:FEWEST_STEPS], task.targets[:FEWEST_STEPS])
    learner.learn(probe)
    per_step = seconds(lambda: learner.learn(probe)) / len(task.X[:FEWEST_STEPS])
    n_steps = min(len(task.X), max(FEWEST_STEPS, int(settings.seconds / 4 / per_step)))
    sequence = learner.load(task.X[:n_steps], task.targets[:n_steps])
    return Work(lambda: learner.learn(sequence), n_steps, before)


def repeated(function: Callable[[int], object], settings: Settings) -> Work:
    """A function of how often it repeats by itself: for about a quarter of a turn in one call."""
    repeats = 1
    while seconds(partial(function, repeats)) < settings.seconds / 8 and repeats < 1 << 40:
        repeats *= 2
    return Work(partial(function, repeats), repeats)
