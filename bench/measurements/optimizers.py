"""What a learning step costs under each optimizer, the weights changing at every step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.reference import Mismatch
from bench.report import Result, Table
from bench.settings import Settings
from bench.timing import Timing, Work, alternate
from pylstm import LSTM, SGD, Adam, ObGD, Optimizer, RMSprop
from pylstm.estimators.defaults import OPTIMIZER

__all__ = ["measure_optimizers"]

SIZES = (8, 32, 128)
RATE, N_STEPS = 1e-3, 500
OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": SGD(RATE),
    "SGD, momentum": SGD(RATE, momentum=0.9),
    "RMSprop": RMSprop(RATE, decay=0.9, epsilon=1e-6),
    "Adam": Adam(RATE),
    "ObGD": ObGD(),
    "RMSprop, clip_norm": RMSprop(RATE, clip_norm=1.0),
    "that of the estimators": RMSprop(**OPTIMIZER),
}

Vector = np.ndarray[Any, np.dtype[np.float64]]


def measure_optimizers(settings: Settings) -> Result:
    """Microseconds a step of run under each optimizer, and how often that is SGD's."""
    rows: list[list[Any]] = [[name] for name in OPTIMIZERS]
    columns, records = ["optimizer"], []
    for n_cells in settings.sizes(SIZES):
        check_rules(n_cells)
        rng = np.random.default_rng(0)
        X = rng.normal(size=(N_STEPS, n_cells)).astype(np.float32)
        nets = {name: _network(n_cells, rule, "float32") for name, rule in OPTIMIZERS.items()}
        works = {name: Work(partial(net.run, X, X[:, :1]), N_STEPS) for name, net in nets.items()}
        timings: dict[str, Timing] = alternate(works, settings)
        columns += [f"{n_cells} cells, us", "to SGD"]
        for row, timing in zip(rows, timings.values(), strict=True):
            row += [timing.median, timing.ratio_to(timings["SGD"])]
        records += [t.record(n_cells=n_cells, optimizer=name) for name, t in timings.items()]
    title = "A learning step under each optimizer, as many inputs as cells"
    note = (
        "The last three look at the whole gradient before a weight changes; that of the estimators "
        "is RMSprop with clip_norm and weight_decay."
    )
    return Result([Table(title, columns, rows, note)], records)


def _network(n_cells: int, optimizer: Optimizer, dtype: str) -> LSTM:
    return LSTM(n_cells, 1, n_cells, optimizer=optimizer, dtype=dtype)


def _flat(net: LSTM) -> Vector:
    return np.concatenate([view.ravel() for view in net.parameters.values()])


def check_rules(n_cells: int, n_steps: int = 5) -> None:
    """Whether the weights follow the rules as written here, from the gradients of steps of SGD(1).

    Raises
    ------
    Mismatch
    """
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_steps, n_cells))
    for name, rule in _RULES.items():
        net = _network(n_cells, OPTIMIZERS[name], "float64")
        moments = (np.zeros(net.n_parameters), np.zeros(net.n_parameters))
        for k, x in enumerate(X, start=1):
            before, plain = _flat(net), net.copy()
            plain.optimizer = SGD(1.0)
            plain.step(x, x[:1])
            net.step(x, x[:1])
            wanted = before - rule(before - _flat(plain), *moments, k)
            if not np.allclose(_flat(net), wanted, rtol=1e-9, atol=1e-12):
                raise Mismatch(f"{name} with {n_cells} cells does not change weights by its rule")


def _momentum(g: Vector, m: Vector, v: Vector, k: int) -> Vector:
    m[:] = 0.9 * m + g
    return RATE * m


def _rmsprop(g: Vector, m: Vector, v: Vector, k: int) -> Vector:
    v[:] = 0.9 * v + 0.1 * g**2
    return RATE * g / (np.sqrt(v) + 1e-6)


def _adam(g: Vector, m: Vector, v: Vector, k: int) -> Vector:
    m[:] = 0.9 * m + 0.1 * g
    v[:] = 0.999 * v + 0.001 * g**2
    return RATE * m / (1 - 0.9**k) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)


_RULES: dict[str, Callable[[Vector, Vector, Vector, int], Vector]] = {
    "SGD": lambda g, m, v, k: RATE * g,
    "SGD, momentum": _momentum,
    "RMSprop": _rmsprop,
    "Adam": _adam,
}
