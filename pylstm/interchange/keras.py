"""Weights to and from Keras 3: ``layers.LSTM`` and ``layers.Dense``.

Keras has the transposed weights, kernel (n_inputs, 4 n_cells) and recurrent_kernel (n_cells,
4 n_cells), columns in the order i, f, c, o, which is i, f, g, o here, and one bias. The 1 that
``unit_forget_bias`` stands for is where its forget biases start, and no part of the equations: what
get_weights returns contains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pylstm.errors import brief
from pylstm.interchange.weights import (
    Array,
    Exchanged,
    as_array,
    check_keywords,
    check_shapes,
    network_of,
    weights_of,
)
from pylstm.network import LSTM, check_blocks_alone

__all__ = ["from_keras", "to_keras"]

_LSTM, _DENSE = ("kernel", "recurrent_kernel", "bias"), ("kernel", "bias")
# What a layer may say of itself, and what it has to be: other values are other equations.
_EQUATIONS = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "go_backwards": False,
}
_OUTPUTS = {"linear": "identity", "sigmoid": "logistic", "softmax": "softmax"}


def to_keras(net: LSTM) -> dict[str, dict[str, Array]]:
    """Return the weights of a network by the names of ``layers.LSTM`` and ``layers.Dense``.

    Parameters
    ----------
    net : LSTM
        One that `to_torch` takes.

    Returns
    -------
    dict
        "lstm": for ``keras.layers.LSTM(net.n_cells)``: "kernel", "recurrent_kernel", "bias";
        "readout": for ``keras.layers.Dense(net.n_outputs)``: "kernel", "bias". In the order in
        which set_weights takes their values; of the network's dtype. The readout gives the
        pre-activations of the outputs: activation "sigmoid" for output "logistic", "softmax" for
        "softmax".

    Raises
    ------
    ValueError
        Naming the part of the network that a layer of Keras has not.

    Examples
    --------
    >>> import pylstm
    >>> from pylstm.interchange import to_keras
    >>> net = pylstm.LSTM(n_inputs=3, n_outputs=2, n_blocks=4)
    >>> {name: array.shape for name, array in to_keras(net)["lstm"].items()}
    {'kernel': (3, 16), 'recurrent_kernel': (4, 16), 'bias': (16,)}

    In Keras::

        layer = keras.layers.LSTM(net.n_cells)
        layer.build((None, None, net.n_inputs))
        layer.set_weights([*to_keras(net)["lstm"].values()])
    """
    check_blocks_alone(net)
    [(W_x, W_h, b)], V, d, _ = weights_of(net, "a layer of Keras")
    lstm = dict(zip(_LSTM, (W_x.T.copy(), W_h.T.copy(), b), strict=True))
    return {"lstm": lstm, "readout": dict(zip(_DENSE, (V.T.copy(), d), strict=True))}


def from_keras(lstm: Any, readout: Any = None, **keywords: Any) -> LSTM:
    """Make a network of the weights of a ``layers.LSTM``, and of a ``layers.Dense``, of Keras 3.

    Parameters
    ----------
    lstm : layer, sequence or mapping
        The layer, what its get_weights returns, or the arrays by name: "kernel" (n_inputs, 4
        n_cells), "recurrent_kernel" (n_cells, 4 n_cells) and, unless it has none, "bias" (4
        n_cells,), in the gate order of Keras, i, f, c, o.
    readout : layer, sequence or mapping, optional
        A Dense on its outputs in the same way: "kernel" (n_cells, n_outputs), "bias" (n_outputs,).
        Of a layer the activation is taken as well, as `output`. Without one the outputs of the
        network are the cell outputs themselves; or, with ``n_outputs=`` among the keywords, the
        readout begins as that of a new network does.
    **keywords
        Of `LSTM`: as of `from_torch`.

    Returns
    -------
    LSTM
        With a fresh state; its outputs are those of Keras to rounding, and it learns on.

    Raises
    ------
    ValueError, TypeError
        For weights that are missing, do not fit together or are not finite, for a layer with other
        activations, and for keywords that the weights have settled.

    Examples
    --------
    >>> import pylstm
    >>> from pylstm.interchange import from_keras, to_keras
    >>> net = pylstm.LSTM(n_inputs=3, n_outputs=2, n_blocks=4)
    >>> other = from_keras(**to_keras(net), optimizer=pylstm.SGD(0.1))
    >>> x = [0.1, 0.2, 0.3]
    >>> bool(abs(other.step(x) - net.step(x)).max() < 1e-6)
    True
    """
    check_keywords(keywords)
    _check_equations(lstm)
    arrays = _arrays("lstm", lstm, _LSTM)
    n_inputs, n_cells = len(arrays["kernel"]), len(arrays["recurrent_kernel"])
    wanted = {"kernel": (n_inputs, 4 * n_cells), "recurrent_kernel": (n_cells, 4 * n_cells)}
    check_shapes("lstm", arrays, wanted | {"bias": (4 * n_cells,)})
    V = d = None
    if readout is not None:
        dense = _arrays("readout", readout, _DENSE)
        n_outputs = dense["kernel"].shape[1]
        check_shapes("readout", dense, {"kernel": (n_cells, n_outputs), "bias": (n_outputs,)})
        V, d = dense["kernel"].T, dense.get("bias")
        keywords = _output(readout) | keywords
    layer = (arrays["kernel"].T, arrays["recurrent_kernel"].T, arrays.get("bias"))
    return network_of(Exchanged([layer], V, d), keywords)


def _check_equations(layer: Any) -> None:
    if not hasattr(layer, "get_config"):
        return
    config = layer.get_config()
    for name, wanted in _EQUATIONS.items():
        if config.get(name, wanted) != wanted:
            raise ValueError(f"{name} of lstm is {brief(config[name])}, wanted {wanted!r}")


def _output(layer: Any) -> dict[str, Any]:
    """The output activation function that a layer names."""
    if not hasattr(layer, "get_config"):
        return {}
    activation = layer.get_config().get("activation", "linear")
    if activation not in _OUTPUTS:
        raise ValueError(
            f"activation of readout is {brief(activation)}, wanted one of "
            f"{', '.join(map(repr, _OUTPUTS))}"
        )
    return {"output": _OUTPUTS[activation]}


def _arrays(what: str, given: Any, names: Sequence[str]) -> dict[str, Array]:
    """The arrays of a layer by name; the last of them, the bias, may not be there."""
    if hasattr(given, "get_weights"):
        given = given.get_weights()
    if isinstance(given, Mapping):
        found = dict(given)
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        if len(given) not in (len(names) - 1, len(names)):
            raise ValueError(
                f"{what} has {len(given)} arrays, wanted {', '.join(names)}: those of a layer that "
                "is built"
            )
        found = dict(zip(names, given, strict=False))
    else:
        raise TypeError(
            f"{what} is a {type(given).__name__}, wanted a layer, its get_weights() or a dict"
        )
    for name in names[:-1]:
        if name not in found:
            raise ValueError(f"{what} has no {name!r}, wanted {', '.join(map(repr, names))}")
    for name in found:
        if name not in names:
            raise ValueError(
                f"{what} has {brief(name)}, wanted {', '.join(map(repr, names))} and nothing else"
            )
    return {
        name: as_array(f"{what}[{name!r}]", found[name], 1 if name == "bias" else 2)
        for name in names
        if name in found
    }
