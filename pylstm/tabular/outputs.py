"""Files that grow with a stream and are whole up to the rows that a saved session has taken in.

What is written into one is counted in bytes and summed up (CRC-32); a session that is saved says
how far the file was then, after that has come to the disk. So a process killed at any moment leaves
a file of which the session knows how much of it belongs to its rows: resumed, the rest is cut off
and written anew.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Mapping
from typing import Any

from pylstm.files import check_writable
from pylstm.tabular.errors import StreamError

__all__ = ["GrowingFile", "StandardOutput"]

_BUFFERED = 1 << 16
_CHUNK = 1 << 20


class GrowingFile:
    """A file of text that is begun, or gone on with where a session has left it.

    Parameters
    ----------
    path : str
    head : str
        Its first line or lines.
    saved : mapping, optional
        What `state` returned when the session was saved that goes on.
    is_new_session : bool, default True
        Whether a file that is there may be written over. Where the session goes on and there is no
        file, one is begun with what comes from here on.

    Raises
    ------
    StreamError, InputError
        For a place that cannot be written, or a file that is not the one the session knows.
    """

    def __init__(
        self,
        path: str,
        head: str,
        saved: Mapping[str, Any] | None = None,
        is_new_session: bool = True,
    ) -> None:
        check_writable(path)
        self.path = path
        self._n_bytes = self._crc = 0
        self._waiting = b""
        self.is_broken = False
        if saved is not None and not os.path.exists(path):  # a new one, for what comes from here on
            saved = None
        try:
            if saved is None:
                if not is_new_session and os.path.exists(path):
                    raise StreamError(
                        f"{path} is there already, and the session has written nothing into it: "
                        "wanted the name of a new file"
                    )
                self._file = open(path, "wb", buffering=0)  # noqa: SIM115
                self.write(head)
            else:
                self._file = open(path, "r+b", buffering=0)  # noqa: SIM115
                self._go_on(saved)
        except OSError as error:
            raise StreamError(f"cannot write {path}: {error.strerror or error}") from None

    def _go_on(self, saved: Mapping[str, Any]) -> None:
        left, crc = saved["n_bytes"], 0
        while left:
            chunk = self._file.read(min(left, _CHUNK))
            if not chunk:
                self._file.close()
                raise StreamError(
                    f"{self.path} has {saved['n_bytes'] - left:,} bytes and the session has "
                    f"written {saved['n_bytes']:,}, wanted the file it has written"
                )
            crc = zlib.crc32(chunk, crc)
            left -= len(chunk)
        if crc != saved["crc"]:
            self._file.close()
            raise StreamError(
                f"{self.path} is not what the session has written, wanted the same file"
            )
        self._file.truncate(saved["n_bytes"])
        self._file.seek(saved["n_bytes"])
        self._n_bytes, self._crc = saved["n_bytes"], crc
        self._waiting = saved["unwritten"].encode()

    def write(self, text: str) -> None:
        """Write at the end; OSError where there is no room."""
        self._waiting += text.encode()
        if len(self._waiting) > _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the system; where it does not take all, nothing is in the file."""
        if not self._waiting:
            return
        left = memoryview(self._waiting)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self.is_broken = True
            self._file.truncate(self._n_bytes)
            self._file.seek(self._n_bytes)
            raise
        self._crc = zlib.crc32(self._waiting, self._crc)
        self._n_bytes += len(self._waiting)
        self._waiting = b""

    def sync(self) -> None:
        """Bring everything to the disk."""
        self.flush()
        os.fsync(self._file.fileno())

    def state(self) -> dict[str, Any]:
        """Return what a session is to know: how far the file is, and what is not in it yet."""
        unwritten = self._waiting.decode()
        return {"n_bytes": self._n_bytes, "crc": self._crc, "unwritten": unwritten}

    def close(self) -> None:
        """Close it; what has not been flushed is not in it."""
        self._file.close()


class StandardOutput:
    """Lines that somebody waits for, with the verbs of `GrowingFile`."""

    def __init__(self, head: str) -> None:
        self.write(head)

    def write(self, text: str) -> None:
        """Write at once."""
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()

    def flush(self) -> None:
        """Nothing waits."""

    def sync(self) -> None:
        """Nothing is kept."""

    def state(self) -> None:
        """Return nothing: there is nowhere to go on from."""

    def close(self) -> None:
        """It stays open."""
