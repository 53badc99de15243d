"""Sessions as files without code in them.

A session is a NumPy archive (.npz): one JSON text with the plain values, and one member for each
array. Nothing is pickled, so loading a file runs no code from it.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.files import written_whole
from pylstm.stream.errors import StreamError

__all__ = ["load_tree", "save_tree"]

# {"__array__": name} stands in the JSON text for the member of that name.
_ARRAY = "__array__"
_TREE = "session"


def _pack(value: Any, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    """`value` with every array replaced by the name under which it is in `arrays`."""
    if isinstance(value, dict):
        return {name: _pack(part, arrays) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {_ARRAY: name}
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any, arrays: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {_ARRAY}:
        return arrays[value[_ARRAY]]
    return {name: _unpack(part, arrays) for name, part in value.items()}


def save_tree(path: str, tree: dict[str, Any]) -> None:
    """Write nested dicts of plain values and arrays; floats come back to the last bit.

    Parameters
    ----------
    path : str
        File to write, whole or not at all.
    tree : dict
        Nested dicts with str keys; leaves are arrays, numbers, strings, None, or lists of those.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    text = json.dumps(_pack(tree, arrays))
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{_TREE: np.array(text)}, **arrays)  # type: ignore[arg-type]


def load_tree(path: str) -> dict[str, Any]:
    """Read what `save_tree` wrote.

    Raises
    ------
    StreamError
        When the file cannot be read, is damaged, or is something else.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            tree = _unpack(json.loads(str(archive[_TREE])), archive)
    except FileNotFoundError:
        raise StreamError(f"cannot load {path}: there is no such file") from None
    except PROBLEMS as error:
        raise damaged(path, error) from None
    if not isinstance(tree, dict):
        raise damaged(path, "it holds something else")
    return tree


# What reading or using a damaged archive may raise.
PROBLEMS = (
    OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError,
    MemoryError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def damaged(path: str, problem: object) -> StreamError:
    """Return the error that says a file is no session."""
    said = " ".join(str(problem).split())
    return StreamError(
        f"cannot load {path}: wanted an undamaged session saved by pylstm stream ({said})"
    )
