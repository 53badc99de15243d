"""The LSTM that all libraries have, and a linear readout, as arrays and as a network here.

Symbols: W_x, W_h, b weights from inputs and from cell outputs and biases, rows in the order
i, f, g, o; V, d weights and biases of the readout. What they compute (documentation of
torch.nn.LSTM and torch.nn.Linear; keras.layers.LSTM and Dense with their default activations):

    a = W_x x(t) + W_h h(t-1) + b                     i, f, o = logistic(a_i, a_f, a_o)
    g = tanh(a_g)      c(t) = f c(t-1) + i g          h(t) = o tanh(c(t))      y(t) = V h(t) + d

Here g = A tanh(B a) and h = C o tanh(D c), with tanh: 1, 1; tanh_half: 1, 1/2; two_tanh_half: 2,
1/2. With c' = D c and h' = h / C both are the same network, if A D = 1:

    a_g' = B a_g      W_h' = C W_h      V' = C V

and in a layer upon another W_x' = C W_x of the cells below. A gate that cells share is
repeated for each of them. One that is absent is always 1: logistic(64),
which rounds to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pylstm._core import layer_configs
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
    | {"cell_input", "cell_output", "bias_init", "leak", "skip_inputs", "skip_outputs"}
    | {"bidirectional"}
)


class Exchanged(NamedTuple):
    """The weights of an LSTM and of a readout.

    networks: W_x (4 n_cells, n_inputs), W_h (4 n_cells, n_cells), b (4 n_cells,) of each, the
    lowest layer first; with `both`, the one of a layer that reads backwards behind the other. V
    (n_outputs, cells of the top layer), d (n_outputs,). None for biases there are not, and for a
    readout there is not.
    """

    networks: list[tuple[Array, Array, Any]]
    V: Any
    d: Any
    both: bool = False


def weights_of(net: LSTM, library: str) -> Exchanged:
    """Return the weights of a network, biases and all, or raise ValueError for what the library has
    not."""
    if not isinstance(net, LSTM):
        check_network(net)
    config = net._config()
    if config["leak"]:
        raise ValueError(f"leak is {config['leak']}, wanted 0: a forget gate of {library} has none")
    if config["n_units"]:
        raise ValueError(
            f"n_units is {brief(config['n_units'])}, wanted 0: an LSTM of {library} has memory "
            "blocks alone"
        )
    for switch in ("peepholes", "gate_recurrence", "shortcut", "skip_inputs", "skip_outputs"):
        if config[switch]:
            raise ValueError(f"{switch} is True, wanted a network without: {library} has none")
    for switch in ("scale_inputs", "scale_targets"):
        if config[switch]:
            raise ValueError(
                f"{switch} is True, wanted a network without: {library} does not standardise; "
                "pylstm.onnx.export_onnx takes the scaling along"
            )
    both, parameters, output = config["bidirectional"], net.parameters, net.parameters["output"]
    _, gain = _scales(config, library)
    configs = layer_configs(config)
    networks = [_network(own, parameters, library, net.dtype) for own in configs]
    if both:
        networks = [networks[k ^ 1] for k in range(len(networks))]
    n_cells = networks[-1][1].shape[1]
    d = output[:, -1].copy() if config["output_bias"] else np.zeros(net.n_outputs, net.dtype)
    V = output[:, :n_cells]
    if both:
        V = np.concatenate([V, parameters[configs[-2]["prefix"] + "output"]], axis=1)
    return Exchanged(networks, (gain * V).astype(net.dtype), d, both)


def _network(
    config: Mapping[str, Any], parameters: Mapping[str, Array], library: str, dtype: np.dtype[Any]
) -> tuple[Array, Array, Array]:
    """W_x, W_h, b of one network; config: one of `layer_configs`."""
    (_, slope), gain = _scales(config, library)
    parts = []
    for name in _ROWS:
        rows = _hidden_rows(config, parameters, name)
        if name == "cell_input":
            rows = [slope * part for part in rows]
        elif config["block_size"] > 1:
            rows = [np.repeat(part, config["block_size"], axis=0) for part in rows]
        parts.append(rows)
    W_x, W_h, b = (np.concatenate(part) for part in zip(*parts, strict=True))
    W_x[:, : config.get("n_below", 0)] *= gain
    return W_x.astype(dtype), (gain * W_h).astype(dtype), b.astype(dtype)


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


def _hidden_rows(
    config: Mapping[str, Any], parameters: Mapping[str, Array], name: str
) -> list[Array]:
    """Weights from inputs and from cells, and biases, of one kind of hidden units."""
    rows = parameters.get(config.get("prefix", "") + name)
    n_inputs, n_cells = config["n_inputs"], config["n_blocks"] * config["block_size"]
    if rows is None:
        n_rows = config["n_blocks"]
        sizes = (n_rows, n_inputs), (n_rows, n_cells)
        return [*map(np.zeros, sizes), np.full(n_rows, _ALWAYS_OPEN)]
    biased = config["hidden_bias"] == "all" or (
        config["hidden_bias"] == "gates" and name != "cell_input"
    )
    bias = rows[:, -1] if biased else np.zeros(len(rows))
    recurrent = np.zeros((len(rows), n_cells))
    if config["cell_recurrence"]:
        recurrent = rows[:, n_inputs : n_inputs + n_cells]
    return [rows[:, :n_inputs], recurrent, bias]


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Refuse keywords of LSTM that the weights have settled."""
    for name in sorted(_SETTLED & set(keywords)):
        raise TypeError(f"{name} was given, wanted none: the weights say what the network is")


def network_of(weights: Exchanged, keywords: Mapping[str, Any]) -> LSTM:
    """Make the network of weights whose shapes fit, with further keywords of LSTM."""
    keywords = dict[str, Any](keywords)
    both, step = weights.both, 2 if weights.both else 1
    sizes = [W_h.shape[1] for _, W_h, _ in weights.networks[::step]]
    hidden = [
        np.concatenate([W_x, W_h, *([] if b is None else [b[:, None]])], axis=1)
        for W_x, W_h, b in weights.networks
    ]
    V, d = weights.V, weights.d
    if V is not None and "n_outputs" in keywords:
        raise TypeError("n_outputs was given, wanted none: the readout has its own")
    if V is None and "n_outputs" not in keywords:
        V = np.eye(step * sizes[-1], dtype=np.float32)
    dtypes: list[Any] = [
        array.dtype for array in (*hidden, *(part for part in (V, d) if part is not None))
    ]
    if both:
        keywords.setdefault("gradient", "bptt")
        keywords["bidirectional"] = True
    net = LSTM(
        weights.networks[0][0].shape[1],
        keywords.pop("n_outputs") if V is None else len(V),
        sizes,
        hidden_bias="none" if weights.networks[0][2] is None else "all",
        output_bias=V is None or d is not None,
        dtype=keywords.pop("dtype", np.result_type(np.float32, *dtypes)),
        **keywords,
    )
    parameters, configs = net.parameters, layer_configs(net._config())
    for k, own in enumerate(configs):
        values = hidden[k ^ 1 if both else k]
        for name, rows in zip(_ROWS, np.split(values, 4), strict=True):
            parameters[own.get("prefix", "") + name][...] = rows
    if V is not None:
        parameters["output"][:, : sizes[-1]] = V[:, : sizes[-1]]
        if d is not None:
            parameters["output"][:, -1] = d
        if both:
            parameters[configs[-2]["prefix"] + "output"][...] = V[:, sizes[-1] :]
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
