"""The experiments of Hochreiter & Schmidhuber (1997): a table that can be run.

`ROWS` is the table, one entry a line of the paper; `Reproduction` runs some of it or all, as
``pylstm reproduce`` does from the command line. A newcomer reads lstm_rows.py first, beside the
paper, and competitors.py for the methods LSTM is compared with.
"""

from pylstm.experiments.reproduce import Reproduction
from pylstm.experiments.row import LABELS, NO_FIGURES, Paper, Reading, Row
from pylstm.experiments.rows import ROWS, select
from pylstm.experiments.stop import Exam, Perfect, Recent
from pylstm.experiments.summary import Summary

__all__ = [
    "LABELS",
    "NO_FIGURES",
    "ROWS",
    "Exam",
    "Paper",
    "Perfect",
    "Reading",
    "Recent",
    "Reproduction",
    "Row",
    "Summary",
    "select",
]
