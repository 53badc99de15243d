"""Online learning of sequences with LSTM networks, by the truncated gradient of 1997."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from pylstm import tasks
from pylstm._core import RunningScale
from pylstm.blas import get_blas, set_blas
from pylstm.checkpoint import CheckpointError, from_bytes, load, save, to_bytes
from pylstm.config import show_config
from pylstm.delayed import Delayed
from pylstm.heads import Head
from pylstm.network import LSTM
from pylstm.optimizers import SGD, Adam, Decay, ObGD, Optimizer, RMSprop
from pylstm.population import Population
from pylstm.streams import Streams
from pylstm.threads import get_threads, register_threadpoolctl, set_threads

if TYPE_CHECKING:
    from pylstm.estimators import Bank

__all__ = [
    "LSTM",
    "SGD",
    "Adam",
    "Bank",
    "CheckpointError",
    "Decay",
    "Delayed",
    "Head",
    "ObGD",
    "Optimizer",
    "Population",
    "RMSprop",
    "RunningScale",
    "Streams",
    "__version__",
    "from_bytes",
    "get_blas",
    "get_threads",
    "load",
    "register_threadpoolctl",
    "save",
    "set_blas",
    "set_threads",
    "show_config",
    "tasks",
    "to_bytes",
]
__version__ = version("pylstm")

if not TYPE_CHECKING:

    def __getattr__(name):
        """`Bank`, which is above all others here: imported when it is asked for."""
        if name != "Bank":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from pylstm.estimators import Bank

        return Bank
