"""A time-ordered table in one pass: predict every row, then learn from it.

`Session` is ``pylstm stream`` from Python, over `pylstm.estimators`.
"""

from pylstm.tabular.dialect import Dialect
from pylstm.tabular.errors import StreamError
from pylstm.tabular.reporting import report
from pylstm.tabular.scores import LabelScores, LabelTotal, Scores, Total
from pylstm.tabular.session import Session
from pylstm.tabular.settings import Settings
from pylstm.tabular.table import Table

__all__ = [
    "Dialect",
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
