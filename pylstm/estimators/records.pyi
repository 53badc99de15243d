from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.estimators.experts import Experts
from pylstm.estimators.rows import Columns, Learner

Places = npt.NDArray[np.intp]

def has_record(experts: Experts) -> bool: ...
def bytes_of(experts: Experts) -> int: ...

class Frame:
    model: Any
    learner: Learner
    size: int
    error: FloatingPointError | None
    leads: bool
    def __init__(self, model: Any, leads: bool = False) -> None: ...
    def record(self) -> bytearray: ...
    def check(self, record: bytearray) -> None: ...
    def restore(self, record: bytearray) -> None: ...
    def run(
        self, records: list[bytearray], starts: Places, columns: Columns, first: int
    ) -> int: ...
    def predict(self, records: list[bytearray], starts: Places, columns: Columns) -> None: ...
