"""A C prototype from a folder of yardsticks, compiled and run as it says itself.

The folder holds source_major.c, whose first comment gives its command line,

    gcc FLAGS source_major.c -o source_major LIBRARIES && ./source_major

and which prints a line ``H=4 W=112 step 0.137 us ...`` for every size. Its
results are not checked: it prints no predictions.
"""

from __future__ import annotations

import re
import shlex
import statistics
import subprocess
from pathlib import Path

__all__ = ["Prototype"]

COMMAND = re.compile(r"^\s*(?:/\*)?\s*(gcc .*?source_major\.c.*?)(?:&&|\*/|$)", re.MULTILINE)
LINE = re.compile(r"^H=(\d+) W=\d+ step ([\d.]+) us", re.MULTILINE)


class Prototype:
    """The compiled prototype; every `run` adds one figure a size."""

    def __init__(self, folder: Path, build: Path) -> None:
        source = folder / "source_major.c"
        found = COMMAND.search(source.read_text())
        if not found:
            raise ValueError(f"{source} does not say how to compile it: wanted a line with 'gcc'")
        self.command = found[1].strip()
        self.program = build / "source_major"
        words = shlex.split(self.command)
        words[words.index("-o") + 1] = str(self.program)
        subprocess.run(words, cwd=folder, check=True)
        self.us: dict[int, list[float]] = {}

    def run(self) -> None:
        """Run it once, all sizes."""
        output = subprocess.run([self.program], capture_output=True, text=True, check=True).stdout
        for n_cells, us in LINE.findall(output):
            self.us.setdefault(int(n_cells), []).append(float(us))

    def median(self, n_cells: int) -> float | None:
        """Microseconds a step, or None for a size it does not know."""
        return statistics.median(self.us[n_cells]) if n_cells in self.us else None
