"""The one default configuration of the estimators, the same for every stream.

Symbols: x(t) features, y(t) target, u(t) inputs of the networks, p(t) prediction.

A regressor knows the targets it has learned from, and starts from the last one:

    u(t) = [x(t), x(t) - x(t-1), y(t-1), y(t-1) - p(t-1)]     NaN where not known yet
    p(t) = y(t-1) + output of the networks for u(t)           its target: y(t) - y(t-1)

A classifier knows the last label, as 1 for its class and 0 for the others, and has one softmax
output a class. Inputs and targets are standardised inside the networks (``scale_inputs``,
``scale_targets``), where NaN is the mean. Before the first target a regressor predicts 0, a
classifier the first class it will learn.

Several networks side by side, `pylstm.estimators.experts`, differ in their rates and in what they
see: all of the past, the row and what came just before it, the row alone. So neither the rate
nor the size of the network has to fit the stream, nor need the order of the rows mean anything.

The rate of RMSprop without bias correction decays by itself: with ``decay=0.9999`` the first step
is 100 rates long, the n-th about 100 / sqrt(n), from the ten-thousandth on one. A stream of
hundreds of rows is learned fast, one of millions precisely.
"""

from __future__ import annotations

from typing import Any, Final

from pylstm.checks import check_choice
from pylstm.estimators.expert import Expert
from pylstm.optimizers import SGD, Adam, ObGD, Optimizer, RMSprop

__all__ = [
    "CLASSIFIER_EXPERTS",
    "CLASSIFIER_SWITCHES",
    "FORECASTER_EXPERTS",
    "LEAK",
    "N_CELLS",
    "OPTIMIZER",
    "OPTIMIZERS",
    "REGRESSOR_EXPERTS",
    "START_POWER",
    "SWITCHES",
    "UNORDERED_EXPERTS",
    "as_optimizer",
    "default_optimizer",
]

N_CELLS: Final = 32

# RMSprop(**OPTIMIZER): v = decay v + (1 - decay) g^2;  w -= learning_rate g / (sqrt(v) + epsilon).
# The decay of the weights, a millionth a row, is felt by streams of millions of rows.
OPTIMIZER: Final[dict[str, Any]] = {
    "learning_rate": 5e-4,
    "decay": 0.9999,
    "epsilon": 1e-8,
    "clip_norm": 1.0,
    "weight_decay": 2e-3,
}

FORECASTER_EXPERTS: Final = (Expert(2e-3), Expert(5e-4), Expert(1.25e-4))
REGRESSOR_EXPERTS: Final = (*FORECASTER_EXPERTS, Expert(1e-3, memory=False, changes=False))
# Where the order of the rows means nothing: rows alone.
UNORDERED_EXPERTS: Final = tuple(
    Expert(rate, memory=False, own=False, changes=False) for rate in (4e-3, 1e-3, 2.5e-4)
)
CLASSIFIER_EXPERTS: Final = (
    Expert(1e-3),
    Expert(1e-3, memory=False),
    Expert(4e-3, memory=False, own=False, changes=False),
)

# Where a forecast starts, a candidate weighs its mean absolute error to this power.
START_POWER: Final = -4

# A stream has no end, and so no state may grow without one: see the notes of LSTM.
LEAK: Final = 1e-3

# What differs from the defaults of LSTM.
SWITCHES: Final[dict[str, Any]] = {
    "leak": LEAK,
    "shortcut": True,
    "scale_inputs": True,
    "scale_targets": True,
}
CLASSIFIER_SWITCHES: Final[dict[str, Any]] = {
    "leak": LEAK,
    "shortcut": True,
    "scale_inputs": True,
    "output": "softmax",
    "loss": "cross_entropy",
}


def default_optimizer(rate: float | None = None) -> Optimizer:
    """Return the optimizer of an expert: that of an estimator that was given none."""
    if rate is None:
        return RMSprop(**OPTIMIZER)
    decay = OPTIMIZER["learning_rate"] * OPTIMIZER["weight_decay"]
    return RMSprop(**OPTIMIZER | {"learning_rate": rate, "weight_decay": decay / rate})


#: Optimizers by name, with rates for inputs and targets that are standardised.
OPTIMIZERS: Final[dict[str, Optimizer]] = {
    "sgd": SGD(0.01),
    "momentum": SGD(0.001, 0.9),
    "rmsprop": default_optimizer(),
    "adam": Adam(0.001),
    "obgd": ObGD(1.0),
}


def as_optimizer(optimizer: Any) -> Any:
    """Return the optimizer of a name, and what is no name as it is.

    Examples
    --------
    >>> as_optimizer("sgd")
    SGD(learning_rate=0.01, momentum=0.0)
    >>> as_optimizer("adagrad")
    Traceback (most recent call last):
    ValueError: optimizer is 'adagrad', wanted one of 'sgd', 'momentum', 'rmsprop', 'adam', 'obgd'
    """
    if isinstance(optimizer, str):
        return OPTIMIZERS[check_choice("optimizer", optimizer, OPTIMIZERS)]
    return optimizer
