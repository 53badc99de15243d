"""The picture of a stream: prediction against truth, and the running error. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pylstm.files import check_writable, written_whole
from pylstm.tabular.errors import StreamError
from pylstm.tabular.kinds import MODEL
from pylstm.tabular.session import Session

__all__ = ["check_plot", "save_plot"]


def check_plot(path: str) -> None:
    """Say before the stream is processed that no picture can be made.

    Raises
    ------
    StreamError
        Without matplotlib, for an unknown kind of picture, or a place that cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError:
        raise StreamError(
            "--plot needs matplotlib, which is not installed: pip install 'pylstm[demo]'"
        ) from None
    kinds = sorted(FigureCanvasAgg.get_supported_filetypes())
    if _format(path) not in kinds:
        raise StreamError(
            f"cannot plot to {path}: wanted a name ending in one of .{', .'.join(kinds)}"
        )
    check_writable(path)


def _format(path: str) -> str:
    return Path(path).suffix.removeprefix(".").lower()


def save_plot(session: Session, path: str) -> None:
    """Write the picture of a session.

    Parameters
    ----------
    session : Session
    path : str
        Its ending says the format (.png, .pdf, .svg, ...).
    """
    if session.settings.detect:
        _save_detections(session, path)
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    _draw_recent(upper, session)
    _draw_running_error(lower, session)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format=_format(path), dpi=120)


def _draw_recent(axes: Any, session: Session) -> None:
    settings, (truth, forecast, low, high) = session.settings, session.recent.T
    rows = session.n_rows - len(truth) + np.arange(1, len(truth) + 1)
    if settings.keys:
        axes.plot(rows, truth, ".", color="0.35", label="truth")
        axes.plot(rows, forecast, ".", color="C0", label=f"{MODEL}, {settings.horizon} ahead")
    else:
        axes.plot(rows, truth, color="0.35", label="truth")
        axes.plot(rows, forecast, color="C0", label=f"{MODEL}, {settings.horizon} ahead")
    if np.isfinite(low).any():
        band = f"{100 * settings.level:g} % interval"
        axes.fill_between(rows, low, high, color="C0", alpha=0.2, linewidth=0, label=band)
    axes.set(xlabel="row", ylabel=settings.target, title="prediction against truth, last rows")
    if settings.classify and not settings.keys:
        axes.set_yticks(range(len(session.labels)), session.labels)
    axes.legend(loc="upper left")


def _draw_running_error(axes: Any, session: Session) -> None:
    rows, errors = session.scores.running_error(n_points=60)
    for k, (name, error) in enumerate(errors.items()):
        axes.plot(rows, error, color=f"C{k}", label=name)
    axes.margins(y=0.25)  # room for the legend
    what = "share of errors" if session.settings.classify else "mean absolute error"
    axes.set(xlabel="row", ylabel=what, title="running error", ylim=(0, None))
    axes.legend(loc="upper right", ncols=len(errors))


def _save_detections(session: Session, path: str) -> None:
    """Write the picture of a session that detects: each target, and the scores."""
    from matplotlib.figure import Figure

    targets = session.settings.targets
    figure = Figure(figsize=(9, 2 + 2 * (len(targets) + 1)), layout="constrained")
    *upper, lower = figure.subplots(len(targets) + 1, 1, sharex=True)
    scores, *values = session.recent.T
    rows = session.n_rows - len(scores) + np.arange(1, len(scores) + 1)
    is_one = (scores > 0) & (scores >= session.threshold)
    line = "." if session.settings.keys else "-"
    for axes, name, series in zip(upper, targets, values, strict=True):
        axes.plot(rows, series, line, color="0.35", linewidth=0.8)
        axes.plot(rows[is_one], series[is_one], "o", color="C3", label="detection")
        axes.set(ylabel=name)
    upper[0].set(title="detections, last rows")
    upper[0].legend(loc="upper left")
    _draw_scores(lower, rows, scores, session.threshold)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format=_format(path), dpi=120)


def _draw_scores(axes: Any, rows: Any, scores: Any, threshold: float) -> None:
    """On a scale of nines: 0.9, 0.99, 0.999 are as far from each other."""

    def nines(score: Any) -> Any:
        return -np.log10(np.maximum(1 - score, 1e-9))

    axes.vlines(rows, 0, nines(scores), color="C0", linewidth=0.8)
    axes.axhline(nines(threshold), color="C3", linewidth=1, label=f"threshold {threshold:g}")
    ticks = [0, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
    axes.set_yticks(nines(np.array(ticks)), [f"{tick:g}" for tick in ticks])
    top = max(nines(threshold), nines(scores).max(initial=0.0)) * 1.1 + 0.1
    axes.set(xlabel="row", ylabel="score", ylim=(0, top))
    axes.legend(loc="upper left")
