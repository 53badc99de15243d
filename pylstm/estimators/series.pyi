from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pylstm.estimators.ahead import Walk
from pylstm.estimators.experts import Experts
from pylstm.estimators.leads import Leads
from pylstm.estimators.past import Misses, Past, Seen
from pylstm.estimators.rows import Columns, Learner

Floats = npt.NDArray[np.float64]

class Series:
    past: Past
    misses: Misses
    seen: Seen
    leads: Leads | None
    followed: Walk | None
    n_followed: int
    n_resting: int
    def __init__(self, seasons: Sequence[int], mixes: bool = True) -> None: ...
    @property
    def is_known(self) -> bool: ...
    def forget(self) -> None: ...
    def learn(self, experts: Experts, row: Floats, value: float, weight: float) -> float: ...
    def run(
        self,
        experts: Experts,
        columns: Columns,
        y: Floats,
        W: Floats,
        forecasts: Floats,
        level: float,
        intervals: Floats | None,
    ) -> None: ...
    def forecast(self, experts: Experts, rows: Floats) -> Floats: ...
    def stand_by(self, experts: Experts | None) -> None: ...
    def copy(self, experts: Experts | None) -> Self: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: Mapping[str, Any], experts: Experts | None) -> None: ...
    def follow_again(self, followed: Mapping[str, Any] | None, experts: Experts | None) -> None: ...

class Values(Learner):
    def __init__(self, experts: Experts, series: Series) -> None: ...
    def take(self, y: Floats, W: Floats, said: Floats) -> Self: ...
