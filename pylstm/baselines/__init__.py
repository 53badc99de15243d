"""The methods LSTM was measured against, with the verbs of `pylstm.LSTM`, on the same tasks."""

from pylstm.baselines.guessing import RandomGuessing, SimulatedAnnealing
from pylstm.baselines.learner import Learner
from pylstm.baselines.recurrent import Elman, FullyRecurrent
from pylstm.baselines.time_constants import TimeConstants
from pylstm.checkpoint import register

__all__ = [
    "Elman",
    "FullyRecurrent",
    "Learner",
    "RandomGuessing",
    "SimulatedAnnealing",
    "TimeConstants",
]

for _class in (Elman, FullyRecurrent, RandomGuessing, SimulatedAnnealing, TimeConstants):
    register(_class, f"baselines.{_class.__name__}")
