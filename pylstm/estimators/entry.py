"""What a bank keeps of a key."""

from __future__ import annotations

from typing import Any

from pylstm.estimators.forms import Form
from pylstm.estimators.records import bytes_of

__all__ = ["BYTES_A_KEY", "Entry"]

#: A key beside its record: its entry, its place in the dict of keys, the key.
BYTES_A_KEY = 400


class Entry:
    """What is kept of a key.

    Attributes
    ----------
    form : Form or None
    content : bytearray or estimator
        The record; without a form the estimator itself.
    last : int
        The number of its last row among all that the bank has learned.
    changed : bool
        Since it was last on the disk.
    counted : int
        Bytes that the bank counts for it.
    """

    __slots__ = ("changed", "content", "counted", "form", "last")

    def __init__(self, form: Form | None, content: Any, last: int, changed: bool = True) -> None:
        self.form, self.content, self.last = form, content, last
        self.changed, self.counted = changed, 0

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        if self.form is not None:
            return len(self.content) + BYTES_A_KEY
        experts = self.content._experts
        return 2 * BYTES_A_KEY if experts is None else 2 * bytes_of(experts)

    def copy(self) -> Entry:
        """Another that goes on as this one would."""
        return Entry(self.form, self.content.copy(), self.last, self.changed)
