"""Checkpoints: everything that learns, as a file or as bytes and back, to the last bit.

A checkpoint is a safetensors file. What is in it: `pylstm.checkpoint.file`; how objects become its
parts and parts objects: `pylstm.checkpoint.states`; whose objects may: `pylstm.registry`. What the
states of our own classes must be is declared in `pylstm.schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pylstm.checkpoint.file import (
    FORMAT,
    Readable,
    StrPath,
    Writable,
    name_of,
    parts,
    read,
    serialised,
    write,
)
from pylstm.checkpoint.refusing import CheckpointError, one_sentence, refused
from pylstm.checkpoint.states import Packer, Unpacker, check_plain, check_uses
from pylstm.errors import brief, brief_text
from pylstm.registry import class_of, known_names, register

__all__ = [
    "FORMAT",
    "CheckpointError",
    "Readable",
    "Writable",
    "check_plain",
    "from_bytes",
    "from_bytes_as",
    "load",
    "load_as",
    "register",
    "save",
    "to_bytes",
]


@register
class Collection:
    """What is saved as a dict, list or tuple: an object of a file has a class."""

    def __init__(self, parts: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> None:
        self.parts = parts

    def __getstate__(self) -> dict[str, Any]:
        return {"parts": self.parts}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        if state.keys() != {"parts"} or not isinstance(state["parts"], dict | list | tuple):
            raise ValueError("wanted the parts of a collection, a dict, list or tuple")
        self.parts = state["parts"]


def save(thing: Any, path: StrPath | Writable) -> None:
    """Write an object to a file, from which `load` makes one that goes on with the same bits.

    Parameters
    ----------
    thing : LSTM, Population, Streams, Regressor, Session, ...
        Anything of a registered class, or a dict, list or tuple of such things. It does not change.
    path : str, path or binary file
        A path is replaced whole at the end, or left as it is: a process killed at any moment leaves
        the old file or the new one. What is open for writing is written to where it stands.

    Raises
    ------
    TypeError
        For an object of a class that is not registered, or with something in its state that has no
        place in a file; for a `path` that is none.
    InputError
        When the file cannot be written.

    Notes
    -----
    The whole file is put together in memory, see `to_bytes`, then written and brought to the disk
    (fsync), which takes longer than putting it together. The same object gives the same bytes.

    An object of another library that holds a model, such as a pipeline, is for `pickle`; or save
    the model in it alone.

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

    A model a shop, in one file:

    >>> pylstm.save({"north": net, "south": resumed}, path)
    >>> sorted(pylstm.load(path))
    ['north', 'south']
    """
    write(path, to_bytes(thing))


def load(path: StrPath | Readable) -> Any:
    """Load the object that `save` wrote to a file.

    Parameters
    ----------
    path : str, path or binary file
        What is open for reading is read from where it stands to its end.

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
    TypeError
        For what is neither a path nor a file.

    Examples
    --------
    See `save`.

    >>> import pylstm
    >>> pylstm.load("nowhere.safetensors")
    Traceback (most recent call last):
    pylstm.checkpoint.CheckpointError: cannot load nowhere.safetensors: there is no such file
    """
    return load_as(object, path)


def to_bytes(thing: Any) -> bytes:
    """Return an object as the bytes of the file that `save` would write.

    For what keeps models elsewhere: a database, a message, a store of states by key.

    Parameters
    ----------
    thing : LSTM, Population, Streams, Regressor, Session, ...
        As for `save`.

    Raises
    ------
    TypeError
        As `save`.

    Notes
    -----
    Copies the state three times; the checksum over it, SHA-256, takes most of the time of a large
    one.

    Examples
    --------
    >>> import pylstm
    >>> net = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=4)
    >>> y = net.step([0.5], [1.0])
    >>> resumed = pylstm.from_bytes(pylstm.to_bytes(net))
    >>> bool(resumed.step([0.25]) == net.step([0.25]))
    True
    """
    packed = Packer(Collection(thing) if type(thing) in (dict, list, tuple) else thing)
    return serialised(packed.objects, packed.arrays)


def from_bytes(data: bytes | bytearray | memoryview) -> Any:
    """Load the object that `to_bytes` returned as these bytes, or that `save` wrote as this file.

    Parameters
    ----------
    data : bytes, bytearray or memoryview

    Returns
    -------
    object
        As `load`, with the same checks: nothing is believed, and nothing executed.

    Raises
    ------
    CheckpointError
        As `load`.
    TypeError
        For what is no bytes.

    Examples
    --------
    See `to_bytes`.

    >>> import pylstm
    >>> pylstm.from_bytes(b"12345678 and so on")
    Traceback (most recent call last):
    pylstm.checkpoint.CheckpointError: cannot load these bytes: wanted an undamaged file written \
by pylstm.save (Error while deserializing: header too large)
    """
    return from_bytes_as(object, data)


def load_as(wanted: type, path: StrPath | Readable) -> Any:
    """`load`, refusing anything but an object of class `wanted`."""
    name = name_of(path)
    return _made(wanted, read(path, name), name)


def from_bytes_as(wanted: type, data: bytes | bytearray | memoryview) -> Any:
    """`from_bytes`, refusing anything but an object of class `wanted`."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data is {brief(data)}, wanted bytes: a file is for pylstm.load")
    return _made(wanted, bytes(data), "these bytes")


def _made(wanted: type, content: bytes, source: str) -> Any:
    """The object in the bytes of a file that is called so."""
    document, arrays = parts(content, source)
    name = document["class"]
    classes = [_class(saved["class"], source) for saved in document["objects"]]
    if not issubclass(classes[-1], wanted):
        raise refused(source, f"it is of class {brief_text(name, 60)}, wanted {wanted.__name__}")
    with one_sentence(source):
        check_uses(document["objects"], arrays)
        unpacker = Unpacker(arrays)
        for cls, saved in zip(classes, document["objects"], strict=True):
            unpacker.add(cls, saved["state"])
        made = unpacker.objects[-1]
    return made.parts if isinstance(made, Collection) else made


def _class(name: str, source: str) -> type:
    try:
        cls = class_of(name)
    except ModuleNotFoundError as error:
        raise refused(
            source,
            f"it is of class {name}, which needs {error.name}, and that is not installed here",
        ) from None
    if cls is None:
        raise refused(
            source,
            f"it is of class {brief_text(name, 60)}, wanted one of "
            f"{brief_text(', '.join(known_names()), 60)} (a class of your own is to be registered "
            "first)",
        )
    return cls
