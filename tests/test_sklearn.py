"""scikit-learn's own checks, and what they do not see: time order, sequences, going on."""

import math
import pickle
import warnings
from unittest import SkipTest

import numpy as np
import pytest
from estimators import everything, labels, stream

import pylstm
from pylstm import estimators

pytest.importorskip("sklearn", reason="the extra [sklearn] is not installed")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.utils.estimator_checks import estimator_checks_generator

from pylstm.sklearn import LSTMClassifier, LSTMForecaster, LSTMRegressor

MODELS = {"regressor": LSTMRegressor, "classifier": LSTMClassifier, "forecaster": LSTMForecaster}

# Checks of scikit-learn that fail, each with its reason.
EXEMPT = {
    "check_methods_sample_order_invariance": (
        "rows are in time order: a row is predicted with the memory of those before it"
    ),
    "check_methods_subset_invariance": (
        "rows are in time order: what is left out is not in the memory of the rows after it"
    ),
}


def all_checks():
    for model in (
        LSTMRegressor(),
        LSTMRegressor(feedback=True),
        LSTMClassifier(),
        LSTMForecaster(),
    ):
        for k, (_, check) in enumerate(estimator_checks_generator(model, mark=None)):
            yield pytest.param(model, check, id=f"{model}-{k}-{check.func.__name__}")


@pytest.mark.parametrize(("model", "check"), list(all_checks()))
@pytest.mark.filterwarnings("ignore:predict has been given")
def test_check_of_sklearn(model, check):
    if check.func.__name__ in EXEMPT:
        with pytest.raises(AssertionError):
            check(clone(model))
        return
    try:
        check(clone(model))
    except SkipTest as reason:
        pytest.skip(str(reason))


def table(rng, n_rows=60):
    xs, y = stream(rng, n_rows)
    return np.array([list(x.values()) for x in xs]), np.array(y)


def by_column(X):
    return [dict(enumerate(row)) for row in X.tolist()]


# ---------------------------------------------------------------- the estimators behind


@pytest.mark.parametrize("feedback", [False, True])
def test_regressor_is_the_one_behind(feedback, rng):
    X, y = table(rng)
    X[5, 1] = math.nan
    model = LSTMRegressor(n_cells=6, feedback=feedback, seed=2).fit(X[:40], y[:40])
    bare = estimators.Regressor(n_cells=6, feedback=feedback, seed=2)
    for x, value in zip(by_column(X[:40]), y[:40].tolist(), strict=True):
        bare.learn_one(x, value)
    assert everything(model.estimator_) == everything(bare)
    assert model.predict(X[40:]).tolist() == bare.predict_following(by_column(X[40:]))


def test_classifier_is_the_one_behind(rng):
    X, y = table(rng)
    y = np.array(labels(y))
    model = LSTMClassifier(n_cells=6).fit(X[:40], y[:40])
    bare = estimators.Classifier(n_cells=6, feedback=False)
    bare.expect(range(3))
    for x, label in zip(by_column(X[:40]), y[:40], strict=True):
        bare.learn_one(x, ["high", "low", "middle"].index(label))
    assert model.classes_.tolist() == ["high", "low", "middle"]
    shares = [list(row.values()) for row in bare.predict_proba_following(by_column(X[40:]))]
    assert model.predict_proba(X[40:]).tolist() == shares
    assert set(model.predict(X[40:])) <= {"high", "low", "middle"}


def test_forecaster_is_the_one_behind(rng):
    X, y = table(rng)
    model = LSTMForecaster(n_cells=6, season=3).fit(X[:40], y[:40])
    bare = estimators.Forecaster(n_cells=6, season=3)
    for x, value in zip(by_column(X[:40]), y[:40].tolist(), strict=True):
        bare.learn_one(value, x)
    wanted = bare.forecast(20, by_column(X[40:]))
    assert model.predict(X[40:]).tolist() == model.forecast(20, X[40:]).tolist() == wanted
    assert model.forecast(20).tolist() == bare.forecast(20)


def test_forecaster_of_a_bare_series(rng):
    _, y = table(rng)
    model = LSTMForecaster(n_cells=6).fit(None, y[:40]).partial_fit(None, y[40:])
    assert model.n_features_in_ == 0
    assert np.array_equal(model.forecast(4), LSTMForecaster(n_cells=6).fit(None, y).forecast(4))
    with pytest.raises(ValueError, match="X is None, wanted the 3 features of before"):
        LSTMForecaster().fit(*table(rng)).partial_fit(None, y)


def test_columns_of_time_stamps(rng, tmp_path):
    """In a frame or an array of objects; the same as the estimator behind, given the stamps."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = table(rng)
    stamps = pd.date_range("2024-03-01", periods=60, freq="h")
    frame = pd.DataFrame(X[:, :1], columns=["a"]).assign(time=stamps)
    for zone in (None, "Europe/Berlin"):
        frame["time"] = stamps if zone is None else stamps.tz_localize("UTC").tz_convert(zone)
        model = LSTMForecaster(4, calendar=True, horizon=2, season=(2, 3)).fit(frame[:40], y[:40])
        bare = estimators.Forecaster(4, calendar=True, horizon=2, season=(2, 3))
        rows = [{0: a, 1: time} for a, time in zip(X[:, 0].tolist(), stamps, strict=True)]
        for x, value in zip(rows, y[:40].tolist(), strict=False):
            bare.learn_one(value, x)
        wanted = bare.forecast(20, rows[40:])
        assert model.predict(frame[40:]).tolist() == wanted
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            assert model.predict(frame[40:].to_numpy(object)).tolist() == wanted
        assert model.forecast(20).tolist() == bare.forecast(20)
    model.save(tmp_path / "model.safetensors")
    assert pylstm.load(tmp_path / "model.safetensors").predict(frame[40:]).tolist() == wanted
    with pytest.raises(ValueError, match=r"X has time stamps in columns \[\], wanted \[1\]"):
        model.predict(X[:, :2])
    for kind, targets in ((LSTMRegressor, y), (LSTMClassifier, np.array(labels(y)))):
        model = kind(4, calendar="day").fit(frame[:40], targets[:40])
        assert model.estimator_.net.n_inputs >= 2 * 7
        assert len(model.predict(frame[40:])) == 20


# ---------------------------------------------------------------- time order and sequences


@pytest.mark.parametrize("name", list(MODELS))
def test_partial_fit_goes_on(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    whole = MODELS[name](n_cells=6).fit(X, y)
    parts = MODELS[name](n_cells=6)
    for rows in (slice(0, 1), slice(1, 25), slice(25, 60)):
        first = {"classes": np.unique(y)} if name == "classifier" and rows.start == 0 else {}
        parts.partial_fit(X[rows], y[rows], **first)
    assert everything(parts.estimator_) == everything(whole.estimator_)


@pytest.mark.parametrize("name", list(MODELS))
def test_fit_begins_anew(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](n_cells=6).fit(X[::-1], y[::-1]).fit(X, y)
    assert everything(model.estimator_) == everything(MODELS[name](n_cells=6).fit(X, y).estimator_)


@pytest.mark.parametrize("name", list(MODELS))
def test_predict_changes_nothing(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](n_cells=6).fit(X[:40], y[:40])
    before = everything(model.estimator_)
    assert np.array_equal(model.predict(X[40:]), model.predict(X[40:]))
    assert everything(model.estimator_) == before


@pytest.mark.parametrize("name", ["regressor", "classifier"])
@pytest.mark.parametrize("one_a", ["row", "sequence"])
def test_sequences_are_learned_each_from_a_fresh_state(name, one_a, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    lengths = [7, 1, 12, 20, 20]
    ends = np.cumsum(lengths)
    wanted = y if one_a == "row" else y[ends - 1]
    model = MODELS[name](n_cells=6, n_epochs=2).fit(X, wanted, lengths)
    bare = getattr(estimators, name.capitalize())(n_cells=6, feedback=False)
    order = np.random.default_rng(0)
    codes = y.tolist()
    if name == "classifier":
        classes = sorted(set(wanted))
        codes = [classes.index(label) if label in classes else None for label in y]
        bare.expect(range(len(classes)))
    for _ in range(2):
        for sequence in order.permutation(len(ends)):
            start, end = ends[sequence] - lengths[sequence], ends[sequence]
            bare.reset()
            for k, x in enumerate(by_column(X[start:end]), start):
                bare.learn_one(x, codes[k] if one_a == "row" or k == end - 1 else None)
    assert everything(model.estimator_) == everything(bare)
    found = model.predict(X, lengths)
    assert found.shape == ((60,) if one_a == "row" else (5,))
    bare.reset()
    alone = [bare.copy() for _ in ends]
    if name == "regressor":
        parts = [
            b.predict_following(by_column(X[e - n : e]))
            for b, n, e in zip(alone, lengths, ends, strict=True)
        ]
        wanted = np.concatenate(parts)
        assert np.array_equal(found, wanted if one_a == "row" else wanted[ends - 1])
    turned = model.predict(np.concatenate([X[40:], X[:40]]), [20, 7, 1, 12, 20])
    shift = 20 if one_a == "row" else 1
    assert np.array_equal(turned, np.roll(found, shift))
    assert np.isfinite(model.score(X, found, lengths=lengths))


def test_epochs_are_passes_each_from_a_fresh_state(rng):
    X, y = table(rng)
    model = LSTMRegressor(n_cells=6, n_epochs=3).fit(X, y)
    bare = estimators.Regressor(n_cells=6, feedback=False)
    for _ in range(3):
        bare.reset()
        for x, value in zip(by_column(X), y.tolist(), strict=True):
            bare.learn_one(x, value)
    assert everything(model.estimator_) == everything(bare)


def test_epochs_of_a_forecaster(rng):
    X, y = table(rng)
    model = LSTMForecaster(n_cells=6, n_epochs=2).fit(X, y)
    bare = estimators.Forecaster(n_cells=6)
    for _ in range(2):
        bare.reset()
        for x, value in zip(by_column(X), y.tolist(), strict=True):
            bare.learn_one(value, x)
    assert everything(model.estimator_) == everything(bare)


def test_searched_over_in_time_order(rng):
    X, y = table(rng)
    search = GridSearchCV(LSTMRegressor(), {"n_cells": [2, 4]}, cv=TimeSeriesSplit(3)).fit(X, y)
    assert search.best_params_["n_cells"] in (2, 4)


# ---------------------------------------------------------------- files, bad input


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("fitted", [False, True])
def test_saved_to_a_file(name, fitted, tmp_path, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](n_cells=6, optimizer=pylstm.SGD(0.02))
    if fitted:
        model.fit(X[:40], y[:40])
    path = tmp_path / "model.safetensors"
    model.save(path)
    for other in (pylstm.load(path), MODELS[name].load(path), pickle.loads(pickle.dumps(model))):
        assert type(other) is MODELS[name]
        assert other.get_params() == model.get_params()
        if fitted:
            assert np.array_equal(other.predict(X[40:]), model.predict(X[40:]))
            other.partial_fit(X[40:], y[40:])
    behind, wanted = (clone(one)._estimator_class() for one in (other, model))
    assert everything(behind) == everything(wanted)


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [
        ([30, 29], "lengths sum to 59, wanted the 60 rows of X"),
        ([60, 0], "wanted whole numbers of at least 1"),
        ([[60]], "wanted whole numbers of at least 1"),
        ([30.0, 30.0], "wanted whole numbers of at least 1"),
    ],
)
@pytest.mark.parametrize("name", ["regressor", "classifier"])
def test_bad_lengths_are_refused_and_change_nothing(name, lengths, wanted, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](n_cells=6).fit(X, y)
    before = everything(model.estimator_)
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=wanted):
            call(X, y, lengths=lengths)
    with pytest.raises(ValueError, match=wanted):
        model.predict(X, lengths)
    assert everything(model.estimator_) == before


@pytest.mark.parametrize("name", list(MODELS))
def test_infinite_values_are_refused_and_change_nothing(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](n_cells=6).fit(X, y)
    before = everything(model.estimator_)
    X[7, 1] = math.inf
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="infinity"):
            call(X, y)
    with pytest.raises(ValueError, match="infinity"):
        model.predict(X)
    assert everything(model.estimator_) == before


def test_bad_labels_are_refused_and_change_nothing(rng):
    X, _ = table(rng)
    y = np.array(["a", "b"] * 30)
    model = LSTMClassifier(n_cells=6)
    with pytest.raises(ValueError, match="classes is None, wanted all labels at the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y contains 'b', wanted one of the classes \['a', 'c'\]"):
        model.partial_fit(X, y, classes=["a", "c"])
    model.partial_fit(X, y, classes=["c", "a", "b"])
    before = everything(model.estimator_)
    with pytest.raises(ValueError, match="y contains 'd'"):
        model.partial_fit(X, np.array(["d"] * 60))
    with pytest.raises(ValueError, match="wanted those of the first call"):
        model.partial_fit(X, y, classes=["a", "b"])
    assert everything(model.estimator_) == before


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("n_epochs", [0, 1.5, True])
def test_bad_epochs_are_refused(name, n_epochs, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    with pytest.raises(ValueError, match=f"n_epochs is {n_epochs}, wanted a whole number"):
        MODELS[name](n_epochs=n_epochs).fit(X, y)


# ---------------------------------------------------------------- rows that stand alone


@pytest.mark.parametrize("name", ["regressor", "classifier"])
def test_rows_that_stand_alone(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](n_cells=6, ordered=False).fit(X[:40], y[:40])
    order = rng.permutation(20)
    predict = model.predict_proba if name == "classifier" else model.predict
    np.testing.assert_array_equal(predict(X[40:])[order], predict(X[40:][order]))
    np.testing.assert_array_equal(predict(X[40:])[3:4], predict(X[43:44]))


def test_a_recursive_forecast_over_rows_that_stand_alone():
    """As other libraries do it: the last values are the features, a row a call."""
    rng = np.random.default_rng(0)
    y = 10 + 3 * np.sin(np.arange(1100) * np.pi / 12) + 0.2 * rng.normal(size=1100)
    lags = 24
    X = np.array([y[t - lags : t] for t in range(lags, 1000)])
    model = LSTMRegressor(n_cells=8, ordered=False).fit(X, y[lags:1000])
    values = y[:1000].tolist()
    for _ in range(100):
        values.append(model.predict([values[-lags:]])[0])
    assert np.abs(np.array(values[1000:]) - y[1000:]).mean() < 0.5


def test_rows_that_seem_to_stand_alone_are_noticed_once(rng):
    X, y = table(rng)
    model = LSTMRegressor(n_cells=4).fit(X[:20], y[:20])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(9):
            model.predict(X[20:21])
        for k in range(30):
            model.predict(X[20 + k : 21 + k])
            model.partial_fit(X[20 + k : 21 + k], y[20 + k : 21 + k])
    for k in range(3):
        model.predict(X[k : k + 1])
    with pytest.warns(UserWarning, match="Where rows stand alone, .* give ordered=False"):
        model.predict(X[3:4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(4, 20):
            model.predict(X[k : k + 1])
