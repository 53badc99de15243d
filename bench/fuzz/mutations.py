"""Honest files changed: in their bytes, or in what they say, with a checksum that is right."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.fuzz.files import DTYPES, put_together, signed, take_apart

__all__ = ["Parts", "mutate"]

Document = dict[str, Any]
Arrays = dict[str, np.ndarray]
Parts = tuple[Document, Arrays]
Node = tuple[Any, Any]  # a dict or list of the document, and a key or place in it

_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 5, 16, 17, 255, 1000, 10**6, -5, 0.5, -0.5, 1.0, 1.5, 1e-300,
    1e308, float("nan"), float("inf"), 2**31 - 1, 2**31, 2**32, 2**61, 2**63 - 1, 2**63, 2**64,
    10**30, -(2**63), 10**400, "", "x", "nan", "\ud800", "a\nb\x1b[31m", "long" * 1000, [], {},
    [0], [[]], {"a": 1}, {"$float": "nan"}, {"$float": "inf"}, {"$float": "1"}, {"$tuple": []},
    {"$tuple": [1, 2]}, {"$dict": []}, {"$dict": [[1, 2], [1, 2]]}, {"$object": 0}, {"$object": 1},
    {"$object": -1}, {"$object": True}, {"$array": "nowhere"}, {"$generator": {}}, {"$": 0},
    "truncated", "bptt", "rtrl", "float64", "float32", "identity", "softmax", "logistic",
    "cross_entropy", "gates", "none", "units", "layer", "LSTM", "Population", "SGD", "Adam",
]  # fmt: skip


def mutate(content: bytes, rng: random.Random, parts: Parts | None = None) -> tuple[bytes, str]:
    """Change a file; say how.

    Parameters
    ----------
    content : bytes
        Of an honest checkpoint.
    rng : random.Random
    parts : tuple, optional
        What `take_apart` makes of it, where that is known.

    Returns
    -------
    bytes, str
    """
    if rng.random() < 0.2:
        change = rng.choice(_OF_BYTES)
        return change(bytearray(content), rng), change.__name__
    document, arrays = parts or take_apart(content)
    document, arrays = json.loads(json.dumps(document)), dict(arrays)
    document.pop("sha256")
    said = []
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        in_arrays = arrays and rng.random() < 0.3
        change = rng.choice(_OF_ARRAYS if in_arrays else _OF_DOCUMENTS)
        said.append(f"{change.__name__}: {change(document, arrays, rng)}")
    return _file(document, arrays, rng), "; ".join(said)


def _file(document: Document, arrays: Arrays, rng: random.Random) -> bytes:
    text = json.dumps(signed(document, arrays))
    lies = {}
    kind = rng.random()
    if kind < 0.03:  # a key twice, both times with the same value, so that the checksum is right
        places = [k for k, character in enumerate(text) if character == "{" and text[k + 1] == '"']
        place = rng.choice(places)
        end = _end_of_pair(text, place + 1)
        text = f"{text[: place + 1]}{text[place + 1 : end]}, {text[place + 1 :]}"
    elif kind < 0.05:
        depth = rng.choice([50, 150, 500, 5000, 100_000])
        text = text.replace("{", '{"deep": ' + "[" * depth + "]" * depth + ", ", 1)
    elif kind < 0.07 and arrays:
        name = rng.choice(list(arrays))
        lies[name] = rng.choice(["F8_E4M3", "F8_E5M2", "BF16", "C64", "I128", "F4", *DTYPES])
    return put_together(text, arrays, lies)


def _end_of_pair(text: str, start: int) -> int:
    """Where the first pair of an object ends whose key is at `start`."""
    decoder = json.JSONDecoder()
    _, end = decoder.raw_decode(text, start)
    _, end = decoder.raw_decode(text, end + 2)
    return end


# ---------------------------------------------------------------- bytes


def _flip(content: bytearray, rng: random.Random) -> bytes:
    end = 8 + int.from_bytes(content[:8], "little")
    for _ in range(rng.choice([1, 1, 2, 8])):
        content[rng.randrange(rng.choice([16, end, len(content)]))] ^= rng.randrange(1, 256)
    return bytes(content)


def _cut(content: bytearray, rng: random.Random) -> bytes:
    return bytes(content[: rng.randrange(len(content))])


def _extend(content: bytearray, rng: random.Random) -> bytes:
    return bytes(content) + rng.randbytes(rng.choice([1, 8, 4096]))


def _insert(content: bytearray, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return bytes(content[:place]) + rng.randbytes(rng.randrange(1, 9)) + bytes(content[place:])


def _length(content: bytearray, rng: random.Random) -> bytes:
    length = rng.choice([0, 1, 2**31, 2**63, 2**64 - 1, len(content), len(content) - 8])
    return length.to_bytes(8, "little") + bytes(content[8:])


_OF_BYTES: list[Callable[[bytearray, random.Random], bytes]] = [
    _flip, _flip, _flip, _cut, _extend, _insert, _length,
]  # fmt: skip


# ---------------------------------------------------------------- what the document says


def _nodes(document: Document) -> list[Node]:
    """Every place in the document that holds something; those of states count most."""
    found: list[Node] = []

    def visit(part: Any) -> None:
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in list(pairs):
            found.append((part, key))
            if isinstance(value, dict | list):
                visit(value)

    visit(document)
    return found


def _choose(document: Document, rng: random.Random) -> Node:
    return rng.choice(_nodes(document) or [(document, "format")])


def _value(document: Document, arrays: Arrays, rng: random.Random) -> str:
    """Another value at some place: any, or one near."""
    part, key = _choose(document, rng)
    old = part.get(key) if isinstance(part, dict) else part[key]
    new = copy.deepcopy(rng.choice(_VALUES))
    if isinstance(old, bool) and rng.random() < 0.5:
        new = not old
    elif isinstance(old, int | float) and abs(old) < 1e300 and rng.random() < 0.5:
        new = rng.choice([old + 1, old - 1, 2 * old, -old, old * 1000, float(old), str(old)])
    elif isinstance(old, str) and rng.random() < 0.3:
        new = rng.choice([old + "x", old[1:], old.upper(), [old]])
    part[key] = new
    return f"{key!r} {str(old)[:40]!r} -> {str(new)[:40]!r}"


def _plausible(document: Document, arrays: Arrays, rng: random.Random) -> str:
    """A value of the type there was, as another file may have it."""
    values = [
        (part, key, part[key])
        for part, key in _nodes(document)
        if isinstance(part[key], bool | int | float | str) and not isinstance(key, int)
    ]
    part, key, old = rng.choice(values or [(document, "format", 1)])
    if isinstance(old, bool):
        new: Any = not old
    elif isinstance(old, int):
        new = rng.choice([0, 1, 1 - old, 2, 3, 4, old + 1, max(0, old - 1), 2 * old, 100])
    elif isinstance(old, float):
        new = rng.choice([0.0, 1.0, 0.5, 2.0, -old, old * 10, 1e-30, 1e30])
    else:
        new = rng.choice([value for value in _VALUES if isinstance(value, str)][-18:])
    part[key] = new
    return f"{key!r} {old!r:.40} -> {new!r:.40}"


def _remove(document: Document, arrays: Arrays, rng: random.Random) -> str:
    part, key = _choose(document, rng)
    part.pop(key, None) if isinstance(part, dict) else part.pop(key)
    return f"{key!r}"


def _add(document: Document, arrays: Arrays, rng: random.Random) -> str:
    part, key = _choose(document, rng)
    new = copy.deepcopy(rng.choice(_VALUES))
    if isinstance(part, dict):
        key = rng.choice(["more", "n_steps", "$array", "", "\ud800", "k" * 500, "velocity"])
        part[key] = new
    else:
        part.insert(key, new)
    return f"{str(key)[:40]!r}"


def _rename(document: Document, arrays: Arrays, rng: random.Random) -> str:
    part, key = _choose(document, rng)
    if isinstance(part, dict):
        names = [key for part, key in _nodes(document) if isinstance(part, dict)]
        part[rng.choice(names)] = part.pop(key, None)
    return f"{key!r}"


def _swap(document: Document, arrays: Arrays, rng: random.Random) -> str:
    """What stands in one place also in another."""
    (part, key), (other, place) = _choose(document, rng), _choose(document, rng)
    part[key] = copy.deepcopy(other[place])
    return f"{key!r} from {place!r}"


def _repeat(document: Document, arrays: Arrays, rng: random.Random) -> str:
    """Something in a list once more, or very often."""
    lists = [(part, key) for part, key in _nodes(document) if isinstance(part, list)]
    if not lists:
        return "nothing"
    part, key = rng.choice(lists)
    for _ in range(rng.choice([1, 1, 2, 30])):
        part.insert(key, copy.deepcopy(part[key]))
    return f"{key}"


_Change = Callable[[Document, Arrays, random.Random], str]
_OF_DOCUMENTS: list[_Change] = [_value, _value, _value, _plausible, _plausible, _plausible,
                                _remove, _add, _rename, _swap,
                                _repeat]  # fmt: skip


# ---------------------------------------------------------------- arrays


def _some(arrays: Arrays, rng: random.Random) -> tuple[str, np.ndarray]:
    name = rng.choice(sorted(arrays) or ["more"])
    return name, arrays.get(name, np.zeros(2))


def _dtype(document: Document, arrays: Arrays, rng: random.Random) -> str:
    name, array = _some(arrays, rng)
    dtype = rng.choice(list(DTYPES.values()))
    with np.errstate(all="ignore"):
        arrays[name] = array.astype(dtype)
    return f"{name} {dtype}"


def _shape(document: Document, arrays: Arrays, rng: random.Random) -> str:
    name, array = _some(arrays, rng)
    n = array.size
    sizes = [0, 1, max(0, n - 1), n + 1, 2 * n, n]
    flat = np.resize(array.ravel(), rng.choice(sizes)) if n else np.zeros(3, array.dtype)
    shapes: list[tuple[int, ...]] = [(flat.size,), (1, flat.size), (flat.size, 1), (flat.size, 0)]
    shape = rng.choice(shapes)
    arrays[name] = np.ascontiguousarray(flat.reshape(shape) if 0 not in shape else flat[:0])
    return f"{name} {shape}"


def _fill(document: Document, arrays: Arrays, rng: random.Random) -> str:
    name, array = _some(arrays, rng)
    value = rng.choice([0, 1, -1, 2, 1e30, -1e300, np.nan, np.inf, -np.inf, 2**31 - 1, 1e-320])
    with np.errstate(all="ignore"):
        filler = np.array(value, np.float64).astype(array.dtype)
    arrays[name] = np.full_like(array, filler)
    return f"{name} {value}"


def _element(document: Document, arrays: Arrays, rng: random.Random) -> str:
    name, array = _some(arrays, rng)
    array = array.copy()
    value = rng.choice([0, 1, -1, 2, 7, 1e5, 1e38, -1e308, np.nan, np.inf, 2**31 - 1])
    if array.size:
        with np.errstate(all="ignore"):
            array.reshape(-1)[rng.randrange(array.size)] = np.array(value).astype(array.dtype)
    arrays[name] = array
    return f"{name} {value}"


def _exchange(document: Document, arrays: Arrays, rng: random.Random) -> str:
    (name, array), (other, another) = _some(arrays, rng), _some(arrays, rng)
    arrays[name], arrays[other] = another, array
    return f"{name} and {other}"


def _drop(document: Document, arrays: Arrays, rng: random.Random) -> str:
    name, _ = _some(arrays, rng)
    arrays.pop(name, None)
    return name


def _more(document: Document, arrays: Arrays, rng: random.Random) -> str:
    arrays["more"] = np.zeros(rng.choice([0, 1, 100]))
    return "more"


def _bits(document: Document, arrays: Arrays, rng: random.Random) -> str:
    name, array = _some(arrays, rng)
    if array.dtype == bool:
        return name
    raw = bytearray(array.tobytes())
    for _ in range(rng.choice([1, 1, 4])):
        if raw:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    arrays[name] = np.frombuffer(bytes(raw), array.dtype).reshape(array.shape)
    return name


_OF_ARRAYS: list[_Change] = [_dtype, _shape, _fill, _fill, _element, _element, _exchange, _drop,
                             _more, _bits, _bits]  # fmt: skip
