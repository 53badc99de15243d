"""The table at the end of a stream."""

from __future__ import annotations

from pylstm.tabular.kinds import MODEL
from pylstm.tabular.scores import LabelTotal, Total
from pylstm.tabular.session import Session

__all__ = ["FIRST_PART", "report", "worst_skill"]

# Part of the stream that counts as "still learning" and is left out of the second table.
FIRST_PART = 0.1


def report(session: Session, n_rows: int, seconds: float) -> str:
    """Return the scores of a session as text.

    Parameters
    ----------
    session : Session
    n_rows : int
        Rows taken in by this run.
    seconds : float
        Time this run took.

    Returns
    -------
    str
        MAE and RMSE, or accuracy and log loss of labels, and skill against each opponent, over the
        whole stream and after its first tenth; and the steps per second.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tabular import Session, Settings, report
    >>> session = Session(Settings(target="load"), ["load"])
    >>> for value in (1.0, 1.0, 1.0):
    ...     forecast = session.update(np.array([value]), value)
    >>> print(report(session, n_rows=3, seconds=0.5))
    load, 1 row ahead, after 3 rows
    <BLANKLINE>
    whole stream, 2 rows scored
                         MAE        RMSE     skill
      pylstm               0           0
      last value           0           0      0.0%
    <BLANKLINE>
    after the first tenth, 2 rows scored
                         MAE        RMSE     skill
      pylstm               0           0
      last value           0           0      0.0%
    <BLANKLINE>
    skill = 1 - MAE of pylstm / MAE of the opponent, on the same rows
    3 rows in 0.50 s, 6 steps per second
    """
    settings, whole, rest = session.settings, session.kind.total(), session.kind.total(FIRST_PART)
    rows = "1 row" if settings.horizon == 1 else f"{settings.horizon} rows"
    what = f"{rows} ahead" if settings.horizon else "the row's own"
    lines = [f"{settings.target}, {what}, after {session.n_rows:,} rows"]
    if whole.n_scored == 0:
        lines.append("no row could be scored: no target had both a forecast and all opponents")
    else:
        lines += ["", *_section("whole stream", whole)]
        if rest.n_scored:
            lines += ["", *_section("after the first tenth", rest)]
        lines += ["", whole.SKILL]
    rate = n_rows / seconds if seconds > 0 else float("nan")
    lines.append(f"{n_rows:,} rows in {seconds:.2f} s, {rate:,.0f} steps per second")
    return "\n".join(lines)


def _section(title: str, total: Total | LabelTotal) -> list[str]:
    columns = total.columns()
    names = columns[0][2]
    width = max(map(len, names))
    head = "".join(f"  {heading:>10}" for heading, _, _ in columns)
    lines = [f"{title}, {total.n_scored:,} rows scored", f"  {'':{width}}{head}  {'skill':>8}"]
    for name in names:
        cells = "".join(f"  {values[name]:>10{form}}" for _, form, values in columns)
        skill = "" if name == MODEL else f"{total.skill(MODEL, name):8.1%}"
        lines.append(f"  {name:{width}}{cells}  {skill}".rstrip())
    return lines


def worst_skill(session: Session) -> float:
    """Return the skill after the first tenth against the strongest opponent."""
    total = session.kind.total(FIRST_PART)
    return min(total.skill(MODEL, name) for name in session.scores.names if name != MODEL)
