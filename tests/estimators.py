"""What tests of the estimators have in common: a stream, and models compared to the last bit."""

import math

import numpy as np

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.estimators.defaults import (
    N_CELLS,
    default_optimizer,
)

NAMES = ["b", "a", "c"]  # not in order
KINDS = {"regressor": Regressor, "classifier": Classifier, "forecaster": Forecaster}


def stream(rng, n_rows=60):
    """Rows of three features, and targets that depend on them and on the row before."""
    X = rng.normal([5, 0, -200], [1, 3, 20], (n_rows, 3))
    y = 100 + X[:, 0] + np.roll(X[:, 1], 1)
    return [dict(zip(NAMES, row, strict=True)) for row in X.tolist()], y.tolist()


def labels(y):
    return ["low" if value < 103 else "middle" if value < 107 else "high" for value in y]


def learn(model, xs, y):
    for x, value in zip(xs, y, strict=True):
        if isinstance(model, Forecaster):
            model.learn_one(value, x)
        else:
            model.learn_one(x, value)


def targets_of(kind, y):
    return labels(y) if kind == "classifier" else y


def prediction(model, x):
    if isinstance(model, Forecaster):
        return model.forecast(3, [x] * 3)
    return model.predict_proba_one(x) if isinstance(model, Classifier) else model.predict_one(x)


def everything(model):
    """All that decides how a model goes on, for comparison to the last bit."""
    return _frozen(model.__getstate__())


def _frozen(value):
    if isinstance(value, dict):
        return {name: _frozen(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.shape, value.tobytes()
    return repr(value)


def network(n_inputs, n_outputs, switches, **keywords):
    keywords = {"seed": 0, "optimizer": default_optimizer()} | keywords
    return pylstm.LSTM(n_inputs, n_outputs, N_CELLS, **switches, **keywords)


def pairs(x, before):
    """Features in the order of their names, each followed by its change."""
    return [v for name in sorted(x) for v in (x[name], x[name] - before.get(name, math.nan))]
