"""What detections are worth: windows, profiles, the one best threshold.

Rule: Lavin & Ahmad, Evaluating real-time anomaly detection algorithms: the Numenta anomaly
benchmark, ICMLA 2015. With position p of a row in its window, from -1 at the left edge to 0 behind
the right one, or behind the last window in its widths, and

    sigma(p) = 2 / (1 + exp(5 p)) - 1

the first detection in a window is worth sigma(p) / sigma(-1), every detection outside costs the
weight of a false alarm times -sigma(p), 1 before the first window or three widths behind the last
one, and a window without a detection costs the weight of a miss. Sums are normalised: no detection
at all is 0, all windows found at their left edges and nothing else 100.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["PROFILES", "Best", "Labels", "best", "n_probation", "sigma"]


class Profile(NamedTuple):
    """What a detection outside and a window without one cost; one found at once is worth 1."""

    false_alarm: float
    miss: float


PROFILES: Mapping[str, Profile] = {
    "standard": Profile(0.11, 1.0),
    "false alarms dear": Profile(0.22, 1.0),
    "misses dear": Profile(0.11, 2.0),
}
_FAR = 3.0  # widths


class Best(NamedTuple):
    """The score at the threshold that is best for all series together."""

    score: float
    threshold: float
    found: int
    false_alarms: int


class Labels(NamedTuple):
    """Windows of a series: first and last row, in their order."""

    n_rows: int
    windows: Sequence[tuple[int, int]]

    def worth(self) -> tuple[list[int], list[float]]:
        """The window each row is in, -1 for none, and sigma of its position."""
        inside, value = [-1] * self.n_rows, [-1.0] * self.n_rows
        for k, (first, last) in enumerate(self.windows):
            width = last - first + 1
            for row in range(first, last + 1):
                inside[row], value[row] = k, sigma((row - last - 1) / width) / sigma(-1.0)
            behind = self.windows[k + 1][0] if k + 1 < len(self.windows) else self.n_rows
            for row in range(last + 1, behind):
                place = (row - last) / max(width - 1, 1)
                value[row] = -1.0 if place > _FAR else sigma(place)
        return inside, value


def sigma(place: float) -> float:
    """The scaled sigmoid."""
    return 2 / (1 + math.exp(5 * place)) - 1


def n_probation(n_rows: int) -> int:
    """Rows at the beginning that are not scored."""
    return min(int(0.15 * n_rows), 750)


def best(scores: Sequence[Sequence[float]], labels: Sequence[Labels], profile: Profile) -> Best:
    """The best threshold for all series, and what it yields.

    Parameters
    ----------
    scores : sequence of sequence of float
        A score a row of each series; a detection is a score of at least the threshold, above 0.
    labels : sequence of Labels
    profile : Profile
    """
    events = []
    worths = [one.worth() for one in labels]
    for k, (series, (inside, value)) in enumerate(zip(scores, worths, strict=True)):
        for row in range(n_probation(len(series)), len(series)):
            if series[row] > 0:
                events.append((series[row], k, row, inside[row], value[row]))
    events.sort(key=lambda event: -event[0])
    n_windows = sum(len(one.windows) for one in labels)
    nothing = -profile.miss * n_windows
    total, false_alarms = nothing, 0
    first: dict[tuple[int, int], int] = {}
    found = Best(0.0, math.inf, 0, 0)
    for place, (score, k, row, window, value) in enumerate(events):
        if window < 0:
            total += profile.false_alarm * value
            false_alarms += 1
        else:
            before = first.get((k, window))
            if before is None:
                total += profile.miss + value
            elif row < before:
                total += value - worths[k][1][before]
            first[k, window] = row if before is None else min(row, before)
        is_last = place + 1 == len(events) or events[place + 1][0] < score
        normalised = 100 * (total - nothing) / (n_windows - nothing)
        if is_last and normalised > found.score:
            found = Best(normalised, score, len(first), false_alarms)
    return found
