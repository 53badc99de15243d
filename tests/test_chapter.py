"""``python -m bench chapter``: scores by hand, what is told and how it is scored, the tables."""

import io
import json
import math
import zipfile

import numpy as np
import pytest

from bench.chapter import music, text, vowels
from bench.chapter.__main__ import main, tables
from bench.chapter.chorales import KEYS, read
from bench.streams.data import MissingData

NOTE = "<note>{}<duration>{}</duration></note>"


def note(step, octave, duration, before="", alter=0):
    pitch = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
    return NOTE.format(before + pitch, duration)


REST = NOTE.format("<rest/>", 2)
#: Two divisions a quarter; a measure of one quarter before the first whole one.
FIRST = (
    "<measure><attributes><divisions>2</divisions></attributes>"
    + note("C", 4, 2)
    + "</measure><measure>"
    + note("F", 4, 3, alter=1)
    + note("A", 4, 3, before="<chord/>")
    + "<note><grace/><pitch><step>G</step><octave>4</octave></pitch></note>"
    + note("B", 3, 1)
    + "<backup><duration>4</duration></backup>"
    + "<forward><duration>2</duration></forward>"
    + note("C", 3, 4)
    + "</measure>"
)
OTHERS = "<measure><attributes><divisions>1</divisions></attributes>" + REST + "</measure>"


def packed(score):
    """As an mxl has it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr("score.xml", score)
    return content.getvalue()


@pytest.fixture
def wheel(tmp_path):
    """Four parts twice, the second time with the same notes; three parts; no chorale."""
    four = f"<score-partwise><part>{FIRST}</part>{f'<part>{OTHERS}</part>' * 3}</score-partwise>"
    three = f"<score-partwise>{f'<part>{FIRST}</part>' * 3}</score-partwise>"
    other = four.replace("<step>C</step>", "<step>D</step>")
    pieces = {
        "bwv7.2.mxl": packed(four), "bwv12.1-a.mxl": packed(four), "bwv12.1.xml": other,
        "bwv20.mxl": packed(three), "bwv846.mxl": packed(other), "notes.krn": "",
    }  # fmt: skip
    path = tmp_path / "music21.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in pieces.items():
            archive.writestr(f"music21/corpus/bach/{name}", content)
    return path


def test_a_score_is_read_at_every_quarter_note(wheel):
    first, second = read(wheel)
    assert (first.name, first.number, second.name) == ("bwv7.2.mxl", 7, "bwv12.1.xml")
    sounding = [[KEYS[key] for key in np.flatnonzero(row)] for row in first.roll]
    # C; then F sharp and A for one and a half, from the second quarter on C below, to the fourth
    assert sounding == [[60], [66, 69], [48, 66, 69], [48]]


def test_other_wheels_are_refused(tmp_path, wheel):
    with pytest.raises(MissingData, match="is no wheel of music21: wanted 10"):
        read(tmp_path / "none.whl")
    with zipfile.ZipFile(tmp_path / "empty.whl", "w"):
        pass
    with pytest.raises(MissingData, match="has no music21/corpus/bach/"):
        read(tmp_path / "empty.whl")


def test_pieces_are_parted_by_number_and_every_step_is_told(wheel):
    pieces = read(wheel)
    data = music.parts([*pieces, pieces[0]._replace(number=8), pieces[0]._replace(number=9)])
    assert [of.lengths.tolist() for of in data.values()] == [[4, 4], [4], [4]]
    X, targets, _ = data["train"]
    np.testing.assert_array_equal(targets[:4], pieces[0].roll)
    np.testing.assert_array_equal(X[1:4], pieces[0].roll[:3])
    assert not X[[0, 4]].any()


def test_nats_of_a_step():
    told, sounds = np.array([[0.5, 0.9], [0.2, 0.1]]), np.array([[1, 1], [0, 1]])
    wanted = -(math.log(0.5) + math.log(0.9) + math.log(0.8) + math.log(0.1)) / 2
    assert music.nats(told, sounds) == pytest.approx(wanted)


def test_shares_of_sequences_are_geometric_means_over_frames():
    class Net:
        def run_sequences(self, frames, lengths):
            return frames

    frames = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    found = vowels.shares(Net(), frames, np.array([2, 1]))
    means = np.sqrt(0.5 * 0.9), np.sqrt(0.5 * 0.1)
    np.testing.assert_allclose(found[0], np.array(means) / sum(means))
    np.testing.assert_allclose(found[1], [0.2, 0.8])


def test_a_text_is_told_before_it_is_learned():
    found = text.read(text.Setting([3, 3], 1e-3), text.reported_bytes()[:50])
    assert found.bits == pytest.approx(math.log2(len(np.unique(text._bytes()))), abs=0.1)


def test_tables_have_a_line_for_each_setting_and_published_figure():
    records = [
        {"use": "text", "setting": "one", "weights": 10, "bits": 1.5, "seconds": 1.0},
        {"use": "text, other", "setting": "one", "bits": 1.6},
        {"use": "vowels", "setting": "two", "accuracies": [0.9, 0.8, 1.0], "together": 0.95,
         "seconds": 1.0},
        {"use": "music", "setting": "three", "test": 8.0, "marginal": 12.0},
    ]  # fmt: skip
    read_once, told, heard, chosen = tables(records)
    assert [read_once.rows[0][0], chosen.rows[0]] == ["one", ["one", "1.6000"]]
    assert told.rows[0][1:5] == ["0.9500", "0.9000", "0.8000", "1.0000"]
    assert len(told.rows) == 1 + len(vowels.PUBLISHED)
    assert len(heard.rows) == 2 + len(music.PUBLISHED)


def test_what_is_not_run_keeps_its_figures(tmp_path, monkeypatch, capsys):
    kept = [{"use": "music", "setting": "three", "test": 8.0, "marginal": 12.0}]
    (tmp_path / "chapter.json").write_text(json.dumps({"records": kept}))
    monkeypatch.setattr(text, "CHOSEN", [text.Setting(2, 1e-3)])
    monkeypatch.setattr(text, "N_BYTES", 100)
    assert main(["--only", "text", "--out", str(tmp_path)]) == 0
    records = json.loads((tmp_path / "chapter.json").read_text())["records"]
    assert records[0] == kept[0]
    assert [record["setting"] for record in records[1:3]] == ["2 cells, Adam(0.001)",
                                                              "zlib, level 9"]  # fmt: skip
    assert "Bach's chorales" in capsys.readouterr().out


@pytest.mark.parametrize("use", ["vowels", "music"])
def test_missing_data_are_told(use, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--only", use, "--out", str(tmp_path)])
    assert stop.value.code == 2
    assert f"{use} needs --" in capsys.readouterr().err
