"""The methods LSTM was measured against, with the calls of `pylstm.LSTM`, on the same tasks."""

from pylstm.baselines.cascade import CascadeCorrelation
from pylstm.baselines.chunker import Chunker
from pylstm.baselines.delays import TimeDelay
from pylstm.baselines.guessing import RandomGuessing, SimulatedAnnealing
from pylstm.baselines.learner import Learner
from pylstm.baselines.recurrent import Elman, FullyRecurrent
from pylstm.baselines.time_constants import TimeConstants
from pylstm.registry import register

__all__ = [
    "CascadeCorrelation",
    "Chunker",
    "Elman",
    "FullyRecurrent",
    "Learner",
    "RandomGuessing",
    "SimulatedAnnealing",
    "TimeConstants",
    "TimeDelay",
]

for _class in (
    CascadeCorrelation,
    Chunker,
    Elman,
    FullyRecurrent,
    RandomGuessing,
    SimulatedAnnealing,
    TimeConstants,
    TimeDelay,
):
    register(_class, f"baselines.{_class.__name__}")
