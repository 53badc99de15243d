"""Rows at once are rows one after another, to the bit; whatever they come in."""

import math

import numpy as np
import pytest

from pylstm import SGD
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.estimators.defaults import default_optimizer
from pylstm.estimators.table import Table

N_ROWS = 60
KINDS = {"several": {}, "one": {"optimizer": SGD(0.01)}, "alone": {"ordered": False}}


def table(rng, missing=True):
    X = rng.normal([5, 0, -200], [1, 3, 20], (N_ROWS, 3))
    y = X[:, 0] - np.sin(np.arange(N_ROWS)) + 3
    if missing:
        X[rng.random(X.shape) < 0.1] = math.nan
        y[rng.random(N_ROWS) < 0.2] = math.nan
    return X, y


def dicts(X):
    return [dict(enumerate(row)) for row in X.tolist()]


def same(one, other):
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("feedback", [True, False])
def test_regression_is_that_of_a_loop(kind, feedback, rng):
    X, y = table(rng)
    w = rng.choice([0.0, 0.5, 1.0, 2.0], N_ROWS)
    loop = Regressor(4, feedback=feedback, **KINDS[kind])
    many = loop.copy()
    wanted = []
    for x, value, weight in zip(dicts(X), y.tolist(), w.tolist(), strict=True):
        wanted.append(loop.predict_one(x, with_dist=True))
        loop.learn_one(x, value, weight)
    cut = 17
    first = many.run(X[:cut], y[:cut], w[:cut], level=0.9)
    then = many.run(X[cut:], y[cut:], w[cut:], level=0.9)
    found, low, high = (np.concatenate(pair) for pair in zip(first, then, strict=True))
    assert found.tolist() == [d.mu for d in wanted]
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == [d.interval(0.9) for d in wanted]
    same(many, loop)
    assert many.predict_many(X).tolist() == [loop.predict_one(x) for x in dicts(X)]
    same(many, loop)


def test_several_targets_are_those_of_a_loop(rng):
    X, y = table(rng)
    Y = np.column_stack([y, X[:, 1] * 2])
    loop, many = Regressor(4), Regressor(4)
    wanted = []
    for x, row in zip(dicts(X), Y.tolist(), strict=True):
        wanted.append(loop.predict_one(x))
        loop.learn_one(x, row)
    found = many.run(X, Y)
    assert found[1:].tolist() == [row.tolist() for row in wanted[1:]]
    same(many, loop)
    named, by_name = Regressor(4), Regressor(4)
    for x, row in zip(dicts(X), Y.tolist(), strict=True):
        named.learn_one(x, {"b": row[0], "a": row[1]})
    found = by_name.run(X, {"b": Y[:, 0], "a": Y[:, 1]})
    assert (sorted(found), found["a"].shape) == (["a", "b"], (N_ROWS,))
    same(by_name, named)
    assert by_name.predict_many(X)["b"].tolist() == [named.predict_one(x)["b"] for x in dicts(X)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("feedback", [True, False])
def test_classes_are_those_of_a_loop(kind, feedback, rng):
    X, _ = table(rng)
    labels = ["a", None, "b", "a", *rng.choice(["a", "b", "c"], N_ROWS - 6).tolist(), "d", "e"]
    w = rng.choice([0.0, 0.5, 1.0], N_ROWS)
    loop = Classifier(4, feedback=feedback, **KINDS[kind])
    many = loop.copy()
    wanted = []
    for x, label, weight in zip(dicts(X), labels, w.tolist(), strict=True):
        wanted.append(loop.predict_proba_one(x))
        loop.learn_one(x, label, weight)
    found = many.run(X, labels, w)
    assert found.shape == (N_ROWS, len(loop.classes))
    for row, shares in zip(found.tolist(), wanted, strict=True):
        padded = [*shares.values(), *[0.0] * (len(row) - len(shares))]
        np.testing.assert_allclose(row, padded, rtol=1e-15)
    same(many, loop)
    shares = [list(loop.predict_proba_one(x).values()) for x in dicts(X)]
    np.testing.assert_allclose(many.predict_proba_many(X), shares, rtol=1e-15)
    assert many.predict_many(X) == [loop.predict_one(x) for x in dicts(X)]
    same(many, loop)


@pytest.mark.parametrize("kind", ["several", "one", "exact", "horizon"])
@pytest.mark.parametrize("season", [None, (3, 7)])
def test_forecasts_are_those_of_a_loop(kind, season, rng):
    X, y = table(rng)
    more = KINDS | {"exact": {"network": {"gradient": "bptt"}}, "horizon": {"horizon": 1}}
    loop = Forecaster(4, season=season, **more[kind])
    many = loop.copy()
    w = rng.choice([0.0, 1.0, 2.0], N_ROWS)
    wanted = []
    for x, value, weight in zip(dicts(X), y.tolist(), w.tolist(), strict=True):
        wanted += loop.forecast(1, [x], with_dist=True)
        loop.learn_one(value, x, weight)
    cut = 23
    first = many.run(y[:cut], X[:cut], w[:cut], level=0.8)
    then = many.run(y[cut:], X[cut:], w[cut:], level=0.8)
    found, low, high = (np.concatenate(pair) for pair in zip(first, then, strict=True))
    assert found.tolist() == [d.mu for d in wanted]
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == [d.interval(0.8) for d in wanted]
    same(many, loop)


@pytest.mark.parametrize("kind", ["several", "one", "exact", "horizon"])
@pytest.mark.parametrize("n", [1, 3, 40])
@pytest.mark.parametrize("level", [None, 0.8])
def test_rows_behind_the_values_are_forecast(kind, n, level, rng):
    X, y = table(rng)
    more = KINDS | {"exact": {"network": {"gradient": "bptt"}}, "horizon": {"horizon": 2}}
    loop = Forecaster(4, season=7, **more[kind])
    many = loop.copy()
    for cut, end in [(0, 9), (9, 10), (10, N_ROWS - n)]:
        before = loop.forecast(n, dicts(X[:n]), with_dist=True) if not cut else None
        loop.learn_many(y[cut:end], X[cut:end])
        wanted = loop.forecast(n, dicts(X[end : end + n]), with_dist=True)
        values, rows = Table(y[cut:end], "y", one_column=True), Table(X[cut : end + n], "X")
        if before:
            none = Table(y[:0], "y", one_column=True)
            first, _ = many._run(none, Table(X[:n], "X"), np.ones(0), level)
            assert first.tolist() == [d.mu for d in before]
        found, bounds = many._run(values, rows, np.ones(end - cut), level)
        assert found[end - cut :].tolist() == [d.mu for d in wanted]
        if level is not None:
            pairs = map(tuple, bounds[end - cut :].tolist())
            assert [*pairs] == [d.interval(level) for d in wanted]
        same(many, loop)


def test_without_features_there_are_values_alone(rng):
    _, y = table(rng)
    loop, many = Forecaster(4), Forecaster(4)
    for value in y.tolist():
        loop.learn_one(value)
    many.learn_many(y)
    same(many, loop)


def test_names_that_are_new_or_gone(rng):
    X, y = table(rng)
    loop, many = Regressor(4), Regressor(4)
    parts = [((0, 1), slice(0, 20)), ((1,), slice(20, 30)), ((2, 1), slice(30, 60))]
    for names, part in parts:
        for row, value in zip(X[part].tolist(), y[part].tolist(), strict=True):
            loop.learn_one({name: row[name] for name in names}, value)
        many.learn_many({name: X[part, name] for name in names}, y[part])
    same(many, loop)
    columns = {1: X[:, 1], "never seen": X[:, 0]}
    assert many.predict_many(columns).tolist() == [
        loop.predict_one({1: row[1], "never seen": row[0]}) for row in X.tolist()
    ]


def test_a_diverging_network_is_left_out_as_in_a_loop(rng):
    X, y = table(rng, missing=False)
    loop = Regressor(4)
    for x, value in zip(dicts(X[:10]), y[:10].tolist(), strict=True):
        loop.learn_one(x, value)
    flat = loop.nets[1]._flat_parameters()
    flat[:] = 1e38
    many = loop.copy()
    for x, value in zip(dicts(X[10:]), y[10:].tolist(), strict=True):
        loop.learn_one(x, value)
    many.learn_many(X[10:], y[10:])
    assert (len(loop.nets), len(many.nets)) == (3, 3)
    same(many, loop)


def test_overflowing_changes_are_those_of_a_loop():
    X = np.array([[1e308], [-1e308], [1e308], [0.0], [-1e308]])
    y = np.array([1.0, 2.0, 1.5, 0.5, 1.0])
    loop, many = Regressor(4), Regressor(4)
    for x, value in zip(dicts(X), y.tolist(), strict=True):
        loop.learn_one(x, value)
    many.learn_many(X, y)
    same(many, loop)
    assert math.isfinite(many.predict_one({0: 1e308}))


@pytest.mark.parametrize("frames", ["pandas", "polars", "pyarrow"])
def test_frames_are_columns_by_name(frames, rng):
    X, y = table(rng)
    columns = {"a": X[:, 0], "b": X[:, 1]}
    loop, many = Regressor(4), Regressor(4)
    loop.learn_many(columns, y)
    if frames == "pandas":
        pandas = pytest.importorskip("pandas")
        many.learn_many(pandas.DataFrame(columns), pandas.Series(y))
    elif frames == "polars":
        polars = pytest.importorskip("polars")
        many.learn_many(polars.DataFrame(columns), polars.Series(y))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        many.learn_many(pyarrow.table(columns), pyarrow.array(y))
    same(many, loop)


def test_what_is_missing_is_missing_in_columns_too(rng):
    X, y = table(rng, missing=False)
    a = [None if k % 5 == 0 else value for k, value in enumerate(X[:, 0].tolist())]
    masked = np.ma.array(X[:, 1], mask=X[:, 1] > 0)
    loop, many = Regressor(4), Regressor(4)
    for k in range(N_ROWS):
        loop.learn_one({"a": a[k], "b": None if masked.mask[k] else X[k, 1]}, y[k].item())
    many.learn_many({"a": a, "b": masked}, y)
    same(many, loop)


@pytest.mark.parametrize(
    ("X", "y", "more", "sentence"),
    [
        ([[1.0], [2.0]], [1.0], {}, "y has 1 rows and X 2, wanted as many"),
        ([1.0, 2.0], [1.0, 2.0], {}, r"X has shape \(2,\), wanted \(n_rows, n_columns\)"),
        ({"a": [1.0, 2.0], "b": [1.0]}, [1.0, 2.0], {}, r"column 'b' of X has shape \(1,\)"),
        ([[1.0], [math.inf]], [1.0, 2.0], {}, "X has inf in column 0 at row 1, wanted finite"),
        ([[1.0], [2.0]], [1.0, -math.inf], {}, "y has -inf at row 1, wanted finite"),
        ([[1.0], [2.0]], [1.0, 2.0], {"w": [1.0]}, "w has 1 rows and X 2, wanted as many"),
        ([[1.0], [2.0]], [1.0, 2.0], {"w": -1.0}, "w is -1.0, wanted a finite number"),
        ([[1.0], [2.0]], [1.0, 2.0], {"level": 1.0}, "level is 1.0, wanted a number between"),
    ],
)
def test_what_cannot_be_rows_changes_nothing(X, y, more, sentence):
    model = Regressor(4)
    model.learn_many([[1.0], [2.0]], [0.5, 0.25])
    before = model.to_bytes()
    with pytest.raises(ValueError, match=sentence):
        model.run(X, y, **more)
    assert model.to_bytes() == before


def test_no_rows_are_no_rows():
    model = Regressor(4)
    assert model.run(np.empty((0, 2)), []).shape == (0,)
    assert Classifier(4).run(np.empty((0, 2)), []).shape == (0, 0)
    assert Forecaster(4).run([]).shape == (0,)
    assert model.predict_many(np.zeros((3, 1))).tolist() == [0.0, 0.0, 0.0]


def test_late_targets_come_with_their_rows(rng):
    X, y = table(rng)
    loop, many = Regressor(4, delay=2), Regressor(4, delay=2)
    wanted = []
    for x, value in zip(dicts(X), y.tolist(), strict=True):
        wanted.append(loop.predict_one(x))
        loop.learn_one(x, value)
    assert many.run(X, y).tolist() == wanted
    same(many, loop)


def test_a_schedule_that_fails_leaves_the_rows_before(rng):
    X, _ = table(rng)

    def schedule(k):
        if k > 20:
            raise RuntimeError("no more")
        return 1.0

    model = Regressor(4, optimizer=default_optimizer().__class__(1e-3, schedule=schedule))
    with pytest.raises(RuntimeError, match="no more"):
        model.learn_many(X, np.arange(N_ROWS, dtype=float))
    assert model.n_steps == 22  # the first row has no last target to start from, and no update


def test_columns_of_text_and_none_are_those_of_a_loop():
    """Text makes indicators; a column without any value may still become text, or numbers."""
    table = {
        "color": ["red", "blue", None, "red"] * 5,
        "size": np.arange(20.0),
        "empty": np.full(20, math.nan),
        "late": [math.nan] * 10 + [1.0, 2.0] * 5,
    }
    y = np.sin(np.arange(20))
    loop, many = Regressor(4), Regressor(4)
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    for x, value in zip(rows, y.tolist(), strict=True):
        loop.learn_one(x, value)
    many.learn_many(table, y)
    same(many, loop)
    numbers = {name: table[name] for name in ("size", "empty", "late")}
    loop, many = Regressor(4), Regressor(4)
    for x, value in zip(rows, y.tolist(), strict=True):
        loop.learn_one({name: x[name] for name in numbers}, value)
    many.learn_many(numbers, y)
    same(many, loop)
    with pytest.raises(TypeError, match="feature 'size' is 'x', wanted a number as before"):
        many.learn_many({"size": ["x"]}, [1.0])
