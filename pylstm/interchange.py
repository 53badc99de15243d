"""Weights to and from PyTorch: `LSTM` here, ``nn.LSTM`` of one layer and ``nn.Linear`` there.

Symbols: W_ih, W_hh, b_ih, b_hh weights and biases of nn.LSTM, rows in the order i, f, g, o; V, b of
nn.Linear. What they compute (documentation of torch.nn.LSTM and torch.nn.Linear):

    a = W_ih x(t) + b_ih + W_hh h(t-1) + b_hh         i, f, o = logistic(a_i, a_f, a_o)
    g = tanh(a_g)      c(t) = f c(t-1) + i g          h(t) = o tanh(c(t))      y(t) = V h(t) + b

Here g = A tanh(B a) and h = C o tanh(D c), with tanh: 1, 1; tanh_half: 1, 1/2; two_tanh_half: 2,
1/2. With c' = D c and h' = h / C both are the same network, if A D = 1:

    a_g' = B a_g      W_hh' = C W_hh      V' = C V

A gate that cells share is repeated for each of them. One that is absent is always 1: logistic(64),
which rounds to 1.

PyTorch itself is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief, brief_text
from pylstm.network import LSTM, check_network

__all__ = ["from_torch", "to_torch"]

Array = npt.NDArray[Any]

_ROWS = ("input_gate", "forget_gate", "cell_input", "output_gate")
#: k, s of squash(a) = k tanh(s a)
_AS_TANH = {"tanh": (1.0, 1.0), "tanh_half": (1.0, 0.5), "two_tanh_half": (2.0, 0.5)}
_ALWAYS_OPEN = 64.0
_WEIGHTS, _BIASES = ("weight_ih_l0", "weight_hh_l0"), ("bias_ih_l0", "bias_hh_l0")
# Arguments of LSTM that say what a network is: here the weights do.
_SETTLED = frozenset(
    {"n_inputs", "n_blocks", "block_size", "input_gate", "forget_gate", "output_gate", "peepholes"}
    | {"gate_recurrence", "cell_recurrence", "shortcut", "hidden_bias", "output_bias"}
    | {"cell_input", "cell_output", "bias_init", "leak"}
)


def to_torch(net: LSTM) -> dict[str, dict[str, Array]]:
    """Return the weights of a network as state dicts of ``nn.LSTM`` and ``nn.Linear``.

    Parameters
    ----------
    net : LSTM
        Without leak, peepholes, gate recurrence and shortcut; its squashings two that a pair of
        tanh can stand for: "tanh" or "tanh_half" with "tanh", "two_tanh_half" with "tanh_half" or
        "two_tanh_half". Blocks of cells, absent gates, biases or recurrence are no obstacle.

    Returns
    -------
    dict
        "lstm": for ``torch.nn.LSTM(net.n_inputs, net.n_cells)``; "readout": for
        ``torch.nn.Linear(net.n_cells, net.n_outputs)``. Arrays of the network's dtype, by the names
        of PyTorch. The readout gives the net input of the outputs: those with a squashing want
        ``torch.sigmoid`` or ``torch.softmax`` behind it.

    Raises
    ------
    ValueError
        Naming the part of the network that an nn.LSTM has not.

    Notes
    -----
    From a fresh state the outputs agree to rounding, 1e-6 in float32.

    Examples
    --------
    >>> import pylstm
    >>> from pylstm.interchange import to_torch
    >>> net = pylstm.LSTM(n_inputs=3, n_outputs=2, n_blocks=4)
    >>> {name: array.shape for name, array in to_torch(net)["lstm"].items()}
    {'weight_ih_l0': (16, 3), 'weight_hh_l0': (16, 4), 'bias_ih_l0': (16,), 'bias_hh_l0': (16,)}
    >>> {name: array.shape for name, array in to_torch(net)["readout"].items()}
    {'weight': (2, 4), 'bias': (2,)}

    In PyTorch::

        layer = torch.nn.LSTM(net.n_inputs, net.n_cells)
        layer.load_state_dict({k: torch.tensor(v) for k, v in to_torch(net)["lstm"].items()})
    """
    check_network(net)
    config = net._config()
    if config["leak"]:
        raise ValueError(f"leak is {config['leak']}, wanted 0: a forget gate of nn.LSTM has none")
    for switch in ("peepholes", "gate_recurrence", "shortcut"):
        if config[switch]:
            raise ValueError(f"{switch} is True, wanted a network without: nn.LSTM has none")
    (_, slope), gain = _scales(config)
    n_cells, block_size = net.n_blocks * net.block_size, net.block_size
    parts = []
    for name in _ROWS:
        rows = _hidden_rows(net, name, n_cells)
        if name == "cell_input":
            rows = [slope * part for part in rows]
        elif block_size > 1:
            rows = [np.repeat(part, block_size, axis=0) for part in rows]
        parts.append(rows)
    W_ih, W_hh, b = (np.concatenate(part).astype(net.dtype) for part in zip(*parts, strict=True))
    output = net.parameters["output"]
    bias = output[:, -1] if config["output_bias"] else np.zeros(net.n_outputs, net.dtype)
    lstm = {"weight_ih_l0": W_ih, "weight_hh_l0": (gain * W_hh).astype(net.dtype)}
    lstm |= {"bias_ih_l0": b, "bias_hh_l0": np.zeros_like(b)}
    readout = {"weight": (gain * output[:, :n_cells]).astype(net.dtype), "bias": bias.copy()}
    return {"lstm": lstm, "readout": readout}


def _scales(config: Mapping[str, Any]) -> tuple[tuple[float, float], float]:
    """(A, B) of the cell input and C of the cell output."""
    for squashing in ("cell_input", "cell_output"):
        if config[squashing] not in _AS_TANH:
            raise ValueError(
                f"{squashing} is {brief(config[squashing])}, wanted one of "
                f"{', '.join(map(repr, _AS_TANH))}: nn.LSTM has tanh"
            )
    (size, slope), (gain, inside) = (_AS_TANH[config[s]] for s in ("cell_input", "cell_output"))
    if size * inside != 1:
        raise ValueError(
            f"cell_input is {brief(config['cell_input'])} and cell_output is "
            f"{brief(config['cell_output'])}, "
            "wanted squashings that two tanh can stand for, such as 'tanh' and 'tanh', or "
            "'two_tanh_half' and 'tanh_half'"
        )
    return (size, slope), gain


def _hidden_rows(net: LSTM, name: str, n_cells: int) -> list[Array]:
    """Weights from inputs and from cells, and biases, of one kind of hidden units."""
    config, rows = net._config(), net.parameters.get(name)
    if rows is None:
        n_rows = net.n_blocks
        sizes = (n_rows, net.n_inputs), (n_rows, n_cells)
        return [*map(np.zeros, sizes), np.full(n_rows, _ALWAYS_OPEN)]
    biased = config["hidden_bias"] == "all" or (
        config["hidden_bias"] == "gates" and name != "cell_input"
    )
    bias = rows[:, -1] if biased else np.zeros(len(rows))
    recurrent = np.zeros((len(rows), n_cells))
    if config["cell_recurrence"]:
        recurrent = rows[:, net.n_inputs : net.n_inputs + n_cells]
    return [rows[:, : net.n_inputs], recurrent, bias]


def from_torch(lstm: Any, readout: Any = None, **keywords: Any) -> LSTM:
    """Make a network of the weights of an ``nn.LSTM`` of one layer, and of an ``nn.Linear``.

    Parameters
    ----------
    lstm : mapping or module
        State dict of an nn.LSTM, or the module: tensors or arrays. One layer, one direction, no
        projection; with or without biases.
    readout : mapping or module, optional
        State dict of an nn.Linear on its cell outputs, or the module. Without it the outputs of the
        network are the cell outputs themselves; or, with ``n_outputs=`` among the keywords, the
        readout begins as that of a new network does.
    **keywords
        Of `LSTM`: optimizer, output, loss, seed, dtype and what else does not belong to the
        architecture. dtype by default float64 if the weights are, else float32.

    Returns
    -------
    LSTM
        With a fresh state; its outputs are those of PyTorch to rounding, and it learns on.

    Raises
    ------
    ValueError, TypeError
        For weights that are missing, do not fit together or are not finite, for a second layer or
        direction or a projection, and for keywords that the weights have settled.

    Examples
    --------
    >>> import pylstm
    >>> from pylstm.interchange import from_torch, to_torch
    >>> net = pylstm.LSTM(n_inputs=3, n_outputs=2, n_blocks=4, forget_gate=False)
    >>> other = from_torch(**to_torch(net), optimizer=pylstm.SGD(0.1))
    >>> x = [0.1, 0.2, 0.3]
    >>> bool(abs(other.step(x) - net.step(x)).max() < 1e-6)
    True
    """
    for name in sorted(_SETTLED & set(keywords)):
        raise TypeError(f"{name} was given, wanted none: the weights say what the network is")
    weights = _arrays("lstm", lstm, _WEIGHTS, _BIASES)
    W_ih, W_hh = (weights[name] for name in _WEIGHTS)
    n_cells, n_inputs = len(W_ih) // 4, W_ih.shape[-1]
    wanted = {"weight_ih_l0": (4 * n_cells, n_inputs), "weight_hh_l0": (4 * n_cells, n_cells)}
    _check_shapes("lstm", weights, wanted | dict.fromkeys(_BIASES, (4 * n_cells,)))
    hidden = [W_ih, W_hh]
    if "bias_ih_l0" in weights:
        hidden.append((weights["bias_ih_l0"] + weights["bias_hh_l0"])[:, None])
    output = _readout(readout, n_cells, keywords)
    dtypes = [array.dtype for array in (*weights.values(), *([] if output is None else [output]))]
    net = LSTM(
        n_inputs,
        keywords.pop("n_outputs") if output is None else len(output),
        n_cells,
        hidden_bias="all" if len(hidden) == 3 else "none",
        output_bias=output is None or output.shape[1] > n_cells,
        dtype=keywords.pop("dtype", np.result_type(np.float32, *dtypes)),
        **keywords,
    )
    for name, rows in zip(_ROWS, np.split(np.concatenate(hidden, axis=1), 4), strict=True):
        net.parameters[name][...] = rows
    if output is not None:
        net.parameters["output"][...] = output
    return net


def _readout(readout: Any, n_cells: int, keywords: Mapping[str, Any]) -> Array | None:
    """(n_outputs, n_cells [+ 1]); None for the readout of a new network."""
    if readout is None:
        return None if "n_outputs" in keywords else np.eye(n_cells, dtype=np.float32)
    if "n_outputs" in keywords:
        raise TypeError("n_outputs was given, wanted none: the readout has as many as it has rows")
    weights = _arrays("readout", readout, ("weight",), ("bias",))
    n_outputs = len(weights["weight"])
    _check_shapes("readout", weights, {"weight": (n_outputs, n_cells), "bias": (n_outputs,)})
    columns = [values.reshape(n_outputs, -1) for values in weights.values()]
    return np.concatenate(columns, axis=1)


def _arrays(
    what: str, given: Any, wanted: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Array]:
    """The arrays of a state dict by name: all of the wanted ones, all or none of the optional."""
    if hasattr(given, "state_dict"):
        given = given.state_dict()
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} is a {type(given).__name__}, wanted a state dict")
    names = wanted + (optional if any(name in given for name in optional) else ())
    for name in names:
        if name not in given:
            raise ValueError(f"{what} has no {brief(name)}, wanted {', '.join(map(repr, names))}")
    for name in given:
        if name not in names:
            raise ValueError(
                f"{what} has {brief(name)}, wanted {', '.join(map(repr, names))} and nothing "
                "else: one "
                "layer, one direction, no projection"
            )
    arrays = {name: _array(f"{what}[{brief(name)}]", given[name]) for name in names}
    for name, array in arrays.items():
        n_axes = 1 if name in optional else 2
        if array.ndim != n_axes or not array.size:
            raise ValueError(
                f"{what}[{brief(name)}] has shape {brief(array.shape)}, wanted numbers along "
                f"{n_axes} axes"
            )
    return arrays


def _array(name: str, values: Any) -> Array:
    """A finite array of floats, of a tensor or anything like an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"{name} has dtype {brief_text(array.dtype, 60)}, wanted floating-point numbers"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite everywhere, wanted finite numbers")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _check_shapes(
    what: str, arrays: Mapping[str, Array], wanted: Mapping[str, tuple[int, ...]]
) -> None:
    for name, array in arrays.items():
        if array.shape != wanted[name]:
            raise ValueError(
                f"{what}[{brief(name)}] has shape {brief(array.shape)}, wanted {wanted[name]}"
            )
