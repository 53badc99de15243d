"""Online learning of sequences with LSTM networks, by the truncated gradient of 1997."""

from importlib.metadata import version

from pylstm.config import show_config
from pylstm.network import LSTM
from pylstm.optimizers import SGD
from pylstm.streams import Streams

__all__ = ["LSTM", "SGD", "Streams", "__version__", "show_config"]
__version__ = version("pylstm")
