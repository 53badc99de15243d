"""Files written whole or not at all."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from pylstm.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: abandoned files stay
    fcntl = None  # type: ignore[assignment]

__all__ = ["check_writable", "written_whole"]

_file_numbers = count()


def check_writable(path: str) -> None:
    """Say at once, not after hours, that a file cannot be written.

    Parameters
    ----------
    path : str
        File to be written later.

    Raises
    ------
    InputError
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise InputError(f"cannot write {path}: it is not a regular file")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no directory {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"cannot write {path}: the directory {target.parent} is not writable")


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the name of a file beside `path` that replaces it at the end, if all went well.

    A process killed at any moment leaves the old file or the new one; what it had begun is removed
    by the next one that writes the same file.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{next(_file_numbers)}.tmp")
    try:
        with _locked(temporary):
            _remove_abandoned(target)
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
            _sync_folder(target.parent)
    except OSError as error:
        raise InputError(f"cannot write {os.fspath(path)}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _locked(temporary: Path) -> Iterator[None]:
    """Hold a lock on a new file, which the system lets go of when this process ends."""
    if fcntl is None:
        yield
        return
    with open(temporary, "wb") as file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _remove_abandoned(target: Path) -> None:
    """Remove what killed processes have left of `target`: files on which nobody holds a lock."""
    if fcntl is None:
        return
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        with suppress(OSError), open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
