"""What the papers say about gradients, measured on nets that run.

One file a matter, the first three read by the others:

    jacobians.py    how a step depends on the one before; products of that over time
    lstm.py         the same of an `LSTM`
    plain.py        the same of a plain recurrent net
    vanishing.py    one unit that sees itself: products of its derivatives
    sensitivity.py  how far back plain nets and LSTM feel their inputs
    truncation.py   the truncated gradient beside the exact one, along a learning run
    framing.py      how far back in samples, against how many of them a step reads
    drive.py        the constant drive of cell inputs, and where it leads a learning run
    learning.py     the nets of the experiment table, learning a block of sequences
    pictures.py     all of it drawn; needs matplotlib, the extra [reproduce]
    tables.py       all of it as text and for JSON
    command.py      ``pylstm truncation``, ``vanishing``, ``framing`` and ``drive``
"""

from pylstm.analysis.drive import (
    Drive,
    DriveCourse,
    constant_drive,
    drive_along_learning,
    loop_gain,
)
from pylstm.analysis.framing import (
    Framing,
    FramingStudy,
    reach,
    sample_sensitivity,
    study_framings,
)
from pylstm.analysis.jacobians import Jacobians
from pylstm.analysis.lstm import lstm_jacobians
from pylstm.analysis.plain import plain_jacobians, plain_net
from pylstm.analysis.sensitivity import Shading, Study, study
from pylstm.analysis.truncation import (
    Comparison,
    Course,
    along_learning,
    compare,
    compare_gradients,
)
from pylstm.analysis.vanishing import factor, largest_factor, products

__all__ = [
    "Comparison",
    "Course",
    "Drive",
    "DriveCourse",
    "Framing",
    "FramingStudy",
    "Jacobians",
    "Shading",
    "Study",
    "along_learning",
    "compare",
    "compare_gradients",
    "constant_drive",
    "drive_along_learning",
    "factor",
    "largest_factor",
    "loop_gain",
    "lstm_jacobians",
    "plain_jacobians",
    "plain_net",
    "products",
    "reach",
    "sample_sensitivity",
    "study",
    "study_framings",
]
