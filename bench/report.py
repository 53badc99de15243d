"""Tables on the screen and in Markdown, everything measured in JSON, curves as a picture."""

from __future__ import annotations

import json
import os
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
    """Lines of a log-log plot: label -> points (x, y)."""

    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Result:
    """What a measurement hands back; `records` holds every number, one dict a timing."""

    tables: Sequence[Table]
    records: Sequence[Mapping[str, Any]]
    curves: Curves | None = None
    notes: Sequence[str] = field(default_factory=tuple)


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
    """Write name.json, name.md and, with matplotlib and curves, name.png; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "\n".join(f"- {key}: {value}" for key, value in header.items())
    document = {"measurement": name, "header": dict(header), "records": list(result.records)}
    contents = {
        f"{name}.json": json.dumps(document, indent=1).encode() + b"\n",
        f"{name}.md": f"## {name}\n\n{head}\n\n{text(result)}\n".encode(),
    }
    picture = _picture(result.curves, header) if result.curves else None
    if picture:
        contents[f"{name}.png"] = picture
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


def _picture(curves: Curves, header: Mapping[str, str]) -> bytes | None:
    """The curves as PNG; None without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    import io

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel=curves.x, ylabel=curves.y)
    for label, points in curves.lines.items():
        own = label.startswith("pylstm")
        axes.plot(
            *zip(*points, strict=True),
            marker="o",
            markersize=4,
            linewidth=2.5 if own else 1.2,
            linestyle="-" if own else "--",
            label=label,
        )
    axes.grid(which="major", alpha=0.3)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title(header.get("processor", ""), fontsize="small", loc="left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
