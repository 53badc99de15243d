"""NumPy's Generators, as they are in a file."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from pylstm.schemas.state import UINT32, UINT64, Array, Flag, State, has_shape, must

__all__ = ["GeneratorState"]


class SeedState(State):
    """A numpy SeedSequence."""

    entropy: Any
    spawn_key: tuple[Annotated[int, Meta(ge=0)], ...]
    pool_size: Annotated[int, Meta(ge=4, le=256)]
    n_children_spawned: Annotated[int, Meta(ge=0, le=2**32 - 1)]

    def __post_init__(self) -> None:
        parts = self.entropy if isinstance(self.entropy, list | tuple) else [self.entropy]
        must(all(type(part) is int and part >= 0 for part in parts), "entropy of whole numbers")


Word = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _Bits(State, tag_field="bit_generator"):
    pass


class _Left(_Bits):
    """Half a number may be left over."""

    has_uint32: Flag
    uinteger: Word


class PCGNumbers(State):
    """A linear congruential generator of 128 bits, with an odd increment."""

    state: int
    inc: int

    def __post_init__(self) -> None:
        must(0 <= self.state < 2**128 and 0 < self.inc < 2**128, "128 bits")
        must(self.inc % 2, "an odd increment")


class PCG64(_Left, tag="PCG64"):
    """See NumPy."""

    state: PCGNumbers


class PCG64DXSM(_Left, tag="PCG64DXSM"):
    """See NumPy."""

    state: PCGNumbers


class SFCNumbers(State):
    """Four words."""

    state: Array

    def __post_init__(self) -> None:
        has_shape("state", self.state, UINT64, (4,))


class SFC64(_Left, tag="SFC64"):
    """See NumPy."""

    state: SFCNumbers


class PhiloxNumbers(State):
    """A counter and a key."""

    counter: Array
    key: Array

    def __post_init__(self) -> None:
        has_shape("counter", self.counter, UINT64, (4,))
        has_shape("key", self.key, UINT64, (2,))


class Philox(_Left, tag="Philox"):
    """See NumPy."""

    state: PhiloxNumbers
    buffer: Array
    buffer_pos: Annotated[int, Meta(ge=0, le=4)]

    def __post_init__(self) -> None:
        has_shape("buffer", self.buffer, UINT64, (4,))


class MTNumbers(State):
    """624 words, and where among them it stands; NumPy does not look whether it does."""

    key: Array
    pos: Annotated[int, Meta(ge=0, le=624)]

    def __post_init__(self) -> None:
        has_shape("key", self.key, UINT32, (624,))


class MT19937(_Bits, tag="MT19937"):
    """See NumPy."""

    state: MTNumbers


class GeneratorState(State):
    """A numpy Generator in a file."""

    WHAT = "generator"
    bits: PCG64 | PCG64DXSM | SFC64 | Philox | MT19937
    children: SeedState | None
