"""The main job: predict a stream one pass, row by row, and learn at every row.

`Session` is ``pylstm stream`` from Python; `Forecaster` is what it predicts with, without the
scores.
"""

from pylstm.stream.errors import StreamError
from pylstm.stream.forecaster import Forecaster
from pylstm.stream.reporting import report
from pylstm.stream.scores import LabelScores, LabelTotal, Scores, Total
from pylstm.stream.session import Session
from pylstm.stream.settings import Settings
from pylstm.stream.table import Table

__all__ = [
    "Forecaster",
    "LabelScores",
    "LabelTotal",
    "Scores",
    "Session",
    "Settings",
    "StreamError",
    "Table",
    "Total",
    "report",
]
