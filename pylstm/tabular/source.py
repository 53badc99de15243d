"""The bytes of a table: from a file or standard input, unpacked, as UTF-8."""

from __future__ import annotations

import bz2
import codecs
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable
from typing import IO, Any

from pylstm.tabular.errors import StreamError

__all__ = ["Source"]

_CHUNK = 1 << 18
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ImportError:
        raise StreamError("it is packed by zstd, which Python reads from 3.14 on") from None
    return zstd.ZstdDecompressor()


# How packed files begin, and what unpacks them.
_PACKED: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    b"\x28\xb5\x2f\xfd": _zstd,
}
_LONGEST_MARK = 6
_LONGEST_BOM = 4
_LONGEST_WORD = 1000


class Source:
    """Bytes as they come, whatever they are packed in.

    Parameters
    ----------
    path : str
        A file, or ``-`` for standard input. Packed by gzip, bzip2, xz or (Python 3.14) zstd is
        known by the first bytes.
    encoding : str, default "utf-8"
        Of the text. UTF-16 and UTF-32 are known by their first bytes.

    Attributes
    ----------
    name : str
        What it is called in messages.
    size : int or None
        Bytes of the file, None of what is no regular file.
    notes : list of str
        What was recognised.
    is_waiting : bool
        Whether bytes of what is no regular file are being waited for.
    before_waiting : callable or None
        Called each time before they are.
    """

    def __init__(self, path: str, encoding: str = "utf-8") -> None:
        self.name = "standard input" if path == "-" else path
        self.path = path
        self.size: int | None = None
        self.notes: list[str] = []
        self.is_waiting = False
        self.before_waiting: Callable[[], None] | None = None
        self._file = self._open(path)
        self._pushed_back = b""  # as it is in the file
        self._begun = b""  # unpacked, decoded
        self._unpack: Any = None
        self._new_unpacker: Callable[[], Any] | None = None
        self._decode: Any = None
        self._ended = False
        try:
            self._recognise(encoding)
        except BaseException:
            self.close()
            raise

    def _open(self, path: str) -> IO[bytes]:
        if path == "-":
            return sys.stdin.buffer
        try:
            file = open(path, "rb")  # noqa: SIM115
        except OSError as error:
            raise StreamError(f"cannot read {path}: {error.strerror}") from None
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            self.size = status.st_size
        return file

    @property
    def is_live(self) -> bool:
        """Whether rows may be waited for."""
        return self.size is None

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.path != "-":
            self._file.close()

    def position(self) -> int:
        """Bytes of the file read so far."""
        return self._file.tell()

    def begins_with(self, mark: bytes) -> bool:
        """Tell whether these are the first bytes, as far as they are known."""
        return self._unpack is None and self._begun.startswith(mark)

    def first_line(self, comment: bytes) -> bytes:
        """Return the first line with anything in it that is no comment; it is still to be read."""
        while True:
            for line in self._begun.splitlines(keepends=True):
                text = line.strip()
                if text and not text.startswith(comment):
                    if line.endswith(b"\n") or len(text) > _LONGEST_WORD:
                        return text
                    break
            chunk = self._read_more()
            if not chunk:
                return self._begun.strip()
            self._begun += chunk

    def rewound(self) -> IO[bytes] | None:
        """The file from its first byte, None of what cannot go back."""
        if self.is_live:
            return None
        self._file.seek(0)
        return self._file

    def _recognise(self, encoding: str) -> None:
        packed = b""
        while len(packed) < _LONGEST_MARK and b"\n" not in packed and (more := self._read_file()):
            packed += more
        for mark, unpacker in _PACKED.items():
            if packed.startswith(mark):
                self._new_unpacker = unpacker
                try:
                    self._unpack = unpacker()
                except StreamError as error:
                    raise StreamError(f"cannot read {self.name}: {error}") from None
        self._pushed_back = packed
        while len(self._begun) < _LONGEST_BOM and b"\n" not in self._begun:
            if not (more := self._read_more()):
                break
            self._begun += more
        for bom, found in _BOMS:
            if self._begun.startswith(bom):
                if found != "utf-8":
                    self.notes.append(f"{found.upper()} text recognised")
                else:
                    self._begun = self._begun[len(bom) :]
                encoding = found
                break
        if codecs.lookup(encoding).name != "utf-8":
            # What cannot be decoded becomes what is no UTF-8 text either.
            self._decode = codecs.getincrementaldecoder(encoding)("surrogateescape")
            self._begun = self._decoded(self._begun)

    def _read_file(self) -> bytes:
        if self._pushed_back:
            chunk, self._pushed_back = self._pushed_back, b""
            return chunk
        try:
            self.is_waiting = self.is_live
            if self.is_waiting and self.before_waiting is not None:
                self.before_waiting()
            read: bytes = self._file.read1(_CHUNK)  # type: ignore[attr-defined]
        except OSError as error:
            raise StreamError(f"cannot read {self.name}: {error.strerror or error}") from None
        finally:
            self.is_waiting = False
        return read

    def _unpacked(self, packed: bytes) -> bytes:
        parts = []
        try:
            while packed:
                if self._unpack.eof:  # another one behind it
                    if not packed.strip(b"\0"):
                        break
                    self._unpack = self._new_unpacker()  # type: ignore[misc]
                parts.append(self._unpack.decompress(packed))
                packed = self._unpack.unused_data if self._unpack.eof else b""
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise StreamError(f"cannot read {self.name}: {error}") from None
        return b"".join(parts)

    def _check_end(self) -> None:
        if self._unpack is not None and not self._unpack.eof:
            raise StreamError(f"cannot read {self.name}: it ends in the middle of what is packed")

    def _decoded(self, chunk: bytes, final: bool = False) -> bytes:
        try:
            text: str = self._decode.decode(chunk, final)
        except UnicodeError as error:
            raise StreamError(f"cannot read {self.name}: {error}") from None
        return text.encode("utf-8", "surrogateescape")

    def read(self) -> bytes:
        """Return what is at hand, at least one byte; nothing at the end.

        Raises
        ------
        StreamError
            When it cannot be read or unpacked.
        """
        if self._begun:
            chunk, self._begun = self._begun, b""
            return chunk
        return self._read_more()

    def _read_more(self) -> bytes:
        while not self._ended:
            chunk = self._read_file()
            self._ended = not chunk
            if self._ended:
                self._check_end()
            if self._unpack is not None and chunk:
                chunk = self._unpacked(chunk)
            if self._decode is not None:
                chunk = self._decoded(chunk, self._ended)
            if chunk:
                return chunk
        return b""
