"""The experiments of Hochreiter & Schmidhuber (1997), as a table that can be run.

`ROWS` is the table, one entry a line of the paper; `reproduce` runs some of it or all, ``pylstm
reproduce`` the same from the command line.
"""

from pylstm.experiments.rows import LABELS, ROWS, Paper, Reading, Row, select
