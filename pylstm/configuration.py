"""The arguments of `LSTM` that say what a network is: each by itself, then all together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import GRADIENTS, LOSSES
from pylstm.architecture import GATES
from pylstm.checks import check_choice, check_real, check_whole
from pylstm.errors import brief

__all__ = ["check_biases", "check_combination", "check_gradient", "check_leak", "check_loss"]

Array = npt.NDArray[Any]


def check_leak(value: float) -> float:
    """Return the part of a cell state that leaks, or raise ValueError."""
    return check_real("leak", value, 0.0, 1.0, "a number from 0 up to, not including, 1")


def check_loss(loss: str | None, output: str) -> str:
    """Return the loss, that of the output where none is given, or raise ValueError."""
    if loss is None:
        return "squared" if output == "identity" else "cross_entropy"
    return check_choice("loss", loss, LOSSES)


def check_gradient(gradient: str, window: int | None) -> dict[str, Any]:
    """Return the gradient that is followed, as part of a configuration, or raise ValueError."""
    gradient = check_choice("gradient", gradient, GRADIENTS)
    if window is not None and gradient != "bptt":
        raise ValueError(
            f"window is {brief(window)} with gradient {brief(gradient)}, wanted None: only 'bptt' "
            "has one"
        )
    return {
        "gradient": gradient,
        "window": None if window is None else check_whole("window", window),
    }


def check_combination(config: dict[str, Any]) -> None:
    """Raise ValueError for arguments that do not go together."""
    has_gate = any(config[gate] for gate in GATES)
    for switch in ("peepholes", "gate_recurrence"):
        if config[switch] and not has_gate:
            raise ValueError(
                f"{switch} is True but there is no gate: wanted at least one gate with it"
            )
    if config["hidden_bias"] == "gates" and not has_gate:
        raise ValueError("hidden_bias is 'gates' but there is no gate: wanted 'all' or 'none'")
    if config["loss"] == "cross_entropy" and config["output"] == "identity":
        raise ValueError(
            "loss is 'cross_entropy' with output 'identity', wanted 'logistic' or 'softmax'"
        )
    if config["scale_targets"] and config["output"] != "identity":
        raise ValueError(
            f"scale_targets is True with output {brief(config['output'])}, wanted 'identity'"
        )


def check_biases(
    config: Mapping[str, Any], bias_init: Mapping[str, npt.ArrayLike]
) -> dict[str, Array]:
    """Return starting biases as arrays, of units that have a bias, or raise ValueError."""
    n_cells, hidden = config["n_blocks"] * config["block_size"], config["hidden_bias"]
    rows = {name: config["n_blocks"] for name in GATES if hidden != "none" and config[name]}
    rows |= {"cell_input": n_cells} if hidden == "all" else {}
    rows |= {"output": config["n_outputs"]} if config["output_bias"] else {}
    biases = {}
    for name, values in bias_init.items():
        if name not in rows:
            raise ValueError(
                f"bias_init names {brief(name)}, wanted one of {', '.join(map(repr, rows))}, the "
                "units with a bias in this network"
            )
        try:
            start = np.asarray(values, float)
        except (TypeError, ValueError, OverflowError):
            start = np.full((), np.nan)
        if start.shape not in ((), (rows[name],)) or not np.isfinite(start).all():
            raise ValueError(
                f"bias_init[{brief(name)}] is {brief(values)}, wanted one finite number, or one "
                f"for each of the {rows[name]} rows"
            )
        biases[name] = start
    return biases
