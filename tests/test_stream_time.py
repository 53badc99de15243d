"""Times of rows: how they are read, what the network sees of them, in which order they must be."""

import math
from datetime import datetime

import numpy as np
import pytest
from streams import read_predictions, stream, wavy_table, write_csv

from pylstm.tabular import Forecaster, Session, Settings, StreamError
from pylstm.tabular.clock import Clock

HEADER = ["when", "load", "wind"]
OPTIONS = ("--target", "load", "--time", "when")


def iso_times(n_rows, start="2012-02-28 00:00"):
    first = np.datetime64(start.replace(" ", "T"), "m")
    return [str(time).replace("T", " ") for time in first + 60 * np.arange(n_rows)]


def write_timed(path, times, table):
    numbers = write_csv(path, HEADER[1:], table)
    with open(numbers) as file:
        _, *lines = file.read().splitlines()
    rows = [f"{time},{line}" for time, line in zip(times, lines, strict=True)]
    path.write_text("\n".join([",".join(HEADER), *rows]) + "\n")
    return str(path)


# ---------------------------------------------------------------- reading


#                       part of the day, day of the week of 7, day of the year, days in it
PLACES = {
    "2013-01-01 00:00": (0, 1, 0, 365),  # a Tuesday
    "2012-12-31T18:00:00": (0.75, 0, 365, 366),
    "2012-02-29 06:30": (6.5 / 24, 2, 59, 366),
    "2013-12-31": (0, 1, 364, 365),
    "2013-03-03T12:00:00Z": (0.5, 6, 61, 365),
    "2013-03-03T12:00:00+05:30": (0.5, 6, 61, 365),
    " 2013-03-03 00:00:43.2 ": (0.0005, 6, 61, 365),
    "0": (0, 3, 0, 365),
    "1362312000": (0.5, 6, 61, 365),
    "1362312000.0": (0.5, 6, 61, 365),
    "-43200": (0.5, 2, 364, 365),
}


@pytest.mark.parametrize("text", list(PLACES))
def test_calendar_of_a_time(text):
    day, weekday, date, n_days = PLACES[text]
    wanted = []
    for part in (day, weekday / 7, date / n_days):
        wanted += [math.sin(2 * math.pi * part), math.cos(2 * math.pi * part)]
    np.testing.assert_allclose(Clock().calendar(text), wanted, atol=1e-12)


@pytest.mark.parametrize("text", ["", " ", "NA", "null", None])
def test_missing_time(text):
    clock = Clock()
    clock.advance("2013-01-01")
    assert np.isnan(clock.calendar(text)).all()
    clock.advance(text)
    assert clock.state() == "2013-01-01"


UNREADABLE = ["yesterday", "2013-13-01", "2013-01-01 25:00", "01/02/2013", "inf", "1e15", "1_000"]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(StreamError, match=r"time is '.*', wanted one such as 2013-01-31 06:00"):
        Clock().calendar(text)


def test_order_is_that_of_the_moment_not_of_the_clock():
    clock = Clock()
    for text in ("2013-01-01T12:00+05:00", "2013-01-01T09:00+01:00", "2013-01-01 08:00"):
        clock.calendar(text)
        clock.advance(text)
    assert clock.calendar("2013-01-01 08:00").shape == (6,)
    with pytest.raises(StreamError, match="'2013-01-01T12:30\\+05:00', wanted none before"):
        clock.calendar("2013-01-01T12:30+05:00")


# ---------------------------------------------------------------- what the network sees


def test_network_sees_the_calendar_beside_the_columns():
    """The forecasts are those of a forecaster given the six numbers as columns."""
    table, times = wavy_table(200, missing=0.05), iso_times(200)
    times[50] = ""
    session = Session(Settings(target="load", time="when", horizon=2), ["load", "wind"])
    by_hand = Forecaster(8, Settings(target="load", horizon=2))
    for row, time in zip(table, times, strict=True):
        calendar = np.full(6, np.nan)
        if time:
            at = datetime.fromisoformat(time)
            angles = [
                2 * math.pi * (at.hour / 24),
                2 * math.pi * (at.weekday() / 7),
                2 * math.pi * ((at.timetuple().tm_yday - 1) / 366),
            ]
            calendar = np.array([f(angle) for angle in angles for f in (np.sin, np.cos)])
        wanted = by_hand.update(np.concatenate([row, calendar]), row[0])
        assert session.update(row, row[0], time) == pytest.approx(wanted, rel=1e-6, nan_ok=True)


def test_calendar_helps_where_the_hour_decides(tmp_path):
    """A load that follows the hour of the day, with noise too strong to read the hour from it."""
    rng, hour = np.random.default_rng(0), np.arange(3000) % 24
    load = 10 * (hour == 8) + 5 * np.sin(2 * np.pi * hour / 24) + 3 * rng.normal(size=3000)
    skill = {}
    for time in (None, "when"):
        session = Session(Settings(target="load", time=time), ["load"])
        for value, at in zip(load, iso_times(3000), strict=True):
            session.update(np.array([value]), value, at if time else None)
        skill[time] = session.kind.total(after=0.3).skill("pylstm", "last value")
    assert skill["when"] > skill[None] + 0.02


def test_seconds_and_iso_times_are_the_same(tmp_path):
    table = wavy_table(100)
    times = iso_times(100)
    seconds = np.array([time.replace(" ", "T") for time in times], "datetime64[s]").astype(int)
    outs = []
    for k, column in enumerate((times, seconds.tolist())):
        path = write_timed(tmp_path / f"{k}.csv", column, table)
        outs.append(f"{path}.out")
        assert stream(path, *OPTIONS, "--predictions", outs[-1]) == 0
    np.testing.assert_array_equal(*map(read_predictions, outs))


def test_labels_have_a_calendar_too(tmp_path, capsys):
    """Day or night, by nothing but the time."""
    path = tmp_path / "table.csv"
    hours = [int(time[11:13]) for time in iso_times(2000)]
    rows = [
        f"{time},{'day' if 6 <= hour < 18 else 'night'}"
        for time, hour in zip(iso_times(2000), hours, strict=True)
    ]
    path.write_text("\n".join(["when,kind", *rows]) + "\n")
    options = ("--target", "kind", "--time", "when", "--inputs", "kind")
    assert stream(path, *options) == 0
    out, err = capsys.readouterr()
    assert err == ""
    accuracy = float(out.split("after the first tenth")[1].split("pylstm")[1].split("%")[0])
    assert accuracy > 97  # the last label: 91.7


# ---------------------------------------------------------------- order and files


BAD_TIMES = {
    "unreadable": ("soon", "line 92: time is 'soon', wanted one such as 2013-01-31 06:00"),
    "back": (
        "2012-02-28 00:00",
        "line 92: time is '2012-02-28 00:00', wanted none before '2012-03-02 17:00'",
    ),
}


@pytest.mark.parametrize("case", list(BAD_TIMES))
def test_bad_time_stops_with_what_was_learned_before_kept(case, tmp_path, capsys):
    """Put right, the stream goes on and ends as one that never had it."""
    table, times = wavy_table(200), iso_times(200)
    bad, told = BAD_TIMES[case]
    path = tmp_path / "table.csv"
    session, whole = tmp_path / "session.safetensors", tmp_path / "whole.safetensors"
    good = write_timed(tmp_path / "good.csv", times, table)
    write_timed(path, [*times[:90], bad, *times[91:]], table)
    options = (*OPTIONS, "--resume", session, "--save-every", 40)
    assert stream(path, *options) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err
    assert Session.load(session).n_rows == 80
    assert stream(good, *options) == 0
    assert stream(good, *OPTIONS, "--save", whole) == 0
    assert session.read_bytes() == whole.read_bytes()


def test_order_holds_across_sessions(tmp_path, capsys):
    saved = tmp_path / "saved.safetensors"
    times = iso_times(60)
    first = write_timed(tmp_path / "first.csv", times[30:], wavy_table(30))
    second = write_timed(tmp_path / "second.csv", times[:30], wavy_table(30))
    assert stream(first, *OPTIONS, "--save", saved) == 0
    capsys.readouterr()
    assert stream(second, "--load", saved) == 2
    assert "line 2: time is '2012-02-28 00:00', wanted none before" in capsys.readouterr().err
    other = write_csv(tmp_path / "other.csv", ["load", "wind"], wavy_table(9))
    assert stream(other, "--load", saved) == 2
    assert "has no column 'when'" in capsys.readouterr().err


def test_bad_time_changes_nothing():
    table, times = wavy_table(100), iso_times(100)
    one, two = (Session(Settings(target="load", time="when"), ["load", "wind"]) for _ in range(2))
    forecasts = []
    for session in (one, two):
        made = []
        for k, (row, time) in enumerate(zip(table, times, strict=True)):
            if k == 50 and session is two:
                for bad in ("soon", times[0]):
                    with pytest.raises(StreamError, match="wanted"):
                        session.update(row, row[0], bad)
            made.append(session.update(row, row[0], time))
        forecasts.append(made)
    np.testing.assert_array_equal(*forecasts)


def test_time_without_a_column_of_times_is_refused():
    session = Session(Settings(target="load"), ["load"])
    with pytest.raises(StreamError, match="the settings name no column of times"):
        session.update(np.array([1.0]), 1.0, "2013-01-01")


def test_column_of_times_that_is_not_there(tmp_path, capsys):
    path = write_csv(tmp_path / "table.csv", ["load", "wind"], wavy_table(9))
    assert stream(path, *OPTIONS) == 2
    assert "has no column 'when', wanted one of 'load', 'wind'" in capsys.readouterr().err
