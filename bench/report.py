"""Tables on the screen and in Markdown, everything measured in JSON, curves as a picture."""

from __future__ import annotations

import io
import json
import math
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Curves", "Result", "Table", "save", "text"]

Cell = float | int | str | None


@dataclass(frozen=True)
class Table:
    """Numbers under headings; None is shown as a dash."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def markdown(self) -> str:
        """The table in Markdown, its columns lined up."""
        cells = [list(self.columns), *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [_line(row, widths) for row in cells]
        lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
        note = ["", self.note] if self.note else []
        return "\n".join([f"### {self.title}", "", *lines, *note])


@dataclass(frozen=True)
class Curves:
    """Lines of a log-log plot: label -> points (x, y); each label stands at the end of its line.

    `styles`: label -> arguments of matplotlib's plot. `name` is added to the name of the file.
    """

    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    title: str = ""
    styles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Result:
    """What a measurement hands back; `records` holds every number, one dict a timing.

    `pictures`: what is drawn already, by the kind of file, "png" and "svg".
    """

    tables: Sequence[Table]
    records: Sequence[Mapping[str, Any]]
    curves: Sequence[Curves] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:#.3g}".rstrip(".")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (f" {cell:>{width}} " for cell, width in zip(row, widths, strict=True))
    return "|" + "|".join(cells) + "|"


def text(result: Result) -> str:
    """Tables and notes in Markdown, readable on a terminal as well."""
    notes = "\n".join(f"- {note}" for note in result.notes)
    return "\n\n".join(
        [*(table.markdown() for table in result.tables), *([notes] if notes else [])]
    )


def save(name: str, result: Result, header: Mapping[str, str], folder: Path) -> list[Path]:
    """Write name.json, name.md and, with matplotlib, the curves as PNG and SVG; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"measurement": name, "header": dict(header), "records": list(result.records)}
    contents = {f"{name}.json": json.dumps(document, indent=1).encode() + b"\n"}
    pictures = []
    for curves in result.curves:
        stem = "_".join(filter(None, [name, curves.name]))
        for kind, picture in _pictures(curves, header).items():
            contents[f"{stem}.{kind}"] = picture
            pictures += [f"![{curves.title or curves.y}]({stem}.png)"] * (kind == "png")
    contents |= {f"{name}.{kind}": picture for kind, picture in result.pictures.items()}
    pictures += [f"![{name}]({name}.png)"] * ("png" in result.pictures)
    head = "\n".join(f"- {key}: {value}" for key, value in header.items())
    parts = [f"## {name}", head, *pictures, text(result)]
    contents[f"{name}.md"] = "\n\n".join(parts).encode() + b"\n"
    for file_name, content in contents.items():
        _write(folder / file_name, content)
    return [folder / file_name for file_name in contents]


def _write(path: Path, content: bytes) -> None:
    """All of the content or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _pictures(curves: Curves, header: Mapping[str, str]) -> dict[str, bytes]:
    """The curves as PNG and SVG; nothing without matplotlib."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    figure = Figure(figsize=(8.4, 5.4))
    figure.subplots_adjust(left=0.075, right=0.8, bottom=0.11, top=0.87)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xscale="log", yscale="log")
    for label, points in curves.lines.items():
        style = {"linewidth": 1.5, "markersize": 4.5, "marker": "o"} | dict(
            curves.styles.get(label, {})
        )
        axes.plot(*zip(*points, strict=True), label=label, clip_on=False, **style)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: _round_number(value))
    axes.yaxis.set_minor_formatter("")
    axes.xaxis.set_minor_formatter("")
    axes.tick_params(labelsize=11)
    axes.set_xlabel(curves.x, fontsize=12)
    axes.grid(which="major", color="0.9", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(curves.title or curves.y, fontsize=13, fontweight="bold", loc="left", pad=22)
    below = f"{curves.y}; {header['processor']}, threads: {header['threads']}"
    axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=10, color="0.35")
    _label_lines(axes)
    found = {}
    with matplotlib.rc_context({"svg.hashsalt": "pylstm"}):
        for kind, metadata in (("png", None), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
            found[kind] = buffer.getvalue()
    return found


def _label_lines(axes: Any) -> None:
    """Every label beside the last point of its line, moved apart where they would overlap."""
    lines = sorted(axes.lines, key=lambda line: line.get_ydata()[-1])
    low, high = map(math.log, axes.get_ylim())
    ends = [(math.log(line.get_ydata()[-1]) - low) / (high - low) for line in lines]
    for line, y in zip(lines, _apart(ends, 0.06), strict=True):
        axes.annotate(
            line.get_label(),
            xy=line.get_xydata()[-1],
            xytext=(1.045, y),
            textcoords="axes fraction",
            va="center",
            fontsize=11,
            fontweight="bold" if line.get_linewidth() > 2 else "normal",
            color=line.get_color(),
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": line.get_color(),
                "lw": 0.7,
                "shrinkA": 1,
                "shrinkB": 5,
                "relpos": (0, 0.5),
            },
        )


def _apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Ascending numbers at least a gap apart, as near to the wanted, ascending ones as can be."""
    groups: list[list[float]] = []  # neighbours that touch, as what they want of their first one
    for k, value in enumerate(wanted):
        groups.append([value - k * gap])
        while len(groups) > 1 and statistics.mean(groups[-2]) > statistics.mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    firsts = [statistics.mean(group) for group in groups for _ in group]
    return [first + k * gap for k, first in enumerate(firsts)]


def _round_number(value: float) -> str:
    """10000 as 10k: ticks of a logarithmic axis."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
