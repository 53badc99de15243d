"""A row of a stream through an estimator, all included: features in, prediction out."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from bench.reference import Mismatch
from bench.report import Result, Table
from bench.settings import Settings
from bench.timing import Work, alternate
from pylstm import LSTM, SGD
from pylstm.estimators import Forecaster, Regressor
from pylstm.estimators.defaults import default_optimizer

__all__ = ["measure_estimator"]

N_FEATURES, N_CELLS, N_ROWS = 8, 32, 1000
LOW_RATE = 1e-5  # the rows are noise, learned again and again
OPTIMIZERS = {
    "default": None,
    "default optimizer": default_optimizer(),
    "plain descent": SGD(LOW_RATE),
}

Row = tuple[dict[str, float], float]


def measure_estimator(settings: Settings) -> Result:
    """Rows of 8 features and 32 cells, one by one and many at once, beside the engine's steps."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_ROWS, N_FEATURES + 1))
    X, y = values[:, :-1], values[:, -1]
    names = [f"feature_{k}" for k in range(N_FEATURES)]
    rows = [(dict(zip(names, x, strict=True)), t) for *x, t in values.tolist()]
    check_estimator(rows)
    columns = dict(zip(names, X.T, strict=True))
    works: dict[str, Work] = {}
    for name, optimizer in OPTIMIZERS.items():
        one_by_one, at_once, inside = (Regressor(N_CELLS, optimizer=optimizer) for _ in range(3))
        for model in (one_by_one, at_once, inside):
            model.learn_many(columns, y)
        nets = inside.nets
        inputs = rng.normal(size=(N_ROWS, nets[0].n_inputs))
        works |= {
            f"learn_one, {name}": Work(partial(_learn, one_by_one, rows), N_ROWS),
            f"predict_one, {name}": Work(partial(_predict, one_by_one, rows), N_ROWS),
            f"run, {name}": Work(partial(at_once.run, columns, y), N_ROWS),
            f"LSTM.run of its networks, {name}": Work(partial(_run, nets, inputs, y), N_ROWS),
        }
    forecaster, kept = Forecaster(N_CELLS), Regressor(N_CELLS, optimizer=SGD(LOW_RATE))
    forecaster.learn_many(np.sin(np.arange(N_ROWS) / 4) + 0.1 * y)
    kept.learn_many(columns, y)
    works |= {
        "forecast(1)": Work(partial(forecaster.forecast, 1)),
        "forecast(24)": Work(partial(forecaster.forecast, 24)),
        "copy, plain descent": Work(kept.copy),
        "to_bytes, plain descent": Work(kept.to_bytes),
        "from_bytes, plain descent": Work(partial(Regressor.from_bytes, kept.to_bytes())),
    }
    timings = alternate(works, settings)
    table = [[name, timing.median] for name, timing in timings.items()]
    records = [timing.record(call=name) for name, timing in timings.items()]
    ratios = [
        [name, timings[f"run, {name}"].ratio_to(timings[f"LSTM.run of its networks, {name}"])]
        for name in OPTIMIZERS
    ]
    title = f"A row of {N_FEATURES} features through an estimator of {N_CELLS} cells"
    note = (
        "By default four networks learn side by side, one without a memory; with an optimizer "
        "given there is one. The default optimizer clips the norm of the gradient. A Forecaster "
        "has three networks."
    )
    beside = "Rows at once: run of the estimator, in those of LSTM.run of its networks"
    tables = [Table(title, ["call", "us"], table, note), Table(beside, ["of", "times"], ratios)]
    return Result(tables, records)


def check_estimator(rows: list[Row]) -> None:
    """Whether what is timed is what a loop over the network would do."""
    model = Regressor(N_CELLS, optimizer=default_optimizer())
    model.learn_one(*rows[0])
    net = model.nets[0].copy()
    (before, last), error = rows[0], math.nan
    for x, target in rows[1:50]:
        pairs = [v for name in sorted(x) for v in (x[name], x[name] - before[name])]
        output = net.step(np.array([last, error, *pairs]), np.array([target - last])).item()
        if model.predict_one(x) != last + output:
            raise Mismatch("an estimator does not predict what a loop over its network does")
        model.learn_one(x, target)
        before, last, error = x, target, target - last - output
    again = Regressor(N_CELLS, optimizer=default_optimizer())
    names = list(rows[0][0])
    again.learn_many({n: [x[n] for x, _ in rows[:50]] for n in names}, [y for _, y in rows[:50]])
    if again.to_bytes() != model.to_bytes():
        raise Mismatch("rows at once are not learned as rows one by one")


def _learn(model: Regressor, rows: list[Row]) -> None:
    for x, target in rows:
        model.learn_one(x, target)


def _predict(model: Regressor, rows: list[Row]) -> None:
    for x, _ in rows:
        model.predict_one(x)


def _run(nets: list[LSTM], inputs: Any, y: Any) -> None:
    for net in nets:
        net.run(inputs, y)
