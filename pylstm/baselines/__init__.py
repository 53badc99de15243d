"""The methods LSTM was measured against, with the verbs of `pylstm.LSTM`, on the same tasks."""

from pylstm.baselines.cascade import CascadeCorrelation
from pylstm.baselines.delays import TimeDelay
from pylstm.baselines.learner import Learner

__all__ = ["CascadeCorrelation", "Learner", "TimeDelay"]
