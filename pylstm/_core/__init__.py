"""The seam between Python and the C engine: check, convert, call once.

No arithmetic happens here. A network owns its buffers as NumPy arrays, shows them to a struct of C,
and hands out views; `pylstm.LSTM` and its like add names, defaults and documentation. The modules
share declarations by their .pxd files; `engine` alone has the C of csrc/ in it.
"""

from pylstm._core.arrays import aligned_zeros, checked_lengths, checked_tokens, joined_heads
from pylstm._core.checks import update_interval
from pylstm._core.courses import BEGINS, ENDS, RESETS, Courses
from pylstm._core.engine import (
    Exclusive,
    available_isas,
    choose_blas,
    choose_isa,
    choose_large_from,
    get_threads,
    kernel_address,
    set_threads,
)
from pylstm._core.exchange import put_in, take_out
from pylstm._core.growth import grow, grow_population
from pylstm._core.network import Network
from pylstm._core.population import PopulationBase
from pylstm._core.population_buffers import population_sizes
from pylstm._core.recurrent import Recurrent, recurrent_sizes
from pylstm._core.scaling import ROWS, RunningScale
from pylstm._core.shape import (
    GRADIENTS,
    HIDDEN_BIASES,
    LOSSES,
    MOMENTS,
    N_MOMENTS,
    OUTPUTS,
    RULES,
    SQUASHINGS,
    UPDATE_AT_END,
    heads_of,
    layer_configs,
    network_sizes,
)
from pylstm._core.streams import StreamGroup, streams_sizes

__all__ = [
    "BEGINS",
    "ENDS",
    "GRADIENTS",
    "HIDDEN_BIASES",
    "LOSSES",
    "MOMENTS",
    "N_MOMENTS",
    "OUTPUTS",
    "RESETS",
    "ROWS",
    "RULES",
    "SQUASHINGS",
    "UPDATE_AT_END",
    "Courses",
    "Exclusive",
    "Network",
    "PopulationBase",
    "Recurrent",
    "RunningScale",
    "StreamGroup",
    "aligned_zeros",
    "available_isas",
    "checked_lengths",
    "checked_tokens",
    "choose_blas",
    "choose_isa",
    "choose_large_from",
    "get_threads",
    "grow",
    "grow_population",
    "heads_of",
    "joined_heads",
    "kernel_address",
    "layer_configs",
    "network_sizes",
    "population_sizes",
    "put_in",
    "recurrent_sizes",
    "set_threads",
    "streams_sizes",
    "take_out",
    "update_interval",
]
