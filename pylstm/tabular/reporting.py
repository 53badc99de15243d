"""The tables at the end of a stream."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from pylstm.files import written_whole
from pylstm.tabular.kinds import MODEL, Series, forecasters
from pylstm.tabular.scores import LabelTotal, Total
from pylstm.tabular.session import Session

__all__ = ["FIRST_PART", "key_report", "report", "worst_skill"]

# Part of the stream that counts as "still learning" and is left out of the second table.
FIRST_PART = 0.1
# Keys of either end of the list that the report shows.
_SHOWN = 3


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
        MAE and RMSE, or accuracy and log loss of labels, and skill against each baseline, over the
        whole stream and after its first tenth; how many targets were in their intervals; rows
        without a target, and those left out; the best and the worst keys; the rows per second.

    Examples
    --------
    >>> from pylstm.tabular import Session, Settings, report
    >>> session = Session(Settings(target="load"), [])
    >>> for value in (1.0, 1.0):
    ...     forecast = session.update([], value)
    >>> print(report(session, n_rows=2, seconds=0.5))
    load, 1 row ahead, after 2 rows
    <BLANKLINE>
    whole stream, 1 rows scored
                         MAE        RMSE     skill
      pylstm               0           0
      last value           0           0      0.0%
    <BLANKLINE>
    after the first tenth, 1 rows scored
                         MAE        RMSE     skill
      pylstm               0           0
      last value           0           0      0.0%
    <BLANKLINE>
    skill = 1 - MAE of pylstm / MAE of the baseline, on the same rows
    2 rows in 0.50 s, 4 rows per second
    """
    settings = session.settings
    lines = _detections(session) if settings.detect else _losses(session)
    lines += _left_out(session)
    if settings.keys and not settings.detect:
        lines += _best_and_worst(session)
    rate = n_rows / seconds if seconds > 0 else math.nan
    lines.append(f"{n_rows:,} rows in {seconds:.2f} s, {rate:,.0f} rows per second")
    return "\n".join(lines)


def _losses(session: Session) -> list[str]:
    settings, whole, rest = session.settings, session.total(), session.total(FIRST_PART)
    rows = "1 row" if settings.horizon == 1 else f"{settings.horizon} rows"
    what = f"{rows} ahead" if settings.horizon else "the row's own"
    keys = f" of {len(session.series):,} keys" if settings.keys else ""
    lines = [f"{settings.target}, {what}, after {session.n_rows:,} rows{keys}"]
    if whole.n_scored == 0:
        lines.append("no row could be scored: no target had both a forecast and all baselines")
        return lines
    lines += ["", *_section("whole stream", whole), *_intervals(session, 0.0)]
    if rest.n_scored:
        lines += ["", *_section("after the first tenth", rest), *_intervals(session, FIRST_PART)]
    return [*lines, "", whole.SKILL]


def _detections(session: Session) -> list[str]:
    counts = session.counts
    score, row = counts.highest
    s = "" if counts.n_found == 1 else "s"
    keys = f" of {len(session.series):,} keys" if session.settings.keys else ""
    lines = [
        f"{', '.join(session.settings.targets)}, after {counts.n_rows:,} rows{keys}: "
        f"{counts.n_found:,} detection{s} at a threshold of {session.threshold:g}"
    ]
    if score > 0:
        lines.append(f"highest score {score:.6f}, row {row:,}")
    return lines


def _left_out(session: Session) -> list[str]:
    counts, lines = session.counts, []
    if counts.n_missing:
        s = "" if counts.n_missing == 1 else "s"
        lines.append(f"{counts.n_missing:,} row{s} without a target")
    if counts.n_bad:
        s = "" if counts.n_bad == 1 else "s"
        lines.append(f"{counts.n_bad:,} bad row{s} left out")
    return lines


def _intervals(session: Session, after: float) -> list[str]:
    n, share, width = session.coverage.total(after)
    if not n:
        return []
    level = f"{100 * session.settings.level:g} %"
    held = f"{level} intervals hold {100 * share:.1f} % of {n:,} targets"
    return [f"{held}, mean width {width:.4g}"]


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


# ---------------------------------------------------------------- by key


def _total(session: Session, series: Series) -> Total | LabelTotal:
    """The losses of one key."""
    names = forecasters(session.settings)
    sums, k = series.total.tolist(), len(names)
    n = sums[0] or math.nan
    first = {name: value / n for name, value in zip(names, sums[1 : 1 + k], strict=True)}
    second = {name: value / n for name, value in zip(names, sums[1 + k :], strict=True)}
    if session.settings.classify:
        return LabelTotal(int(sums[0]), first, second)
    return Total(int(sums[0]), first, {name: math.sqrt(v) for name, v in second.items()})


def _worst(total: Total | LabelTotal) -> float:
    names = total.columns()[0][2]
    return min(total.skill(MODEL, name) for name in names if name != MODEL)


def _best_and_worst(session: Session) -> list[str]:
    found = []
    for key, series in session.series.items():
        total = _total(session, series)
        if total.n_scored:
            found.append((_worst(total), key, total.n_scored))
    found.sort(key=lambda one: -one[0])
    shown = found if len(found) <= 2 * _SHOWN else [*found[:_SHOWN], *found[-_SHOWN:]]
    if not shown:
        return []
    lines = ["", "by key, skill against the best baseline"]
    width = max(len(", ".join(key)) for _, key, _ in shown)
    for k, (skill, key, n) in enumerate(shown):
        if k == _SHOWN and len(shown) < len(found):
            lines.append(f"  ... {len(found) - len(shown):,} more: --report-by-key writes all")
        lines.append(f"  {', '.join(key):{width}}  {skill:8.1%}  {n:,} rows scored")
    return [*lines, ""]


def key_report(session: Session, path: str) -> None:
    """Write the losses of every key to a file, a line each.

    Parameters
    ----------
    session : Session
    path : str
    """
    names = forecasters(session.settings)
    totals = {key: _total(session, series) for key, series in session.series.items()}
    titles = [title for title, _, _ in LabelTotal(0, {}, {}).columns()]
    if not session.settings.classify:
        titles = [title for title, _, _ in Total(0, {}, {}).columns()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{title} of {name}" for title in titles for name in names]
    writer.writerow([*session.settings.keys, "rows", "rows scored", *columns])
    for key, total in totals.items():
        cells: Sequence[Any] = [v for _, _, values in total.columns() for v in values.values()]
        scored = [None if value != value else value for value in cells]
        writer.writerow([*key, session.series[key].n_rows, total.n_scored, *scored])
    with written_whole(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def worst_skill(session: Session) -> float:
    """Return the skill after the first tenth against the strongest baseline."""
    return _worst(session.total(FIRST_PART))
