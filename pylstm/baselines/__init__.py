"""The methods LSTM was measured against, with the verbs of `pylstm.LSTM`, on the same tasks."""

from pylstm.baselines.cascade import CascadeCorrelation
from pylstm.baselines.learner import Learner
from pylstm.baselines.recurrent import Elman, FullyRecurrent

__all__ = ["CascadeCorrelation", "Elman", "FullyRecurrent", "Learner"]
