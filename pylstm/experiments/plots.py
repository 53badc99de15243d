"""Pictures of the trials. Needs matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.experiments.methods import Net
from pylstm.experiments.row import LABELS
from pylstm.experiments.summary import Summary
from pylstm.experiments.trial import Result
from pylstm.files import written_whole
from pylstm.network import LSTM
from pylstm.tasks import Continual, LongLag, Sequences, Task

__all__ = ["save_all"]

Array = npt.NDArray[Any]

_COLOURS = {"written": "C0", "nearest": "C1", "best": "C2", "chosen": "C4"}
_PAPER = "0.4"


def save_all(summaries: Sequence[Summary], folder: Path) -> list[Path]:
    """Draw everything there is to draw.

    Parameters
    ----------
    summaries : sequence of Summary
    folder : Path

    Returns
    -------
    list of Path
        lag.png: training sequences until success against the lag, experiment 2c; curves-ROW.png:
        the learning curve of every trial; cells-ROW.png: of LSTM the cell states and gates of a
        trial that succeeded, over a sequence it answers rightly (of a continual task the beginning
        of one).
    """
    paths = []
    of_lag = [s for s in summaries if isinstance(s.row.task, LongLag) and s.solved]
    if of_lag:
        paths.append(_save_figure(folder / "lag.png", _draw_lag, of_lag, size=(7, 4.5)))
    for name in dict.fromkeys(s.row.name for s in summaries):
        of_row = [s for s in summaries if s.row.name == name]
        curves = [result.curve for s in of_row for result in s.results]
        path = folder / f"curves-{name}.png"
        if any(curve.get("error") for curve in curves):
            paths.append(_save_figure(path, _draw_curves, of_row, size=(8, 5)))
        if any(curve.get("length") for curve in curves):
            paths.append(_save_figure(path, _draw_lengths, of_row, size=(8, 4)))
        # The reading nearest to the paper that has learned.
        by_label = sorted(of_row, key=lambda s: LABELS.index(s.reading.label))
        solved = [s for s in by_label if s.solved and isinstance(_untrained(s), LSTM)]
        if solved:
            paths.append(
                _save_figure(folder / f"cells-{name}.png", _draw_cells, solved[0], size=(9, 8))
            )
    return paths


def _save_figure(path: Path, draw: Any, *what: Any, size: tuple[float, float]) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    draw(figure, *what)
    with written_whole(str(path)) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return path


# ---------------------------------------------------------------- sequences against the lag


def _draw_lag(figure: Any, summaries: Sequence[Summary]) -> None:
    """Mean, least and most; one line where p = q, single points where the lag is 1000 and p < q."""
    axes = figure.subplots()
    families = (("o", "-", "as many distractors as lag"), ("s", "", "lag 1000, fewer distractors"))
    for (marker, line, text), equal in zip(families, (True, False), strict=True):
        of_family = [
            (task.q, summary)
            for summary in summaries
            if isinstance(task := summary.row.task, LongLag) and (task.p == task.q) == equal
        ]
        for label in LABELS:
            points = [
                (q, s.mean, s.mean - min(s.sequences), max(s.sequences) - s.mean)
                for q, s in of_family
                if s.reading.label == label and s.mean is not None
            ]
            if points:
                q, mean, below, above = np.array(points).T
                style = {"color": _COLOURS[label], "marker": marker, "ls": line, "capsize": 3}
                axes.errorbar(q, mean, [below, above], **style, label=f"{label}, {text}")
        paper = sorted({(q, s.row.paper.sequences) for q, s in of_family})
        if paper:
            style = {"color": _PAPER, "marker": marker, "ls": line and "--", "fillstyle": "none"}
            axes.plot(*zip(*paper, strict=True), **style, label=f"paper, {text}")
    axes.set(xlabel="minimal lag q", ylabel="training sequences until success", yscale="log")
    axes.set(title="Experiment 2c: what a longer lag costs")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend()


# ---------------------------------------------------------------- learning curves


def _draw_curves(figure: Any, summaries: Sequence[Summary]) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True)
    for summary in summaries:
        colour = _COLOURS[summary.reading.label]
        label = ", ".join(filter(None, (summary.reading.label, summary.reading.differs)))
        label = textwrap.fill(label, 80)
        for k, result in enumerate(summary.results):
            error, wrong = result.curve["error"], result.curve["wrong"]
            seen = result.curve["every"] * np.arange(1, len(error) + 1)
            style = {"color": colour, "lw": 0.8, "alpha": 0.7}
            upper.plot(seen, error, label=None if k else label, **style)
            lower.plot(seen, wrong, **style)
    row = summaries[0].row
    for axes in (upper, lower):
        if (mean := row.paper.sequences) is not None:
            axes.axvline(mean, color=_PAPER, ls="--", label="success in the paper, mean")
    upper.set(title=f"{row.name}: {row.what}", ylabel="mean absolute error", ylim=(0, None))
    lower.set(xlabel="training sequences", ylabel="share of wrong sequences", ylim=(0, 1))
    lower.xaxis.set_major_formatter("{x:,.0f}")
    upper.legend()


def _draw_lengths(figure: Any, summaries: Sequence[Summary]) -> None:
    """How long training streams were, of every trial of a continual task."""
    axes, row = figure.subplots(), summaries[0].row
    assert isinstance(row.task, Continual)
    for summary in summaries:
        for k, result in enumerate(summary.results):
            length = result.curve["length"]
            seen = result.curve["every"] * np.arange(1, len(length) + 1)
            style = {"color": _COLOURS[summary.reading.label], "lw": 0.8, "alpha": 0.7}
            axes.plot(seen, length, label=None if k else summary.reading.label, **style)
    axes.set(title=f"{row.name}: {row.what}", yscale="log", xlabel="training streams")
    axes.set(ylabel=f"{row.task.counted} until the first wrong output")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend()


# ---------------------------------------------------------------- cells and gates over a sequence


_FEW_PARTS = 5
_PANELS = {
    "input_gate": "block",
    "forget_gate": "block",
    "cell_state": "cell",
    "output_gate": "block",
}


def _draw_cells(figure: Any, summary: Summary) -> None:
    result, row = summary.solved[0], summary.row.under(summary.reading)
    net = _trained(summary, result)
    sequence = _solved_sequence(net, row.task)
    states = _states_of(net, sequence)
    names = [name for name in _PANELS if name in states]
    first, *others = figure.subplots(1 + len(names), 1, sharex=True)
    if row.task.tokens:
        first.plot(range(1, sequence.n_steps + 1), sequence.X, ".", ms=3, color="0.3")
        first.set(ylabel="input, symbol")
    else:
        _plot_lines(first, sequence.X, "input")
    for axes, name in zip(others, names, strict=True):
        _plot_lines(axes, states[name], _PANELS[name])
        axes.set(ylabel=name.replace("_", " "))
        if name != "cell_state":
            axes.set(ylim=(0, 1))
    title = f"{row.name} {summary.reading.label}, trial {result.trial}: {row.what}"
    first.set(title=title)
    others[-1].set(xlabel="step")


def _plot_lines(axes: Any, values: Array, what: str) -> None:
    """Plot the columns of values against the step, named at the right."""
    steps = np.arange(1, len(values) + 1)
    for k, column in enumerate(values.T):
        axes.plot(steps, column, lw=1, label=f"{what} {k + 1}")
    axes.set(ylabel=what)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _untrained(summary: Summary) -> Net:
    return summary.row.network(summary.reading)


def _trained(summary: Summary, result: Result) -> LSTM:
    """Make the LSTM of a trial that has succeeded, as it was then."""
    net = _untrained(summary)
    assert isinstance(net, LSTM)
    assert result.weights is not None
    for name, view in net.parameters.items():
        view[:] = result.weights[name]
    return net


def _solved_sequence(net: LSTM, task: Task) -> Sequences:
    """Draw sequences until the network answers one rightly; of a continual task some parts."""
    rng = np.random.default_rng(0)
    if isinstance(task, Continual):
        task = task.of_parts(_FEW_PARTS)
    while True:
        sequence = task.sample(1, rng)
        outputs = net.run_sequences(sequence.X, lengths=sequence.lengths, last=task.last)
        if not task.wrong(outputs, sequence).any():
            return sequence


def _states_of(net: LSTM, sequence: Sequences) -> dict[str, Array]:
    """State of the network after every step: each (n_steps, n_cells or n_blocks)."""
    states = []
    for x in sequence.X:
        net.step(x)
        states.append(net.state)
    return {name: np.array([state[name] for state in states]) for name in states[0]}
