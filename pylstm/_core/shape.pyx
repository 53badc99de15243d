# cython: language_level=3, cdivision=True, binding=True
"""The shape of a network: the names of its switches, and the sizes that come of them.

What was saved is compared with these sizes before anything is built, see pylstm/schemas.
"""

import numpy as np

from libc.string cimport memset

from pylstm._core.engine cimport lay_out_network
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


cdef object too_large(const pylstm_network *n, str more=""):
    """The error of sizes that no memory holds, or below 1; more: what is wanted of such a network."""
    return ValueError(
        f"{more}n_inputs={n.n_inputs}, n_outputs={n.n_outputs}, n_blocks={n.n_blocks}, "
        f"block_size={n.block_size} do not fit in any memory: wanted sizes from 1 on that do"
    )


cdef fill_shape(pylstm_network *n, dict config):
    """Sizes and switches of a network from the arguments of its constructor."""
    n.n_inputs = config["n_inputs"]
    n.n_outputs = config["n_outputs"]
    n.n_blocks = config["n_blocks"]
    n.block_size = config["block_size"]
    n.input_gate = config["input_gate"]
    n.forget_gate = config["forget_gate"]
    n.output_gate = config["output_gate"]
    n.leak = config["leak"]
    n.peepholes = config["peepholes"]
    n.gate_recurrence = config["gate_recurrence"]
    n.cell_recurrence = config["cell_recurrence"]
    n.shortcut = config["shortcut"]
    n.hidden_bias = HIDDEN_BIASES[config["hidden_bias"]]
    n.output_bias = config["output_bias"]
    n.cell_input = SQUASHINGS[config["cell_input"]]
    n.cell_output = SQUASHINGS[config["cell_output"]]
    n.output = OUTPUTS[config["output"]]
    n.loss = LOSSES[config["loss"]]
    n.precision = PYLSTM_FLOAT64 if np.dtype(config["dtype"]) == np.float64 else PYLSTM_FLOAT32


cdef fill_method(pylstm_network *n, dict config):
    """Whose gradient is followed, and how far errors go back."""
    n.method = GRADIENTS[config["gradient"]]
    n.window = min(config["window"] or 0, longest_window)


cdef dict sizes_of(const pylstm_network *n):
    return {
        "parameters": n.parameter_size,
        "traces": n.trace_size,
        "sensitivities": n.sensitivity_size,
        "record_row": n.record_stride,
        "has_error": n.at_has_error,
        "most_pending": n.most_pending if n.method != PYLSTM_RTRL else 1,
        "lazy_steps": PYLSTM_LAZY_STEPS if n.lazy else 0,
    }


def network_sizes(dict config, ptrdiff_t from_weights):
    """Sizes of a network of this configuration, in numbers."""
    cdef pylstm_network n
    memset(&n, 0, sizeof(pylstm_network))
    fill_shape(&n, config)
    fill_method(&n, config)
    n.large_from = from_weights
    if not lay_out_network(&n):
        raise too_large(&n)
    return sizes_of(&n)
