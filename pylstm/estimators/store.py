"""A bank on disk: one file of SQLite, which is whole whenever its process is killed.

What is written waits in a transaction until `commit`, so that a reader, or a bank that begins anew,
finds the state of the last one. Every row has a checksum of its own: damage to one harms no other.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from pylstm.checkpoint import CheckpointError
from pylstm.errors import brief, brief_text
from pylstm.estimators.keys import Key

__all__ = ["Store"]

#: Changes with what the rows of the tables are.
_VERSION = 1
_APPLICATION = 0x70796C42  # pylB

_TABLES = """
CREATE TABLE common (name TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE forms (form INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE keys (
    key TEXT PRIMARY KEY, form INTEGER, last INTEGER NOT NULL, content BLOB NOT NULL
);
CREATE INDEX by_last ON keys (last);
"""


class Store:
    """Keys and what is known of them, in a file.

    Parameters
    ----------
    path : str, optional
        Made where there is none. Without, a file that goes with the store.

    Raises
    ------
    CheckpointError
        For a file that is something else, damaged or of another version.
    """

    def __init__(self, path: str | None) -> None:
        self._folder = None if path is not None else tempfile.TemporaryDirectory(prefix="pylstm-")
        self.path = os.path.join(self._folder.name, "bank") if self._folder is not None else path
        self._name = "a bank's own file" if path is None else brief_text(path, 90)
        assert self.path is not None
        try:
            self._db = sqlite3.connect(
                self.path, isolation_level=None, timeout=0.2, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._refused(error) from None
        self._close = weakref.finalize(self, _close, self._db, self._folder)
        try:
            self._open(lasting=path is not None)
        except BaseException:
            self._close()
            raise

    def _open(self, lasting: bool) -> None:
        version, application = self._number("user_version"), self._number("application_id")
        n_tables = self._rows("SELECT count(*) FROM sqlite_master")[0][0]
        if n_tables and (application != _APPLICATION or version != _VERSION):
            what = (
                f"a bank of version {version}" if application == _APPLICATION else "something else"
            )
            raise CheckpointError(
                f"cannot use {self._name}: it is {what}, wanted a bank of version {_VERSION}"
            )
        self._rows("PRAGMA page_size = 16384")  # of a new file; a record is some of them
        self._rows(f"PRAGMA journal_mode = {'WAL' if lasting else 'OFF'}")
        self._rows(f"PRAGMA synchronous = {'FULL' if lasting else 'OFF'}")
        self._rows("BEGIN IMMEDIATE")
        if not n_tables:
            for statement in _TABLES.split(";"):
                self._rows(statement)
            self._rows(f"PRAGMA user_version = {_VERSION}")
            self._rows(f"PRAGMA application_id = {_APPLICATION}")

    def _number(self, pragma: str) -> int:
        number: int = self._rows(f"PRAGMA {pragma}")[0][0]
        return number

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with closing(self._db.execute(statement, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def _refused(self, error: sqlite3.Error) -> CheckpointError:
        why = brief_text(error)
        if isinstance(error, sqlite3.OperationalError) and "locked" in why:
            why = "another bank has it"
        return CheckpointError(
            f"cannot use {self._name}: {why}, wanted the undamaged file of a bank"
        )

    # ------------------------------------------------------------ what it holds

    def common(self, name: str) -> bytes | None:
        """What all keys have in common, under a name."""
        rows = self._rows("SELECT content FROM common WHERE name = ?", (name,))
        return self._checked(rows[0][0], name) if rows else None

    def put_common(self, name: str, content: bytes) -> None:
        """Set it."""
        self._rows("REPLACE INTO common VALUES (?, ?)", (name, _with_sum(content)))

    def forms(self) -> Iterator[tuple[int, bytes]]:
        """The forms by number."""
        for form, content in self._rows("SELECT form, content FROM forms ORDER BY form"):
            yield form, self._checked(content, f"form {form}")

    def put_form(self, form: int, content: bytes) -> None:
        """Add one."""
        self._rows("REPLACE INTO forms VALUES (?, ?)", (form, _with_sum(content)))

    def get(self, key: Key) -> tuple[int | None, int, bytes] | None:
        """Form, last row and content of a key, None where it is not there.

        Raises
        ------
        CheckpointError
            Where its row is damaged.
        """
        found = self._rows("SELECT form, last, content FROM keys WHERE key = ?", (_text(key),))
        if not found:
            return None
        form, last, content = found[0]
        return form, last, self._checked(content, f"key {brief(key)}")

    def put(self, key: Key, form: int | None, last: int, content: bytes | bytearray) -> None:
        """Set what is known of a key."""
        row = (_text(key), form, last, _with_sum(content))
        self._rows("REPLACE INTO keys VALUES (?, ?, ?, ?)", row)

    def last(self, key: Key) -> int | None:
        """The last row of a key, None where it is not there; its content is not looked at."""
        found = self._rows("SELECT last FROM keys WHERE key = ?", (_text(key),))
        return found[0][0] if found else None

    def delete(self, key: Key) -> None:
        """Forget a key."""
        self._rows("DELETE FROM keys WHERE key = ?", (_text(key),))

    def delete_before(self, row: int) -> None:
        """Forget keys whose last row is before this one."""
        self._rows("DELETE FROM keys WHERE last < ?", (row,))

    def keys(self) -> list[Key]:
        """All keys, that with the oldest last row first."""
        return [_key(text) for (text,) in self._rows("SELECT key FROM keys ORDER BY last")]

    def __len__(self) -> int:
        n: int = self._rows("SELECT count(*) FROM keys")[0][0]
        return n

    def commit(self) -> None:
        """What was written until here is there from now on."""
        self._rows("COMMIT")
        self._rows("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Give the file back, as it was at the last commit."""
        self._close()

    def _checked(self, content: Any, what: str) -> bytes:
        if not isinstance(content, bytes) or _with_sum(content[4:]) != content:
            raise CheckpointError(
                f"cannot load {what} of {self._name}: it is damaged, wanted what flush has written"
            )
        return content[4:]


def _close(db: sqlite3.Connection, folder: tempfile.TemporaryDirectory[str] | None) -> None:
    db.close()
    if folder is not None:
        folder.cleanup()


def _with_sum(content: bytes | bytearray) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little") + content


def _text(key: Key) -> str:
    return json.dumps(key)


def _key(text: str) -> Key:
    key = json.loads(text)
    return tuple(key) if isinstance(key, list) else key
