"""A bank of estimators by key, against a dict of separate ones."""

import os
import pickle
import signal
import subprocess
import sys
import sysconfig
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pylstm
from pylstm.checkpoint import CheckpointError
from pylstm.estimators import Classifier, Forecaster, Regressor

N_ROWS = 300


@pytest.fixture(scope="module")
def rows():
    """Keys, features, targets: more rows of some keys than of others."""
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 5, N_ROWS) * rng.integers(0, 2, N_ROWS)
    X = rng.normal(size=(N_ROWS, 2))
    return keys, X, X[:, 0] + np.sin(np.arange(N_ROWS) / 5)


def learn(model, X, y):
    """`run` of a separate estimator, of a classifier by label."""
    if isinstance(model, Forecaster):
        return model.run(y, X)
    if isinstance(model, Classifier):
        return dict(zip(model.classes, model.run(X, y).T, strict=False)), model.classes
    return model.run(X, y)


def with_holes(values, share=0.3, hole=np.nan):
    values = np.array(values, object if hole is None else float)
    values[np.random.default_rng(1).random(values.shape) < share] = hole
    return values


def labels(y):
    return np.where(y > 0.5, "high", np.where(y < -0.5, "low", "middle"))


CASES = {
    "regressor": (lambda: Regressor(4), lambda X, y: (X, y)),
    "no feedback, float64": (
        lambda: Regressor(4, feedback=False, dtype="float64"),
        lambda X, y: (X, y),
    ),
    "blocks, adam": (
        lambda: Regressor(4, block_size=2, optimizer=pylstm.Adam(0.01)),
        lambda X, y: (X, y),
    ),
    "no order": (lambda: Regressor(4, ordered=False), lambda X, y: (X, y)),
    "two targets": (lambda: Regressor(4), lambda X, y: (X, np.stack([y, -y], 1))),
    "missing": (lambda: Regressor(4), lambda X, y: (with_holes(X), with_holes(y))),
    "bptt": (
        lambda: Regressor(4, network={"gradient": "bptt", "window": 5}),
        lambda X, y: (X, y),
    ),
    "classifier": (lambda: Classifier(4), lambda X, y: (X, labels(y))),
    "missing labels": (lambda: Classifier(4), lambda X, y: (X, with_holes(labels(y), hole=None))),
    "forecaster": (lambda: Forecaster(4), lambda X, y: (X, y)),
    "seasons": (lambda: Forecaster(4, season=(3, 5)), lambda X, y: (with_holes(X), with_holes(y))),
    "horizon": (lambda: Forecaster(2, horizon=2), lambda X, y: (X, y)),
    "text": (lambda: Regressor(4), lambda X, y: ({"a": X[:, 0], "b": labels(y)}, y)),
}


def part(X, rows):
    return {name: column[rows] for name, column in X.items()} if isinstance(X, dict) else X[rows]


@pytest.mark.parametrize("limit", [None, 30_000])
@pytest.mark.parametrize("case", CASES)
def test_each_key_is_an_estimator_of_its_own(rows, case, limit):
    """The same bits, however rows are cut into calls, in memory or beyond its limit."""
    new, change = CASES[case]
    keys, X, y = rows
    X, y = change(X, y)
    bank, models = pylstm.Bank(new(), memory_limit=limit), {}
    for start, end in ((0, 1), (1, 40), (40, 41), (41, 180), (180, N_ROWS)):
        said = bank.run(keys[start:end], part(X, slice(start, end)), y[start:end])
        for key in np.unique(keys[start:end]):
            at = start + np.flatnonzero(keys[start:end] == key)
            model = models.setdefault(int(key), new())
            if isinstance(model, Classifier):
                shares = model.run(part(X, at), y[at])
                found = np.zeros((len(at), len(bank.classes)))
                found[:, [bank.classes.index(label) for label in model.classes]] = shares
            else:
                found = learn(model, part(X, at), y[at])
            np.testing.assert_array_equal(said[at - start], found)
    assert sorted(bank) == sorted(models)
    assert len(bank) == len(models)
    for key, model in models.items():
        some = part(X, slice(0, 3))
        if isinstance(model, Forecaster):
            wanted = [model.forecast(1, [{0: a, 1: b}])[0] for a, b in some]
        else:
            wanted = model.predict_many(some)
        np.testing.assert_array_equal(bank.predict_many([key] * 3, some), wanted)
    if limit is not None:
        assert bank._memory <= limit


def test_threads_change_no_bit(rows, monkeypatch):
    keys, X, y = rows
    monkeypatch.setattr("pylstm.estimators.forms.ROWS_A_THREAD", 10)
    before, found = pylstm.get_threads(), []
    try:
        for n in (1, 2, 3):
            pylstm.set_threads(n)
            bank = pylstm.Bank(Regressor(4))
            found.append(np.concatenate([bank.run(keys, X, y), bank.run(keys, X, y)]))
    finally:
        pylstm.set_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize(
    "again",
    [
        lambda bank: pickle.loads(pickle.dumps(bank)),
        lambda bank: pylstm.from_bytes(bank.to_bytes()),
        lambda bank: bank.copy(),
    ],
    ids=["pickle", "bytes", "copy"],
)
@pytest.mark.parametrize("case", ["regressor", "missing labels", "seasons", "text"])
def test_goes_on_the_same(rows, case, again):
    new, change = CASES[case]
    keys, X, y = rows
    X, y = change(X, y)
    bank = pylstm.Bank(new(), max_age=1000)
    bank.learn_many(keys[:150], part(X, slice(0, 150)), y[:150])
    other = again(bank)
    rest = slice(150, None)
    wanted = bank.run(keys[rest], part(X, rest), y[rest])
    np.testing.assert_array_equal(other.run(keys[rest], part(X, rest), y[rest]), wanted)
    assert other.to_bytes() == bank.to_bytes()


def test_an_estimator_of_the_bank_is_in_it(rows):
    keys, X, y = rows
    bank, model = pylstm.Bank(Regressor(4)), Regressor(4)
    bank.learn_many(keys, X, y)
    model.run(X[keys == 0], y[keys == 0])
    held = bank[0]
    assert held is bank[0]
    for X_, y_ in ((X[:5], y[:5]), (X[5:9], y[5:9])):
        held.run(X_, y_)
        model.run(X_, y_)
        bank.learn_many([0] * len(y_), X_, y_)
        model.run(X_, y_)
    assert held.to_bytes() == model.to_bytes()
    held.learn_one({0: 1.0, 1: 2.0}, 3.0)
    model.learn_one({0: 1.0, 1: 2.0}, 3.0)
    del held
    np.testing.assert_array_equal(bank.predict_many([0], X[:1]), model.predict_many(X[:1]))
    assert not bank._given
    del bank[0]
    assert 0 not in bank
    assert not bank.predict_many([0], X[:1]).any()
    with pytest.raises(KeyError):
        bank[0]


def test_a_key_that_comes_again_is_new_whoever_holds_the_old_one(rows):
    _, X, y = rows
    bank = pylstm.Bank(Regressor(4), max_age=20)
    bank.learn_many(["a"], X[:1], y[:1])
    held = bank["a"]
    del bank["a"]
    bank.learn_many(["a"], X[1:2], y[1:2])
    assert bank["a"].n_steps == 1
    held = bank["a"]
    bank.learn_many(["b"] * 30, X[:30], y[:30])
    bank.learn_many(["a"] * 2, X[:2], y[:2])
    assert (held.n_steps, bank["a"].n_steps) == (1, 2)


def test_keys_of_many_forms_are_objects(rows, monkeypatch):
    monkeypatch.setattr("pylstm.estimators.bank._MOST_FORMS", 2)
    _, X, y = rows
    bank = pylstm.Bank(Regressor(2))
    for k in range(5):
        names = [f"x{k}", "x"]
        for _ in range(2):
            said = bank.run([k] * 9, dict(zip(names, X[:9].T, strict=True)), y[:9])
        model = Regressor(2)
        model.run(dict(zip(names, X[:9].T, strict=True)), y[:9])
        wanted = model.run(dict(zip(names, X[:9].T, strict=True)), y[:9])
        np.testing.assert_array_equal(said, wanted)
    assert len(bank._forms) == 2


def test_a_network_that_diverges_is_left_out(rows):
    """Of several, in the middle of a call: the key goes on with the others, alone."""
    keys, X, y = rows
    bank, model = pylstm.Bank(Regressor(4)), Regressor(4)
    bank.learn_many(keys[:100], X[:100], y[:100])
    at = keys == 0
    model.run(X[:100][at[:100]], y[:100][at[:100]])
    for k in (0, 1):
        for one in (bank[0], model):
            one.nets[k].parameters["cell_input"][:] = np.nan
        said, some = bank.run(keys[100:], X[100:], y[100:]), at[100:]
        np.testing.assert_array_equal(said[some], model.run(X[100:][some], y[100:][some]))
        assert len(bank[0].nets) == len(model.nets) == 3 - k


def test_a_limit_may_be_more_than_any_size():
    assert pylstm.Bank(Regressor(2), memory_limit=10**12).memory_limit == 10**12


def test_an_unknown_key_predicts_as_a_new_estimator(rows):
    _, X, _ = rows
    bank = pylstm.Bank(Regressor(4))
    np.testing.assert_array_equal(bank.predict_many(["a", "b"], X[:2]), [0, 0])
    assert len(bank) == 0


def test_new_columns_of_some_keys(rows):
    keys, X, y = rows
    bank, models = pylstm.Bank(Regressor(4)), {}
    for names, start in ((["a"], 0), (["b", "a"], 100), (["b"], 200)):
        some = slice(start, start + 100)
        table = {name: X[some, k] for k, name in enumerate(names)}
        said = bank.run(keys[some], table, y[some])
        for key in np.unique(keys[some]):
            at = np.flatnonzero(keys[some] == key)
            model = models.setdefault(int(key), Regressor(4))
            wanted = model.run(part(table, at), y[some][at])
            np.testing.assert_array_equal(said[at], wanted)


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2], np.array([1, 2], np.int8)),
        (["a", "b"], np.array(["a", "b"])),
        ([(1, "a"), (2, "b")], {"shop": np.array([1, 2]), "item": np.array(["a", "b"])}),
        ([(1, 2), (3, 4)], np.array([[1, 2], [3, 4]])),
    ],
    ids=["int", "str", "columns", "array"],
)
def test_equal_keys_are_one(first, second):
    bank = pylstm.Bank(Regressor(2))
    bank.learn_many(first, np.ones((2, 1)), np.ones(2))
    bank.learn_many(second, np.ones((2, 1)), np.ones(2))
    assert sorted(bank) == sorted(first)
    assert bank[first[0]].n_steps == 2


def test_keys_of_frames():
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"shop": ["n", "s"], "item": [1, 2], "x": [0.5, 1.0], "y": [1.0, 2.0]})
    bank = pylstm.Bank(Regressor(2))
    bank.learn_many(frame[["shop", "item"]], frame[["x"]], frame["y"])
    table = pyarrow.Table.from_pandas(frame)
    bank.learn_many(table.select(["shop", "item"]), table.select(["x"]), table["y"])
    assert list(bank) == [("n", 1), ("s", 2)]
    assert bank["n", 1].n_steps == 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([1, "a"], "key at row 1 is 'a', wanted a whole number as the keys before"),
        (["a", None], "key at row 1 is None, wanted a string, a whole number, or a tuple of these"),
        ([1, float("nan")], "key at row 1 is nan"),
        ([1.0, 2.0], "key at row 0 is 1.0"),
        ([True, False], "key at row 0 is True"),
        ([(1, "a"), (1, 2)], r"key at row 1 is \(1, 2\), wanted a tuple of int, str"),
        ("ab", "keys is 'ab', wanted one key a row"),
        (np.zeros((2, 1, 1)), r"keys has shape \(2, 1, 1\)"),
        ([1], "X has 2 rows and keys 1, wanted as many"),
    ],
)
def test_what_is_no_key_is_refused(keys, said):
    bank = pylstm.Bank(Regressor(2))
    with pytest.raises((TypeError, ValueError), match=said):
        bank.learn_many(keys, np.ones((2, 1)), np.ones(2))
    assert len(bank) == 0
    bank.learn_many(["a", "b"], np.ones((2, 1)), np.ones(2))


def test_a_refusal_changes_nothing(rows):
    """Of a later key too, and of an estimator that somebody holds."""
    keys, X, y = rows
    bank = pylstm.Bank(Regressor(4), max_age=7)
    table = {"a": list(X[:, 0]), "b": list(labels(y))}
    bank.learn_many(keys[:100], part({n: np.array(c) for n, c in table.items()}, slice(0, 100)),
                    y[:100])  # fmt: skip
    held = bank[0]
    before, saved = held.to_bytes(), bank.copy().to_bytes()
    bad = {"a": [1.0] * 20, "b": ["high"] * 19 + [2.0]}
    with pytest.raises(TypeError, match=r"feature 'b' is 2\.0, wanted text as before"):
        bank.learn_many(np.arange(20) % 5, bad, y[:20])
    assert held.to_bytes() == before
    assert held is bank[0]
    del held
    assert bank.to_bytes() == saved


@pytest.mark.parametrize("network", [None, {"gradient": "bptt"}])
def test_targets_of_another_form_change_nothing(rows, network):
    _, X, y = rows
    bank = pylstm.Bank(Regressor(2, network=network))
    bank.learn_many(["a", "b"], X[:2], y[:2])
    before, kinds = bank.to_bytes(), [type(entry.content) for entry in bank._entries.values()]
    with pytest.raises(TypeError, match="wanted a number as before"):
        bank.learn_many(["new", "a", "b"], X[:3], {"u": y[:3]})
    assert bank.to_bytes() == before
    assert [type(entry.content) for entry in bank._entries.values()] == kinds


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pylstm.Bank(3), "estimator is 3, wanted a Regressor"),
        (lambda: pylstm.Bank(pylstm.LSTM(1, 1, 1)), "estimator is <LSTM"),
        (lambda: pylstm.Bank(learned()), "has learned from rows already, wanted a new one"),
        (lambda: pylstm.Bank(Regressor(2), memory_limit=0), "memory_limit is 0"),
        (lambda: pylstm.Bank(Regressor(2), max_age=1.5), "max_age is 1.5"),
        (lambda: pylstm.Bank(Regressor(2)).flush(), "path is None"),
    ],
)
def test_what_makes_no_bank(make, said):
    with pytest.raises((TypeError, ValueError), match=said):
        make()


def learned():
    model = Regressor(2)
    model.learn_one({"a": 1.0}, 1.0)
    return model


def test_a_key_that_diverges_harms_no_other(rows):
    _, X, y = rows
    wild = {"optimizer": pylstm.SGD(1e30)}
    bank, calm = pylstm.Bank(Regressor(4, **wild)), Regressor(4, **wild)
    keys = np.where(np.arange(40) % 2, "wild", "calm")
    targets = np.where(keys == "wild", y[:40], np.nan)
    with pytest.raises(FloatingPointError, match="key 'wild': the network diverged"):
        bank.learn_many(keys, X[:40], targets)
    calm.run(X[:40][keys == "calm"], targets[keys == "calm"])
    np.testing.assert_array_equal(bank.predict_many(["calm"], X[:1]), calm.predict_many(X[:1]))


# ---------------------------------------------------------------- age


@pytest.mark.parametrize("limit", [None, 30_000])
def test_a_key_is_forgotten_by_age(rows, limit):
    """As often as more than `max_age` rows of all keys lie between two of its own."""
    keys, X, y = rows
    max_age = 3
    bank, models, last = pylstm.Bank(Regressor(4), limit, max_age=max_age), {}, {}
    said = np.concatenate(
        [bank.run(keys[:90], X[:90], y[:90]), bank.run(keys[90:], X[90:], y[90:])]
    )
    for t, key in enumerate(keys.tolist()):
        if t - last.get(key, t) > max_age:
            del models[key]
        model = models.setdefault(key, Regressor(4))
        (wanted,) = model.run(X[t : t + 1], y[t : t + 1])
        assert said[t] == wanted
        last[key] = t
    young = {key for key, t in last.items() if N_ROWS - 1 - t <= max_age}
    assert {*bank} == young
    assert len(bank) == len(young)


# ---------------------------------------------------------------- on disk


def test_flushed_and_gone_on_with(rows, tmp_path):
    keys, X, y = rows
    path = tmp_path / "bank"
    twin = pylstm.Bank(Regressor(4))
    for start in range(0, N_ROWS, 100):
        bank = pylstm.Bank(Regressor(4), memory_limit=30_000, path=path)
        assert bank.n_rows == start
        some = slice(start, start + 100)
        wanted = twin.run(keys[some], X[some], y[some])
        np.testing.assert_array_equal(bank.run(keys[some], X[some], y[some]), wanted)
        bank.flush()
        bank.learn_many(keys[some], X[some], y[some])  # and forgotten: it is not flushed
        bank.close()
    bank = pylstm.Bank(Regressor(4), path=path)
    assert sorted(bank) == sorted(twin)
    np.testing.assert_array_equal(bank.predict_many(keys, X), twin.predict_many(keys, X))
    with pytest.raises(CheckpointError, match="another bank has it"):
        pylstm.Bank(Regressor(4), path=path)
    bank.close()
    with pytest.raises(CheckpointError, match=r"it is a database, wanted pylstm\.Bank\(estimator"):
        pylstm.Bank.load(path)
    with pytest.raises(ValueError, match=r"estimator is Regressor\(n_cells=5\), wanted Regressor"):
        pylstm.Bank(Regressor(5), path=path)


def test_damage_to_a_key_harms_no_other(rows, tmp_path):
    keys, X, y = rows
    path = tmp_path / "bank"
    bank = pylstm.Bank(Regressor(4), path=path)
    bank.learn_many(keys, X, y)
    bank.flush()
    record = bytes(bank._entries[3].content)
    bank.close()
    data = path.read_bytes()
    at = data.find(record[:2000])
    assert at > 0
    path.write_bytes(
        data[:at] + b"\0" + data[at + 1 :] if data[at] else data[:at] + b"\1" + data[at + 1 :]
    )
    bank = pylstm.Bank(Regressor(4), path=path)
    before = bank.predict_many([0, 1, 2, 4], X[:4])
    with pytest.raises(CheckpointError, match=r"cannot load key 3 of .*: it is damaged"):
        bank.learn_many([0, 3], X[:2], y[:2])
    np.testing.assert_array_equal(bank.predict_many([0, 1, 2, 4], X[:4]), before)
    del bank[3]
    bank.learn_many([0, 3], X[:2], y[:2])
    bank.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"something else" * 500, "file is not a database"),
        (None, "wanted a bank of version 1"),
    ],
)
def test_a_store_that_is_none(tmp_path, content, said):
    path = tmp_path / "bank"
    if content is None:
        import sqlite3

        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 7")
        db.execute("PRAGMA application_id = 1887026242")
        db.execute("CREATE TABLE keys (a)")
        db.commit()
        db.close()
    else:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        pylstm.Bank(Regressor(2), path=path)


LEARNER = """
import sys
import numpy as np
import pylstm
from pylstm.estimators import Regressor

bank = pylstm.Bank(Regressor(2), 20_000, sys.argv[1])
rng = np.random.default_rng(0)
X, y, keys = rng.normal(size=(4000, 2)), rng.normal(size=4000), rng.integers(0, 30, 4000)
for start in range(bank.n_rows, 4000, 100):
    some = slice(start, start + 100)
    bank.learn_many(keys[some], X[some], y[some])
    bank.flush()
    print(bank.n_rows, flush=True)
"""


@pytest.mark.processes
def test_killed_at_any_moment(tmp_path):
    """What is on disk is that of a flush, whole, and goes on as if nothing had happened."""
    path, rng = tmp_path / "bank", np.random.default_rng(1)
    paths = os.pathsep.join([os.getcwd(), sysconfig.get_paths()["purelib"]])
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", LEARNER, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        assert child.stdout is not None
        done = int(child.stdout.readline() or 4000)
        time.sleep(rng.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        bank = pylstm.Bank(Regressor(2), path=path)
        assert bank.n_rows >= done
        assert bank.n_rows % 100 == 0
        n = bank.n_rows
        data = np.random.default_rng(0)
        X, y, keys = data.normal(size=(4000, 2)), data.normal(size=4000), data.integers(0, 30, 4000)
        twin = pylstm.Bank(Regressor(2))
        for start in range(0, n, 100):
            some = slice(start, start + 100)
            twin.learn_many(keys[some], X[some], y[some])
        np.testing.assert_array_equal(
            bank.predict_many(np.arange(30), X[:30]), twin.predict_many(np.arange(30), X[:30])
        )
        bank.close()


# ---------------------------------------------------------------- random programs


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_calls_in_any_order(data):
    """A bank beside a dict of estimators."""
    limit = data.draw(st.sampled_from([None, 20_000]), "limit")
    bank, models = pylstm.Bank(Regressor(2), memory_limit=limit), {}
    rng = np.random.default_rng(0)
    for _ in range(data.draw(st.integers(1, 8), "calls")):
        n = data.draw(st.integers(0, 12), "rows")
        keys = data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n), "keys")
        X = rng.normal(size=(n, data.draw(st.integers(1, 3), "columns")))
        y = with_holes(rng.normal(size=n), 0.2)
        match data.draw(st.sampled_from(["run", "predict", "get", "delete", "copy"]), "call"):
            case "run":
                said = bank.run(keys, X, y)
                for key in {*keys}:
                    at = np.flatnonzero(np.array(keys) == key)
                    model = models.setdefault(key, Regressor(2))
                    np.testing.assert_array_equal(said[at], model.run(X[at], y[at]))
            case "predict":
                said = bank.predict_many(keys, X)
                for t, key in enumerate(keys):
                    model = models.get(key, Regressor(2))
                    assert said[t] == model.predict_many(X[t : t + 1])[0]
            case "get" if models:
                key = data.draw(st.sampled_from(sorted(models)), "key")
                for model in (bank[key], models[key]):
                    model.learn_one({0: 1.0}, 2.0)
            case "delete" if models:
                key = data.draw(st.sampled_from(sorted(models)), "key")
                del bank[key], models[key]
            case "copy":
                bank = bank.copy()
        assert sorted(bank) == sorted(models)
