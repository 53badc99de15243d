"""The LSTM that all libraries have, and a linear readout, as arrays and as a network here.

Symbols: W_x, W_h, b weights from inputs and from cell outputs and biases, rows in the order
i, f, g, o; V, d weights and biases of the readout. What they compute (documentation of
torch.nn.LSTM and torch.nn.Linear; keras.layers.LSTM and Dense with their default activations):

    a = W_x x(t) + W_h h(t-1) + b                     i, f, o = logistic(a_i, a_f, a_o)
    g = tanh(a_g)      c(t) = f c(t-1) + i g          h(t) = o tanh(c(t))      y(t) = V h(t) + d

Here g = A tanh(B a) and h = C o tanh(D c), with tanh: 1, 1; tanh_half: 1, 1/2; two_tanh_half: 2,
1/2. With c' = D c and h' = h / C both are the same network, if A D = 1:

    a_g' = B a_g      W_h' = C W_h      V' = C V

A gate that cells share is repeated for each of them. One that is absent is always 1: logistic(64),
which rounds to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief, brief_text
from pylstm.network import LSTM, check_network

__all__ = [
    "Array",
    "Exchanged",
    "as_array",
    "check_keywords",
    "check_shapes",
    "network_of",
    "weights_of",
]

Array = npt.NDArray[Any]

_ROWS = ("input_gate", "forget_gate", "cell_input", "output_gate")
#: k, s of squash(a) = k tanh(s a)
_AS_TANH = {"tanh": (1.0, 1.0), "tanh_half": (1.0, 0.5), "two_tanh_half": (2.0, 0.5)}
_ALWAYS_OPEN = 64.0
# Arguments of LSTM that say what a network is: here the weights do.
_SETTLED = frozenset(
    {"n_inputs", "n_blocks", "block_size", "input_gate", "forget_gate", "output_gate", "peepholes"}
    | {"gate_recurrence", "cell_recurrence", "shortcut", "hidden_bias", "output_bias"}
    | {"cell_input", "cell_output", "bias_init", "leak"}
)


class Exchanged(NamedTuple):
    """W_x (4 n_cells, n_inputs), W_h (4 n_cells, n_cells), b (4 n_cells,); V (n_outputs, n_cells),
    d (n_outputs,); None for biases there are not, and for a readout there is not."""

    W_x: Array
    W_h: Array
    b: Array | None
    V: Array | None
    d: Array | None


def weights_of(net: LSTM, library: str) -> tuple[Array, Array, Array, Array, Array]:
    """Return W_x, W_h, b, V, d of a network, or raise ValueError for what the library has not."""
    check_network(net)
    config = net._config()
    if config["leak"]:
        raise ValueError(f"leak is {config['leak']}, wanted 0: a forget gate of {library} has none")
    for switch in ("peepholes", "gate_recurrence", "shortcut"):
        if config[switch]:
            raise ValueError(f"{switch} is True, wanted a network without: {library} has none")
    for switch in ("scale_inputs", "scale_targets"):
        if config[switch]:
            raise ValueError(
                f"{switch} is True, wanted a network without: {library} does not standardise; "
                "pylstm.onnx.export_onnx takes the scaling along"
            )
    (_, slope), gain = _scales(config, library)
    n_cells, block_size = net.n_cells, net.block_size
    parts = []
    for name in _ROWS:
        rows = _hidden_rows(net, name, n_cells)
        if name == "cell_input":
            rows = [slope * part for part in rows]
        elif block_size > 1:
            rows = [np.repeat(part, block_size, axis=0) for part in rows]
        parts.append(rows)
    W_x, W_h, b = (np.concatenate(part).astype(net.dtype) for part in zip(*parts, strict=True))
    output = net.parameters["output"]
    d = output[:, -1].copy() if config["output_bias"] else np.zeros(net.n_outputs, net.dtype)
    W_h, V = ((gain * part).astype(net.dtype) for part in (W_h, output[:, :n_cells]))
    return W_x, W_h, b, V, d


def _scales(config: Mapping[str, Any], library: str) -> tuple[tuple[float, float], float]:
    """(A, B) of the cell input and C of the cell output."""
    for squashing in ("cell_input", "cell_output"):
        if config[squashing] not in _AS_TANH:
            raise ValueError(
                f"{squashing} is {brief(config[squashing])}, wanted one of "
                f"{', '.join(map(repr, _AS_TANH))}: {library} has tanh"
            )
    (size, slope), (gain, inside) = (_AS_TANH[config[s]] for s in ("cell_input", "cell_output"))
    if size * inside != 1:
        raise ValueError(
            f"cell_input is {brief(config['cell_input'])} and cell_output is "
            f"{brief(config['cell_output'])}, "
            "wanted activations that two tanh can stand for, such as 'tanh' and 'tanh', or "
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


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Refuse keywords of LSTM that the weights have settled."""
    for name in sorted(_SETTLED & set(keywords)):
        raise TypeError(f"{name} was given, wanted none: the weights say what the network is")


def network_of(weights: Exchanged, keywords: Mapping[str, Any]) -> LSTM:
    """Make the network of weights whose shapes fit, with further keywords of LSTM."""
    keywords = dict(keywords)
    n_cells = weights.W_h.shape[1]
    hidden = [weights.W_x, weights.W_h, *([] if weights.b is None else [weights.b[:, None]])]
    output = None
    if weights.V is not None:
        if "n_outputs" in keywords:
            raise TypeError("n_outputs was given, wanted none: the readout has its own")
        biases = [] if weights.d is None else [weights.d[:, None]]
        output = np.concatenate([weights.V, *biases], axis=1)
    elif "n_outputs" not in keywords:
        output = np.eye(n_cells, dtype=np.float32)
    dtypes = [array.dtype for array in (*hidden, *([] if output is None else [output]))]
    net = LSTM(
        weights.W_x.shape[1],
        keywords.pop("n_outputs") if output is None else len(output),
        n_cells,
        hidden_bias="none" if weights.b is None else "all",
        output_bias=output is None or output.shape[1] > n_cells,
        dtype=keywords.pop("dtype", np.result_type(np.float32, *dtypes)),
        **keywords,
    )
    for name, rows in zip(_ROWS, np.split(np.concatenate(hidden, axis=1), 4), strict=True):
        net.parameters[name][...] = rows
    if output is not None:
        net.parameters["output"][...] = output
    return net


def as_array(name: str, values: Any, n_axes: int) -> Array:
    """A finite array of floats, of a tensor or the like; half precision becomes single."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        try:
            values = values.numpy()
        except TypeError:  # bfloat16, which NumPy has not
            values = values.float().numpy()
    array = np.asarray(values)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"{name} has dtype {brief_text(array.dtype, 60)}, wanted floating-point numbers"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite everywhere, wanted finite numbers")
    if array.ndim != n_axes or not array.size:
        raise ValueError(
            f"{name} has shape {brief(array.shape)}, wanted numbers along {n_axes} axes"
        )
    return array.astype(np.result_type(np.float32, array.dtype), copy=False)


def check_shapes(
    what: str, arrays: Mapping[str, Array], wanted: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse the first array of another shape."""
    for name, array in arrays.items():
        if array.shape != wanted[name]:
            raise ValueError(
                f"{what}[{brief(name)}] has shape {brief(array.shape)}, wanted {wanted[name]}"
            )
