"""How long and how large to measure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What every measurement is given.

    Parameters
    ----------
    seconds : float
        Least length of one repeat.
    repeats : int
        Repeats of every contender; the median counts.
    largest : int
        Largest number of cells to measure.
    threads : int
        Threads the peers and BLAS may use, as far as they can be told.
    quick : bool
        Short repeats: to see that everything works, not for figures.
    yardsticks : Path, optional
        Folder with the C prototype, see bench/prototype.py.
    """

    seconds: float = 0.25
    repeats: int = 5
    largest: int = 1024
    threads: int = 1
    quick: bool = False
    yardsticks: Path | None = None

    @classmethod
    def short(cls, **changes: object) -> Settings:
        """Settings of ``--quick``."""
        return cls(**({"seconds": 0.02, "repeats": 3, "quick": True} | changes))

    def sizes(self, sizes: Iterable[int]) -> list[int]:
        """Those numbers of cells that are not too large, at least the smallest."""
        sizes = sorted(sizes)
        return [size for size in sizes if size <= self.largest] or sizes[:1]
