"""What may be saved: the names by which files know classes, and where classes and schemas are.

A class says here, where it is defined, that its objects may be saved. What a file names that has
not said so yet is at home in a module of `HOMES`, imported then; the schemas, which know every
class, are in `SCHEMAS_HOME`. So whatever saves or is saved imports this module, and this module
nothing above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar

from pylstm.errors import brief

__all__ = ["HOMES", "as_today", "check_state", "class_of", "known_names", "name_of", "register"]

Class = TypeVar("Class", bound=type)

#: Where a class is defined that `import pylstm` does not define: imported when a file names it.
HOMES = {
    "Session": "pylstm.tabular.session",
    **{
        f"baselines.{kind}": "pylstm.baselines"
        for kind in (
            "CascadeCorrelation",
            "Chunker",
            "Elman",
            "FullyRecurrent",
            "RandomGuessing",
            "SimulatedAnnealing",
            "TimeConstants",
            "TimeDelay",
        )
    },
    **{
        f"estimators.{kind}": "pylstm.estimators"
        for kind in ("Bank", "Regressor", "Classifier", "Forecaster", "Detector")
    },
    "river.LSTMDetector": "pylstm.river",
    "river.LSTMMultiTargetRegressor": "pylstm.river",
    **{
        f"{library}.LSTM{kind}": f"pylstm.{library}"
        for library in ("river", "sklearn")
        for kind in ("Regressor", "Classifier", "Forecaster")
    },
}
#: Imported when something is restored, and not before: it brings msgspec.
SCHEMAS_HOME = "pylstm.schemas"

_classes: dict[str, type] = {}
_names: dict[type, str] = {}


def register(cls: Class, name: str | None = None) -> Class:
    """Let objects of a class be saved and loaded; usable as a decorator.

    Parameters
    ----------
    cls : type
        Its `__getstate__` returns what decides how an object goes on: dicts, lists and tuples of
        arrays of numbers or bools, numbers (NaN, infinite, and whole numbers of any size), strings,
        bools, None, numpy Generators, and objects of registered classes. Its `__setstate__` takes
        it back and refuses, with an exception, what contradicts itself.
    name : str, optional
        Under which files know the class; its `__name__` by default.

    Returns
    -------
    type
        `cls`.

    Raises
    ------
    ValueError
        When another class has this name already.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np, pylstm
    >>> from pylstm.checkpoint import register
    >>> @register
    ... class Average:
    ...     def __init__(self):
    ...         self.sum, self.n = np.zeros(2), 0
    >>> average = Average()
    >>> average.sum += 3
    >>> path = pathlib.Path(tempfile.mkdtemp(), "average.safetensors")
    >>> pylstm.save(average, path)
    >>> pylstm.load(path).sum
    array([3., 3.])
    """
    name = cls.__name__ if name is None else name
    known = _classes.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (
        cls.__module__,
        cls.__qualname__,
    ):
        raise ValueError(
            f"{cls.__module__}.{cls.__qualname__} was to be registered as {brief(name)}, the name "
            "of "
            f"{known.__module__}.{known.__qualname__}: wanted a name of its own"
        )
    _classes[name], _names[cls] = cls, name
    return cls


def name_of(cls: type) -> str | None:
    """Return the name under which files know a class, None where it is not registered.

    Examples
    --------
    >>> import pylstm
    >>> name_of(pylstm.LSTM), name_of(dict)
    ('LSTM', None)
    """
    return _names.get(cls)


def class_of(name: str) -> type | None:
    """Return the class that files know by a name, None where there is none.

    Raises
    ------
    ModuleNotFoundError
        When its home needs what is not installed.
    """
    if name not in _classes and name in HOMES:
        import_module(HOMES[name])
    return _classes.get(name)


def known_names() -> list[str]:
    """Return every name that a file may have, in order."""
    return sorted({*_classes, *HOMES})


def check_state(name: str, state: object) -> Any:
    """Return a state as an object of its schema, or raise ValueError or TypeError why not.

    Parameters
    ----------
    name : str
        Under which the class is registered, or that of a part, see `pylstm.schemas`.
    state : dict
        What `__getstate__` returned, from a file, a pickle or a copy.
    """
    return import_module(SCHEMAS_HOME).check(name, state)


def as_today(name: str, state: object) -> Any:
    """Return a state as it would be written today, where an earlier version wrote it.

    Parameters
    ----------
    name : str
        As for `check_state`, which checks the result.
    state : object
    """
    schemas: Any = import_module(SCHEMAS_HOME)
    return schemas.SCHEMAS[name].today(state) if isinstance(state, Mapping) else state
