"""How the networks of an estimator differ."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Expert"]


class Expert(NamedTuple):
    """How one of the networks of an estimator differs from the others.

    Parameters
    ----------
    rate : float or None
        Of its optimizer; None for the rate of the optimizer that was given.
    memory : bool
        Whether its state goes on from row to row, or every row stands alone.
    own : bool
        Whether it sees what the estimator knows of past targets.
    changes : bool
        Whether it sees the changes of the features since the row before.
    """

    rate: float | None = None
    memory: bool = True
    own: bool = True
    changes: bool = True
