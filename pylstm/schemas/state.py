"""What schemas are made of: types of numbers, rules, and how a state is checked by them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from threading import RLock
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from msgspec import UNSET, Meta, Struct, ValidationError, convert

from pylstm.architecture import Squashing
from pylstm.checks import LARGEST_SIZE
from pylstm.copies import check_format
from pylstm.errors import brief, brief_text
from pylstm.heads import Loss, Output

__all__ = [
    "FLOAT64",
    "INT32",
    "INT64",
    "UINT32",
    "UINT64",
    "Array",
    "Count",
    "Flag",
    "Loss",
    "Output",
    "Real",
    "Size",
    "SizeOr0",
    "Squashing",
    "State",
    "converted",
    "distinct",
    "has_shape",
    "is_there",
    "must",
    "no_infinity",
]
Array = np.ndarray[Any, Any]
S = TypeVar("S", bound="State")

Size = Annotated[int, Meta(ge=1, le=LARGEST_SIZE)]
SizeOr0 = Annotated[int, Meta(ge=0, le=LARGEST_SIZE)]
#: Of steps, updates, rows: counted up in 64 bits, with room left. No stream comes near the bound;
#: what says that it stands at it is believed, and cannot be saved after its next step.
Count = Annotated[int, Meta(ge=0, le=2**62)]
Flag = Annotated[int, Meta(ge=0, le=1)]
Real = Literal["float32", "float64"]


# msgspec 0.22 is not made for two threads that convert to a class for the first time. Converting
# may convert a part of it, so the lock is of the kind its holder may take again.
_ONE_AT_A_TIME = RLock()


class State(Struct, forbid_unknown_fields=True):
    """The keys of a state; `WHAT` it is called in a sentence."""

    WHAT: ClassVar[str] = "object"
    FORMAT: ClassVar[int | None] = None

    @classmethod
    def today(cls, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """The state as it would be written today, where an earlier version wrote it."""
        return state


def converted(schema: type[S], state: object) -> S:
    """`check` by the schema itself."""
    if not isinstance(state, Mapping):
        raise TypeError(f"the saved {schema.WHAT} is {brief(state)}, wanted a dict")
    state = schema.today(state)
    if schema.FORMAT is not None:
        check_format(state, schema.FORMAT, schema.WHAT)
    try:
        with _ONE_AT_A_TIME:
            return convert(dict(state), schema)
    except ValidationError as error:
        raise ValueError(
            f"the saved {schema.WHAT} does not fit: {brief_text(error, 200)}"
        ) from None


def must(holds: object, rule: str) -> None:
    if not holds:
        raise ValueError(f"wanted {rule}")


def has_shape(name: str, array: Array, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} is {brief_text(array.dtype, 30)} of shape {brief(array.shape)}, wanted "
            f"{dtype} of shape {brief(shape)}"
        )


INT32, INT64, UINT32, UINT64, FLOAT64 = map(
    np.dtype, ("int32", "int64", "uint32", "uint64", "float64")
)


def is_there(name: str, value: object, wanted: object) -> None:
    """Whether what is left out where there is nothing in it is there."""
    if (value is not UNSET) != bool(wanted):
        raise ValueError(
            f"{name} is {'missing' if wanted else 'there'}, which contradicts the rest"
        )


def no_infinity(name: str, *arrays: Any) -> None:
    for array in arrays:
        if np.isinf(array).any():
            raise ValueError(f"{name} is infinite, wanted finite numbers, or NaN for none")


def distinct(name: str, values: Iterable[Hashable]) -> None:
    values = list(values)
    if len(set(values)) != len(values):
        raise ValueError(f"{name} are {brief(values)}, wanted every one once")
