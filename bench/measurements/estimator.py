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
from pylstm.estimators.defaults import default_optimizer

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
    several = Regressor(N_CELLS)
    one, inside = (Regressor(N_CELLS, optimizer=default_optimizer()) for _ in range(2))
    for model in (several, one, inside):
        _learn(model, rows)
    net, target = inside.nets[0], np.array([0.5])
    inputs = rng.normal(size=net.n_inputs)
    works = {
        "learn_one": Work(lambda: _learn(several, rows), N_ROWS),
        "predict_one": Work(lambda: _predict(several, rows), N_ROWS),
        "learn_one, one network": Work(lambda: _learn(one, rows), N_ROWS),
        "predict_one, one network": Work(lambda: _predict(one, rows), N_ROWS),
        "step of a network": Work(lambda: _step(net.step, inputs, target), N_ROWS),
    }
    timings = alternate(works, settings)
    table = [[name, timing.median] for name, timing in timings.items()]
    records = [timing.record(call=name) for name, timing in timings.items()]
    title = f"A row of {N_FEATURES} features through an estimator of {N_CELLS} cells"
    note = (
        "By default four networks learn side by side, one without a memory; with an optimiser "
        "given, here the default one, which clips the norm of the gradient, there is one."
    )
    return Result([Table(title, ["call", "us"], table, note)], records)


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


def _learn(model: Regressor, rows: list[Row]) -> None:
    for x, target in rows:
        model.learn_one(x, target)


def _predict(model: Regressor, rows: list[Row]) -> None:
    for x, _ in rows:
        model.predict_one(x)


def _step(step: Callable[..., Any], inputs: Any, target: Any) -> None:
    for _ in range(N_ROWS):
        step(inputs, target)
