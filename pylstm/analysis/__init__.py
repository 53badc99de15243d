"""What the papers say about gradients, measured on nets that run."""

from pylstm.analysis.jacobians import Jacobians
from pylstm.analysis.lstm import lstm_jacobians
from pylstm.analysis.plain import PlainNet

__all__ = ["Jacobians", "PlainNet", "lstm_jacobians"]
