"""Weights to and from Keras 3: ``layers.LSTM``, ``layers.Bidirectional`` and ``layers.Dense``.

Keras has the transposed weights, kernel (n_inputs, 4 n_cells) and recurrent_kernel (n_cells,
4 n_cells), columns in the order i, f, c, o, which is i, f, g, o here, and one bias. The 1 that
``unit_forget_bias`` stands for is where its forget biases start, and no part of the equations: what
get_weights returns contains it. A Bidirectional has the arrays of its forward layer, then those of
the backward one, whose outputs it turns to the order of the sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pylstm.errors import brief, brief_text
from pylstm.interchange.weights import (
    Array,
    Exchanged,
    as_array,
    check_keywords,
    check_shapes,
    network_of,
    weights_of,
)
from pylstm.network import LSTM

__all__ = ["from_keras", "to_keras"]

_LSTM, _DENSE = ("kernel", "recurrent_kernel", "bias"), ("kernel", "bias")
_BACKWARD = "backward_"
# What a layer may say of itself, and what it has to be: other values are other equations.
_EQUATIONS = {"activation": "tanh", "recurrent_activation": "sigmoid"}
_OUTPUTS = {"linear": "identity", "sigmoid": "logistic", "softmax": "softmax"}


def to_keras(net: LSTM) -> dict[str, Any]:
    """Return the weights of a network by the names of ``layers.LSTM`` and ``layers.Dense``.

    Parameters
    ----------
    net : LSTM
        One that `to_torch` takes, or several layers of any sizes.

    Returns
    -------
    dict
        "lstm": for ``keras.layers.LSTM(net.n_cells)``: "kernel", "recurrent_kernel", "bias"; of
        both directions, for a Bidirectional around it, "backward_kernel" and so on besides; of
        several layers a list of these, the lowest first. "readout": for
        ``keras.layers.Dense(net.n_outputs)``: "kernel", "bias". In the order in which set_weights
        takes their values; of the network's dtype. The readout gives the pre-activations of the
        outputs: activation "sigmoid" for output "logistic", "softmax" for "softmax".

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

    Of several layers::

        for layer, weights in zip(layers, to_keras(net)["lstm"]):
            layer.set_weights([*weights.values()])
    """
    networks, V, d, both = weights_of(net, "a layer of Keras")
    arrays = [
        dict(zip(_LSTM, (W_x.T.copy(), W_h.T.copy(), b), strict=True)) for W_x, W_h, b in networks
    ]
    if both:
        arrays = [
            there | {_BACKWARD + name: values for name, values in back.items()}
            for there, back in zip(arrays[::2], arrays[1::2], strict=True)
        ]
    return {
        "lstm": arrays if net.n_layers > 1 else arrays[0],
        "readout": dict(zip(_DENSE, (V.T.copy(), d), strict=True)),
    }


def from_keras(lstm: Any, readout: Any = None, **keywords: Any) -> LSTM:
    """Make a network of the weights of ``layers.LSTM``, and of a ``layers.Dense``, of Keras 3.

    Parameters
    ----------
    lstm : layer, sequence, mapping or model
        An LSTM, what its get_weights returns, or the arrays by name: "kernel" (n_inputs, 4
        n_cells), "recurrent_kernel" (n_cells, 4 n_cells) and, unless it has none, "bias" (4
        n_cells,), in the gate order of Keras, i, f, c, o. Or a Bidirectional around one, with
        ``merge_mode="concat"``, with twice as many arrays, by name "backward_kernel" and so on. A
        list of these: several layers, the lowest first, each of which reads all steps of the one
        below. Or a whole model, Sequential or functional, that is a chain of such layers and at
        most a Dense on them, with Dropout anywhere.
    readout : layer, sequence or mapping, optional
        A Dense on its outputs in the same way: "kernel" (n_cells, n_outputs), of both directions (2
        n_cells, n_outputs), "bias" (n_outputs,). Of a layer the activation is taken as well, as
        `output`. Without one the outputs of the network are the cell outputs themselves; or, with
        ``n_outputs=`` among the keywords, the readout begins as that of a new network does.
    **keywords
        Of `LSTM`: as of `from_torch`.

    Returns
    -------
    LSTM
        With a fresh state; its outputs are those of Keras to rounding, and it learns on. Where the
        last LSTM has ``return_sequences=False`` Keras shows those of the last step only.

    Raises
    ------
    ValueError, TypeError
        For weights that are missing, do not fit together or are not finite, for a layer with other
        activations, for directions that are put together otherwise, for a model of other layers,
        and for keywords that the weights have settled.

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
    if hasattr(lstm, "layers"):
        lstm, own = _chain(lstm)
        if own is not None and readout is not None:
            raise TypeError("readout was given, wanted none: the model has its own")
        readout = own if readout is None else readout
    readout = _unwrapped(readout)
    several = _are_layers(lstm)
    layers: list[list[dict[str, Array]]] = []
    for k, given in enumerate(lstm if several else [lstm]):
        what = f"lstm[{k}]" if several else "lstm"
        layers.append(_layer(what, given, layers[-1] if layers else None))
    n_cells = sum(len(arrays["recurrent_kernel"]) for arrays in layers[-1])
    V = d = None
    if readout is not None:
        dense = _arrays("readout", readout, _DENSE)
        n_outputs = dense["kernel"].shape[1]
        check_shapes("readout", dense, {"kernel": (n_cells, n_outputs), "bias": (n_outputs,)})
        V, d = dense["kernel"].T, dense.get("bias")
        keywords = _output(readout) | keywords
    arrays = [own for layer in layers for own in layer]
    if any("bias" in own for own in arrays):
        for own in arrays:
            own.setdefault("bias", np.zeros(own["kernel"].shape[1], own["kernel"].dtype))
    networks = [(own["kernel"].T, own["recurrent_kernel"].T, own.get("bias")) for own in arrays]
    return network_of(Exchanged(networks, V, d, both=len(layers[0]) == 2), keywords)


# ---------------------------------------------------------------- layers


def _chain(model: Any) -> tuple[list[Any], Any]:
    """The LSTM layers of a model, the lowest first, and the Dense on them, or None."""
    kinds = {kind.__name__ for kind in type(model).__mro__}
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    names = [type(_unwrapped(layer)).__name__ for layer in layers]
    found = [name for name in names if name != "Dropout"]
    recurrent = found[:-1] if found and found[-1] == "Dense" else found
    if not recurrent or not set(recurrent) <= {"LSTM", "Bidirectional"}:
        raise ValueError(
            f"the model has {brief_text(', '.join(names), 100) or 'no layers'}, wanted LSTM or "
            "Bidirectional layers, and at most a Dense on them"
        )
    if "Sequential" not in kinds and not ("Functional" in kinds and _is_chain(model, layers)):
        raise ValueError(
            f"the model is a {type(model).__name__} whose layers do not each read the one before "
            "alone, wanted a chain of layers"
        )
    kept = [layer for layer in layers if type(layer).__name__ != "Dropout"]
    return kept[: len(recurrent)], kept[-1] if len(kept) > len(recurrent) else None


def _unwrapped(layer: Any) -> Any:
    """What a TimeDistributed does at every step, which a Dense does by itself."""
    return layer.layer if type(layer).__name__ == "TimeDistributed" else layer


def _is_chain(model: Any, layers: Sequence[Any]) -> bool:
    """Whether every layer reads all that the one before says, and nothing else."""
    said = model.inputs
    for layer in layers:
        if layer.input is not said[0]:
            return False
        said = layer.output if isinstance(layer.output, Sequence) else [layer.output]
    return len(model.outputs) == 1 and model.outputs[0] is said[0]


def _are_layers(given: Any) -> bool:
    """Whether it is several layers, and not the arrays of one."""
    return _is_list(given) and all(
        hasattr(item, "get_weights")
        or isinstance(item, Mapping)
        or (_is_list(item) and hasattr(next(iter(item), None), "shape"))
        for item in given
    )


def _is_list(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str | bytes) and len(given) > 0


def _layer(
    what: str, given: Any, below: Sequence[Mapping[str, Array]] | None
) -> list[dict[str, Array]]:
    """The arrays of an LSTM, or of both directions; as wide as what is below says, if anything."""
    parts = _directions(what, given)
    names = [what, f"backward {what}"]
    layer = [_arrays(name, part, _LSTM) for name, part in zip(names, parts, strict=False)]
    if below is not None and len(layer) != len(below):
        ways = ["one direction", "both directions"]
        raise ValueError(
            f"{what} reads {ways[len(layer) - 1]} and the layer below {ways[len(below) - 1]}, "
            "wanted layers that are alike"
        )
    n_cells, n_inputs = len(layer[0]["recurrent_kernel"]), len(layer[0]["kernel"])
    if below is not None:
        n_inputs = sum(len(arrays["recurrent_kernel"]) for arrays in below)
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (n_inputs, 4 * n_cells),
        "recurrent_kernel": (n_cells, 4 * n_cells),
        "bias": (4 * n_cells,),
    }
    for name, arrays in zip(names, layer, strict=False):
        check_shapes(name, arrays, shapes)
    return layer


def _directions(what: str, given: Any) -> list[Any]:
    """What is given of one direction, or of the two of a Bidirectional, the forward one first."""
    if hasattr(given, "forward_layer"):
        for name, wanted in {"merge_mode": "concat", "return_sequences": True}.items():
            if getattr(given, name) != wanted:
                raise ValueError(
                    f"{name} of {what} is {brief(getattr(given, name))}, wanted {wanted!r}: the "
                    "outputs of both directions at every step, side by side"
                )
        parts = [given.forward_layer, given.backward_layer]
        for part, turns in zip(parts, (False, True), strict=True):
            _check_equations(what, part, go_backwards=turns)
        return parts
    _check_equations(what, given, go_backwards=False)
    if isinstance(given, Mapping):
        back = {k: given[k] for k in given if isinstance(k, str) and k.startswith(_BACKWARD)}
        there = {k: given[k] for k in given if k not in back}
        named = {k.removeprefix(_BACKWARD): values for k, values in back.items()}
        return [there, named] if back else [there]
    if _is_list(given) and len(given) in (4, 6):
        return [given[: len(given) // 2], given[len(given) // 2 :]]
    return [given]


def _check_equations(what: str, layer: Any, *, go_backwards: bool) -> None:
    if not hasattr(layer, "get_config"):
        return
    config = layer.get_config()
    for name, wanted in (_EQUATIONS | {"go_backwards": go_backwards}).items():
        if config.get(name, wanted) != wanted:
            raise ValueError(f"{name} of {what} is {brief(config[name])}, wanted {wanted!r}")


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
