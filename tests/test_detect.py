"""``pylstm detect``: what it prints, writes and draws, and what it refuses in one sentence."""

import csv
import json
import math

import pytest

from pylstm.cli import main
from pylstm.estimators import Detector


def table(path, n_rows=400, odd=300):
    lines = ["when,load,wind"]
    for t in range(n_rows):
        load = 20 + 5 * math.sin(t * math.pi / 12) + (t * 7919 % 101) / 101 + 20 * (t == odd)
        lines.append(
            f"2013-{1 + t // 672:02}-{1 + t // 24 % 28:02} {t % 24:02}:00,{load:.4f},{t % 7}"
        )
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def load(tmp_path):
    return table(tmp_path / "load.csv")


def detect(*arguments):
    return main(["detect", *map(str, arguments), "--cells", "4", "--no-progress"])


def test_tells_the_row_and_its_time(load, capsys):
    assert detect(load, "--target", "load", "--time", "when", "--season", 24) == 0
    out = capsys.readouterr().out.splitlines()
    assert "row      301  2013-01-13 12:00  score 1.000000  load 40" in out[0]
    assert "load, after 400 rows: " in "\n".join(out)
    assert "highest score" in "\n".join(out)


def test_scores_are_those_of_the_detector(load, tmp_path, capsys):
    scores = tmp_path / "scores.csv"
    assert detect(load, "--target", "load", "--inputs", "wind", "--scores", scores) == 0
    model, wanted = Detector(4), []
    with open(load) as file:
        for row in csv.DictReader(file):
            features, values = {"wind": float(row["wind"])}, {"load": float(row["load"])}
            wanted.append(model.score_one(features, values))
            model.learn_one(features, values)
    with open(scores) as file:
        assert [float(row["score"]) for row in csv.DictReader(file)] == wanted


def test_lines_of_json(load, capsys):
    assert detect(load, "--target", "load,wind", "--time", "when", "--json") == 0
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert 301 in [record["row"] for record in records]
    for record in records:
        assert list(record) == ["row", "time", "score", "values"]
        assert list(record["values"]) == ["load", "wind"]
        assert 0.99 <= record["score"] <= 1
    assert "load, wind, after 400 rows" in err


def test_a_higher_threshold_tells_less(load, capsys):
    found = []
    for threshold in (0, 0.9, 0.99, 1):
        assert detect(load, "--target", "load", "--threshold", threshold, "--json") == 0
        found.append(len(capsys.readouterr().out.splitlines()))
    assert found[0] >= found[1] >= found[2] > found[3] == 0


@pytest.mark.parametrize("targets", ["load", "load,wind"])
def test_draws_a_picture(load, targets, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "load.png"
    assert detect(load, "--target", targets, "--plot", picture) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"picture in {picture}" in capsys.readouterr().out


def test_missing_values_are_no_detections(tmp_path, capsys):
    path = tmp_path / "gaps.csv"
    path.write_text("a\n" + "\n".join("NA" if t % 9 == 3 else str(t % 3) for t in range(90)) + "\n")
    assert detect(path, "--target", "a", "--json", "--threshold", 0) == 0
    rows = [json.loads(line)["row"] for line in capsys.readouterr().out.splitlines()]
    assert all(row % 9 != 4 for row in rows)


@pytest.mark.parametrize(
    ("text", "arguments", "wanted"),
    [
        ("a,b\n1,2\n", ["--target", "c"], "has no column 'c', wanted one of 'a', 'b'"),
        ("a,b\nx,2\n", ["--target", "a"], "begins with 'x', wanted numbers"),
        ("a,b\n1,2\n", ["--target", "a,a"], "column 'a' is named twice"),
        ("a,b\n1,2\n", ["--target", "a", "--inputs", "a"], "column 'a' is named twice"),
        ("a\n1\n2\n3\n4\nx\n", ["--target", "a"], "line 6 has 'x' in column 'a', wanted a number "
         "between -1e100 and 1e100, or an empty cell"),
        ("a,b\n,1\n,2\n", ["--target", "a"], "has no number in 'a', wanted some"),
        ("a\n", ["--target", "a"], "has a header line and nothing else"),
        ("a,b\n1,2\n", ["--target", ""], "no column in --target, wanted those to watch"),
        ("a,t\n1,2013-01-02\n2,2013-01-01\n", ["--target", "a", "--time", "t"],
         "line 3 has time 2013-01-01 00:00:00, wanted none before 2013-01-02"),
        ("a,t\n1,noon\n", ["--target", "a", "--time", "t"],
         "line 2 has time 'noon', wanted one such as"),
        ("a\n1\n", ["--target", "a", "--season", "0"], "season is 0, wanted a whole number"),
        ("a\n1\n", ["--target", "a", "--seed", "-1"], "seed is -1, wanted a whole number"),
        ("a\n1\n", ["--target", "a", "--plot", "a.xyz"], "cannot plot to a.xyz"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(text, arguments, wanted, tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert detect(path, *arguments) == 2
    err = capsys.readouterr().err
    assert wanted in err
    assert err.startswith("pylstm: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("threshold", ["2", "-0.1", "nan", "high"])
def test_a_threshold_that_is_none(threshold, load, capsys):
    with pytest.raises(SystemExit) as stopped:
        detect(load, "--target", "load", f"--threshold={threshold}")
    assert stopped.value.code == 2
    assert f"{threshold} given, wanted a number from 0 to 1" in capsys.readouterr().err


def test_no_such_file(tmp_path, capsys):
    assert detect(tmp_path / "none.csv", "--target", "a") == 2
    assert "cannot read" in capsys.readouterr().err
