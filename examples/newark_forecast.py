"""Temperature at Newark airport six hours ahead, learned while the year 2013 goes by.

The table comes with pylstm. Every hour the model forecasts, then learns; it is compared with the
last value and with the same hour of yesterday. The forecaster sees the temperature alone: other
measurements of a row that is forecast are not known yet. Needs matplotlib.
"""

import csv
import gzip
import sys
from datetime import datetime
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np

from pylstm.estimators import Forecaster

AHEAD = 6
table = files("pylstm.tabular") / "newark_2013.csv.gz"
rows = list(csv.DictReader(gzip.decompress(table.read_bytes()).decode().splitlines()))
times = [datetime.fromisoformat(row["time"]) for row in rows]
measured = np.array([float(row["temp"] or "nan") for row in rows])

model = Forecaster(season=24)
forecasts = np.full(len(rows), np.nan)
low, high = forecasts.copy(), forecasts.copy()
for t, value in enumerate(measured):
    model.learn_one(value)  # NaN where it was not measured
    if 2 <= t < len(rows) - AHEAD:
        found = model.forecast(AHEAD, with_dist=True)[-1]
        forecasts[t + AHEAD] = found.mu
        low[t + AHEAD], high[t + AHEAD] = found.interval(0.9)

last, yesterday = np.roll(measured, AHEAD), np.roll(measured, 24)
later = np.arange(len(rows)) >= len(rows) // 10
compared = later & ~np.isnan(measured + forecasts + last + yesterday)


def error(guess):
    """Mean absolute error after the first tenth of the year, on the same hours for everyone."""
    return np.abs(guess - measured)[compared].mean()


print(f"pylstm     {error(forecasts):.2f} F")
print(f"last value {error(last):.2f} F")
print(f"yesterday  {error(yesterday):.2f} F")
inside = ((low <= measured) & (measured <= high))[compared].mean()
print(f"{inside:.0%} of the hours are within their 90 % interval")

week = slice(-24 * 8, None)
plt.fill_between(times[week], low[week], high[week], alpha=0.3, label="90 % interval")
plt.plot(times[week], forecasts[week], label=f"forecast {AHEAD} hours before")
plt.plot(times[week], measured[week], label="measured")
plt.ylabel("temperature, °F")
plt.legend(ncols=3)
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "newark_forecast.png")
