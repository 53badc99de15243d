"""What was unusual at Newark airport in 2013: an outlier in the wind, and the weather itself.

The table that comes with pylstm has one error of transmission, a wind of 1048 miles per hour in
February. The detector sees four variables, and every row once. Needs matplotlib.
"""

import csv
import gzip
import sys
from datetime import datetime
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np

from pylstm.estimators import Detector

NAMES = ("temp", "pressure", "wind_speed", "visib")
table = files("pylstm.tabular") / "newark_2013.csv.gz"
rows = list(csv.DictReader(gzip.decompress(table.read_bytes()).decode().splitlines()))
times = [datetime.fromisoformat(row["time"]) for row in rows]

model = Detector(season=24)
scores = []
for row in rows:
    x = {name: float(row[name]) if row[name] else None for name in NAMES}
    scores.append(model.score_one(x))
    model.learn_one(x)
scores = np.array(scores)

# A score of 0.99 comes about once in a hundred rows, so nines are counted: 0.999 is 3.
nines = -np.log10(1 - np.minimum(scores, 1 - 1e-9))
print("the most unusual hours, and what was measured:")
for t in np.argsort(nines)[::-1][:6]:
    values = ", ".join(f"{name} {rows[t][name]}" for name in NAMES)
    print(f"  {times[t]:%d %B %H:%M}  score 1 - 10^-{nines[t]:.1f}   {values}")

figure, axes = plt.subplots(3, 1, sharex=True, figsize=(7, 4.5))
for axis, name in zip(axes, ("wind_speed", "pressure"), strict=False):
    axis.plot(times, [float(row[name] or "nan") for row in rows], linewidth=0.5, color="tab:gray")
    axis.set_ylabel(name)
axes[0].set_ylim(0, 60)
axes[2].vlines(times, 0, nines, linewidth=0.8, color="tab:red")
axes[2].set_ylabel("score, nines")
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "newark_outliers.png")
