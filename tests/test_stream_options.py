"""``pylstm stream``: lines of JSON, and the choice of optimizer."""

import json
import math

import numpy as np
import pytest
from streams import read_predictions, running_pylstm, stream, wavy_table, write_csv

from pylstm import SGD, Adam, ObGD, RMSprop
from pylstm.tabular import Session, Settings, StreamError

HEADER = ["load", "wind"]


@pytest.fixture
def table():
    table = wavy_table(300, missing=0.05)
    table[:2, 0] = np.nan  # the first forecasts are none
    return table


@pytest.fixture
def path(table, tmp_path):
    return write_csv(tmp_path / "table.csv", HEADER, table)


# ---------------------------------------------------------------- lines of JSON


@pytest.mark.parametrize("horizon", [1, 4])
def test_json_tells_what_csv_does_and_what_became_of_it(horizon, table, path, tmp_path, capsys):
    out = tmp_path / "out.csv"
    options = ("--target", "load", "--horizon", horizon)
    assert stream(path, *options, "--predictions", out) == 0
    report = capsys.readouterr().out
    rows, predictions = read_predictions(out)
    assert stream(path, *options, "--json") == 0
    lines, err = capsys.readouterr()
    assert err.splitlines()[:-1] == report.splitlines()[:-1]
    told = [json.loads(line) for line in lines.splitlines()]
    assert [line["row"] for line in told] == rows.tolist()
    values = [math.nan if line["prediction"] is None else line["prediction"] for line in told]
    np.testing.assert_array_equal(values, predictions)
    for t, line in enumerate(told):
        past = t - horizon
        if past < 0 or np.isnan(predictions[past]) or np.isnan(table[t, 0]):
            assert set(line) == {"row", "prediction"}
        else:
            last = {"row": t + 1, "prediction": predictions[past], "target": table[t, 0]}
            assert line == {"row": rows[t], "prediction": values[t], "last": last}


def test_json_in_a_file(path, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    assert stream(path, "--target", "load", "--json") == 0
    lines = capsys.readouterr().out
    assert stream(path, "--target", "load", "--json", "--predictions", out) == 0
    assert out.read_text() == lines
    assert capsys.readouterr().out.startswith("load, 1 row ahead")


@pytest.mark.processes
def test_each_line_of_json_comes_before_the_next_row(path):
    with open(path) as file:
        header, *lines = list(file)[:20]
    with running_pylstm("stream", "-", "--target", "load", "--json") as process:
        process.stdin.write(header)
        for k, line in enumerate(lines):
            process.stdin.write(line)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["row"] == k + 2
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err.startswith("load, 1 row ahead, after 19 rows\n")


# ---------------------------------------------------------------- optimizers


RATE_BY_DEFAULT = RMSprop(5e-4, decay=0.9999, clip_norm=1.0, weight_decay=2e-3)
CHOICES = {
    "momentum alone": ({"momentum": 0.5}, SGD(0.01, 0.5)),
    "sgd": ({"optimizer": "sgd", "learning_rate": 0.02}, SGD(0.02)),
    "momentum": ({"optimizer": "momentum"}, SGD(0.001, 0.9)),
    "less momentum": ({"optimizer": "momentum", "momentum": 0.5}, SGD(0.001, 0.5)),
    "rmsprop": ({"optimizer": "rmsprop"}, RATE_BY_DEFAULT),
    "adam": ({"optimizer": "adam"}, Adam(0.001)),
    "rate of adam": ({"optimizer": "adam", "learning_rate": 0.1}, Adam(0.1)),
    "obgd": ({"optimizer": "obgd"}, ObGD(1.0)),
    "labels by sgd": ({"classify": True, "optimizer": "sgd"}, SGD(0.01)),
}


@pytest.mark.parametrize("case", list(CHOICES))
def test_network_learns_by_the_optimizer_chosen(case):
    options, wanted = CHOICES[case]
    session = Session(Settings(target="load", cells=4, **options), ["wind"])
    if session.settings.classify:
        session.update(np.zeros(1), "a")
    else:
        session.update(np.zeros(1), 1.0)
    nets = session.series[()].learner.model.nets
    assert [net.optimizer for net in nets] == [wanted]


@pytest.mark.parametrize("classify", [False, True])
def test_by_default_several_networks_learn(classify):
    session = Session(Settings(target="load", cells=4, classify=classify), ["wind"])
    session.update(np.zeros(1), "a" if classify else 1.0)
    assert len(session.series[()].learner.model.nets) == 3


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam", "obgd"])
def test_every_optimizer_learns_and_resumes(optimizer, table, path, tmp_path):
    session, whole = tmp_path / "session.safetensors", tmp_path / "whole.safetensors"
    options = ("--target", "load", "--horizon", 2, "--optimizer", optimizer)
    assert stream(path, *options, "--save", whole) == 0
    first = write_csv(tmp_path / "first.csv", HEADER, table[:100])
    for part in (first, path):
        assert stream(part, *options, "--resume", session) == 0
    assert session.read_bytes() == whole.read_bytes()
    long = Session(Settings(target="load", optimizer=optimizer), ["wind"])
    for row in wavy_table(3000):
        long.update(row[1:], row[0])
    assert long.total(after=0.5).skill("pylstm", "last value") > 0.15


def test_optimizer_of_a_saved_session_stays(path, tmp_path, capsys):
    saved = tmp_path / "saved.safetensors"
    assert stream(path, "--target", "load", "--optimizer", "adam", "--save", saved) == 0
    assert stream(path, "--load", saved, "--optimizer", "adam", "--learning-rate", 0.001) == 0
    capsys.readouterr()
    assert stream(path, "--load", saved, "--optimizer", "sgd") == 2
    assert "--optimizer is 'sgd' and the session in" in capsys.readouterr().err


def test_optimizers_that_make_no_sense(path, capsys):
    assert stream(path, "--target", "load", "--optimizer", "magic") == 2
    assert "--optimizer: invalid choice: 'magic'" in capsys.readouterr().err
    assert stream(path, "--target", "load", "--optimizer", "adam", "--momentum", 0.5) == 2
    told = "momentum is 0.5 and optimizer is 'adam', wanted momentum with 'sgd' or 'momentum' only"
    assert told in capsys.readouterr().err
    with pytest.raises(StreamError, match="optimizer is 'magic', wanted one of 'sgd'"):
        Settings(target="load", optimizer="magic")
