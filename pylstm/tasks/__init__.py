"""Tasks: sequences drawn at random, what is wanted of a network, and when an answer is wrong.

Those of Hochreiter & Schmidhuber (1997), one file a family:

    1       `EmbeddedReber`, and `Reber`             reber.py
    2a-2c   `NoiseFree`, `NoLocalRegularities`, `LongLag`    long_lag.py
    3a-3c   `TwoSequence`                            two_sequence.py
    4, 5    `Adding`, `Multiplication`               arithmetic.py
    6a, 6b  `TemporalOrder`                          temporal_order.py

and those of the papers after it:

    2000    `ContinualReber`, `ContinualTemporalOrder`       continual.py
    2001    `AnBn`, `AnBmBmAn`, `AnBnCn`             languages.py
    2002    `SpikeDelays`, `SpikeIntervals`, `GeneratedSpikes`, `PeriodicFunction`   timing.py
"""

from pylstm.tasks.arithmetic import Adding, Multiplication
from pylstm.tasks.continual import Continual, ContinualReber, ContinualTemporalOrder
from pylstm.tasks.languages import AnBmBmAn, AnBn, AnBnCn, Language
from pylstm.tasks.long_lag import LongLag, NoiseFree, NoLocalRegularities
from pylstm.tasks.reber import EmbeddedReber, Reber
from pylstm.tasks.sequences import Sequences
from pylstm.tasks.task import Task
from pylstm.tasks.temporal_order import TemporalOrder
from pylstm.tasks.timing import GeneratedSpikes, PeriodicFunction, SpikeDelays, SpikeIntervals
from pylstm.tasks.two_sequence import TwoSequence

__all__ = [
    "Adding",
    "AnBmBmAn",
    "AnBn",
    "AnBnCn",
    "Continual",
    "ContinualReber",
    "ContinualTemporalOrder",
    "EmbeddedReber",
    "GeneratedSpikes",
    "Language",
    "LongLag",
    "Multiplication",
    "NoLocalRegularities",
    "NoiseFree",
    "PeriodicFunction",
    "Reber",
    "Sequences",
    "SpikeDelays",
    "SpikeIntervals",
    "Task",
    "TemporalOrder",
    "TwoSequence",
]
