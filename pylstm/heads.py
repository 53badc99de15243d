"""Heads: outputs of a network with an activation function and a loss of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy.typing as npt

from pylstm._core import LOSSES, OUTPUTS, heads_of
from pylstm.checks import LARGEST_SIZE, check_choice, check_real, check_size
from pylstm.errors import brief

__all__ = ["Head", "Loss", "Output", "Targets", "check_heads", "check_loss", "made_heads"]

Output = Literal["identity", "logistic", "softmax"]
Loss = Literal["squared", "cross_entropy"]
#: Rows of all outputs; or a part a head, None where it has no target.
Targets = npt.ArrayLike | tuple[npt.ArrayLike | None, ...]


@dataclass(frozen=True)
class Head:
    """Some outputs of a network, with an activation function and a loss of their own.

    A network with the heads j has the loss of a step

        L = sum_j weight_j L_j          over the heads that have a target

    Parameters
    ----------
    n_outputs : int
        How many, at least 1.
    output : {"identity", "logistic", "softmax"}, default "identity"
        Activation function.
    loss : {"squared", "cross_entropy"}, optional
        As of `LSTM`: by default "cross_entropy" of logistic and softmax outputs, else "squared".
    weight : float, default 1
        Of this loss in that of the network, from 0 up to, not including, 1e30; its error at the
        outputs is multiplied by it.

    Raises
    ------
    ValueError
        For a size, value or combination that makes no sense.

    Examples
    --------
    One of three classes and a number:

    >>> import pylstm
    >>> heads = [pylstm.Head(3, output="softmax"), pylstm.Head(1, weight=0.5)]
    >>> net = pylstm.LSTM(n_inputs=2, n_outputs=heads, n_blocks=4)
    >>> net.heads[0]
    Head(n_outputs=3, output='softmax', loss='cross_entropy', weight=1.0)
    >>> y = net.step([0.5, 1.0])
    >>> loss = net.learn((2, -0.3))
    >>> y.shape, bool(abs(y[:3].sum() - 1) < 1e-6)
    ((4,), True)
    """

    n_outputs: int
    output: Output = "identity"
    loss: Loss | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        wanted = "a number from 0 up to, not including, 1e30"
        checked = {
            "n_outputs": check_size("n_outputs", self.n_outputs),
            "output": check_choice("output", self.output, OUTPUTS),
            "loss": check_loss(self.loss, self.output),
            "weight": check_real("weight", self.weight, 0.0, 1e30, wanted),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


def check_loss(loss: str | None, output: str) -> str:
    """Return the loss, that of the output where none is given, or raise ValueError."""
    if loss is None:
        return "squared" if output == "identity" else "cross_entropy"
    loss = check_choice("loss", loss, LOSSES)
    if loss == "cross_entropy" and output == "identity":
        raise ValueError(
            "loss is 'cross_entropy' with output 'identity', wanted 'logistic' or 'softmax'"
        )
    return loss


def check_heads(n_outputs: Any, output: str, loss: str | None) -> dict[str, Any]:
    """Return a number of outputs with their output and loss, or heads with theirs, as part of a
    configuration, or raise ValueError.

    Examples
    --------
    >>> check_heads(2, "softmax", None)
    {'n_outputs': 2, 'output': 'softmax', 'loss': 'cross_entropy'}
    >>> check_heads([Head(3), 2], "identity", None)
    Traceback (most recent call last):
    ValueError: n_outputs[1] is 2, wanted a pylstm.Head
    """
    if not isinstance(n_outputs, list | tuple):
        return {
            "n_outputs": check_size("n_outputs", n_outputs),
            "output": check_choice("output", output, OUTPUTS),
            "loss": check_loss(loss, output),
        }
    if not n_outputs:
        raise ValueError(f"n_outputs is {brief(n_outputs)}, wanted at least one pylstm.Head")
    for k, head in enumerate(n_outputs):
        if not isinstance(head, Head):
            raise ValueError(f"n_outputs[{k}] is {brief(head)}, wanted a pylstm.Head")
    for name, value, default in (("output", output, "identity"), ("loss", loss, None)):
        if value != default:
            raise ValueError(
                f"{name} is {brief(value)} with a list of heads, wanted none: each head has its own"
            )
    total = sum(head.n_outputs for head in n_outputs)
    if total > LARGEST_SIZE:
        raise ValueError(f"the heads have {total} outputs, wanted at most {LARGEST_SIZE}")
    return {
        "n_outputs": total,
        "output": None,
        "loss": None,
        "heads": [asdict(head) for head in n_outputs],
    }


def made_heads(config: Mapping[str, Any]) -> tuple[Head, ...]:
    """Return the heads of a configuration."""
    return tuple(Head(**head) for head in heads_of(config))
