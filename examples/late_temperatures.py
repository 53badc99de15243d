"""A thermometer read six hours late: a model that is told so, and one that is not.

A year of hourly weather at Newark airport. Pressure, wind and the time of day are known at once,
the temperature of the hour comes with a delay. With `delay` every prediction is made at the present
row, and each target is learned with the traces that belong to its own. Needs matplotlib.
"""

import csv
import gzip
import sys
from collections import deque
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np

from pylstm.estimators import Regressor

DELAY = 6
NAMES = ("hour_sin", "hour_cos", "pressure", "wind_speed")
table = files("pylstm.tabular") / "newark_2013.csv.gz"
rows = list(csv.DictReader(gzip.decompress(table.read_bytes()).decode().splitlines()))
features = [{k: float(row[k]) if row[k] else None for k in NAMES} for row in rows]
truth = np.array([float(row["temp"] or "nan") for row in rows])


def follow(model, delay):
    """Predictions of every hour; the target of a row comes `delay` hours after it."""
    waiting, predictions = deque(), []
    for x, y in zip(features, truth, strict=True):
        predictions.append(model.predict_one(x))
        waiting.append((x, y))
        if len(waiting) > delay:
            model.learn_one(*waiting.popleft())
    return np.array(predictions)


results = {
    "temperature at once": follow(Regressor(), 0),
    f"late, delay={DELAY}": follow(Regressor(delay=DELAY), DELAY),
    "late, not told": follow(Regressor(), DELAY),
    "last temperature read": np.roll(truth, DELAY + 1),
}
for name, found in results.items():
    errors = np.abs(found - truth)[len(truth) // 10 :]
    print(f"{name:22s} mean absolute error {np.nanmean(errors):.2f} F")

hours = np.arange(5000, 5000 + 24 * 5)
for name, found in list(results.items())[1:3]:
    plt.plot(hours, found[hours], label=name)
plt.plot(hours, truth[hours], color="tab:gray", label="measured")
plt.xlabel("hour of the year")
plt.ylabel("temperature, °F")
plt.legend(ncols=3)
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "late_temperatures.png")
