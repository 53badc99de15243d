"""The arguments of `LSTM` that say what a network is: each by itself, then all together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm._core import GRADIENTS, heads_of, layer_configs
from pylstm.architecture import GATES
from pylstm.checks import check_choice, check_real, check_size, check_whole
from pylstm.errors import brief
from pylstm.heads import check_loss

__all__ = [
    "check_biases",
    "check_combination",
    "check_gradient",
    "check_hidden",
    "check_leak",
]

Array = npt.NDArray[Any]


def check_hidden(n_blocks: Any, n_units: Any) -> dict[str, Any]:
    """Return how many blocks and ordinary units a layer has, or each of several, as part of a
    configuration, or raise ValueError.

    Examples
    --------
    >>> check_hidden([8], 0)
    {'n_blocks': 8, 'n_units': 0}
    >>> check_hidden([0, 8], [4, 0])
    {'n_blocks': [0, 8], 'n_units': [4, 0]}
    >>> check_hidden([8, 0], 0)
    Traceback (most recent call last):
    ValueError: n_blocks[1] is 0, wanted a whole number of at least 1
    """
    several = isinstance(n_blocks, list | tuple | np.ndarray)
    if several and (len(np.shape(n_blocks)) != 1 or not len(n_blocks)):
        raise ValueError(f"n_blocks is {brief(n_blocks)}, wanted one whole number a layer")
    blocks = list(n_blocks) if several else [n_blocks]
    if isinstance(n_units, list | tuple | np.ndarray) and np.ndim(n_units):
        if len(n_units) != len(blocks):
            raise ValueError(
                f"n_units is {brief(n_units)}, wanted one whole number, or one a layer as n_blocks"
            )
        units = [check_size(f"n_units[{k}]", size, 0) for k, size in enumerate(n_units)]
    else:
        units = [check_size("n_units", n_units, 0)] * len(blocks)
    blocks = [
        check_size(f"n_blocks[{k}]" if several else "n_blocks", size, 0 if units[k] else 1)
        for k, size in enumerate(blocks)
    ]
    if len(blocks) == 1:
        return {"n_blocks": blocks[0], "n_units": units[0]}
    return {"n_blocks": blocks, "n_units": units if any(units) else 0}


def check_leak(value: float) -> float:
    """Return the part of a cell state that leaks, or raise ValueError."""
    return check_real("leak", value, 0.0, 1.0, "a number from 0 up to, not including, 1")


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
    has_block = bool(np.any(config["n_blocks"]))
    has_gate = has_block and any(config[gate] for gate in GATES)
    for switch in ("peepholes", "gate_recurrence"):
        if config[switch] and not has_gate:
            raise ValueError(
                f"{switch} is True but there is no gate: wanted at least one gate with it"
            )
    if config["hidden_bias"] == "gates" and not has_gate:
        raise ValueError("hidden_bias is 'gates' but there is no gate: wanted 'all' or 'none'")
    for head in heads_of(config):
        check_loss(head["loss"], head["output"])
    several = isinstance(config["n_blocks"], list)
    for switch in ("skip_inputs", "skip_outputs"):
        if config[switch] and not several:
            raise ValueError(f"{switch} is True with one layer: wanted several n_blocks")
    if several and config["shortcut"] and not config["skip_outputs"]:
        raise ValueError(
            "shortcut is True in a network whose outputs read the top layer alone: wanted "
            "skip_outputs=True with it"
        )
    both = config["bidirectional"]
    if (several or both) and config["gradient"] == "rtrl":
        what = "several layers" if several else "bidirectional=True"
        raise ValueError(f"gradient is 'rtrl' with {what}, wanted 'truncated' or 'bptt'")
    for name in ("window", "scale_inputs", "scale_targets"):
        if both and config[name]:
            no = None if name == "window" else False
            raise ValueError(
                f"{name} is {brief(config[name])} with bidirectional=True, wanted {no}"
            )
    outputs = [head["output"] for head in heads_of(config)]
    if config["scale_targets"] and "identity" not in outputs:
        raise ValueError(
            f"scale_targets is True with output {', '.join(map(brief, outputs))}, wanted 'identity'"
        )


def check_biases(
    config: Mapping[str, Any], bias_init: Mapping[str, npt.ArrayLike]
) -> dict[str, Array]:
    """Return starting biases as arrays, of units that have a bias, or raise ValueError.

    Of several layers by their full names; one without a layer is that of all of them.
    """
    rows: dict[str, int] = {}
    for layer in layer_configs(dict(config)):
        prefix = layer.get("prefix", "")
        rows |= {f"{prefix}{name}": size for name, size in _biased_rows(layer).items()}
    rows |= {"output": config["n_outputs"]} if config["output_bias"] else {}
    biases = {}
    for name, values in bias_init.items():
        meant = [own for own in rows if name in (own, own.rpartition(".")[2])]
        if not meant:
            raise ValueError(
                f"bias_init names {brief(name)}, wanted one of {', '.join(map(repr, rows))}, the "
                "units with a bias in this network"
            )
        try:
            start = np.asarray(values, float)
        except (TypeError, ValueError, OverflowError):
            start = np.full((), np.nan)
        for own in meant:
            if start.shape not in ((), (rows[own],)) or not np.isfinite(start).all():
                raise ValueError(
                    f"bias_init[{brief(name)}] is {brief(values)}, wanted one finite number, or "
                    f"one for each of the {rows[own]} rows"
                )
            biases[own] = start
    return biases


def _biased_rows(layer: Mapping[str, Any]) -> dict[str, int]:
    """The hidden units of a layer that have a bias, and how many there are."""
    hidden = layer["hidden_bias"]
    rows = {name: layer["n_blocks"] for name in GATES if hidden != "none" and layer[name]}
    if hidden == "all":
        rows["cell_input"] = layer["n_blocks"] * layer["block_size"]
        rows["unit"] = layer["n_units"]
    return {name: n_rows for name, n_rows in rows.items() if n_rows}
