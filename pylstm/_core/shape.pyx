# cython: language_level=3, cdivision=True, binding=True
"""The shape of a network: the names of its switches, and the sizes that come of them.

What was saved is compared with these sizes before anything is built, see pylstm/schemas.
"""

import numpy as np

from libc.string cimport memset

from pylstm._core.engine cimport lay_out_network, shape_fields
from pylstm._core.headers cimport *


# ---------------------------------------------------------------- names of the switches

SQUASHINGS = {
    "tanh": PYLSTM_TANH,
    "logistic": PYLSTM_LOGISTIC,
    "identity": PYLSTM_IDENTITY,
    "tanh_half": PYLSTM_TANH_HALF,
    "two_tanh_half": PYLSTM_TWO_TANH_HALF,
}
OUTPUTS = {
    "identity": PYLSTM_IDENTITY,
    "logistic": PYLSTM_LOGISTIC,
    "softmax": PYLSTM_SOFTMAX,
}
LOSSES = {"squared": PYLSTM_SQUARED, "cross_entropy": PYLSTM_CROSS_ENTROPY}
GRADIENTS = {"truncated": PYLSTM_TRUNCATED, "bptt": PYLSTM_BPTT, "rtrl": PYLSTM_RTRL}
HIDDEN_BIASES = {"all": PYLSTM_BIAS_ALL, "gates": PYLSTM_BIAS_GATES, "none": PYLSTM_BIAS_NONE}
CHOICES = {  # those of the shape
    "hidden_bias": HIDDEN_BIASES,
    "cell_input": SQUASHINGS,
    "cell_output": SQUASHINGS,
    "unit": SQUASHINGS,
    "output": OUTPUTS,
    "loss": LOSSES,
}
RULES = {
    "sgd": PYLSTM_SGD,
    "momentum": PYLSTM_MOMENTUM,
    "rmsprop": PYLSTM_RMSPROP,
    "adam": PYLSTM_ADAM,
    "obgd": PYLSTM_OBGD,
}
N_MOMENTS = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2, "obgd": 0}
MOMENTS = ("first_moment", "second_moment")  # names of what is saved of them
UPDATE_AT_END = PYLSTM_UPDATE_AT_END  # what update_interval makes of "sequence"


# ---------------------------------------------------------------- sizes

ALIGNMENT = PYLSTM_ALIGNMENT  # bytes
TOO_LARGE = PYLSTM_TOO_LARGE  # what no size reaches that a buffer can have
longest_window = 1 << 40  # steps: more than any memory holds


cdef object too_large(const pylstm_shape *shape, str more=""):
    """The error of sizes that no memory holds, or below 1; more: what is wanted of such a network."""
    units = f", n_units={shape.n_units}" if shape.n_units else ""
    return ValueError(
        f"{more}n_inputs={shape.n_inputs}, n_outputs={shape.n_outputs}, n_blocks={shape.n_blocks}, "
        f"block_size={shape.block_size}{units} do not fit in any memory: wanted sizes from 1 on that do"
    )


cdef fill_shape(pylstm_shape *shape, dict config):
    """Sizes and switches of a network from the arguments of its constructor, by the table of
    csrc/network/shape.c."""
    cdef const pylstm_field *field = shape_fields()
    cdef char *at
    while field.name != NULL:
        name = field.name.decode()
        value = config[name]
        if name in CHOICES and value is not None:  # None: each of the heads has its own
            value = CHOICES[name][value]
        at = <char *>shape + field.offset
        if field.kind == PYLSTM_SIZE:
            (<ptrdiff_t *>at)[0] = value
        elif field.kind == PYLSTM_FLAG:
            (<int *>at)[0] = value or 0
        else:
            (<double *>at)[0] = value
        field += 1
    shape.precision = PYLSTM_FLOAT64 if np.dtype(config["dtype"]) == np.float64 else PYLSTM_FLOAT32


cdef fill_method(pylstm_shape *shape, dict config):
    """Whose gradient is followed, and how far errors go back."""
    shape.cut = config.get("bidirectional", False) and config["gradient"] == "truncated"
    shape.method = PYLSTM_BPTT if shape.cut else GRADIENTS[config["gradient"]]
    shape.window = min(config["window"] or 0, longest_window)


cdef fill_rule(pylstm_optimizer *o, rule, numbers):
    """What the caller sets of an optimizer, by the names of its fields."""
    o.rule = RULES[rule]
    o.learning_rate = numbers["learning_rate"]
    o.first = numbers["first"]
    o.second = numbers["second"]
    o.epsilon = numbers["epsilon"]
    o.weight_decay = numbers["weight_decay"]
    o.kappa = numbers["kappa"]
    o.decay = numbers["decay"]
    o.clip_value = numbers["clip_value"]
    o.clip_norm = numbers["clip_norm"]


cdef fill_place(pylstm_shape *shape, dict layer):
    """What is below and above, of one of `layer_configs`."""
    shape.n_below = layer.get("n_below", 0)
    shape.has_above = layer.get("has_above", False)
    shape.bidirectional = layer.get("bidirectional", False)


def heads_of(config):
    """The heads of a network, one after the other; of one without, the head that all its outputs are."""
    plain = {name: config[name] for name in ("n_outputs", "output", "loss")}
    return config.get("heads") or [plain | {"weight": 1.0}]


def layer_configs(dict config):
    """What each network of all layers is by itself, the lowest first; of one layer the network itself.

    A layer upon another reads its cell outputs and units, and behind them the inputs where all layers
    read them. The outputs are sums over the networks that have a readout, those of all layers or of the
    top one, whose own squashes them; the lowest has the shortcut from the inputs. With two networks
    a layer the one that reads backwards comes first. "prefix": of the names of its weights.
    """
    sizes, n_units, both = config["n_blocks"], config["n_units"], config.get("bidirectional", False)
    several = isinstance(sizes, list)
    if "prefix" in config or not (several or both):
        return [config]
    configs, n_below = [], 0
    for k, n_blocks in enumerate(sizes if several else [sizes]):
        is_top = not several or k == len(sizes) - 1
        layer = {
            **config, "n_blocks": n_blocks, "n_units": n_units[k] if isinstance(n_units, list) else n_units,
            "n_below": n_below, "has_above": not is_top,
            "prefix": f"layer{k}." if several else "", "scale_inputs": False, "scale_targets": False,
        }
        if k > 0:
            layer["n_inputs"] = n_below + (config["n_inputs"] if config["skip_inputs"] else 0)
            layer["shortcut"] = False
        adding = {"output": "identity", "loss": "squared", "heads": None, "output_bias": False}
        if not is_top:
            layer |= adding
            layer["n_outputs"] = config["n_outputs"] if config["skip_outputs"] else 0
        if both:
            prefix = layer["prefix"] + "backward."
            configs.append({**layer, **adding, "shortcut": False, "prefix": prefix, "backward": True})
        configs.append(layer)
        n_below = (n_blocks * config["block_size"] + layer["n_units"]) * (2 if both else 1)
    return configs


cdef dict sizes_of(const pylstm_shape *shape, const pylstm_layout *layout):
    return {
        "parameters": layout.parameter_size,
        "traces": layout.trace_size,
        "sensitivities": layout.sensitivity_size,
        "record_row": layout.record_width,
        "has_error": layout.at_has_error,
        "most_pending": layout.most_pending,
        "lazy_steps": PYLSTM_LAZY_STEPS if layout.lazy else 0,
    }


def network_sizes(dict config, ptrdiff_t from_weights):
    """Sizes of a layer, one of `layer_configs`, in numbers."""
    cdef pylstm_shape shape
    cdef pylstm_layout layout
    memset(&shape, 0, sizeof(pylstm_shape))
    fill_shape(&shape, config)
    fill_method(&shape, config)
    fill_place(&shape, config)
    shape.large_from = from_weights
    if not lay_out_network(&shape, &layout):
        raise too_large(&shape)
    return sizes_of(&shape, &layout)
