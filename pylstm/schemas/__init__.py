"""What saved states must be: types, ranges and relations, declared once for every class.

A state is what `__getstate__` returns, from a file, a pickle or a copy. Each class here names the
keys of one, all that there are, with their types and ranges; `__post_init__` has the relations
between them: sizes against each other, and every array against the sizes of the buffer it goes to,
which `pylstm._core` computes without allocating. So nothing is built of a state that does not fit,
and nothing larger than the arrays that came with it.

Only what is read is here, not how: `__setstate__` calls `check_state` of `pylstm.registry` first.
This package knows the classes, and none of them knows it. It is imported when something is
restored, and not before: msgspec, which does the checking, takes a while to import.
"""

from __future__ import annotations

from typing import Any

from pylstm.copies import check_fields
from pylstm.schemas.adapters import (
    AdapterClassifier,
    AdapterForecaster,
    AdapterRegressor,
    LabelArray,
)
from pylstm.schemas.baselines import (
    AnnealingState,
    CascadeState,
    ChunkerState,
    GuessingState,
    RecurrentState,
    TimeDelayState,
)
from pylstm.schemas.estimators import (
    BankState,
    ClassifierState,
    DetectorState,
    ForecasterState,
    RegressorState,
)
from pylstm.schemas.generators import GeneratorState
from pylstm.schemas.networks import DelayedState, NetworkState, PopulationState, StreamsState
from pylstm.schemas.state import State, converted
from pylstm.schemas.tabular import SessionState

__all__ = [
    "PARTS",
    "SCHEMAS",
    "GeneratorState",
    "LabelArray",
    "State",
    "check",
    "check_fields",
    "converted",
]

#: The schema of every class, by the name it is registered under.
SCHEMAS: dict[str, type[State]] = {
    "LSTM": NetworkState,
    "Streams": StreamsState,
    "Population": PopulationState,
    "Delayed": DelayedState,
    "Session": SessionState,
    "estimators.Bank": BankState,
    "estimators.Regressor": RegressorState,
    "estimators.Classifier": ClassifierState,
    "estimators.Forecaster": ForecasterState,
    "estimators.Detector": DetectorState,
    "sklearn.LSTMRegressor": AdapterRegressor,
    "sklearn.LSTMClassifier": AdapterClassifier,
    "sklearn.LSTMForecaster": AdapterForecaster,
    **dict.fromkeys(
        ("baselines.FullyRecurrent", "baselines.Elman", "baselines.TimeConstants"), RecurrentState
    ),
    "baselines.RandomGuessing": GuessingState,
    "baselines.SimulatedAnnealing": AnnealingState,
    "baselines.TimeDelay": TimeDelayState,
    "baselines.CascadeCorrelation": CascadeState,
    "baselines.Chunker": ChunkerState,
}
#: Of what is part of a state and of none of these classes.
PARTS: dict[str, type[State]] = {
    "numpy.Generator": GeneratorState,
    "array of labels": LabelArray,
}


def check(kind: str, state: object) -> Any:
    """Return a state as an object of its schema, or raise ValueError or TypeError why not.

    Parameters
    ----------
    kind : str
        The class, by the name it is registered under, or one of `PARTS`.
    state : dict

    Examples
    --------
    >>> import pylstm
    >>> state = pylstm.LSTM(1, 1, 1).__getstate__()
    >>> check("LSTM", {**state, "n_steps": "many"})
    Traceback (most recent call last):
    ValueError: the saved network does not fit: Expected `int`, got `str` - at `$.n_steps`
    """
    return converted(SCHEMAS.get(kind) or PARTS[kind], state)
