"""The picture: errors as multiples of pylstm's, one line a stream, one mark a contender."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

__all__ = ["draw"]

_MOST = 100.0  # what is worse than this is drawn at the edge
_STYLES = {
    "last value": ("last value", "0.45", "o"),
    "season": ("yesterday, last week, a season ago: the best", "tab:green", "^"),
    "linear": ("river, best linear model", "tab:blue", "s"),
    "told": ("the same, told the last target", "tab:cyan", "p"),
    "classic": ("river, best of Holt-Winters, SNARIMAX", "tab:purple", "D"),
    "class": ("most frequent class", "0.45", "v"),
    "deep-river": ("deep-river's LSTM, as published", "tab:red", "X"),
}


def draw(errors: Mapping[str, Mapping[str, float]]) -> dict[str, bytes]:
    """PNG and SVG from title -> family of contenders -> error over that of pylstm.

    Nothing without matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    figure = Figure(figsize=(8.4, 0.48 * len(errors) + 1.9))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xscale="log")
    _marks(axes, errors)
    axes.axvline(1, color="black", linewidth=2.2)
    axes.set_yticks(range(len(errors)), list(errors), fontsize=11)
    axes.invert_yaxis()
    axes.set_xlim(0.7, _MOST * 1.15)
    ticks = [1, 2, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{tick}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color="0.9", zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("error, as a multiple of pylstm's (to the right: worse)", fontsize=11)
    axes.set_title(
        "One pass over real streams: predict, then learn",
        fontsize=13,
        fontweight="bold",
        loc="left",
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=3, frameon=False, fontsize=9)
    found = {}
    with matplotlib.rc_context({"svg.hashsalt": "pylstm"}):
        for kind, metadata in (("png", None), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=160, metadata=metadata, bbox_inches="tight")
            found[kind] = buffer.getvalue()
    return found


def _marks(axes: Any, errors: Mapping[str, Mapping[str, float]]) -> None:
    """A mark for every contender; an arrow where it is off the scale."""
    for family, (label, color, marker) in _STYLES.items():
        points = [(found[family], k) for k, found in enumerate(errors.values()) if family in found]
        if not points:
            continue
        x = [min(value, _MOST) for value, _ in points]
        axes.scatter(
            x, [k for _, k in points], s=52, color=color, marker=marker, label=label, zorder=3
        )
        for value, k in points:
            if value > _MOST:
                axes.annotate(">", (_MOST, k), (7, 0), textcoords="offset points", va="center")
