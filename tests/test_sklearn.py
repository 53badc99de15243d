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

from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from pylstm.sklearn import LSTMClassifier, LSTMForecaster, LSTMRegressor

MODELS = {"regressor": LSTMRegressor, "classifier": LSTMClassifier, "forecaster": LSTMForecaster}

# Checks of scikit-learn that fail, each with its reason.
EXEMPT = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows are learned one after the other: a step twice as long is not two steps"
    ),
}
# And where rows are ordered.
EXEMPT_IN_ORDER = {
    **EXEMPT,
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
        LSTMRegressor(feedback=False),
        LSTMRegressor(ordered=False),
        LSTMClassifier(),
        LSTMClassifier(ordered=False),
        LSTMForecaster(),
    ):
        for k, (_, check) in enumerate(estimator_checks_generator(model, mark=None)):
            yield pytest.param(model, check, id=f"{model}-{k}-{check.func.__name__}")


@pytest.mark.parametrize(("model", "check"), list(all_checks()))
@pytest.mark.filterwarnings("ignore:predict has been given")
def test_check_of_sklearn(model, check):
    exempt = EXEMPT_IN_ORDER if getattr(model, "ordered", True) else EXEMPT
    if check.func.__name__ in exempt:
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
    model = LSTMRegressor(n_cells=6, feedback=feedback, random_state=2).fit(X[:40], y[:40])
    bare = estimators.Regressor(n_cells=6, feedback=feedback, seed=2)
    for x, value in zip(by_column(X[:40]), y[:40].tolist(), strict=True):
        bare.learn_one(x, value)
    assert everything(model.estimator_) == everything(bare)
    assert model.predict(X[40:]).tolist() == bare.predict_following(by_column(X[40:]))


def test_classifier_is_the_one_behind(rng):
    X, y = table(rng)
    y = np.array(labels(y))
    model = LSTMClassifier(n_cells=6).fit(X[:40], y[:40])
    bare = estimators.Classifier(n_cells=6)
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
    with pytest.warns(UserWarning, match="the mean stands for features 0, 1"):
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
        with pytest.warns(UserWarning, match="the mean stands for feature 0 in"):
            assert model.forecast(20).tolist() == bare.forecast(20)
    model.save(tmp_path / "model.safetensors")
    assert pylstm.load(tmp_path / "model.safetensors").predict(frame[40:]).tolist() == wanted
    with pytest.raises(ValueError, match=r"X has time stamps in columns \[\], wanted \[1\]"):
        model.predict(X[:, :2])
    for kind, targets in ((LSTMRegressor, y), (LSTMClassifier, np.array(labels(y)))):
        model = kind(4, calendar="day").fit(frame[:40], targets[:40])
        assert model.estimator_.net.n_inputs >= 2 * 7
        assert len(model.predict(frame[40:])) == 20


def test_time_stamps_are_seconds_without_a_calendar(rng):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = table(rng)
    stamps = pd.date_range("2024-03-01", periods=60, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame(X[:, :1], columns=["a"]).assign(time=stamps)
    frame.loc[3, "time"] = pd.NaT
    seconds = np.array(stamps.as_unit("s").asi8, float)
    seconds[3] = math.nan
    wanted = LSTMRegressor(4).fit(np.c_[X[:, :1], seconds], y)
    for given in (frame, frame.to_numpy(object)):
        assert everything(LSTMRegressor(4).fit(given, y).estimator_) == everything(
            wanted.estimator_
        )


def test_a_series_without_features_and_features_without_values(rng):
    X, y = table(rng)
    alone = LSTMForecaster(4).fit(y=y)
    assert everything(alone.estimator_) == everything(LSTMForecaster(4).fit(None, y).estimator_)
    model, wanted = (LSTMForecaster(4).fit(X, y) for _ in range(2))
    model.partial_fit(X[:9])
    wanted.partial_fit(X[:9], np.full(9, math.nan))
    assert everything(model.estimator_) == everything(wanted.estimator_)


COLOURS = np.array(["red", "blue", "green", "blue"])[np.arange(60) % 4]


@pytest.mark.parametrize("kind", ["object", "category", "string", "array", "strings", "list"])
def test_columns_of_text(kind, tmp_path, rng):
    """The same as the estimator behind, given the text."""
    X, y = table(rng)
    rows = [{0: a, 1: colour} for a, colour in zip(X[:, 0].tolist(), COLOURS.tolist(), strict=True)]
    rows[5][1] = None if kind != "strings" else rows[5][1]
    given = np.array([list(row.values()) for row in rows], object)
    if kind in ("object", "category", "string"):
        pd = pytest.importorskip("pandas", reason="pandas is not installed")
        given = pd.DataFrame({"n": X[:, 0], "colour": pd.Series(given[:, 1], dtype=kind)})
    elif kind == "strings":
        given = given.astype(str)
    elif kind == "list":
        given = given.tolist()
    model = LSTMRegressor(4).fit(given[:40], y[:40])
    bare = estimators.Regressor(4)
    for x, value in zip(rows[:40], y[:40].tolist(), strict=True):
        bare.learn_one(x, value)
    assert everything(model.estimator_) == everything(bare)
    wanted = bare.predict_following(rows[40:])
    model.save(tmp_path / "model.safetensors")
    for one in (model, pylstm.load(tmp_path / "model.safetensors")):
        assert one.predict(given[40:]).tolist() == wanted
    forecaster = LSTMForecaster(4).fit(given[:40], y[:40])
    bare = estimators.Forecaster(4)
    for x, value in zip(rows[:40], y[:40].tolist(), strict=True):
        bare.learn_one(value, x)
    assert forecaster.predict(given[40:]).tolist() == bare.forecast(20, rows[40:])


def test_text_beside_a_column_of_ids(rng):
    X, y = table(rng)
    given = np.c_[COLOURS.astype(object), X[:, :1], IDS]
    model = LSTMRegressor(4, n_epochs=1, sequence_column=2).fit(given, y)
    wanted = LSTMRegressor(4, n_epochs=1).fit(given[:, :2], y, sequence=IDS)
    assert everything(model.estimator_) == everything(wanted.estimator_)


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (["new", 3.0], "feature 0 is 3.0, wanted text as before"),
        ([3.0, 3.0], "feature 0 is 3.0, wanted text as before"),
        (["new", "12"], "feature 0 is '12', which reads as a number"),
        ([f"value {k}" for k in range(1001)], "after 1000 other values, wanted at most 1000"),
    ],
)
def test_text_that_is_refused_changes_nothing(column, wanted, rng):
    X, y = table(rng)
    model = LSTMRegressor(2, optimizer="sgd").fit(np.c_[COLOURS.astype(object), X[:, :1]], y)
    before = everything(model.estimator_)
    more = np.array([[value, 1.0] for value in column], object)
    calls = [model.partial_fit]
    calls += [model.fit] if column[0] != column[-1] else []
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=wanted):
            call(more, np.ones(len(more)))
    assert everything(model.estimator_) == before


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
    model = MODELS[name](n_cells=6, n_epochs=2, random_state=3).fit(X, wanted, lengths)
    bare = getattr(estimators, name.capitalize())(n_cells=6, feedback=False, seed=3)
    order = np.random.default_rng(3)
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
    bare.reset()
    assert everything(model.estimator_) == everything(bare)
    found = model.predict(X, lengths)
    assert found.shape == ((60,) if one_a == "row" else (5,))
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
    bare = estimators.Regressor(n_cells=6)
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
    grid = {"n_cells": [2, 4], "optimizer__learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(LSTMRegressor(), grid, cv=TimeSeriesSplit(3)).fit(X, y)
    best = search.best_estimator_
    assert best.n_cells in (2, 4)
    assert best.net.optimizer.learning_rate == search.best_params_["optimizer__learning_rate"]


# ---------------------------------------------------------------- sequences by an id a row

IDS = np.array(["b", "a", "c"])[np.arange(60) % 7 % 3]  # rows of one are not side by side


def gathered():
    """The rows by sequence, in the order of their first, and how many each has."""
    parts = [np.flatnonzero(name == IDS) for name in "bac"]
    return np.concatenate(parts), [len(part) for part in parts]


@pytest.mark.parametrize("name", ["regressor", "classifier"])
@pytest.mark.parametrize("one_a", ["row", "sequence"])
def test_an_id_a_row_is_what_lengths_are(name, one_a, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    order, lengths = gathered()
    y_of_rows, y_gathered = (y, y[order]) if one_a == "row" else (y[:3], y[:3])
    wanted = MODELS[name](4, n_epochs=2).fit(X[order], y_gathered, lengths)
    model = MODELS[name](4, n_epochs=2).fit(X, y_of_rows, sequence=IDS)
    assert everything(model.estimator_) == everything(wanted.estimator_)
    predict = "predict_proba" if name == "classifier" else "predict"
    found = getattr(model, predict)(X, sequence=IDS)
    found = found[order] if one_a == "row" else found
    assert np.array_equal(found, getattr(wanted, predict)(X[order], lengths))
    more = MODELS[name](4, n_epochs=2).fit(X, y_of_rows, sequence=IDS.tolist())
    assert everything(more.estimator_) == everything(wanted.estimator_)


@pytest.mark.parametrize("kind", ["number", "from the end", "name", "objects", "scaled"])
def test_a_column_of_ids(kind, tmp_path, rng):
    X, y = table(rng)
    numbers = np.unique(IDS, return_inverse=True)[1]
    column, table_of = -1, np.c_[X, numbers]
    if kind == "number":
        column = 3
    elif kind == "name":
        pd = pytest.importorskip("pandas", reason="pandas is not installed")
        column, table_of = "id", pd.DataFrame(X, columns=list("xyz")).assign(id=IDS)
    elif kind == "objects":
        table_of = np.c_[X.astype(object), IDS]
    wanted = LSTMRegressor(4, n_epochs=2).fit(X, y, sequence=IDS)
    model = LSTMRegressor(4, n_epochs=2, sequence_column=column)
    if kind == "scaled":
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        wanted = clone(wanted).fit(X, y, sequence=IDS)
        pipeline = make_pipeline(StandardScaler(), model).fit(table_of, y)
        assert np.allclose(pipeline.predict(table_of), wanted.predict(X, sequence=IDS))
        return
    model.fit(table_of, y)
    assert everything(model.estimator_) == everything(wanted.estimator_)
    model.save(tmp_path / "model.safetensors")
    for one in (model, pylstm.load(tmp_path / "model.safetensors")):
        assert one.sequence_column_ == 3
        assert one.n_features_in_ == 4
        if kind != "name":
            with pytest.raises(ValueError, match="expecting 4 features as input"):
                one.predict(X)
        assert np.array_equal(one.predict(table_of), wanted.predict(X, sequence=IDS))
        assert one.score(table_of, y) == wanted.score(X, y, sequence=IDS)


def test_groups_are_kept_whole_by_searches_over_pipelines(rng):
    """One label a sequence, at its last row; every fold as it would be done by hand."""
    ids = np.repeat(np.arange(30), 3)
    X = rng.normal(size=(90, 1))
    labelled = np.arange(2, 90, 3)
    y = np.full(90, None)
    y[labelled] = np.where(X[::3, 0] > 0, "yes", "no")
    folds = GroupKFold(3)
    pipeline = make_pipeline(StandardScaler(), LSTMClassifier(4, sequence_column=0, n_epochs=3))
    grid = {"lstmclassifier__optimizer__learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(pipeline, grid, cv=folds, error_score="raise")
    search.fit(np.c_[ids, X], y, groups=ids)
    for k, rate in enumerate((1e-3, 1e-2)):
        optimizer = LSTMClassifier().set_params(optimizer__learning_rate=rate).optimizer
        for fold, (train, test) in enumerate(folds.split(X, groups=ids)):
            scaler = StandardScaler().fit(X[train])
            model = LSTMClassifier(4, optimizer=optimizer, n_epochs=3)
            model.fit(scaler.transform(X[train]), y[train], [3] * 20)
            found = model.predict(scaler.transform(X[test]), [3] * 10)[2::3]
            right = np.mean(found == y[test][2::3])
            assert search.cv_results_[f"split{fold}_test_score"][k] == pytest.approx(right)


def test_ids_are_routed_to_every_method(rng):
    X, y = table(rng)
    ids = np.repeat(np.arange(12), 5)
    column = LSTMRegressor(4, sequence_column=0, n_epochs=2)
    wanted = cross_validate(column, np.c_[ids, X], y, groups=ids, cv=GroupKFold(3))["test_score"]
    with config_context(enable_metadata_routing=True):
        more = {"groups": ids, "sequence": ids}
        found = cross_validate(LSTMRegressor(4, n_epochs=2), X, y, params=more, cv=GroupKFold(3))
        search = GridSearchCV(LSTMRegressor(4, n_epochs=2), {"n_cells": [4]}, cv=GroupKFold(3))
        score = search.fit(X, y, **more).cv_results_["mean_test_score"][0]
        pipeline = make_pipeline(StandardScaler(), LSTMRegressor(4, n_epochs=2))
        predicted = pipeline.fit(X, y, sequence=ids).predict(X, sequence=ids)
    by_column = make_pipeline(StandardScaler(), column).fit(np.c_[ids, X], y)
    assert np.allclose(predicted, by_column.predict(np.c_[ids, X]))
    assert found["test_score"].tolist() == wanted.tolist()
    assert score == pytest.approx(wanted.mean())


def test_after_sequences_the_rows_given_alone_are_one(rng):
    X, y = table(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no word of rows that seem to stand alone
        model = LSTMRegressor(4, n_epochs=1).fit(X, y, [20, 40])
        for k in range(0, 60, 5):
            rows = X[k : k + 5]
            assert np.array_equal(model.predict(rows), model.predict(rows, [5]))
    model.fit(X, y[:2], [20, 40])
    assert model.predict(X[:20]).tolist() == model.predict(X, [20, 40])[:1].tolist()


def test_what_tells_no_sequences_apart_is_refused_and_changes_nothing(rng):
    X, y = table(rng)
    model = LSTMRegressor(4, n_epochs=1).fit(X, y, sequence=IDS)
    before = everything(model.estimator_)
    missing = IDS.astype(object)
    missing[3] = None
    for more, wanted in (
        ({"lengths": [60], "sequence": IDS}, "lengths and sequence are given, wanted one of them"),
        ({"sequence": IDS[:59]}, r"sequence has shape \(59,\), wanted an id for each of 60 rows"),
        ({"sequence": missing}, "the sequence of row 3 is None, wanted an id"),
    ):
        for call in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=wanted):
                call(X, y, **more)
        with pytest.raises(ValueError, match=wanted):
            model.predict(X, **more)
    for values in (y[:4], y[:59]):
        with pytest.raises(ValueError, match=r"wanted one for each of the 60 rows of X or of the"):
            model.fit(X, values, sequence=IDS)
    with pytest.raises(ValueError, match=r"y has 3 entries, wanted one for each of the 60 rows"):
        model.fit(X, y[:3])
    with pytest.raises(ValueError, match=r"one target a sequence, wanted feedback=False"):
        clone(model).set_params(feedback=True).fit(X, y[:3], sequence=IDS)
    for column in (3, -4, "id", True, 1.0):
        with pytest.raises(ValueError, match="wanted the number of one of the 3 columns of X"):
            LSTMRegressor(sequence_column=column).fit(X, y)
    with pytest.raises(ValueError, match="sequence and sequence_column are given"):
        LSTMRegressor(sequence_column=0).fit(X, y, sequence=IDS)
    assert everything(model.estimator_) == before


# ---------------------------------------------------------------- rows without a target


def missing_targets(y, name, kind):
    """Targets of which rows 3 and 20 to 29 have none, each kind of it."""
    gap = [3, *range(20, 30)]
    if kind == "masked":
        return np.ma.MaskedArray(y, np.isin(np.arange(60), gap)), gap
    if kind == "nullable":
        pd = pytest.importorskip("pandas", reason="pandas is not installed")
        column = pd.Series(y).astype("Float64" if y.dtype.kind == "f" else "string")
        column[gap] = pd.NA
        return column, gap
    column = y.astype(object)
    column[gap] = None if kind == "None" else math.nan
    return column.astype(float) if kind == "NaN" and y.dtype.kind == "f" else column, gap


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("kind", ["NaN", "None", "masked", "nullable"])
def test_rows_without_target_are_passed_over(name, kind, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    values, gap = missing_targets(y, name, kind)
    model = MODELS[name](4).fit(X, values)
    bare = getattr(estimators, name.capitalize())(4)
    codes = y.tolist()
    if name == "classifier":
        assert model.classes_.tolist() == ["high", "low", "middle"]
        codes = np.unique(y, return_inverse=True)[1].tolist()
        bare.expect(range(3))
    for k, x in enumerate(by_column(X)):
        target = None if k in gap else codes[k]
        bare.learn_one(*((target, x) if name == "forecaster" else (x, target)))
    assert everything(model.estimator_) == everything(bare)
    there = np.delete(np.arange(60), gap)
    metric = accuracy_score if name == "classifier" else r2_score
    assert model.score(X, values) == metric(y[there], model.predict(X)[there])
    parts = MODELS[name](4)
    first = {"classes": np.unique(y)} if name == "classifier" else {}
    parts.partial_fit(X[:5], values[:5], **first).partial_fit(X[5:], values[5:])
    assert everything(parts.estimator_) == everything(bare)


def test_labels_that_are_numbers_stay_numbers_beside_what_is_missing(rng):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X, _ = table(rng)
    for values, wanted in (
        (pd.Series([1, None, 2] * 20, dtype="Int64"), [1, 2]),
        (np.array([1, np.nan, 2] * 20, np.float32), [1.0, 2.0]),
        (pd.Series([True, None, False] * 20, dtype="boolean"), [False, True]),
        (pd.Series(["u", None, "d"] * 20, dtype="category"), ["d", "u"]),
        (pd.Series([1, 2, 1] * 20, dtype="category"), [1, 2]),
        (pd.Series([1, 2, 1] * 20, dtype="Int64"), [1, 2]),
    ):
        classes = LSTMClassifier(2).fit(X, values).classes_.tolist()
        assert [(c, type(c)) for c in classes] == [(c, type(c)) for c in wanted]


@pytest.mark.parametrize("dtype", ["M8[ns]", "M8[D]", "m8[s]", "T", "U3", "u8", "f2"])
def test_labels_of_every_type_are_saved(dtype, tmp_path, rng):
    X, _ = table(rng)
    y = np.array(["1", "300", "21"] * 20)
    y = y.astype(np.dtypes.StringDType() if dtype == "T" else dtype if dtype[0] == "U" else "i8")
    y = y if dtype in ("T", "U3") else y.astype(dtype)
    model = LSTMClassifier(2, optimizer="sgd").fit(X, y)
    model.save(tmp_path / "model.safetensors")
    other = pylstm.load(tmp_path / "model.safetensors")
    assert other.classes_.dtype == model.classes_.dtype
    assert np.array_equal(other.predict(X), model.predict(X))
    assert set(other.predict(X).tolist()) <= set(y.tolist())


def test_labels_no_file_holds_are_refused(rng):
    X, _ = table(rng)
    y = np.array([1, 2] * 30, np.longdouble)
    if y.itemsize == 8:
        pytest.skip("long doubles are doubles here")
    for call in (LSTMClassifier().fit, lambda X, y: LSTMClassifier().partial_fit(X, y, y)):
        with pytest.raises(ValueError, match=r"y has labels of type float.*, wanted numbers of at"):
            call(X, y)


@pytest.mark.parametrize("name", ["regressor", "classifier"])
def test_the_stream_goes_on_where_no_targets_come(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    model = MODELS[name](4, feedback=False).fit(X[:30], y[:30])
    predict = "predict_proba" if name == "classifier" else "predict"
    wanted = getattr(model, predict)(X[30:])
    model.partial_fit(X[30:40])
    assert np.array_equal(getattr(model, predict)(X[40:]), wanted[10:])


@pytest.mark.parametrize("name", list(MODELS))
def test_no_target_at_all_is_refused(name, rng):
    X, _ = table(rng)
    with pytest.raises(ValueError, match="y has no target, wanted at least one"):
        MODELS[name](2).fit(X, np.full(60, np.nan))
    with pytest.raises(ValueError, match=r"requires y to be passed, but the target y is None"):
        MODELS[name](2).fit(X, None)


# ---------------------------------------------------------------- several targets


@pytest.mark.parametrize("kind", ["array", "objects", "masked", "frame"])
def test_several_targets_are_columns(kind, tmp_path, rng):
    X, y = table(rng)
    both = np.c_[y, -2 * y]
    both[3, 0] = both[7] = math.nan
    given = both
    if kind == "objects":
        given = np.where(np.isnan(both), None, both.astype(object))
    elif kind == "masked":
        given = np.ma.MaskedArray(np.nan_to_num(both), np.isnan(both))
    elif kind == "frame":
        pd = pytest.importorskip("pandas", reason="pandas is not installed")
        given = pd.DataFrame(both, columns=["a", "b"]).astype("Float64")
    model = LSTMRegressor(4).fit(X[:40], given[:40])
    bare = estimators.Regressor(4)
    for x, value in zip(by_column(X[:40]), both[:40].tolist(), strict=True):
        bare.learn_one(x, None if np.isnan(value).all() else value)
    assert everything(model.estimator_) == everything(bare)
    wanted = np.array(bare.predict_following(by_column(X[40:])))
    model.save(tmp_path / "model.safetensors")
    for one in (model, pylstm.load(tmp_path / "model.safetensors")):
        assert np.array_equal(one.predict(X[40:]), wanted)
    found = model.predict(X)
    columns = [r2_score(t[~np.isnan(t)], f[~np.isnan(t)]) for t, f in zip(both.T, found.T)]  # noqa: B905
    assert model.score(X, given) == pytest.approx(np.mean(columns))
    before = everything(model.estimator_)
    for bad, message in (
        (np.c_[both, y], "y has 3 targets, wanted 2 as before"),
        (np.r_[math.nan, y[1:]], "wanted an array of numbers as before"),
        (np.where(both > 0, math.inf, both), "infinity"),
        (both[:9], "y has 9 entries, wanted one for each of the 60 rows of X"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            model.partial_fit(X, bad)
    assert everything(model.estimator_) == before
    with pytest.raises(ValueError, match="y has no target, wanted at least one"):
        LSTMRegressor(4).fit(X, np.full((60, 2), math.nan))


def test_several_targets_of_sequences(rng):
    X, y = table(rng)
    both = np.c_[y, -2 * y]
    ends = np.array([19, 39, 59])
    model = LSTMRegressor(4, n_epochs=2).fit(X, both[ends], [20, 20, 20])
    one_a_row = np.full((60, 2), math.nan)
    one_a_row[ends] = both[ends]
    other = LSTMRegressor(4, n_epochs=2).fit(X, one_a_row, sequence=np.repeat([1, 2, 3], 20))
    assert everything(model.estimator_) == everything(other.estimator_)
    found = model.predict(X, [20, 20, 20])
    assert found.shape == (3, 2)
    assert np.array_equal(found, other.predict(X, sequence=np.repeat([1, 2, 3], 20))[ends])
    assert np.isfinite(model.score(X, both[ends], lengths=[20, 20, 20]))


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize("name", list(MODELS))
def test_weights_are_those_of_the_estimator_behind(name, rng):
    X, y = table(rng)
    y = np.array(labels(y)) if name == "classifier" else y
    weights = rng.uniform(0, 2, 60) * (np.arange(60) % 5 > 0)
    bare = getattr(estimators, name.capitalize())(4)
    codes = y.tolist()
    if name == "classifier":
        codes = np.unique(y, return_inverse=True)[1].tolist()
        bare.expect(range(3))
    for x, value, weight in zip(by_column(X), codes, weights.tolist(), strict=True):
        bare.learn_one(*((value, x) if name == "forecaster" else (x, value)), weight)
    model = MODELS[name](4).fit(X, y, sample_weight=weights)
    assert everything(model.estimator_) == everything(bare)
    parts = MODELS[name](4)
    first = {"classes": np.unique(y)} if name == "classifier" else {}
    parts.partial_fit(X[:9], y[:9], sample_weight=weights[:9], **first)
    parts.partial_fit(X[9:], y[9:], sample_weight=weights[9:])
    assert everything(parts.estimator_) == everything(bare)
    before = everything(model.estimator_)
    for bad in (weights[1:], -weights, weights[:, None], np.full(60, math.nan)):
        for call in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match="sample_weight"):
                call(X, y, sample_weight=bad)
    assert everything(model.estimator_) == before
    if name == "forecaster":
        return
    # One a sequence, where targets are: the rows before it are seen with none.
    some = MODELS[name](4, n_epochs=1, shuffle=False).fit(X, y[:3], [20] * 3, None, [1, 0, 2])
    targets = np.full(60, None)
    targets[19::20] = y[:3]
    full = np.ones(60)
    full[39], full[59] = 0, 2
    model = MODELS[name](4, n_epochs=1, shuffle=False).fit(X, targets, [20] * 3, None, full)
    assert everything(some.estimator_) == everything(model.estimator_)


# ---------------------------------------------------------------- parameters


def test_one_default_of_feedback_in_every_adapter(rng):
    X, y = table(rng)
    model = LSTMRegressor(4).fit(X, y)
    assert model.estimator_.feedback == estimators.Regressor().feedback
    assert not LSTMRegressor(4, n_epochs=1).fit(X, y, [30, 30]).estimator_.feedback


def test_optimizers_by_name(rng):
    X, y = table(rng)
    for name, kind in (("sgd", pylstm.SGD), ("adam", pylstm.Adam), ("rmsprop", pylstm.RMSprop)):
        model = LSTMRegressor(2, optimizer=name).fit(X, y)
        assert model.get_params()["optimizer"] == name
        assert [type(net.optimizer) for net in model.nets] == [kind]
        changed = model.set_params(optimizer__learning_rate=0.03, optimizer__clip_norm=2.0)
        assert type(changed.optimizer) is kind
        assert changed.get_params()["optimizer__learning_rate"] == 0.03
        assert changed.fit(X, y).net.optimizer.clip_norm == 2.0
    both = LSTMForecaster().set_params(optimizer__learning_rate=0.5, optimizer="sgd")
    assert both.optimizer == pylstm.SGD(0.5)
    with pytest.raises(ValueError, match="optimizer is 'adagrad', wanted one of 'sgd'"):
        LSTMRegressor(optimizer="adagrad").fit(X, y)
    with pytest.raises(ValueError, match="optimizer__rate is set, wanted a field of SGD"):
        both.set_params(optimizer__rate=1.0)


def test_random_state(tmp_path, rng):
    X, y = table(rng)

    def weights(random_state):
        model = LSTMRegressor(4, n_epochs=1, random_state=random_state).fit(X, y, [30, 30])
        return everything(model.estimator_)

    assert weights(3) == weights(np.int64(3)) != weights(4)
    assert weights(np.random.RandomState(3)) == weights(np.random.RandomState(3))
    assert weights(None) != weights(None)
    bare = estimators.Regressor(4, seed=5)
    for x, value in zip(by_column(X), y.tolist(), strict=True):
        bare.learn_one(x, value)
    model = LSTMRegressor(4, random_state=5).fit(X, y)
    assert everything(model.estimator_) == everything(bare)
    assert model.net is model.estimator_.net
    assert model.nets == model.estimator_.nets
    model.set_params(random_state=None).save(tmp_path / "model.safetensors")
    assert pylstm.load(tmp_path / "model.safetensors").random_state is None
    with pytest.raises(ValueError, match="random_state is -1, wanted a whole number"):
        LSTMRegressor(random_state=-1).fit(X, y)


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


def test_sequences_side_by_side_are_refused(rng):
    X, y = table(rng)
    with pytest.raises(ValueError, match="wanted the rows of all sequences one behind the other"):
        LSTMRegressor().fit(X.reshape(20, 3, 3), y[:20])


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
