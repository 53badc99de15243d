#!/bin/sh
# river 0.26.1, evaluate.evaluate on a forecaster.
#
# Bet: at row t forecasts are made with row t learned, and forecast +1 is compared with row t + 1, as its docstring
# says; on a straight line Holt's method then has an error near 0.
# Seen: forecasts are made before row t is learned and then compared with rows t + 1, t + 2, ...: forecast +1 of
# the model is an estimate of row t. On the line 0, 1, 2, ... every horizon is wrong by the line's slope.
#
#     river     +1 0.997, +2 0.995, +3 0.994
#     by hand   +1 0.005, +2 0.008, +3 0.011
#
# Matters when forecasters are compared: on a trend the exact forecast loses to one that runs a row ahead, and
# scores from a loop that learns, forecasts and waits are not those of river's evaluation.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check river==0.26.1
venv/bin/python -I - <<'END'
from river import evaluate, metrics, time_series

LINE = [float(row) for row in range(200)]
HORIZON = 3


def holt():
    return time_series.HoltWinters(alpha=0.9, beta=0.9)


table = evaluate.evaluate([({}, y) for y in LINE], holt(), metrics.MAE(), horizon=HORIZON)
river = [metric.get() for metric in table.metrics]

model, by_hand = holt(), [metrics.MAE() for _ in range(HORIZON)]
for row, y in enumerate(LINE[:-HORIZON]):
    model.learn_one(y)
    if row >= 1:
        for ahead, forecast in enumerate(model.forecast(HORIZON)):
            by_hand[ahead].update(LINE[row + 1 + ahead], forecast)
by_hand = [metric.get() for metric in by_hand]

print("river  ", *(f"{error:.3f}" for error in river))
print("by hand", *(f"{error:.3f}" for error in by_hand))
assert all(0.95 < error < 1.05 for error in river)
assert all(error < 0.1 for error in by_hand)
END
