"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pylstm.errors import InputError

__all__ = ["check_writable", "written_whole"]


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
def written_whole(path: str) -> Iterator[Path]:
    """Give the name of a file beside `path` that replaces it at the end, if all went well."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
