"""The file: a safetensors file whose metadata have one entry, "pylstm", a JSON text.

The arrays of an object are its tensors, named by where they are in it; the text is

    format      of this description
    version     of pylstm that wrote the file
    class       of the object in it
    objects     class and state of every object in the file, what is part of another before it;
                the last one is the object itself
    sha256      of all the above and of the arrays

How a state stands in JSON: `pylstm.checkpoint.states`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, NoReturn

import numpy.typing as npt

from pylstm.checkpoint.refusing import CheckpointError, StrPath, damaged, one_sentence, refused
from pylstm.errors import brief, brief_text
from pylstm.files import written_whole

__all__ = ["FORMAT", "read", "write"]

Array = npt.NDArray[Any]

FORMAT = 1
_ENTRY = "pylstm"
#: Of arrays, as safetensors calls them; it knows more, which NumPy does not.
_FILE_DTYPES = frozenset(
    ["BOOL", "F16", "F32", "F64"] + [f"{sign}{bits}" for sign in "IU" for bits in (8, 16, 32, 64)]
)


def write(path: StrPath, objects: list[dict[str, Any]], arrays: dict[str, Array]) -> None:
    """Write a file whole, or leave what was there; the last object is what it is of."""
    import json

    from safetensors.numpy import save as serialise

    document = {
        "format": FORMAT,
        "version": _version(),
        "class": objects[-1]["class"],
        "objects": objects,
    }
    document["sha256"] = _digest(document, arrays)
    content = serialise(arrays, {_ENTRY: json.dumps(document)})
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(content)


def read(path: StrPath) -> tuple[dict[str, Any], dict[str, Array]]:
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
        raise refused(path, "there is no such file") from None
    except OSError as error:
        raise refused(path, error.strerror or str(error)) from None
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise damaged(path, error) from None
    if _ENTRY not in metadata:
        raise refused(
            path,
            "it is a safetensors file of another program, wanted one written by pylstm.save",
        )
    try:
        document = _parsed(metadata[_ENTRY])
        if document["format"] != FORMAT or type(document["format"]) is not int:
            raise refused(
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
        raise damaged(path, error) from None
    with one_sentence(path):
        _check_document(document)
    return document, arrays


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
