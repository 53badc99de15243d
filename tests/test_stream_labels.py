"""``pylstm stream`` on labels: what is learned when, baselines, report, saved sessions."""

import csv
import json
import re
from collections import Counter

import numpy as np
import pytest
from checkpoints import put_together, take_apart
from streams import stream

from pylstm.estimators import Classifier
from pylstm.tabular import LabelScores, Session, Settings

INPUTS = ["wind", "sun"]
N_ROWS = 200


def labelled_table(n_rows=N_ROWS, seed=0, missing=0.05):
    """Cells wind and sun, and a label that often stays; cells missing at random as NaN and None."""
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(n_rows, 2))
    stays = rng.random(n_rows) < 0.6
    labels = []
    for k, (wind, sun) in enumerate(cells):
        new = "calm, dry" if abs(wind) < 0.5 else "up" if wind + sun > 0 else "down"
        labels.append(labels[-1] if k and stays[k] else new)
    cells[rng.random(cells.shape) < missing] = np.nan
    return cells, [None if rng.random() < missing else label for label in labels]


def write_labelled(path, cells, labels):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wind", "kind", "sun"])
        for (wind, sun), label in zip(cells.tolist(), labels, strict=True):
            first, last = ("" if value != value else repr(value) for value in (wind, sun))
            writer.writerow([first, "NA" if label is None else label, last])
    return str(path)


@pytest.fixture
def table():
    cells, labels = labelled_table()
    labels[0] = "up"
    # Gaps where sessions end: the value before is known from the session alone.
    cells[[1, 2, 110], 0] = np.nan
    return cells, labels


@pytest.fixture
def path(table, tmp_path):
    return write_labelled(tmp_path / "table.csv", *table)


def settings(**options):
    return Settings(**{"target": "kind", "classify": True, "cells": 8, "memory": 100, **options})


def forecasts_of(session, cells, labels):
    return [session.update(row, label) for row, label in zip(cells, labels, strict=True)]


# ---------------------------------------------------------------- the network


def held(values):
    known = np.where(np.isnan(values), 0, np.arange(len(values)))
    return values[np.maximum.accumulate(known)]


def by_hand(table, horizon, sees_labels, marks=False):
    """Probabilities from a plain loop over an estimator whose labels come late."""
    cells, labels = table
    model = Classifier(
        8, feedback=sees_labels, delay=max(0, horizon - 1), network={"scale_memory": 100}
    )
    known = np.stack([held(column) for column in cells.T], axis=1)
    rows, forecasts = [], []
    for t, label in enumerate(labels):
        x = dict(zip(INPUTS, known[t], strict=True))
        if marks:
            pairs = zip(INPUTS, cells[t], strict=True)
            x |= {f"{name} is missing": float(np.isnan(cell)) for name, cell in pairs}
        rows.append(x)
        if horizon and t >= horizon:
            model.learn_one(rows[t - horizon], label)
        forecasts.append(model.predict_proba_one(x))
        if not horizon:
            model.learn_one(x, label)
    return forecasts


@pytest.mark.parametrize("horizon", [0, 1, 3])
@pytest.mark.parametrize("sees_labels", [True, False])
def test_forecasts_are_those_of_a_plain_loop(horizon, sees_labels, table):
    inputs = None if sees_labels else tuple(INPUTS)
    session = Session(settings(horizon=horizon, inputs=inputs), INPUTS)
    wanted = by_hand(table, horizon, sees_labels)
    assert forecasts_of(session, *table) == wanted
    assert len(wanted[-1]) == 3
    assert sum(wanted[-1].values()) == pytest.approx(1)


def test_missing_cells_can_be_marked(table):
    session = Session(settings(mark_missing=True), INPUTS)
    assert forecasts_of(session, *table) == by_hand(table, 0, True, marks=True)


@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_forecast_uses_the_labels_up_to_now_and_no_later_ones(horizon, table):
    """Labels changed from row 100 on: the first forecast that differs is the first to know them."""
    cells, labels = table
    labels[99:102] = ["up", "up", "up"]
    other = labels[:100] + ["down"] * (N_ROWS - 100)
    one, two = (
        forecasts_of(Session(settings(horizon=horizon), INPUTS), cells, y) for y in (labels, other)
    )
    differs = [a != b for a, b in zip(one, two, strict=True)]
    assert differs.index(True) == (100 if horizon else 101)


@pytest.mark.parametrize("horizon", [0, 1, 2])
def test_learns_a_rule_that_needs_memory(horizon, rng):
    """Whether a number was larger than the one before, asked at least one row later."""
    lag = max(1, horizon)
    n_rows = 2000 if horizon else 3000
    value = rng.random(n_rows)
    rose = np.where(np.diff(value) > 0, "rose", "fell").tolist()
    labels = ([None] * (1 + lag) + rose)[:n_rows]
    session = Session(settings(horizon=horizon), ["value"])
    forecasts_of(session, value[:, None], labels)
    assert session.total(after=0.7).accuracy["pylstm"] > 0.85


def test_a_cell_that_is_missing_or_infinite_changes_nothing_it_should_not(table):
    session = Session(settings(horizon=1), INPUTS)
    forecasts_of(session, *table)
    before = session.copy()
    for inputs, label in ((np.array([np.inf, 1]), "up"), (np.zeros(3), "up"), (np.zeros(2), 3.0)):
        with pytest.raises(ValueError, match="wanted"):
            session.update(inputs, label)
    assert forecasts_of(session, *table) == forecasts_of(before, *table)


# ---------------------------------------------------------------- baselines and report


def baselines(labels, horizon, season):
    """The baselines' label and probabilities for every row, from the labels before it."""
    n = len(labels)
    made = {"last label": [None] * n, "most frequent": [None] * n}
    if season:
        made["one season ago"] = [None] * n
    right = {name: [] for name in made}
    for t in range(n):
        # What is known when the row is predicted, and how earlier forecasts turned out.
        now = t - max(1, horizon)
        known = [label for label in labels[: now + 1] if label is not None]
        names = sorted(set(known), key=known.index)
        if now >= 0 and known:
            counts = Counter(known)
            shares = {name: counts[name] / len(known) for name in names}
            made["most frequent"][t] = max(names, key=counts.get), shares
            repeated = {"last label": known[-1]}
            if season and t >= season:
                repeated["one season ago"] = labels[t - season]
            for baseline, label in repeated.items():
                if label is None:
                    continue
                ended = [hit for row, hit in right[baseline] if row < (t if horizon == 0 else now)]
                share = (sum(ended) + 1) / (len(ended) + 2)
                others = [name for name in names if name != label]
                share = max(share, 1 / len(names)) if others else 1.0
                rest = [(name, (1 - share) / len(others)) for name in others]
                made[baseline][t] = label, {label: share, **dict(rest)}
                if labels[t] is not None:
                    right[baseline].append((t, label == labels[t]))
    return made


def losses(truth, forecasts, after):
    rows = [
        t
        for t in range(after, len(truth))
        if truth[t] is not None and all(column[t] for column in forecasts.values())
    ]
    result = {"n": len(rows)}
    for name, column in forecasts.items():
        accuracy = np.mean([column[t][0] == truth[t] for t in rows])
        given = [max(column[t][1].get(truth[t], 0), 1e-6) for t in rows]
        result[name] = accuracy, -np.mean(np.log(given))
    return result


def reported(text):
    sections, current = {}, None
    for line in text.splitlines():
        if line.endswith("rows scored"):
            name, n_scored = re.fullmatch(r"(.*), ([\d,]+) rows scored", line).groups()
            current = sections[name] = {"n": int(n_scored)}
        elif current is not None and line.startswith("  ") and "accuracy" not in line:
            name, accuracy, loss, *skill = re.split(r"\s{2,}", line.strip())
            current[name] = float(accuracy.rstrip("%")) / 100, float(loss), *skill
    return sections


@pytest.mark.parametrize(("horizon", "season"), [(0, None), (0, 5), (1, 5), (4, 4), (3, None)])
def test_report_tells_accuracy_and_log_loss_on_the_same_rows(
    horizon, season, table, path, tmp_path, capsys
):
    out = tmp_path / "out.jsonl"
    options = ["--horizon", horizon] if horizon else []
    options += ["--season", season] if season else []
    assert stream(path, "--target", "kind", *options, "--json", "--predictions", out) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"kind, {_ahead(horizon)}, after {N_ROWS} rows\n")
    truth, n = table[1], N_ROWS
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["row"] for line in told] == [t + 1 + horizon for t in range(n)]
    own = [line["prediction"] and (line["prediction"], line["probabilities"]) for line in told]
    own = ([None] * horizon + own)[:n]
    forecasts = {"pylstm": own, **baselines(truth, horizon, season)}
    sections = reported(text)
    for section, after in (("whole stream", 0), ("after the first tenth", n // 10)):
        wanted = losses(truth, forecasts, after)
        assert sections[section]["n"] == wanted.pop("n")
        assert set(wanted) == set(sections[section]) - {"n"}
        for name, (accuracy, log_loss) in wanted.items():
            shown = sections[section][name]
            assert shown[0] == pytest.approx(accuracy, abs=6e-5)
            assert shown[1] == pytest.approx(log_loss, rel=1e-3)
            if name != "pylstm":
                skill = 1 - (1 - wanted["pylstm"][0]) / (1 - accuracy)
                assert float(shown[2].rstrip("%")) / 100 == pytest.approx(skill, abs=6e-4)


def _ahead(horizon):
    return {0: "the row's own", 1: "1 row ahead"}.get(horizon, f"{horizon} rows ahead")


def test_label_scores_are_those_of_whole_arrays(rng):
    names, labels = ["a", "b"], np.array(["x", "y", "z"])
    truth = labels[rng.integers(0, 3, 500)].tolist()
    shares = rng.dirichlet(np.ones(3), size=(500, 2))
    scores = LabelScores(names)
    for t, label in enumerate(truth):
        forecasts = [dict(zip(labels.tolist(), row.tolist(), strict=True)) for row in shares[t]]
        scores.add(
            None if t % 7 == 0 else label, [*forecasts[:1], {} if t % 5 == 0 else forecasts[1]]
        )
    rows = [t for t in range(50, 500) if t % 7 and t % 5]
    total = scores.total(after=0.1)
    assert total.n_scored == len(rows)
    place = [labels.tolist().index(truth[t]) for t in rows]
    for k, name in enumerate(names):
        wrong = shares[rows, k].argmax(axis=1) != place
        assert total.errors[name] == pytest.approx(wrong.mean(), rel=1e-12)
        given = shares[rows, k, place]
        assert total.log_loss[name] == pytest.approx(-np.log(given).mean(), rel=1e-12)
        assert total.accuracy[name] == pytest.approx(1 - wrong.mean(), rel=1e-12)


def test_a_label_nobody_expected_costs_a_finite_loss():
    scores = LabelScores(["a"])
    scores.add("new", [{"old": 1.0}])
    assert scores.total().log_loss["a"] == pytest.approx(6 * np.log(10))


# ---------------------------------------------------------------- at the command line


def test_numbers_are_labels_if_so_asked(tmp_path, capsys):
    """The labels are the texts of the cells; they are no inputs as numbers."""
    path = tmp_path / "table.csv"
    path.write_text("a,kind\n" + "1,0\n2,1\n" * 50)
    out = tmp_path / "out.jsonl"
    assert stream(path, "--target", "kind", "--classify", "--json", "--predictions", out) == 0
    assert "accuracy" in capsys.readouterr().out
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert told[0] == {"row": 1, "prediction": None, "probabilities": {}, "target": "0"}
    assert list(told[-1]["probabilities"]) == ["0", "1"]


def test_label_of_a_row_is_not_among_its_inputs(rng, tmp_path, capsys):
    """Numbers drawn by lot cannot be known better than by lot."""
    path = tmp_path / "table.csv"
    path.write_text("kind\n" + "".join(f"{kind}\n" for kind in rng.integers(0, 2, 1000)))
    assert stream(path, "--target", "kind", "--classify") == 0
    assert reported(capsys.readouterr().out)["whole stream"]["pylstm"][0] < 0.6


def test_predictions_are_csv_whatever_is_in_a_label(path, tmp_path):
    out = tmp_path / "out.csv"
    assert stream(path, "--target", "kind", "--predictions", out) == 0
    with open(out, newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["prediction"] for row in rows} == {"", "calm, dry", "up", "down"}


def test_only_labels_and_no_other_column(tmp_path, capsys):
    """Then the labels before are what the network sees; without them there is nothing."""
    path = tmp_path / "table.csv"
    path.write_text("kind\n" + "a\nb\nc\n" * 300)
    assert stream(path, "--target", "kind") == 0
    assert reported(capsys.readouterr().out)["after the first tenth"]["pylstm"][0] > 0.95


BAD = {
    "interval": (["--interval", "90"], "interval is 90.0, wanted a number between 0 and 1"),
    "delay": (["--horizon", "2", "--delay", "1"], "delay is 1 and horizon is 2, wanted a delay"),
    "horizon": (["--horizon", "-1"], "horizon is -1, wanted a whole number of at least 0"),
    "season": (["--season", "5,5"], "season is (5, 5), wanted every season once"),
    "keys": (["--shared"], "shared is given without key, wanted the columns of the keys"),
    "no input": (["--inputs", "sun"], "has no column 'sun'"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_option_is_told_in_one_sentence(case, tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("wind,kind,note\n" + "1,a,x\n" * 9)
    options, told = BAD[case]
    assert stream(path, "--target", "kind", *options) == 2
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("pylstm: ")]
    assert (out, len(lines)) == ("", 1)
    assert told in lines[0]


def test_a_column_with_ever_new_labels_is_refused(tmp_path, capsys, monkeypatch):
    path, saved = tmp_path / "table.csv", tmp_path / "saved.safetensors"
    path.write_text("kind\n" + "".join(f"k{k}\n" for k in range(30)))
    monkeypatch.setattr("pylstm.tabular.baselines._MOST_LABELS", 20)
    options = ("--target", "kind", "--cells", 4, "--resume", saved, "--save-every", 5)
    assert stream(path, *options) == 2
    told = "line 22: 'k20' is label number 21 in column 'kind', wanted at most 20 different ones"
    assert told in capsys.readouterr().err
    assert Session.load(saved).n_rows == 20


def test_picture_of_labels(path, tmp_path):
    picture = tmp_path / "out.png"
    assert stream(path, "--target", "kind", "--season", "7", "--plot", picture) == 0
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")


# ---------------------------------------------------------------- going on


RESUMED = {
    "default": [],
    "next": ["--horizon", "1", "--inputs", "wind,sun"],
    "ahead": ["--horizon", "3", "--season", "5", "--mark-missing", "--optimizer", "adam"],
    "season": ["--season", "5", "--dtype", "float64", "--memory", "100"],
}


@pytest.mark.parametrize("case", list(RESUMED))
def test_resumed_ends_as_one_pass(case, table, path, tmp_path):
    cells, labels = table
    whole = tmp_path / "whole.safetensors"
    outs = {name: tmp_path / f"{name}.jsonl" for name in ("whole", "parts")}
    options = ["--target", "kind", *RESUMED[case], "--json", "--predictions"]
    assert stream(path, *options, outs["whole"], "--save", whole) == 0
    for cut in (1, 2, 110):
        session = tmp_path / f"session-{cut}.safetensors"
        first = write_labelled(tmp_path / "first.csv", cells[:cut], labels[:cut])
        for part in (first, path):
            assert stream(part, *options, outs["parts"], "--resume", session) == 0
        assert outs["parts"].read_text() == outs["whole"].read_text()
        assert session.read_bytes() == whole.read_bytes()


def test_session_whose_model_is_another(path, tmp_path, capsys):
    saved = tmp_path / "saved.safetensors"
    assert stream(path, "--target", "kind", "--cells", 4, "--save", saved) == 0
    document, arrays = take_apart(saved)
    document["objects"][-1]["state"]["settings"]["cells"] = 5
    put_together(saved, document, arrays)
    capsys.readouterr()
    assert stream(path, "--load", saved) == 2
    assert "do not fit together" in capsys.readouterr().err
