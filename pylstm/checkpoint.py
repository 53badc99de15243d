"""Checkpoints: everything that learns, written to a file and read back, to the last bit.

A checkpoint is a safetensors file. The arrays are its tensors, named by where they are in the
object; its metadata have one entry, "pylstm", a JSON text:

    format      of this description
    version     of pylstm that wrote the file
    class       of the object in it
    objects     class and state of every object in the file, what is part of another before it;
                the last one is the object itself
    sha256      of all the above and of the arrays

A state is what `__getstate__` returns: plain values and arrays in dicts, lists and tuples. JSON has
no words for some of them, so these stand as an object with one key:

    {"$array": name}                    a tensor of the file
    {"$float": "nan", "inf" or "-inf"}
    {"$tuple": [...]}
    {"$dict": [[key, value], ...]}      keys that are not strings, or begin with "$"
    {"$generator": {...}}               a numpy Generator: the state of its bits
    {"$object": k}                      number k of `objects`

Loading makes objects of registered classes by `__setstate__`, and nothing else: no code comes from
a file. Before the first is made it is known that every array and object has its place; what the
states of our own classes must be is declared in `pylstm.schemas`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from pylstm.errors import InputError, brief, brief_text
from pylstm.files import written_whole

__all__ = ["CheckpointError", "load", "register", "save"]

Array = npt.NDArray[Any]
StrPath = str | os.PathLike[str]
Class = TypeVar("Class", bound=type)

FORMAT = 1
_ENTRY = "pylstm"
_DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
#: The same, as safetensors calls them; it knows more, which NumPy does not.
_FILE_DTYPES = frozenset(
    ["BOOL", "F16", "F32", "F64"] + [f"{sign}{bits}" for sign in "IU" for bits in (8, 16, 32, 64)]
)
#: Levels of dicts, lists and tuples in one object.
_DEEPEST = 100
#: Characters of a message, and of a path in it.
_LONGEST, _LONGEST_PATH = 300, 120
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")

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
    **dict.fromkeys(("SGD", "RMSprop", "Adam", "ObGD", "Decay"), "pylstm.estimators"),
    **{
        f"estimators.{kind}": "pylstm.estimators"
        for kind in ("Regressor", "Classifier", "Forecaster")
    },
    **{
        f"{library}.LSTM{kind}": f"pylstm.{library}"
        for library in ("river", "sklearn")
        for kind in ("Regressor", "Classifier", "Forecaster")
    },
}
_classes: dict[str, type] = {}
_names: dict[type, str] = {}


class CheckpointError(InputError):
    """What is wrong with a file that was to be loaded, and what was wanted."""


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


def save(thing: Any, path: StrPath) -> None:
    """Write an object to a file, from which `load` makes one that goes on with the same bits.

    Parameters
    ----------
    thing : LSTM, Population, Streams, Session, ...
        Anything of a registered class. It does not change.
    path : str or path
        Replaced whole at the end, or left as it is: a process killed at any moment leaves the old
        file or the new one.

    Raises
    ------
    TypeError
        For an object of a class that is not registered, or with something in its state that has no
        place in a file.
    InputError
        When the file cannot be written.

    Notes
    -----
    The whole file is put together in memory, then written and brought to the disk (fsync), which
    takes longer than putting it together. The same object gives the same bytes.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pylstm
    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=4)
    >>> y = net.step([0.5], [1.0])
    >>> path = pathlib.Path(tempfile.mkdtemp(), "net.safetensors")
    >>> pylstm.save(net, path)
    >>> resumed = pylstm.load(path)
    >>> bool(resumed.step([0.25]) == net.step([0.25]))
    True
    """
    import json

    from safetensors.numpy import save as serialise

    packed = _Packer(thing)
    document = {
        "format": FORMAT,
        "version": _version(),
        "class": packed.objects[-1]["class"],
        "objects": packed.objects,
    }
    document["sha256"] = _digest(document, packed.arrays)
    content = serialise(packed.arrays, {_ENTRY: json.dumps(document)})
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(content)


def load(path: StrPath) -> Any:
    """Make the object that `save` wrote to a file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    object
        Of the class that was saved; it goes on with the same bits as the one that was saved would
        have. Nothing from the file is executed.

    Raises
    ------
    CheckpointError
        When the file is missing, cut short, damaged in any byte that matters, something else, of a
        newer format or an unknown class, or when its parts do not fit together.

    Examples
    --------
    See `save`.

    >>> import pylstm
    >>> pylstm.load("nowhere.safetensors")
    Traceback (most recent call last):
    pylstm.checkpoint.CheckpointError: cannot load nowhere.safetensors: there is no such file
    """
    return load_as(object, path)


def load_as(wanted: type, path: StrPath) -> Any:
    """`load`, refusing anything but an object of class `wanted`."""
    document, arrays = _read(path)
    name = document["class"]
    classes = [_class(saved["class"], path) for saved in document["objects"]]
    if not issubclass(classes[-1], wanted):
        raise _refused(path, f"it is of class {brief_text(name, 60)}, wanted {wanted.__name__}")
    with _what_does_not_fit(path):
        _check_uses(document["objects"], arrays)
        unpacker = _Unpacker(arrays)
        for cls, saved in zip(classes, document["objects"], strict=True):
            unpacker.add(cls, saved["state"])
        return unpacker.objects[-1]


# ---------------------------------------------------------------- the file


@cache
def _version() -> str:
    return version("pylstm")


def _digest(document: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Of everything in a file."""
    import json
    from hashlib import sha256

    digest = sha256(json.dumps(document).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: StrPath) -> tuple[dict[str, Any], dict[str, Array]]:
    """What is in a file, unharmed and of a format known here, or CheckpointError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            strange = {file.get_slice(name).get_dtype() for name in names} - _FILE_DTYPES
            if strange and _ENTRY in metadata:
                raise ValueError(f"an array of {min(strange)}")
            arrays = {name: file.get_tensor(name) for name in names} if not strange else {}
    except FileNotFoundError:
        raise _refused(path, "there is no such file") from None
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from None
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise _damaged(path, error) from None
    if _ENTRY not in metadata:
        raise _refused(
            path,
            "it is a safetensors file of another program, wanted one written by pylstm.save",
        )
    try:
        document = _parsed(metadata[_ENTRY])
        if document["format"] != FORMAT or type(document["format"]) is not int:
            raise _refused(
                path,
                f"it has format {brief(document['format'])}, written by pylstm "
                f"{brief_text(document['version'], 40)}, wanted format {FORMAT}, which is all that "
                f"pylstm {_version()} reads",
            )
        if document.pop("sha256", None) != _digest(document, arrays):
            raise ValueError("its checksum is wrong")
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(path, error) from None
    with _what_does_not_fit(path):
        _check_document(document)
    return document, arrays


def _parsed(text: str) -> dict[str, Any]:
    """The document; in JSON as the standard has it, and every key once."""
    import json

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key is there twice")
        return found

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no JSON")

    document: dict[str, Any] = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    return document


def _check_document(document: Mapping[str, Any]) -> None:
    objects = document.get("objects")
    if document.keys() != {"format", "version", "class", "objects"} or not (
        isinstance(objects, list)
        and objects
        and all(isinstance(saved, dict) and saved.keys() == {"class", "state"} for saved in objects)
        and all(isinstance(saved["class"], str) for saved in objects)
    ):
        raise ValueError("the description of the file is not one")
    if document["class"] != objects[-1]["class"]:
        raise ValueError(
            f"the file is said to be of class {brief(document['class'])}, and its last object is "
            f"of class {brief(objects[-1]['class'])}"
        )


def _refused(path: StrPath, problem: object) -> CheckpointError:
    """The error, on one line, cut where it is long."""
    start = f"cannot load {brief_text(os.fspath(path), _LONGEST_PATH)}: "
    line = start + brief_text(problem, _LONGEST - len(start))
    return CheckpointError("".join(c if c.isprintable() else "?" for c in line))


def _damaged(path: StrPath, problem: object) -> CheckpointError:
    said = brief_text(problem, 100) or type(problem).__name__
    return _refused(path, f"wanted an undamaged file written by pylstm.save ({said})")


@contextmanager
def _what_does_not_fit(path: StrPath) -> Iterator[None]:
    """Whatever making an object of a wrong state raises, as one sentence."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        said = f"({type(error).__name__}: {error or 'no more is known'})"
        raise _refused(path, f"its parts do not fit together {said}") from None


def _class(name: str, path: StrPath) -> type:
    if name not in _classes and name in HOMES:
        try:
            import_module(HOMES[name])
        except ModuleNotFoundError as error:
            raise _refused(
                path,
                f"it is of class {name}, which needs {error.name}, and that is not installed here",
            ) from None
    if name not in _classes:
        known = ", ".join(sorted({*_classes, *HOMES}))
        raise _refused(
            path,
            f"it is of class {brief_text(name, 60)}, wanted one of {brief_text(known, 60)} (a "
            "class of your own is to be registered first)",
        )
    return _classes[name]


# ---------------------------------------------------------------- states


class _Packer:
    """An object as the parts of a file: `objects` for JSON, and `arrays` by name."""

    def __init__(self, thing: Any) -> None:
        self.objects: list[dict[str, Any]] = []
        self.arrays: dict[str, Array] = {}
        # By identity, and held so that no identity is used again; None while an object is packed.
        self._known: dict[int, tuple[Any, int | None]] = {}
        self._depth = 0
        self._pack_object(thing, "")

    def _pack_object(self, thing: Any, where: str) -> int:
        _, number = self._known.get(id(thing), (thing, -1))
        if number is None:
            raise TypeError(f"cannot save a {type(thing).__name__} that is part of itself")
        if number >= 0:
            return number
        if type(thing) not in _names:
            _refuse(f"an object of class {type(thing).__name__}", where)
        self._known[id(thing)] = thing, None
        depth, self._depth = self._depth, 0
        state = self._pack(thing.__getstate__(), where)
        self._depth = depth
        self.objects.append({"class": _names[type(thing)], "state": state})
        self._known[id(thing)] = thing, len(self.objects) - 1
        return len(self.objects) - 1

    def _pack(self, value: Any, where: str) -> Any:
        """`value` for JSON, its arrays put aside."""
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": str(float(value))}
        if isinstance(value, list):
            return self._pack_all(value, where)
        if isinstance(value, tuple):
            return {"$tuple": self._pack_all(value, where)}
        if isinstance(value, dict):
            return self._pack_dict(value, where)
        if type(value) is np.ndarray:
            return {"$array": self._put_aside(value, where)}
        if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
            return self._pack(value.item(), where)
        if isinstance(value, np.random.Generator):
            return {"$generator": self._pack_dict(_generator_state(value), where)}
        return {"$object": self._pack_object(value, where)}

    def _pack_all(self, values: Any, where: str) -> list[Any]:
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

    def _put_aside(self, array: Array, where: str) -> str:
        if array.dtype.name not in _DTYPES:
            _refuse(f"an array of {brief_text(array.dtype, 60)}", where)
        name = where.removesuffix(".")
        while name in self.arrays:
            name += "'"
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        self.arrays[name] = np.require(native, requirements="C")
        return name


def _refuse(what: str, where: str) -> NoReturn:
    place = f" in its {where.removesuffix('.')}" if where else ""
    raise TypeError(
        f"cannot save {what}{place}: wanted arrays of numbers or bools, plain values, dicts, lists "
        "and tuples of them, and objects of classes registered with pylstm.checkpoint.register"
    )


def _check_uses(objects: list[dict[str, Any]], arrays: Mapping[str, Array]) -> None:
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


class _Unpacker:
    """The inverse: objects from the parts of a file, in their order, after `_check_uses`."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.objects: list[Any] = []
        self._arrays = arrays

    def add(self, cls: type, state: Any) -> None:
        thing: Any = cls.__new__(cls)  # type: ignore[call-overload]
        values = self._unpack(state)
        if hasattr(thing, "__setstate__"):
            thing.__setstate__(values)
        else:
            vars(thing).update(values)
        self.objects.append(thing)

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
    from pylstm import schemas

    schemas.converted(schemas.GeneratorState, state)
    seed = None if state["children"] is None else np.random.SeedSequence(**state["children"])
    bits = getattr(np.random, state["bits"]["bit_generator"])(seed)
    bits.state = state["bits"]
    return np.random.Generator(bits)
