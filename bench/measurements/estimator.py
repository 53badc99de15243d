"""A row of a stream through an estimator, all included: dict of features in, prediction out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.reference import Mismatch
from bench.report import Result, Table
from bench.settings import Settings
from bench.timing import Work, alternate
from pylstm.estimators import Regressor

__all__ = ["measure_estimator"]

N_FEATURES, N_CELLS, N_ROWS = 8, 32, 1000

Row = tuple[dict[str, float], float]


def measure_estimator(settings: Settings) -> Result:
    """One `learn_one` and one `predict_one` of 8 features and 32 cells, and the step inside."""
    rng = np.random.default_rng(0)
    rows = [
        ({f"feature_{k}": value for k, value in enumerate(values)}, target)
        for *values, target in rng.normal(size=(N_ROWS, N_FEATURES + 1)).tolist()
    ]
    check_estimator(rows)
    models = [Regressor(N_CELLS) for _ in range(3)]
    for model in models:
        _learn(model, rows)
    inputs, target = rng.normal(size=models[2].net.n_inputs), np.array([0.5])
    works = {
        "learn_one": Work(lambda: _learn(models[0], rows), N_ROWS),
        "predict_one": Work(lambda: _predict(models[1], rows), N_ROWS),
        "step of the network": Work(lambda: _step(models[2].net.step, inputs, target), N_ROWS),
    }
    timings = alternate(works, settings)
    table = [[name, timing.median] for name, timing in timings.items()]
    records = [timing.record(call=name) for name, timing in timings.items()]
    title = f"A row of {N_FEATURES} features through an estimator of {N_CELLS} cells"
    note = "With the default optimiser, which clips the norm of the gradient; wanted: 10 us a row."
    return Result([Table(title, ["call", "us"], table, note)], records)


def check_estimator(rows: list[Row]) -> None:
    """Whether what is timed is what a loop over the network would do."""
    model = Regressor(N_CELLS)
    model.learn_one(*rows[0])
    net = model.net.copy()
    (before, last), error = rows[0], math.nan
    for x, target in rows[1:50]:
        pairs = [v for name in sorted(x) for v in (x[name], x[name] - before[name])]
        output = net.step(np.array([last, error, *pairs]), np.array([target - last])).item()
        if model.predict_one(x) != last + output:
            raise Mismatch("an estimator does not predict what a loop over its network does")
        model.learn_one(x, target)
        before, last, error = x, target, target - last - output


def _learn(model: Regressor, rows: list[Row]) -> None:
    for x, target in rows:
        model.learn_one(x, target)


def _predict(model: Regressor, rows: list[Row]) -> None:
    for x, _ in rows:
        model.predict_one(x)


def _step(step: Callable[..., Any], inputs: Any, target: Any) -> None:
    for _ in range(N_ROWS):
        step(inputs, target)
