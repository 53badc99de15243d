"""``pylstm stream --key``: a model a key, or one set of weights for all of them."""

import csv

import numpy as np
import pytest
from streams import stream, wavy_table, write_csv

from pylstm.tabular import Session, Settings

KEYS = ["A", "B", "C"]


def tables(n_rows=120):
    return {key: wavy_table(n_rows + 7 * k, seed=k, missing=0.05) for k, key in enumerate(KEYS)}


def write_keyed(path, order):
    """Rows of several tables, in the order of the keys given."""
    rows = {key: iter(table.tolist()) for key, table in tables().items()}
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["shop", "load", "wind"])
        for key in order:
            cells = ["" if value != value else repr(value) for value in next(rows[key])]
            writer.writerow([key, *cells])
    return str(path)


@pytest.fixture
def order(rng):
    every = [key for key, table in tables().items() for _ in table]
    return rng.permutation(every).tolist()


def predictions(path):
    """Row and prediction of every line, by key."""
    found = {key: [] for key in KEYS}
    with open(path, newline="") as file:
        for line in csv.DictReader(file):
            found[line["shop"]].append((line["row"], line["prediction"]))
    return found


OPTIONS = ("--target", "load", "--horizon", 2, "--season", 5, "--cells", 4, "--optimizer", "adam")


def test_every_key_is_as_if_it_were_alone(order, tmp_path, capsys):
    path, out = write_keyed(tmp_path / "keyed.csv", order), tmp_path / "out.csv"
    by_key = tmp_path / "keys.csv"
    options = ("--key", "shop", "--predictions", out, "--report-by-key", by_key)
    assert stream(path, *OPTIONS, *options) == 0
    report = capsys.readouterr().out
    assert f"after {len(order)} rows of 3 keys" in report
    found, losses = predictions(out), {}
    with open(by_key, newline="") as file:
        losses = {line["shop"]: line for line in csv.DictReader(file)}
    for key, table in tables().items():
        alone = write_csv(tmp_path / "alone.csv", ["load", "wind"], table)
        assert stream(alone, *OPTIONS, "--predictions", out) == 0
        with open(out, newline="") as file:
            assert found[key] == [(one["row"], one["prediction"]) for one in csv.DictReader(file)]
        settings = Settings(target="load", horizon=2, season=5, cells=4, optimizer="adam")
        session = Session(settings, ["wind"])
        for load, wind in table:
            session.update([wind], load)
        total, line = session.total(), losses[key]
        assert (int(line["rows"]), int(line["rows scored"])) == (len(table), total.n_scored)
        assert float(line["MAE of pylstm"]) == pytest.approx(total.mae["pylstm"], rel=1e-12)
        assert (
            f"{key}  {min(total.skill('pylstm', name) for name in list(total.mae)[1:]):8.1%}"
            in (report)
        )


@pytest.mark.parametrize("shared", [[], ["--shared"]])
def test_resumed_ends_as_one_pass(shared, order, tmp_path):
    path = write_keyed(tmp_path / "keyed.csv", order)
    options = ("--target", "load", "--cells", 4, "--key", "shop", *shared)
    saves = {name: tmp_path / f"{name}.safetensors" for name in ("whole", "parts")}
    assert stream(path, *options, "--save", saves["whole"]) == 0
    for n_rows in (1, 50, len(order)):
        part = write_keyed(tmp_path / "part.csv", order[:n_rows])
        assert stream(part, *options, "--resume", saves["parts"]) == 0
    assert saves["parts"].read_bytes() == saves["whole"].read_bytes()


def test_shared_with_one_key_is_as_without():
    table = wavy_table(200)
    sessions = [
        Session(Settings(target="load", cells=4, keys=("k",), shared=shared), ["wind"])
        for shared in (False, True)
    ]
    for load, wind in table:
        one, other = (session.update([wind], load, key=("A",)) for session in sessions)
        np.testing.assert_equal(one, other)


def test_shared_weights_are_the_same_and_know_what_another_key_has_taught(rng):
    wave = np.sin(np.arange(600) / 4) + 0.05 * rng.normal(size=600)
    errors = {}
    for shared in (False, True):
        settings = Settings(target="y", cells=8, keys=("k",), shared=shared)
        session = Session(settings, [])
        for y in wave:
            session.update([], y, key=("A",))
        made = [session.update([], 100 * y + 7, key=("B",)) for y in wave[:80]]
        errors[shared] = np.nanmean(np.abs(np.array(made[:-1]) - 100 * wave[1:80] - 7))
        nets = [series.learner.model.nets for series in session.series.values()]
        same = [
            all(np.array_equal(a[name], b[name]) for name in a)
            for a, b in (
                (dict(one.parameters), dict(two.parameters)) for one, two in zip(*nets, strict=True)
            )
        ]
        assert all(same) == shared
    assert errors[True] < 0.8 * errors[False]


def test_keys_have_times_of_their_own(tmp_path):
    """One series behind the other: time goes back where a key begins."""
    path = tmp_path / "keyed.csv"
    lines = [f"{key},2026-01-{d:02d},{d % 7}" for key in KEYS for d in range(1, 29)]
    path.write_text("\n".join(["k,day,v", *lines, ""]))
    assert stream(path, "--target", "v", "--time", "day", "--key", "k", "--cells", 2) == 0


BAD = {
    "labels": (["--shared", "--classify"], "shared is given with classify"),
    "no such key": (["--key", "city"], "has no column 'city'"),
    "text": (["--shared", "--inputs", "note"], "shared is given with 'note', a column of text"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_options_are_told_in_one_sentence(case, tmp_path, capsys):
    path = tmp_path / "keyed.csv"
    path.write_text("k,note,v\n" + "a,x,1\n" * 9)
    options, told = BAD[case]
    assert stream(path, "--target", "v", "--key", "k", *options) == 2
    assert told in capsys.readouterr().err
