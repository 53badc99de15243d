"""The experiments of Hochreiter & Schmidhuber (1997): a table that can be run.

`ROWS` is the table, one entry a line of the paper; `Reproduction` runs some of it or all, as
``pylstm reproduce`` does from the command line. A newcomer reads rows.py first, beside the paper.
"""

from pylstm.experiments.report import Summary
from pylstm.experiments.reproduce import Reproduction
from pylstm.experiments.rows import LABELS, ROWS, Paper, Reading, Row, select
from pylstm.experiments.stop import Exam, Perfect, Recent

__all__ = [
    "LABELS",
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
