"""Weights to and from PyTorch: ``nn.LSTM`` or ``nn.LSTMCell``, and ``nn.Linear``."""

from __future__ import annotations

import re
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

__all__ = ["from_torch", "to_torch"]

_WEIGHTS, _BIASES = ("weight_ih", "weight_hh"), ("bias_ih", "bias_hh")
_PROJECTION = "weight_hr"
_OF_LAYER = "_l0"
_NAME = re.compile(r"(?:weight|bias)_(?:ih|hh|hr)_l(\d{1,3})(_reverse)?", re.ASCII)


def to_torch(net: LSTM, *, cell: bool = False) -> dict[str, dict[str, Array]]:
    """Return the weights of a network as state dicts of ``nn.LSTM`` and ``nn.Linear``.

    Parameters
    ----------
    net : LSTM
        Without scaling, leak, peepholes, gate recurrence, shortcut and skips; its activation
        functions two
        that a pair of tanh can stand for: "tanh" or "tanh_half" with "tanh", "two_tanh_half" with
        "tanh_half" or "two_tanh_half". Blocks of cells, absent gates, biases or recurrence are no
        obstacle.
    cell : bool, default False
        Whether the names are those of ``nn.LSTMCell``, "weight_ih" for "weight_ih_l0".

    Returns
    -------
    dict
        "lstm": for ``torch.nn.LSTM(net.n_inputs, net.n_cells)``, of several layers, which are to be
        as large as each other, with ``num_layers``, of both directions with ``bidirectional``;
        "readout": for ``torch.nn.Linear(net.n_cells, net.n_outputs)``, of the cells of the top
        layer, those that read backwards behind the others. Arrays of the network's dtype, by the
        names of PyTorch. The readout gives the pre-activations of the outputs: those with an
        activation function want ``torch.sigmoid`` or ``torch.softmax`` behind it.

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
    weights = weights_of(net, "nn.LSTM")
    sizes = {W_h.shape[1] for _, W_h, _ in weights.networks}
    if len(sizes) > 1:
        raise ValueError(
            f"n_blocks is {brief(net.n_blocks)}, wanted layers as large as each other: nn.LSTM has "
            "no others"
        )
    if cell and len(weights.networks) > 1:
        raise ValueError("cell is True, wanted False: an nn.LSTMCell is one layer, forwards")
    lstm: dict[str, Array] = {}
    suffixes = _suffixes(len(weights.networks), weights.both)
    for (W_x, W_h, b), suffix in zip(weights.networks, [""] if cell else suffixes, strict=True):
        names = [name + suffix for name in (*_WEIGHTS, *_BIASES)]
        lstm |= dict(zip(names, (W_x, W_h, b, np.zeros_like(b)), strict=True))
    return {"lstm": lstm, "readout": {"weight": weights.V, "bias": weights.d}}


def _suffixes(n_networks: int, both: bool) -> list[str]:
    """Of the names of each network, in the order of nn.LSTM."""
    if both:
        return [f"_l{k // 2}{'_reverse' if k % 2 else ''}" for k in range(n_networks)]
    return [f"_l{k}" for k in range(n_networks)]


def from_torch(lstm: Any, readout: Any = None, **keywords: Any) -> LSTM:
    """Make a network of the weights of an ``nn.LSTM`` or ``nn.LSTMCell``, and of an ``nn.Linear``.

    Parameters
    ----------
    lstm : mapping or module
        State dict of an nn.LSTM or nn.LSTMCell, or the module: tensors or arrays. Any number of
        layers, one direction or both, with or without biases. Of both directions the network has
        ``gradient="bptt"``. A projection (proj_size) becomes part of the weights that read it,
        W_hh W_hr for W_hh: the same outputs, and each of these weights learns on by itself. Its
        names may have a prefix, as they have in the state dict of a module around it; if that has
        an nn.Linear besides and nothing else, it is the readout.
    readout : mapping or module, optional
        State dict of an nn.Linear on its outputs, or the module. Without one the outputs of the
        network are those of the nn.LSTM; or, with ``n_outputs=`` among the keywords, the readout
        begins as that of a new network does.
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
        For weights that are missing, of a layer too, do not fit together or are not finite, and for
        keywords that the weights have settled.

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
    places = [match for name in own if (match := _NAME.fullmatch(name))]
    n_layers = 1 + max((int(match[1]) for match in places), default=0)
    both = any(match[2] for match in places)
    projected = any(name.startswith(_PROJECTION) for name in own)
    step = 2 if both else 1
    suffixes = [""] if _WEIGHTS[0] in own else _suffixes(step * n_layers, both)
    kinds = (*_WEIGHTS, _PROJECTION) if projected else _WEIGHTS
    weights, biases = (
        [name + suffix for suffix in suffixes for name in names] for names in (kinds, _BIASES)
    )
    arrays = _arrays("lstm", own, weights, biases)
    n_cells, n_inputs = len(arrays[weights[0]]) // 4, arrays[weights[0]].shape[1]
    n_shown = len(arrays[_PROJECTION + suffixes[0]]) if projected else n_cells
    wanted: dict[str, tuple[int, ...]] = dict.fromkeys(biases, (4 * n_cells,))
    for k, suffix in enumerate(suffixes):
        wanted[_WEIGHTS[0] + suffix] = (4 * n_cells, n_inputs if k < step else step * n_shown)
        wanted[_WEIGHTS[1] + suffix] = (4 * n_cells, n_shown)
        wanted[_PROJECTION + suffix] = (n_shown, n_cells)
    check_shapes("lstm", arrays, wanted)
    networks, below = [], list[Array]()
    for layer in (suffixes[k : k + step] for k in range(0, len(suffixes), step)):
        projections = [arrays[_PROJECTION + suffix] for suffix in layer] if projected else []
        for k, suffix in enumerate(layer):
            W_x, W_h = (arrays[name + suffix] for name in _WEIGHTS)
            W_x, W_h = _of_cells(W_x, below), _of_cells(W_h, projections[k : k + 1])
            b_x, b_h = (arrays.get(name + suffix) for name in _BIASES)
            networks.append((W_x, W_h, b_x + b_h if b_x is not None and b_h is not None else None))
        below = projections
    V, d = _linear(rest or readout, step * n_shown)
    if V is None and projected and "n_outputs" not in keywords:
        V = np.eye(step * n_shown, dtype=below[0].dtype)
    return network_of(
        Exchanged(networks, None if V is None else _of_cells(V, below), d, both), keywords
    )


def _of_cells(weights: Array, projections: Sequence[Array]) -> Array:
    """Weights of what is projected, as those of the cells: of each projection its own columns."""
    if not projections:
        return weights
    parts = np.split(np.float64(weights), len(projections), axis=1)
    products = [part @ own for part, own in zip(parts, projections, strict=True)]
    return np.concatenate(products, axis=1).astype(weights.dtype)


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
    told = brief_text(", ".join(map(repr, names)), 200)
    for name in names:
        if name not in given:
            raise ValueError(f"{what} has no {brief(name)}, wanted {told}")
    for name in given:
        if name not in names:
            raise ValueError(f"{what} has {brief(name)}, wanted {told} and nothing else")
    return {
        name: as_array(f"{what}[{brief(name)}]", given[name], 1 if name in optional else 2)
        for name in names
    }
