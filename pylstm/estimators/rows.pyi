from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pylstm.estimators.experts import Experts
from pylstm.estimators.features import Features
from pylstm.estimators.spread import Target

Floats = npt.NDArray[np.float64]

class Columns:
    n_rows: int
    def __init__(self, features: Features, names: Sequence[Hashable], X: Floats) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def following(self, first: int) -> Floats: ...

def fill(
    places: dict[Hashable, int], x: Mapping[Hashable, Any], row: Floats, before: Floats
) -> bool: ...

class Numbers:
    def __init__(self, experts: Experts, targets: list[Target], own: list[int]) -> None: ...
    def is_of(self, experts: Experts, targets: list[Target], own: list[int]) -> bool: ...
    def learn(self, row: Floats, y: list[float], weight: float) -> None: ...
    def predict(self, row: Floats) -> list[float]: ...
    def learn_many(
        self,
        columns: Columns,
        Y: Floats,
        W: Floats,
        predictions: Floats,
        level: float,
        intervals: Floats | None,
    ) -> None: ...
    def predict_many(self, columns: Columns, predictions: Floats) -> None: ...

def learn_labels(
    experts: Experts,
    columns: Columns,
    own: list[int],
    last: Floats,
    labels: npt.NDArray[np.intp],
    W: Floats,
    shares: Floats,
) -> None: ...
def predict_labels(
    experts: Experts, columns: Columns, own: list[int], last: Floats, shares: Floats
) -> None: ...
