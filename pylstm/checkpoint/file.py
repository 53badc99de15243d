"""The file: a safetensors file whose metadata have one entry, "pylstm", a JSON text.

The arrays of an object are its tensors, named by where they are in it; the text is

    format      of this description
    version     of pylstm that wrote the file
    class       of the object in it
    objects     class and state of every object in the file, what is part of another before it;
                the last one is the object itself
    sha256      of all the above, as it stands there, and of the arrays; the end of the text

How a state stands in JSON: `pylstm.checkpoint.states`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from pylstm.checkpoint.refusing import CheckpointError, damaged, one_sentence, refused
from pylstm.errors import brief, brief_text
from pylstm.files import written_whole

__all__ = [
    "FORMAT",
    "Readable",
    "StrPath",
    "Writable",
    "name_of",
    "parts",
    "read",
    "serialised",
    "write",
]

Array = npt.NDArray[Any]
StrPath = str | os.PathLike[str]

FORMAT = 1
_ENTRY = "pylstm"
#: What stands in the text before the checksum, which ends it.
_SIGNED_BY = ', "sha256": "'
#: Of arrays, as safetensors calls them; it knows more, which NumPy does not.
_DATABASE = b"SQLite format 3\0"  # how a file of SQLite begins
_DTYPES = {"BOOL": "bool", "F16": "float16", "F32": "float32", "F64": "float64"} | {
    f"{sign}{bits}": f"{kind}{bits}"
    for sign, kind in (("I", "int"), ("U", "uint"))
    for bits in (8, 16, 32, 64)
}
#: The same from NumPy, which takes its time to spell one.
_NAMES = {np.dtype(name): name for name in _DTYPES.values()}


class Writable(Protocol):
    """A file open for writing bytes."""

    def write(self, data: bytes, /) -> Any: ...


class Readable(Protocol):
    """A file open for reading bytes."""

    def read(self) -> bytes: ...


def serialised(objects: list[dict[str, Any]], arrays: dict[str, Array]) -> bytes:
    """The bytes of a file; the last object is what it is of."""
    import json

    from safetensors.numpy import save as serialise

    document = {
        "format": FORMAT,
        "version": _version(),
        "class": objects[-1]["class"],
        "objects": objects,
    }
    text = json.dumps(document)
    signed = f'{text[:-1]}{_SIGNED_BY}{_digest(text, arrays)}"}}'
    return serialise(arrays, {_ENTRY: signed})


def write(file: StrPath | Writable, content: bytes) -> None:
    """Write a file whole, or leave what was there; what is open is written to as it is."""
    if hasattr(file, "write"):
        file.write(content)
        return
    if not isinstance(file, str | os.PathLike):
        raise TypeError(f"path is {brief(file)}, wanted a path, or a file open for writing bytes")
    with written_whole(file) as temporary, open(temporary, "wb") as opened:
        opened.write(content)


def name_of(file: StrPath | Readable) -> str:
    """What a file is called in a sentence, or TypeError for what is no file."""
    if hasattr(file, "read"):
        name = getattr(file, "name", None)
        return name if isinstance(name, str) else "a file"
    if isinstance(file, bytes | bytearray | memoryview):
        raise TypeError(
            f"path is {len(file)} bytes, wanted a path, or a file open for reading bytes: what is "
            "in memory already is for pylstm.from_bytes"
        )
    if not isinstance(file, str | os.PathLike):
        raise TypeError(f"path is {brief(file)}, wanted a path, or a file open for reading bytes")
    return os.fspath(file)


def read(file: StrPath | Readable, name: str) -> bytes:
    """What is in a file, or CheckpointError."""
    if hasattr(file, "read"):
        content = file.read()
        if not isinstance(content, bytes | bytearray | memoryview):
            raise TypeError(f"{name} gave {brief(content)}, wanted a file open for reading bytes")
        return bytes(content)
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except FileNotFoundError:
        raise refused(name, "there is no such file") from None
    except OSError as error:
        raise refused(name, error.strerror or str(error)) from None
    except (
        ValueError,
        MemoryError,
    ) as error:  # a name no file can have; more than there is room for
        raise refused(name, error) from None


def parts(content: bytes, source: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """What is in the bytes of a file, unharmed and of a format known here, or CheckpointError."""
    import json

    from safetensors import SafetensorError, deserialize

    if content.startswith(_DATABASE):
        wanted = "wanted pylstm.Bank(estimator, path=...), if a bank flushes to it"
        raise refused(source, f"it is a database, {wanted}")
    try:
        tensors = deserialize(content)  # type: ignore[no-untyped-call]
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__") or {}
        strange = {tensor["dtype"] for _, tensor in tensors} - _DTYPES.keys()
        if strange and _ENTRY in metadata:
            raise ValueError(f"an array of {min(strange)}")
    except (SafetensorError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise damaged(source, error) from None
    if _ENTRY not in metadata:
        raise refused(
            source,
            "it is a safetensors file of another program, wanted one written by pylstm.save",
        )
    arrays = {
        name: np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        for name, tensor in tensors
    }
    try:
        text, by, digest = metadata[_ENTRY].rpartition(_SIGNED_BY)
        document = _parsed(metadata[_ENTRY])
        if document["format"] != FORMAT or type(document["format"]) is not int:
            raise refused(
                source,
                f"it has format {brief(document['format'])}, written by pylstm "
                f"{brief_text(document['version'], 40)}, wanted format {FORMAT}, which is all that "
                f"pylstm {_version()} reads",
            )
        if not by or digest != f'{_digest(text + "}", arrays)}"}}':
            raise ValueError("its checksum is wrong")
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged(source, error) from None
    with one_sentence(source):
        del document["sha256"]
        _check_document(document)
    return document, arrays


@cache
def _version() -> str:
    return version("pylstm")


def _digest(text: str, arrays: Mapping[str, Array]) -> str:
    """Of everything in a file: its text but for the checksum, and its arrays by name."""
    from hashlib import sha256
    from json.encoder import encode_basestring_ascii

    digest = sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        about = f'[{encode_basestring_ascii(name)}, "{_NAMES[array.dtype]}", {list(array.shape)}]'
        digest.update(about.encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
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
