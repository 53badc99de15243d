"""Weights to and from PyTorch: ``nn.LSTM`` of one layer or ``nn.LSTMCell``, and ``nn.Linear``."""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["from_torch", "to_torch"]

_WEIGHTS, _BIASES = ("weight_ih", "weight_hh"), ("bias_ih", "bias_hh")
_OF_LAYER = "_l0"


def to_torch(net: LSTM, *, cell: bool = False) -> dict[str, dict[str, Array]]:
    """Return the weights of a network as state dicts of ``nn.LSTM`` and ``nn.Linear``.

    Parameters
    ----------
    net : LSTM
        Without scaling, leak, peepholes, gate recurrence and shortcut; its activation functions two
        that a pair of tanh can stand for: "tanh" or "tanh_half" with "tanh", "two_tanh_half" with
        "tanh_half" or "two_tanh_half". Blocks of cells, absent gates, biases or recurrence are no
        obstacle.
    cell : bool, default False
        Whether the names are those of ``nn.LSTMCell``, "weight_ih" for "weight_ih_l0".

    Returns
    -------
    dict
        "lstm": for ``torch.nn.LSTM(net.n_inputs, net.n_cells)``; "readout": for
        ``torch.nn.Linear(net.n_cells, net.n_outputs)``. Arrays of the network's dtype, by the names
        of PyTorch. The readout gives the pre-activations of the outputs: those with an activation
        function want ``torch.sigmoid`` or ``torch.softmax`` behind it.

    Raises
    ------
    ValueError
        Naming the part of the network that an nn.LSTM has not. It neither standardises nor clips:
        a network that scales goes whole by `pylstm.onnx.export_onnx`.

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
    W_x, W_h, b, V, d = weights_of(net, "nn.LSTM")
    suffix = "" if cell else _OF_LAYER
    names = [name + suffix for name in (*_WEIGHTS, *_BIASES)]
    lstm = dict(zip(names, (W_x, W_h, b, np.zeros_like(b)), strict=True))
    return {"lstm": lstm, "readout": {"weight": V, "bias": d}}


def from_torch(lstm: Any, readout: Any = None, **keywords: Any) -> LSTM:
    """Make a network of the weights of an ``nn.LSTM`` or ``nn.LSTMCell``, and of an ``nn.Linear``.

    Parameters
    ----------
    lstm : mapping or module
        State dict of an nn.LSTM or nn.LSTMCell, or the module: tensors or arrays. One layer, one
        direction, no projection; with or without biases. Its names may have a prefix, as they have
        in the state dict of a module around it; if that has an nn.Linear besides and nothing else,
        it is the readout.
    readout : mapping or module, optional
        State dict of an nn.Linear on its cell outputs, or the module. Without one the outputs of
        the network are the cell outputs themselves; or, with ``n_outputs=`` among the keywords, the
        readout begins as that of a new network does.
    **keywords
        Of `LSTM`: optimizer, output, loss, seed, dtype and what else does not belong to the
        architecture. dtype by default float64 if the weights are, else float32, which half
        precision and bfloat16 become.

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
    check_keywords(keywords)
    given = _state_dict("lstm", lstm)
    prefix = _prefix(given)
    own = {name.removeprefix(prefix): given[name] for name in given if _path(name) == prefix}
    rest = {name: given[name] for name in given if _path(name) != prefix}
    if rest and readout is not None:
        _refuse_rest(rest, "readout is given as well")
    suffix = "" if _WEIGHTS[0] in own else _OF_LAYER
    weights, biases = ([n + suffix for n in names] for names in (_WEIGHTS, _BIASES))
    arrays = _arrays("lstm", own, weights, biases)
    W_x, W_h = (arrays[name] for name in weights)
    n_cells, n_inputs = len(W_x) // 4, W_x.shape[1]
    wanted = {weights[0]: (4 * n_cells, n_inputs), weights[1]: (4 * n_cells, n_cells)}
    check_shapes("lstm", arrays, wanted | dict.fromkeys(biases, (4 * n_cells,)))
    b = arrays[biases[0]] + arrays[biases[1]] if biases[0] in arrays else None
    V, d = _linear(rest or readout, n_cells)
    return network_of(Exchanged(W_x, W_h, b, V, d), keywords)


def _linear(readout: Any, n_cells: int) -> tuple[Array | None, Array | None]:
    """Weights and biases of an nn.Linear; its names may have a prefix."""
    if readout is None:
        return None, None
    given = _state_dict("readout", readout)
    paths = {_path(name) for name in given}
    if len(paths) > 1:
        _refuse_rest(given, "more than one module")
    own = {name.removeprefix(min(paths, default="")): given[name] for name in given}
    arrays = _arrays("readout", own, ["weight"], ["bias"])
    n_outputs = len(arrays["weight"])
    check_shapes("readout", arrays, {"weight": (n_outputs, n_cells), "bias": (n_outputs,)})
    return arrays["weight"], arrays.get("bias")


# ---------------------------------------------------------------- state dicts


def _state_dict(what: str, given: Any) -> Mapping[str, Any]:
    if hasattr(given, "state_dict"):
        given = given.state_dict()
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} is a {type(given).__name__}, wanted a state dict")
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"{what} has {brief(name)}, wanted names of weights")
    return given


def _path(name: str) -> str:
    """The module a weight belongs to, with the dot."""
    return name[: name.rfind(".") + 1]


def _prefix(given: Mapping[str, Any]) -> str:
    """Of the names of the one LSTM there is."""
    first = {_WEIGHTS[0], _WEIGHTS[0] + _OF_LAYER}
    found = [_path(name) for name in given if name.removeprefix(_path(name)) in first]
    if len(found) > 1:
        raise ValueError(
            f"lstm has {brief_text(', '.join(name + _WEIGHTS[0] for name in found), 100)}, wanted "
            "the weights of one LSTM"
        )
    return found[0] if found else ""


def _refuse_rest(rest: Mapping[str, Any], why: str) -> None:
    raise ValueError(
        f"the state dict has {brief_text(', '.join(map(repr, rest)), 100)} besides, and {why}: "
        "wanted one LSTM, and one nn.Linear as its readout"
    )


def _arrays(
    what: str, given: Mapping[str, Any], wanted: list[str], optional: list[str]
) -> dict[str, Array]:
    """The arrays of a state dict by name: all of the wanted ones, all or none of the optional."""
    names = wanted + (optional if any(name in given for name in optional) else [])
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
    return {
        name: as_array(f"{what}[{brief(name)}]", given[name], 1 if name in optional else 2)
        for name in names
    }
