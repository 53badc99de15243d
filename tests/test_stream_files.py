"""What a stream writes: sessions to go on with, whole files, pictures."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from checkpoints import put_together, saved_bits, take_apart
from streams import read_predictions, same_but_for_the_file, stream, wavy_table, write_csv

import pylstm
from pylstm.tabular import Session, demo

HEADER = ["load", "wind"]


@pytest.fixture
def table():
    return wavy_table(400, missing=0.05)


@pytest.fixture
def path(table, tmp_path):
    return write_csv(tmp_path / "table.csv", HEADER, table)


# ---------------------------------------------------------------- going on


RESUMED = {
    "default": [],
    "ahead": ["--horizon", "3", "--season", "12"],
    "marks": ["--mark-missing", "--dtype", "float64", "--season", "5,12"],
    "the row's own": ["--horizon", "0", "--delay", "2"],
    "momentum": ["--momentum", "0.5", "--horizon", "2", "--seed", "3", "--cells", "40"],
}


@pytest.mark.parametrize("case", list(RESUMED))
@pytest.mark.parametrize("cut", [1, 2, 150])
def test_two_halves_end_as_one_pass(case, cut, table, path, tmp_path, capsys):
    """Predictions, report and saved session are the same to the last bit."""
    first = write_csv(tmp_path / "first.csv", HEADER, table[:cut])
    # Its columns in another order, with one more between them.
    second = write_csv(
        tmp_path / "second.csv",
        ["wind", "sun", "load"],
        np.column_stack([table[cut:, 1], np.ones(len(table) - cut), table[cut:, 0]]),
    )
    outs = {name: tmp_path / f"{name}.out" for name in ("whole", "first", "second")}
    saves = {name: tmp_path / f"{name}.safetensors" for name in outs}
    runs = {"whole": (path, "--target", "load"), "first": (first, "--target", "load")}
    runs["second"] = (second, "--load", saves["first"])
    report = {}
    for name, run in runs.items():
        options = [] if name == "second" else RESUMED[case]
        options = [*options, "--predictions", outs[name], "--save", saves[name]]
        assert stream(*run, *options) == 0
        report[name] = capsys.readouterr().out.splitlines()

    halves = [read_predictions(outs[name]) for name in ("first", "second")]
    whole = read_predictions(outs["whole"])
    for column in (0, 1):
        joined = np.concatenate([half[column] for half in halves])
        np.testing.assert_array_equal(joined, whole[column])
    assert np.isfinite(whole[1]).sum() > 300
    assert same_but_for_the_file(saves["second"], saves["whole"])
    assert report["second"][:-2] == report["whole"][:-2]


def test_session_goes_on_from_python(table, tmp_path):
    path = str(tmp_path / "session.safetensors")
    session = Session(demo.settings(), HEADER[1:])
    for row in table[:200]:
        session.update(row[1:], row[0])
    session.save(path)
    resumed = Session.load(path)
    assert (resumed.settings, resumed.columns) == (session.settings, session.columns)
    for row in table[200:]:
        assert resumed.update(row[1:], row[0]) == session.update(row[1:], row[0])
    assert resumed.n_rows == 400


@pytest.fixture
def saved(path, tmp_path, capsys):
    out = tmp_path / "saved.safetensors"
    assert stream(path, "--target", "load", "--save", out) == 0
    capsys.readouterr()
    return out


def test_saved_settings_may_be_repeated_but_not_changed(path, saved, capsys):
    assert stream(path, "--load", saved, "--target", "load", "--cells", "32") == 0
    for option, value in (("--cells", 64), ("--target", "wind"), ("--learning-rate", 0.02)):
        assert stream(path, "--load", saved, option, value) == 2
        assert f"{option} is {value!r} and the session in" in capsys.readouterr().err


def test_resumed_table_needs_the_same_columns(saved, tmp_path, capsys):
    path = write_csv(tmp_path / "other.csv", ["load", "sun"], wavy_table(9))
    assert stream(path, "--load", saved) == 2
    assert "has no column 'wind', wanted one of 'load', 'sun'" in capsys.readouterr().err


def assert_refused(session, path, capsys, message):
    assert stream(path, "--load", session) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"pylstm: cannot load {session}: ")
    assert message in err


def test_what_is_no_session_is_refused(path, tmp_path, capsys):
    foreign = tmp_path / "foreign.safetensors"
    pylstm.LSTM(2, 1, 3).save(foreign)
    assert_refused(foreign, path, capsys, "it is of class LSTM, wanted Session")
    foreign.write_text("load,wind\n1,2\n")
    assert_refused(foreign, path, capsys, "wanted an undamaged file written by pylstm.save")


def test_session_of_another_version(path, saved, capsys):
    document, arrays = take_apart(saved)
    document["objects"][-1]["state"]["format"] = 99
    put_together(saved, document, arrays)
    assert_refused(saved, path, capsys, "written by another version of pylstm")


def test_damaged_session_is_refused_or_unharmed(path, saved, tmp_path, rng, capsys):
    """A byte changed anywhere: either nothing that matters has changed, or the file is refused."""
    content, good = saved.read_bytes(), saved_bits(saved)
    damaged, n_refused = tmp_path / "damaged.safetensors", 0
    for place in rng.integers(0, len(content), 100):
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        damaged.write_bytes(changed)
        code = stream(path, "--load", damaged)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        if code == 0:
            assert saved_bits(damaged) == good
        else:
            assert (code, captured.err.count("\n")) == (2, 1)
            n_refused += 1
    assert n_refused > 90


@pytest.mark.parametrize("part", [0.02, 0.5, 0.98])
def test_cut_session_is_refused(part, path, saved, tmp_path, capsys):
    content = saved.read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(content[: int(part * len(content))])
    assert_refused(cut, path, capsys, "wanted an undamaged file written by pylstm.save")


# ---------------------------------------------------------------- the same command again


OPTIONS = ("--target", "load", "--horizon", "3", "--season", "12")


def test_resume_begins_goes_on_and_has_ended(table, path, tmp_path, capsys):
    """The same command on a table that grows: each row is taken in once."""
    session, whole = tmp_path / "session.safetensors", tmp_path / "whole.safetensors"
    assert stream(path, *OPTIONS, "--save", whole) == 0
    for n_rows, n_new in ((150, 150), (151, 1), (400, 249), (400, 0)):
        growing = write_csv(tmp_path / "growing.csv", HEADER, table[:n_rows])
        capsys.readouterr()
        assert stream(growing, *OPTIONS, "--resume", session) == 0
        out = capsys.readouterr().out
        assert f"after {n_rows} rows\n" in out
        assert f"\n{n_new} rows in " in out
        assert f"session in {session}" in out
    assert session.read_bytes() == whole.read_bytes()


def test_resume_after_a_bad_row(table, tmp_path, capsys):
    """A stream stopped by a bad row, which is then put right, ends as one that never had it."""
    session, whole = tmp_path / "session.safetensors", tmp_path / "whole.safetensors"
    good = write_csv(tmp_path / "good.csv", HEADER, table)
    lines = Path(good).read_text().splitlines(keepends=True)
    bad = tmp_path / "bad.csv"
    bad.write_text("".join([*lines[:90], "x,1\n", *lines[91:]]))
    assert stream(bad, *OPTIONS, "--resume", session) == 2
    told = capsys.readouterr().err
    assert "line 91 has 'x' in column 'load'" in told
    assert f"(89 rows taken in, session in {session})" in told
    assert Session.load(session).n_rows == 89
    assert stream(good, *OPTIONS, "--resume", session) == 0
    assert stream(good, *OPTIONS, "--save", whole) == 0
    assert session.read_bytes() == whole.read_bytes()


def test_resume_of_standard_input_takes_in_every_row(table, path, tmp_path, monkeypatch):
    session, whole = tmp_path / "session.safetensors", tmp_path / "whole.safetensors"
    for part in (table[:100], table[100:]):
        half = write_csv(tmp_path / "half.csv", HEADER, part)
        with open(half) as file:
            monkeypatch.setattr(sys, "stdin", file)
            assert stream("-", *OPTIONS, "--resume", session) == 0
    assert stream(path, *OPTIONS, "--save", whole) == 0
    assert same_but_for_the_file(session, whole)


def test_resume_is_refused_where_it_makes_no_sense(path, tmp_path, capsys):
    session = tmp_path / "session.safetensors"
    for option in ("--load", "--save"):
        assert stream(path, *OPTIONS, "--resume", session, option, session) == 2
        assert f"--resume given with {option}, wanted one of them" in capsys.readouterr().err
    assert stream(path, "--resume", session) == 2
    assert "no --target given" in capsys.readouterr().err
    assert stream(path, *OPTIONS, "--resume", session) == 0
    before = session.read_bytes()
    shorter = write_csv(tmp_path / "shorter.csv", HEADER, wavy_table(399))
    assert stream(shorter, *OPTIONS, "--resume", session) == 2
    wanted = "shorter.csv has 399 rows, and 400 were taken in before: wanted the table they came"
    assert wanted in capsys.readouterr().err
    assert stream(path, *OPTIONS, "--cells", 8, "--resume", session) == 2
    assert "--cells is 8 and the session in" in capsys.readouterr().err
    assert session.read_bytes() == before


# ---------------------------------------------------------------- files


def test_failed_write_leaves_the_old_file(path, saved, tmp_path, capsys, monkeypatch):
    before = saved.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert stream(path, "--target", "load", "--save", saved) == 2
    assert f"cannot write {saved}: No space left on device" in capsys.readouterr().err
    assert saved.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([saved, tmp_path / "table.csv"])


def test_new_file_takes_the_place_of_the_old_one(path, saved, tmp_path):
    """Nothing is written into the file that was there: its other name keeps the old content."""
    other, before = tmp_path / "other.safetensors", saved.read_bytes()
    os.link(saved, other)
    assert stream(path, "--target", "load", "--horizon", "2", "--save", saved) == 0
    assert other.read_bytes() == before != saved.read_bytes()


def test_plot_is_a_picture(path, tmp_path, capsys):
    picture = tmp_path / "out.png"
    assert stream(path, "--target", "load", "--season", "24", "--plot", picture) == 0
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    assert picture.stat().st_size > 10_000
    assert f"picture in {picture}" in capsys.readouterr().out


def test_plot_without_matplotlib_is_refused_at_once(path, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    monkeypatch.setattr("pylstm.tabular.command.Table", None)
    assert stream(path, "--target", "load", "--plot", tmp_path / "out.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "pylstm: --plot needs matplotlib, which is not installed: " \
                  "pip install 'pylstm[demo]'\n"  # fmt: skip
