"""What came out of the trials, beside the figures of the paper: as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pylstm.experiments.rows import Reading, Row
from pylstm.experiments.trial import Result

__all__ = ["Summary", "as_json", "as_list", "as_markdown", "as_text"]

_HEADER = (
    "row", "reading", "weights", "success", "paper", "sequences until success (from - to)", "paper",
    "limit", "wrong in test", "paper", "time", "reached",
)  # fmt: skip

_NOTES = (
    "sequences: training sequences until success, mean over the trials that succeeded; known to "
    "within 100, in experiments 1 and 3 within 500.",
    "limit: training sequences after which a trial counts as failed, which it might not have been "
    "with more. The paper states none but for experiment 2, five million, which no trial here is "
    "given.",
    "wrong in test: test sequences answered wrongly after success, mean per trial; experiments 1 "
    "and 2 succeed only with none.",
    "time: of one core, for all trials of the line.",
    "reached: at least the paper's share of the trials succeeded, after at most its mean number of "
    "sequences.",
    "readings: written, the paper to the letter; nearest, what differs is said below; best, "
    "whatever learns the same task in the fewest sequences known.",
)


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
    def seconds(self) -> float:
        """Time of one core for all trials."""
        return sum(result.seconds for result in self.results)

    @property
    def reached(self) -> bool:
        """Whether success and number of sequences are those of the paper, or better."""
        paper = self.row.paper
        enough = self.share >= paper.success
        return enough and self.mean is not None and self.mean <= paper.sequences


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if minutes < 60 else f"{hours:.1f} h"


def _cells(summary: Summary) -> list[str]:
    """One line of the table."""
    row, paper, n = summary.row, summary.row.paper, len(summary.results)
    sequences = summary.sequences
    span = f" ({min(sequences):,} - {max(sequences):,})" if sequences else ""
    wrong, of_paper = summary.wrong, paper.wrong
    return [
        row.name,
        summary.reading.label,
        f"{row.network(summary.reading).n_parameters:,}",
        f"{summary.n_solved}/{n} {summary.share:.0%}",
        f"{paper.success:.0%}",
        "-" if summary.mean is None else f"{summary.mean:,.0f}{span}",
        f"{paper.sequences:,}",
        f"{row.under(summary.reading).limit:,}",
        "-" if wrong is None else f"{wrong:.1f}/{row.test}",
        "-" if of_paper is None else f"{of_paper * row.test:.1f}/{row.test}",
        _time(summary.seconds),
        "yes" if summary.reached else "no",
    ]


def _remarks(summaries: Sequence[Summary]) -> list[str]:
    """What differs from the paper, and which rows are not reached; "best" does not count there."""
    remarks = [
        f"{s.row.name} {s.reading.label}: {s.reading.differs}."
        for s in summaries
        if s.reading.differs
    ]
    reached = {s.row.name for s in summaries if s.reached and s.reading.label != "best"}
    missed = dict.fromkeys(s.row.name for s in summaries if s.row.name not in reached)
    if missed:
        remarks.append(f"Not reached as written or by the nearest reading: {', '.join(missed)}.")
    return remarks


def as_text(summaries: Sequence[Summary]) -> str:
    """Give the table for a terminal.

    Parameters
    ----------
    summaries : sequence of Summary

    Returns
    -------
    str
    """
    if not summaries:
        return "no trial has ended yet"
    table = _aligned([_HEADER, *(_cells(summary) for summary in summaries)])
    return "\n".join([*table, "", *_NOTES, *_remarks(summaries)])


def as_list(rows: Sequence[Row]) -> str:
    """Give the rows as a table, a line a reading.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    str

    Examples
    --------
    >>> from pylstm.experiments import select
    >>> from pylstm.experiments.report import as_list
    >>> print(as_list(select(["6a"])))
    row  task                         weights  alpha  trials  paper   reading
    6a   temporal order of 2 symbols  156      0.5    20      31,390  written
    6a   temporal order of 2 symbols  156      0.5    20      31,390  best: softmax, cross-entropy
    """
    lines = [["row", "task", "weights", "alpha", "trials", "paper", "reading"]]
    for row in rows:
        for reading in row.readings:
            lines.append(
                [
                    row.name,
                    row.what,
                    f"{row.network(reading).n_parameters:,}",
                    f"{reading.learning_rate:g}",
                    f"{row.trials}",
                    f"{row.paper.sequences:,}",
                    ": ".join(filter(None, (reading.label, reading.differs))),
                ]
            )
    return "\n".join(_aligned(lines))


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def as_markdown(summaries: Sequence[Summary], header: Mapping[str, Any]) -> str:
    """Give the table as Markdown, with a line on each row.

    Parameters
    ----------
    summaries : sequence of Summary
    header : mapping
        Version, seed and machine.

    Returns
    -------
    str
    """
    lines = [_HEADER, ["---"] * len(_HEADER), *(_cells(summary) for summary in summaries)]
    rows = {summary.row.name: summary.row for summary in summaries}
    return "\n".join(
        [
            "# Hochreiter & Schmidhuber 1997, reproduced",
            "",
            f"pylstm {header['pylstm']}, seed {header['seed']}; {header['machine']}.",
            "",
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
            *(f"- {note}" for note in (*_NOTES, *_remarks(summaries))),
            "",
            "Rows:",
            "",
            *(f"- {name}: {row.what}." for name, row in rows.items()),
            "",
        ]
    )


def as_json(summaries: Sequence[Summary], header: Mapping[str, Any]) -> str:
    """Give everything but weights and learning curves, which the trials hold, as JSON.

    Parameters
    ----------
    summaries : sequence of Summary
    header : mapping
        Format, version, seed and machine: what the text begins with.

    Returns
    -------
    str
    """
    rows = [_tree(summary) for summary in summaries]
    return json.dumps({**header, "rows": rows}, indent=1) + "\n"


def _tree(summary: Summary) -> dict[str, Any]:
    row, sequences = summary.row, summary.sequences
    results = [asdict(result) for result in summary.results]
    for result in results:
        del result["weights"], result["curve"]
    return {
        "row": row.name,
        "what": row.what,
        "reading": asdict(summary.reading),
        "weights": row.network(summary.reading).n_parameters,
        "trials": len(summary.results),
        "success": summary.share,
        "sequences": {
            "mean": summary.mean,
            "min": min(sequences, default=None),
            "max": max(sequences, default=None),
        },
        "st1": summary.st1,
        "limit": row.under(summary.reading).limit,
        "test": row.test,
        "wrong": summary.wrong,
        "error": summary.error,
        "seconds": summary.seconds,
        "reached": summary.reached,
        "paper": asdict(row.paper),
        "results": results,
    }
