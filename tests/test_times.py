"""Time stamps: what they mean, in which order they must be."""

import io
import math
import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from pylstm.tabular.clock import Clock, Order, Stamps
from pylstm.tabular.errors import BadRow, StreamError
from pylstm.tabular.table import Table

DAY = 86400


def seconds(*parts):
    return datetime(*parts, tzinfo=UTC).timestamp()


SIX = seconds(2023, 6, 23, 6)
#   how it is written, the moment, what the clock shows
TIMES = {
    "2023-06-23": (SIX - DAY / 4, 0),
    "2023-06-23 06:00": (SIX, 0),
    " 2023-06-23T06:00:00.250 ": (SIX + 0.25, 0),
    "2023-06-23 06:00:00,5": (SIX + 0.5, 0),
    "2023-06-23T06:00:00Z": (SIX, 0),
    "2023-06-23 06:00:00 UTC": (SIX, 0),
    "2023-06-23T06:00+05:30": (SIX - 19800, 19800),
    "2023-06-23 06:00:00 +0200": (SIX - 7200, 7200),
    "20230623": (SIX - DAY / 4, 0),
    "20230623T0600": (SIX, 0),
    "20230623T060000Z": (SIX, 0),
    "202306230600": (SIX, 0),
    "20230623060000": (SIX, 0),
    "2023-W25-5": (SIX - DAY / 4, 0),
    "2023-174": (SIX - DAY / 4, 0),
    "2023-174T06:00": (SIX, 0),
    "2023-06": (seconds(2023, 6, 1), 0),
    "2023-06-22 24:00": (SIX - DAY / 4, 0),
    "2023-06-22T24:00:00Z": (SIX - DAY / 4, 0),
    "2023-12-31T24:00": (seconds(2024, 1, 1), 0),
    "0": (0, 0),
    "-43200": (-43200, 0),
    "1687500000": (SIX, 0),
    "1687500000.5": (SIX + 0.5, 0),
    "1.6875e9": (SIX, 0),
    "1687500000250": (SIX + 0.25, 0),
    "1687500000250000": (SIX + 0.25, 0),
    "1687500000250000000": (SIX + 0.25, 0),
}


@pytest.mark.parametrize("text", list(TIMES))
def test_what_a_time_means(text):
    moment, offset = TIMES[text]
    assert Stamps().read(text) == (moment, moment + offset)


def test_times_of_typed_columns():
    zone = timezone(timedelta(hours=2))
    assert Stamps().read(datetime(2023, 6, 23, 6, tzinfo=zone)) == (SIX - 7200, SIX)
    assert Stamps().read(datetime(2023, 6, 23, 6)) == (SIX, SIX)
    assert Stamps().read(date(2023, 6, 23)) == (SIX - DAY / 4,) * 2
    assert Stamps().read(1687500000) == (SIX, SIX)


REFUSED = {
    **dict.fromkeys(["yesterday", "2013-13-01", "2013-01-01 25:00", "01/02/2013"], "ISO 8601"),
    **dict.fromkeys(["inf", "1e15", "1_000", "2023-06-23x06:00", "2023-366"], "ISO 8601"),
    **dict.fromkeys(["2023-06-22 24:01", "٢٠٢٣-06-22", "2023-06-23106:00"], "ISO 8601"),
    "2023": "may be a year or seconds",
    "2023062306": "may be a date and an hour or seconds",
    "45100.25": "may be days of a spreadsheet or seconds",
}


@pytest.mark.parametrize("text", list(REFUSED))
def test_what_is_no_time_or_two_is_refused(text):
    with pytest.raises(ValueError, match=REFUSED[text]) as caught:
        Stamps().read(text)
    assert str(caught.value).startswith(repr(text))


def test_all_times_are_in_the_form_of_the_first():
    """So a counter may pass what would be a date by itself."""
    notes = []
    stamps = Stamps(note=notes.append)
    for text in ("5", "6", "2023", "20230623", "45100", "2023062306"):
        assert stamps.read(text)[0] == float(text)
    with pytest.raises(ValueError, match="'2023-06-23', wanted seconds since 1970-01-01, as in"):
        stamps.read("2023-06-23")
    stamps = Stamps(note=notes.append)
    assert stamps.read("2023-06-22")[0] == SIX - 1.25 * DAY
    days = [stamps.read(text)[0] for text in ("20230622", "20230623")]
    assert days == [SIX - 1.25 * DAY, SIX - DAY / 4]
    assert stamps.read("18500101")[0] == seconds(1850, 1, 1)
    with pytest.raises(ValueError, match="'20231323', wanted one such as"):
        stamps.read("20231323")
    Stamps(note=notes.append).read("1687500000250")
    Stamps(note=notes.append).read("20230622")
    assert notes == [
        "milliseconds since 1970 recognised, first in 1687500000250",
        "20230622 taken for a date, 2023-06-22 00:00:00",
    ]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_one_wrong_time_does_not_set_the_form(wrong):
    """Whoever comes first, the form is that of the first two alike."""
    stamps, read = Stamps(), []
    times = ["2023-06-22", "2023-06-23", "2023-06-24", "2023-06-25"]
    times.insert(wrong, "12")
    for text in times:
        with suppress(ValueError):
            stamps.read(text)
            read.append(text)
    assert stamps.form == "dates"
    assert read == (["12", *times[2:]] if wrong == 0 else [t for t in times if t != "12"])


@pytest.mark.parametrize("form", ["dates", "seconds"])
def test_columns_are_read_as_cells_are(form):
    rng = random.Random(0)
    alike = list(TIMES) if form == "dates" else ["0", "1.5", " 3 ", "1e3", "-7", "1e15", "inf"]
    for _ in range(300):
        column = rng.choices([*alike, "", "nan", "1_000", "18990101", "2023062301200"], k=3)
        quick = Stamps(form)
        told = quick.read_column(column)
        slow = Stamps(form)
        if told is not None:
            assert [*zip(*told, strict=True)] == [slow.read(cell) for cell in column]
    plain = ["2023-06-23 06:00", "2023-06-23T06:00:00+01:00"] if form == "dates" else ["5", "6.5"]
    assert Stamps(form).read_column(plain) is not None


#                       part of the day, day of the week of 7, day of the year, days in it
PLACES = {
    "2013-01-01 00:00": (0, 1, 0, 365),  # a Tuesday
    "2012-12-31T18:00:00": (0.75, 0, 365, 366),
    "2012-02-29 06:30": (6.5 / 24, 2, 59, 366),
    "2013-03-03T12:00:00+05:30": (0.5, 6, 61, 365),
    " 2013-03-03 00:00:43.2 ": (0.0005, 6, 61, 365),
    "-43200": (0.5, 2, 364, 365),
}


@pytest.mark.parametrize("text", list(PLACES))
def test_place_of_a_time_in_the_calendar(text):
    day, weekday, year_day, n_days = PLACES[text]
    wanted = []
    for part in (day, weekday / 7, year_day / n_days):
        wanted += [math.sin(2 * math.pi * part), math.cos(2 * math.pi * part)]
    np.testing.assert_allclose(Clock().calendar(text), wanted, atol=1e-12)
    with pytest.raises(StreamError, match="time is 'soon', wanted one such as"):
        Clock().calendar("soon")


# ---------------------------------------------------------------- order


def kept(times, *, ended=True, order=None, most=None):
    """The times that are let through, in pieces of `most`."""
    order, good = order or Order(), []
    most = most or len(times)
    while times:
        n = most
        while True:
            verdict = order.check(times[:n], ended and n >= len(times))
            if verdict.end or n >= len(times):
                break
            n += 1
        if not verdict.end:
            break
        n = min(verdict.end, most)
        for k, time in enumerate(times[:n]):
            if k in verdict.far:
                order.doubt(time)
            if k not in verdict.bad:
                order.advance([time])
                good.append(time)
        times = times[n:]
    return good


MINUTES = [600.0 * k for k in range(20)]
WEEKS = 21 * DAY
FAR = {
    "far": ([*MINUTES[:9], 1e9, *MINUTES[9:]], MINUTES),
    "far twice": ([*MINUTES[:9], 1e9, 1e9 + 600, *MINUTES[9:]], MINUTES),
    "back": ([*MINUTES[:9], 0.0, *MINUTES[9:]], MINUTES),
    "far at the end": ([*MINUTES, 1e9], MINUTES),
    "second": ([0.0, 1e9, *MINUTES[1:]], MINUTES),
    "pause": ([*MINUTES, *(t + WEEKS for t in MINUTES)],) * 2,
    "pause at the end": ([*MINUTES, *(t + WEEKS for t in MINUTES[:2])],) * 2,
    "irregular": ([0.0, 1, 2, 3 * DAY, 3 * DAY + 1, 9 * DAY, 9 * DAY + 1, 30 * DAY],) * 2,
    "years": ([366.0 * DAY * k for k in range(9)],) * 2,
    "alike": ([0.0, 0.0, 600.0, 600.0, 1200.0, 1200.0],) * 2,
    "back by days, early": ([t * DAY for t in (0, 1, 2, 0, 3, 4, 5, 6)],) * 2,
    "again": ([*(t + WEEKS for t in MINUTES), *MINUTES], [t + WEEKS for t in MINUTES]),
    "first": ([2e9, *MINUTES], [2e9, *MINUTES]),
}


@pytest.mark.parametrize("case", list(FAR))
@pytest.mark.parametrize("most", [1, 3, None])
def test_far_from_its_neighbours_or_really_later(case, most):
    times, wanted = FAR[case]
    if case == "back by days, early":
        wanted = [*wanted[:3], *wanted[4:]]
    if case == "irregular":
        wanted = wanted[:-1]  # nothing tells that the last one is right
    assert kept(times, most=most) == wanted


def test_row_waits_for_those_that_tell():
    times = [*MINUTES, WEEKS, WEEKS + 600]
    assert kept(times, ended=False) == MINUTES
    assert kept([*times, WEEKS + 600, WEEKS + 1200], ended=False)[-1] == WEEKS + 1200


def test_clock_comes_back_where_rows_come_alone():
    """As through a pipe of one row an hour, with a session between."""
    order, good = Order(), []
    kept(MINUTES, order=order)
    for k in range(6):
        state = order.state()
        order = Order()
        order.restore(state)
        good += kept([WEEKS + 600.0 * k], order=order)
    assert good == [WEEKS + 600.0 * k for k in (3, 4, 5)]
    order = Order()
    kept(MINUTES, order=order)
    for k in range(6):  # not one after the other
        assert kept([1e9 + k], order=order) == []
        assert kept([MINUTES[-1]], order=order) == [MINUTES[-1]]
    assert kept([4e9, 3e9, 2e9, 1e9, 2e8], order=order) == []


@pytest.mark.parametrize("bad_rows", ["stop", "skip"])
def test_clock_comes_back_by_pipes_of_one_row(bad_rows, monkeypatch):
    state, told = None, []
    for time in ["2026-01-01", "2026-01-02", *(f"2099-01-0{k}" for k in range(1, 6))]:
        content = io.BytesIO(f"when,v\n{time},1\n".encode())
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": content}))
        with Table("-", final=False) as table:
            if state is not None:
                table.order.restore(state)
            table.choose(["v"], [], "when", bad_rows)
            with suppress(BadRow):
                told += [time] * (table.read(9) is not None)
            state = table.order.state()
    assert told == ["2026-01-01", "2026-01-02", "2099-01-04", "2099-01-05"]


def test_far_row_before_a_bad_one_is_judged_by_what_is_there(tmp_path):
    path = tmp_path / "table.csv"
    lines = [f"2026-01-01 {k:02d}:00,{k}" for k in range(10)]
    path.write_text("\n".join(["when,v", *lines, "2099-01-01,1", "short", *lines, ""]))
    with Table(str(path), final=False) as table:
        table.choose(["v"], [], "when")
        assert len(table.read(100).rows) == 10
        with pytest.raises(BadRow, match="line 12 has time 2099-01-01"):
            table.read(100)


@pytest.mark.parametrize("bad_rows", ["stop", "skip"])
def test_wrong_time_in_a_table(bad_rows, tmp_path):
    """One time in 2062 among good ones: a bad row, whatever comes first, and never the clock."""
    first = datetime(2026, 1, 1)
    times = [str(first + timedelta(minutes=10 * k)) for k in range(60)]
    times[40], times[50] = "2062-01-02T01:00:00", times[48]
    path = tmp_path / "table.csv"
    path.write_text("when,v\n" + "".join(f"{time},{k}\n" for k, time in enumerate(times)))
    bad = []
    with Table(str(path)) as table:
        table.choose(["v"], [], "when", bad_rows, lambda row, *rest: bad.append((row, *rest[:2])))
        good = table.read(100)
        if bad_rows == "stop":
            assert good.rows.tolist() == list(range(1, 41))
            with pytest.raises(BadRow, match="line 42 has time 2062-01-02 01:00:00, wanted a time"):
                table.read(100)
            return
        assert good.rows.tolist() == [k + 1 for k in range(60) if k not in (40, 50)]
        assert table.read(100) is None
    assert [one[:2] for one in bad] == [(41, 42), (51, 52)]
    assert "wanted none before 2026-01-01 08:10:00" in bad[1][2]


def test_last_rows_far_away_wait_where_the_table_may_grow(tmp_path):
    path = tmp_path / "table.csv"
    lines = [f"2026-01-01 {k:02d}:00,{k}" for k in range(10)]
    later = [f"2026-06-01 {k:02d}:00,{k}" for k in range(10)]
    path.write_text("\n".join(["when,v", *lines, *later[:2], ""]))
    with Table(str(path), final=False) as table:
        table.choose(["v"], [], "when")
        assert len(table.read(100).rows) == 10
        assert table.read(100) is None
        assert "line 12 has a time far from those before" in table.notes[0]
        at, state = (table.n_rows, table.checksum()), (table.order.state(), table.time_form)
    path.write_text("\n".join(["when,v", *lines, *later, ""]))
    with Table(str(path), final=False) as table:
        table.order.restore(state[0])
        table.time_form = state[1]
        table.skip(*at)
        table.choose(["v"], [], "when")
        assert len(table.read(100).rows) == 10


def test_order_may_be_somebody_elses_business(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("key,when\na,2026-01-02\nb,2026-01-01\nb,2099-01-01\n")
    with Table(str(path)) as table:
        table.choose([], ["key"], "when", ordered=False)
        assert len(table.read(9).rows) == 3
