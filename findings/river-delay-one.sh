#!/bin/sh
# river 0.26.1, evaluate.progressive_val_score(delay=1).
#
# Bet: the label of row t comes one row late, so row t + 1 is predicted without it.
# Seen: row t is learned just before row t + 1 is predicted: the very order of calls without a delay. delay=2
# is the first that withholds a label from the next prediction.
#
#     no delay  p0 l0 p1 l1 p2 l2 p3 l3
#     delay=1   p0 l0 p1 l1 p2 l2 p3 l3
#     delay=2   p0 p1 l0 p2 l1 p3 l2 l3
#
# Matters when labels are late in production: an evaluation with delay=d measures a lateness of d - 1 rows, and a
# recurrent network that keeps pending rows must expect label d - 1 rows later. Give delay=d + 1.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check river==0.26.1
venv/bin/python -I - <<'END'
from river import base, evaluate, metrics


class Recorder(base.Regressor):
    def __init__(self):
        self.calls = []

    def predict_one(self, x):
        self.calls.append(f"p{x['row']}")
        return 0.0

    def learn_one(self, x, y):
        self.calls.append(f"l{x['row']}")


def order(delay):
    recorder = Recorder()
    rows = [({"row": row}, 0.0) for row in range(4)]
    evaluate.progressive_val_score(rows, recorder, metrics.MAE(), delay=delay)
    print(delay, *recorder.calls)
    return recorder.calls


assert order(None) == order(1) == "p0 l0 p1 l1 p2 l2 p3 l3".split()
assert order(2) == "p0 p1 l0 p2 l1 p3 l2 l3".split()
END
