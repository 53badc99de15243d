"""The experiments of Hochreiter & Schmidhuber (1997) and of Gers et al. (2000 to 2002).

`ROWS` is the table, one entry a line of a paper; `Reproduction` runs some of it or all, as
``pylstm reproduce`` does from the command line. A newcomer reads lstm_rows.py first, beside the
paper of 1997, competitors.py for the methods LSTM is compared with, later_rows.py for what came
after.
"""

from pylstm.experiments.reproduce import Reproduction
from pylstm.experiments.row import LABELS, NO_FIGURES, Paper, Reading, Row
from pylstm.experiments.rows import ROWS, select
from pylstm.experiments.stop import Exam, Learned, Perfect, Recent, Streams
from pylstm.experiments.summary import Summary

__all__ = [
    "LABELS",
    "NO_FIGURES",
    "ROWS",
    "Exam",
    "Learned",
    "Paper",
    "Perfect",
    "Reading",
    "Recent",
    "Reproduction",
    "Row",
    "Streams",
    "Summary",
    "select",
]
