"""What came out of the trials of a row: shares, means, and what to say beside the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pylstm.experiments.row import Reading, Row
from pylstm.experiments.stop import Streams
from pylstm.experiments.trial import Result

__all__ = ["Summary"]


@dataclass(frozen=True)
class Summary:
    """The trials of one reading of a row.

    Parameters
    ----------
    row : Row
    reading : Reading
    results : tuple of Result
        At least one.

    Examples
    --------
    >>> from pylstm.experiments import ROWS, Summary
    >>> from pylstm.experiments.trial import Result
    >>> ends = [Result(k, n, 300_000, {}, 1, 0.02, 9.0, {}, None)
    ...         for k, n in enumerate([20_000, 30_000, None])]
    >>> summary = Summary(ROWS["6a"], ROWS["6a"].readings[0], tuple(ends))
    >>> summary.n_solved, summary.mean, summary.reached
    (2, 25000.0, False)
    """

    row: Row
    reading: Reading
    results: tuple[Result, ...]

    @property
    def solved(self) -> list[Result]:
        """The trials that succeeded."""
        return [result for result in self.results if result.success is not None]

    @property
    def n_solved(self) -> int:
        """Number of trials that succeeded."""
        return len(self.solved)

    @property
    def share(self) -> float:
        """Share of trials that succeeded."""
        return self.n_solved / len(self.results)

    @property
    def sequences(self) -> list[int]:
        """Training sequences until success, of the trials that succeeded."""
        return [result.success for result in self.solved if result.success is not None]

    @property
    def mean(self) -> float | None:
        """Mean number of training sequences until success."""
        return _mean(self.sequences)

    @property
    def st1(self) -> float | None:
        """Mean number of training sequences until ST1, where there is such a mark."""
        return _mean([r.marks["ST1"] for r in self.solved if "ST1" in r.marks])

    @property
    def wrong(self) -> float | None:
        """Mean number of wrong sequences in the final test."""
        return _mean([result.wrong for result in self.solved if result.wrong is not None])

    @property
    def error(self) -> float | None:
        """Mean absolute error in the final test."""
        return _mean([result.error for result in self.solved if result.error is not None])

    @property
    def up_to(self) -> tuple[int, float] | None:
        """Of a language the largest size known, of the best trial and in the mean."""
        sizes = [r.marks["up to"] for r in self.solved if "up to" in r.marks]
        return (int(max(sizes)), float(np.mean(sizes))) if sizes else None

    @property
    def good(self) -> tuple[float, float | None] | None:
        """Of a continual task the trials never perfect but good: share, mean length of tests."""
        bound = self._good_above
        return None if bound is None else self._of_length(bound, np.inf)

    @property
    def rest(self) -> tuple[float, float | None] | None:
        """Of a continual task the trials neither perfect nor good."""
        bound = self._good_above
        return None if bound is None else self._of_length(-np.inf, bound)

    @property
    def _good_above(self) -> float | None:
        rule = self.row.stop
        if not isinstance(rule, Streams):
            return None
        return np.inf if rule.good is None else rule.good

    def _of_length(self, low: float, high: float) -> tuple[float, float | None]:
        lengths = [r.marks["length"] for r in self.results if r.success is None]
        of_these = [length for length in lengths if low < length <= high]
        return len(of_these) / len(self.results), _mean(of_these)

    @property
    def seconds(self) -> float:
        """Time of one core for all trials."""
        return sum(result.seconds for result in self.results)

    @property
    def weights(self) -> tuple[int, int]:
        """Trainable weights, the least and the most: methods that add units end with more."""
        each = [_n_weights(r.weights) for r in self.solved if r.weights is not None]
        each = each or [self.row.network(self.reading).n_parameters]
        return min(each), max(each)

    @property
    def reached(self) -> bool | None:
        """Whether success and number of sequences are those of the paper, or better.

        None where the paper has nothing to be reached: the method failed, or there are no figures,
        or none that are certain.
        """
        paper = self.row.paper
        if paper.sequences is None or paper.uncertain:
            return None
        enough = self.n_solved > 0 and self.share >= (paper.success or 0)
        return enough and self.mean is not None and self.mean <= paper.sequences

    @property
    def verdict(self) -> str:
        """What came out beside the paper, in words.

        Examples
        --------
        >>> from pylstm.experiments import ROWS, Summary
        >>> from pylstm.experiments.trial import Result
        >>> ends = [Result(0, n, 300_000, {}, 1, 0.02, 9.0, {}, None) for n in (20_000, None)]
        >>> Summary(ROWS["6a"], ROWS["6a"].readings[0], tuple(ends)).verdict
        'no: fewer succeed, sooner'
        """
        paper = self.row.paper
        if paper.uncertain:
            return "-"
        if paper.sequences is None:
            if paper.success is None:
                return "-"
            return "learns, but failed in the paper" if self.solved else "fails, as in the paper"
        if self.mean is None:
            return "no: none succeeds"
        share = "some" if paper.success is None else _in_words(self.share, paper.success)
        when = "sooner" if self.mean <= paper.sequences else "later"
        return f"{'yes' if self.reached else 'no'}: {share} succeed, {when}"


def _in_words(share: float, paper: float) -> str:
    if np.isclose(share, paper):
        return "as many"
    return "more" if share > paper else "fewer"


def _n_weights(weights: Mapping[str, Any]) -> int:
    return sum(np.size(values) for values in weights.values())


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
