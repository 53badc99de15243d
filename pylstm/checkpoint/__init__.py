"""Checkpoints: everything that learns, written to a file and read back, to the last bit.

A checkpoint is a safetensors file. What is in it: `pylstm.checkpoint.file`; how objects become its
parts and parts objects: `pylstm.checkpoint.states`; whose objects may: `pylstm.registry`. What the
states of our own classes must be is declared in `pylstm.schemas`.
"""

from __future__ import annotations

from typing import Any

from pylstm.checkpoint.file import FORMAT, read, write
from pylstm.checkpoint.refusing import CheckpointError, StrPath, one_sentence, refused
from pylstm.checkpoint.states import Packer, Unpacker, check_uses
from pylstm.errors import brief_text
from pylstm.registry import class_of, known_names, register

__all__ = ["FORMAT", "CheckpointError", "load", "load_as", "register", "save"]


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
    packed = Packer(thing)
    write(path, packed.objects, packed.arrays)


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
    document, arrays = read(path)
    name = document["class"]
    classes = [_class(saved["class"], path) for saved in document["objects"]]
    if not issubclass(classes[-1], wanted):
        raise refused(path, f"it is of class {brief_text(name, 60)}, wanted {wanted.__name__}")
    with one_sentence(path):
        check_uses(document["objects"], arrays)
        unpacker = Unpacker(arrays)
        for cls, saved in zip(classes, document["objects"], strict=True):
            unpacker.add(cls, saved["state"])
        return unpacker.objects[-1]


def _class(name: str, path: StrPath) -> type:
    try:
        cls = class_of(name)
    except ModuleNotFoundError as error:
        raise refused(
            path,
            f"it is of class {name}, which needs {error.name}, and that is not installed here",
        ) from None
    if cls is None:
        raise refused(
            path,
            f"it is of class {brief_text(name, 60)}, wanted one of "
            f"{brief_text(', '.join(known_names()), 60)} (a class of your own is to be registered "
            "first)",
        )
    return cls
