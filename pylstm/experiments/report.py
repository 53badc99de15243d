"""What came out, beside the figures of the paper: as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pylstm.experiments.methods import METHODS
from pylstm.experiments.row import Paper, Row
from pylstm.experiments.stop import Learned
from pylstm.experiments.summary import Summary
from pylstm.tasks import Task

__all__ = ["as_json", "as_list", "as_markdown", "as_text"]

_HEADER = (
    "row", "method", "reading", "weights", "success", "paper",
    "sequences until success (from - to)", "paper", "limit", "wrong in test", "paper", "time",
    "reached",
)  # fmt: skip

_NOTES = (
    "sequences: training sequences until success, mean over the trials that succeeded; known to "
    "within 100, in experiment 3, for languages and for other methods within 500. Of "
    "continual tasks training streams, each learned from until the first wrong output.",
    "limit: training sequences after which a trial counts as failed, which it might not have been "
    "with more. The paper states none but for experiment 2, five million, which trials of long "
    "sequences are not given here.",
    "wrong in test: test sequences answered wrongly after success, mean per trial; experiments 1 "
    "and 2 and the rows after 1997 succeed only with none.",
    "time: of one core, for all trials of the line.",
    "reached: at least the paper's share of the trials succeeded, or some where it says some, "
    "after at most its mean number of sequences.",
    "?: a figure of the paper from memory, which nothing is measured by.",
    "readings: written, the paper to the letter; nearest, what differs is said below; best, "
    "whatever learns the same task in the fewest sequences known; chosen, settings chosen here "
    "where the paper has no figures.",
)

_CONTINUAL = (
    "Continual tasks: networks that were perfect, all test streams right to their end, after so "
    "many training streams; that were not but good, their test streams long in the mean; and the "
    "rest. Lengths up to the first wrong output, of the paper in brackets."
)

_LANGUAGES = (
    "Languages: trials that know every string of their training set, after so many training "
    "strings, and the largest size up to which they then know every string."
)

_CONTINUAL_HEADER = ("row", "reading", "perfect", "paper", "good", "paper", "rest", "paper")
_LANGUAGES_HEADER = (
    "row", "reading", "learned", "paper", "best up to", "paper", "mean up to", "paper",
)  # fmt: skip

_COMPARED = (
    "Methods on the same task: trials that succeeded, and mean training sequences until success; "
    "of several readings or rows the best."
)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if minutes < 60 else f"{hours:.1f} h"


def _table_cells(summary: Summary) -> list[str]:
    """One line of the table."""
    row, paper, n = summary.row, summary.row.paper, len(summary.results)
    sequences, limit = summary.sequences, f"{row.under(summary.reading).limit:,}"
    span = f" ({min(sequences):,} - {max(sequences):,})" if sequences else ""
    wrong, of_paper = summary.wrong, paper.wrong
    return [
        row.name,
        row.method,
        summary.reading.label,
        " - ".join(f"{n_weights:,}" for n_weights in dict.fromkeys(summary.weights)),
        f"{summary.n_solved}/{n} {summary.share:.0%}",
        _success(paper),
        f"not within {limit}" if summary.mean is None else f"{summary.mean:,.0f}{span}",
        _sequences(paper),
        limit,
        "-" if wrong is None else f"{wrong:.1f}/{row.test}",
        "-" if of_paper is None else f"{of_paper * row.test:.1f}/{row.test}",
        _duration(summary.seconds),
        summary.verdict,
    ]


def _success(paper: Paper) -> str:
    if paper.success is None:
        return "-" if paper.sequences is None else "some"
    return f"{paper.success:.0%}{_doubt(paper)}"


def _doubt(paper: Paper) -> str:
    return "?" if paper.uncertain else ""


def _sequences(paper: Paper) -> str:
    if paper.sequences is None:
        return (
            "-" if paper.not_within is None else f"not within {paper.not_within:,}{_doubt(paper)}"
        )
    return f"{paper.sequences:,}{_doubt(paper)}"


def _continual(summaries: Sequence[Summary]) -> list[list[str]]:
    """A table of the continual tasks; empty without any."""
    lines = []
    for summary in summaries:
        good, rest, paper = summary.good, summary.rest, summary.row.paper
        if rest is None or good is None:
            continue
        perfect = None if paper.success is None else (paper.success, paper.sequences)
        cells = [summary.row.name, summary.reading.label]
        for ours, of_paper in (
            ((summary.share, summary.mean), perfect),
            (good, paper.good),
            (rest, paper.rest),
        ):
            cells.append(_share_and_number(*ours))
            brackets = f"({_share_and_number(*of_paper)}){_doubt(paper)}" if of_paper else "-"
            cells.append(brackets)
        lines.append(cells)
    return [[*_CONTINUAL_HEADER], *lines] if lines else []


def _languages(summaries: Sequence[Summary]) -> list[list[str]]:
    """A table of the languages; empty without any."""
    lines = []
    for summary in summaries:
        if not isinstance(summary.row.stop, Learned):
            continue
        paper, up_to = summary.row.paper, summary.up_to
        cells = [summary.row.name, summary.reading.label, _outcome(summary), _sequences(paper)]
        for k in range(2):
            cells.append("-" if up_to is None else f"{up_to[k]:,.0f}")
            cells.append(f"{paper.up_to[k]:,.0f}{_doubt(paper)}" if paper.up_to else "-")
        lines.append(cells)
    return [[*_LANGUAGES_HEADER], *lines] if lines else []


def _share_and_number(share: float, number: float | None) -> str:
    return f"{share:.0%}" + ("" if number is None else f", {number:,.0f}")


def _further_tables(summaries: Sequence[Summary]) -> list[tuple[str, list[list[str]]]]:
    """Tables that only some rows are in, under what they show."""
    tables = (
        (_COMPARED, _side_by_side(summaries)),
        (_CONTINUAL, _continual(summaries)),
        (_LANGUAGES, _languages(summaries)),
    )
    return [(title, lines) for title, lines in tables if lines]


def _side_by_side(summaries: Sequence[Summary]) -> list[list[str]]:
    """A table of tasks against methods, where several learn the same task; empty without any."""
    best: dict[Task, dict[str, Summary]] = {}
    for summary in summaries:
        of_task = best.setdefault(summary.row.task, {})
        other = of_task.get(summary.row.method)
        if other is None or _ranking(summary) > _ranking(other):
            of_task[summary.row.method] = summary
    shared = {task: of_task for task, of_task in best.items() if len(of_task) > 1}
    methods = [name for name in METHODS if any(name in of_task for of_task in shared.values())]
    lines = [
        [_task_in_words(task), *(_outcome(of_task[m]) if m in of_task else "" for m in methods)]
        for task, of_task in shared.items()
    ]
    return [["task", *methods], *lines] if lines else []


def _ranking(summary: Summary) -> tuple[float, float]:
    """The larger, the better: share of successes, then few sequences."""
    return summary.share, -(summary.mean or 0)


def _outcome(summary: Summary) -> str:
    trials = f"{summary.n_solved}/{len(summary.results)}"
    if summary.mean is None:
        return f"{trials} in {summary.row.under(summary.reading).limit:,}"
    return f"{trials}: {summary.mean:,.0f}"


def _task_in_words(task: Task) -> str:
    """The task without the switches that are off."""
    values = ", ".join(
        f"{name}={value}" for name, value in vars(task).items() if value is not False
    )
    return f"{type(task).__name__}({values})"


def _remarks(summaries: Sequence[Summary]) -> list[str]:
    """What differs from the paper, and which rows are not reached; "best" does not count there."""
    remarks = [
        f"{s.row.name} {s.reading.label}: {s.reading.differs}."
        for s in summaries
        if s.reading.differs
    ]
    remarks += [
        f"{s.row.name} {s.reading.label} fails: {s.row.why}."
        for s in summaries
        if s.reading.label == "written" and s.row.why and not s.reached
        if not s.n_solved or not s.row.paper.uncertain
    ]
    with_a_figure = [s for s in summaries if s.reached is not None]
    reached = {s.row.name for s in with_a_figure if s.reached and s.reading.label != "best"}
    missed = dict.fromkeys(s.row.name for s in with_a_figure if s.row.name not in reached)
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
    table = _text_table([_HEADER, *(_table_cells(summary) for summary in summaries)])
    further = [
        line
        for title, lines in _further_tables(summaries)
        for line in (title, "", *_text_table(lines), "")
    ]
    return "\n".join([*table, "", *further, *_NOTES, *_remarks(summaries)])


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
    >>> print(as_list(select(["3a-2"])))
    row   method  task                           weights  alpha  trials  paper   reading
    3a-2  lstm    two sequences, T = 100, N = 1  102      1      10      64,330  written
    """
    lines = [["row", "method", "task", "weights", "alpha", "trials", "paper", "reading"]]
    for row in rows:
        for reading in row.readings:
            lines.append(
                [
                    row.name,
                    row.method,
                    row.what,
                    f"{row.network(reading).n_parameters:,}",
                    "-" if reading.learning_rate is None else f"{reading.learning_rate:g}",
                    f"{row.trials}",
                    _sequences(row.paper),
                    ": ".join(filter(None, (reading.label, reading.differs))),
                ]
            )
    return "\n".join(_text_table(lines))


def _text_table(lines: Sequence[Sequence[str]]) -> list[str]:
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
    table = _markdown_table([_HEADER, *(_table_cells(summary) for summary in summaries)])
    further = [
        line
        for title, lines in _further_tables(summaries)
        for line in (title, "", *_markdown_table(lines), "")
    ]
    rows = {summary.row.name: summary.row for summary in summaries}
    return "\n".join(
        [
            f"# {_title(summaries)}, reproduced",
            "",
            f"pylstm {header['pylstm']}, seed {header['seed']}; {header['machine']}.",
            "",
            *table,
            "",
            *further,
            *(f"- {note}" for note in (*_NOTES, *_remarks(summaries))),
            "",
            "Rows:",
            "",
            *(f"- {name}: {row.what}." for name, row in rows.items()),
            "",
        ]
    )


def _title(summaries: Sequence[Summary]) -> str:
    years = sorted({summary.row.year for summary in summaries})
    if years in ([], [1997]):
        return "Hochreiter & Schmidhuber 1997"
    return f"The LSTM papers of {', '.join(map(str, years))}"


def _markdown_table(lines: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown; the first line is its header."""
    header, *others = lines
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *others)]


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
    rows = [_as_json(summary) for summary in summaries]
    return json.dumps({**header, "rows": rows}, indent=1) + "\n"


def _as_json(summary: Summary) -> dict[str, Any]:
    row, sequences = summary.row, summary.sequences
    results = [asdict(result) for result in summary.results]
    for result in results:
        del result["weights"], result["curve"]
    return {
        "row": row.name,
        "what": row.what,
        "reading": asdict(summary.reading),
        "method": row.method,
        "weights": dict(zip(("min", "max"), summary.weights, strict=True)),
        "trials": len(summary.results),
        "success": summary.share,
        "sequences": {
            "mean": summary.mean,
            "min": min(sequences, default=None),
            "max": max(sequences, default=None),
        },
        "st1": summary.st1,
        "good": summary.good,
        "rest": summary.rest,
        "up_to": summary.up_to,
        "limit": row.under(summary.reading).limit,
        "test": row.test,
        "wrong": summary.wrong,
        "error": summary.error,
        "seconds": summary.seconds,
        "reached": summary.reached,
        "verdict": summary.verdict,
        "paper": asdict(row.paper),
        "results": results,
    }
