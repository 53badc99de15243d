"""Labelled series: FOLDER/windows.json, name -> times of windows, and FOLDER/name, plain or .gz."""

from __future__ import annotations

import csv
import gzip
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bench.anomalies.scoring import Labels

__all__ = ["MissingData", "Series", "read"]


class MissingData(Exception):
    """What is not there, in a sentence."""


class Series(NamedTuple):
    """Times and values, and where its anomalies are."""

    name: str
    times: list[str]
    values: list[float]
    labels: Labels

    @property
    def seconds(self) -> list[float]:
        """Times as seconds."""
        return [datetime.fromisoformat(time).timestamp() for time in self.times]


def read(folder: Path) -> Iterator[Series]:
    """Read all series of a folder that `windows.json` names.

    Raises
    ------
    MissingData
        When there is no such folder or file, or a file that is no series.
    """
    try:
        windows = json.loads((folder / "windows.json").read_text())
    except (OSError, ValueError) as error:
        raise MissingData(f"cannot read {folder / 'windows.json'}: {error}") from None
    for name, spans in windows.items():
        yield _one(folder, name, spans)


def _one(folder: Path, name: str, spans: list[list[str]]) -> Series:
    path = folder / f"{name}.gz"
    path = path if path.exists() else folder / name
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        rows = list(csv.DictReader(text.splitlines()))
        times = [row["timestamp"] for row in rows]
        values = [float(row["value"]) for row in rows]
        seconds = [datetime.fromisoformat(time).timestamp() for time in times]
        places = []
        for span in spans:
            first, last = (datetime.fromisoformat(time).timestamp() for time in span)
            places.append((bisect_left(seconds, first), bisect_right(seconds, last) - 1))
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise MissingData(f"cannot read {path}: {error}") from None
    labels = Labels(len(rows), sorted(place for place in places if place[0] <= place[1]))
    return Series(name, times, values, labels)
