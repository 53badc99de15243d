from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pylstm.estimators.expert import Expert
from pylstm.estimators.features import Features
from pylstm.estimators.mixture import Mixture
from pylstm.network import LSTM

Row = npt.NDArray[np.float64]

class Experts:
    experts: list[Expert]
    nets: list[LSTM]
    ahead: list[LSTM]
    mixture: Mixture
    n_inputs: int
    n_outputs: int
    def __init__(
        self,
        experts: Sequence[Expert],
        nets: Sequence[LSTM],
        features: Features,
        mixture: Mixture,
        late: bool = False,
    ) -> None: ...
    def look(self, features: Features) -> None: ...
    def predict(self, row: Row) -> Row: ...
    def see(self, row: Row) -> Row: ...
    def step(self, row: Row, target: Row | None, weight: float = 1.0) -> Row: ...
    def drop(self, k: int) -> None: ...
    def grow(self, features: Features, n_outputs: int) -> None: ...
    def reset(self) -> None: ...
    @property
    def has_schedule(self) -> bool: ...
    @property
    def best(self) -> LSTM: ...
    def copy(self) -> Self: ...
    def state(self) -> dict[str, Any]: ...
    @classmethod
    def restored(
        cls,
        state: Mapping[str, Any],
        features: Features,
        mixture: type[Mixture],
        late: bool = False,
    ) -> Self: ...
