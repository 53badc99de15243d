"""A stream killed and resumed: what is saved at the end is what would have been saved anyway."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.killing import kill_and_resume
from bench.reference import Mismatch
from bench.report import Result, Table
from bench.settings import Settings

__all__ = ["measure_kill"]

N_KILLS, N_ROWS = 200, 3000


def measure_kill(settings: Settings) -> Result:
    """A streaming process killed 200 times at random moments, and resumed: the same bits."""
    n_kills, n_rows = (5, 200) if settings.quick else (N_KILLS, N_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_and_resume(Path(folder), n_kills, n_rows)
    if not all(outcome.same):
        raise Mismatch(
            f"after {n_kills} kills {outcome.same.count(False)} of {len(outcome.same)} sessions "
            "are not the one of the undisturbed run"
        )
    half = sum(left > 0 for left in outcome.left)
    title = "pylstm stream --resume --save-every 1, killed at random moments"
    columns = ["kills", "in the middle of a save", "before the first save", "ends", "the same bits"]
    unsaved = outcome.rows.count(0)
    row = [n_kills, half, unsaved, len(outcome.same), sum(outcome.same)]
    note = (
        f"{n_rows:,} rows. In the middle of a save: a half-written file lay beside the session, "
        f"which was whole. Files at the end: {outcome.n_files}."
    )
    records = [
        {"rows": rows, "left": left} for rows, left in zip(outcome.rows, outcome.left, strict=True)
    ]
    return Result([Table(title, columns, [row], note)], records)
