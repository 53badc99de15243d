"""What is kept of a stream that ends before its table does, and what it goes on from."""

import csv
import errno
import os
from pathlib import Path

import pytest
from streams import stream, wavy_table, write_csv

from pylstm.tabular import Session
from pylstm.tabular.outputs import GrowingFile

OPTIONS = ("--target", "load", "--cells", 2, "--optimizer", "sgd", "--interval", 0.8)


@pytest.fixture
def path(tmp_path):
    return write_csv(tmp_path / "table.csv", ["load", "wind"], wavy_table(200, missing=0.05))


@pytest.fixture
def places(tmp_path):
    session, predictions = tmp_path / "session.safetensors", tmp_path / "predictions.csv"
    return session, predictions, ("--resume", session, "--predictions", predictions)


def lines_of(path):
    return Path(path).read_text().splitlines(keepends=True)


def test_predictions_are_whole_up_to_a_bad_row(path, places, capsys):
    session, predictions, resume = places
    whole = predictions.with_name("whole.csv")
    assert stream(path, *OPTIONS, "--predictions", whole) == 0
    lines = lines_of(path)
    Path(path).write_text("".join([*lines[:90], "x,1\n", *lines[91:]]))
    assert stream(path, *OPTIONS, *resume) == 2
    assert Session.load(session).n_rows == 89
    assert lines_of(predictions) == lines_of(whole)[:90]
    assert lines_of(predictions)[0] == "row,prediction,low,high\n"
    Path(path).write_text("".join(lines))
    assert stream(path, *OPTIONS, *resume) == 0
    assert predictions.read_text() == whole.read_text()


def test_what_a_killed_run_wrote_beyond_its_session_is_written_anew(path, places):
    _, predictions, resume = places
    lines = lines_of(path)
    Path(path).write_text("".join(lines[:100]))
    assert stream(path, *OPTIONS, *resume) == 0
    with open(predictions, "a") as file:
        file.write("102,0.5,0.1,0.9\n103,0.")
    Path(path).write_text("".join(lines))
    assert stream(path, *OPTIONS, *resume) == 0
    whole = predictions.with_name("whole.csv")
    assert stream(path, *OPTIONS, "--predictions", whole) == 0
    assert predictions.read_text() == whole.read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text[:-40], "bytes and the session has written"),
        (lambda text: text.replace("3", "4", 1), "is not what the session has written"),
    ],
)
def test_another_file_of_predictions_is_refused(change, told, path, places, capsys):
    session, predictions, resume = places
    assert stream(path, *OPTIONS, *resume) == 0
    changed, before = change(predictions.read_text()), session.read_bytes()
    predictions.write_text(changed)
    assert stream(path, *OPTIONS, *resume) == 2
    assert told in capsys.readouterr().err
    assert (predictions.read_text(), session.read_bytes()) == (changed, before)


def test_a_file_that_a_resumed_session_has_not_written_is_not_written_over(path, places, capsys):
    session, predictions, resume = places
    assert stream(path, *OPTIONS, "--resume", session) == 0
    predictions.write_text("mine")
    assert stream(path, *OPTIONS, *resume) == 2
    assert (
        "is there already, and the session has written nothing into it" in capsys.readouterr().err
    )
    assert predictions.read_text() == "mine"


def test_what_a_full_disk_has_no_room_for_is_kept_in_the_session(path, places, capsys, monkeypatch):
    session, predictions, resume = places
    whole = predictions.with_name("whole.csv")
    assert stream(path, *OPTIONS, "--predictions", whole) == 0
    flush = GrowingFile.flush

    def full(self):
        if self.path == str(predictions):
            self.is_broken = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(self)

    monkeypatch.setattr(GrowingFile, "flush", full)
    assert stream(path, *OPTIONS, *resume) == 2
    err = capsys.readouterr().err
    assert f"cannot write {predictions}: No space left on device" in err
    assert f"session in {session}" in err
    monkeypatch.undo()
    assert stream(path, *OPTIONS, *resume) == 0
    assert predictions.read_text() == whole.read_text()


def test_only_the_table_that_was_taken_in_is_gone_on_with(path, places, capsys):
    session, _, _ = places
    options = (*OPTIONS, "--resume", session)
    assert stream(path, *options) == 0
    write_csv(path, ["load", "wind"], wavy_table(300, seed=1))
    before = session.read_bytes()
    assert stream(path, *options) == 2
    err = capsys.readouterr().err
    assert "the first 200 rows of" in err
    assert "--resume-new-file takes it from its start" in err
    assert session.read_bytes() == before
    assert stream(path, *options, "--resume-new-file") == 0
    assert Session.load(session).n_rows == 500
    assert stream(path, *options, "--resume-new-file") == 0  # the same by now
    assert Session.load(session).n_rows == 500


def test_bad_rows_are_left_out_counted_and_written(path, tmp_path, capsys):
    bad = tmp_path / "bad.csv"
    lines = lines_of(path)
    good = tmp_path / "good.safetensors"
    assert stream(path, *OPTIONS, "--save", good) == 0
    Path(path).write_text("".join([*lines[:50], "1\n", *lines[50:80], "load,wind\n", *lines[80:]]))
    saved = tmp_path / "saved.safetensors"
    options = ("--bad-rows", "skip", "--bad-rows-to", bad, "--save", saved)
    capsys.readouterr()
    assert stream(path, *OPTIONS, *options) == 0
    assert "\n2 bad rows left out\n" in capsys.readouterr().out
    with open(bad, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["cells"]) for row in rows] == [("51", "1"), ("82", "load,wind")]
    assert "has 1 cell, wanted 2" in rows[0]["reason"]
    sessions = [Session.load(one) for one in (good, saved)]
    assert sessions[0].series[()].state().keys() == sessions[1].series[()].state().keys()
    assert sessions[0].total() == sessions[1].total()
    assert [one.counts.n_bad for one in sessions] == [0, 2]


def test_a_last_line_without_its_end_waits_for_the_rest(path, places):
    session, _, _ = places
    text = Path(path).read_text()
    Path(path).write_text(text[:-6])
    assert stream(path, *OPTIONS, "--resume", session) == 0
    assert Session.load(session).n_rows == 199
    Path(path).write_text(text)
    assert stream(path, *OPTIONS, "--resume", session) == 0
    assert Session.load(session).n_rows == 200


def test_rows_without_a_target_are_counted(path, capsys):
    assert stream(path, *OPTIONS) == 0
    n_missing = sum(not line.split(",")[0].strip("NA") for line in lines_of(path)[1:])
    assert f"\n{n_missing} rows without a target\n" in capsys.readouterr().out
