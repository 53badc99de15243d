"""Copying and pickling, the same for everything that learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

__all__ = ["Copyable", "check_format"]


class Copyable:
    """Copies and pickles through `__getstate__` and `__setstate__`, without `__init__`."""

    def __getstate__(self) -> dict[str, Any]:
        raise NotImplementedError

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def copy(self) -> Self:
        """Return an independent one that goes on exactly as this one would."""
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
            f"the saved {what} has format {state.get('format')!r}, wanted {wanted}: "
            "it was written by another version of pylstm"
        )
