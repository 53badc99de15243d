"""Optimizers: how a gradient changes the weights. Arithmetic: csrc/network/optimizer.inc."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from pylstm.checks import check_real
from pylstm.copies import check_fields
from pylstm.errors import brief
from pylstm.keywords import answers_keywords
from pylstm.registry import register

__all__ = [
    "SGD",
    "Adam",
    "Decay",
    "ObGD",
    "Optimizer",
    "RMSprop",
    "check_optimizer",
    "check_plain_sgd",
]

Made = TypeVar("Made", bound="Decay | Optimizer")

_SMALLEST_EPSILON = 1e-30  # so that 0 / epsilon is 0 in float32 too


def _check_decay(name: str, value: float) -> None:
    check_real(name, value, 0.0, 1.0, "a number from 0 up to, not including, 1")


def _check_rate(name: str, value: float) -> None:
    check_real(name, value, 0.0, math.inf, "a finite number >= 0")


def _check_epsilon(value: float) -> None:
    check_real(
        "epsilon", value, _SMALLEST_EPSILON, math.inf, f"a finite number >= {_SMALLEST_EPSILON}"
    )


def _from_fields(cls: type[Made], saved: Mapping[str, Any]) -> Made:
    """An object of its fields, all of them, which its constructor checks."""
    if "weight_decay" in cls.__dataclass_fields__:  # older files have it with Adam alone
        saved = {"weight_decay": 0.0, **saved}
    check_fields(cls.__name__, saved, cls.__dataclass_fields__)
    return cls(**saved)


@register
@dataclass(frozen=True)
class Decay:
    """A learning rate that falls by a constant factor at every update.

    ``rate(k) = learning_rate * factor**k`` at update k = 0, 1, ... (Gers, Schmidhuber & Cummins
    2000: 0.99).

    Parameters
    ----------
    factor : float, 0 < factor <= 1

    Raises
    ------
    ValueError
        For a number outside its range.

    Examples
    --------
    >>> SGD(0.5, schedule=Decay(0.99))
    SGD(learning_rate=0.5, momentum=0.0, schedule=Decay(factor=0.99))
    """

    factor: float

    def __post_init__(self) -> None:
        wanted = "a number above 0 up to 1"
        check_real("factor", self.factor, 0.0, 2.0, wanted)
        if not 0 < self.factor <= 1:
            raise ValueError(f"factor is {brief(self.factor)}, wanted {wanted}")

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(vars(_from_fields(type(self), state)))


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimizer:
    """What all optimizers have in common: clipping, a schedule of the rate, decay of the weights.

    ``g = clip(g, -clip_value, clip_value)``, then ``g *= min(1, clip_norm / |g|_2)`` over all
    parameters together, ``rate = learning_rate * schedule(k)`` at update k = 0, 1, ..., then
    ``w *= 1 - rate * weight_decay``, then the rule.

    Parameters
    ----------
    clip_norm, clip_value : float, > 0, optional
        Bounds of the gradient's norm and of each of its numbers; None: no bound.
    schedule : Decay or callable, optional
        A callable takes the number of updates so far and returns the factor of the learning rate, a
        finite number >= 0. None: constant.
    weight_decay : float, >= 0, default 0
        Of every weight, biases too, apart from the gradient (Loshchilov & Hutter 2019). What a
        weight learned is forgotten in ``1 / (rate * weight_decay)`` updates, unless it is learned
        anew.

    Raises
    ------
    ValueError, TypeError
        For a bound or a schedule that makes no sense.

    Notes
    -----
    Immutable: to change an optimizer, give the network a new one. Of the same class it keeps the
    moments and the count of updates; of another it starts both afresh.

    Clipping sees the whole gradient before a weight changes: a matrix product and two or three
    passes over the gradient instead of one fused pass over traces and weights. A callable is asked
    before a call for every update the call may make; `Decay` is computed without Python.

    A network that learns for ever at a rate that does not fall needs a decay: without one its
    weights wander until gates and cells saturate, where no error passes back and nothing is learned
    any more. With one they come back. It costs a pass over the weights an update, and the largest
    networks write their weights at every step again. A factor ``1 - rate * weight_decay`` above
    1 - 6e-8 is 1 in float32.
    """

    clip_norm: float | None = None
    clip_value: float | None = None
    schedule: Decay | Callable[[int], float] | None = None
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_rate("weight_decay", self.weight_decay)
        for name in ("clip_norm", "clip_value"):
            value = getattr(self, name)
            if value is not None:
                wanted = "a finite number above 0, or None"
                check_real(name, value, 0.0, math.inf, wanted)
                if value == 0:
                    raise ValueError(f"{name} is {brief(value)}, wanted {wanted}")
        if not (
            self.schedule is None or isinstance(self.schedule, Decay) or callable(self.schedule)
        ):
            raise TypeError(
                f"schedule is {brief(self.schedule)}, wanted a pylstm.Decay, a callable or None"
            )

    def __repr__(self) -> str:
        common = {entry.name for entry in fields(Optimizer)}
        names = [
            entry.name
            for entry in sorted(fields(self), key=lambda entry: entry.name in common)
            if entry.name not in common or getattr(self, entry.name) != entry.default
        ]
        arguments = ", ".join(f"{name}={brief(getattr(self, name))}" for name in names)
        return f"{type(self).__name__}({arguments})"

    @property
    def rule(self) -> str:
        """The C rule that does it, with the least state."""
        raise NotImplementedError

    def numbers(self) -> dict[str, float]:
        """What the C rule needs, by the fields of its struct."""
        decay = self.schedule.factor if isinstance(self.schedule, Decay) else 1.0
        return {
            "learning_rate": 0.0,
            "first": 0.0,
            "second": 0.0,
            "epsilon": 0.0,
            "weight_decay": self.weight_decay,
            "kappa": 0.0,
            "decay": decay,
            "clip_value": self.clip_value or 0.0,
            "clip_norm": self.clip_norm or 0.0,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(vars(_from_fields(type(self), state)))

    def saved(self) -> dict[str, Any]:
        """The optimizer as a dictionary, see `from_saved`."""
        saved = {"name": type(self).__name__, **vars(self)}
        if isinstance(self.schedule, Decay):
            saved["schedule"] = {"factor": self.schedule.factor}
        return saved

    @staticmethod
    def from_saved(saved: Mapping[str, Any]) -> Optimizer:
        """Build the optimizer that `saved` describes."""
        name = saved.get("name") if isinstance(saved, Mapping) else saved
        if not isinstance(name, str) or name not in _BY_NAME:
            raise ValueError(
                f"the saved optimizer is {brief(name)}, wanted one of "
                f"{', '.join(map(repr, _BY_NAME))}"
            )
        keywords = {key: value for key, value in saved.items() if key != "name"}
        if isinstance(keywords.get("schedule"), Mapping):
            keywords["schedule"] = _from_fields(Decay, keywords["schedule"])
        return _from_fields(_BY_NAME[name], keywords)


@register
@answers_keywords
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    ``v = momentum * v + g;  w -= learning_rate * v`` (without momentum ``w -= learning_rate * g``),
    with g the truncated gradient accumulated since the last update. HS97 uses plain descent.

    Parameters
    ----------
    learning_rate : float, >= 0
        For the loss as it stands: half the sum of squares, as in HS97.
    momentum : float, 0 <= momentum < 1, default 0
        Part of the velocity kept from one update to the next; 0 keeps no velocity.
    clip_norm, clip_value, schedule, weight_decay
        See `Optimizer`.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range.

    Notes
    -----
    Immutable: to change the rate of a network, give it a new one, ``net.optimizer = SGD(0.01)``.
    The velocity stays.

    Examples
    --------
    >>> SGD(0.1)
    SGD(learning_rate=0.1, momentum=0.0)
    """

    learning_rate: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate("learning_rate", self.learning_rate)
        _check_decay("momentum", self.momentum)

    @property
    def rule(self) -> str:
        """The C rule that does it, with the least state."""
        return "momentum" if self.momentum else "sgd"

    def numbers(self) -> dict[str, float]:
        """What the C rule needs, by the fields of its struct."""
        return super().numbers() | {"learning_rate": self.learning_rate, "first": self.momentum}


@register
@answers_keywords
@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """Descent with a rate of its own for every weight, by the mean square of its gradient.

    ``m = decay * m + (1 - decay) * g**2;  w -= learning_rate * g / (sqrt(m) + epsilon)``
    (Tieleman & Hinton 2012, lecture 6.5).

    Parameters
    ----------
    learning_rate : float, >= 0, default 1e-3
    decay : float, 0 <= decay < 1, default 0.99
        Part of the mean square kept from one update to the next.
    epsilon : float, >= 1e-30, default 1e-8
        Keeps the division finite.
    clip_norm, clip_value, schedule, weight_decay
        See `Optimizer`.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range.

    Notes
    -----
    One number a weight more in memory. m starts at zero without correction, so the first updates
    are up to ``1 / sqrt(1 - decay)`` times as long.

    Examples
    --------
    >>> RMSprop(0.01)
    RMSprop(learning_rate=0.01, decay=0.99, epsilon=1e-08)
    """

    learning_rate: float = 1e-3
    decay: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate("learning_rate", self.learning_rate)
        _check_decay("decay", self.decay)
        _check_epsilon(self.epsilon)

    @property
    def rule(self) -> str:
        """The C rule that does it."""
        return "rmsprop"

    def numbers(self) -> dict[str, float]:
        """What the C rule needs, by the fields of its struct."""
        return super().numbers() | {
            "learning_rate": self.learning_rate,
            "second": self.decay,
            "epsilon": self.epsilon,
        }


@register
@answers_keywords
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Descent by the mean of the gradient over the root of its mean square.

    ``m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g**2;``
    ``w -= learning_rate * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + epsilon)``
    at update t = 1, 2, ... (Kingma & Ba 2015, algorithm 1; with ``weight_decay`` AdamW, Loshchilov
    & Hutter 2019).

    Parameters
    ----------
    learning_rate : float, >= 0, default 1e-3
    beta1, beta2 : float, from 0 up to 1 and not 1, default 0.9 and 0.999
        Parts of both means kept from one update to the next.
    epsilon : float, >= 1e-30, default 1e-8
        Keeps the division finite.
    clip_norm, clip_value, schedule, weight_decay
        See `Optimizer`.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range.

    Notes
    -----
    Two numbers a weight more in memory, both read and written at every update.

    Examples
    --------
    >>> Adam(0.01, weight_decay=0.1)
    Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.1)
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate("learning_rate", self.learning_rate)
        _check_decay("beta1", self.beta1)
        _check_decay("beta2", self.beta2)
        _check_epsilon(self.epsilon)

    @property
    def rule(self) -> str:
        """The C rule that does it."""
        return "adam"

    def numbers(self) -> dict[str, float]:
        """What the C rule needs, by the fields of its struct."""
        return super().numbers() | {
            "learning_rate": self.learning_rate,
            "first": self.beta1,
            "second": self.beta2,
            "epsilon": self.epsilon,
        }


@register
@answers_keywords
@dataclass(frozen=True, repr=False)
class ObGD(Optimizer):
    """Descent with a step bounded so that it does not overshoot the error it comes from.

    ``w -= learning_rate / max(1, M) * g`` with
    ``M = learning_rate * kappa * max(1, 1 / error) * |g|_1``.

    For a value with eligibility z and error delta (Elsayed, Vasan & Mahmood 2024):
    ``M = alpha kappa max(|delta|, 1) |z|_1;  w += alpha / max(M, 1) delta z``. There -g is delta z,
    so ``|z|_1 = |g|_1 / |delta|``, and ``max(|delta|, 1) |z|_1 = max(1, 1 / |delta|) |g|_1``: the
    same bound, written in the gradient. With several outputs `error` is the 2-norm of their errors,
    dL/dnet; over several accumulated steps, the sum of it over the steps. With `LSTM.reinforce` it
    is the error given there.

    Parameters
    ----------
    learning_rate : float, >= 0, default 1
    kappa : float, > 0, default 2
        A step changes the error by at most 1/kappa of it, as far as the outputs are linear in the
        weights with derivatives of at most 1: ``|z|_2**2 <= |z|_1`` then.
    clip_norm, clip_value, schedule, weight_decay
        See `Optimizer`.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range.

    Notes
    -----
    No moments. The bound needs the whole gradient before a weight changes: it costs what clipping
    costs, see `Optimizer`.

    Examples
    --------
    >>> ObGD()
    ObGD(learning_rate=1.0, kappa=2.0)
    """

    learning_rate: float = 1.0
    kappa: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate("learning_rate", self.learning_rate)
        check_real("kappa", self.kappa, 0.0, math.inf, "a finite number above 0")
        if self.kappa == 0:
            raise ValueError(f"kappa is {brief(self.kappa)}, wanted a finite number above 0")

    @property
    def rule(self) -> str:
        """The C rule that does it."""
        return "obgd"

    def numbers(self) -> dict[str, float]:
        """What the C rule needs, by the fields of its struct."""
        return super().numbers() | {"learning_rate": self.learning_rate, "kappa": self.kappa}


_BY_NAME: dict[str, type[Optimizer]] = {kind.__name__: kind for kind in (SGD, RMSprop, Adam, ObGD)}


def check_optimizer(optimizer: Any) -> Optimizer:
    """Return an optimizer, or raise TypeError."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer is {brief(optimizer)}, wanted a pylstm.SGD, RMSprop, Adam or ObGD"
        )
    return optimizer


def check_plain_sgd(optimizer: Any) -> SGD:
    """Return an SGD with a rate and momentum and nothing else, or raise TypeError or ValueError."""
    if not isinstance(optimizer, SGD):
        raise TypeError(f"optimizer is {brief(optimizer)}, wanted a pylstm.SGD")
    if optimizer != SGD(optimizer.learning_rate, optimizer.momentum):
        raise ValueError(
            f"optimizer is {brief(optimizer)}, wanted one without clipping, schedule and "
            "weight decay"
        )
    return optimizer
