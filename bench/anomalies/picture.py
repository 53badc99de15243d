"""The picture: a bar a contender and profile."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

__all__ = ["draw"]

_COLOURS = ("black", "0.55", "tab:blue", "tab:green")


def draw(scores: Mapping[str, Sequence[float]], profiles: Sequence[str]) -> dict[str, bytes]:
    """PNG and SVG from contender -> score a profile.

    Nothing without matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / len(scores)
    for k, (name, values) in enumerate(scores.items()):
        places = [p + (k - (len(scores) - 1) / 2) * width for p in range(len(profiles))]
        bars = axes.bar(places, values, 0.9 * width, label=name, color=_COLOURS[k % len(_COLOURS)])
        axes.bar_label(bars, [f"{value:.0f}" for value in values], fontsize=8)
    axes.set_xticks(range(len(profiles)), profiles)
    axes.set(ylim=(0, 100), ylabel="score")
    axes.set_title("Anomalies found early, less the false alarms", loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=len(scores), frameon=False)
    found = {}
    with matplotlib.rc_context({"svg.hashsalt": "pylstm"}):
        for kind, metadata in (("png", None), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
            found[kind] = buffer.getvalue()
    return found
