"""Objects as the parts of a file, and back: states for JSON, arrays by name.

A state is what `__getstate__` returns: plain values and arrays in dicts, lists and tuples. JSON has
no words for some of them, so these stand as an object with one key:

    {"$array": name}                    a tensor of the file
    {"$float": "nan", "inf" or "-inf"}
    {"$tuple": [...]}
    {"$dict": [[key, value], ...]}      keys that are not strings, or begin with "$"
    {"$generator": {...}}               a numpy Generator: the state of its bits
    {"$object": k}                      number k of `objects`

Objects are made of registered classes by `__setstate__`, and nothing else: no code comes from a
file. Before the first is made it is known that every array and object has its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief, brief_text
from pylstm.registry import check_state, name_of

__all__ = ["Packer", "Unpacker", "check_plain", "check_uses"]

Array = npt.NDArray[Any]

_DTYPES = frozenset(
    np.dtype(name)
    for name in ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
#: Stand in JSON as they are, when they are of no class derived from these.
_PLAIN = frozenset((str, int, bool, type(None)))
#: Levels of dicts, lists and tuples in one object.
_DEEPEST = 100
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


class Packer:
    """An object as the parts of a file: `objects` for JSON, and `arrays` by name."""

    def __init__(self, instance: Any) -> None:
        self.objects: list[dict[str, Any]] = []
        self.arrays: dict[str, Array] = {}
        # By identity, and held so that no identity is used again; None while an object is packed.
        self._numbers_of_objects: dict[int, tuple[Any, int | None]] = {}
        self._depth = 0
        self._pack_object(instance, "")

    def _pack_object(self, instance: Any, where: str) -> int:
        _, number = self._numbers_of_objects.get(id(instance), (instance, -1))
        if number is None:
            raise TypeError(f"cannot save a {type(instance).__name__} that is part of itself")
        if number >= 0:
            return number
        name = name_of(type(instance))
        if name is None:
            _refuse(
                f"an object of class {type(instance).__name__}",
                where,
                ". pickle takes what holds others whole; the models in it can be saved alone, or "
                "in a dict",
            )
        self._numbers_of_objects[id(instance)] = instance, None
        depth, self._depth = self._depth, 0
        state = self._pack(instance.__getstate__(), where)
        self._depth = depth
        self.objects.append({"class": name, "state": state})
        self._numbers_of_objects[id(instance)] = instance, len(self.objects) - 1
        return len(self.objects) - 1

    def _pack(self, value: Any, where: str) -> Any:
        """`value` for JSON, its arrays put aside."""
        if type(value) in _PLAIN or isinstance(value, int | str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": str(float(value))}
        if isinstance(value, list):
            return self._pack_items(value, where)
        if isinstance(value, tuple):
            return {"$tuple": self._pack_items(value, where)}
        if isinstance(value, dict):
            return self._pack_dict(value, where)
        if type(value) is np.ndarray:
            return {"$array": self._name_array(value, where)}
        if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
            return self._pack(value.item(), where)
        if isinstance(value, np.random.Generator):
            return {"$generator": self._pack_dict(_generator_state(value), where)}
        return {"$object": self._pack_object(value, where)}

    def _pack_items(self, values: Any, where: str) -> list[Any]:
        return self._pack_parts(enumerate(values), where)

    def _pack_parts(self, parts: Iterable[tuple[Any, Any]], where: str) -> list[Any]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TypeError(f"cannot save what is more than {_DEEPEST} levels deep")
        packed = [self._pack(value, f"{where}{key}.") for key, value in parts]
        self._depth -= 1
        return packed

    def _pack_dict(self, values: Mapping[Any, Any], where: str) -> dict[str, Any]:
        parts = list(zip(values, self._pack_parts(values.items(), where), strict=True))
        if all(isinstance(key, str) and not key.startswith("$") for key in values):
            return dict(parts)
        return {"$dict": [[self._pack(key, where), part] for key, part in parts]}

    def _name_array(self, array: Array, where: str) -> str:
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if array.dtype not in _DTYPES:
            _refuse(f"an array of {brief_text(array.dtype, 60)}", where)
        name = where.removesuffix(".")
        while name in self.arrays:
            name += "'"
        self.arrays[name] = array if array.flags.c_contiguous else array.copy("C")
        return name


def _refuse(what: str, where: str, instead: str = "") -> NoReturn:
    place = f" in its {where.removesuffix('.')}" if where else ""
    raise TypeError(
        f"cannot save {what}{place}: wanted arrays of numbers or bools, plain values, dicts, lists "
        "and tuples of them, and objects of classes registered with pylstm.checkpoint.register"
        + instead
    )


def check_plain(what: str, value: Any) -> None:
    """Refuse at once a name or a label that no file could hold.

    Examples
    --------
    >>> check_plain("label", ("a", 1))
    >>> check_plain("label", b"a")
    Traceback (most recent call last):
    TypeError: label is b'a', which no file could hold: wanted a string, a number, a bool, None, \
or a tuple of them
    """
    if not _is_plain(value):
        raise TypeError(
            f"{what} is {brief(value)}, which no file could hold: wanted a string, a number, a "
            "bool, None, or a tuple of them"
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        value = value.item()
    return value is None or isinstance(value, str | int | float)


def check_uses(objects: list[dict[str, Any]], arrays: Mapping[str, Array]) -> None:
    """Whether every array and object of a file has one place, or more, before any is made."""
    unused = set(arrays)
    alone: set[int] = set()  # numbers of objects that are part of no other yet

    def visit(value: Any, depth: int) -> None:
        if depth > 2 * _DEEPEST:  # a tuple is two levels of JSON
            raise ValueError("it is nested too deeply")
        if isinstance(value, list):
            for part in value:
                visit(part, depth + 1)
        elif isinstance(value, dict):
            word = next((key for key in value if key.startswith("$")), "")
            if word and len(value) > 1:
                raise ValueError(f"{brief(word)} is there beside other keys")
            for part in value.values():
                if not word:
                    visit(part, depth + 1)
                elif word == "$generator" or (
                    word in ("$tuple", "$dict") and isinstance(part, list)
                ):
                    visit(part, depth)
                elif word == "$array" and isinstance(part, str) and part in unused:
                    unused.discard(part)
                elif word == "$object" and type(part) is int and 0 <= part < number:
                    alone.discard(part)
                elif word != "$float" or part not in ("nan", "inf", "-inf"):
                    raise ValueError(f"{brief(value)} stands for nothing, or a second time")
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number is too large")

    for number, saved in enumerate(objects):
        visit(saved["state"], 0)
        alone.add(number)
    if unused:
        raise ValueError(f"array {brief(min(unused))} has no place")
    if len(alone) > 1:
        raise ValueError(f"object {min(alone)} has no place")


class Unpacker:
    """The inverse: objects from the parts of a file, in their order, after `check_uses`."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.objects: list[Any] = []
        self._arrays = arrays

    def add(self, cls: type, state: Any) -> None:
        instance: Any = cls.__new__(cls)  # type: ignore[call-overload]
        values = self._unpack(state)
        if hasattr(instance, "__setstate__"):
            instance.__setstate__(values)
        else:
            vars(instance).update(values)
        self.objects.append(instance)

    def _unpack(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._unpack(part) for part in value]
        if not isinstance(value, dict):
            return value
        part: Any
        ((word, part),) = value.items() if len(value) == 1 else (("", None),)
        match word:
            case "$array":
                return self._arrays[part]
            case "$float":
                return float(part)
            case "$tuple":
                return tuple(self._unpack(part))
            case "$dict":
                pairs = [(self._unpack(name), self._unpack(values)) for name, values in part]
                found = dict(pairs)
                if len(found) < len(pairs):
                    raise ValueError("a key is there twice")
                return found
            case "$generator":
                return _generator(self._unpack(part))
            case "$object":
                return self.objects[part]
        return {name: self._unpack(values) for name, values in value.items()}


def _generator_state(generator: np.random.Generator) -> dict[str, Any]:
    bits = generator.bit_generator
    if type(bits).__name__ not in _BIT_GENERATORS:
        raise TypeError(
            f"cannot save a Generator of {type(bits).__name__}, wanted one of "
            f"{', '.join(_BIT_GENERATORS)}"
        )
    seed = bits.seed_seq
    children = seed.state if isinstance(seed, np.random.SeedSequence) else None
    return {"bits": dict(bits.state), "children": children}


def _generator(state: Any) -> np.random.Generator:
    check_state("numpy.Generator", state)
    seed = None if state["children"] is None else np.random.SeedSequence(**state["children"])
    bits = getattr(np.random, state["bits"]["bit_generator"])(seed)
    bits.state = state["bits"]
    return np.random.Generator(bits)
