"""Copying, pickling and saving, the same for everything that learns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pylstm import checkpoint
from pylstm.errors import brief

__all__ = ["Copyable", "Savable", "check_fields", "check_format"]


class Savable:
    """Files and bytes, of a class that is registered."""

    def save(self, path: str | os.PathLike[str] | checkpoint.Writable) -> None:
        """Write everything to a file, from which `load` goes on with the same bits.

        The same as ``pylstm.save(self, path)``, which says more about the file and its cost.

        Parameters
        ----------
        path : str, path or file open for writing bytes
            A path is replaced whole at the end, or left as it is.

        Raises
        ------
        InputError
            When the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pylstm
        >>> path = pathlib.Path(tempfile.mkdtemp(), "net.safetensors")
        >>> pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=4).save(path)
        >>> pylstm.LSTM.load(path)
        <LSTM n_inputs=1, n_outputs=1, n_blocks=4, block_size=1, 101 parameters>
        """
        checkpoint.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | checkpoint.Readable) -> Self:
        """Load what `save` wrote to a file; as `pylstm.load`, of this class only.

        Parameters
        ----------
        path : str, path or file open for reading bytes

        Raises
        ------
        CheckpointError
            When the file is missing, damaged, something else, or of another class.

        Examples
        --------
        See `save`.
        """
        loaded: Self = checkpoint.load_as(cls, path)
        return loaded

    def to_bytes(self) -> bytes:
        """Return everything as bytes, from which `from_bytes` goes on with the same bits.

        The same as ``pylstm.to_bytes(self)``: the bytes of the file that `save` would write.

        Examples
        --------
        >>> import pylstm
        >>> data = pylstm.LSTM(n_inputs=1, n_outputs=1, n_blocks=4).to_bytes()
        >>> pylstm.from_bytes(data)
        <LSTM n_inputs=1, n_outputs=1, n_blocks=4, block_size=1, 101 parameters>
        """
        return checkpoint.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Load what `to_bytes` returned; as `pylstm.from_bytes`, of this class only.

        Raises
        ------
        CheckpointError
            When they are damaged, something else, or of another class.

        Examples
        --------
        See `to_bytes`.
        """
        made: Self = checkpoint.from_bytes_as(cls, data)
        return made


class Copyable(Savable):
    """Copies, pickles and files through `__getstate__` and `__setstate__`, without `__init__`."""

    #: Whether an object has attributes in Python as soon as it is initialised.
    _is_in_python: ClassVar[bool] = True

    def __getstate__(self) -> dict[str, Any]:
        raise NotImplementedError

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        raise NotImplementedError

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Only what is missing comes here; of an object never initialised, all that it has."""
            kind = type(self).__name__
            if name.startswith("__") or vars(self) or not self._is_in_python:
                raise AttributeError(f"{kind!r} object has no attribute {name!r}")
            raise RuntimeError(f"this {kind} was never initialised: call {kind}.__init__ first")

    def copy(self) -> Self:
        """Return an independent copy that goes on exactly as this object would."""
        other = type(self).__new__(type(self))
        other.__setstate__(self.__getstate__())
        return other

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).__new__, (type(self),), self.__getstate__()


def check_format(state: Mapping[str, Any], wanted: int, what: str) -> None:
    """Refuse what another version has saved."""
    if state.get("format") != wanted:
        raise ValueError(
            f"the saved {what} has format {brief(state.get('format'))}, wanted {wanted}: "
            "it was written by another version of pylstm"
        )


def check_fields(what: str, saved: object, wanted: Iterable[str]) -> None:
    """Refuse keywords of a constructor unless they are exactly these."""
    if not isinstance(saved, Mapping):
        raise TypeError(f"the saved {what} is {brief(saved)}, wanted a dict")
    wanted = set(wanted)
    if saved.keys() == wanted:
        return
    for word, names in (("lacks", wanted - saved.keys()), ("has", saved.keys() - wanted)):
        if names:
            raise ValueError(f"the saved {what} {word} {brief(min(names, key=repr))}")
