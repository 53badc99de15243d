from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pylstm.estimators.experts import Experts
from pylstm.estimators.past import Past
from pylstm.network import LSTM

Row = npt.NDArray[np.float64]

class Ahead:
    def __init__(
        self, experts: Experts, nets: Sequence[LSTM] | None = None, frozen: bool = False
    ) -> None: ...
    def fits(self, experts: Experts | None) -> bool: ...
    def begin(self) -> None: ...
    @property
    def outputs(self) -> Row: ...
    def step(self, row: Row) -> float: ...
    def copy(self, experts: Experts) -> Self: ...
    def state(self) -> list[dict[str, Any]]: ...
    @classmethod
    def restored(
        cls, states: Sequence[Mapping[str, Any]], experts: Experts, frozen: bool = False
    ) -> Self: ...

class Walk:
    ahead: Ahead
    shares: Row
    lead: int
    past: Past
    origin: Past
    mean: float
    def __init__(self, ahead: Ahead, origin: Past, mean: float, shares: Row) -> None: ...
    def copy(self, experts: Experts) -> Self: ...
    def state(self) -> dict[str, Any]: ...
    @classmethod
    def restored(
        cls,
        state: Mapping[str, Any],
        experts: Experts,
        seasons: Sequence[int],
        frozen: bool = False,
    ) -> Self: ...
