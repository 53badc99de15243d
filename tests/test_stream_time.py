"""Times of rows as `pylstm stream` sees them; what they mean: `test_times.py`."""

import numpy as np
import pytest
from streams import read_predictions, stream, wavy_table, write_csv

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
    assert err.startswith("kind taken for labels")
    accuracy = float(out.split("after the first tenth")[1].split("pylstm")[1].split("%")[0])
    assert accuracy > 97  # the last label: 91.7


def test_decimal_commas_in_quotes_are_not_taken_for_labels(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("when,load\n" + "".join(f'{k},"2{k % 7},{k % 9}5"\n' for k in range(60)))
    assert stream(path, "--target", "load") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(
        "line 2 has '20,05' in column 'load', which may be a number with a decimal comma or a "
        "label: say which by --decimal , or --classify\n"
    )
    assert stream(path, "--target", "load", "--decimal", ",") == 0
    assert "MAE" in capsys.readouterr().out
    assert stream(path, "--target", "load", "--classify") == 0
    assert "accuracy" in capsys.readouterr().out


def test_calendar_helps_where_the_hour_decides(tmp_path, capsys):
    """A load that follows the hour of the day, with noise too strong to read the hour from it."""
    rng, hour = np.random.default_rng(0), np.arange(3000) % 24
    load = 10 * (hour == 8) + 5 * np.sin(2 * np.pi * hour / 24) + 3 * rng.normal(size=3000)
    path = write_timed(tmp_path / "table.csv", iso_times(3000), np.column_stack([load, hour * 0]))
    skill = []
    for options in ((), ("--time", "when")):
        assert stream(path, "--target", "load", "--inputs", "load", *options) == 0
        out = capsys.readouterr().out.split("after the first tenth")[1]
        skill.append(float(out.split("last value")[1].split("%")[0].split()[-1]))
    assert skill[1] > skill[0] + 2


# ---------------------------------------------------------------- order and files


BAD_TIMES = {
    "unreadable": ("soon", "line 92 has time 'soon', wanted one such as 2013-01-31 06:00"),
    "back": (
        "2012-02-28 00:00",
        "line 92 has time 2012-02-28 00:00:00, wanted none before 2012-03-02 17:00:00",
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
    assert "90 rows taken in" in err
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
    assert "line 2 has time 2012-02-28 00:00:00, wanted none before" in capsys.readouterr().err
    other = write_csv(tmp_path / "other.csv", ["load", "wind"], wavy_table(9))
    assert stream(other, "--load", saved) == 2
    assert "has no column 'when'" in capsys.readouterr().err


def test_column_of_times_that_is_not_there(tmp_path, capsys):
    path = write_csv(tmp_path / "table.csv", ["load", "wind"], wavy_table(9))
    assert stream(path, *OPTIONS) == 2
    assert "has no column 'when', wanted one of 'load', 'wind'" in capsys.readouterr().err
