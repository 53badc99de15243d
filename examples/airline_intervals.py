"""Airline passengers a year ahead, with intervals: 144 months of river's classic series.

Needs river and matplotlib.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from river import datasets

from pylstm.river import LSTMForecaster

passengers = np.array([y for _, y in datasets.AirlinePassengers()])
months = 1949 + np.arange(len(passengers)) / 12
hidden = 12  # the last year is not shown to the model

model = LSTMForecaster(season=12)
errors = []
for t, y in enumerate(passengers[:-hidden]):
    if t >= 24:  # the next month, before it is known
        errors.append((abs(model.forecast(1)[0] - y), abs(passengers[t - 12] - y)))
    model.learn_one(y)
ours, season = np.mean(errors, axis=0)
print(f"one month ahead: mean absolute error {ours:.1f}, of the same month last year {season:.1f}")

year = model.forecast(hidden, with_dist=True)
mean = np.array([found.mu for found in year])
error = np.abs(mean - passengers[-hidden:]).mean()
print(f"the hidden year: {error:.1f} off on average, {error / passengers[-hidden:].mean():.1%}")

plt.plot(months, passengers, color="tab:gray", label="passengers, thousands")
plt.plot(months[-hidden:], mean, color="tab:blue", label="forecast")
for level, alpha in ((0.5, 0.4), (0.9, 0.2)):
    low, high = np.transpose([found.interval(level) for found in year])
    band = f"{level:.0%} interval"
    plt.fill_between(months[-hidden:], low, high, alpha=alpha, color="tab:blue", label=band)
plt.xlim(1957, 1961)
plt.legend(loc="upper left")
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "airline_intervals.png")
